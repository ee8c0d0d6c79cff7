"""Backtests as rows: of each model at each origin what it would have said, by numbers that a reader can check."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF

from skucast.core.combination import KEY, Combination
from skucast.core.tables.backtests import BACKTESTS
from skucast.core.tables.validation import validate
from skucast.forecast.backtest import BACKTEST_COLUMNS
from skucast.forecast.backtest_rows import Scored, baselines_at, rows_of_backtests, rows_of_evidence
from skucast.forecast.evidence import EVERY, kept_evidence
from skucast.forecast.learnt import Past, learn, past_of
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import PromotionsAhead
from skucast.forecast.panel.model import PanelForecast
from skucast.jobs.backtests import side_by_side
from skucast.sales.baselines import YARDSTICKS

A1, B2 = Combination("Пермь", "KA", "A1"), Combination("Пермь", "TF", "B2")
N_WEEKS, HORIZON = 80, 4
FIRST = CUTOFF - timedelta(weeks=N_WEEKS - 1)
ORIGINS = [CUTOFF - timedelta(weeks=4 + EVERY * back) for back in range(5, -1, -1)]


def grid(y: np.ndarray | None = None) -> Grid:
    """Return two combinations over 80 weeks: one sells 100 a week, one 10."""
    sales = np.repeat([[100.0], [10.0]], N_WEEKS, axis=1) if y is None else y
    n = len(sales)
    nothing = np.zeros((n, N_WEEKS))
    return Grid(
        FIRST,
        (A1, B2)[:n],
        sales,
        nothing,
        nothing,
        np.array([[0, 0, 0], [0, 1, 1]])[:n],
        np.zeros((1, N_WEEKS + HORIZON + 1, 4)),
        np.zeros(n, dtype="int64"),
    )


def known(_: int, n_weeks: int) -> PromotionsAhead:
    """Return no promotions: of the first as planned, of the second as it came to pass."""
    nothing = np.zeros((2, n_weeks))
    return PromotionsAhead(nothing, nothing, nothing > 0, source=np.array(["plan", "perfect_plan"]))


def past(sales: Grid | None = None, *, own: tuple[Combination, ...] = (A1,)) -> Past:
    """Return six origins: own models say 1 too much of the origin's number, the panel 2 too little, on logarithms 6."""
    on = grid() if sales is None else sales
    level = np.array([[100.0], [10.0]]) * np.ones(HORIZON)
    said = PanelForecast(level - 2, level - 6, level - 5, level + 5)
    told = {
        each: {str(origin): [float(level[(A1, B2).index(each)][0]) + 1] * HORIZON for origin in ORIGINS} for each in own
    }
    evidence = kept_evidence(CUTOFF, {}, on.combinations, dict.fromkeys(ORIGINS, said))
    return past_of(on, known, told, evidence, ORIGINS, HORIZON)


def of(rows: pd.DataFrame, model: str, combination: Combination = A1) -> pd.DataFrame:
    found = rows[(rows["model"] == model) & (rows["SKU_ID"] == combination.sku_id)]
    return found.sort_values(["origin", "step"], ignore_index=True)


def stamped(rows: pd.DataFrame) -> pd.DataFrame:
    run = {"run_id": "r", "created_at": pd.Timestamp("2026-11-25")}
    return validate(BACKTESTS, rows.assign(slice="s", cutoff=pd.Timestamp(CUTOFF), kind="evidence", **run))


def test_every_model_has_a_row_of_every_step_of_every_origin() -> None:
    """Components as they were, the blend between them, three naive methods; no row of a model that there is not."""
    rows = stamped(rows_of_evidence(past(), "blend"))
    counts = rows.groupby(["SKU_ID", "model"]).size().to_dict()
    models = ("panel", "panel_log", "blend", "last_week", "mean_4", "last_year")
    assert counts == {(sku, model): 24 for sku in ("A1", "B2") for model in models} | {("A1", "prophet"): 24}
    assert set(of(rows, "prophet")["yhat"]) == {101.0}
    assert set(of(rows, "panel_log", B2)["yhat"]) == {4.0}
    assert set(of(rows, "last_year")["yhat"]) == {100.0}
    assert of(rows, "blend")["yhat"].between(94, 101).all()
    first = of(rows, "panel").iloc[:HORIZON]
    assert first["origin"].dt.date.tolist() == [ORIGINS[0]] * HORIZON
    assert first["ds"].dt.date.tolist() == [ORIGINS[0] + timedelta(weeks=step) for step in (1, 2, 3, 4)]
    assert first["step"].tolist() == [1, 2, 3, 4]
    assert set(rows["y"]) == {100.0, 10.0}


def test_promotions_are_told_of_the_models_that_look_at_them() -> None:
    """As they were known at the origin: the plan's, or what came to pass; naive methods look at none."""
    rows = rows_of_evidence(past(), "blend")
    assert set(of(rows, "blend")["promotions"]) == {"plan"}
    assert set(of(rows, "panel", B2)["promotions"]) == {"perfect_plan"}
    assert of(rows, "mean_4")["promotions"].isna().all()


