"""What the library concludes of sales, refuses of them, and says of what it was told in vain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from business import TRAINED, business_lines
from sklearn.linear_model import Ridge

import skucast as sk
from skucast.core.errors import InputError

QUICK = {"forecaster": "prophet", "tune": "off", "workers": 1}


def series(ds: pd.DatetimeIndex, name: str = "tea") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": 5.0 + np.arange(len(ds)) % 3})


def test_a_missing_quantity_is_unknown_not_nothing() -> None:
    """As in other libraries: of a week, and of a day, whose week nobody can add up then. A week without a row is 0."""
    weekly = series(pd.date_range("2025-06-01", periods=70, freq="7D"))
    gone = weekly.assign(y=weekly["y"].mask(weekly.index == 40)).drop(index=50)
    forecaster = sk.Forecaster(**QUICK).fit(pd.concat([gone, weekly.assign(unique_id="coffee")]))
    y = forecaster.history.query("unique_id == 'tea'").set_index("ds")["y"]
    assert np.isnan(y[weekly["ds"][40]])
    assert y[weekly["ds"][50]] == 0
    assert y.isna().sum() == 1
    assert "lines without a quantity, whose weeks count as unknown: 1" in forecaster.notes
    assert "weeks without rows that count as 0: 1; missing_weeks='unknown' makes them unknown" in forecaster.notes

    daily = series(pd.date_range("2025-06-02", "2026-11-29"))
    forecaster = sk.Forecaster(**QUICK).fit(daily.assign(y=daily["y"].mask(daily["ds"] == "2026-03-04")))
    y = forecaster.history.set_index("ds")["y"]
    assert y[y.isna()].index.tolist() == [pd.Timestamp("2026-03-08")]


@pytest.mark.parametrize("rhythm", ["MS", "ME", "QE", "28D"])
def test_sales_by_month_are_refused(rhythm: str) -> None:
    """They are no weeks, whichever day they are named by."""
    with pytest.raises(InputError, match="days apart: sales by month or quarter cannot be forecast by week"):
        sk.Forecaster(**QUICK).fit(series(pd.date_range("2018-01-01", periods=60, freq=rhythm)))


def test_weeks_on_a_drifting_weekday_are_weeks() -> None:
    """Each line counts for the week that it lies in, and none is lost; it is said."""
    ds = pd.date_range("2025-06-01", periods=70, freq="7D").to_series().reset_index(drop=True)
    drifting = series(pd.DatetimeIndex(ds - pd.to_timedelta(np.where(ds.index % 5 == 2, 1, 0), unit="D")))
    forecaster = sk.Forecaster(**QUICK).fit(drifting)
    assert forecaster.notes[0] == "each line covers a week, weeks end on SUN"
    assert "lines are a week apart, and not on one weekday" in forecaster.notes[1]
    assert forecaster.history["y"].tolist() == drifting["y"].tolist()


def test_what_sells_seldom_is_no_month() -> None:
    """Daily lines of days with a sale alone, three weeks apart on average, stay days."""
    chance = np.random.default_rng(3)
    days = pd.to_datetime("2023-01-01") + pd.to_timedelta(np.cumsum(chance.geometric(1 / 21, 60)), unit="D")
    sk.Forecaster(**QUICK).fit(series(pd.DatetimeIndex(days)))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_may_be_a_long_frame(tmp_path: Path, suffix: str) -> None:
    """`unique_id, ds, y`, or our names with `ds` and `y`: the same as the frame."""
    frame = series(pd.date_range("2026-01-04", periods=4, freq="7D"), "Perm/KA/Tea")
    named = frame.drop(columns="unique_id").assign(unit="Perm", channel="KA", SKU_ID="Tea")
    for number, each in enumerate((frame, named)):
        path = tmp_path / f"{number}.{suffix}"
        each.to_csv(path, index=False) if suffix == "csv" else each.to_parquet(path)
        told = sk.read_sales(path)[["unique_id", "unit", "channel", "SKU_ID", "ds", "y"]]
        pd.testing.assert_frame_equal(told, sk.read_sales(frame)[told.columns])


@pytest.fixture(scope="module")
def fitted() -> sk.Forecaster:
    return sk.Forecaster(models=["prophet"], **QUICK).fit(business_lines())


def test_a_plan_that_is_of_nobody_is_noted(fitted: sk.Forecaster) -> None:
    """What the log warns of is among the notes, once."""
    plan = pd.DataFrame({"unit": ["Nowhere"], "starts_on": ["2026-11-30"], "discount_perc": [20.0]})
    fitted.predict(known=plan)
    assert len([note for note in fitted.notes if "rows of the promotions plan that are not used: 1" in note]) == 1


def test_a_wrong_name_is_answered_with_those_that_there_are(fitted: sk.Forecaster) -> None:
    """Also one with slashes."""
    with pytest.raises(InputError, match=r"no series 'Пермь/KA'; there are .*Пермь/KA/A1"):
        fitted.model("Пермь/KA")
    assert fitted.model("/".join(TRAINED[0])).card.combination == "/".join(TRAINED[0])


def test_too_many_windows_are_told_how_many_fit(fitted: sk.Forecaster) -> None:
    """So many do: one more is refused."""
    with pytest.raises(InputError, match=r"ask for fewer windows, at most 11") as refused:
        fitted.cross_validation(n_windows=40)
    assert "n_windows" in str(refused.value)
    history = fitted.history.groupby("ds").size()
    assert len(fitted._origins(fitted._fitted.history(fitted._today), 11, 4, 4)) == 11
    with pytest.raises(InputError, match="at most 11"):
        fitted._origins(fitted._fitted.history(fitted._today), 12, 4, 4)
    assert len(history) == 70


def test_a_metric_of_ones_own_sees_which_week_it_is() -> None:
    """`ds`, `cutoff` and `step` of the frame's rows, beside `y` and `yhat`."""
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.to_datetime(["2026-11-29", "2026-12-06"]), "y": [1.0, 2.0]})
    frame = frame.assign(cutoff=pd.Timestamp("2026-11-22"), step=[1, 2], ours=[1.0, 4.0])

    def late_error(rows: pd.DataFrame) -> float:
        late = rows[(rows["step"] > 1) & (rows["ds"] > rows["cutoff"])]
        return float((late["yhat"] - late["y"]).abs().sum())

    assert sk.evaluate(frame, late_error)["ours"].tolist() == [2.0]


def test_an_interval_that_is_asked_for_is_there_or_refused() -> None:
    """Without being asked for, a line without an interval is drawn."""
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.to_datetime(["2026-11-29"]), "cutoff": "2026-11-22", "ours": 1.0})
    assert len(sk.plot(frame, model="ours").data) == 1
    with pytest.raises(InputError, match=r"no interval of 95 % of ours: ask for it by predict\(level=\[...\]\)"):
        sk.plot(frame, model="ours", level=95)


def test_a_model_of_another_library_is_told_how_to_wrap_it() -> None:
    """One line, with the name of what does it."""
    with pytest.raises(InputError, match=r"give sk.on_lags\(Ridge"):
        sk.Forecaster(models=[Ridge()])
    models = pytest.importorskip("statsforecast.models")
    with pytest.raises(InputError, match=r"give sk.from_statsforecast\(AutoETS"):
        sk.Forecaster(models=[models.AutoETS(season_length=1)])
