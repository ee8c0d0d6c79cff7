"""Metrics against slow, obvious loops, against scikit-learn, and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import sunday
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, root_mean_squared_error
from utilsforecast import losses

from skucast.core.tables.scorecard import BASELINES, LEFT_OUT, METRICS
from skucast.scorecard.metrics import SUMS, WEEK_COUNTS, errors, ratio, summed, with_ratios

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
    *(f"fva_{name}" for name in BASELINES),
    "mase",
    "rmsse",
    "pinball_10",
    "pinball_90",
    "tracking_signal",
    "churn",
    "wape_failed",
]


def scored(*rows: tuple[float, float, float, float], baseline: float = 0.0) -> pd.DataFrame:
    """Return scored weeks from (y, yhat, lower, upper), one week each."""
    frame = pd.DataFrame(rows, columns=["y", "yhat", "yhat_lower", "yhat_upper"], dtype="float64")
    ds = [pd.Timestamp(sunday(week)) for week in range(len(rows))]
    rest = {
        "scale": math.nan,
        "sq_scale": math.nan,
        "previous_yhat": math.nan,
        "y_failed": math.nan,
        "yhat_mean": math.nan,
        "is_restated": False,
    }
    left_out = pd.Series("stockout", index=frame.index).where(frame["y"].isna(), None)
    named = frame.assign(ds=ds, group="all", left_out=left_out, **rest)
    return named.assign(**{f"baseline_{name}": baseline for name in BASELINES})


def summands(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what `summed` adds up, with what it groups by."""
    return pd.concat([rows[["ds", "group", "is_restated"]], errors(rows)], axis=1)


def metrics(rows: pd.DataFrame) -> dict[str, Any]:
    """Return sums and ratios of all rows together."""
    parts = summands(rows)
    return with_ratios(summed(parts, ["group"])).iloc[0].to_dict()


def random_rows(seed: int = 5) -> pd.DataFrame:
    """Return 300 rows in 3 groups with negative actuals, zeros on one or both sides, and rows that are left out.

    Some have no scale, some no forecast before them, some none at all.
    """
    random = np.random.default_rng(seed)
    y, yhat = random.normal(20, 30, 300).round(), random.normal(20, 30, 300).clip(0).round()
    y[::17], yhat[::13], y[::11] = 0.0, 0.0, np.nan
    width = random.uniform(0, 40, 300)
    rows = scored(*zip(y, yhat, yhat - width, yhat + width, strict=True))
    rows["group"] = random.choice(["a", "b", "c"], 300)
    rows["ds"] = [pd.Timestamp(sunday(int(week))) for week in random.integers(0, 5, 300)]
    rows["left_out"] = pd.Series(random.choice(LEFT_OUT_OR_NOT, 300)).where(rows["y"].isna(), None)
    rows["y_failed"] = pd.Series(random.normal(20, 30, 300)).where(rows["left_out"] == "failed")
    rows.loc[rows["left_out"] == "unpublished", ["yhat", "yhat_lower", "yhat_upper"]] = math.nan
    rows["is_restated"] = random.uniform(size=300) < 0.1
    rows["scale"], rows["sq_scale"] = random.uniform(1, 20, 300), random.uniform(1, 400, 300)
    rows.loc[::7, ["scale", "sq_scale"]] = math.nan
    rows["yhat_mean"] = (rows["yhat"] * 1.1).where(rows.index % 3 > 0)
    rows["previous_yhat"] = random.normal(20, 30, 300)
    rows.loc[::5, "previous_yhat"] = math.nan
    return rows.assign(**{f"baseline_{name}": random.normal(20, 30, 300) for name in BASELINES})


LEFT_OUT_OR_NOT = [*LEFT_OUT, "unpublished"]


