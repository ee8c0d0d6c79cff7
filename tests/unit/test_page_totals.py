"""The planner's first numbers: sums by unit, channel and week, and intervals of sums only where they are stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from boards import CUTOFF, KAZAN, PERM, Names, decoded, forecast_row, frame, named, small_board, week, without_rows

from skucast.dashboard.board import Board
from skucast.dashboard.totals import PAST_WEEKS, YEAR_WEEKS, totals_data

OTHER: Names = (KAZAN[0], KAZAN[1], "ЦУП00009754")


def board(forecasts: list[dict[str, Any]], **other: Any) -> Board:
    """Return a board of these forecasts, with 10, 20 and 40 sold in every week of more than a year."""
    sold = {PERM: 10.0, KAZAN: 20.0, OTHER: 40.0}
    history = [
        {**named(each), "ds": week(-back), "y": y, "promo_discount_perc": 0.0}
        for each, y in sold.items()
        for back in range(70)
    ]
    made = {"forecasts": frame(forecasts), "history": frame(history)}
    return replace(small_board(), **made | other)


def ahead(each: Names, value: float, origin: int = 0, **other: Any) -> list[dict[str, Any]]:
    """Return two weeks of a forecast."""
    return [forecast_row(each, step, origin=origin, yhat=value, **other) for step in (1, 2)]


def cells(found: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the cells by unit and channel."""
    columns = decoded(found["cells"])
    names = list(zip(columns["unit"], columns["channel"], strict=True))
    return {name: {key: columns[key][at] for key in columns} for at, name in enumerate(names)}


def totals_of(board: Board) -> dict[str, Any]:
    """Return the totals of a board that has some."""
    found = totals_data(board)
    assert found is not None
    return found


def test_sums_are_by_unit_channel_and_week() -> None:
    """Thirteen weeks sold and two forecast; two articles of one cell add up, the other cell stands apart."""
    found = totals_of(board([*ahead(PERM, 100), *ahead(KAZAN, 200), *ahead(OTHER, 300)]))
    assert found["weeks"][0] == str(week(1 - PAST_WEEKS).date())
    assert found["weeks"][-1] == str(week(2).date())
    kazan = cells(found)[KAZAN[:2]]
    assert kazan["sold"] == [60.0] * PAST_WEEKS + [None, None]
    assert kazan["last_year"] == [60.0] * (PAST_WEEKS + 2)
    assert kazan["forecast"] == [None] * PAST_WEEKS + [500.0, 500.0]
    assert (kazan["n"], cells(found)[PERM[:2]]["n"]) == (2, 1)


def test_the_expected_value_is_summed_and_a_planners_number_before_it() -> None:
    """yhat_mean for sums, yhat where there is none, the override's number where there is one."""
    rows = [
        *ahead(PERM, 100, yhat_mean=110.0),
        *ahead(KAZAN, 200),
        *ahead(OTHER, 300, yhat_mean=310.0, final=50.0, override_id="o1"),
    ]
    found = cells(totals_of(board(rows)))
    assert found[PERM[:2]]["forecast"][-1] == 110
    assert found[KAZAN[:2]]["forecast"][-1] == 250
    no_override = [*ahead(PERM, 100, yhat_mean=110.0, final=100.0)]  # final is yhat where nobody has spoken
    assert cells(totals_of(board(no_override)))[PERM[:2]]["forecast"][-1] == 110


def test_the_run_before_is_of_the_same_weeks() -> None:
    """Of the run a week before only the week that both have is there, whatever came of older ones."""
    rows = [*ahead(PERM, 100), *ahead(PERM, 80, origin=-1), *ahead(PERM, 1, origin=-2)]
    found = totals_of(board(rows))
    assert cells(found)[PERM[:2]]["before"][-3:] == [80.0, 80.0, None]
    assert found["before_cutoff"] == str(week(-1).date())
    alone = totals_of(board(ahead(PERM, 100)))
    assert (alone["before_cutoff"], set(cells(alone)[PERM[:2]]["before"])) == (None, {None})


def test_what_is_not_known_is_counted() -> None:
    """An unknown week is no 0 in silence: the sum is of the others, and how many are not known stands beside it."""
    known = board(ahead(KAZAN, 100))
    gap = (known.history["SKU_ID"] == KAZAN[2]) & (known.history["ds"] == CUTOFF)
    last_year = (known.history["SKU_ID"] == KAZAN[2]) & (known.history["ds"] == week(1 - YEAR_WEEKS))
    history = known.history.assign(y=known.history["y"].mask(gap | last_year))
    kazan = cells(totals_of(replace(known, history=history)))[KAZAN[:2]]
    assert (kazan["sold"][PAST_WEEKS - 1], kazan["unknown"][PAST_WEEKS - 1]) == (40, 1)
    assert (kazan["last_year"][PAST_WEEKS], kazan["last_year_unknown"][PAST_WEEKS]) == (40, 1)


def test_intervals_are_those_stored_for_the_newest_forecast() -> None:
    """Moved by what overrides changed; those of an earlier forecast, or of articles, are not shown."""
    row = {"unit": "*", "channel": "*", "step": 0, "yhat": 200.0, "yhat_lower": 180.0, "yhat_upper": 230.0}
    totals = pd.DataFrame(
        [
            {"cutoff": CUTOFF, "level": "total", **row, "final": 190.0},
            {"cutoff": week(-1), "level": "total", **row, "final": 1.0},
            {"cutoff": CUTOFF, "level": "SKU_ID", **row, "final": 1.0},
        ]
    )
    found = decoded(totals_of(board(ahead(PERM, 100), totals=totals))["intervals"])
    expected = {"unit": ["*"], "channel": ["*"], "step": [0], "expected": [190], "lower": [170], "upper": [220]}
    assert found == expected
    assert totals_of(board(ahead(PERM, 100)))["intervals"]["step"] == []


def test_without_a_forecast_there_are_no_totals() -> None:
    """The page says so instead."""
    assert totals_data(without_rows(small_board())) is None
