"""What `to_prophet` gives: stored models whose `predict` is the published number, and which say their scale.

Prophet itself is only imported for `SalesProphet.prophet`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.core.tables.forecasts import COMPONENTS
from skucast.core.weeks import WEEK
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.rollout import ROLLOUT_COLUMNS, roll_forward, seed_of
from skucast.forecast.prophet.spec import LAG, Target
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.regressors.responses import RESPONSE, RESPONSE_BEFORE, Response

INTERVAL_PATHS = 500
"""Simulated paths of an interval, as INTERVAL_PATHS is unless set."""


@dataclass(frozen=True)
class SalesProphet:
    """One model: `predict` gives sales per week as they are published, `prophet` is the real `prophet.Prophet` of it.

    `scale` is that of `prophet`: "sales", or "log1p" where its y, yhat and lag are log(1 + sales). `combination` is
    whose model it is, which seeds the interval; None = not known.
    """

    model: FittedModel
    combination: Combination | None = None

    def __repr__(self) -> str:
        of = "" if self.combination is None else f" of {self.combination}"
        return f"SalesProphet{of}, on the scale {self.scale}, fitted to {self.model.n_weeks} weeks"

    @property
    def scale(self) -> Target:
        """What `prophet` forecasts: "sales" per week, or "log1p" of them; `predict` gives sales in any case."""
        return self.model.spec.target

    @functools.cached_property
    def prophet(self) -> Any:
        """The same model as a real, fitted `prophet.Prophet`, all of it (history, lag, predict, plots) on `scale`.

        Its interval is Prophet's own: neither fed through the lag nor widened to what the backtest's errors asked for.
        """
        from skucast.forecast.prophet.prophet_object import real_prophet

        return real_prophet(self.model)

    @property
    def history(self) -> pd.DataFrame:
        """The weeks it was fitted on: `ds`, `y`, `y_lag1` (sales per week) and the regressors that were used."""
        frame = history_frame(self.model)
        measured = [name for name in ("y", LAG) if name in frame]
        return frame.assign(**{name: np.expm1(frame[name]) for name in measured}) if self.scale == "log1p" else frame

    def predict(
        self, future: pd.DataFrame | None = None, *, last_y: float | None = None, n_paths: int = INTERVAL_PATHS
    ) -> pd.DataFrame:
        """Return the forecast of each week, one row each: ds, yhat, yhat_lower, yhat_upper, parts, is_capped.

        Args:
            future: `ds` and the regressors of the model; promotions as `promo_discount_perc` and `promo_days` if it
                knows them by their response. None = the weeks it was fitted on. A week with a value in `y_lag1` (sales
                per week) takes it as last week's sales, any other takes the forecast of the week before.
            last_y: last week's sales of the first week, where `y_lag1` has none; None = the last of `history`.
            n_paths: simulated paths of the interval; 0 = none.

        Sales per week, at least 0: `yhat_prophet` of the forecasts table where this is the only model of its file. The
        interval is the one that FORECASTER=prophet publishes: the same to its last digit for the weeks after the run's
        cutoff where the combination is known, else up to what chance draws. The parts add up to yhat before it was
        bounded.

        Raises:
            ValueError: a regressor is missing or not known, or the week before one that takes its forecast.
            ModelError: the forecast is not a finite number.
        """
        weeks = self._with_regressors(self.history if future is None else future)
        lags = weeks[LAG].to_numpy(dtype="float64", copy=True) if LAG in weeks else np.full(len(weeks), np.nan)
        if len(lags) and np.isnan(lags[0]):
            lags[0] = self.history["y"].iloc[-1] if last_y is None else last_y
        starts = np.flatnonzero(~np.isnan(lags))
        _check_weeks_follow(weeks["ds"], starts)
        if self.combination is None:
            seeds = [0] * len(starts)
        else:
            seeds = [seed_of(self.combination, (weeks["ds"].iloc[each] - WEEK).date()) for each in starts]
        parts = [
            roll_forward(self.model, weeks.iloc[first:end], lags[first], seed=seed, n_paths=n_paths)
            for first, end, seed in zip(starts, np.append(starts, len(weeks))[1:], seeds, strict=True)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=ROLLOUT_COLUMNS)

    def _with_regressors(self, future: pd.DataFrame) -> pd.DataFrame:
        """The weeks with every regressor that the model asks for.

        Raises:
            ValueError: naming those that are missing, and the weeks in which they are not known.
        """
        weeks = future.assign(ds=pd.to_datetime(future["ds"]).astype("datetime64[us]")).reset_index(drop=True)
        logs = self.model.promo_response
        if logs and RESPONSE not in weeks and set(PROMO_REGRESSORS) <= set(weeks):
            weeks[RESPONSE] = Response(logs).to_weeks(weeks)
        if logs and RESPONSE in weeks and RESPONSE_BEFORE not in weeks:
            weeks[RESPONSE_BEFORE] = self._week_before(weeks)
        names = [each.name for each in self.model.regressors if each.name != LAG]
        if missing := [name for name in names if name not in weeks]:
            raise ValueError(f"the model asks for the columns {', '.join(missing)}")
        for name in names:
            if not np.isfinite(weeks[name].to_numpy(dtype="float64")).all():
                ds = weeks["ds"][~np.isfinite(weeks[name].astype("float64"))].dt.strftime("%Y-%m-%d")
                raise ValueError(f"{name} must be a number in every week, and is none in {', '.join(ds.head(3))}")
        return weeks

    def _week_before(self, weeks: pd.DataFrame) -> pd.Series:
        """The response to the promotion of the week before each, of these weeks or of the history; NaN = not known."""
        known = pd.concat([history_frame(self.model), weeks], ignore_index=True)
        if RESPONSE not in known:
            return pd.Series(np.nan, index=weeks.index)
        by_week = known.drop_duplicates("ds", keep="last").set_index("ds")[RESPONSE]
        return (weeks["ds"] - WEEK).map(by_week)

    def __getattr__(self, name: str) -> Any:
        """Say where what a `prophet.Prophet` has is to be found.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"no {name} here; `.prophet` is the real Prophet, on the scale that `.scale` names")


