"""The forecast as an Excel workbook for planners: summary, forecast wide and long, promotions, work list, orders.

Its numbers are those of the page beside it, and no name of an article is ever a formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.texts import Text, said_in
from skucast.dashboard.sheets import Book, Field
from skucast.dashboard.words import METHODS, PROMO_SOURCES, STATUSES
from skucast.dashboard.workbook_lists import add_orders, add_promotions, add_work, key_fields, worded

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from skucast.dashboard.board import Board
    from skucast.language.catalogue import Language
Row = Sequence[Any]


def workbook(board: Board) -> bytes:
    """Return the workbook of the newest forecast in the board's language, as the bytes of an .xlsx file."""
    return workbooks(board, [board.locale])[board.locale]


def workbooks(board: Board, languages: Sequence[Language | Literal[""]]) -> dict[str, bytes]:
    """Return the workbook in each of the languages, empty = English; their numbers are worked out once."""
    newest = _newest(board)
    numbers = _Numbers(board.sums, None if newest.empty else _wide_numbers(board, newest))
    return {language: _said(replace(board, locale=language), newest, numbers) for language in languages}


@dataclass(frozen=True)
class _Numbers:
    """What takes its time and is the same in every language."""

    totals: dict[str, Any] | None
    wide: _Wide | None


@dataclass(frozen=True)
class _Wide:
    """The newest forecast with weeks as columns, the classes of its combinations, its change against the last run."""

    table: DataFrame
    classes: list[str]
    change: Series


def _said(board: Board, newest: DataFrame, numbers: _Numbers) -> bytes:
    book = Book(board.run.run_at)
    _add_summary(book, board, newest, numbers.totals)
    _add_wide(book, board, newest, numbers.wide)
    for add in (_add_long, add_promotions, add_work, add_orders):
        add(book, board, newest)
    return book.to_bytes()


def _newest(board: Board) -> DataFrame:
    """The newest forecast by KEY and week, with the number that counts: a planner's, or the model's."""
    rows = board.forecasts
    if rows.empty:
        return rows
    rows = rows[rows["cutoff"] == rows["cutoff"].max()]
    return _with_number(rows).sort_values([*KEY, "ds"], ignore_index=True)


def _with_number(rows: DataFrame) -> DataFrame:
    own = rows.reindex(columns=["final", "final_lower", "final_upper"]).astype("float64")
    names = {"final": "yhat", "final_lower": "yhat_lower", "final_upper": "yhat_upper"}
    numbers = {name: own[name].fillna(rows[of]).round(3) for name, of in names.items()}
    return rows.assign(**{name.replace("final", "number"): values for name, values in numbers.items()})


# --- Sheets -----------------------------------------------------------------------------------------------------------


def _add_summary(book: Book, board: Board, newest: DataFrame, totals: dict[str, Any] | None) -> None:
    """Sums of all, of each unit and of each channel: over all weeks with their interval, and week by week."""
    language = board.locale
    say = partial(said_in, language)
    facts = [say(fact) for fact in _facts(board, newest)]
    weeks = _coming(newest)
    fields = [
        Field(say(Text("Unit")), width=24),
        Field(say(Text("Channel")), width=18),
        Field(say(Text("Sum of all weeks")), "number", 14),
        Field(say(Text("80 % interval, from")), "number", 14),
        Field(say(Text("80 % interval, to")), "number", 14),
        Field(say(Text("Against the last run")), "percent", 14),
        *(Field(week, "number", 12) for week in weeks),
    ]
    rows = _summary_rows(totals, [week.isoformat() for week in weeks], say(Text("All"))) if totals else []
    book.add(say(Text("Summary")), facts, fields, rows, n_names=2, n_bold=1)


def _facts(board: Board, newest: DataFrame) -> Iterator[Text]:
    """What the sheet is about, and how its numbers are to be read."""
    yield Text("Sales forecast, week {day}", day=board.run.cutoff)
    yield Text("Actual sales are known through {day}", day=board.actuals_through)
    if len(newest):
        yield _made(board, newest)
    yield Text("Numbers are sales in their own measure, as a rule pieces; under a date those of the week ending on it")
    yield Text("Sums are of expected values; one combination’s number is the middle of what may be sold")


def _made(board: Board, newest: DataFrame) -> Text:
    """When the forecast was made, by the business's clock, and which sales it knows."""
    cutoff = newest["cutoff"].iloc[0].date()
    made_at = newest["created_at"].max() if "created_at" in newest else None
    if made_at is None or made_at != made_at:  # NaT is not itself
        return Text("The forecast knows the sales through {day}", day=cutoff)
    zone = ZoneInfo(board.due.time_zone) if board.due else UTC
    made = made_at.to_pydatetime().replace(tzinfo=UTC).astimezone(zone).date()
    return Text("The forecast was made on {made}; it knows the sales through {day}", made=made, day=cutoff)


