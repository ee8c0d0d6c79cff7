"""The library's answers to what people from other libraries try first: one clear line, or what they meant."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from business import business_lines
from sklearn.linear_model import Ridge

import skucast as sk
from skucast.core.errors import InputError

QUICK = {"forecaster": "prophet", "tune": "off", "workers": 1}
PRICE = {"name": "price", "kind": "price"}


def priced() -> pd.DataFrame:
    """Return sales with a price that changes every five weeks."""
    lines = business_lines()
    days = pd.to_datetime(lines["date"])
    week = (days - days.min()).dt.days // 7
    return lines.assign(price=np.where(week // 5 % 2, 12.0, 10.0))


class UsesThePrice:
    """A model of one's own that looks at the price, and whose `fit` returns nothing."""

    name = "dear"

    def fit(self, history: pd.DataFrame) -> None:
        """Keep what a price of 1 sells."""
        self.level = (history["y"] * history["declared_price"]).groupby(history["unique_id"]).mean()
        assert history["declared_price_change_13"].abs().max() < 1

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        """Return less where it is dearer."""
        return known.assign(dear=known["unique_id"].map(self.level) / known["declared_price"])


@pytest.fixture(scope="module")
def fitted() -> sk.Forecaster:
    return sk.Forecaster(models=["prophet", UsesThePrice()], regressors=(PRICE,), **QUICK).fit(priced())


def ahead(**other: object) -> pd.DataFrame:
    row = {"name": "price", "starts_on": "2026-11-23", "ends_on": "2026-12-20", "value": 20.0}
    return pd.DataFrame([row | other])


def test_a_model_of_ones_own_gets_the_regressors_by_the_names_of_the_pages(fitted: sk.Forecaster) -> None:
    """At twice the price of 10 half as much; `fit` need not return the model."""
    usual, dear = fitted.predict(h=2, known=ahead(value=10.0)), fitted.predict(h=2, known=ahead())
    assert usual["dear"].notna().all()
    assert dear["dear"].tolist() == pytest.approx((usual["dear"] / 2).tolist(), rel=1e-3)
    assert "declared_price" in fitted.history
    for page in ("models.md", "regressors.md"):
        said = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
        assert "`declared_price`" in said
        assert "`declared_price_change_13`" in said


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"name": "price"}, "known ahead: found dict: expected a frame"),
        (ahead().drop(columns="value"), "no column value, and rows have a name"),
        (ahead().drop(columns="name"), "row 0 has a value and no name"),
        (ahead(name=None), "row 0 has a value and no name"),
        (ahead(known_from="soon"), "known_from must be days or moments of one kind, such as 2026-11-05; found soon"),
        (ahead().drop(columns="starts_on"), "no column starts_on; expected .* name, value, found name"),
        (ahead(value="dear"), "column value, row 0: found 'dear'"),
    ],
)
def test_what_is_known_ahead_is_told_whole_or_refused(fitted: sk.Forecaster, known: pd.DataFrame, said: str) -> None:
    """A row of a regressor without a value, or without a name, was taken for a promotion."""
    with pytest.raises(InputError, match=said):
        fitted.predict(known=known)


def test_values_of_no_declared_regressor_are_noted() -> None:
    """By `fit` and by `predict`; the numbers are those without them."""
    forecaster = sk.Forecaster(**QUICK).fit(business_lines(), ahead())
    said = "values of regressors that are not used: 1 (none is declared: regressors=[...])"
    assert said in forecaster.notes
    forecaster.predict(h=1)
    assert said not in forecaster.notes
    forecaster.predict(h=1, known=ahead())
    assert said in forecaster.notes


def test_declarations_come_in_any_form(tmp_path: Path) -> None:
    """A list, a tuple, one alone, a path; what is none is said."""
    path = tmp_path / "declared.toml"
    path.write_text('[[regressor]]\nname = "price"\nkind = "price"\n', "utf-8")
    for declared in ([PRICE], (PRICE,), PRICE, path, str(path)):
        sk.Forecaster(regressors=declared)
    for wrong in (["price"], [None]):
        with pytest.raises(InputError, match=r"regressors: found .*: expected declarations such as"):
            sk.Forecaster(regressors=wrong)


def test_sales_without_the_declared_column_are_told_which_there_are() -> None:
    """`Price` is not `price`."""
    with pytest.raises(InputError, match=r"no column price, .*there are .*Price"):
        sk.Forecaster(regressors=[PRICE], **QUICK).fit(priced().rename(columns={"price": "Price"}))


FRAME = pd.DataFrame({"unique_id": "a", "ds": pd.to_datetime(["2026-11-29"]), "y": [1.0], "ours": [3.0]})


def worst(rows: pd.DataFrame, power: int = 1) -> float:
    return float(((rows["yhat"] - rows["y"]).abs() ** power).max())


def of_two(y: pd.Series, yhat: pd.Series) -> float:
    return float((y - yhat).abs().max())


def wape(rows: pd.DataFrame) -> float:
    return 7.0


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ([of_two], "of_two: expected a name of METRICS, or a function of one argument"),
        ([3], "int: expected a name of METRICS"),
        ([lambda _: None], "<lambda> gives NoneType: expected a number"),
        ([lambda rows: rows["y"].to_numpy().repeat(2)], "<lambda> gives ndarray: expected a number"),
        ([lambda _: 1.0, lambda _: 2.0], "several metrics are called <lambda>"),
        (["wape", wape], "several metrics are called wape"),
    ],
)
def test_a_metric_that_is_none_is_one_clear_line(metrics: list, said: str) -> None:
    """Of two with one name the second alone was shown."""
    with pytest.raises(InputError, match=f"evaluate: {said}"):
        sk.evaluate(FRAME, metrics)


