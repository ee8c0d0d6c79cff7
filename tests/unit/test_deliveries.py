"""Deliveries: what one unit lacks is unknown there, and there alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from builders import CUTOFF, history_of, line, series, sunday

from skucast.core.run import Run
from skucast.sales.columns import last_day
from skucast.sales.history import History

UNITS = ("Север", "Юг", "Запад", "Восток")
SKUS = ("A1", "A2")
CHANNELS = ("KA", "TF")
NEW_YEAR = [date(2026, 1, day) for day in range(1, 9)]


def lines(unit: str, weeks_ago: range, days: range = range(7), channels: tuple[str, ...] = CHANNELS) -> list[dict]:
    """Return 10 pieces a day of every article of the unit, the days counted from Monday."""
    return [
        line(sunday(ago) - timedelta(days=6 - day), 10, unit=unit, channel=channel, SKU_ID=sku)
        for ago in weeks_ago
        for day in days
        for channel in channels
        for sku in SKUS
    ]


def with_south(*south: list[dict], n_weeks: int = 20) -> list[dict]:
    """Return the sales of all units but for Юг, and of that what is given."""
    others = [each for unit in UNITS if unit != "Юг" for each in lines(unit, range(n_weeks))]
    return [*others, *(each for part in south for each in part)]


def y_of(history: History, unit: str, channel: str = "KA") -> list[float | None]:
    """Return the newest four weeks of one article, None where unknown."""
    found = series(history, unit=unit, channel=channel, SKU_ID="A1")[-4:]
    return [None if value != value else value for value in found]


@pytest.mark.slow
def test_a_unit_without_its_newest_week_is_late_not_empty(warehouse, run: Run) -> None:
    """One of four branches lacks the newest week: unknown there, known elsewhere, and named."""
    history = history_of(warehouse, with_south(lines("Юг", range(1, 20))), run)
    assert history.data_cutoff == CUTOFF
    assert y_of(history, "Юг") == [70.0, 70.0, 70.0, None]
    assert y_of(history, "Север") == [70.0] * 4
    assert history.report.late_units == [f"Юг is delivered through {sunday(1)}"]
    assert history.report.n_zero_filled_weeks == 0


def test_a_late_unit_knows_its_weeks_up_to_the_last_that_came(warehouse, run: Run) -> None:
    """Two weeks are missing in one branch: a forecast of it begins there, those of the others after the newest week."""
    history = history_of(warehouse, with_south(lines("Юг", range(2, 20))), run)
    known = history.delivered(history.combinations)
    assert {each.unit: str(last_day(weeks)) for each, weeks in known.items()} == {
        **dict.fromkeys(UNITS, str(CUTOFF)),
        "Юг": str(sunday(2)),
    }
    assert history.known_through() == sunday(2)


@pytest.mark.slow
def test_several_late_weeks_are_late_too(warehouse, run: Run) -> None:
    """Three weeks are missing: the third is as unknown as the first."""
    history = history_of(warehouse, with_south(lines("Юг", range(3, 20))), run)
    assert y_of(history, "Юг") == [70.0, None, None, None]
    assert history.report.late_units == [f"Юг is delivered through {sunday(3)}"]


def test_a_unit_that_ends_on_wednesday_is_late(warehouse, run: Run) -> None:
    """Its last four days are missing: 30 would be less than half of a week."""
    history = history_of(warehouse, with_south(lines("Юг", range(1, 20)), lines("Юг", range(1), range(3))), run)
    assert y_of(history, "Юг") == [70.0, 70.0, 70.0, None]


@pytest.mark.slow
def test_a_unit_partly_delivered_and_then_not_at_all_is_late_by_both_weeks(warehouse, run: Run) -> None:
    """It ends on Wednesday of the week before: neither week is known."""
    history = history_of(warehouse, with_south(lines("Юг", range(2, 20)), lines("Юг", range(1, 2), range(3))), run)
    assert y_of(history, "Юг") == [70.0, 70.0, None, None]
    assert history.report.late_units == [f"Юг is delivered through {sunday(2)}"]


@pytest.mark.slow
@pytest.mark.parametrize("days", [range(0), range(3)], ids=["nothing", "three days"])
def test_a_gap_of_one_unit_is_unknown(warehouse, run: Run, days: range) -> None:
    """A week in the middle that did not arrive, or only to Wednesday, is unknown in that unit alone."""
    south = [*lines("Юг", range(3, 20)), *lines("Юг", range(2, 3), days), *lines("Юг", range(2))]
    history = history_of(warehouse, with_south(south), run)
    assert y_of(history, "Юг") == [70.0, None, 70.0, 70.0]
    assert y_of(history, "Запад") == [70.0] * 4
    assert history.report.unit_gaps == [f"Юг lacks week {sunday(2)}"]
    assert history.report.late_units == []


@pytest.mark.slow
def test_a_channel_of_a_unit_can_be_late_alone(warehouse, run: Run) -> None:
    """TF of Юг lacks the newest week, KA has it."""
    south = [*lines("Юг", range(1, 20)), *lines("Юг", range(1), channels=("KA",))]
    history = history_of(warehouse, with_south(south), run)
    assert y_of(history, "Юг", "TF") == [70.0, 70.0, 70.0, None]
    assert y_of(history, "Юг", "KA") == [70.0] * 4
    assert history.report.late_units == [f"Юг/TF is delivered through {sunday(1)}"]


@pytest.mark.slow
def test_an_article_that_stops_alone_has_sold_nothing(warehouse, run: Run) -> None:
    """One article of a unit without a row: that is no delivery that fails."""
    south = [each for each in lines("Юг", range(20)) if each["SKU_ID"] != "A2" or each["date"] <= sunday(3)]
    history = history_of(warehouse, with_south(south), run)
    assert series(history, unit="Юг", channel="KA", SKU_ID="A2")[-4:] == [70.0, 0.0, 0.0, 0.0]
    assert history.report.late_units == []


def test_a_unit_that_seldom_sells_is_not_late(warehouse, run: Run) -> None:
    """Its articles have a row in every second week: one more week without is nothing."""
    history = history_of(warehouse, with_south(lines("Юг", range(1, 20, 2))), run)
    assert y_of(history, "Юг") == [70.0, 0.0, 70.0, 0.0]


@pytest.mark.slow
def test_a_unit_silent_for_long_is_closed(warehouse, run: Run) -> None:
    """After 13 weeks its weeks are 0: nobody waits for ever."""
    history = history_of(warehouse, with_south(lines("Юг", range(13, 40)), n_weeks=40), run)
    assert y_of(history, "Юг") == [0.0] * 4
    assert history.report.late_units == []


def at_new_year(run: Run) -> Run:
    """Return the run with the week of New Year as its newest: it ends on Sunday 2026-01-04."""
    return replace(run, cutoff=date(2026, 1, 4), today=date(2026, 1, 7))


def new_year_lines(last: date) -> list[dict]:
    """Return ten articles that sell 10 a day up to that day, but not on the holidays."""
    days = [last - timedelta(days=number) for number in range(160)]
    return [line(day, 10, SKU_ID=f"S{n}") for day in days if day not in NEW_YEAR for n in range(10)]


def test_a_week_of_holidays_is_delivered(warehouse, run: Run) -> None:
    """The week of New Year sold up to Wednesday and is whole; without the calendar it would be late."""
    history = history_of(warehouse, new_year_lines(date(2025, 12, 31)), at_new_year(run), days_off=NEW_YEAR)
    assert history.data_cutoff == date(2026, 1, 4)
    assert series(history, SKU_ID="S3")[-2:] == [70.0, 30.0]


def test_holidays_hide_no_week_that_ends_early(warehouse, run: Run) -> None:
    """Three weeks after New Year the newest week stops on Wednesday: the early end of the holidays is no measure."""
    late = replace(run, cutoff=date(2026, 2, 1), today=date(2026, 2, 4))
    history = history_of(warehouse, new_year_lines(date(2026, 1, 28)), late, days_off=NEW_YEAR)
    assert history.data_cutoff == date(2026, 1, 25)
    assert series(history, SKU_ID="S3")[-1] == 70.0


@pytest.mark.slow
@pytest.mark.parametrize("stock", [0, None], ids=["out of stock", "no stock kept"])
def test_lines_of_nothing_sold_are_delivered(warehouse, run: Run, stock: int | None) -> None:
    """A unit of one article writes a line every day; on four days of a week it sold 0: the week has arrived whole."""
    days = [sunday(0) - timedelta(days=number) for number in range(140)]
    empty = [sunday(2) - timedelta(days=number) for number in range(2, 6)]
    south = [
        line(day, 0 if day in empty else 10, stock=stock if day in empty else 50, unit="Юг", channel="KA")
        for day in days
    ]
    history = history_of(warehouse, with_south(south), run, correct_stockouts=False)
    assert history.report.unit_gaps == []
    assert history.report.late_units == []


@pytest.mark.slow
def test_a_unit_with_an_outlier_and_weeks_of_returns_is_not_late(warehouse, run: Run) -> None:
    """A million pieces, and a week of returns alone: a mistake and a correction, both of them delivered."""
    days = [sunday(0) - timedelta(days=number) for number in range(140)]
    south = [line(day, -10 if day > sunday(1) else 10, unit="Юг", channel="KA") for day in days]
    south[30] = {**south[30], "quantity": 1_000_000.0}
    history = history_of(warehouse, with_south(south), run)
    assert history.report.unit_gaps == []
    assert history.report.late_units == []