def slow(rows: pd.DataFrame) -> dict[str, float]:
    """Return every metric, written as its definition in the style guide reads."""
    left_out: dict[str, int] = dict.fromkeys(LEFT_OUT_OR_NOT, 0)
    n = covered = scaled = compared = 0
    total = absolute = forecast = error = abs_error = sq_error = smape = 0.0
    failed = {"actual": 0.0, "forecast": 0.0, "abs_error": 0.0}
    mean = low = high = scaled_error = sq_scaled = change = compared_forecast = 0.0
    baseline = dict.fromkeys(BASELINES, 0.0)
    for row in rows.to_dict("records"):
        y, yhat = row["y"], row["yhat"]
        if not math.isnan(yhat) and not math.isnan(row["previous_yhat"]):
            compared += 1
            change += abs(yhat - row["previous_yhat"])
            compared_forecast += yhat
        if math.isnan(y):
            left_out[row["left_out"]] += 1
            if row["left_out"] == "failed":
                failed["actual"] += row["y_failed"]
                failed["forecast"] += yhat
                failed["abs_error"] += abs(yhat - row["y_failed"])
            continue
        n += 1
        total += y
        absolute += abs(y)
        forecast += yhat
        e = yhat - y
        error += e
        mean += yhat if math.isnan(row["yhat_mean"]) else row["yhat_mean"]
        abs_error += abs(e)
        sq_error += e * e
        smape += 0.0 if y == yhat == 0 else 2 * abs(e) / (abs(y) + abs(yhat))
        covered += row["yhat_lower"] <= y <= row["yhat_upper"]
        low += 0.1 * (y - row["yhat_lower"]) if y >= row["yhat_lower"] else 0.9 * (row["yhat_lower"] - y)
        high += 0.9 * (y - row["yhat_upper"]) if y >= row["yhat_upper"] else 0.1 * (row["yhat_upper"] - y)
        if not math.isnan(row["scale"]):
            scaled += 1
            scaled_error += abs(e) / row["scale"]
            sq_scaled += e * e / row["sq_scale"]
        for name in BASELINES:
            baseline[name] += abs(row[f"baseline_{name}"] - y)
    wape_baseline = {f"wape_{name}": baseline[name] / absolute for name in BASELINES}
    known = [row for row in rows.to_dict("records") if not math.isnan(row["y"])]
    return {
        "n": n,
        "n_left_out": sum(left_out[reason] for reason in LEFT_OUT),
        **{f"n_{name}": number for name, number in left_out.items()},
        "n_covered": covered,
        "n_weeks": len({row["ds"] for row in known}),
        "n_restated_weeks": len({row["ds"] for row in known if row["is_restated"]}),
        "sum_actual": total,
        "sum_abs_actual": absolute,
        "sum_forecast": forecast,
        "sum_error": error,
        "sum_forecast_mean": mean,
        "sum_abs_error": abs_error,
        "sum_sq_error": sq_error,
        "sum_smape": smape,
        **{f"sum_abs_error_{name}": value for name, value in baseline.items()},
        "sum_pinball_10": low,
        "sum_pinball_90": high,
        "n_scaled": scaled,
        "sum_scaled_error": scaled_error,
        "sum_sq_scaled_error": sq_scaled,
        "n_compared": compared,
        "sum_abs_change": change,
        "sum_forecast_compared": compared_forecast,
        "wape": abs_error / absolute,
        "smape": smape / n,
        "mae": abs_error / n,
        "rmse": math.sqrt(sq_error / n),
        "bias": error / n,
        "bias_ratio": error / absolute,
        "bias_ratio_mean": (mean - total) / absolute,
        "coverage": covered / n,
        **wape_baseline,
        "fva": wape_baseline["wape_last_year"] - abs_error / absolute,
        **{f"fva_{name}": wape_baseline[f"wape_{name}"] - abs_error / absolute for name in BASELINES},
        "mase": scaled_error / scaled,
        "rmsse": math.sqrt(sq_scaled / scaled),
        "pinball_10": low / n,
        "pinball_90": high / n,
        "tracking_signal": error / (abs_error / n),
        "churn": change / compared_forecast,
        **{f"sum_{name}_failed": value for name, value in failed.items()},
        "wape_failed": failed["abs_error"] / failed["actual"] if failed["actual"] else math.nan,
    }


def test_metrics_agree_with_a_slow_loop() -> None:
    """Per group, every sum and every ratio."""
    rows = random_rows()
    parts = summands(rows)
    found = with_ratios(summed(parts, ["group"])).set_index("group")
    assert found.index.tolist() == ["a", "b", "c"]
    for group, its_rows in rows.groupby("group"):
        assert found.loc[group].to_dict() == pytest.approx(slow(its_rows), nan_ok=True)


def test_metrics_agree_with_scikit_learn() -> None:
    """MAE and RMSE of the weeks that are known."""
    rows = random_rows()
    known = rows[rows["y"].notna()]
    found = metrics(rows.assign(group="all"))
    assert found["mae"] == pytest.approx(mean_absolute_error(known["y"], known["yhat"]))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(known["y"], known["yhat"]))


