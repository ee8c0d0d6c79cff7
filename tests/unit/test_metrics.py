"""Metrics against slow, obvious loops, against scikit-learn, and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import sunday
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from skucast.metrics import SUMS, errors, ratio, summed, with_ratios
from skucast.tables import BASELINES, METRICS

RATIOS = [
    "wape",
    "smape",
    "mae",
    "rmse",
    "bias",
    "bias_ratio",
    "coverage",
    *(f"wape_{name}" for name in BASELINES),
    "fva",
]


def scored(*rows: tuple[float, float, float, float], baseline: float = 0.0) -> pd.DataFrame:
    """Return scored weeks from (y, yhat, lower, upper), one week each."""
    frame = pd.DataFrame(rows, columns=["y", "yhat", "yhat_lower", "yhat_upper"], dtype="float64")
    ds = [pd.Timestamp(sunday(week)) for week in range(len(rows))]
    return frame.assign(ds=ds, group="all", **{f"baseline_{name}": baseline for name in BASELINES})


def metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return sums and ratios of all rows together."""
    parts = pd.concat([rows[["ds", "group"]], errors(rows)], axis=1)
    return with_ratios(summed(parts, ["group"])).iloc[0].to_dict()


def random_rows(seed: int = 5) -> pd.DataFrame:
    """Return 300 rows in 3 groups with negative actuals, zeros on one or both sides, and unknown weeks."""
    random = np.random.default_rng(seed)
    y, yhat = random.normal(20, 30, 300).round(), random.normal(20, 30, 300).clip(0).round()
    y[::17], yhat[::13], y[::11] = 0.0, 0.0, np.nan
    width = random.uniform(0, 40, 300)
    rows = scored(*zip(y, yhat, yhat - width, yhat + width, strict=True))
    rows["group"] = random.choice(["a", "b", "c"], 300)
    rows["ds"] = [pd.Timestamp(sunday(int(week))) for week in random.integers(0, 5, 300)]
    return rows.assign(**{f"baseline_{name}": random.normal(20, 30, 300) for name in BASELINES})


def slow(rows: pd.DataFrame) -> dict[str, float]:
    """Return every metric, written as its definition in the style guide reads."""
    n = covered = left_out = 0
    total = absolute = forecast = error = abs_error = sq_error = smape = 0.0
    baseline = dict.fromkeys(BASELINES, 0.0)
    for row in rows.to_dict("records"):
        y, yhat = row["y"], row["yhat"]
        if math.isnan(y):
            left_out += 1
            continue
        n += 1
        total += y
        absolute += abs(y)
        forecast += yhat
        e = yhat - y
        error += e
        abs_error += abs(e)
        sq_error += e * e
        smape += 0.0 if y == yhat == 0 else 2 * abs(e) / (abs(y) + abs(yhat))
        covered += row["yhat_lower"] <= y <= row["yhat_upper"]
        for name in BASELINES:
            baseline[name] += abs(row[f"baseline_{name}"] - y)
    wape_baseline = {f"wape_{name}": baseline[name] / absolute for name in BASELINES}
    return {
        "n": n,
        "n_left_out": left_out,
        "n_covered": covered,
        "n_weeks": len({row["ds"] for row in rows.to_dict("records") if not math.isnan(row["y"])}),
        "sum_actual": total,
        "sum_abs_actual": absolute,
        "sum_forecast": forecast,
        "sum_error": error,
        "sum_abs_error": abs_error,
        "sum_sq_error": sq_error,
        "sum_smape": smape,
        **{f"sum_abs_error_{name}": value for name, value in baseline.items()},
        "wape": abs_error / absolute,
        "smape": smape / n,
        "mae": abs_error / n,
        "rmse": math.sqrt(sq_error / n),
        "bias": error / n,
        "bias_ratio": error / absolute,
        "coverage": covered / n,
        **wape_baseline,
        "fva": wape_baseline["wape_last_year"] - abs_error / absolute,
    }


