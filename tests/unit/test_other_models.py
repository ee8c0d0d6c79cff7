"""Models beside ours: what they are told, what becomes of their answer, and the adapters."""

from __future__ import annotations

import importlib.util

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LinearRegression

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.other_models import OURS, STATISTICAL, names_of, others_in
from skucast.forecast.others import statistical
from skucast.forecast.others.asking import Coming, Question, ask, long_history, long_known
from skucast.forecast.others.lags import on_lags
from skucast.forecast.others.protocol import check_models
from skucast.jobs.others import answers_of, as_texts, from_texts
from skucast.runtime.outcome import RunReport
from skucast.runtime.reading import settings_of

TEA, ALONE = Combination("Perm", "KA", "Tea"), Combination("series", "series", "Milk")
N = 120
WEEKS = pd.date_range("2024-08-04", periods=N, freq="W").astype("datetime64[us]")

needs_statsforecast = pytest.mark.skipif(
    importlib.util.find_spec("statsforecast") is None, reason="StatsForecast is not installed: requirements/models.txt"
)


def weeks_of(combination: Combination, y: list[float] | np.ndarray, discount: float = 0.0) -> pd.DataFrame:
    """Return weeks of a series as a history has them, every fourth one promoted where there is a discount."""
    unit, channel, sku = combination.parts
    is_promo = (np.arange(len(y)) % 4 == 3) & (discount > 0)
    return pd.DataFrame(
        {
            "unit": unit,
            "channel": channel,
            "SKU_ID": sku,
            "ds": WEEKS[: len(y)],
            "y": y,
            "promo_discount_perc": np.where(is_promo, discount, 0.0),
            "promo_days": np.where(is_promo, 7.0, 0.0),
        }
    )


def coming(n_known: int, n_weeks: int, discount: float = 0.0) -> Coming:
    """Return the weeks after so many, promoted as `weeks_of` has them."""
    ds = [(WEEKS[0] + pd.Timedelta(weeks=n_known + step)).date() for step in range(n_weeks)]
    is_promo = np.array([(n_known + step) % 4 == 3 and discount > 0 for step in range(n_weeks)])
    return Coming(ds, {"promo_discount_perc": is_promo * discount, "promo_days": is_promo * 7.0})


class Last:
    """Forecasts the last week's sales; says nothing of series that are not named, if some are."""

    name = "last"

    def __init__(self, only: str | None = None, lower: float | None = None) -> None:
        self.only, self.lower = only, lower

    def fit(self, history: pd.DataFrame) -> Last:
        self.level = history.groupby("unique_id")["y"].last()
        return self

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        rows = known[known["unique_id"] == self.only] if self.only else known
        number = rows["unique_id"].map(self.level)
        ends = {} if self.lower is None else {"last-lo-80": self.lower, "last-hi-80": number - 1}
        return rows.assign(last=number, **ends)


def asked() -> Question:
    """Return a question about two series, of one of which the last week is not known."""
    weeks = pd.concat([weeks_of(TEA, [np.nan, 4.0, 8.0, np.nan]), weeks_of(ALONE, [5.0, 6.0])], ignore_index=True)
    return Question(long_history(weeks), long_known({TEA: coming(4, 2), ALONE: coming(2, 4)}))


def test_unknown_weeks_are_filled_as_those_of_a_lag() -> None:
    """By the mean of the known weeks before them, and it is said; weeks before the first known one are left out."""
    history = asked().history
    tea = history[history["unique_id"] == "Perm/KA/Tea"]
    assert tea["y"].tolist() == [4, 8, 6]
    assert tea["is_filled"].tolist() == [False, False, True]
    assert history["unique_id"].unique().tolist() == ["Perm/KA/Tea", "Milk"]


def test_each_series_is_asked_about_its_own_weeks() -> None:
    """Those after its last one: of one that is late there are more."""
    question = asked()
    assert question.h == 4
    assert question.known.groupby("unique_id").size().to_dict() == {"Milk": 4, "Perm/KA/Tea": 2}
    said = ask("last", Last(), question)
    assert said.problem is None
    assert said.numbers["last"].tolist() == [6, 6, 6, 6, 6, 6]


def test_what_a_model_leaves_out_is_not_a_number_and_is_said() -> None:
    """Of the series that it says nothing of."""
    said = ask("last", Last(only="Milk"), asked())
    assert said.numbers["last"].isna().tolist() == [True, True, False, False, False, False]
    assert said.problem == "no number of 1 of 2 series, Perm/KA/Tea"


def test_numbers_are_sales() -> None:
    """None is below 0, and an interval holds its number."""
    said = ask("last", Last(lower=-3.0), asked()).numbers
    assert said["last-lo-80"].tolist() == [0] * 6
    assert said["last-hi-80"].tolist() == said["last"].tolist()


class Broken:
    """A model that fails in one way."""

    name = "broken"

    def __init__(self, said: object) -> None:
        self.said = said

    def fit(self, history: pd.DataFrame) -> Broken:
        if self.said is None:
            raise ZeroDivisionError("nothing to divide by")
        return self

    def predict(self, h: int, known: pd.DataFrame) -> object:
        return self.said(known) if callable(self.said) else self.said


BROKEN = {
    "raises": (None, "it failed: ZeroDivisionError: nothing to divide by"),
    "gives no frame": ([1.0], "no column unique_id, ds, broken"),
    "gives no numbers": (lambda known: known, "no column broken"),
    "gives two numbers": (lambda known: pd.concat([known, known]).assign(broken=1), "several rows of one series"),
    "gives text": (lambda known: known.assign(broken="much"), "could not convert"),
    "gives infinity": (lambda known: known.assign(broken=np.inf), "no number of 2 of 2 series, Perm/KA/Tea, Milk"),
}


