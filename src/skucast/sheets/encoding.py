"""The text of a file of bytes: UTF-8, UTF-16 by its mark or its zeros, or what a Russian Excel saves."""

from __future__ import annotations

import codecs
import io
import re
from typing import BinaryIO

from skucast.core.errors import InputError
from skucast.core.texts import Text, wording
from skucast.sheets.csv_text import SEPARATORS

WINDOWS = "cp1251"

_GUESSED = {
    WINDOWS: wording("read as Windows-1251 text"),
    "utf-16-le": wording("read as UTF-16 text without its mark"),
    "utf-16-be": wording("read as UTF-16 text without its mark"),
}
"""What is said of an encoding that no mark tells."""

_OF_OTHERS = {
    b"PK\x03\x04": wording("an Excel file"),
    bytes.fromhex("D0CF11E0A1B11AE1"): wording("an old Excel file"),
}
"""How files begin that are no text, and what they are."""

_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|meta|table|\?xml)\b", re.IGNORECASE)
"""How the web pages and XML begin that some programs save as a table."""

_PIECE = 1 << 20
_CYRILLIC = bytes([0xA8, 0xB8, *range(0xC0, 0x100)])
"""The Russian letters of Windows-1251."""

_SIGNS = bytes([0x84, 0x85, 0x91, 0x92, 0x93, 0x94, 0x96, 0x97, 0xA0, 0xAB, 0xB0, 0xB9, 0xBB])
"""Quotation marks, dashes, №, ° and the blank that does not break, in Windows-1251."""

_ASCII = bytes(range(0x80))
_WORD = re.compile("[а-яё][А-ЯЁ]{2,}")
"""How a word looks whose small and large letters have changed places, as those of KOI8-R would."""


def text_of(name: str, file: BinaryIO) -> tuple[io.TextIOWrapper, str | None]:
    """Return the file as text, opened with `newline=""`, and what must be said of its encoding.

    Raises:
        InputError: it is text of no encoding that can be told.
    """
    encoding = _encoding(name, file)
    file.seek(0)
    note = Text(_GUESSED[encoding]) if encoding in _GUESSED else None
    return io.TextIOWrapper(file, encoding=encoding, newline=""), note


def _encoding(name: str, file: BinaryIO) -> str:
    file.seek(0)
    if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return "utf-16"
    file.seek(0)
    start = file.read(_PIECE)
    for mark, what in _OF_OTHERS.items():
        if start.startswith(mark):
            raise InputError(
                Text("{name}: is {what} under another name; open it and save it as .xlsx", name=name, what=Text(what))
            )
    if _PAGE.match(start):
        raise InputError(
            Text("{name}: is a web page under another name; open it in a spreadsheet and save it as .xlsx", name=name)
        )
    if b"\0" in start:
        return _without_mark(name, start)
    if _is_utf8(file):
        return "utf-8-sig"
    if _is_windows(file):
        return WINDOWS
    raise InputError(Text("{name}: not UTF-8 text; save it as CSV UTF-8, or as .xlsx", name=name))


def _without_mark(name: str, start: bytes) -> str:
    """Which UTF-16 it is: of its separators, digits and line ends one of two bytes is 0, the same one in all."""
    zeros = {"utf-16-be": start[::2].count(0), "utf-16-le": start[1::2].count(0)}
    encoding, other = sorted(zeros, key=lambda each: -zeros[each])
    text = start[: len(start) // 2 * 2].decode(encoding, errors="replace")
    if 20 * zeros[other] > zeros[encoding] or not set(SEPARATORS) & set(text):
        raise InputError(Text("{name}: holds bytes that are no text; save it as CSV UTF-8, or as .xlsx", name=name))
    return encoding


def _is_utf8(file: BinaryIO) -> bool:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(_PIECE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_windows(file: BinaryIO) -> bool:
    """Whether all that is no ASCII are Russian letters and the signs that stand between them."""
    file.seek(0)
    letters = others = 0
    swapped = 0
    while piece := file.read(_PIECE):
        foreign = piece.translate(None, _ASCII)
        others += len(foreign.translate(None, _CYRILLIC + _SIGNS))
        letters += len(foreign) - len(foreign.translate(None, _CYRILLIC))
        swapped += len(_WORD.findall(piece.decode(WINDOWS, errors="replace")))
    return letters > 0 and others == 0 and swapped * 8 < letters