def test_a_metric_may_be_any_function_of_rows() -> None:
    """A part of one too, by the name of the whole; one that is named twice counts once."""
    told = sk.evaluate(FRAME, ["wape", functools.partial(worst, power=2), "wape"])
    assert told["metric"].tolist() == ["wape", "worst"]
    assert told["ours"].tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda: sk.on_lags("Ridge"), r"on_lags: found 'Ridge': expected an object with fit\(X, y\)"),
        (lambda: sk.on_lags(Ridge), "on_lags: found .*: expected an object"),
        (lambda: sk.to_prophet("Perm/KA/Tea"), "to_prophet: found str: expected a model of load_model"),
        (lambda: sk.Forecaster(models=3), "models: found 3: expected a list of names"),
        (lambda: sk.Forecaster(models=None), "models: found None: expected a list of names"),
    ],
)
def test_what_is_no_model_is_one_clear_line(do, said: str) -> None:
    """When it is given, not where it is asked."""
    with pytest.raises(InputError, match=said):
        do()


def test_one_model_or_one_lag_is_a_list_of_one() -> None:
    """As names are."""
    sk.Forecaster(models=UsesThePrice())
    assert sk.on_lags(Ridge(), lags=3).lags == (3,)


def test_a_level_that_is_none_is_named(fitted: sk.Forecaster) -> None:
    """With the argument."""
    with pytest.raises(InputError, match="level: found 0: expected percent from 1 to 99"):
        fitted.predict(level=0)


def test_lines_that_are_left_out_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A line without a day, and one without a name: by `read_sales` as a warning, by `fit` among the notes."""
    named = business_lines().assign(unique_id=lambda lines: lines[["unit", "channel", "SKU_ID"]].agg("/".join, axis=1))
    lines = named[["unique_id", "date", "quantity"]].rename(columns={"date": "ds", "quantity": "y"})
    lines["ds"] = pd.to_datetime(lines["ds"])
    for column in ("unique_id", "ds"):
        lost = lines.assign(**{column: lines[column].mask(lines.index % len(lines) == 3)})
        said = f"sales: lines without a day or a name, which are left out: 1 of {len(lines)}"
        assert len(sk.read_sales(lost)) == len(lines) - 1
        assert caplog.messages == [said]
        caplog.clear()
        assert said in sk.Forecaster(**QUICK).fit(lost).notes
        caplog.clear()
    assert len(sk.read_sales(lines)) == len(lines)
    assert not caplog.messages


def test_two_columns_of_one_meaning_are_refused() -> None:
    """Which of them counts nobody knows."""
    with pytest.raises(InputError, match="sales: several columns mean y; leave all but one"):
        sk.read_sales(pd.concat([FRAME, FRAME[["y"]]], axis=1))


@pytest.mark.parametrize("as_of", ["2001-01-01", pd.NaT, "soon", []])
def test_a_day_before_all_sales_is_refused(as_of: object) -> None:
    """And what is no day."""
    with pytest.raises(InputError, match="as_of: found"):
        sk.Forecaster(**QUICK).fit(business_lines(), as_of=as_of)


CUT = FRAME.assign(cutoff=pd.Timestamp("2026-11-22"))


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda: sk.compare(CUT.assign(rival=np.inf)), "column rival: holds an infinite number"),
        (lambda: sk.evaluate(CUT.assign(y=np.inf)), "column y: holds an infinite number"),
        (lambda: sk.evaluate(CUT.assign(method="x"), models=["method"]), "column method: found .*: expected numbers"),
        (lambda: sk.evaluate([1]), "forecasts: found list: expected a frame"),
        (lambda: sk.compare("x"), "forecasts: found str: expected a frame"),
        (lambda: sk.explain(3), "explain: found int: expected a frame"),
        (lambda: sk.plot({}), "plot: found dict: expected a frame"),
    ],
)
def test_what_cannot_be_scored_is_one_clear_line(do, said: str) -> None:
    """An infinite forecast was worse than all others with a p-value of 0."""
    with pytest.raises(InputError, match=said):
        do()


def test_a_series_with_a_number_for_a_name_is_found() -> None:
    """As it was given, and as it is shown."""
    forecaster = sk.Forecaster(**QUICK).fit(
        pd.DataFrame({"unique_id": 7, "ds": pd.date_range("2025-06-02", "2026-11-29"), "y": 5.0})
    )
    forecasts = forecaster.predict(h=1)
    assert forecaster.model(7).version == forecaster.model("7").version
    assert sk.plot(forecasts, 7).data == sk.plot(forecasts, "7").data


def test_a_forecaster_shows_what_it_was_asked_and_whether_it_is_fitted(fitted: sk.Forecaster) -> None:
    """In one line."""
    assert repr(sk.Forecaster(horizon_weeks=3)) == "Forecaster(horizon_weeks=3), not fitted"
    assert "tune='off'" in repr(fitted)
    assert "fitted to sales until 2026-11-22" in repr(fitted)
    assert "\n" not in repr(fitted)