@pytest.mark.parametrize(("said", "noted"), BROKEN.values(), ids=BROKEN)
def test_a_model_that_fails_costs_its_own_numbers(said: object, noted: str) -> None:
    """The others are asked all the same, and a note names it."""
    report = RunReport()
    found = answers_of([Broken(said), Last()], asked(), report)
    assert found[-1].numbers["last"].notna().all()
    assert len(report.notes) == 1
    assert report.notes[0].startswith("broken: no number")
    assert noted in report.notes[0]


def test_a_model_is_left_as_it_was() -> None:
    """A copy of it is fitted, so that nothing of one origin is known at another."""
    mine = Last()
    ask("last", mine, asked())
    assert not hasattr(mine, "level")


def test_numbers_are_kept_as_text() -> None:
    """By column, without those that are not there."""
    numbers = pd.DataFrame({"ets": [1.23456789, np.nan], "sba": [np.nan, np.nan]})
    texts = as_texts(numbers)
    assert texts == ['{"ets": 1.23457}', None]
    found = from_texts(texts)
    assert found["ets"].tolist()[:1] == [1.23457]
    assert found.isna().to_numpy().sum() == 1


def test_a_regressor_on_lags_finds_what_lags_and_promotions_explain() -> None:
    """Of series of any size: sales are last week's, and half as much again where there is a promotion of 30 %."""
    promoted = np.where(np.arange(N) % 4 == 3, 1.5, 1.0)
    weeks = pd.concat(
        [weeks_of(TEA, 10 * promoted, 30.0), weeks_of(ALONE, 4000 * promoted, 30.0)], ignore_index=True
    ).drop(columns="promo_days")
    weeks["promo_days"] = 0.0
    question = Question(long_history(weeks), long_known({TEA: coming(N, 4, 30.0), ALONE: coming(N, 4, 30.0)}))
    said = ask("line", on_lags(LinearRegression(), lags=[1, 4], name="line"), question).numbers["line"]
    np.testing.assert_allclose(said, [10, 10, 10, 15, 4000, 4000, 4000, 6000], rtol=0.03)


def test_a_series_that_has_stopped_is_forecast_zero_on_lags() -> None:
    """And one of a single week by its level; filled weeks teach nothing."""
    weeks = pd.concat([weeks_of(TEA, [50.0] * 37 + [0.0] * 13), weeks_of(ALONE, [7.0])], ignore_index=True)
    question = Question(long_history(weeks), long_known({TEA: coming(50, 2), ALONE: coming(1, 2)}))
    said = ask("mean", on_lags(LinearRegression(), lags=[1]), question).numbers["linearregression"]
    assert said.tolist()[:2] == [0, 0]
    assert np.isfinite(said).all()


@pytest.mark.parametrize("lags", [[], [0, 1], [1.5]])
def test_lags_lie_behind(lags: list[int]) -> None:
    """Whole weeks, at least one."""
    with pytest.raises(InputError, match="expected weeks before"):
        on_lags(LinearRegression(), lags=lags)


def test_names_have_models() -> None:
    """Every name of MODELS is one that can be made, and the other way round."""
    assert set(statistical._MADE) == set(STATISTICAL)
    assert names_of("prophet, ETS,ets") == ("prophet", "ets")
    assert others_in("prophet,panel,ets") == ("ets",)
    assert not set(OURS) & set(STATISTICAL)


@needs_statsforecast
@pytest.mark.slow
@pytest.mark.parametrize("name", STATISTICAL)
def test_statistical_models_forecast_each_series(name: str) -> None:
    """Steady sales go on; a series of two weeks has a number, or none, and breaks nothing."""
    level = 20 + np.random.default_rng(1).normal(0, 1, N)
    weeks = pd.concat([weeks_of(TEA, level), weeks_of(ALONE, [5.0, 6.0])], ignore_index=True)
    question = Question(long_history(weeks), long_known({TEA: coming(N, 4), ALONE: coming(2, 4)}))
    said = ask(name, statistical.named(name), question).numbers
    np.testing.assert_allclose(said[name].head(4), 20, atol=4)
    if name in {"ets", "theta", "ces"}:
        assert (said[f"{name}-lo-80"].head(4) < said[f"{name}-hi-80"].head(4)).all()


def test_without_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which model needs it, and how it is installed."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"MODELS: ets \(exponential .*\) is a model of StatsForecast.*pip install"):
        statistical.named("ets")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (Last, "found <class"),
        (object(), "expected a name such as 'ets', or an object with name"),
        (Broken([]), "broken' *: expected letters, digits and underscores, and no other column's name"),
    ],
)
def test_what_is_no_model_is_refused(model: object, said: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(InputError, match=said):
        check_models([model], {"broken"})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"models": "prophet,lstm"}, "no model lstm; there are prophet, panel, ets"),
        ({"models": "prophet,ets"}, "names prophet of ours, where FORECASTER=blend makes prophet and panel"),
        ({"models": "panel", "forecaster": "prophet"}, "where FORECASTER=prophet makes prophet"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(given: dict[str, str], said: str) -> None:
    """What there is, and what agrees."""
    with pytest.raises((InputError, ValidationError), match=said):
        settings_of(**given)
    assert settings_of(models="prophet,panel,ets").models == "prophet,panel,ets"