def _summary_rows(totals: dict[str, Any], weeks: list[str], everything: str) -> Iterator[Row]:
    import numpy as np

    cells, at = totals["cells"], [totals["weeks"].index(week) for week in weeks]
    units, channels = np.array(_plain(cells["unit"]), dtype=object), np.array(_plain(cells["channel"]), dtype=object)
    forecast, before = (np.array(cells[name], dtype=float)[:, at] for name in ("forecast", "before"))
    stored = totals["intervals"]
    keys = zip(_plain(stored["unit"]), _plain(stored["channel"]), stored["step"], strict=True)
    numbers = zip(stored["expected"], stored["lower"], stored["upper"], strict=True)
    bounds = dict(zip(keys, numbers, strict=True))
    groups = [(ALL, ALL), *((unit, ALL) for unit in sorted(set(units))), *((ALL, one) for one in sorted(set(channels)))]
    for unit, channel in groups:
        chosen = ((units == unit) | (unit == ALL)) & ((channels == channel) | (channel == ALL))
        by_week = np.nansum(forecast[chosen], axis=0)
        shared = ~np.isnan(before[chosen]).all(axis=0)
        was = np.nansum(before[chosen][:, shared])
        change = by_week[shared].sum() / was - 1 if was > 0 else None
        whole, lower, upper = bounds.get((unit, channel, 0), (float(by_week.sum()), None, None))
        of_weeks = [bounds.get((unit, channel, step), (value,))[0] for step, value in enumerate(by_week.tolist(), 1)]
        names = (everything if name == ALL else str(name) for name in (unit, channel))
        yield (*names, whole, lower, upper, change, *of_weeks)


def _plain(column: Any) -> list[Any]:
    """A column of the page's data as it was, where repeated texts had become numbers."""
    return [column["of"][code] for code in column["at"]] if isinstance(column, dict) else list(column)


def _add_wide(book: Book, board: Board, newest: DataFrame, wide: _Wide | None) -> None:
    """One row per combination, weeks as columns."""
    say = partial(said_in, board.locale)
    weeks = _coming(newest)
    fields = [
        *key_fields(board.locale),
        Field(say(Text("Class")), width=8),
        *(Field(week, "number") for week in weeks),
        Field(say(Text("Sum of all weeks")), "number"),
        Field(say(Text("Against the last run")), "percent"),
        Field(say(Text("Made by")), width=30),
        Field(say(Text("Remark")), width=44),
    ]
    book.add(say(Text("Forecast")), [], fields, _wide_rows(board, newest, wide) if wide else [], n_names=3)


def _wide_numbers(board: Board, newest: DataFrame) -> _Wide:
    table = newest.pivot_table(index=KEY, columns="ds", values="number", aggfunc="sum", sort=True)
    known = _classes(board)
    return _Wide(table, [known.get(key, "") for key in table.index], _change(board, newest).reindex(table.index))


def _wide_rows(board: Board, newest: DataFrame, wide: _Wide) -> Iterator[Row]:
    table = wide.table
    first = newest.drop_duplicates(KEY).set_index(KEY)
    said = [worded(board.locale, first[name].reindex(table.index), words) for name, words in _HOW.items()]
    columns = [table[week].tolist() for week in table.columns]
    names = (table.index.get_level_values(name).astype("str").tolist() for name in KEY)
    whole = table.sum(axis=1).tolist()
    return zip(*names, wide.classes, *columns, whole, wide.change.tolist(), *said, strict=True)


_HOW = {"method": METHODS, "status": STATUSES}


def _classes(board: Board) -> dict[tuple[str, ...], str]:
    """The classes of each combination as one text, of those that have some."""
    rows = board.metrics.reindex(columns=["level", "step", *KEY, "abc_class", "xyz_class"])
    rows = rows[(rows["level"] == "combination") & (rows["step"] == 0)]
    both = rows["abc_class"].astype("object").fillna("") + rows["xyz_class"].astype("object").fillna("")
    return dict(zip(rows[KEY].itertuples(index=False, name=None), both, strict=True))


def _change(board: Board, newest: DataFrame) -> Series:
    """The forecast against what the newest earlier run said of the same weeks, as a share; NaN where there is none."""
    earlier = board.forecasts[board.forecasts["ds"].isin(newest["ds"].unique())]
    earlier = _with_number(earlier[earlier["cutoff"] < newest["cutoff"].iloc[0]])
    both = newest[[*KEY, "ds", "number"]].merge(
        earlier[[*KEY, "ds", "cutoff", "number"]], on=[*KEY, "ds"], suffixes=("", "_before")
    )
    both = both[both["cutoff"] == both.groupby(KEY)["cutoff"].transform("max")]
    sums = both.groupby(KEY)[["number", "number_before"]].sum()
    return sums["number"] / sums["number_before"].where(sums["number_before"] > 0) - 1


def _add_long(book: Book, board: Board, newest: DataFrame) -> None:
    """One row per combination and week, with the interval and what is known of the week."""
    say = partial(said_in, board.locale)
    fields = [
        *key_fields(board.locale),
        Field(say(Text("Week ending")), "day"),
        Field(say(Text("Weeks ahead")), "count", 10),
        Field(say(Text("Forecast")), "number"),
        Field(say(Text("80 % interval, from")), "number"),
        Field(say(Text("80 % interval, to")), "number"),
        Field(say(Text("The model’s number")), "number"),
        Field(say(Text("Promotion")), width=28),
    ]
    book.add(say(Text("Forecast by week")), [], fields, _long_rows(board, newest), n_names=3)


def _long_rows(board: Board, newest: DataFrame) -> Iterator[Row]:
    if newest.empty:
        return iter(())
    return zip(
        *(newest[name].astype("str").tolist() for name in KEY),
        newest["ds"].dt.date.tolist(),
        newest["step"].astype(int).tolist(),
        *(newest[name].tolist() for name in ("number", "number_lower", "number_upper")),
        newest["yhat"].round(3).tolist(),
        worded(board.locale, newest["promo_source"], PROMO_SOURCES),
        strict=True,
    )


def _coming(newest: DataFrame) -> list[Any]:
    """The weeks forecast, as days."""
    return sorted({week.date() for week in newest["ds"].unique()}) if len(newest) else []
