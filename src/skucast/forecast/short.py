"""The forecast of a combination without a model: the simple method that its own past speaks for, and its interval.

Simple exponential smoothing, the mean of the last 4 or 8 weeks, last week, where many weeks sell nothing TSB, SBA and
the mean of a year, and where there is a year of history last year's weeks. All but the last say one number for all
coming weeks, and are made of weighted sums of the weeks before: every week of the past is forecast from at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.sales.baselines import YEAR_WEEKS, last_year
from skucast.sales.columns import Weeks, numbers
from skucast.sales.demand import SELDOM_WEEKS

WINDOW_WEEKS = 104
"""Weeks that are looked at: what was before tells nothing of a level."""

ALPHAS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
USUAL_ALPHA, DOUBT = 0.3, 16.0
"""SES takes the weight whose errors a week ahead are least, as if the square of its distance from the usual one were
so many more errors of the usual size: few weeks do not tell one weight from another."""

TSB_WEIGHT = 0.2
"""Of both parts of TSB: how often something is sold, and how much then."""

SBA_WEIGHT = 0.1
"""Of both parts of Croston's method, as it is usual."""

SELDOM_SHARE = 0.5
"""TSB takes the place of SES where more than this share of the last year's weeks sold nothing."""

MARGIN, MARGIN_OF_LAST_YEAR, MARGIN_OF_RATES = 0.25, 0.15, 0.05
FEWEST_ERRORS = 10
"""Another method takes the place of SES (or TSB) if its errors are smaller by more than this share, and so many are
known: the least of four uncertain errors is mostly luck. Last year's weeks have half a year of errors to show; TSB, SBA
and the mean are made for what sells seldom, and need little to take the place of SES there."""

RATES = ("tsb", "sba", "mean")
"""Methods of what sells seldom: how much is sold a week, over the weeks that sell nothing."""

ORIGINS = 26
FEWEST_YEARLY_ORIGINS = 6
"""Past weeks that are forecast from; last year's weeks need so many that have a year before them."""

WIDTH = 1.5
"""80 % of errors lie within 1.6 times their mean size, of a normal or a Laplace distribution alike; a little
less for those of weeks that overlap."""

FEW_ORIGINS = 0.5
FIRST_ERROR = 0.3
"""Few errors look too small: one over their number, by this factor, is added to the width. Without any, an error of
this share of the forecast is taken for granted, which counts as 1 beside the square of their number."""

STEP_GROWTH, STEP_WEIGHT = 0.2, 8.0
"""The interval widens with the step as the errors did, and like the root of 1 + 0.2 (step - 1) as long as those are few
beside this many."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """The method of a combination without a model, and why: WAPE of each method at the same past weeks and steps.

    `errors` are those of the chosen one, sales minus forecast, one row per origin and one column per step, NaN where
    unknown; `yhat` its forecasts of the coming weeks.
    """

    method: str
    alpha: float
    n_errors: int
    wape: dict[str, float]
    yhat: Floats
    errors: Floats

    def as_dict(self) -> dict[str, Any]:
        """Return what the registry keeps of it, as plain builtins."""
        alpha = {"alpha": self.alpha} if self.method == "ses" else {}
        return {"method": self.method, **alpha, "n_errors": self.n_errors, "wape": self.wape}


def fallback(weeks: Weeks, targets: Sequence[date], wanted: str | None = None) -> tuple[str, pd.DataFrame]:
    """Return the method and forecast for a combination without a model: `ds`, `yhat`, `yhat_lower`, `yhat_upper`.

    `targets` are the weeks after the last one of `weeks` (`ds`, `y`, without gaps). The interval holds 80 %. `wanted`
    names the method to take, if the history is long enough for it.
    """
    chosen = choose(numbers(weeks, "y"), len(targets), wanted)
    yhat = last_year(weeks, targets) if chosen.method == "seasonal_naive" else chosen.yhat
    yhat = np.maximum(0.0, yhat)
    half = _half_widths(yhat, chosen.errors)
    ds = pd.to_datetime(list(targets)).astype("datetime64[us]")
    lower, upper = np.clip(yhat - half, 0.0, yhat), yhat + half
    return chosen.method, pd.DataFrame({"ds": ds, "yhat": yhat, "yhat_lower": lower, "yhat_upper": upper})


def choose(y: Floats, n_steps: int, wanted: str | None = None) -> Choice:
    """Return the method for weekly sales (NaN = unknown), by the errors that each made in the past, or the wanted one.

    Sizes of errors are compared, and squares where most weeks sell nothing: there the least absolute errors are those
    of a forecast of 0.
    """
    y = y[-WINDOW_WEEKS:]
    is_known = ~np.isnan(y)
    y = y[int(np.argmax(is_known)) :] if is_known.any() else np.zeros(1)
    flat, alpha = _flat(y)
    is_seldom = bool((y[-YEAR_WEEKS:] == 0).sum() > SELDOM_SHARE * (~np.isnan(y[-YEAR_WEEKS:])).sum())
    has_gaps = bool((~np.isnan(y)).sum() >= SELDOM_WEEKS * (y > 0).sum())
    usual = "tsb" if is_seldom else "ses"
    rates = [name for name in RATES if name != usual] if has_gaps else []
    names = [usual, *(["ses"] if is_seldom else []), *rates, "mean_4", "mean_8", "last_week"]
    coming = _coming(y, n_steps)
    errors = {name: coming - flat[name][:, None] for name in names}
    first = max(1, len(y) - 1 - ORIGINS)
    if has_last_year(y):
        first = max(first, YEAR_WEEKS - 1)
        errors["seasonal_naive"] = coming - _last_year(y, flat["last_week"], n_steps)
    errors = {name: each[first:] for name, each in errors.items()}
    n_errors = int(np.count_nonzero(~np.isnan(errors[usual])))
    sold = _mean(np.where(np.isnan(errors[usual]), np.nan, coming[first:]))
    sizes = {name: np.abs(each) / sold for name, each in errors.items()} if sold > 0 else {}
    margins = {usual: 0.0, "seasonal_naive": MARGIN_OF_LAST_YEAR}
    margins |= {} if is_seldom else dict.fromkeys(rates, MARGIN_OF_RATES)
    method = _best(sizes, margins, 2 if is_seldom else 1) if n_errors >= FEWEST_ERRORS else usual
    method = wanted if wanted in errors else method or usual
    wape = {name: round(_mean(each), 4) for name, each in sizes.items()}
    yhat = np.full(n_steps, flat[method][-1] if method in flat else np.nan)
    return Choice(method, alpha, n_errors, wape, yhat, errors[method])


NAIVE = ("ses", "mean_4", "mean_8", "last_week")
"""Methods that say one number for all coming weeks, and are asked of every history; beside them last year's weeks."""


