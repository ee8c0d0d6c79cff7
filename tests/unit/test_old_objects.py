"""Old Prophet pickles: converted, they forecast what the object forecasts; what has no place is refused."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from models import coming, generated
from prophet import Prophet

from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.entry import cli
from skucast.forecast.artifact import loads
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.old_object import from_prophet, unpickled
from skucast.forecast.prophet.rollout import roll_forward

UNTIL = CUTOFF + timedelta(weeks=104)
SUNDAY = 6


def fitted(weeks: pd.DataFrame, lag: str = "y_lag1", mode: str = "additive", **settings: Any) -> Prophet:
    """Return a Prophet as an old system would have fitted it: season, holidays, discount and lag."""
    prophet = Prophet(seasonality_mode=mode, yearly_seasonality=4, uncertainty_samples=0, **settings)
    if "growth" not in settings:
        prophet.add_country_holidays("RU")
    prophet.add_regressor("promo_discount_perc", mode=mode)
    prophet.add_regressor(lag, mode=mode)
    known = weeks.dropna(subset=["y_lag1"]).rename(columns={"y_lag1": lag})
    return prophet.fit(known[["ds", "y", "promo_discount_perc", lag]])


@pytest.fixture(scope="module")
def weeks() -> pd.DataFrame:
    """Return three years of weeks."""
    return generated(156)


@pytest.fixture(scope="module")
def old(weeks: pd.DataFrame) -> Prophet:
    """Return a fitted object."""
    return fitted(weeks)


def theirs(prophet: Prophet, promo: float, last_y: float, n_weeks: int = 4, days: int = 0) -> list[float]:
    """Return what the object forecasts, week by week, its own forecast as the next lag."""
    found = []
    for ds in coming(n_weeks)["ds"] + pd.Timedelta(days=days):
        row = pd.DataFrame({"ds": [ds], "promo_discount_perc": [promo], "y_lag1": [last_y], "lag": [last_y]})
        last_y = max(0.0, float(prophet.predict(row)["yhat"].iloc[0]))
        found.append(last_y)
    return found


def ours(model: FittedModel, promo: float, last_y: float, n_weeks: int = 4) -> list[float]:
    """Return what the model of ours forecasts."""
    future = coming(n_weeks, promo_discount_perc=promo)
    rolled = roll_forward(model, future, last_y, seed=1, n_paths=0)
    return [float(value) for value in rolled["yhat"]]


@pytest.mark.slow
def test_a_converted_model_forecasts_what_the_object_does(old: Prophet) -> None:
    """Season, holidays of two years to come, discount and lag, week after week; also read back from a file."""
    model = from_prophet(old, {}, SUNDAY, UNTIL)
    for promo, last_y in [(0.0, 300.0), (25.0, 150.0)]:
        np.testing.assert_allclose(ours(model, promo, last_y, 12), theirs(old, promo, last_y, 12), rtol=1e-9)


@pytest.mark.slow
def test_weeks_named_by_their_monday_are_the_same_weeks(weeks: pd.DataFrame) -> None:
    """The object's labels are six days before ours: its season is turned so far, its holidays move along."""
    monday = fitted(weeks.assign(ds=weeks["ds"] - pd.Timedelta(days=6)), mode="multiplicative", weekly_seasonality=2)
    model = from_prophet(monday, {}, SUNDAY, UNTIL)
    assert pd.Timestamp(model.start).weekday() == SUNDAY
    np.testing.assert_allclose(ours(model, 10.0, 200.0, 12), theirs(monday, 10.0, 200.0, 12, days=-6), rtol=1e-9)


