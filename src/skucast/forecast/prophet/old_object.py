"""Fitted Prophet objects of another system: read from their pickle, and made into a model of ours that says the same.

The one place that runs what a pickle asks for; nobody but who converts old models by hand comes here. Prophet itself is
imported by the pickle, not by us.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.errors import ModelError
from skucast.core.weeks import WEEK
from skucast.forecast.prophet.design import YEAR_DAYS, Days, Floats
from skucast.forecast.prophet.model import FittedModel, Holiday, Regressor
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.forecast.prophet.stack import stacked, terms_of
from skucast.regressors.promotions import PROMO_REGRESSORS

KNOWN = (*PROMO_REGRESSORS, LAG)
"""Regressors that a forecast can give to a model that was made elsewhere; its weather is none, being no anomaly."""

SAME_LAGS = 0.8
"""Share of the weeks whose lag must be the sales of the week before; some may have been filled in or corrected."""

NOTHING = 1e-12
"""A weight below this, in shares of the scale of sales, says nothing."""

WITHIN = 1e-8
"""How far the forecasts of both may lie apart, in shares of the scale of sales."""

_ALSO = {"lag1": LAG, "lag_1": LAG, "y_lag_1": LAG}
"""Other names of the lag, beside those that differ by capitals alone."""


@dataclass(frozen=True)
class _Term:
    """One term beside the trend: its columns on the grid (W, N), and their weights; days of a season's period."""

    kind: str
    name: str
    values: Floats
    beta: Floats
    is_multiplicative: bool
    period: float

    @property
    def is_nothing(self) -> bool:
        return bool(np.abs(self.beta).max(initial=0.0) < NOTHING)


def unpickled(content: bytes) -> Any:
    """Return the fitted Prophet object in a pickle, of joblib or not; whatever else it asks for is run.

    Raises:
        ModelError: it cannot be read here, or holds something else.
    """
    import joblib

    try:
        found = joblib.load(io.BytesIO(content))
    except Exception as error:  # noqa: BLE001 - a pickle may raise anything, also what it was made to
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ModelError(f"cannot be unpickled here ({text}); is the Prophet that wrote it installed?") from None
    inside = list(found.values()) if isinstance(found, dict) else [found]
    models = [each for each in inside if any(kind.__name__ == "Prophet" for kind in type(each).__mro__)]
    if len(models) != 1:
        raise ModelError(f"holds a {type(found).__name__}, not one Prophet object")
    if getattr(models[0], "history", None) is None or not models[0].params:
        raise ModelError("holds a Prophet object that was never fitted")
    return models[0]


def from_prophet(prophet: Any, names: Mapping[str, str], weekday: int, until: date) -> FittedModel:
    """Return a model whose forecasts of any week are those of a fitted Prophet object.

    Args:
        prophet: the object; it stays as it is.
        names: our regressor by what the object calls it, where that is another name.
        weekday: the day on which our weeks end, Monday = 0; a label of the object names the week that it lies in.
        until: the last week whose holidays the model knows.

    Raises:
        ModelError: it has a part that our form has no place for, or its forecasts would not be the same.
    """
    for attribute, value in {"scaling": "absmax", "y_min": 0.0, "holidays_mode": prophet.seasonality_mode}.items():
        prophet.__dict__.setdefault(attribute, value)  # of versions before there were any
    labels = _labels(prophet)
    shift = (weekday - int(pd.Timestamp(labels[0]).weekday())) % 7
    weeks = np.arange(labels[0], np.datetime64(until - shift * (WEEK / 7), "D") + 1, np.timedelta64(7, "D"))
    try:
        model = _model(prophet, list(_terms(prophet, weeks)), weeks, shift, dict(names))
        _check_lag(model)
        _compare(prophet, model, weeks, shift, dict(names))
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 - an object of another version, or one that somebody has changed
        raise ModelError(f"cannot be asked for its terms ({type(error).__name__}: {error})") from None
    return model


def _labels(prophet: Any) -> Days:
    """The labels of the weeks that it was fitted to, oldest first.

    Raises:
        ModelError: they are not those of weeks.
    """
    days = prophet.history["ds"].to_numpy().astype("datetime64[ns]")
    labels: Days = np.sort(days).astype("datetime64[D]")
    gaps = np.diff(labels).astype("int64")
    if (labels.astype("datetime64[ns]") != np.sort(days)).any() or not len(gaps) or (gaps % 7).any() or not gaps.all():
        raise ModelError("is not of weeks: its days are not a multiple of seven apart")
    return labels


def _mean(prophet: Any, name: str) -> Floats:
    """A parameter, the mean over the draws where it was sampled."""
    found: Floats = np.nanmean(np.atleast_2d(np.asarray(prophet.params[name], dtype="float64")), axis=0).ravel()
    return found


