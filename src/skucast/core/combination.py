"""Combinations: the unit / channel / SKU that one series, one model and one file name belong to."""

from __future__ import annotations

import csv
import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from skucast.core.errors import InputError
from skucast.core.spelling import fold, fold_piece, without_invisible
from skucast.core.twins import twins_of
from skucast.core.words import counted

KEY = ["unit", "channel", "SKU_ID"]
"""Columns that name a combination in every frame and table."""

MAX_PART_BYTES = 200
"""Longest part as it stands in a path, in UTF-8 bytes: file systems allow 255 a name, object stores 1024 a path."""

Aliases = Mapping[str, Mapping[str, str]]
"""By column of KEY: the name that a folded spelling stands for, where that is another one than it folds to."""

NO_ALIASES: Aliases = MappingProxyType({})

_UNSAFE_IN_PATHS = re.compile(r'[%/\\:*?"<>|#\[\]\x00-\x1f\x7f]')
_SYNTAX = re.compile(r"[%/*]")
"""Characters of a target that mean something."""

_SEPARATORS = re.compile(r"[;,\r\n]")


@dataclass(frozen=True, order=True, slots=True)
class Combination:
    """One series. Parts are trimmed and NFC-normalised, so equal names are equal text.

    Raises:
        InputError: a part is empty, `.` or `..`, too long, or has a control character.
    """

    unit: str
    channel: str
    sku_id: str

    def __post_init__(self) -> None:
        for label, part in zip(KEY, (self.unit, self.channel, self.sku_id), strict=True):
            problem = name_problem(part)
            if problem:
                raise InputError(f"{label} {part!r}: {problem}")

    def __str__(self) -> str:
        return "/".join(_SYNTAX.sub(_percent, part) for part in self.parts)

    @property
    def parts(self) -> tuple[str, str, str]:
        """Unit, channel and SKU_ID, in the order of `KEY`."""
        return (self.unit, self.channel, self.sku_id)

    @property
    def path(self) -> str:
        """Relative path of the public model file, `Unit/Channel/SKU_ID.pkl`, unsafe characters percent-encoded."""
        return "/".join(encode_part(part) for part in self.parts) + ".pkl"

    @classmethod
    def clean(cls, unit: str, channel: str, sku_id: str) -> Combination:
        """Return the combination with every part trimmed and NFC-normalised."""
        return cls(clean_name(unit), clean_name(channel), clean_name(sku_id))

    @classmethod
    def parse(cls, text: str) -> Combination:
        """Return the combination written as `Unit/Channel/SKU_ID` (a `/` inside a part is `%2F`)."""
        return cls.clean(*(unquote(part) for part in _split_parts(text)))

    @classmethod
    def from_path(cls, path: str) -> Combination:
        """Return the combination whose `path` this is: the inverse of `path`."""
        parts = path.removesuffix(".pkl").split("/")
        if len(parts) != 3 or not path.endswith(".pkl"):
            raise InputError(f"model file {path!r}: expected Unit/Channel/SKU_ID.pkl")
        return cls.clean(*(unquote(part) for part in parts))


def clean_name(name: str) -> str:
    """Return the name NFC-normalised, without white space around it."""
    return unicodedata.normalize("NFC", name).strip()


def name_problem(part: str) -> str | None:
    """Return what is wrong with one part of a combination's name, or None."""
    if not part:
        return "empty; give a name"
    if part != clean_name(part):
        return "not trimmed or not NFC-normalised; use Combination.clean"
    if part in {".", ".."}:
        return "not a usable name, because it means a folder"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in part):
        return "has a control character; remove it at the source"
    invisible = [character for character in part if unicodedata.category(character) == "Cf"]
    if invisible:
        return f"has an invisible character, U+{ord(invisible[0]):04X}; remove it at the source"
    if len(encode_part(part).encode()) > MAX_PART_BYTES:
        return f"longer than {MAX_PART_BYTES} bytes in a file name; shorten it at the source"
    return None


def encode_part(part: str) -> str:
    """Return the part with characters unsafe in file or object names percent-encoded; Cyrillic and spaces stay."""
    encoded = _UNSAFE_IN_PATHS.sub(_percent, part)
    if encoded[0] in "._":  # hidden files, `_versions`
        encoded = _percent_text(encoded[0]) + encoded[1:]
    if encoded[-1] == ".":  # some file systems drop a trailing dot
        encoded = encoded[:-1] + _percent_text(".")
    return encoded


def _percent(match: re.Match[str]) -> str:
    return _percent_text(match.group())


