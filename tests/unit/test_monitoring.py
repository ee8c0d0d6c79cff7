"""Monitoring: which actual and which baseline a forecast meets, and how scores add up."""

from __future__ import annotations

import math
from datetime import date
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from pandas.testing import assert_frame_equal
from stubs import weeks_of

from skucast.combination import KEY
from skucast.monitoring import match, score
from skucast.tables import BASELINES, LEVELS, METRICS, SCORED, validate

A = ("Пермь", "KA", "A1")
B = ("Пермь", "TF", "A1")
C = ("Ижевск", "KA", "B2")


def history(**series: list[float]) -> pd.DataFrame:
    """Return the weeks of combinations A, B, C with these sales up to the cutoff."""
    blocks = [
        weeks_of(y).assign(**dict(zip(KEY, {"A": A, "B": B, "C": C}[name], strict=True))) for name, y in series.items()
    ]
    return pd.concat(blocks, ignore_index=True).sort_values([*KEY, "ds"], ignore_index=True)


def forecast(combination: tuple[str, str, str], cutoff: int, step: int, yhat: float, late: int = 0) -> dict[str, Any]:
    """Return one stored forecast; `cutoff` in weeks before that of the tests, `late` weeks of missing sales."""
    return {
        **dict(zip(KEY, combination, strict=True)),
        "cutoff": pd.Timestamp(sunday(cutoff)),
        "data_cutoff": pd.Timestamp(sunday(cutoff + late)),
        "ds": pd.Timestamp(sunday(cutoff - step)),
        "step": step,
        "yhat": yhat,
        "yhat_lower": yhat - 1,
        "yhat_upper": yhat + 1,
    }


def matched(forecasts: list[dict[str, Any]], weeks: pd.DataFrame, since: date | None = None) -> pd.DataFrame:
    """Return the forecasts with their actuals up to the cutoff, by default from the start."""
    return match(pd.DataFrame(forecasts), weeks, since or sunday(99), CUTOFF)


# --- match ----------------------------------------------------------------------------------------------------------


def test_a_forecast_meets_the_actual_of_its_week() -> None:
    """By combination and week; two cutoffs that forecast one week are two rows."""
    rows = matched(
        [forecast(A, 1, 1, 8.0), forecast(A, 2, 2, 9.0), forecast(B, 1, 1, 7.0)], history(A=[5, 6], B=[1, 2])
    )
    assert list(rows) == SCORED.column_names
    found = rows.set_index(["cutoff", *KEY])[["step", "y", "yhat"]].to_dict("index")
    assert found == {
        (pd.Timestamp(sunday(2)), *A): {"step": 2, "y": 6.0, "yhat": 9.0},
        (pd.Timestamp(sunday(1)), *A): {"step": 1, "y": 6.0, "yhat": 8.0},
        (pd.Timestamp(sunday(1)), *B): {"step": 1, "y": 2.0, "yhat": 7.0},
    }


def test_only_weeks_of_the_window_are_matched() -> None:
    """Both ends are included; forecasts of weeks to come wait."""
    forecasts = [forecast(A, 4, step, float(step)) for step in range(1, 7)]
    rows = matched(forecasts, history(A=[1, 2, 3, 4, 5]), since=sunday(2))
    assert rows["ds"].dt.date.tolist() == [sunday(2), sunday(1), sunday(0)]


def test_a_week_that_is_not_known_has_no_actual() -> None:
    """Out of stock, or a combination that the sales do not have: the row stays, y is NaN."""
    rows = matched([forecast(A, 1, 1, 8.0), forecast(C, 1, 1, 8.0)], history(A=[5, nan], B=[1, 2]))
    assert rows["y"].isna().tolist() == [True, True]
    assert rows[[name for name in rows if name.startswith("baseline_")]].notna().all(axis=None)


def test_baselines_know_what_the_forecast_knew() -> None:
    """Step 2 of a forecast made on sales one week late: the third week from the end is the last one known."""
    rows = matched([forecast(A, 2, 2, 8.0, late=1)], history(A=[2, 4, 6, 8, 100, 100, 100]))
    assert rows[["baseline_last_week", "baseline_mean_4", "baseline_last_year"]].to_numpy().tolist() == [[8, 5, 8]]


def slow_baselines(weeks: pd.DataFrame, ds: pd.Timestamp) -> dict[str, float]:
    """Return the baselines of `tables.BASELINES` for week `ds`, one after the other, from the weeks known before it."""
    known = [y for y in weeks["y"] if not math.isnan(y)]
    a_year_ago = [y for week, y in zip(weeks["ds"], weeks["y"], strict=True) if week == ds - pd.Timedelta(weeks=52)]
    last = known[-1] if known else 0.0
    return {
        "last_week": last,
        "mean_4": sum(known[-4:]) / len(known[-4:]) if known else 0.0,
        "last_year": next((y for y in a_year_ago if not math.isnan(y)), last),
    }


