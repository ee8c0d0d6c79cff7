"""The planners' template: a plan of examples to be replaced, and what its columns mean."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_lines import COLUMNS, EXAMPLES

SUFFIXES = (".csv", ".xlsx")

MEANINGS = {
    "unit": "business unit as in the sales; * = all",
    "channel": "sales channel as in the sales; * = all",
    "SKU_ID": "article as in the sales; * = all",
    "starts_on": "first day, 2026-11-30 or 30.11.2026; empty, with ends_on and discount_perc: nothing else is planned",
    "ends_on": "last day, included",
    "discount_perc": "discount in percent, 0 to 100: 30, not 0.3; empty: as deep as is usual for the article",
    "covers_through": "last day for which this file is the complete plan; one day for the whole file",
    "plan_id": "your own name of the promotion; may stay empty",
    "cancelled": "yes = the promotion is called off; may stay empty",
    "known_from": "only for plans of the past: when this was known, 2026-11-20 or 20.11.2026 10:15; else empty",
    "note": "your remark; not used",
    "is_promo": "yes = a promotion, also where its discount is not known yet; may stay empty",
    "promo_type": "what kind of promotion: deal, display, leaflet or a word of your own; may stay empty",
}


def example_rows(
    known: Sequence[Combination], clock: WeekClock, cutoff: date, horizon_weeks: int
) -> list[dict[str, object]]:
    """Return a plan for the weeks to forecast: by column, days as dates, percent as numbers, None for empty cells.

    One promotion for an article of each unit, one that reaches over the end of a week, and for each unit that nothing
    else is planned.
    """
    end = clock.targets(cutoff, horizon_weeks)[-1]
    examples = examples_of(known)
    days = example_days(end, clock)
    of_all, of_one = days
    promotions = [_row(names, end, *days[of_all], EXAMPLES[of_all], of_all) for names in examples]
    over_the_end = [_row(names, end, *days[of_one], EXAMPLES[of_one], of_one) for names in examples[:1]]
    nothing_else = [
        _row((unit, ALL, ALL), end, None, None, None, "nothing else is planned for this unit")
        for unit, _, _ in examples
    ]
    return [*promotions, *over_the_end, *nothing_else]


def examples_of(known: Sequence[Combination]) -> list[tuple[str, str, str]]:
    """Return the names that the examples are about: of each unit its first combination, by unit."""
    of_unit = {each.unit: each.parts for each in sorted(known, reverse=True)}
    return [of_unit[unit] for unit in sorted(of_unit)]


def example_days(end: date, clock: WeekClock) -> dict[str, tuple[date, date]]:
    """Return the first and last day of each example, by its note, in a template whose last day is `end`."""
    start = clock.start(end)
    days = [(start + timedelta(days=2), end), (start - timedelta(days=3), start + timedelta(days=1))]
    return dict(zip(EXAMPLES, days, strict=True))


def _row(
    names: tuple[str, str, str],
    covers_through: date,
    starts_on: date | None,
    ends_on: date | None,
    percent: int | None,
    note: str,
) -> dict[str, object]:
    given = (*names, starts_on, ends_on, percent, covers_through)
    return dict.fromkeys(COLUMNS) | dict(zip(COLUMNS, given, strict=False)) | {"note": note}


def write_template(
    path: Path, rows: Sequence[dict[str, object]], meanings: Mapping[str, str] = MappingProxyType(MEANINGS)
) -> None:
    """Write the rows to a new .csv or .xlsx file; `meanings` are the columns and what they mean.

    Raises:
        InputError: there is such a file already, it cannot be written, or has another suffix.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: expected a name that ends in {' or '.join(SUFFIXES)}")
    content = _as_csv(rows, meanings) if path.suffix.lower() == ".csv" else _as_excel(rows, meanings)
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise InputError(f"{path}: there already; move it away, or name another file with --output") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _as_csv(rows: Sequence[dict[str, object]], columns: Mapping[str, str]) -> bytes:
    """As a Russian Excel writes it, and opens it: semicolons, UTF-8 with a mark."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _as_excel(rows: Sequence[dict[str, object]], meanings: Mapping[str, str]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    plan = book.active
    plan.title = "plan"
    _fill(plan, [tuple(meanings), *([row[name] for name in meanings] for row in rows)])
    _fill(book.create_sheet("columns"), [("column", "meaning"), *meanings.items()])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _fill(sheet: Any, rows: Sequence[Sequence[object]]) -> None:
    from openpyxl.styles import Font

    for row in rows:
        sheet.append(list(row))
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
