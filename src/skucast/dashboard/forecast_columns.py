"""The page's columns of forecasts: the newest, those scored, earlier ones; sums of those too many to show singly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.tables.forecasts import COMPONENTS
from skucast.core.tables.scorecard import BASELINES
from skucast.dashboard.columns import (
    NUMBER,
    SUMMED_DIGITS,
    Columns,
    coded,
    iso,
    numbers_of,
    short,
    values,
    week_numbers,
    whole,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pandas import DataFrame

CLASSES = ["abc_class", "xyz_class"]
ORIGIN = ["cutoff", "ds", "step"]
BOUNDS = ["yhat_lower", "yhat_upper"]
SUMMED = ["y", "yhat", *(f"baseline_{name}" for name in BASELINES)]
REST_BY = ["unit", "channel", *CLASSES]
"""All that the page filters by."""

_INTERVAL = ["yhat", "yhat_lower", "yhat_upper"]
_TEXTS = ["method", "status", "promo_source", "weather_source", "model_version"]
_WEEKS = ["data_cutoff", "model_cutoff"]
FINAL = ["final", "override_id", "yhat_mean"]
"""What planners have made of the forecasts, and what is expected; NULL in rows of before."""
FORECAST_COLUMNS = [*KEY, *ORIGIN, *_INTERVAL, *COMPONENTS, *_TEXTS, *_WEEKS, *FINAL]
_REST_SUMS = ["n", "actual", "error", "abs_error", "covered", *(f"abs_error_{name}" for name in BASELINES)]


def scored_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    """Return the columns of forecasts that are scored."""
    return {
        **_origin_columns(rows, weeks),
        "covered": whole(_is_covered(rows)),
        **values(rows, SUMMED, SUMMED_DIGITS),
        **values(rows, BOUNDS),
    }


def earlier_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    """Return the columns of forecasts of earlier cutoffs that are not scored yet."""
    return {**_origin_columns(rows, weeks), **values(rows, [*_INTERVAL, "final"])}


class Forecasts:
    """The newest forecasts, of all combinations: `rows` is numbered, its columns are worked out once."""

    def __init__(self, rows: DataFrame) -> None:
        self.rows = rows
        self._texts = {
            **{name: coded(rows[name]) for name in _TEXTS},
            **{name: coded(iso(rows[name])) for name in _WEEKS},
        }
        self._parts = values(rows.assign(**{name: rows[name].fillna(0.0) for name in COMPONENTS}), COMPONENTS)
        self._numbers = {
            **values(rows, [*_INTERVAL, "final"]),
            "mean": short(rows["yhat_mean"].fillna(rows["yhat"]), SUMMED_DIGITS),
            "override_id": coded(rows["override_id"]),
        }

    def columns(self, is_detailed: npt.NDArray[np.bool_], weeks: list[str]) -> Columns:
        """Return the columns, with components of the detailed combinations only: nobody sees those of the others."""
        shown = is_detailed[self.rows[NUMBER]].tolist()
        numbers = self._numbers
        return {
            **_origin_columns(self.rows, weeks),
            **self._texts,
            **{name: numbers[name] for name in _INTERVAL},
            **{
                name: [part if is_shown else 0 for part, is_shown in zip(parts, shown, strict=True)]
                for name, parts in self._parts.items()
            },
            **{name: numbers[name] for name in ("final", "mean", "override_id")},
        }


class Rest:
    """The sums of errors of combinations that are not shown one by one, by `REST_BY`, week and step."""

    def __init__(self, scored: DataFrame, names: DataFrame) -> None:
        groups = names.groupby(REST_BY, sort=True)
        self._groups = names[REST_BY].iloc[groups.head(1).index].sort_values(REST_BY, ignore_index=True)
        self._group_of = groups.ngroup().to_numpy()
        self._number = numbers_of(scored, names)
        error = scored["yhat"] - scored["y"]
        self._summands = scored[["ds", "step"]].assign(
            n=1,
            actual=scored["y"],
            error=error,
            abs_error=error.abs(),
            covered=_is_covered(scored),
            **{f"abs_error_{name}": (scored[f"baseline_{name}"] - scored["y"]).abs() for name in BASELINES},
        )

    def columns(self, is_in_sum: npt.NDArray[np.bool_], weeks: list[str]) -> Columns:
        """Return the sums of these combinations."""
        chosen = is_in_sum[self._number]
        rows = self._summands[chosen].assign(_group=self._group_of[self._number[chosen]])
        sums = rows.groupby(["_group", "ds", "step"], as_index=False)[_REST_SUMS].sum()
        by = self._groups.iloc[sums["_group"].to_numpy("int64")]
        return {
            **{name: coded(by[name]) for name in REST_BY},
            "ds": week_numbers(sums["ds"], weeks),
            "step": whole(sums["step"]),
            **values(sums, _REST_SUMS, SUMMED_DIGITS),
        }


def _origin_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    return {
        "cutoff": week_numbers(rows["cutoff"], weeks),
        "ds": week_numbers(rows["ds"], weeks),
        "step": whole(rows["step"]),
    }


def _is_covered(rows: DataFrame) -> Any:
    # Decided before rounding: a rounded end could step over a sale that lies on it.
    return (rows["yhat_lower"] <= rows["y"]) & (rows["y"] <= rows["yhat_upper"])
