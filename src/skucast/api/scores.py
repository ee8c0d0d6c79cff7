"""How good forecasts were: the scorecard's own metrics, of any model in a long frame, and metrics of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from skucast.api.frames import asked_models
from skucast.core.errors import InputError
from skucast.core.tables.scorecard import SCORED
from skucast.scorecard.metrics import SUMS, errors, with_ratios

METRICS = (
    *("wape", "bias_ratio", "mae", "rmse", "bias", "smape", "mase", "rmsse", "coverage"),
    *("pinball_10", "pinball_90", "tracking_signal"),
)
"""The scorecard's metrics by name; `docs/reference/tables.md` has their formulas."""

Metric = str | Callable[[pd.DataFrame], float]
"""One of `METRICS`, or a function of rows with `y`, `yhat`, `yhat_lower`, `yhat_upper` (sales per week)."""

USUAL: tuple[Metric, ...] = ("wape", "bias_ratio", "coverage")
_OF_INTERVAL = {"coverage", "pinball_10", "pinball_90"}


def evaluate(
    forecasts: pd.DataFrame,
    metrics: Sequence[Metric] = USUAL,
    *,
    models: Sequence[str] | None = None,
    by: Sequence[str] = (),
) -> pd.DataFrame:
    """Return metrics of all models in a long frame, by the scorecard's own formulas.

    Roll-ups are ratios of sums, never means of ratios. Rows without `y`, or without a model's number, do not count for
    that model.

    Args:
        forecasts: a long frame with `unique_id`, `ds`, `y` and a column per model; intervals as `MODEL-lo-80` and
            `MODEL-hi-80`; `scale` and `sq_scale` (of `cross_validation`) for MASE and RMSSE.
        metrics: names of `METRICS`, or functions of one's own.
        models: columns (default: all numbers that are nothing else).
        by: columns to keep apart, such as `["unit"]` or `["step"]`.

    Returns:
        The columns of `by`, `metric` (its name, or that of the function) and a column per model; NaN where undefined.

    Raises:
        InputError: a column or a metric is not there, or a metric of one's own takes no rows or gives no number.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> weeks = pd.date_range("2026-11-01", periods=2, freq="W")
        >>> sold = pd.DataFrame({"unique_id": "a", "ds": weeks, "y": [10.0, 30.0]})
        >>> frame = sold.assign(ours=[12.0, 30.0], naive=20.0)
        >>> sk.evaluate(frame, ["wape", "bias_ratio"])
               metric  ours  naive
        0        wape  0.05    0.5
        1  bias_ratio  0.05    0.0
    """
    columns = asked_models(forecasts, models)
    metrics = _checked([metrics] if isinstance(metrics, str) or callable(metrics) else metrics)
    by = [by] if isinstance(by, str) else by
    wrong = [str(each) for each in metrics if isinstance(each, str) and each not in METRICS]
    missing = [name for name in by if name not in forecasts]
    if wrong or missing:
        raise InputError(
            f"evaluate: no metric {', '.join(wrong)}; there are {', '.join(METRICS)}"
            if wrong
            else f"evaluate: no column {', '.join(missing)} to keep apart"
        )
    found = {name: _of_model(forecasts, name, metrics, list(by)) for name in columns}
    table = pd.concat(found, axis=1)
    table.columns = list(found)
    order = {_name(each): place for place, each in enumerate(metrics)}
    rows = table.reset_index().rename(columns={"level_0": "metric"})
    rows = rows.sort_values(
        [*by, "metric"], key=lambda values: values.map(order) if values.name == "metric" else values
    )
    return rows[[*by, "metric", *columns]].reset_index(drop=True)


def scored_rows(forecasts: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return the rows as the scorecard scores them, those of which the model says nothing left out of the sums."""
    yhat = forecasts[model].astype("float64")
    ends = {
        end: forecasts.get(f"{model}-{side}-80", yhat) for end, side in (("yhat_lower", "lo"), ("yhat_upper", "hi"))
    }
    rows = pd.DataFrame({"y": forecasts["y"].where(yhat.notna()), "yhat": yhat, **ends}, index=forecasts.index)
    given = {name: forecasts[name] for name in ("scale", "sq_scale") if name in forecasts}
    others = {name: np.nan for name in SCORED.column_names if name not in rows and name not in given}
    return rows.assign(**given, **others).assign(left_out=None)


_SCORED = ["y", "yhat", "yhat_lower", "yhat_upper"]
"""What a metric of one's own gets beside the columns of the frame: the model's number under one name."""


def _of_model(forecasts: pd.DataFrame, model: str, metrics: Sequence[Metric], by: list[str]) -> pd.Series:
    """The metrics of one model, index: `by` and `metric`."""
    rows = scored_rows(forecasts, model)
    groups = [forecasts[name] for name in by] or [pd.Series(0, index=forecasts.index, name="all")]
    sums = errors(rows).groupby(groups, sort=True)[SUMS].sum()
    ratios = with_ratios(sums)
    if f"{model}-lo-80" not in forecasts:
        ratios[list(_OF_INTERVAL)] = np.nan
    known = rows[rows["y"].notna()][_SCORED].join(
        forecasts.drop(columns=[name for name in _SCORED if name in forecasts])
    )
    told = {}
    for each in metrics:
        if isinstance(each, str):
            told[each] = ratios[each]
        else:
            own = {name: _own(each, part) for name, part in known.groupby([group[known.index] for group in groups])}
            keys = [name if len(groups) > 1 else name[0] for name in own]
            told[_name(each)] = pd.Series(list(own.values()), index=keys).reindex(ratios.index)
    stacked: pd.Series = pd.concat(told, names=["metric"])
    return stacked if by else stacked.droplevel("all")


def _checked(metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics, each once.

    Raises:
        InputError: one is neither a name nor a function of rows, or two have one name.
    """
    given = list(metrics)
    asked = [each for place, each in enumerate(given) if each not in given[:place]]
    for each in asked:
        if not isinstance(each, str) and not _takes_rows(each):
            raise InputError(
                f"evaluate: {_name(each)}: expected a name of METRICS, or a function of one argument: rows with y, yhat"
            )
    names = [_name(each) for each in asked]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise InputError(f"evaluate: several metrics are called {', '.join(twice)}: give functions of other names")
    return asked


def _takes_rows(metric: object) -> bool:
    try:
        inspect.signature(metric).bind(None)  # type: ignore[arg-type]
    except TypeError:
        return False
    except ValueError:  # it does not tell what it takes
        return True
    return True


def _own(metric: Callable[[pd.DataFrame], float], rows: pd.DataFrame) -> float:
    """What a metric of one's own says.

    Raises:
        InputError: it is no number.
    """
    found = metric(rows)
    try:
        return float(found)
    except (TypeError, ValueError):
        raise InputError(f"evaluate: {_name(metric)} gives {type(found).__name__}: expected a number") from None


def _name(metric: Metric) -> str:
    """Its own name; that of the function in a `functools.partial`, else that of its class."""
    if isinstance(metric, str):
        return metric
    return str(getattr(getattr(metric, "func", metric), "__name__", type(metric).__name__))
