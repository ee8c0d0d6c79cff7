"""Monitoring: which actual and which baseline a forecast meets, and how scores add up."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from pandas.testing import assert_frame_equal
from stubs import weeks_of

from skucast.core.combination import KEY
from skucast.core.tables.scorecard import BASELINES, LEVELS, METRICS, SCORED
from skucast.core.tables.validation import validate
from skucast.scorecard.metrics import SUMS
from skucast.scorecard.monitoring import Scorecard, classes, match, score, unpublished

A = ("Пермь", "KA", "A1")
B = ("Пермь", "TF", "A1")
C = ("Ижевск", "KA", "B2")


NOTHING_STORED = pd.DataFrame({"unit": [], "channel": [], "SKU_ID": [], "ds": [], "actual_first": []}).astype(
    {**dict.fromkeys(KEY, "str"), "ds": "datetime64[us]", "actual_first": "float64"}
)


def history(**series: list[float]) -> pd.DataFrame:
    """Return the weeks of combinations A, B, C with these sales up to the cutoff; NaN is out of stock."""
    blocks = [
        weeks_of(y).assign(**dict(zip(KEY, {"A": A, "B": B, "C": C}[name], strict=True))) for name, y in series.items()
    ]
    weeks = pd.concat(blocks, ignore_index=True).sort_values([*KEY, "ds"], ignore_index=True)
    return weeks.assign(is_stockout=weeks["y"].isna(), is_censored=False)


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
        "yhat_mean": math.nan,
        "method": "prophet",
        "status": "ok",
        "promo_source": "expected",
        "model_cutoff": pd.Timestamp(sunday(9)),
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


def test_every_reason_for_leaving_a_forecast_out_is_told() -> None:
    """Out of stock, not delivered, a fallback for a model that failed: no actual; a usual forecast has one."""
    weeks = history(A=[5, nan], B=[5, nan], C=[5, 7])
    weeks.loc[weeks["channel"] == "TF", "is_stockout"] = False
    failed = forecast(C, 1, 1, 8.0) | {"status": "forecast_failed"}
    rows = matched([forecast(A, 1, 1, 8.0), forecast(B, 1, 1, 8.0), failed, forecast(C, 2, 1, 8.0)], weeks)
    found = {(row["SKU_ID"], row["channel"], row["cutoff"].date()): row for row in rows.to_dict("records")}
    assert found["A1", "KA", sunday(1)]["left_out"] == "stockout"
    assert found["A1", "TF", sunday(1)]["left_out"] == "not_delivered"
    assert found["B2", "KA", sunday(1)]["left_out"] == "failed"
    assert rows.loc[rows["left_out"].isna(), "y"].tolist() == [5.0]
    assert rows.loc[rows["left_out"].notna(), "y"].isna().all()


def test_a_forecast_knows_the_one_before_it() -> None:
    """Of the same week, by the newest earlier cutoff, however far back; the first has none."""
    forecasts = [forecast(A, cutoff, cutoff, yhat) for cutoff, yhat in ((4, 40.0), (3, 30.0), (1, 10.0))]
    rows = matched([*forecasts, forecast(B, 2, 2, 99.0)], history(A=[1, 2, 3, 4, 5], B=[1, 2]))
    found = rows[rows["channel"] == "KA"].set_index("yhat")["previous_yhat"]
    assert found.to_dict() == {40.0: pytest.approx(nan, nan_ok=True), 30.0: 40.0, 10.0: 30.0}


def slow_scales(known: list[float]) -> tuple[float, float]:
    """Return mean absolute and mean squared change between neighbouring known weeks; NaN with fewer than 8, or 0."""
    changes = [b - a for a, b in pairwise(known) if not math.isnan(a) and not math.isnan(b)]
    if len(changes) < 8 or not any(changes):
        return nan, nan
    return sum(map(abs, changes)) / len(changes), sum(change**2 for change in changes) / len(changes)


@pytest.mark.slow
def test_scales_are_those_of_a_slow_loop() -> None:
    """Of what each forecast knew: gaps break no change in two, short and constant histories have no scale."""
    random = np.random.default_rng(4)
    y = random.uniform(0, 9, 30)
    y[random.uniform(size=30) < 0.2] = nan
    weeks = history(A=list(y), B=[3.0] * 30, C=list(y[:6]))
    rows = matched([forecast(each, cutoff, 1, 1.0) for each in (A, B, C) for cutoff in range(1, 25)], weeks)
    assert len(rows) == 3 * 24
    its_weeks = {each: mine[["ds", "y"]] for each, mine in weeks.groupby(KEY)}
    for row in rows.to_dict("records"):
        its = its_weeks[tuple(row[name] for name in KEY)]
        known = its.loc[its["ds"] <= row["data_cutoff"], "y"].tolist()
        assert (row["scale"], row["sq_scale"]) == pytest.approx(slow_scales(known), nan_ok=True)


@pytest.mark.slow
def test_a_week_sold_without_a_forecast_is_unpublished() -> None:
    """A is forecast 2 steps ahead three and one week ago, not two weeks ago; B sells only since then, C never.

    Missing of A: step 1 and step 2 of the cutoff between. B has no forecast at all: the ledger does not know it.
    """
    weeks = history(A=[5, 5, 5, 5], B=[5, 5])
    ledger = pd.DataFrame([forecast(A, cutoff, step, 1.0) for cutoff in (3, 1) for step in (1, 2)])
    rows = unpublished(ledger, weeks, sunday(99), CUTOFF)
    assert list(rows) == SCORED.column_names
    assert rows[["cutoff", "ds", "step"]].to_numpy().tolist() == [
        [pd.Timestamp(sunday(2)), pd.Timestamp(sunday(1)), 1],
        [pd.Timestamp(sunday(2)), pd.Timestamp(sunday(0)), 2],
    ]
    assert set(rows["left_out"]) == {"unpublished"}
    total = score(pd.concat([matched(ledger.to_dict("records"), weeks), rows])).query("level == 'total' and step == 0")
    assert total[["n", "n_left_out", "n_unpublished"]].to_numpy().tolist() == [[3, 0, 2]]


def test_weeks_before_the_ledger_began_or_the_sku_was_sold_are_not_missing() -> None:
    """Neither before the first cutoff, nor before a combination's first week, nor for a week out of stock."""
    weeks = history(A=[5, 5, 5, 5, 5, nan], B=[7.0])
    ledger = pd.DataFrame([forecast(A, 2, 1, 1.0), forecast(B, 0, 1, 1.0)])
    missing = unpublished(ledger, weeks, sunday(99), CUTOFF)
    assert len(missing) == 0
    assert len(unpublished(ledger.head(0), weeks, sunday(99), CUTOFF)) == 0


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


