"""Lists of the workbook beside the forecast: promotions, the work list, what to order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.texts import Text, said, said_in, wording
from skucast.dashboard.sheets import Book, Field
from skucast.dashboard.words import REASONS, RULES, STATES
from skucast.language.catalogue import SOURCE, translated

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from skucast.dashboard.board import Board

Row = Sequence[Any]

WHEN = {"past": wording("Over"), "running": wording("Running"), "coming": wording("Coming")}


# --- Promotions -------------------------------------------------------------------------------------------------------


def add_promotions(book: Book, board: Board, newest: DataFrame) -> None:
    """Write the calendar of the plan with its effect, in sales of all its weeks; without one, the weeks planned."""
    say = partial(said_in, board.locale)
    if board.promotions is None:
        _add_weeks_planned(book, board, newest)
        return
    fields = [
        *key_fields(board.locale),
        Field(say(Text("When")), width=12),
        Field(say(Text("First day")), "day"),
        Field(say(Text("Last day")), "day"),
        Field(say(Text("Discount, %")), "number"),
        Field(say(Text("What kind")), width=14),
        Field(say(Text("Expected uplift")), "change", 14),
        Field(say(Text("Uplift forecast")), "change", 14),
        Field(say(Text("Uplift realised")), "change", 14),
        Field(say(Text("Weeks after")), "change", 14),
    ]
    rows = _calendar_rows(board.promotions.calendar, board.locale)
    book.add(say(Text("Promotions")), [], fields, rows, n_names=3)


def _calendar_rows(calendar: DataFrame, language: str) -> Iterator[Row]:
    return zip(
        *_names(calendar, language),
        worded(language, calendar["state"], WHEN),
        *(_days(calendar[name]) for name in ("starts_on", "ends_on")),
        _numbers(calendar["discount_perc"]),
        calendar["promo_type"].astype("object").fillna("").tolist(),
        *(_numbers(calendar[name]) for name in ("uplift", "forecast", "realised", "dip")),
        strict=True,
    )


def _add_weeks_planned(book: Book, board: Board, newest: DataFrame) -> None:
    say = partial(said_in, board.locale)
    fields = [
        *key_fields(board.locale),
        Field(say(Text("Week ending")), "day"),
        Field(say(Text("Discount, %")), "number"),
        Field(say(Text("Forecast")), "number"),
        Field(say(Text("of it by the promotion")), "change", 16),
    ]
    book.add(say(Text("Promotions")), [], fields, _planned_rows(board, newest), n_names=3)


def _planned_rows(board: Board, newest: DataFrame) -> Iterator[Row]:
    if board.plan.empty:
        return iter(())
    numbers = newest.reindex(columns=[*KEY, "ds", "number", "promo"])
    rows = board.plan.merge(numbers, on=[*KEY, "ds"], how="left").sort_values(["ds", *KEY], ignore_index=True)
    return zip(
        *_names(rows, board.locale),
        _days(rows["ds"]),
        *(_numbers(rows[name]) for name in ("promo_discount_perc", "number", "promo")),
        strict=True,
    )


# --- The work list ----------------------------------------------------------------------------------------------------


def add_work(book: Book, board: Board, _: DataFrame) -> None:
    """Write the work list, what is done and snoozed last."""
    say = partial(said_in, board.locale)
    fields = [
        *key_fields(board.locale),
        Field(say(Text("What is wrong")), width=30),
        Field(say(Text("Probable reason")), width=26),
        Field(say(Text("Evidence")), width=70),
        Field(say(Text("What to do")), width=50),
        Field(say(Text("Missed volume")), "number", 14),
        Field(say(Text("Open since")), "day"),
        Field(say(Text("State")), width=14),
        Field(say(Text("Owner")), width=16),
        Field(say(Text("Remark")), width=30),
        Field(say(Text("Who")), width=16),
    ]
    book.add(say(Text("Work list")), [], fields, _work_rows(board), n_names=3)


def _work_rows(board: Board) -> Iterator[Row]:
    if board.work is None or board.work.empty:
        return iter(())
    rows = board.work.sort_values("state", key=lambda states: states != "open", kind="stable", ignore_index=True)
    names = rows[KEY].where(rows["kind"].isin(["combination", "group"]), "").assign(about=rows["about"])
    article = names["SKU_ID"].where(rows["kind"] != "file", names["about"])
    evidence = _evidence(board)
    said_so = [
        said(board.locale, kept) if isinstance(kept, str) else evidence.get(ids.split(",")[0], why)
        for ids, why, kept in rows[["alert_ids", "why", "why_json"]].to_numpy()
    ]
    return zip(
        *(names[name].tolist() for name in ("unit", "channel")),
        article.tolist(),
        [", ".join(worded(board.locale, rules.split(","), RULES)) for rules in rows["rules"]],
        worded(board.locale, rows["reason"], REASONS),
        said_so,
        worded(board.locale, rows["to_do"], {}),
        _numbers(rows["at_stake"]),
        _days(rows["opened"]),
        worded(board.locale, rows["state"], STATES),
        *(rows[name].tolist() for name in ("owner", "comment", "said_by")),
        strict=True,
    )


def _evidence(board: Board) -> dict[str, str]:
    """What each alert about a combination stands on, in the workbook's language, by the alert's name."""
    rows = board.alerts.reindex(columns=["alert_id", "evidence_json"])
    known = rows[rows["evidence_json"].notna()].itertuples(index=False, name=None)
    return {alert_id: said(board.locale, kept) for alert_id, kept in known}


# --- Orders -----------------------------------------------------------------------------------------------------------


def add_orders(book: Book, board: Board, _: DataFrame) -> None:
    """Write what to order of each combination; no sheet where nothing is stored."""
    if board.orders is None or board.orders.empty:
        return
    say = partial(said_in, board.locale)
    fields = [
        *key_fields(board.locale),
        Field(say(Text("Weeks until the next delivery")), "count", 14),
        Field(say(Text("Service level")), "share"),
        Field(say(Text("Expected sales")), "number"),
        Field(say(Text("Needed")), "number"),
        Field(say(Text("of it safety stock")), "number"),
        Field(say(Text("In stock")), "number"),
        Field(say(Text("Stock known on")), "day"),
        Field(say(Text("To order")), "number"),
        Field(say(Text("Lasts, days")), "number"),
    ]
    book.add(say(Text("Orders")), [], fields, _order_rows(board.orders, board.locale), n_names=3)


def _order_rows(orders: DataFrame, language: str) -> Iterator[Row]:
    rows = orders.sort_values([*KEY], ignore_index=True)
    return zip(
        *_names(rows, language),
        (rows["lead_time_weeks"] + rows["review_weeks"]).astype(int).tolist(),
        _numbers(rows["service_level"]),
        *(_numbers(rows[name]) for name in ("expected_demand", "order_up_to", "safety_stock", "on_hand")),
        _days(rows["on_hand_day"]),
        *(_numbers(rows[name]) for name in ("proposed_order", "days_of_cover")),
        strict=True,
    )


# --- Cells ------------------------------------------------------------------------------------------------------------


def key_fields(language: str) -> list[Field]:
    """Return the three columns that name a combination."""
    say = partial(said_in, language)
    return [
        Field(say(Text("Unit")), width=18),
        Field(say(Text("Channel")), width=14),
        Field(say(Text("SKU")), width=24),
    ]


def worded(language: str, codes: Iterable[object], words: dict[str, str]) -> list[str]:
    """Return each code in words, of that language; one that has none is a text itself, or stays as it is."""

    @cache
    def word(code: str) -> str:
        return translated(language or SOURCE, words.get(code, code))

    return [word(str(code)) for code in codes]


def _names(rows: DataFrame, language: str) -> list[list[str]]:
    """The three names of each row, in words where one stands for all."""
    everything = said_in(language, Text("All"))
    return [[everything if name == ALL else name for name in rows[part].astype("str").tolist()] for part in KEY]


def _numbers(column: Series) -> list[float]:
    found: list[float] = column.astype("float64").round(3).tolist()
    return found


def _days(column: Series) -> list[Any]:
    """Days as such, None where there is none."""
    return [None if day != day else day.date() for day in column]
