"""Promotions and weather are declarations: what they say is what weeks, stand-ins, families and components go by."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, history_of, line, sunday
from stubs import weeks_of

from skucast.core import declared as kinds
from skucast.core.combination import Combination
from skucast.core.declared import SALES as OF_SALES
from skucast.core.declared import USES, Regressor, Source
from skucast.core.errors import InputError
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import COMPONENTS
from skucast.core.tables.sales import PROMOTIONS as PLAN
from skucast.core.tables.sales import SALES, WEATHER
from skucast.core.tables.validation import validate
from skucast.core.weeks import WeekClock
from skucast.forecast.families import regressors_with, with_those_that_pay
from skucast.forecast.prophet.design import group_of, scales_by_group
from skucast.forecast.prophet.spec import DECLARED_PRIOR_SCALE, ModelSpec
from skucast.regressors.built_in import BUILT_IN, DECLARED, component_of, families_of
from skucast.regressors.built_in import PROMOTIONS as PROMOTED
from skucast.regressors.built_in import WEATHER as OUTSIDE
from skucast.regressors.declared import declared_of
from skucast.regressors.declared_values import filled, of_weeks, sum_of_a_group
from skucast.regressors.future import NO_ARCHIVE
from skucast.regressors.promotions import Plan, promotions_ahead
from skucast.regressors.weather import climate_of, weekly_anomalies

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.fromisoformat("2026-11-25T19:00:00")
A1 = Combination("Пермь", "KA", "A1")
NAN = float("nan")


def with_rule(declared: tuple[Regressor, ...], name: str, **changed: str) -> tuple[Regressor, ...]:
    """Return the declarations, one of them another one."""
    return tuple(replace(each, **changed) if each.name == name else each for each in declared)  # type: ignore[arg-type]


# --- What is said of them -------------------------------------------------------------------------------------------


def test_a_reader_sees_them_as_he_would_write_them() -> None:
    """The page has the very text that the program reads."""
    assert DECLARED.strip() in (ROOT / "docs" / "regressors.md").read_text(encoding="utf-8")


def test_what_they_come_from_is_there() -> None:
    """Columns of the sales, and of tables in their contracts."""
    tables = {table.name: table.column_names for table in TABLES}
    for each in BUILT_IN:
        for source in (each.history, each.ahead):
            if source.kind == OF_SALES:
                assert source.name in SALES.column_names
            else:
                assert set(source.columns) <= set(tables[source.name.partition(".")[0]])


@pytest.mark.parametrize("name", ["weather", "promo", "promotions", "promo_days", "promo_response", "weather_snowfall"])
def test_a_name_that_is_built_in_is_refused(name: str) -> None:
    """In one line; a longer name of one's own is not."""
    with pytest.raises(
        InputError, match=rf"^REGRESSORS: regressor 1 \({name}\): name '{name}' means something"
    ) as error:
        declared_of(f'[[regressor]]\nname = "{name}"\nkind = "event"\n')
    assert "\n" not in str(error.value)
    assert declared_of(f'[[regressor]]\nname = "{name}_index"\nkind = "event"\n')


@pytest.mark.parametrize("kind", ["promotion", "weather"])
def test_a_kind_that_is_built_in_is_refused(kind: str) -> None:
    """With those that there are."""
    said = f"kind '{kind}' is built in; expected price, distribution, competitor, event"
    with pytest.raises(InputError, match=said):
        declared_of(f'[[regressor]]\nname = "x"\nkind = "{kind}"\n')


@pytest.mark.parametrize("source", ["table:distributor_weather_daily.snowfall_sum", "sales:is_promo"])
def test_tables_and_columns_that_are_built_in_are_no_sources_of_others(source: str) -> None:
    """They mean what they mean to the program; only its own declarations name them."""
    with pytest.raises(InputError, match=r"^REGRESSORS: regressor 1 \(x\): history "):
        declared_of(f'[[regressor]]\nname = "x"\nkind = "event"\nhistory = "{source}"\n')


# --- Weeks of days, and what stands in ------------------------------------------------------------------------------


def weather(dates: pd.DatetimeIndex, rain: object, warm: object = 5.0) -> pd.DataFrame:
    """Return observed days of one unit."""
    rows = pd.DataFrame({"date": dates, "unit": "Пермь", "precipitation_sum": rain, "snowfall_sum": 0.0})
    rows = rows.assign(temperature_2m_max=warm, temperature_2m_min=warm, kind="observed", fetched_at=NOW)
    return validate(WEATHER, rows.astype({"precipitation_sum": "float64", "temperature_2m_max": "float64"}))