@pytest.mark.slow
def test_another_name_of_a_regressor_is_said(weeks: pd.DataFrame) -> None:
    """Without a word it is refused; with it the lag of an object without growth is the lag."""
    flat = fitted(weeks, lag="lag", growth="flat")
    with pytest.raises(ModelError, match=r"its regressor 'lag' is none of .* say which: --regressors OURS=lag"):
        from_prophet(flat, {}, SUNDAY, UNTIL)
    model = from_prophet(flat, {"lag": "y_lag1"}, SUNDAY, UNTIL)
    np.testing.assert_allclose(ours(model, 0.0, 300.0), theirs(flat, 0.0, 300.0), rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"growth": "logistic"}, "its growth is 'logistic'"),
        ({"history": None}, "never fitted"),
        ({"seasonalities": {"yearly": {"period": 91.3}}}, "is not the year's"),
        ({"seasonalities": {"yearly": {"condition_name": "x"}}}, "holds under a condition"),
        ({"extra_regressors": {"y_lag1": {"std": None}}}, "cannot be asked for its terms"),
    ],
)
def test_what_has_no_place_in_our_form_is_refused(old: Prophet, changed: Mapping[str, Any], why: str) -> None:
    """Never a model that forecasts something else."""
    other = pickle.loads(pickle.dumps(old))
    for name, value in changed.items():
        if isinstance(value, dict):
            for season, parts in value.items():
                getattr(other, name)[season].update(parts)
        else:
            setattr(other, name, value)
    with pytest.raises(ModelError, match=why):
        from_prophet(unpickled(pickle.dumps(other)), {}, SUNDAY, UNTIL)


@pytest.mark.slow
def test_terms_that_act_in_two_ways_are_refused(weeks: pd.DataFrame) -> None:
    """A season that adds beside a regressor that multiplies."""
    mixed = Prophet(yearly_seasonality=2, uncertainty_samples=0).add_regressor("y_lag1", mode="multiplicative")
    mixed.fit(weeks.dropna(subset=["y_lag1"])[["ds", "y", "y_lag1"]])
    with pytest.raises(ModelError, match="some of its terms add and some multiply"):
        from_prophet(mixed, {}, SUNDAY, UNTIL)


@pytest.mark.slow
def test_a_lag_that_is_another_one_is_refused(weeks: pd.DataFrame) -> None:
    """That of four weeks before, under the name of ours: a forecast would feed it with something else."""
    other = weeks.assign(y_lag1=weeks["y"].shift(4)).dropna(subset=["y_lag1"])
    with pytest.raises(ModelError, match="its lag is not the sales of the week before"):
        from_prophet(fitted(other), {}, SUNDAY, UNTIL)


class Bomb:
    """What writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return Path.write_text, (Path("exploded"), "x")  # type: ignore[return-value]


def test_a_pickle_that_is_no_model_says_so() -> None:
    """Garbage, and a pickle of something else."""
    with pytest.raises(ModelError, match="cannot be unpickled here"):
        unpickled(b"garbage")
    with pytest.raises(ModelError, match="holds a list, not one Prophet object"):
        unpickled(pickle.dumps([1]))


def convert(*words: str) -> int:
    """Run the tool and return its exit code."""
    return cli.main(["models", "convert", *words, "--warehouse", "duckdb:w.duckdb", "--model-store", "models"])


def test_nothing_is_read_before_somebody_trusts_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the flag it is exit 2 with the risk in a line, and what is in the pickle is not run."""
    Path("old.pkl").write_bytes(pickle.dumps(Bomb()))
    assert convert("old.pkl", "--target", "U/C/S") == 2
    assert "runs whatever its maker put into it" in capsys.readouterr().err
    assert not Path("exploded").exists()


@pytest.mark.slow
def test_a_folder_is_converted_in_its_place_and_recorded(old: Prophet) -> None:
    """Old files at the public paths become models of ours; what cannot be is named; again, nothing changes."""
    path = Path("models/Пермь/KA/A1.pkl")
    path.parent.mkdir(parents=True)
    joblib.dump(old, path)
    path.with_name("B2.pkl").write_bytes(b"garbage")
    assert convert("models", "--i-trust-these-files") == 1
    stored = loads(path.read_bytes())
    np.testing.assert_allclose(ours(stored.models[0], 10.0, 200.0), theirs(old, 10.0, 200.0), rtol=1e-9)
    assert path.with_name("B2.pkl").read_bytes() == b"garbage"
    assert LocalStore("models").versions(Combination("Пермь", "KA", "A1")) == [stored.version]
    before = path.read_bytes()
    assert convert("models", "--i-trust-these-files") == 1  # the other one, again
    assert path.read_bytes() == before
    path.with_name("B2.pkl").unlink()
    assert convert("models", "--i-trust-these-files") == 0
