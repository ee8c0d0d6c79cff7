"""One model that is none among many: named, replaced by its fallback, and the others as if it had not been there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pandas.testing import assert_frame_equal
from stubs import card, stub_model, weeks_of
from test_forecasting import HORIZON, STEADY

from skucast.core.combination import Combination
from skucast.forecast.artifact import StoredModel
from skucast.forecast.forecasting import Start, forecast_all, start, start_without_model
from skucast.forecast.plausible import breaking
from skucast.forecast.prophet.model import FittedModel, Holiday, Regressor
from skucast.forecast.prophet.rollout import Rollout
from skucast.forecast.prophet.spec import LAG

GOOD = [
    stub_model(100.0 + place, delta=(0.01 * place,) * 25, changepoints=tuple(np.linspace(0.01, 0.8, 25).tolist()))
    for place in range(9)
]


def named(place: int) -> Combination:
    return Combination("Пермь", "KA", f"A{place:02}")


def begun(place: int, model: FittedModel, y: list[float] = STEADY) -> Start:
    """Return the start of a combination by a model that no reader has looked at."""
    combination = named(place)
    return start(combination, weeks_of(y), StoredModel((model,), card(str(combination)), "2026-11-22-x"), HORIZON)


def instead(combination: Combination) -> Start:
    return start_without_model(combination, weeks_of(STEADY), HORIZON)


BAD: dict[str, dict[str, Any]] = {
    "a start that is no day": {"start": "2026-W01-1"},
    "a start without a year": {"start": "soon"},
    "an integer too large for a number": {"m": 10**400},
    "a changepoint that is none": {"changepoints": ("soon",), "delta": (0.1,)},
    "no list of holidays": {"holidays": None},
    "a holiday of any number of days": {"holidays": (Holiday("A", 1.0, "2026-11-29*x"),)},
    "a largest week below 0": {"y_max": -5.0, "m": 1e9},
    "a largest week beyond all sales": {"y_max": 1e300, "m": 1e298},
    "a level that was never sold": {"y_max": 1e9, "m": 1e6},
    "an interval beyond everything": {"interval_scale": 1e200},
    "numbers that are none": {"k": float("nan")},
    "no scale": {"regressors": (Regressor(LAG, 0.0, 100.0, 0.0),)},
    "a thousand changepoints": {"changepoints": (0.5,) * 1000, "delta": (1e9,) * 1000, "y_max": 1e9},
    "a hundred waves": {"yearly": (1e30,) * 200, "y_max": 1e30},
}


@pytest.mark.slow
@pytest.mark.parametrize("changed", BAD.values(), ids=BAD)
def test_a_model_that_breaks_the_batch_falls_back_alone(changed: dict[str, Any]) -> None:
    """The ninth of ten: the others to the bit as without it, intervals too; its reason is told."""
    others = [begun(place, model) for place, model in enumerate(GOOD)]
    bad = begun(9, stub_model(100.0, **changed))
    reasons: dict[Combination, str] = {}
    with np.errstate(all="ignore"):
        rows = forecast_all([*others[:8], bad, *others[8:]], HORIZON, instead, reasons)
    is_bad = rows["SKU_ID"] == "A09"
    assert set(rows.loc[is_bad, "status"]) == {"forecast_failed"}
    assert rows.loc[is_bad, "yhat"].tolist() == pytest.approx([112.0] * 4)
    assert list(reasons) == [named(9)]
    alone = forecast_all(others, HORIZON, lambda each: pytest.fail(str(each)))
    assert_frame_equal(
        rows[~is_bad].reset_index(drop=True)[alone.columns.tolist()], alone, check_exact=True, check_dtype=False
    )


def test_many_that_break_the_batch_are_all_found() -> None:
    """Every third of thirty, of different kinds: ten fall back, twenty are forecast."""
    kinds = list(BAD.values())
    starts = [
        begun(place, stub_model(100.0, **(kinds[place % len(kinds)] if place % 3 == 0 else {}))) for place in range(30)
    ]
    reasons: dict[Combination, str] = {}
    with np.errstate(all="ignore"):
        rows = forecast_all(starts, HORIZON, instead, reasons)
    failed = {named(place) for place in range(0, 30, 3)}
    assert set(reasons) == failed
    assert np.isfinite(rows[["yhat", "yhat_lower", "yhat_upper"]]).all(axis=None)
    assert (rows["status"] == "forecast_failed").sum() == 4 * len(failed)


def test_a_model_is_as_sure_of_itself_whoever_is_rolled_forward_beside_it() -> None:
    """Beside one of a thousand changepoints: the sum of its own is taken over its own, to the last bit."""
    wide = stub_model(100.0, changepoints=(0.5,) * 1000, delta=(1e-9,) * 1000)
    uneven = replace(GOOD[3], delta=tuple(np.random.default_rng(1).normal(size=25).tolist()), y_max=1e4)
    one = forecast_all([begun(0, uneven)], HORIZON, instead)
    both = forecast_all([begun(0, uneven), begun(1, wide)], HORIZON, instead)
    assert_frame_equal(both[both["SKU_ID"] == "A00"].reset_index(drop=True), one, check_exact=True)


def test_an_error_that_no_model_makes_alone_is_told() -> None:
    """Where each half can be rolled forward it is not one model's fault, and nobody is named for it."""
    nothing = np.zeros((1, 1))
    fine = Rollout(nothing, nothing, nothing, {}, nothing > 0, nothing[0] == 0)

    def too_many(starts: Any) -> Rollout:
        if len(starts) > 2:
            raise MemoryError("all together")
        return fine

    with pytest.raises(MemoryError, match="all together"):
        breaking([1, 2, 3, 4], too_many, MemoryError("all together"))


def test_a_forecast_that_its_own_bound_allows_is_no_absurd_one() -> None:
    """Three times the largest week of its training, which was seven times that of what is left of the sales."""
    model = stub_model(3_000.0, y_max=980.0)
    rows = forecast_all([begun(0, model)], HORIZON, lambda each: pytest.fail(str(each)))
    assert rows["yhat"].max() == pytest.approx(2 * 980 + 980, rel=0.1)