YEARS = pd.date_range("2024-01-01", CUTOFF - timedelta(days=7))
USUAL = climate_of(weather(YEARS, rain=np.resize([0.0, 4.0], len(YEARS))), CUTOFF)


def of_last_week(regressors: tuple[Regressor, ...]) -> pd.Series:
    """Return the week before the cutoff: rain on two days, and no thermometer on the last."""
    days = pd.date_range(CUTOFF - timedelta(days=6), CUTOFF)
    daily = weather(days, [0, 0, 4.0, 0, 3.0, 0, 0], [5.0] * 6 + [NAN])
    return weekly_anomalies(daily, USUAL, WeekClock(), [CUTOFF], NOW, ["Пермь"], regressors).iloc[0]


def test_weather_is_made_of_days_as_it_is_declared() -> None:
    """7 mm where some 2 a day are usual: a sum of -7, of the wettest day +2; nothing else moves."""
    declared = of_last_week(OUTSIDE)
    wettest = of_last_week(with_rule(OUTSIDE, "weather_precipitation", week="max"))
    assert declared["weather_precipitation"] == pytest.approx(-7.0, abs=0.5)
    assert wettest["weather_precipitation"] == pytest.approx(2.0, abs=0.1)
    assert wettest.drop("weather_precipitation").equals(declared.drop("weather_precipitation"))


def test_unknown_weather_is_what_is_declared() -> None:
    """A day without a temperature is as usual, 5 degrees; were it 0 the week would be 5 / 7 colder."""
    frost = of_last_week(with_rule(OUTSIDE, "weather_temperature", unknown="zero"))["weather_temperature"]
    carried = of_last_week(with_rule(OUTSIDE, "weather_temperature", unknown="last"))["weather_temperature"]
    assert of_last_week(OUTSIDE)["weather_temperature"] == pytest.approx(0.0)
    assert (frost, carried) == (pytest.approx(-5 / 7), pytest.approx(0.0))


def test_a_sum_of_weather_is_what_it_was_to_the_last_bit() -> None:
    """As the groups of pandas were added up, by which models of before are known."""
    days = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    assert of_weeks(days, "sum", sum_of_a_group) == 0.1 + (0.2 + 0.3 + 0.4 + 0.5 + 0.6 + 0.7)
    grouped = pd.DataFrame({"week": 1, "day": np.random.default_rng(3).normal(0, 5, 7)}).groupby("week")["day"]
    by_day = grouped.get_group(1).to_numpy()
    assert of_weeks(by_day, "mean", sum_of_a_group) == (by_day[0] + by_day[1:].sum()) / 7
    assert of_weeks(by_day, "mean", sum_of_a_group) == pytest.approx(grouped.mean().iloc[0])


def planned(regressors: tuple[Regressor, ...] = PROMOTED) -> tuple[float, float]:
    """Return the discount and the days of a week with 30 % on two days of seven."""
    monday = CUTOFF + timedelta(days=1)
    days = {"starts_on": monday, "ends_on": monday + timedelta(days=1), "known_from": NOW}
    rows = validate(PLAN, pd.DataFrame([{"unit": "*", "channel": "*", "SKU_ID": "*", **days, "discount_perc": 30.0}]))
    found = Plan(rows.assign(plan_id="x"), [A1], regressors=regressors).as_of(NOW, [sunday(-1)])[A1]
    return found.discount[0], found.days[0]


def test_promotions_are_made_of_days_as_they_are_declared() -> None:
    """A mean of 60 / 7 % over two days; the deepest is 30 %."""
    assert planned() == (pytest.approx(60 / 7), 2.0)
    assert planned(with_rule(PROMOTED, "promo_discount_perc", week="max")) == (30.0, 2.0)
    assert planned(with_rule(PROMOTED, "promo_days", week="max")) == (pytest.approx(60 / 7), 1.0)


def test_the_history_of_promotions_is_made_as_the_plan_is(warehouse, run) -> None:
    """Which the warehouse sums by a query of its own: the same two days of seven at 30 %."""
    days = [CUTOFF - timedelta(days=back) for back in range(6, -1, -1)]
    lines = [line(day, 5.0, promo=30.0 if place < 2 else None) for place, day in enumerate(days)]
    [week] = history_of(warehouse, lines, run).weeks.to_dict("records")
    assert (week["promo_discount_perc"], week["promo_days"]) == planned()


