"""The library on the sales of a business: the jobs' numbers, honest backtests, and what is said of wrong input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import WEDNESDAY, sunday
from business import TRAINED, business_lines, sold

import skucast as sk
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.tables.forecasts import FORECASTS

BLEND = ("--forecaster", "blend")
QUICK = {"forecaster": "prophet", "tune": "off", "workers": 1}

PLAN = pd.DataFrame(
    {"unit": ["Пермь"], "starts_on": ["2026-11-30"], "ends_on": ["2026-12-06"], "discount_perc": [40.0]}
)


@pytest.fixture(scope="module")
def fitted() -> sk.Forecaster:
    """Return a forecaster of the business, Prophet alone."""
    return sk.Forecaster(**QUICK).fit(business_lines())


@pytest.fixture(scope="module")
def backtest(fitted: sk.Forecaster) -> pd.DataFrame:
    """Return its backtest at two origins."""
    return fitted.cross_validation(n_windows=2, h=2, step_size=3)


def test_the_library_gives_the_numbers_that_the_jobs_publish(kept: Path, tmp_path: Path) -> None:
    """From the same table of sales, with the blend: forecast, interval, components and parts, to the last bit."""
    business = sold(tmp_path / "business", kept)
    business.already("train", *BLEND)
    assert business("predict", *BLEND) == 0
    published = business.warehouse.read(FORECASTS).sort_values([*KEY, "ds"], ignore_index=True)
    backtests = sk.read_backtests(f"duckdb:{business.warehouse.path}")
    assert {"prophet", "panel", "blend"} <= set(sk.compare(backtests)["model"])
    sales = sk.read_sales(f"duckdb:{business.warehouse.path}")
    found = sk.Forecaster(workers=1).fit(sales, as_of=WEDNESDAY).predict(h=4)
    found = found.sort_values([*KEY, "ds"], ignore_index=True)
    assert set(published["method"]) > {"blend"}
    same = {"skucast": "yhat", "skucast-lo-80": "yhat_lower", "skucast-hi-80": "yhat_upper", "panel": "yhat_panel"}
    for ours, theirs in {**same, "prophet": "yhat_prophet", "promo": "promo", "mean": "yhat_mean"}.items():
        np.testing.assert_array_equal(found[ours], published[theirs], err_msg=ours)
    about = [*KEY, "ds", "step", "method", "status", "model_version"]
    assert found[about].fillna("").astype("str").equals(published[about].fillna("").astype("str"))


def test_a_backtest_knows_what_was_known(backtest: pd.DataFrame) -> None:
    """Its first origin is what a forecaster says who has only the sales until then; later sales change nothing."""
    sales = business_lines()
    origin = backtest["cutoff"].min()
    day = pd.to_datetime(sales["date"])
    early = sk.Forecaster(**QUICK).fit(sales[day <= origin]).predict(h=2)
    at_origin = backtest[backtest["cutoff"] == origin].reset_index(drop=True)
    np.testing.assert_array_equal(at_origin["skucast"], early["skucast"])
    wild = sales.assign(quantity=sales["quantity"].where(day <= origin, 1.0))
    again = sk.Forecaster(**QUICK).fit(wild).cross_validation(n_windows=2, h=2, step_size=3)
    np.testing.assert_array_equal(again.loc[again["cutoff"] == origin, "skucast"], at_origin["skucast"])
    assert set(backtest["cutoff"].dt.date) == {sunday(5), sunday(2)}
    assert set(backtest["step"]) == {1, 2}


def test_a_backtest_is_scored_and_compared(backtest: pd.DataFrame) -> None:
    """By the scorecard's metrics, of each model; those of steady sales are small, and parts add up to every number."""
    told = sk.evaluate(backtest, ["wape", "coverage", "mase"], by=["unit"]).set_index(["unit", "metric"])
    assert (told.loc[[("Пермь", "wape"), ("Чайковский", "wape")], "skucast"] < 0.2).all()
    assert told.loc[("Пермь", "coverage"), "skucast"] > 0
    assert np.isnan(told.loc[("Пермь", "coverage"), "last_week"])
    table = sk.compare(backtest, ["skucast", "last_week", "last_year"])
    assert table["n_windows"].eq(2 * len(set(backtest.dropna(subset=["y"])["unique_id"]))).all()
    mine = table.set_index("model").loc["skucast"]
    assert (mine["difference"], mine["windows_won"], mine["p_value"]) == (0, 0.5, 1)
    parts = sk.explain(backtest).groupby(["unique_id", "cutoff", "ds"])["value"].sum()
    numbers = backtest.set_index(["unique_id", "cutoff", "ds"])["skucast"]
    np.testing.assert_allclose(parts, numbers.sort_index(), atol=1e-9)