def test_metrics_agree_with_a_slow_loop() -> None:
    """Per group, every sum and every ratio."""
    rows = random_rows()
    parts = pd.concat([rows[["ds", "group"]], errors(rows)], axis=1)
    found = with_ratios(summed(parts, ["group"])).set_index("group")
    assert found.index.tolist() == ["a", "b", "c"]
    for group, its_rows in rows.groupby("group"):
        assert found.loc[group].to_dict() == pytest.approx(slow(its_rows))


def test_metrics_agree_with_scikit_learn() -> None:
    """MAE and RMSE of the weeks that are known."""
    rows = random_rows()
    known = rows[rows["y"].notna()]
    found = metrics(rows.assign(group="all"))
    assert found["mae"] == pytest.approx(mean_absolute_error(known["y"], known["yhat"]))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(known["y"], known["yhat"]))


def test_metrics_by_hand() -> None:
    """10 forecast as 13, 20 as 16: errors +3 and -4, of 30 sold; one of two inside its interval; baseline 15."""
    found = metrics(scored((10, 13, 9, 14), (20, 16, 15, 17), baseline=15.0))
    assert found["n"] == found["n_weeks"] == 2
    assert found["wape"] == pytest.approx(7 / 30)
    assert found["smape"] == pytest.approx((6 / 23 + 8 / 36) / 2)
    assert found["mae"] == pytest.approx(3.5)
    assert found["rmse"] == pytest.approx(math.sqrt(12.5))
    assert found["bias"] == pytest.approx(-0.5)
    assert found["bias_ratio"] == pytest.approx(-1 / 30)
    assert found["coverage"] == 0.5
    assert found["wape_last_year"] == pytest.approx(10 / 30)
    assert found["fva"] == pytest.approx(3 / 30)


def test_a_forecast_above_the_actual_has_a_positive_bias() -> None:
    """The error is yhat - y, everywhere."""
    found = metrics(scored((10, 15, 0, 20)))
    assert (found["sum_error"], found["bias"], found["bias_ratio"]) == (5.0, 5.0, 0.5)


def test_the_ends_of_the_interval_are_inside() -> None:
    """On either end counts, beyond does not."""
    assert metrics(scored((5, 6, 5, 7), (7, 6, 5, 7), (4.9, 6, 5, 7), (7.1, 6, 5, 7)))["coverage"] == 0.5


def test_without_a_known_week_everything_is_undefined() -> None:
    """NaN, never 0; the two weeks are counted as left out, and add to no sum."""
    found = metrics(scored((math.nan, 5, 0, 9), (math.nan, 5, 0, 9), baseline=7.0))
    assert all(math.isnan(found[name]) for name in RATIOS)
    assert (found["n"], found["n_weeks"], found["n_left_out"]) == (0, 0, 2)
    assert all(found[name] == 0 for name in SUMS if name.startswith("sum_"))


def test_without_sales_the_ratios_to_sales_are_undefined() -> None:
    """Nothing sold: no WAPE, no bias ratio, never infinity; MAE, RMSE, bias, sMAPE and coverage are there."""
    found = metrics(scored((0, 3, 0, 9), (0, 0, 0, 0)))
    for name in ("wape", "bias_ratio", "fva", *(f"wape_{name}" for name in BASELINES)):
        assert math.isnan(found[name])
    assert (found["mae"], found["bias"], found["smape"], found["coverage"]) == (1.5, 1.5, 1.0, 1.0)
    assert found["rmse"] == pytest.approx(math.sqrt(4.5))


def test_sums_of_sums_are_the_sums_of_all() -> None:
    """Ratios can be made at any level from stored sums alone."""
    rows = random_rows()
    parts = pd.concat([rows[["ds", "group"]], errors(rows)], axis=1)
    by_group = summed(parts, ["group"])[SUMS].sum()
    assert by_group.to_dict() == pytest.approx(summed(parts.assign(group="all"), ["group"])[SUMS].iloc[0].to_dict())


def test_the_metrics_table_holds_every_sum_and_ratio() -> None:
    """What is computed is what is stored."""
    assert {*SUMS, *RATIOS, "n_weeks"} <= set(METRICS.column_names)


def test_a_ratio_to_nothing_is_undefined() -> None:
    """Not an error, not infinity."""
    assert ratio(3.0, 2.0) == 1.5
    assert math.isnan(ratio(3.0, 0.0))