@dataclass(frozen=True)
class MeanOfProphets:
    """Several models of one combination: the mean of their forecasts is published, each fed with its own predictions.

    No single Prophet gives that number: `members` has each of them, with its `scale` and its `prophet`.
    """

    members: tuple[SalesProphet, ...]

    @property
    def scales(self) -> tuple[Target, ...]:
        """The scale of each member's `prophet`; `predict` gives sales in any case."""
        return tuple(each.scale for each in self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        return f"MeanOfProphets of {len(self)} models, on the scales {', '.join(self.scales)}"

    def predict(
        self, future: pd.DataFrame | None = None, *, last_y: float | None = None, n_paths: int = INTERVAL_PATHS
    ) -> pd.DataFrame:
        """Return the mean of what the members predict, as `SalesProphet.predict` gives it: `yhat_prophet`.

        Without `future` the weeks that all of them were fitted on.

        Raises:
            ValueError: as there.
            ModelError: as there.
        """
        each = [member.predict(future, last_y=last_y, n_paths=n_paths) for member in self.members]
        numbers = ["yhat", "yhat_lower", "yhat_upper", *COMPONENTS]
        mean: Floats = np.mean([rows[numbers].to_numpy() for rows in each], axis=0)
        is_capped = np.any([rows["is_capped"].to_numpy() for rows in each], axis=0)
        found = pd.DataFrame(mean, columns=numbers).assign(ds=each[0]["ds"], is_capped=is_capped)
        return found[ROLLOUT_COLUMNS]

    def __getattr__(self, name: str) -> Any:
        """Say where what a single model has is to be found.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"no {name} here: the forecasts of several models are averaged; `.members` has each")


def history_frame(model: FittedModel) -> pd.DataFrame:
    """Return the fitted weeks as Prophet wants them: ds, y and the regressors that were used, on the model's scale.

    Raises:
        ModelError: they are not in its file, or damaged.
    """
    frame = pd.DataFrame(model.weeks())
    if missing := {"ds", "y", *(each.name for each in model.regressors)} - set(frame):
        raise ModelError(f"its fitted weeks lack {', '.join(sorted(missing))}; retrain this combination")
    return frame.assign(ds=pd.to_datetime(frame["ds"]))


def _check_weeks_follow(ds: pd.Series, starts: npt.NDArray[np.intp]) -> None:
    """Refuse weeks that take the forecast of the week before, which is another one.

    Raises:
        ValueError: naming the first of them.
    """
    follows = (ds.diff() == pd.Timedelta(WEEK)).to_numpy(copy=True)
    follows[starts] = True
    if not follows.all():
        week = ds[~follows].iloc[0].date()
        raise ValueError(f"the week before {week} is not the row before it: give all weeks in order, or their y_lag1")
