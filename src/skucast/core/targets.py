"""Targets: which combinations a run is about, by name, by pattern, by a word for what is to be done, or from a file."""

from __future__ import annotations

import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination, clean_name, name_problem, split_parts
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.spelling import fold, fold_piece, without_invisible
from skucast.core.twins import twins_of
from skucast.core.words import counted

WORDS = ("alerts", "stale", "missing", "worst")
"""Words that stand for combinations, each written with an `@` before it, the last one with a number: `@worst:20`."""

IN_BUCKET = "gs://"

_SHOWN = 10
"""Unknown names that a message has."""

_SHOWN_WORDS = "@alerts, @stale, @missing and @worst:20"
_SEPARATORS = re.compile(r"[;,\r\n]")
_WORD = re.compile(r"@\s*([\w-]+)\s*(?:[:=]\s*(.*))?")
_OBJECT = re.compile(r"gs://[^/]+/.*[^/]")


def parse_targets(text: str) -> list[str]:
    """Return the items of a target list, unresolved: each is `Unit/Channel/SKU_ID` with `*` allowed inside a part.

    Items are separated by `;`, `,` or new lines, or a JSON list (for names that hold a separator). One that begins with
    `@` is a word (`WORDS`) or a file, on this machine (`@bad.csv`) or in a bucket (`@gs://BUCKET/bad.csv`, with or
    without the `@`); a name that begins so is written in a JSON list, and comes back with `%40`.

    Raises:
        InputError: nothing in the list, an item without three parts or with a part that no name can be, a word that
            nobody knows, or a file that is not there.
    """
    items = [item.strip() for item in _split(text.strip()) if item.strip()]
    if not items:
        raise InputError("set but empty: name at least one Unit/Channel/SKU_ID, or */*/* for all")
    items = [f"@{item}" if item.startswith(IN_BUCKET) else item for item in items]
    for item in items:
        check_item(item)
    return items


def word_of(item: str) -> tuple[str, int] | None:
    """Return the word that an item is, and its number (0 = it has none); None if it is a name or a file.

    Raises:
        InputError: the number is missing, too much, or none.
    """
    found = _WORD.fullmatch(item)
    word = found[1].casefold() if found else ""
    if found is None or word not in WORDS:
        return None
    if word != "worst" and found[2] is not None:
        raise InputError(f"target {item!r}: @{word} stands alone, without {found[2]!r}")
    if word != "worst":
        return word, 0
    number = found[2] or ""
    if not re.fullmatch(r"[0-9]{1,9}", number) or int(number) == 0:
        raise InputError(f"target {item!r}: expected how many, a whole number from 1 on, such as @worst:20")
    return word, int(number)


def file_of(item: str) -> str | None:
    """Return the file that an item names, on this machine or in a bucket; None if it is a name or a word."""
    if not item.startswith("@") or word_of(item):
        return None
    return item[1:].strip()


def check_item(item: str) -> None:
    """Refuse an item that cannot be one, without a look at the sales.

    Raises:
        InputError: what is wrong with it.
    """
    file = file_of(item)
    if file is not None:
        _check_file(item, file)
    elif not item.startswith("@"):
        for label, part in zip(KEY, split_parts(item), strict=True):
            problem = None if "*" in part else name_problem(clean_name(without_invisible(unquote(part))))
            if problem:
                raise InputError(f"target {item!r}: {label} {unquote(part)!r}: {problem}")


def _split(text: str) -> list[str]:
    if text.startswith("["):
        return [_literal(item) for item in _from_json(text)]
    if text.startswith("@") and _is_file(text[1:].strip()):  # its name may hold a separator
        return [text]
    return _SEPARATORS.split(text)