def test_a_series_is_drawn(fitted: sk.Forecaster, backtest: pd.DataFrame) -> None:
    """What was sold, a line and a band for each origin, and below it what the last number is made of."""
    name = "/".join(TRAINED[0])
    figure = sk.plot(backtest, name, history=fitted.history, components=True)
    lines = {trace.name: trace for trace in figure.data if trace.showlegend is not False}
    origins = [f"skucast, {sunday(back)}" for back in (5, 2)]
    assert [each for each in lines if each.startswith("skucast")] == origins
    assert len(lines["sold"].x) == fitted.history.query("unique_id == @name")["y"].notna().sum()
    bars = [trace for trace in figure.data if trace.type == "bar"]
    last = backtest.query("unique_id == @name").sort_values("cutoff").tail(2)
    np.testing.assert_allclose(np.sum([trace.y for trace in bars], axis=0), last["skucast"])


def test_a_plan_that_is_known_now_changes_its_weeks_alone(fitted: sk.Forecaster) -> None:
    """For one forecast: the next one without it is what it was."""
    before, after = fitted.predict(h=3), fitted.predict(h=3, known=PLAN)
    planned = (after["unit"] == "Пермь") & (after["ds"] == pd.Timestamp("2026-12-06"))
    assert (after.loc[planned, "promo_source"] == "planned").all()
    own = planned & (after["method"] == "prophet")
    assert (after.loc[own, "promo"] > before.loc[own, "promo"]).all()
    pd.testing.assert_frame_equal(fitted.predict(h=3), before)


def test_a_regressor_is_declared_and_asked_what_if() -> None:
    """A price that moves sales enters the model, is a part of its number, and moves the weeks it is said of."""
    lines = business_lines()
    is_dear = pd.to_datetime(lines["date"]).dt.isocalendar()["week"].to_numpy() % 2 == 0
    lines = lines.assign(price=np.where(is_dear, 120.0, 100.0), quantity=lines["quantity"] * np.where(is_dear, 0.7, 1))
    days = pd.DataFrame(
        {"name": "price", "starts_on": lines["date"], "value": lines["price"], "known_from": "2025-01-01"}
    )
    forecaster = sk.Forecaster(**QUICK, regressors=[{"name": "price", "kind": "price"}])
    forecaster.fit(lines, days.drop_duplicates())
    dear = pd.DataFrame({"name": ["price"], "starts_on": ["2026-11-30"], "ends_on": ["2026-12-06"], "value": [120.0]})
    before = forecaster.predict(h=2, known=dear.assign(value=100.0))
    after = forecaster.predict(h=2, known=dear)
    own = (after["method"] == "prophet") & (after["step"] == 2)
    assert own.any()
    assert (after.loc[own, "skucast"] < 0.9 * before.loc[own, "skucast"]).all()
    parts = sk.explain(after[own])
    assert (parts.loc[parts["component"] == "regressors", "value"] < 0).all()


def test_models_are_at_hand(fitted: sk.Forecaster) -> None:
    """With their cards, as Prophet, and the clean weeks they were fitted to."""
    name = "/".join(TRAINED[0])
    assert fitted.model(name).card.combination == name
    assert sk.to_prophet(fitted.model(name)).scale in ("sales", "log1p")
    history = fitted.history
    assert set(history["unique_id"]) > {name}
    assert history["ds"].max().date() == sunday(0)


def test_doubts_are_said(fitted: sk.Forecaster) -> None:
    """What a line was taken for; lines without a quantity; intervals that nobody keeps; models that say nothing."""
    assert fitted.predict(level=[80, 95])["skucast-lo-95"].isna().all()
    assert "no interval of 95 %" in fitted.notes[-1]
    weekly = pd.DataFrame({"unique_id": 7, "ds": pd.date_range("2025-06-06", periods=70, freq="7D"), "y": 5.0})
    forecaster = sk.Forecaster(**QUICK).fit(weekly.assign(y=weekly["y"].where(weekly.index < 69)))
    assert forecaster.notes[:2] == [
        "each line covers a week, weeks end on FRI",
        "lines without a quantity, whose weeks count as unknown: 1",
    ]
    assert set(forecaster.predict(h=1)["unique_id"]) == {"7"}
    told = sk.compare(SCORED.assign(cutoff="2026-11-22", panel=np.nan))
    assert told["model"].tolist() == ["ours"]
    assert sk.evaluate(SCORED, "wape", by="unique_id")["metric"].tolist() == ["wape"]