def test_unknown_promotions_are_what_is_declared() -> None:
    """The mean of the last 26 weeks; were it declared, none, or the last."""
    weeks = weeks_of([1.0] * 30).assign(promo_discount_perc=[0.0] * 17 + [20.0] * 13, promo_days=0.0)
    for unknown, stands_in in {"recent": 10.0, "zero": 0.0, "last": 20.0}.items():
        declared = with_rule(PROMOTED, "promo_discount_perc", unknown=unknown)
        values, source = promotions_ahead(weeks, None, 2, declared)
        assert (values["promo_discount_perc"].tolist(), source[0]) == ([stands_in] * 2, "expected")


def test_the_recent_mean_may_stand_in_for_anything() -> None:
    """Of what was known of the last 26 weeks: before, in between and ahead, where the plan's own weeks do not count."""
    raw = np.array([NAN, *[8.0] * 30, *[10.0] * 13, NAN, 40.0, NAN])
    found = filled(raw, "recent", 44)
    assert (found[0], found[44], found[46]) == (8.0, 9.0, 9.0)
    gap = np.array([4.0, 8.0, NAN, 1.0])
    assert filled(np.stack([gap, gap[::-1]]), "recent").tolist() == [[4.0, 8.0, 6.0, 1.0], [1.0, 1.0, 8.0, 4.0]]
    [rival] = declared_of('[[regressor]]\nname = "rival"\nkind = "competitor"\nunknown = "recent"\n')
    assert rival.unknown == "recent"


# --- Families and components ----------------------------------------------------------------------------------------

WIND = Regressor("weather_wind", "weather", Source("table"), Source("table"))


def backtested(regressors: list[str]) -> pd.DataFrame:
    """Return a backtest that is off by 10 of 100, by 2 with wind in the model."""
    error = 2.0 if "weather_wind" in regressors else 10.0
    steps = np.tile(np.arange(1, 5), 3)
    rows = {"origin": np.repeat([sunday(12), sunday(8), sunday(4)], 4), "step": steps, "y": 100.0, "promotions": "plan"}
    forecasts = {"yhat": 100.0 + error, "yhat_perfect_plan": 100.0, "baseline": 100.0}
    return pd.DataFrame({**rows, **forecasts})


def test_what_is_declared_beside_them_enters_with_its_family() -> None:
    """Wind declared as weather: tried with it, kept by the evidence, told of as weather, part of its component."""
    families = families_of((), (*BUILT_IN, WIND))
    assert [each.name for each in families] == ["promotions", "weather"]
    names = [*(each.name for each in OUTSIDE), "weather_wind"]
    weeks = weeks_of([100.0] * 30).assign(**{name: np.arange(30.0) for name in names})
    chosen = with_those_that_pay(weeks, NO_ARCHIVE, backtested, families)
    assert chosen.regressors == ["promo_discount_perc", "promo_days", *names]
    told = {"without_weather": 0.1, "with_weather": 0.02, "weather": "kept", "is_perfect_weather": False}
    assert chosen.said == pytest.approx(told)
    without = with_those_that_pay(weeks, NO_ARCHIVE, backtested)
    assert without.regressors == ["promo_discount_perc", "promo_days"]
    assert component_of("weather_wind") == "weather"


def test_a_family_that_stays_always_is_never_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """As promotions are declared; weather would be so too if it were declared alike."""
    monkeypatch.setattr(kinds, "USES", {**USES, "weather": replace(USES["weather"], by_evidence=False)})
    weeks = weeks_of([100.0] * 30).assign(**{each.column: np.arange(30.0) for each in OUTSIDE})
    chosen = with_those_that_pay(weeks, NO_ARCHIVE, backtested, families_of(()))
    assert chosen.regressors == [each.column for each in BUILT_IN] == regressors_with(frozenset(), families_of(()))
    assert (chosen.said, chosen.tried) == ({}, ())


def test_components_and_prior_scales_come_from_the_kind() -> None:
    """Each component that regressors add to has a group of its own; the scale is the one of its name."""
    assert COMPONENTS == ("level", "yearly", "holidays", "promo", "weather", "regressors", "carry_over")
    names = ("promo_response", "weather_snowfall", "declared_price_change_13")
    assert [component_of(name) for name in names] == ["promo", "weather", "regressors"]
    spec = ModelSpec(promo_prior_scale=3.0, weather_prior_scale=0.7)
    found = scales_by_group(spec)
    assert [found[group_of(name)] for name in names] == [3.0, 0.7, DECLARED_PRIOR_SCALE]