def _from_json(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not a valid JSON list: {error}") from None
    except RecursionError:
        raise InputError("not a valid JSON list: too many lists in each other") from None
    if not all(isinstance(item, str) for item in items):
        raise InputError('a JSON list of targets holds texts only, like ["Unit/Channel/SKU_ID"]')
    return list(items)


def _literal(item: str) -> str:
    """The item of a JSON list, in which what has three parts is a name, whatever it begins with."""
    name = item.strip()
    is_name = name.startswith("@") and len([part for part in name.split("/") if part.strip()]) == 3
    return f"%40{name[1:]}" if is_name and name.count("/") == 2 else name


def _is_folder(path: str) -> bool:
    try:
        return bool(path) and Path(path).expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):
        return False


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):  # a NUL, a name too long for a file, a home that nobody has
        return False


def _check_file(item: str, file: str) -> None:
    if file.startswith(IN_BUCKET):
        if not _OBJECT.fullmatch(file):
            raise InputError(f"target {item!r}: expected a file in a bucket, gs://BUCKET/FOLDER/FILE.csv")
    elif _is_folder(file):
        raise InputError(f"file {file}: cannot be read (it is a folder); name the file in it: @{file.rstrip('/')}/FILE")
    elif not _is_file(file):
        found = _WORD.fullmatch(item)
        if found and "." not in item:
            near = difflib.get_close_matches(found[1].casefold(), WORDS, n=1)
            meant = f"did you mean @{near[0]}? " if near else ""
            raise InputError(f"target {item!r}: no such word, nor a file of this name; {meant}There are {_SHOWN_WORDS}")
        raise InputError(
            f"file {file}: cannot be read (no such file); give a CSV or Excel file with unit, channel, SKU_ID; "
            "a name that begins with @ stands in a JSON list"
        )


def resolve_targets(
    items: Sequence[str],
    known: Iterable[Combination],
    aliases: Aliases = NO_ALIASES,
    *,
    named_in: str = "TARGET_COMBINATIONS",
) -> list[Combination]:
    """Return the known combinations that the items name, in this or another spelling, sorted, each once.

    `named_in` is what the message calls the list.

    Raises:
        InputError: an item that names none of the known ones; the closest matches are listed.
    """
    known = sorted(known)
    by_name: dict[tuple[str, ...], Combination] = {each.parts: each for each in known}
    chosen: set[Combination] = set()
    unknown = []
    for item in items:
        named = by_name.get(_as_named(item))  # a file may name thousands
        matches = [named] if named else _matches(item, known) or _matches_folded(item, known, aliases)
        chosen.update(matches)
        if not matches:
            unknown.append(item)
    if unknown:
        texts = [_unknown_text(item, known) for item in unknown[:_SHOWN]] + unknown[_SHOWN:]
        raise InputError(f"{named_in}: {listed(texts, _SHOWN, '; ')}")
    return sorted(chosen)


def matching(items: Sequence[str], known: Sequence[Combination]) -> list[Combination]:
    """Return the known combinations that any of the items names, in this or another spelling; it may be none."""
    return sorted(
        {each for item in items for each in _matches(item, known) or _matches_folded(item, known, NO_ALIASES)}
    )


def _as_named(item: str) -> tuple[str, ...]:
    """The parts of the one name that an item is, none for a pattern."""
    parts = () if "*" in item else split_parts(item)
    return tuple(unicodedata.normalize("NFC", unquote(clean_name(part))) for part in parts)


def _matches(item: str, known: Sequence[Combination]) -> list[Combination]:
    patterns = [_pattern(part) for part in split_parts(item)]
    return [c for c in known if all(p.fullmatch(part) for p, part in zip(patterns, c.parts, strict=True))]


def _matches_folded(item: str, known: Sequence[Combination], aliases: Aliases) -> list[Combination]:
    """Those that it names but for safe differences of spelling, or by a name that was merged into theirs."""
    patterns = [_folded_pattern(part, aliases.get(name, {})) for name, part in zip(KEY, split_parts(item), strict=True)]
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
    is_plain = not any(_SEPARATORS.search(name) or name.startswith(("[", "@", IN_BUCKET)) for name in names)
    return ", ".join(names) if is_plain else json.dumps(names, ensure_ascii=False)
