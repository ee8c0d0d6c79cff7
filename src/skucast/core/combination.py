"""Combinations: the unit / channel / SKU that one series, one model and one file name belong to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote

from skucast.core.errors import InputError

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
        return cls.clean(*(unquote(part) for part in split_parts(text)))

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


@lru_cache(maxsize=100_000)  # parts come again and again: a unit with each of its articles, an article with each job
def name_problem(part: str) -> str | None:
    """Return what is wrong with one part of a combination's name, or None."""
    if not part:
        return "empty; give a name"
    if part != clean_name(part):
        return "not trimmed or not NFC-normalised; use Combination.clean"
    if part in {".", ".."}:
        return "not a usable name, because it means a folder"
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in part):
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


def split_parts(item: str) -> tuple[str, str, str]:
    """Return the three parts of a target as they are written: wildcards and encoded characters are still told apart.

    Raises:
        InputError: there are more or fewer.
    """
    parts = item.split("/")
    if len(parts) != 3 or not all(part.strip() for part in parts):
        raise InputError(
            f"target {item!r}: expected Unit/Channel/SKU_ID, three parts, found {sum(bool(p.strip()) for p in parts)}; "
            "write * for any, %2F and %2A for a slash and a star inside a name"
        )
    return (parts[0], parts[1], parts[2])