@pytest.mark.slow
def test_metrics_agree_with_utilsforecast() -> None:
    """MAE, bias, coverage, both pinball losses, MASE and RMSSE of two series with a history each."""
    random = np.random.default_rng(8)
    history = {name: random.uniform(0, 50, 60) for name in ("a", "b")}
    train = pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": range(60), "y": y}) for name, y in history.items()], ignore_index=True
    )
    parts, theirs = [], []
    for name, y in history.items():
        actual, yhat = random.uniform(0, 50, 10), random.uniform(0, 50, 10)
        rows = scored(*zip(actual, yhat, yhat - 10, yhat + 12, strict=True)).assign(group=name)
        parts.append(rows.assign(scale=np.abs(np.diff(y)).mean(), sq_scale=(np.diff(y) ** 2).mean()))
        columns = {"y": actual, "ours": yhat, "ours-lo-80": yhat - 10, "ours-hi-80": yhat + 12}
        theirs.append(pd.DataFrame({"unique_id": name, "ds": range(60, 70), **columns}))
    found = with_ratios(summed(summands(pd.concat(parts, ignore_index=True)), ["group"]))
    frame = pd.concat(theirs, ignore_index=True)
    expected = {
        "mae": losses.mae(frame, ["ours"]),
        "rmse": losses.rmse(frame, ["ours"]),
        "bias": losses.bias(frame, ["ours"]),
        "coverage": losses.coverage(frame, ["ours"], 80),
        "pinball_10": losses.quantile_loss(frame, {"ours": "ours-lo-80"}, 0.1),
        "pinball_90": losses.quantile_loss(frame, {"ours": "ours-hi-80"}, 0.9),
        "mase": losses.mase(frame, ["ours"], 1, train),
        "rmsse": losses.rmsse(frame, ["ours"], 1, train),
        "wape": losses.wape(frame, ["ours"]),
    }
    for name, their_values in expected.items():
        assert found[name].tolist() == pytest.approx(their_values["ours"].tolist()), name
    assert (found["smape"] / 2).tolist() == pytest.approx(losses.smape(frame, ["ours"])["ours"].tolist())


def test_pinball_loss_agrees_with_scikit_learn() -> None:
    """Of both ends of the interval, over the rows that are scored."""
    rows = random_rows()
    known = rows[rows["y"].notna()]
    found = metrics(rows.assign(group="all"))
    assert found["pinball_10"] == pytest.approx(mean_pinball_loss(known["y"], known["yhat_lower"], alpha=0.1))
    assert found["pinball_90"] == pytest.approx(mean_pinball_loss(known["y"], known["yhat_upper"], alpha=0.9))


def test_new_metrics_by_hand() -> None:
    """10 forecast as 13 where sales changed by 2 a week before (4 squared), 20 as 16 without a scale; 15 and 16 before.

    MASE 3 / 2, RMSSE root of 9 / 4; errors +3 and -4 of 3.5 on average; forecasts moved by 2 of 29.
    """
    rows = scored((10, 13, 9, 14), (20, 16, 15, 17), baseline=15.0)
    rows = rows.assign(scale=[2.0, math.nan], sq_scale=[4.0, math.nan], previous_yhat=[15.0, 16.0])
    found = metrics(rows)
    assert (found["mase"], found["rmsse"]) == (1.5, 1.5)
    assert found["tracking_signal"] == pytest.approx(-1 / 3.5)
    assert found["churn"] == pytest.approx(2 / 29)
    assert found["pinball_10"] == pytest.approx((0.1 * 1 + 0.1 * 5) / 2)
    assert found["pinball_90"] == pytest.approx((0.1 * 4 + 0.9 * 3) / 2)
    assert found["fva_mean_4"] == found["fva"] == pytest.approx(10 / 30 - 7 / 30)


def test_undefined_cases_of_the_new_metrics() -> None:
    """No scale, no forecast before, no error at all: NaN, never infinity."""
    found = metrics(scored((5, 5, 4, 6), (0, 0, 0, 0)))
    assert all(math.isnan(found[name]) for name in ("mase", "rmsse", "tracking_signal", "churn"))
    moved_to_nothing = metrics(scored((5, 0, 0, 6)).assign(previous_yhat=3.0))
    assert (moved_to_nothing["n_compared"], moved_to_nothing["sum_abs_change"]) == (1, 3.0)
    assert math.isnan(moved_to_nothing["churn"])


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
    parts = summands(rows)
    by_group = summed(parts, ["group"])[SUMS].sum()
    assert by_group.to_dict() == pytest.approx(summed(parts.assign(group="all"), ["group"])[SUMS].iloc[0].to_dict())


def test_the_metrics_table_holds_every_sum_and_ratio() -> None:
    """What is computed is what is stored."""
    assert {*SUMS, *RATIOS, *WEEK_COUNTS} <= set(METRICS.column_names)


def test_a_ratio_to_nothing_is_undefined() -> None:
    """Not an error, not infinity."""
    assert ratio(3.0, 2.0) == 1.5
    assert math.isnan(ratio(3.0, 0.0))