def _percent_text(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _split_parts(item: str) -> tuple[str, str, str]:
    """The three parts as they are written: wildcards and percent-encoded characters are still told apart."""
    parts = item.split("/")
    if len(parts) != 3 or not all(part.strip() for part in parts):
        raise InputError(
            f"target {item!r}: expected Unit/Channel/SKU_ID, three parts, found {sum(bool(p.strip()) for p in parts)}; "
            "write * for any, %2F and %2A for a slash and a star inside a name"
        )
    return (parts[0], parts[1], parts[2])


# --- Targets: which combinations a run is about ---------------------------------------------------------------------


def parse_targets(text: str) -> list[str]:
    """Return the items of a target list, unresolved: each is `Unit/Channel/SKU_ID` with `*` allowed inside a part.

    Accepts items separated by `;`, `,` or new lines, a JSON list (for names that hold a separator) or `@file.csv`
    (columns unit, channel, SKU_ID, or one item a line).

    Raises:
        InputError: nothing in the list, an item without three parts or with a part that no name can be, or a file that
            cannot be read.
    """
    stripped = text.strip()
    if stripped.startswith("@"):
        items = _targets_from_file(Path(stripped[1:].strip()))
    elif stripped.startswith("["):
        items = _targets_from_json(stripped)
    else:
        items = _SEPARATORS.split(stripped)
    items = [item.strip() for item in items if item.strip()]
    if not items:
        raise InputError("set but empty: name at least one Unit/Channel/SKU_ID, or */*/* for all")
    for item in items:
        _check_item(item)
    return items


def _check_item(item: str) -> None:
    for label, part in zip(KEY, _split_parts(item), strict=True):
        problem = None if "*" in part else name_problem(clean_name(without_invisible(unquote(part))))
        if problem:
            raise InputError(f"target {item!r}: {label} {unquote(part)!r}: {problem}")


def _targets_from_json(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not a valid JSON list: {error}") from None
    if not all(isinstance(item, str) for item in items):
        raise InputError('a JSON list of targets holds texts only, like ["Unit/Channel/SKU_ID"]')
    return list(items)


def _targets_from_file(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"file {path}: cannot be read ({error}); give a UTF-8 CSV with unit, channel, SKU_ID"
        ) from None
    header = [name.strip() for name in next(csv.reader(lines[:1]), [])]
    if set(KEY) <= set(header):
        rows = csv.DictReader(lines, fieldnames=header)
        next(rows)
        return ["/".join((row[name] or "").replace("%", "%25").replace("/", "%2F") for name in KEY) for row in rows]
    return lines


def resolve_targets(
    items: Sequence[str], known: Iterable[Combination], aliases: Aliases = NO_ALIASES
) -> list[Combination]:
    """Return the known combinations that the items name, in this or another spelling, sorted, each once.

    Raises:
        InputError: an item that names none of the known ones; the closest matches are listed.
    """
    known = sorted(known)
    chosen: set[Combination] = set()
    unknown = []
    for item in items:
        matches = _matches(item, known) or _matches_folded(item, known, aliases)
        chosen.update(matches)
        if not matches:
            unknown.append(_unknown_text(item, known))
    if unknown:
        raise InputError(f"TARGET_COMBINATIONS: {'; '.join(unknown)}")
    return sorted(chosen)


def matching(items: Sequence[str], known: Sequence[Combination]) -> list[Combination]:
    """Return the known combinations that any of the items names, in this or another spelling; it may be none."""
    return sorted(
        {each for item in items for each in _matches(item, known) or _matches_folded(item, known, NO_ALIASES)}
    )


def _matches(item: str, known: Sequence[Combination]) -> list[Combination]:
    patterns = [_pattern(part) for part in _split_parts(item)]
    return [c for c in known if all(p.fullmatch(part) for p, part in zip(patterns, c.parts, strict=True))]


def _matches_folded(item: str, known: Sequence[Combination], aliases: Aliases) -> list[Combination]:
    """Those that it names but for safe differences of spelling, or by a name that was merged into theirs."""
    patterns = [
        _folded_pattern(part, aliases.get(name, {})) for name, part in zip(KEY, _split_parts(item), strict=True)
    ]
    return [c for c in known if all(p.fullmatch(fold(part)) for p, part in zip(patterns, c.parts, strict=True))]


def _folded_pattern(part: str, aliases: Mapping[str, str]) -> re.Pattern[str]:
    if "*" not in part:
        folded = fold(unquote(part))
        return re.compile(re.escape(fold(aliases[folded]) if folded in aliases else folded))
    return re.compile(".*".join(re.escape(fold_piece(unquote(piece))) for piece in part.strip().split("*")))


def _pattern(part: str) -> re.Pattern[str]:
    pieces = clean_name(part).split("*")
    return re.compile(".*".join(re.escape(unicodedata.normalize("NFC", unquote(piece))) for piece in pieces))


def _unknown_text(item: str, known: Sequence[Combination]) -> str:
    names = [str(combination) for combination in known]
    near = nearest(item, names)
    known_ones = f"{counted(len(names), 'combination')} known, none alike"
    star = "; %2A is a star inside a name, write * for any" if "%2a" in item.lower() else ""
    return f"unknown {item!r} ({f'closest: {as_targets(near)}' if near else known_ones}{star})"


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """Return up to three of the names that are most like this one, the most alike first; none if none is.

    Case, look-alike letters and the like make no difference; names that may be the same one come first.
    """
    spelt: dict[str, list[str]] = {}
    for each in names:
        spelt.setdefault(fold(each), []).append(each)
    near = difflib.get_close_matches(fold(name), list(spelt), n=3, cutoff=0.3)
    found = dict.fromkeys([*twins_of(name, names), *(each for folded in near for each in spelt[folded])])
    return list(found)[:3]


def as_targets(names: Sequence[str]) -> str:
    """Return the names as a list that can be given as targets: as JSON where a name holds what separates names."""
    is_plain = not any(_SEPARATORS.search(name) or name[0] in "[@" for name in names)
    return ", ".join(names) if is_plain else json.dumps(names, ensure_ascii=False)