def naive_levels(y: Floats) -> dict[str, float]:
    """Return what each of them says of the weeks after these; NaN = unknown. Empty where no week is known."""
    is_known = ~np.isnan(y[-WINDOW_WEEKS:])
    if not is_known.any():
        return {}
    flat, _ = _flat(y[-WINDOW_WEEKS:][int(np.argmax(is_known)) :])
    return {name: float(flat[name][-1]) for name in NAIVE}


def has_last_year(y: Floats) -> bool:
    """Return whether the weeks are enough to know what last year's are worth."""
    return len(y) >= YEAR_WEEKS + FEWEST_YEARLY_ORIGINS


def rates_of(y: Floats) -> dict[str, float]:
    """Return what each method of seldom sales says of the weeks after these; NaN = unknown."""
    flat, _ = _flat(y[-WINDOW_WEEKS:])
    return {name: float(flat[name][-1]) for name in RATES}


def _best(sizes: dict[str, Floats], margins: Mapping[str, float], power: int) -> str | None:
    """The usual method, which comes first, unless another's errors (relative sizes) are smaller by its margin."""

    def score(name: str) -> float:
        return round(_mean(sizes[name] ** power) / (1 - margins.get(name, MARGIN)), 9)  # rounded: dust decides no tie

    return min(sizes, key=score, default=None)


def _half_widths(yhat: Floats, errors: Floats) -> Floats:
    """Half the width of the interval at each step, by the chosen method's errors; it never falls with the step."""
    n = np.count_nonzero(~np.isnan(errors), axis=0).astype("float64")
    total = np.nansum(np.abs(errors), axis=0)
    growth = np.sqrt(1 + STEP_GROWTH * np.arange(len(yhat)))
    n_origins = float(n.max(initial=0.0))
    size = float(total.sum() / (n * growth).sum()) if n.any() else 0.0
    own = np.divide(total, n * size, out=np.ones_like(total), where=(n > 0) & (size > 0))
    widening = np.maximum.accumulate((n * own + STEP_WEIGHT * growth) / (n + STEP_WEIGHT))
    error = (n_origins**2 * size + FIRST_ERROR * yhat.mean()) / (n_origins**2 + 1) if len(yhat) else 0.0
    half: Floats = WIDTH * (1 + FEW_ORIGINS / max(n_origins, 1.0)) * error * widening
    return half


# --- What each method says, from every week of the past --------------------------------------------------------------