def test_the_blend_of_an_origin_has_not_seen_its_sales() -> None:
    """Its own sales may be anything: neither number nor interval of that origin change; the blend to come does."""
    usual, other = np.repeat([[100.0], [10.0]], N_WEEKS, axis=1), np.repeat([[100.0], [10.0]], N_WEEKS, axis=1)
    other[:, -4:] = [[300.0] * 4, [50.0] * 4]
    found = [past(grid(y)) for y in (usual, other)]
    rows = [rows_of_evidence(each, "blend") for each in found]
    last = [of(each, "blend").iloc[-HORIZON:] for each in rows]
    pd.testing.assert_frame_equal(last[0].drop(columns="y"), last[1].drop(columns="y"))
    assert last[0]["yhat_lower"].notna().all()
    assert not np.allclose(of(rows[0], "blend")["yhat"].iloc[:HORIZON], of(rows[1], "blend")["yhat"].iloc[:HORIZON])
    assert learn(found[0]).pooled != learn(found[1]).pooled


def test_the_panel_alone_is_the_mean_of_its_two() -> None:
    """As FORECASTER=panel publishes it; there is no row that is called a blend."""
    rows = rows_of_evidence(past(), "panel")
    assert set(of(rows, "panel_mean")["yhat"]) == {96.0}
    assert "blend" not in set(rows["model"])


def test_what_rests_has_no_rows() -> None:
    """Nothing sold for 13 weeks before an origin: no model forecasts it there. Sales not known stay so."""
    y = np.repeat([[100.0], [10.0]], N_WEEKS, axis=1)
    y[1, :70] = 0.0
    y[0, -1] = np.nan
    rows = rows_of_evidence(past(grid(y)), "blend")
    assert set(of(rows, "panel", B2)["origin"].dt.date) == {
        each for each in ORIGINS if each >= FIRST + timedelta(weeks=70)
    }
    assert of(rows, "panel")["y"].isna().tolist() == [False] * 23 + [True]


def test_without_any_origin_there_are_no_rows() -> None:
    """Sales that are too young."""
    assert rows_of_evidence(replace(past(), origins=()), "blend").empty


@pytest.mark.parametrize("end", [1, 5, 60, 76])
def test_the_naive_methods_are_those_of_the_scorecard(end: int) -> None:
    """Of all combinations at once what each says of one: with weeks that are not known, or a year that is not there."""
    random = np.random.default_rng(3)
    y = random.uniform(0, 9, (2, N_WEEKS))
    y[random.uniform(size=y.shape) < 0.3] = np.nan
    y[0, :3] = np.nan
    found = baselines_at(grid(y), end, HORIZON)
    ds = pd.date_range(FIRST, periods=N_WEEKS, freq="7D")
    for row in range(2):
        weeks = pd.DataFrame({"ds": ds[:end], "y": y[row, :end]})
        targets = [each.date() for each in ds[end : end + HORIZON]]
        for name, baseline in YARDSTICKS.items():
            np.testing.assert_allclose(found[name][row], baseline(weeks, targets), err_msg=name)


def scored(promotions: str) -> pd.DataFrame:
    """Return a backtest of one origin and two steps."""
    values = {
        "origin": [CUTOFF - timedelta(weeks=2)] * 2,
        "ds": [CUTOFF - timedelta(weeks=1), CUTOFF],
        "step": [1, 2],
        "y": [10.0, np.nan],
        "yhat": [11.0, 12.0],
        "yhat_lower": [9.0, 8.0],
        "yhat_upper": [13.0, 15.0],
        "yhat_perfect_plan": [10.5, 12.5],
        "promotions": [promotions] * 2,
        "baseline": [7.0, 8.0],
    }
    frame = pd.DataFrame(values)[BACKTEST_COLUMNS]
    return frame.assign(**{name: pd.to_datetime(frame[name]) for name in ("origin", "ds")})


def test_the_backtest_of_a_model_becomes_rows() -> None:
    """Prophet as it knew the promotions, the same with all of them planned where that differs, and last year."""
    rows = stamped(
        rows_of_backtests(
            [Scored(A1, scored("plan"), "2026-11-22-aa"), Scored(B2, scored("perfect_plan"), "2026-11-22-bb")]
        )
    )
    counts = rows.groupby(["SKU_ID", "model"]).size().to_dict()
    assert counts == {
        ("A1", "prophet"): 2, ("A1", "prophet_perfect_plan"): 2, ("A1", "last_year"): 2,
        ("B2", "prophet"): 2, ("B2", "last_year"): 2,
    }  # fmt: skip
    own = of(rows, "prophet")
    assert own[["yhat", "yhat_lower", "yhat_upper"]].to_numpy().tolist() == [[11.0, 9.0, 13.0], [12.0, 8.0, 15.0]]
    assert own["model_version"].tolist() == ["2026-11-22-aa"] * 2
    assert of(rows, "prophet_perfect_plan")["promotions"].tolist() == ["perfect_plan"] * 2
    assert of(rows, "last_year", B2)["yhat"].tolist() == [7.0, 8.0]
    assert of(rows, "last_year")["promotions"].isna().all()


def test_models_side_by_side() -> None:
    """One row per combination, origin and week, a column for each model, NaN where one said nothing."""
    frame = side_by_side(stamped(rows_of_evidence(past(), "blend")))
    assert list(frame)[:8] == ["unique_id", *KEY, "cutoff", "ds", "step", "y"]
    assert set(frame.columns[8:]) == {"prophet", "panel", "panel_log", "blend", "last_week", "mean_4", "last_year"}
    assert len(frame) == 48
    assert set(frame["unique_id"]) == {"Пермь/KA/A1", "Пермь/TF/B2"}
    assert frame["prophet"].isna().sum() == 24
    assert frame["panel"].tolist() == [98.0] * 24 + [8.0] * 24
    assert (frame["ds"] - frame["cutoff"]).dt.days.div(7).tolist() == frame["step"].tolist()
