"""Files of targets: a table of names, as Excel saves it, or one Unit/Channel/SKU_ID a line."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import PurePath

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.spelling import is_total
from skucast.core.targets import IN_BUCKET, check_item
from skucast.sales.loading_headers import guessed_columns
from skucast.sheets.encoding import text_of
from skucast.sheets.formulas import as_written
from skucast.sheets.reading import CSV_SUFFIXES, EXCEL_SUFFIXES, OTHER_SPREADSHEETS, Kind, Sheet, read_sheet

MAX_BYTES = 50_000_000
"""The largest file that is read as one."""

MAX_LINES = 100_000


def targets_in(name: str, content: bytes, theirs: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return the targets that a file names, as `parse_targets` has them, and what must be said of how it was read.

    A table has the columns unit, channel and SKU_ID, or those that `theirs` calls them by ours, in any order and beside
    others; its cells are names as they are, with `*` for any. Any other file has one target a line.

    Raises:
        InputError: it cannot be read, names nothing, or a line of it is no target.
    """
    suffix = PurePath(name).suffix.lower()
    is_known = suffix in (*CSV_SUFFIXES, *EXCEL_SUFFIXES, *OTHER_SPREADSHEETS)
    columns = {ours: [ours.casefold(), theirs.get(ours, ours).casefold()] for ours in KEY}
    names = frozenset(each for spelt in columns.values() for each in spelt)
    kind = Kind("list of targets", MAX_BYTES, MAX_LINES, names=names)
    sheet = read_sheet(name if is_known else f"{name}.txt", io.BytesIO(content), kind)
    header = [each.casefold() for each in sheet.header]
    places = {
        ours: header.index(spelt) for ours, each in columns.items() for spelt in reversed(each) if spelt in header
    }
    is_table = bool(places) or (len(header) > 1 and not any("/" in each for each in header))
    if is_table:
        _refuse_missing(name, sheet, places, theirs)
        items = _named(name, sheet, places)
    else:
        items = _one_a_line(name, sheet, None if suffix in EXCEL_SUFFIXES else content)
    if not items:
        raise InputError(f"file {name}: set but empty: it names no Unit/Channel/SKU_ID")
    return items, [f"{name}: {note}" for note in sheet.notes]


def _refuse_missing(name: str, sheet: Sheet, places: Mapping[str, int], theirs: Mapping[str, str]) -> None:
    missing = [ours for ours in KEY if ours not in places]
    if not missing:
        return
    others = [each for place, each in enumerate(sheet.header) if each and place not in places.values()]
    guessed = guessed_columns({ours: theirs.get(ours, ours) for ours in missing}, others)
    pairs = ";".join(f"{ours}={found}" for ours, found in guessed.items())
    pairs += "".join(f";{ours}=COLUMN" for ours in missing if ours not in guessed)
    how = f"rename them, or set SALES_COLUMNS='{pairs}'" if guessed else "rename them"
    raise InputError(f"file {name}: no column {', '.join(missing)}; found {listed(filter(None, sheet.header))}; {how}")


def _named(name: str, sheet: Sheet, places: Mapping[str, int]) -> list[str]:
    items = []
    written = str if PurePath(name).suffix.lower() in EXCEL_SUFFIXES else as_written  # a CSV may be one of ours
    for number, cells in sheet.lines:
        parts = [written(cells[places[ours]].strip()) if places[ours] < len(cells) else "" for ours in KEY]
        if not any(parts):
            continue  # a row of notes
        if not all(parts) and any(map(is_total, parts)):
            sheet.notes.append(f"line {number} of totals left out")
            continue
        empty = [ours for ours, part in zip(KEY, parts, strict=True) if not part]
        if empty:
            raise InputError(f"file {name}: line {number}: {', '.join(empty)} is empty; write * for any")
        item = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
        items.append(_checked(name, number, item, "/".join(parts)))
    return items


def _one_a_line(name: str, sheet: Sheet, content: bytes | None) -> list[str]:
    """The lines as they are written, whatever separates cells in them: names may hold that too."""
    if content is None:
        lines = [(number, cells[0]) for number, cells in [(1, sheet.header), *sheet.lines] if cells]
    else:
        text, _ = text_of(name, io.BytesIO(content))
        lines = list(enumerate(text.read().splitlines(), start=1))
    plain = ((number, _unquoted(line.strip().rstrip(";,\t").strip())) for number, line in lines)
    return [_checked(name, number, line, line) for number, line in plain if line]


def _unquoted(line: str) -> str:
    is_quoted = len(line) > 1 and line[0] == line[-1] == '"'
    return line[1:-1].replace('""', '"').strip() if is_quoted else line


def _checked(name: str, number: int, item: str, written: str) -> str:
    """The item with what would make it more than a name or a pattern taken away, if it is one; errors show it so."""
    plain = f"%40{item[1:]}" if item.startswith("@") else item
    try:
        check_item(plain)
    except InputError as error:
        said = str(error).replace(repr(plain), repr(written))
        if item.startswith(("@", IN_BUCKET)):
            said += "; words and other files stand beside a file, not in it: '@alerts;@bad.csv'"
        raise InputError(f"file {name}: line {number}: {said}") from None
    return plain