def _terms(prophet: Any, weeks: Days) -> Iterator[_Term]:
    """Yield its seasons, holidays and regressors, those that say nothing left out.

    Raises:
        ModelError: a season that holds under a condition, or holidays that are others on this machine.
    """
    for name, season in prophet.seasonalities.items():
        if season["condition_name"] is not None:
            raise ModelError(f"its season {name!r} holds under a condition")
    frame = pd.DataFrame({"ds": weeks.astype("datetime64[ns]")}).assign(**dict.fromkeys(prophet.extra_regressors, 0.0))
    features, _, parts, _ = prophet.make_all_seasonality_features(frame)
    beta, columns = _mean(prophet, "beta"), [str(column) for column in features.columns]
    if len(beta) != len(columns):
        raise ModelError(f"has {len(beta)} weights for {len(columns)} columns: its holidays are others on this machine")
    n_seasons = [2 * int(season["fourier_order"]) for season in prophet.seasonalities.values()]
    n_holidays = len(columns) - sum(n_seasons) - len(prophet.extra_regressors)
    kinds = [("season", name, n) for name, n in zip(prophet.seasonalities, n_seasons, strict=True)]
    if columns != ["zeros"]:
        kinds += [("holiday", column, 1) for column in columns[sum(n_seasons) : sum(n_seasons) + n_holidays]]
    kinds += [("regressor", name, 1) for name in prophet.extra_regressors]
    values, first = features.to_numpy(dtype="float64"), 0
    for kind, name, n in kinds:
        here = slice(first, first + n)
        period = float(prophet.seasonalities[name]["period"]) if kind == "season" else 0.0
        multiplies = bool(parts["multiplicative_terms"].iloc[first])
        term = _Term(kind, name, values[:, here], beta[here], multiplies, period)
        first += n
        if not term.is_nothing:
            yield term


def _model(prophet: Any, terms: Sequence[_Term], weeks: Days, shift: int, names: dict[str, str]) -> FittedModel:
    if prophet.growth not in ("linear", "flat"):
        raise ModelError(f"its growth is {prophet.growth!r}; here it is linear or flat")
    y_scale = float(prophet.y_scale)
    is_flat = prophet.growth == "flat"
    k, m = (0.0 if is_flat else float(_mean(prophet, "k")[0])), float(_mean(prophet, "m")[0])
    if prophet.scaling == "minmax":
        m += float(prophet.y_min) / y_scale
    changepoints = np.array([] if is_flat else prophet.changepoints_t, dtype="float64")
    delta = _mean(prophet, "delta")[: len(changepoints)]
    is_multiplicative = any(term.is_multiplicative for term in terms)
    if is_multiplicative and not all(term.is_multiplicative for term in terms):
        raise ModelError("some of its terms add and some multiply; here all do the same")
    constant, others = _constant(terms)
    factor = 1.0 + constant if is_multiplicative else 1.0  # g (1 + c + E) = g (1 + c) (1 + E / (1 + c))
    if abs(factor) < NOTHING:
        raise ModelError("a season within the week takes all of its trend")
    yearly = _yearly(others, shift) / factor
    history = prophet.history.sort_values("ds", kind="stable")
    regressors = _regressors(prophet, others, names, factor)
    labels = weeks + np.timedelta64(shift, "D")
    start = np.datetime64(pd.Timestamp(prophet.start), "D") + np.timedelta64(shift, "D")
    return FittedModel(
        spec=ModelSpec(
            seasonality_mode="multiplicative" if is_multiplicative else "additive",
            changepoint_prior_scale=float(prophet.changepoint_prior_scale),
            n_changepoints=len(changepoints),
            changepoint_range=float(prophet.changepoint_range),
            yearly_order=len(yearly) // 2,
            seasonality_prior_scale=float(prophet.seasonality_prior_scale),
            holidays_prior_scale=float(prophet.holidays_prior_scale),
        ),
        start=str(start),
        t_scale_days=prophet.t_scale / pd.Timedelta(days=1),
        y_scale=y_scale,
        y_max=float(history["y"].max()),
        k=k * factor,
        m=m * factor if is_multiplicative else m + constant,
        delta=tuple((delta * factor).tolist()),
        changepoints=tuple(changepoints.tolist()),
        sigma_obs=float(_mean(prophet, "sigma_obs")[0]),
        yearly=tuple(yearly.tolist()),
        holidays=tuple(
            Holiday(term.name, float(term.beta[0]) / factor, " ".join(labels[term.values[:, 0] == 1.0].astype("str")))
            for term in others
            if term.kind == "holiday"
        ),
        regressors=tuple(regressors),
        dropped_regressors=(),
        n_weeks=len(history),
        history=_history(prophet, history, shift, names, regressors),
    )


def _constant(terms: Sequence[_Term]) -> tuple[float, list[_Term]]:
    """What seasons within the week add to every week, all labels lying on one weekday, and the other terms."""
    constant, others = 0.0, []
    for term in terms:
        if term.kind == "season" and np.ptp(term.values, axis=0).max() < WITHIN:
            constant += float(term.values[0] @ term.beta)
        else:
            others.append(term)
    return constant, others


def _yearly(terms: Sequence[_Term], shift: int) -> Floats:
    """The weights of its year on labels that lie `shift` days later: the same waves, begun so much later.

    Raises:
        ModelError: it has a season of another length.
    """
    found: Floats = np.zeros(0)
    for term in terms:
        if term.kind != "season":
            continue
        order = len(term.beta) // 2
        if len(found) or abs(term.period - YEAR_DAYS) > WITHIN:
            raise ModelError(f"its season {term.name!r} is not the year's; here there is no other")
        angle = 2 * np.pi * np.arange(1, order + 1) * shift / YEAR_DAYS
        sine, cosine = term.beta[0::2], term.beta[1::2]
        turned = [sine * np.cos(angle) + cosine * np.sin(angle), cosine * np.cos(angle) - sine * np.sin(angle)]
        found = np.stack(turned, axis=1).ravel()
    return found


def _regressors(prophet: Any, terms: Sequence[_Term], names: dict[str, str], factor: float) -> list[Regressor]:
    found = []
    for term in terms:
        if term.kind == "regressor":
            props = prophet.extra_regressors[term.name]
            beta = float(term.beta[0]) / factor
            found.append(Regressor(_ours(term.name, names), beta, float(props["mu"]), float(props["std"])))
    twice = [each.name for each in found]
    if len(set(twice)) < len(twice):
        raise ModelError(f"two of its regressors are {max(twice, key=twice.count)}")
    return found


def _ours(name: str, names: dict[str, str]) -> str:
    """Our name of a regressor.

    Raises:
        ModelError: nobody said which it is, or a forecast does not know it.
    """
    plain = name.casefold()
    ours = names.get(name) or _ALSO.get(plain) or next((each for each in KNOWN if each == plain), None)
    if ours not in KNOWN:
        raise ModelError(f"its regressor {name!r} is none of {', '.join(KNOWN)}; say which: --regressors OURS={name}")
    return ours


def _history(
    prophet: Any, history: pd.DataFrame, shift: int, names: dict[str, str], regressors: Sequence[Regressor]
) -> str:
    """The weeks that it was fitted to, JSON; regressors as they were before Prophet scaled them."""
    used = {each.name: each for each in regressors}
    columns: dict[str, list[Any]] = {
        "ds": [str(day.date()) for day in history["ds"] + pd.Timedelta(days=shift)],
        "y": history["y"].astype("float64").tolist(),
    }
    for name in prophet.extra_regressors:
        ours = names.get(name, _ALSO.get(name.casefold(), name.casefold()))
        if ours in used:
            values = history[name].astype("float64") * used[ours].std + used[ours].mu
            columns[ours] = values.tolist()
    return json.dumps(columns)


def _check_lag(model: FittedModel) -> None:
    """Refuse a lag that is not what a forecast would put in its place.

    Raises:
        ModelError: it is not the sales of the week before.
    """
    past = pd.DataFrame(model.weeks()).assign(ds=lambda rows: pd.to_datetime(rows["ds"]))
    if LAG not in past:
        return
    before = past["y"].shift().where(past["ds"].diff() == WEEK).dropna()
    same = np.isclose(past.loc[before.index, LAG], before, rtol=1e-6, atol=1e-6 * model.y_scale)
    if len(before) and same.mean() < SAME_LAGS:
        raise ModelError("its lag is not the sales of the week before, which is what a forecast would give it")


def _compare(prophet: Any, model: FittedModel, weeks: Days, shift: int, names: dict[str, str]) -> None:
    """Let both forecast all weeks of the grid, with regressors of any size.

    Raises:
        ModelError: they do not say the same.
    """
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"ds": weeks.astype("datetime64[ns]")})
    values: dict[str, Floats] = {}
    for name, props in prophet.extra_regressors.items():
        frame[name] = props["mu"] + props["std"] * random.normal(size=len(weeks))
        values[names.get(name) or _ALSO.get(name.casefold(), name.casefold())] = frame[name].to_numpy()[None, :]
    n_samples, prophet.uncertainty_samples = prophet.uncertainty_samples, 0
    try:
        theirs = prophet.predict(frame)["yhat"].to_numpy(dtype="float64")
    finally:
        prophet.uncertainty_samples = n_samples
    apart = np.abs(theirs - _said(model, weeks + np.timedelta64(shift, "D"), values)).max()
    if not apart <= WITHIN * model.y_scale:
        raise ModelError(f"its forecasts and ours would differ by up to {apart:.3g}")


def _said(model: FittedModel, ds: Days, regressors: Mapping[str, Floats]) -> Floats:
    """What the model says of each week alone, its lag given."""
    without_lag = replace(model, regressors=tuple(each for each in model.regressors if each.name != LAG))
    stack = stacked([model])
    terms = terms_of([without_lag], stack, ds, regressors)
    effect = terms.effect
    if model.lag is not None:
        effect = effect + model.lag.beta * (regressors[LAG] - model.lag.mu) / model.lag.std
    said: Floats = (terms.trend + stack.recursion.gain(terms.trend) * effect)[0]
    return said
