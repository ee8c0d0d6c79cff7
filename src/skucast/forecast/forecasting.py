"""The forecasts of a run: each combination's model where there is a usable one, else a labelled fallback."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ModelNotFound
from skucast.core.tables.forecasts import COMPONENTS, NAIVE_BETTER
from skucast.core.weeks import WeekClock, weeks_between
from skucast.forecast.artifact import StoredModel
from skucast.forecast.launches import begun_like
from skucast.forecast.plausible import attempted, breaking, faults
from skucast.forecast.prophet.design import Floats
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.rollout import Rollout, averaged, roll_forward_all, seed_of
from skucast.forecast.prophet.spec import LAG
from skucast.forecast.short import fallback
from skucast.regressors.future import Ahead, WeatherWeeks, ahead, last_known
from skucast.regressors.promotions import PlannedWeeks
from skucast.regressors.responses import Response
from skucast.sales.columns import Weeks, last_day, numbers
from skucast.sales.demand import coming_season
from skucast.sales.history import is_inactive
from skucast.sales.seasons import Season

Stored = StoredModel | ModelError | None

DISCOUNT = "promo_discount_perc"
OTHER_MEASURE = 3.0
"""A discount so many times as deep as all that a model has seen is in another measure than those."""


@dataclass(frozen=True)
class Horizon:
    """Which weeks one run forecasts, and from what: `data_cutoff` is the last week that every combination knows."""

    clock: WeekClock
    today: date
    cutoff: date
    data_cutoff: date
    horizon_weeks: int
    min_history_weeks: int
    inactive_after_weeks: int
    n_paths: int

    @property
    def weeks_after_data(self) -> list[date]:
        """All weeks after the last one with data, past ones too: those up to the cutoff only bridge a late delivery."""
        return self.weeks_after(self.data_cutoff)

    def weeks_after(self, data_cutoff: date) -> list[date]:
        """Return the weeks of a combination that knows more of them than the others."""
        late = weeks_between(data_cutoff, self.cutoff)
        return self.clock.targets(data_cutoff, late + self.horizon_weeks)


@dataclass(frozen=True)
class Peers:
    """What the others tell of a combination: the change of level of its group within a year, and how articles begin.

    `launches` are those of its group (see `launches.Launches`); None of an article that is not new.
    """

    change: float = 1.0
    launches: Floats | None = None


ALONE = Peers()


@dataclass(frozen=True)
class Start:
    """What one combination's forecast begins with: a usable model, or the rows of a fallback; what is known ahead.

    `data_cutoff` is its last known week: what lies between it and the run's cutoff is rolled through, never guessed.
    `largest_y` is the largest week that was sold.
    `has_other_discounts` tells that the model has learnt them in another measure than percent.
    """

    combination: Combination
    data_cutoff: date
    last_y: float
    ahead: Ahead
    stored: StoredModel | None = None
    rows: pd.DataFrame | None = None
    has_other_discounts: bool = False
    largest_y: float = np.inf


def start(
    combination: Combination,
    weeks: Weeks,
    stored: Stored,
    horizon: Horizon,
    planned: PlannedWeeks | None = None,
    weather: WeatherWeeks | None = None,
    peers: Peers = ALONE,
) -> Start:
    """Return what the combination's forecast begins with.

    Args:
        combination: whose forecast it is.
        weeks: its history, up to the last week that its unit has delivered; no earlier than `horizon.data_cutoff`.
        stored: its model, or None or the error that loading it raised: `status` says why there is a fallback.
        horizon: the weeks to forecast.
        planned: what the promotions plan says of `horizon.weeks_after_data`; None = nothing.
        weather: what is known of the unit's weather in them; None = nothing.
        peers: what the others tell of an article of a season, or a new one.
    """
    ready = _ready(combination, weeks, horizon, planned, weather, _response(stored))
    targets = horizon.weeks_after(ready.data_cutoff)
    season = coming_season(weeks, len(targets), horizon.inactive_after_weeks)
    if season is not None:
        return _with_rows(ready, _like_then(season, peers.change, targets))
    if is_inactive(weeks, horizon.inactive_after_weeks):
        return _with_rows(ready, _flat("zero", "inactive", _zeros(targets)))
    if isinstance(stored, StoredModel):
        return _as_it_learnt(dataclasses.replace(ready, stored=_checked(stored, ready.ahead)))
    return start_without_model(
        combination, weeks, horizon, planned, weather, peers, status=_status_without_model(weeks, stored, horizon)
    )


def start_without_model(
    combination: Combination,
    weeks: Weeks,
    horizon: Horizon,
    planned: PlannedWeeks | None = None,
    weather: WeatherWeeks | None = None,
    peers: Peers = ALONE,
    *,
    status: str = "forecast_failed",
) -> Start:
    """Return the labelled fallback of a combination; by default of one whose model failed while it forecast."""
    ready = _ready(combination, weeks, horizon, planned, weather)
    targets = horizon.weeks_after(ready.data_cutoff)
    begun = None if peers.launches is None else begun_like(numbers(weeks, "y"), peers.launches, len(targets))
    if begun is not None:
        return _with_rows(ready, _flat("launch_curve", status, _weeks(targets, begun.yhat, begun.lower, begun.upper)))
    method, forecast = fallback(weeks, targets)
    return _with_rows(ready, _flat(method, status, forecast))


def start_naive(
    combination: Combination,
    weeks: Weeks,
    horizon: Horizon,
    method: str,
    planned: PlannedWeeks | None = None,
    weather: WeatherWeeks | None = None,
) -> Start:
    """Return the naive forecast that stands in for a model which backtests clearly worse."""
    ready = _ready(combination, weeks, horizon, planned, weather)
    found, forecast = fallback(weeks, horizon.weeks_after(ready.data_cutoff), method)
    return _with_rows(ready, _flat(found, NAIVE_BETTER, forecast))


def forecast_all(
    starts: Sequence[Start],
    horizon: Horizon,
    replaced: Callable[[Combination], Start],
    reasons: dict[Combination, str] | None = None,
) -> pd.DataFrame:
    """Return one row per combination and step: the columns of the forecasts table but for the run's own.

    All models that know the same weeks are rolled forward in one pass. `replaced` is asked for the start of a
    combination whose model cannot be rolled forward, or gave no finite number or an absurd one: `reasons` says which.
    The others' numbers are to the bit what they are without it.
    """
    groups: dict[date, list[Start]] = {}
    for each in starts:
        if each.stored is not None:
            groups.setdefault(each.data_cutoff, []).append(each)
    rolled: dict[date, Rollout] = {}
    failed: dict[Combination, str] = {}
    for known, group in groups.items():
        found = attempted(group, partial(_roll_forward, horizon=horizon))
        if isinstance(found, Rollout):
            rolled[known] = found
            wrong = faults(found, [each.largest_y for each in group])
        else:
            wrong = breaking(group, partial(_roll_forward, horizon=horizon), found)
        failed |= {group[place].combination: why for place, why in wrong.items()}
    if failed:
        if reasons is not None:
            reasons |= failed
        starts = [replaced(each.combination) if each.combination in failed else each for each in starts]
        return forecast_all(starts, horizon, replaced, reasons)
    parts = [each.rows.assign(**_key(each), **_sources(each)) for each in starts if each.rows is not None]
    parts += [_model_rows(group, rolled[known], horizon) for known, group in groups.items()]
    return _stamped(pd.concat(parts, ignore_index=True), horizon)


def _roll_forward(starts: Sequence[Start], horizon: Horizon) -> Rollout:
    """The forecasts of starts that know the same weeks."""
    counts = [len(_models(each)) for each in starts]
    models = [model for each in starts for model in _models(each)]
    ds = np.array(horizon.weeks_after(starts[0].data_cutoff), dtype="datetime64[D]")
    seeds = [seed_of(each.combination, horizon.cutoff) for each in starts for _ in _models(each)]

    def by_model(values: Sequence[float] | Sequence[Floats]) -> Floats:
        return np.repeat(np.array(values, dtype="float64"), counts, axis=0)

    regressors = {
        name: by_model([each.ahead.regressors[name] for each in starts]) for name in starts[0].ahead.regressors
    }
    last_y = by_model([each.last_y for each in starts])
    with np.errstate(over="ignore", invalid="ignore"):  # numbers that are not finite are told, and replaced
        each = roll_forward_all(models, ds, regressors, last_y, seeds, horizon.n_paths)
    return averaged(each, counts)


def _models(ready: Start) -> tuple[FittedModel, ...]:
    return () if ready.stored is None else ready.stored.models


def _model_rows(starts: Sequence[Start], rolled: Rollout, horizon: Horizon) -> pd.DataFrame:
    """One row per combination and week, in the order of the starts, which know the same weeks."""
    n_weeks = rolled.yhat.shape[1]
    ds = pd.to_datetime(horizon.weeks_after(starts[0].data_cutoff)).astype("datetime64[us]")
    stored = [each.stored for each in starts if each.stored is not None]

    def repeated(values: Sequence[object]) -> npt.NDArray[np.object_]:
        return np.repeat(np.array(values, dtype=object), n_weeks)

    columns = {
        "ds": np.tile(ds.to_numpy(), len(starts)),
        **{name: repeated([getattr(each.combination, part) for each in starts]) for name, part in _PARTS.items()},
        "yhat": rolled.yhat.ravel(),
        "yhat_lower": rolled.yhat_lower.ravel(),
        "yhat_upper": rolled.yhat_upper.ravel(),
        **{name: values.ravel() for name, values in rolled.components.items()},
        "data_cutoff": pd.Timestamp(starts[0].data_cutoff),
        "method": "prophet",
        "status": np.where(rolled.is_capped.ravel(), "capped", repeated([each.status for each in stored])),
        "promo_source": np.concatenate([each.ahead.promo_source for each in starts]),
        "weather_source": np.concatenate([each.ahead.weather_source for each in starts]),
        "model_version": repeated([each.version for each in stored]),
        "model_cutoff": np.repeat(np.array([each.card.cutoff for each in stored], dtype="datetime64[us]"), n_weeks),
    }
    return pd.DataFrame(columns)


_PARTS = {"unit": "unit", "channel": "channel", "SKU_ID": "sku_id"}


def _key(ready: Start) -> dict[str, Any]:
    return {**dict(zip(KEY, ready.combination.parts, strict=True)), "data_cutoff": pd.Timestamp(ready.data_cutoff)}


def _sources(ready: Start) -> dict[str, npt.NDArray[np.object_]]:
    return {"promo_source": ready.ahead.promo_source, "weather_source": ready.ahead.weather_source}


def _ready(
    combination: Combination,
    weeks: Weeks,
    horizon: Horizon,
    planned: PlannedWeeks | None,
    weather: WeatherWeeks | None,
    response: Response | None = None,
) -> Start:
    data_cutoff = last_day(weeks)
    n_weeks = len(horizon.weeks_after(data_cutoff))
    known = planned and planned.last(n_weeks), weather and weather.last(n_weeks)
    known_ahead = ahead(weeks, known[0], n_weeks, known[1], response)
    largest = np.fmax.reduce(numbers(weeks, "y"), initial=0.0)  # NaN = unknown
    return Start(combination, data_cutoff, last_known(weeks), known_ahead, largest_y=float(largest))


def _response(stored: Stored) -> Response | None:
    """How the model's promotions enter it; the models of one file share it."""
    logs = stored.models[0].promo_response if isinstance(stored, StoredModel) else ()
    return Response(logs) if logs else None