@pytest.mark.slow
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
    assert (alone["n"], alone["n_left_out"], alone["n_stockout"], alone["n_weeks"]) == (0, 1, 1, 0)
    assert math.isnan(alone["wape"])
    assert math.isnan(alone["mae"])
    total = scores.loc[("total", "*", "*", "*", 0)]
    assert (total["n"], total["n_left_out"], total["n_weeks"]) == (3, 1, 2)


# --- scorecard ------------------------------------------------------------------------------------------------------


def scorecard(scored: pd.DataFrame, weeks: pd.DataFrame, first: pd.DataFrame, lookback: int) -> pd.DataFrame:
    """Return the rows of all weeks up to the cutoff, the newest first."""
    made = Scorecard(scored, weeks, first, CUTOFF, lookback)
    rows = pd.concat([made.of(end) for end in made.ends], ignore_index=True)
    assert_frame_equal(made.of(*made.ends), rows)  # together as one by one
    return rows


def carded(forecasts: list[dict[str, Any]], weeks: pd.DataFrame, lookback: int = 2, first: pd.DataFrame | None = None):
    """Return the scorecard of the last weeks."""
    return scorecard(matched(forecasts, weeks), weeks, NOTHING_STORED if first is None else first, lookback)


def picked(rows: pd.DataFrame, column: str, **where: Any) -> dict[date, Any]:
    """Return a column of the pooled total by last week of the window."""
    wanted = {"window": "week", "level": "total", "step": 0} | where
    rows = rows[(rows[list(wanted)] == list(wanted.values())).all(axis=1)]
    return {end.date(): value for end, value in zip(rows["window_end"], rows[column], strict=True)}