def _flat(y: Floats) -> tuple[dict[str, Floats], float]:
    """What each method that says one number says from each week on, and the weight that SES has at the end."""
    is_known = ~np.isnan(y)
    known = y[is_known]
    place = np.cumsum(is_known) - 1
    ses, alpha = _ses(known)
    found = {
        "ses": ses,
        "tsb": _tsb(known),
        "sba": _sba(known),
        "mean": _mean_weights(YEAR_WEEKS)[: len(known), : len(known)] @ known,
        "mean_4": _mean_weights(4)[: len(known), : len(known)] @ known,
        "mean_8": _mean_weights(8)[: len(known), : len(known)] @ known,
        "last_week": known,
    }
    return {name: values[place] for name, values in found.items()}, alpha


def _ses(y: Floats) -> tuple[Floats, float]:
    """Simple exponential smoothing: its level after each week, by the weight that did best up to there."""
    n = len(y)
    levels = _all_ses_weights()[:, :n, :n] @ y
    so_far = np.cumsum(np.abs(y[1:] - levels[:, :-1]), axis=1)
    usual_error = so_far.mean(axis=0) / np.arange(1, n)
    doubt = DOUBT * (np.array(ALPHAS) - USUAL_ALPHA) ** 2
    best = np.argmin(so_far + doubt[:, None] * usual_error, axis=0) if n > 1 else np.array([], dtype="int64")
    best = np.concatenate([[ALPHAS.index(USUAL_ALPHA)], best])
    return levels[best, np.arange(n)], ALPHAS[int(best[-1])]


def _tsb(y: Floats) -> Floats:
    """Teunter, Syntetos and Babai (2011): how often something is sold, times how much then, both smoothed."""
    sells = y > 0
    weights = _ses_weights(TSB_WEIGHT, is_begun_by_first=True)
    often = weights[: len(y), : len(y)] @ sells.astype("float64")
    sold = y[sells]
    much = np.concatenate([[0.0], weights[: len(sold), : len(sold)] @ sold])
    level: Floats = often * much[np.cumsum(sells)]
    return level


def _sba(y: Floats) -> Floats:
    """Syntetos and Boylan (2005): what is sold over the weeks from sale to sale, both smoothed, less Croston's bias."""
    place = np.flatnonzero(y > 0)
    if not len(place):
        return np.zeros(len(y))
    weights = _ses_weights(SBA_WEIGHT, is_begun_by_first=True)[: len(place), : len(place)]
    rates = (1 - SBA_WEIGHT / 2) * (weights @ y[place]) / (weights @ np.diff(place, prepend=-1))
    return np.concatenate([[0.0], rates])[np.cumsum(y > 0)]


def _last_year(y: Floats, last_week: Floats, n_steps: int) -> Floats:
    """What last year's weeks say from each week on; rows x steps."""
    before = np.concatenate([np.full(YEAR_WEEKS, np.nan), y])
    a_year_ago = np.lib.stride_tricks.sliding_window_view(np.concatenate([before, np.full(n_steps, np.nan)]), n_steps)[
        1 : len(y) + 1
    ]
    return np.where(np.isnan(a_year_ago), last_week[:, None], a_year_ago)


def _coming(y: Floats, n_steps: int) -> Floats:
    """What was sold in the weeks after each; rows x steps, NaN after the last week."""
    after = np.concatenate([y[1:], np.full(n_steps, np.nan)])
    return np.lib.stride_tricks.sliding_window_view(after, n_steps)[: len(y)]


@cache
def _all_ses_weights() -> Floats:
    return np.stack([_ses_weights(alpha) for alpha in ALPHAS])


@cache
def _ses_weights(alpha: float, *, is_begun_by_first: bool = False) -> Floats:
    """What each week weighs in the level after each: begun as the mean of the first weeks, as long as it is heavier.

    As others have it, a level begins as the first week.
    """
    weights = np.zeros((WINDOW_WEEKS, WINDOW_WEEKS))
    level = np.zeros(WINDOW_WEEKS)
    for week in range(WINDOW_WEEKS):
        newest = alpha if is_begun_by_first and week else max(alpha, 1 / (week + 1))
        level = (1 - newest) * level
        level[week] = newest
        weights[week] = level
    return weights


@cache
def _mean_weights(n_weeks: int) -> Floats:
    """What each week weighs in the mean of the last so many after each, or of those that there are."""
    back = np.arange(WINDOW_WEEKS)[:, None] - np.arange(WINDOW_WEEKS)
    is_among = (back >= 0) & (back < n_weeks)
    weights: Floats = is_among / is_among.sum(axis=1, keepdims=True)
    return weights


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan
