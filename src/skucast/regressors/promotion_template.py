"""The planners' template: the plan as it is today, to be changed and sent back, and what its columns mean."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote

import pandas as pd

from skucast.core.combination import KEY, Combination, encode_part
from skucast.core.errors import InputError
from skucast.core.tables.contract import ALL
from skucast.core.texts import Text, wording
from skucast.core.weeks import WeekClock
from skucast.language.catalogue import SOURCE, translated
from skucast.regressors.headings import heading
from skucast.regressors.promotion_holding import THROUGH, Holding
from skucast.regressors.promotion_lines import COLUMNS, EXAMPLE, Line
from skucast.regressors.promotions import Pattern
from skucast.sheets.formulas import NOT_IN_XML, without_formula

SUFFIXES = (".csv", ".xlsx")

NOTHING_ELSE = wording("nothing else is planned for these names")
OF_ONE, OF_UNIT = wording("a promotion of one article"), wording("nothing else is planned for this unit")
_OUR_NOTES = (NOTHING_ELSE, OF_ONE, OF_UNIT)

MEANINGS = {
    "unit": Text("business unit as in the sales; * = all"),
    "channel": Text("sales channel as in the sales; * = all"),
    "SKU_ID": Text("article as in the sales; * = all"),
    "starts_on": Text(
        "first day, 2026-11-30 or 30.11.2026; empty, with ends_on and discount_perc: nothing else is planned"
    ),
    "ends_on": Text("last day, included"),
    "discount_perc": Text("discount in percent, 0 to 100: 30, not 0.3; empty: as deep as is usual for the article"),
    "covers_through": Text("last day for which the plan of these names is complete"),
    "plan_id": Text("your own name of the promotion; may stay empty"),
    "cancelled": Text("yes = the promotion is called off; may stay empty"),
    "known_from": Text("only for plans of the past: when this was known, 2026-11-20 or 20.11.2026 10:15; else empty"),
    "note": Text("your remark; not used"),
    "is_promo": Text("yes = a promotion, also where its discount is not known yet; may stay empty"),
    "promo_type": Text("what kind of promotion: deal, display, leaflet or a word of your own; may stay empty"),
    "template": Text("leave it as it is: which plan this file began as; empty in rows of your own"),
}


class Said(NamedTuple):
    """What makes a promotion of a template the same one when it comes back; its depth in percent, None = not known."""

    names: Pattern
    starts_on: date | None
    ends_on: date | None
    discount_perc: float | None
    is_promo: bool | None
    promo_type: str
    plan_id: str

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of a promotion that has them."""
        assert self.starts_on is not None
        assert self.ends_on is not None
        return self.starts_on, self.ends_on


_OURS = re.compile(r"[0-9a-f]{12}-\w+|row \d+")
"""A plan_id that no planner wrote."""

_STAMP = re.compile(r"as of (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6})Z, ([0-9a-f]{8}), ([^/]+)/([^/]+)/([^/]+)", re.ASCII)


@dataclass(frozen=True)
class Stamp:
    """Which plan a template began as: known at a moment (naive UTC), of these names, and what its lines were."""

    known_at: datetime
    digest: str
    wanted: Pattern

    def __str__(self) -> str:
        names = "/".join(part if part == ALL else encode_part(part) for part in self.wanted)
        return f"as of {self.known_at:%Y-%m-%dT%H:%M:%S.%f}Z, {self.digest}, {names}"


def stamp_in(text: str) -> Stamp | None:
    """Return the stamp that a cell holds, None if it holds another text."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        return None
    unit, channel, sku_id = (unquote(found[place]) for place in (3, 4, 5))
    return Stamp(datetime.fromisoformat(found[1]), found[2], (unit, channel, sku_id))


def stamp_of(held: Holding, known_at: datetime, wanted: Pattern) -> Stamp:
    """Return the stamp of a template of this plan."""
    lines = sorted(map(str, [*said_by(held.promotions), *covered_by(held.coverage)]))
    return Stamp(known_at, hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8], wanted)


def said_by(promotions: pd.DataFrame) -> list[Said]:
    """Return what each promotion of a plan says, as `said_in` does of the line that it is written as."""
    return [
        Said(
            (row["unit"], row["channel"], row["SKU_ID"]),
            row["starts_on"].date(),
            row["ends_on"].date(),
            None if pd.isna(row["discount_perc"]) else float(row["discount_perc"]),
            True if pd.isna(row["discount_perc"]) else None if pd.isna(row["is_promo"]) else bool(row["is_promo"]),
            "" if pd.isna(row["promo_type"]) else " ".join(row["promo_type"].split()),
            said_by_planner(row["plan_id"]),
        )
        for row in _records(promotions)
    ]


def said_in(line: Line) -> Said:
    """Return what a promotion's line says, but for its note and whether it is called off."""
    kind, plan_id = (" ".join(line.cells[name].split()) for name in ("promo_type", "plan_id"))
    is_promo = True if line.discount_perc is None else line.is_promo
    return Said(line.names, line.starts_on, line.ends_on, line.discount_perc, is_promo, kind, plan_id)


def covered_by(coverage: pd.DataFrame) -> list[tuple[Pattern, date]]:
    """Return the names of each row of a coverage, and the day through which it reaches."""
    return [((row["unit"], row["channel"], row["SKU_ID"]), row[THROUGH].date()) for row in _records(coverage)]


def said_by_planner(given: str | float | None) -> str:
    """Return the plan_id as its planner wrote it, empty where it is one that nobody wrote."""
    return "" if pd.isna(given) or _OURS.fullmatch(str(given)) else " ".join(str(given).split())


def template_rows(
    held: Holding, known_at: datetime, wanted: Pattern, known: Sequence[Combination], clock: WeekClock, end: date
) -> list[dict[str, object]]:
    """Return the plan as rows of a file: by column, days as dates, percent as numbers, None for empty cells.

    Where nothing is planned: two examples until the day `end`, of a unit that there is not; they are no promotions.
    """
    stamp = str(stamp_of(held, known_at, wanted))
    promotions = [
        _promotion(row, said) for row, said in zip(_records(held.promotions), said_by(held.promotions), strict=True)
    ]
    covered = [_row(names, covers_through=day, note=NOTHING_ELSE) for names, day in covered_by(held.coverage)]
    rows = [row | {"template": stamp} for row in [*promotions, *covered]]
    return rows or _examples(known, clock, end)


def _promotion(row: dict[str, Any], said: Said) -> dict[str, object]:
    percent, is_promo = said.discount_perc, said.is_promo
    return _row(
        said.names,
        starts_on=said.starts_on,
        ends_on=said.ends_on,
        discount_perc=int(percent) if percent is not None and percent.is_integer() else percent,
        is_promo=None if is_promo is None else Text("yes") if is_promo else Text("no"),
        promo_type=said.promo_type or None,
        plan_id=said.plan_id or None,
        note=None if pd.isna(row["note"]) else row["note"],
    )


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.itertuples(index=False, name=None)]


def _examples(known: Sequence[Combination], clock: WeekClock, end: date) -> list[dict[str, object]]:
    first = min(known)
    example, note = Text(EXAMPLE), OF_ONE
    names = (example, first.channel, first.sku_id)
    of_one = _row(names, starts_on=clock.start(end), ends_on=end, covers_through=end, discount_perc=20, note=note)
    rest = _row((example, ALL, ALL), covers_through=end, note=OF_UNIT)
    return [of_one, rest]


def _row(names: Pattern, **cells: object) -> dict[str, object]:
    return dict.fromkeys(COLUMNS) | dict(zip(KEY, names, strict=True)) | cells


def write_template(
    path: Path,
    rows: Sequence[dict[str, object]],
    meanings: Mapping[str, Text] = MappingProxyType(MEANINGS),
    language: str = "",
) -> None:
    """Write the rows to a new .csv or .xlsx file; `meanings` are the columns and what they mean.

    Headings, meanings and our own notes are in that language, empty = English.

    Raises:
        InputError: there is such a file already, it cannot be written, or has another suffix.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    rows, said = _in_language(language, rows, meanings)
    content = _as_csv(rows, said) if path.suffix.lower() == ".csv" else _as_excel(rows, said, language)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise InputError(f"{path}: there already; move it away, or name another file with --output") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _in_language(
    language: str, rows: Sequence[dict[str, object]], meanings: Mapping[str, Text]
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """Rows and meanings by the columns' headings; what stands in a row is the planner's, but for notes of ours."""
    named = {column: heading(language, column) for column in meanings}
    said = [{named[name]: _ours_in(language, cell) for name, cell in row.items() if name in named} for row in rows]
    return said, {named[column]: meaning.said_in(language) for column, meaning in meanings.items()}


def _ours_in(language: str, cell: object) -> object:
    """A cell of ours in that language; a planner's own as it is."""
    if isinstance(cell, Text):
        return cell.said_in(language)
    return translated(language or SOURCE, str(cell)) if cell in _OUR_NOTES else cell


def _as_csv(rows: Sequence[dict[str, object]], columns: Mapping[str, str]) -> bytes:
    """As a Russian Excel writes it, and opens it: semicolons, UTF-8 with a mark."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _in_csv(cell) for name, cell in row.items()} for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _in_csv(cell: object) -> object:
    """A number as that Excel reads it, which takes 12.5 for a day in May; a text is no formula."""
    if isinstance(cell, str):
        return without_formula(cell)
    return str(cell).replace(".", ",") if isinstance(cell, float) else cell


def _as_excel(rows: Sequence[dict[str, object]], meanings: Mapping[str, str], language: str) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    plan = book.active
    say = partial(translated, language or SOURCE)
    plan.title = say(wording("plan"))
    _fill(plan, [tuple(meanings), *([row[name] for name in meanings] for row in rows)])
    columns = say(wording("column")), say(wording("meaning"))
    _fill(book.create_sheet(say(wording("columns"))), [columns, *meanings.items()])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _fill(sheet: Any, rows: Sequence[Sequence[object]]) -> None:
    from openpyxl.styles import Font

    for row in rows:
        sheet.append([NOT_IN_XML.sub("", cell) if isinstance(cell, str) else cell for cell in row])
    for cells in sheet.iter_rows():
        for cell in cells:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # also where a name begins like a formula
                cell.number_format = "@"  # an article of digits stays text when it is edited
            elif isinstance(cell.value, date):
                cell.number_format = "yyyy-mm-dd"
    for column in sheet.columns:
        sheet.column_dimensions[column[0].column_letter].width = 3 + max(len(str(cell.value or "")) for cell in column)
        column[0].font = Font(bold=True)
    sheet.freeze_panes = "A2"