def test_baselines_are_those_of_a_slow_loop() -> None:
    """For every combination, cutoff, step and lateness: with gaps, with a short history, with a year and without."""
    random = np.random.default_rng(3)
    series = {"A": random.uniform(0, 9, 80), "B": random.uniform(0, 9, 56), "C": random.uniform(0, 9, 4)}
    for y in series.values():
        y[random.uniform(size=len(y)) < 0.25] = nan
    series["A"][-10:-4] = nan
    weeks = history(**{name: list(y) for name, y in series.items()})
    for late in (0, 1):
        steps = [(cutoff, step) for cutoff in range(1, 7) for step in range(1, min(cutoff, 4) + 1)]
        rows = matched([forecast(combination, *step, 1.0, late) for combination in (A, B, C) for step in steps], weeks)
        assert len(rows) == 3 * len(steps)
        for row in rows.to_dict("records"):
            is_known = weeks["ds"] <= row["cutoff"] - late * pd.Timedelta(weeks=1)
            its_weeks = weeks[is_known & (weeks[KEY] == [row[name] for name in KEY]).all(axis=1)]
            expected = slow_baselines(its_weeks, row["ds"])
            assert list(expected) == list(BASELINES)
            assert {name: row[f"baseline_{name}"] for name in BASELINES} == pytest.approx(expected)


# --- score ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def scores() -> pd.DataFrame:
    """Return scores of A (10 forecast as 12, then as 16), B (100 as 90) and C, which is out of stock."""
    weeks = history(A=[10, 10], B=[100, 100], C=[3, nan])
    forecasts = [forecast(A, 2, 1, 12.0), forecast(A, 2, 2, 16.0), forecast(B, 1, 1, 90.0), forecast(C, 1, 1, 5.0)]
    return score(matched(forecasts, weeks)).set_index(["level", *KEY, "step"])


def test_scores_per_combination_and_step(scores: pd.DataFrame) -> None:
    """A is 20 % off at step 1, 60 % at step 2, 40 % pooled (step 0)."""
    wape = scores["wape"]
    found = [wape["combination", *A, step] for step in (1, 2, 0)]
    assert found == pytest.approx([0.2, 0.6, 0.4])
    assert scores.loc[("combination", *A, 0), ["n", "n_weeks", "sum_actual", "sum_abs_error"]].tolist() == [2, 2, 20, 8]


def test_roll_ups_are_ratios_of_sums(scores: pd.DataFrame) -> None:
    """Total: errors 2 + 6 + 10 of 10 + 10 + 100 sold = 15 %, not the mean of 20, 60 and 10 %."""
    wape = scores["wape"]
    assert wape["total", "*", "*", "*", 0] == pytest.approx(18 / 120)
    assert wape["total", "*", "*", "*", 1] == pytest.approx(12 / 110)
    assert wape["unit", "Пермь", "*", "*", 0] == pytest.approx(18 / 120)
    assert wape["channel", "*", "KA", "*", 0] == pytest.approx(8 / 20)
    assert wape["channel", "*", "TF", "*", 0] == pytest.approx(10 / 100)
    assert wape["SKU_ID", "*", "*", "A1", 0] == pytest.approx(18 / 120)


def test_a_week_out_of_stock_is_left_out_and_counted(scores: pd.DataFrame) -> None:
    """C has nothing to be scored on, its metrics are undefined; the totals say that one forecast was left out."""
    alone = scores.loc[("combination", *C, 0)]
    assert (alone["n"], alone["n_left_out"], alone["n_weeks"]) == (0, 1, 0)
    assert math.isnan(alone["wape"])
    assert math.isnan(alone["mae"])
    total = scores.loc[("total", "*", "*", "*", 0)]
    assert (total["n"], total["n_left_out"], total["n_weeks"]) == (3, 1, 2)


def test_every_level_sums_to_the_same_total(scores: pd.DataFrame) -> None:
    """Whatever rows are grouped by, nothing is lost and nothing counted twice, per step and pooled."""
    for level in LEVELS:
        rows = scores.loc[level].reset_index()
        for step, total in ((0, 18.0), (1, 12.0), (2, 6.0)):
            assert rows.loc[rows["step"] == step, "sum_abs_error"].sum() == total
    assert scores.index.is_unique


def test_scores_fit_their_table(scores: pd.DataFrame) -> None:
    """With what the job adds every row is valid; WAPE of C, its unit and its article is NULL, per step and pooled."""
    run = {"run_id": "r", "created_at": pd.Timestamp("2026-11-25"), "actuals_through": CUTOFF}
    rows = scores.reset_index().assign(window_start=sunday(4), window_end=CUTOFF, **run)
    assert validate(METRICS, rows)["wape"].isna().sum() == 6


def test_nothing_to_score_is_no_rows() -> None:
    """Before the first week is delivered there are no scores, in the same columns."""
    weeks = history(A=[10, 10])
    nothing = score(matched([forecast(A, 0, 1, 12.0)], weeks))
    assert len(nothing) == 0
    assert list(nothing) == list(score(matched([forecast(A, 1, 1, 12.0)], weeks)))


def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled forecasts give the same scores."""
    weeks = history(A=[10, 10], B=[100, 100])
    forecasts = [forecast(A, 2, 1, 12.0), forecast(A, 2, 2, 16.0), forecast(B, 1, 1, 90.0)]
    assert_frame_equal(score(matched(forecasts, weeks)), score(matched(forecasts[::-1], weeks)))