def _with_rows(ready: Start, rows: pd.DataFrame) -> Start:
    return dataclasses.replace(ready, rows=rows)


def _checked(stored: StoredModel, ahead: Ahead) -> StoredModel:
    """Refuse a model that wants to know something that nobody can tell it.

    Raises:
        ModelError: naming the regressor.
    """
    known = {*ahead.regressors, LAG}
    unknown = {each.name for model in stored.models for each in model.regressors} - known
    if unknown:
        raise ModelError(f"the model needs {', '.join(sorted(unknown))}, which is not known; retrain this combination")
    return stored


def as_needed(stored: StoredModel, other: StoredModel | None = None) -> StoredModel:
    """Return the model without the weeks that it was fitted to, unless a forecast by it may ask what they were.

    What its card says alike as that of `other` is one object of both.
    """
    card = stored.card
    if other is not None:
        alike = {name: getattr(other.card, name) for name in ("recipe", "versions")}
        card = dataclasses.replace(
            card, **{name: value for name, value in alike.items() if value == getattr(card, name)}
        )
    models = stored.models
    if all(each.name != DISCOUNT for each in models[0].regressors):
        models = tuple(dataclasses.replace(model, history="{}") for model in models)
    return dataclasses.replace(stored, models=models, card=card)


def _as_it_learnt(ready: Start) -> Start:
    """The start with no deeper discount than the model has seen, if that is many times as deep.

    Such a model has learnt what a fraction or a flag does, from sales that were read so before; a plan in percent would
    be a hundred times as much.
    """
    model, planned = _models(ready)[0], ready.ahead.regressors[DISCOUNT]
    learnt = next((each for each in model.regressors if each.name == DISCOUNT), None)
    if learnt is None or planned.max() <= learnt.mu + OTHER_MEASURE * learnt.std:
        return ready
    most = model.largest(DISCOUNT)
    if planned.max() <= OTHER_MEASURE * most:
        return ready
    regressors = {**ready.ahead.regressors, DISCOUNT: np.minimum(planned, most)}
    ahead_of_it = dataclasses.replace(ready.ahead, regressors=regressors)
    return dataclasses.replace(ready, ahead=ahead_of_it, has_other_discounts=True)


