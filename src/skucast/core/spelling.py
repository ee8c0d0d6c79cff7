"""Spellings: what two ways to write one name have in common, how they differ, and what is no name at all."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

from skucast.core.quoting import listed

_LOOK_ALIKE = str.maketrans(
    "авекмнорстухіјѕһԛԝёë×" + "«»„“”‟″" + "‘’‚‛′ʼ`´ʹ" + "‐‑‒–—―−" + "⁄∕",
    "abekmhopctyxijshqweex" + '"' * 7 + "'" * 9 + "-" * 7 + "/" * 2,
)
"""After folding the case: Cyrillic letters for the Latin ones that look the same in capitals, ё as е, and kinds of
quotes, dashes and strokes as the one that is on every keyboard."""

_INVISIBLE = dict.fromkeys([*range(0xFE00, 0xFE10), 0x034F])
"""Selectors of a glyph's variant, and the joiner that is never seen; characters of category Cf are found by that."""

_BLANKS = dict.fromkeys([0x2800, 0x3164, 0xFFA0], " ")
"""Characters that show nothing and are no white space to Unicode."""

_MEANT = ("<super>", "<sub>", "<circle>", "<square>", "<fraction>")
"""Compatibility forms that say something: m² is not m2, ① not 1."""

_WHOLE = re.compile(r"(\d+)(?:\.0+|,0{1,2})")
_THOUSANDS = re.compile(r"\d{1,3}[.,]000")
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+)e\+?|e\+)(\d{2,3})")

_MAX_DIFFERENCES = 4


@lru_cache(maxsize=65_536)
def fold(name: str) -> str:
    """Return what all safe spellings of a name have in common; it is compared, never shown.

    Case, е and ё, blanks of every kind, invisible characters, Unicode forms, Latin and Cyrillic letters that look the
    same, kinds of quotes and dashes, and a whole number written as 9752.0 make no difference.
    """
    return _whole_number(fold_piece(name).strip())


def fold_piece(piece: str) -> str:
    """Return a part of a name as `fold` has it: blanks at its ends stay, a number may go on."""
    wide = "".join(map(_plain, unicodedata.normalize("NFC", piece)))
    folded = unicodedata.normalize("NFC", wide).casefold().translate(_LOOK_ALIKE)
    return re.sub(r"\s+", " ", without_invisible(folded).translate(_BLANKS))


def by_fold(names: Iterable[str]) -> dict[str, str]:
    """Return the name that each fold stands for; those that several of the names share stand for none."""
    found: dict[str, list[str]] = {}
    for name in set(names):
        found.setdefault(fold(name), []).append(name)
    return {folded: spelt[0] for folded, spelt in found.items() if len(spelt) == 1}


def is_plain(name: str) -> bool:
    """Return whether a name has nothing that no person would write: odd blanks, what is not seen, 9752.0 for 9752."""
    return name.isprintable() and len(fold(name)) >= len(name.strip())


def without_invisible(name: str) -> str:
    """Return the name without the characters that nobody sees."""
    return "".join(each for each in name if unicodedata.category(each) != "Cf").translate(_INVISIBLE)


def _plain(character: str) -> str:
    tag = unicodedata.decomposition(character).partition(" ")[0]
    is_form = tag.startswith("<") and tag not in _MEANT
    return unicodedata.normalize("NFKC", character) if is_form else character


def _whole_number(folded: str) -> str:
    found = _WHOLE.fullmatch(folded)
    if found and not _THOUSANDS.fullmatch(folded):
        return found[1]
    scientific = _SCIENTIFIC.fullmatch(folded)
    if scientific and not _lost(scientific):
        digits, exponent = scientific[1] + (scientific[2] or ""), int(scientific[3])
        if not digits[1 + exponent :].strip("0"):
            return digits[: 1 + exponent]
    return folded


SHORTENED = "looks like a number that a spreadsheet shortened: its last digits are lost; export the column as text"


def is_shortened(name: str) -> bool:
    """Return whether a spreadsheet has shortened a long number, as 4.60701E+12: its last digits are lost for ever."""
    found = _SCIENTIFIC.fullmatch(fold_piece(name).strip())
    return found is not None and _lost(found)


def _lost(found: re.Match[str]) -> bool:
    return len(found[2] or "") < int(found[3])


# --- How they differ ------------------------------------------------------------------------------------------------


def difference(name: str, other: str) -> str:
    """Return by which characters another spelling differs from a name, with their code points."""
    found = []
    for what, start, end, other_start, other_end in difflib.SequenceMatcher(None, name, other, False).get_opcodes():
        if what != "equal":
            ours, theirs = _points(name[start:end]), _points(other[other_start:other_end])
            found.append(f"{theirs or 'nothing'} for {ours or 'nothing'}")
    return listed(found, _MAX_DIFFERENCES)


def _points(text: str) -> str:
    shown = " ".join(f"U+{ord(each):04X}" for each in text[:_MAX_DIFFERENCES])
    more = " ..." if len(text) > _MAX_DIFFERENCES else ""
    is_seen = bool(text) and text.isprintable() and not text.isspace()
    return f"{text} {shown}{more}" if is_seen else f"{shown}{more}"


# --- What is no name ------------------------------------------------------------------------------------------------

_TOTAL = frozenset(
    fold(word)
    for word in (
        "итого",
        "итог",
        "итоги",
        "всего",
        "всего итого",
        "итого всего",
        "общий итог",
        "общее итого",
        "промежуточный итог",
        "промежуточные итоги",
        "сумма",
        "общая сумма",
        "total",
        "totals",
        "grand total",
        "overall total",
        "subtotal",
        "sub total",
        "sub-total",
        "sum",
        "total sum",
    )
)
_TOTAL_OF = re.compile(
    rf"(?:{'|'.join(sorted(_TOTAL))})(?: {fold('по')}| for| of)? (?P<after>.+)|"
    rf"(?P<before>.+) (?:{'|'.join(sorted(_TOTAL))})"
)
_TOTAL_OVER = re.compile(rf"(?:{'|'.join(sorted(_TOTAL))}) (?:{fold('по')}|{fold('за')}|for|of) .+")
_NOBODY = frozenset(
    fold(word)
    for word in (
        "(blank)",
        "(пусто)",
        "(empty)",
        "#N/A",
        "#Н/Д",
        "#REF!",
        "#ССЫЛКА!",
        "#VALUE!",
        "#ЗНАЧ!",
        "#NAME?",
        "#ИМЯ?",
        "nan",
        "<NA>",
        "null",
    )
)
"""What a pivot table, a broken formula and a database write where there is no name; NA and None are names of some."""


def is_total(name: str, groups: Collection[str] = ()) -> bool:
    """Return whether the name stands on a row of totals: such a word alone, or with one of the groups (folded names).

    A name that merely contains such a word, as an article "Colgate Total", is one.
    """
    folded = fold(name).strip(" .:;*-=()")
    if folded in _TOTAL:
        return True
    found = _TOTAL_OF.fullmatch(folded)
    return found is not None and (found["after"] or found["before"]).strip(' :"') in groups


def is_total_for_day(cell: str) -> bool:
    """Return whether a cell in the place of a day says that its row is one of totals: "Итого", "Итого за ноябрь"."""
    return is_total(cell) or _TOTAL_OVER.fullmatch(fold(cell)) is not None


def is_nobody(name: str) -> bool:
    """Return whether the name says that there is none."""
    return fold(name) in _NOBODY