def test_a_window_is_the_sum_of_its_weeks() -> None:
    """A sold 10, 20 and 40, each forecast 5 too high: each week alone, and two weeks together up to each of them."""
    forecasts = [forecast(A, back + 1, 1, y + 5.0) for back, y in enumerate((40, 20, 10))]
    rows = carded(forecasts, history(A=[10, 20, 40]))
    assert picked(rows, "wape") == {sunday(0): 5 / 40, sunday(1): 5 / 20}
    assert picked(rows, "wape", window="rolling") == {sunday(0): 10 / 60, sunday(1): 10 / 30}
    assert picked(rows, "n_weeks", window="rolling") == {sunday(0): 2, sunday(1): 2}
    assert picked(rows, "window_start", window="rolling")[sunday(0)] == pd.Timestamp(sunday(1))


@pytest.mark.slow
def test_rolling_windows_equal_what_is_scored_at_once() -> None:
    """Sums of weeks, and every row of the window together: the same, for every level, group and step."""
    random = np.random.default_rng(6)
    weeks = history(A=list(random.uniform(0, 9, 30)), B=list(random.uniform(0, 9, 20)), C=[3.0, nan, 5.0])
    steps = [(cutoff, step) for cutoff in range(1, 9) for step in range(1, min(cutoff, 4) + 1)]
    scored = matched([forecast(each, *step, random.uniform(0, 9)) for each in (A, B, C) for step in steps], weeks)
    found = scorecard(scored, weeks, NOTHING_STORED, 3)
    at_once = score(scored[scored["ds"] > pd.Timestamp(sunday(3))])
    newest = found[(found["window"] == "rolling") & (found["window_end"] == pd.Timestamp(CUTOFF))]
    of_one = (at_once["level"] == "combination") & (at_once["step"] > 0)
    stored = ~of_one | (at_once["n_left_out"] > 0)
    assert_frame_equal(newest[list(at_once)].reset_index(drop=True), at_once[stored].reset_index(drop=True))
    assert of_one[stored].any()

    weekly = found[(found["window"] == "week") & (found["level"] == "combination") & (found["step"] > 0)]
    summed = weekly.groupby([*KEY, "step"])[SUMS].sum().reset_index()
    assert_frame_equal(summed, at_once.loc[of_one, list(summed)].reset_index(drop=True))
    assert (~stored).any()


@pytest.mark.slow
def test_a_restated_actual_is_counted_by_week_and_by_window() -> None:
    """20 became 25 since it was first scored; 40 is as it was but for the last bits. The first actual is kept."""
    forecasts = [forecast(A, 2, 1, 20.0), forecast(A, 2, 2, 20.0), forecast(A, 1, 1, 40.0)]
    before = carded(forecasts, history(A=[10, 20, 40]))
    stored = before.loc[before["actual_first"].notna(), [*KEY, "window_end", "actual_first"]]
    assert stored["actual_first"].tolist() == [40.0, 20.0]
    first = stored.rename(columns={"window_end": "ds"})
    after = carded(forecasts, history(A=[10, 25, 40 + 1e-9]), first=first)
    assert picked(before, "n_restated_weeks", window="rolling") == {sunday(0): 0, sunday(1): 0}
    assert picked(after, "n_restated_weeks") == {sunday(0): 0, sunday(1): 1}
    assert picked(after, "n_restated_weeks", window="rolling") == {sunday(0): 1, sunday(1): 1}
    assert picked(after, "actual_first", level="combination") == {sunday(0): 40.0, sunday(1): 20.0}