def _flat(method: str, status: str, forecast: pd.DataFrame) -> pd.DataFrame:
    """Rows of a forecast that is all level, without season or regressors."""
    components = dict.fromkeys(COMPONENTS, 0.0) | {"level": forecast["yhat"]}
    no_model = {"model_version": None, "model_cutoff": pd.Timestamp("NaT")}
    return forecast.assign(**components, method=method, status=status, **no_model)


def _like_then(season: Season, change: float, weeks: Sequence[date]) -> pd.DataFrame:
    """Rows of an article of a season: as in the one before, and 0 while it rests."""
    return _flat("last_season", "seasonal", _weeks(weeks, *season.forecast(change)))


def _zeros(weeks: Sequence[date]) -> pd.DataFrame:
    return _weeks(weeks, *[np.zeros(len(weeks))] * 3)


def _weeks(weeks: Sequence[date], yhat: Floats, lower: Floats, upper: Floats) -> pd.DataFrame:
    ds = pd.to_datetime(list(weeks)).astype("datetime64[us]")
    return pd.DataFrame({"ds": ds, "yhat": yhat, "yhat_lower": lower, "yhat_upper": upper})


def _status_without_model(weeks: Weeks, stored: ModelError | None, horizon: Horizon) -> str:
    if stored is not None and not isinstance(stored, ModelNotFound):
        return "load_failed"
    return "short_history" if int((~np.isnan(numbers(weeks, "y"))).sum()) < horizon.min_history_weeks else "no_model"


def _stamped(rows: pd.DataFrame, horizon: Horizon) -> pd.DataFrame:
    """The rows of the horizon, with step and what was known; weeks that only bridge are left out."""
    week_start = rows["ds"] - pd.Timedelta(days=6)
    stamped = rows.assign(
        cutoff=pd.Timestamp(horizon.cutoff),
        step=(rows["ds"] - pd.Timestamp(horizon.cutoff)).dt.days // 7,
        is_open_week=week_start <= pd.Timestamp(horizon.today),
    )
    return stamped[stamped["step"] >= 1].sort_values([*KEY, "ds"], ignore_index=True)