def test_series_without_units_are_forecast_by_their_names() -> None:
    """A weekly frame of `unique_id, ds, y` as other libraries have it: its weeks end on the day that it has."""
    lines = business_lines()
    days = pd.to_datetime(lines["date"])
    saturdays = days + pd.to_timedelta((5 - days.dt.day_of_week) % 7, unit="D")
    weekly = lines.assign(ds=saturdays, unique_id=lines["SKU_ID"]).groupby(["unique_id", "ds"])["quantity"].sum()
    frame = weekly.rename("y").reset_index()
    found = sk.Forecaster(**QUICK).fit(frame[frame["ds"] < "2026-11-22"]).predict(h=1)
    assert set(found["unique_id"]) == {"A1", "B2", "NEW", "GONE"}
    assert set(found["ds"]) == {pd.Timestamp("2026-11-28")}


WRONG = {
    "no such setting": (
        lambda: sk.Forecaster(horizon_weekz=2),
        "horizon_weekz: no setting has this name; did you mean",
    ),
    "no such value": (lambda: sk.Forecaster(horizon_weeks=99), "HORIZON_WEEKS: found 99"),
    "no such declaration": (lambda: sk.Forecaster(regressors=[{"name": "price"}]), "kind is missing"),
    "no such column": (
        lambda: sk.Forecaster(regressors=[{"name": "price", "kind": "price"}]).fit(business_lines()),
        "no column price, in which a regressor is declared to be",
    ),
    "not fitted": (lambda: sk.Forecaster().predict(), r"not fitted: call fit\(sales\) first"),
    "no sales": (lambda: sk.Forecaster().fit(business_lines().head(0)), "no sales"),
    "no quantity": (lambda: sk.read_sales(business_lines().drop(columns="quantity")), "sales: no column y"),
    "no days": (lambda: sk.read_sales(business_lines().assign(date="soon")), "ds must be days"),
    "days of some country": (
        lambda: sk.read_sales(SCORED.assign(ds="05.11.2026")),
        "ds must be days such as 2026-11-05",
    ),
    "numbers for days": (lambda: sk.read_sales(SCORED.assign(ds=7)), "ds must be days .*; found numbers"),
    "days of a zone": (lambda: sk.read_sales(SCORED.assign(ds=pd.Timestamp("2026-11-05", tz="UTC"))), "tz_localize"),
    "no frame": (lambda: sk.read_sales([1, 2]), "found list: expected a frame"),
    "no such source": (lambda: sk.read_sales(SCORED, columns={"y": "pieces"}), "the frame has no pieces"),
    "no file": (lambda: sk.read_sales("none.csv"), "none.csv"),
    "no metric": (lambda: sk.evaluate(SCORED, ["mape"]), "no metric mape; there are wape"),
    "no model": (lambda: sk.evaluate(SCORED, models=["arima"]), "no column arima"),
    "no series": (lambda: sk.plot(SCORED.assign(cutoff="2026-11-22"), "b", model="ours"), "no series b; there are a"),
    "which series": (lambda: sk.plot(TWO, model="ours"), "2 series: name one by unique_id, such as a, b"),
    "nothing common": (lambda: sk.compare(SCORED.assign(a=np.nan, cutoff="2026-11-22"), ["a"]), "no row has"),
}
SCORED = pd.DataFrame({"unique_id": ["a"], "ds": [pd.Timestamp("2026-11-29")], "y": [1.0], "ours": [2.0]})
TWO = pd.concat([SCORED, SCORED.assign(unique_id="b")]).assign(cutoff="2026-11-22")


@pytest.mark.parametrize(("do", "said"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_clear_line(do: object, said: str) -> None:
    """What is wrong, and what was expected."""
    with pytest.raises(InputError, match=said):
        do()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"h": 5}, r"h: found 5: expected 1 to 4"),
        ({"h": 2.5}, r"h: found 2.5: expected 1 to 4"),
        ({"level": 101}, "expected percent from 1 to 99"),
        ({"known": PLAN.rename(columns={"discount_perc": "Promo_discount_perc"})}, "did you mean discount_perc"),
        ({"known": PLAN.assign(sku="A1")}, "no column sku is known; did you mean SKU_ID"),
        ({"known": PLAN.drop(columns="starts_on")}, "no column starts_on"),
        ({"known": PLAN.assign(starts_on="soon")}, "starts_on"),
    ],
)
def test_a_wrong_question_is_one_clear_line(fitted: sk.Forecaster, asked: dict[str, object], said: str) -> None:
    """Of the weeks ahead, the interval, the plan."""
    with pytest.raises(InputError, match=said):
        fitted.predict(**asked)  # type: ignore[arg-type]


def test_too_many_windows_are_refused(fitted: sk.Forecaster) -> None:
    """With the week in which sales begin."""
    with pytest.raises(InputError, match="ask for fewer windows"):
        fitted.cross_validation(n_windows=40)