def test_scorecards_fit_their_table() -> None:
    """With what the job adds every row is valid; classes stand beside combinations only."""
    weeks = history(A=[10, 10], B=[100, 100], C=[3, nan])
    forecasts = [forecast(A, 2, 1, 12.0), forecast(A, 2, 2, 16.0), forecast(B, 1, 1, 90.0), forecast(C, 1, 1, 5.0)]
    run = {"run_id": "r", "created_at": pd.Timestamp("2026-11-25"), "actuals_through": CUTOFF}
    rows = validate(METRICS, carded(forecasts, weeks).assign(**run))
    assert rows["abc_class"].notna().equals(rows["level"] == "combination")
    assert rows.loc[rows["unit"] == "Ижевск", "wape"].isna().all()


# --- classes --------------------------------------------------------------------------------------------------------


def classed(weeks: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Return volume, share and classes by combination."""
    rows = classes(weeks, pd.Timestamp(CUTOFF)).astype("object")
    rows = rows.where(rows.notna(), None)
    names = {A: "A", B: "B", C: "C"}
    shown = rows[["volume", "volume_share", "abc_class", "xyz_class"]].itertuples(index=False, name=None)
    return {names[tuple(key)]: each for key, each in zip(rows[KEY].to_numpy().tolist(), shown, strict=True)}


def test_classes_by_volume_and_variability() -> None:
    """Of 1000 sold, 800 by A, 150 by B, 50 by C, over ten weeks: A is what makes the first 80 %, B the next 15 %.

    A sells 80 every week; B 0 or 30, its deviation is its mean: Y still; C all of its 50 in one week: Z.
    """
    found = classed(history(A=[80.0] * 10, B=[0.0, 30.0] * 5, C=[0.0] * 9 + [50.0]))
    assert found == {"A": (80, 0.8, "A", "X"), "B": (15, 0.15, "B", "Y"), "C": (5, 0.05, "C", "Z")}


def test_classes_look_back_a_year() -> None:
    """What was sold 53 weeks ago no longer counts; a week out of stock is not known."""
    found = classed(history(A=[999.0, *[10.0] * 52], B=[nan, *[10.0] * 7]))
    assert found["A"] == (10, pytest.approx(520 / 590), "A", "X")
    assert found["B"] == (10, pytest.approx(70 / 590), "B", None)


def test_without_sales_there_are_no_classes() -> None:
    """Nothing sold by anybody: no share, no class."""
    assert classed(history(A=[0.0] * 10)) == {"A": (0, None, None, None)}


def test_every_level_sums_to_the_same_total(scores: pd.DataFrame) -> None:
    """Whatever rows are grouped by, nothing is lost and nothing counted twice, per step and pooled."""
    for level in LEVELS:
        rows = scores.loc[level].reset_index()
        for step, total in ((0, 18.0), (1, 12.0), (2, 6.0)):
            assert rows.loc[rows["step"] == step, "sum_abs_error"].sum() == total
    assert scores.index.is_unique


@pytest.mark.slow
def test_nothing_to_score_is_no_rows() -> None:
    """Before the first week is delivered there are no scores, in the same columns."""
    weeks = history(A=[10, 10])
    nothing = score(matched([forecast(A, 0, 1, 12.0)], weeks))
    assert len(nothing) == 0
    assert list(nothing) == list(score(matched([forecast(A, 1, 1, 12.0)], weeks)))


@pytest.mark.slow
def test_the_order_of_rows_does_not_matter() -> None:
    """Shuffled forecasts give the same scores."""
    weeks = history(A=[10, 10], B=[100, 100])
    forecasts = [forecast(A, 2, 1, 12.0), forecast(A, 2, 2, 16.0), forecast(B, 1, 1, 90.0)]
    assert_frame_equal(score(matched(forecasts, weeks)), score(matched(forecasts[::-1], weeks)))
