"""The trained panel: forests and what they were trained on, and what they say of coming weeks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from pydantic import ConfigDict

from skucast.core.bounds import check_day, check_length, check_names, check_plain
from skucast.core.declared import OF_DECLARED, name_of
from skucast.core.model_files import SharedFile, most_bytes
from skucast.forecast.panel.features import PARTS, part_of
from skucast.forecast.panel.trees import Forest
from skucast.forecast.plain import Limits, Read, StoredPayload, read, written
from skucast.forecast.prophet.design import Floats

PANEL = SharedFile("panel")

AGAIN = "run run_all_skus.py"

LOG_OFFSET = 0.1
"""Share of the level that is added before a logarithm is taken, so that a week without a sale has one."""

MOST_LOG = 5.0
"""A forecast beyond 148 times the level is a fault."""


Parts = dict[str, Floats]
"""What a forecast is made of, by component; each (S, H)."""


@dataclass(frozen=True)
class PanelForecast:
    """Sales per week of S combinations and H weeks, shape (S, H), at least 0.

    `absolute` is the median (absolute error on shares of the level), `log` the mean of logarithms turned back; `lower`
    and `upper` are the quantiles 10 % and 90 %.
    """

    absolute: Floats
    log: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True)
class PanelModel:
    """Forests over all combinations; of the point models several, trained with different seeds, whose mean is taken.

    `features` are the names of the columns in order: a model of other features is not used. `recipe` says how it was
    trained.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    cutoff_label: str
    recipe: dict[str, Any]
    features: tuple[str, ...]
    absolute: tuple[Forest, ...]
    log: tuple[Forest, ...]
    lower: Forest
    upper: Forest

    @property
    def cutoff(self) -> date:
        """The last week that it was trained on."""
        return date.fromisoformat(self.cutoff_label)

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain builtins."""
        point = {part: tuple(forest.as_dict() for forest in getattr(self, part)) for part in ("absolute", "log")}
        sides = {part: getattr(self, part).as_dict() for part in ("lower", "upper")}
        return {**{each.name: getattr(self, each.name) for each in dataclasses.fields(self)}, **point, **sides}

    def check(self) -> None:
        """Refuse parts that do not fit each other.

        Raises:
            ValueError: no forest, forests of other numbers of features, damaged trees, or a cutoff that is no day.
        """
        check_day(self.cutoff_label, "the cutoff")
        check_plain(self.recipe, "recipe")
        check_names(self.features, "features", 2_000)
        if not (self.absolute and self.log):
            raise ValueError("a point model is missing")
        check_length((*self.absolute, *self.log), "the point models", 50)
        for forest in (*self.absolute, *self.log, self.lower, self.upper):
            if forest.n_features != len(self.features):
                raise ValueError("a forest has another number of features than the model")
            forest.check()

    def predict(self, features: Floats, level: Floats) -> PanelForecast:
        """Return what is forecast; `features` as `features_at` gives them, shape (S, H, F), `level` shape (S,)."""
        return _forecast(self._shares(features), level)

    def explained(self, features: Floats, plain: Floats, level: Floats) -> tuple[PanelForecast, Parts, Parts]:
        """Return what is forecast, and what its `absolute` and `log` are made of, by component: see `PARTS`.

        A promotion adds what the forecast is more than without it: `plain` are the features of the same weeks without
        any promotion in them. What is left goes to the components by the path through the trees (Saabas 2014), what
        promotions of the past add there to the level. They add up to the forecast before it is clipped at 0.
        Each declared regressor has a part of its own, by its column; their sum is one too.
        """
        shares = self._shares(features)
        named = list(dict.fromkeys(part_of(name) for name in self.features if name_of(name)))
        parts = (*PARTS, *named)
        places = np.array([parts.index(part_of(name)) for name in self.features], dtype="int64")
        places[places == PARTS.index("promo")] = PARTS.index("level")

        def added(forests: tuple[Forest, ...]) -> Floats:
            """By group, (S, H, G + 1)."""
            each = [forest.contributions(_rows(plain), places, len(parts)) for forest in forests]
            found: Floats = np.mean(each, axis=0).reshape(*plain.shape[:2], len(parts) + 1)
            return found

        def sales(found: Parts) -> Parts:
            made = {name: values * level[:, None] for name, values in found.items()}
            return {**made, OF_DECLARED: np.sum([made[name] for name in named], axis=0)} if named else made

        absolute = _shares_by_part(added(self.absolute), shares["absolute"], parts)
        log = _shares_by_part_of_logs(added(self.log), shares["log"], parts)
        return _forecast(shares, level), sales(absolute), sales(log)

    def _shares(self, features: Floats) -> dict[str, Floats]:
        """What each of its forests, or their mean, says: shares of the level, or their logarithms; (S, H)."""
        forests = {"absolute": self.absolute, "log": self.log, "lower": (self.lower,), "upper": (self.upper,)}
        return {part: _mean_of(each, features) for part, each in forests.items()}


def _forecast(shares: dict[str, Floats], level: Floats) -> PanelForecast:
    log = np.exp(np.minimum(shares["log"], MOST_LOG)) - LOG_OFFSET
    parts = (shares["absolute"], log, shares["lower"], shares["upper"])
    return PanelForecast(*(np.maximum(part * level[:, None], 0.0) for part in parts))


def _mean_of(forests: tuple[Forest, ...], features: Floats) -> Floats:
    found: Floats = np.mean([forest.predict(_rows(features)) for forest in forests], axis=0)
    return found.reshape(features.shape[:2])


def _rows(features: Floats) -> Floats:
    return features.reshape(-1, features.shape[-1])


def _shares_by_part(added: Floats, total: Floats, names: Sequence[str]) -> Parts:
    found = {part: added[..., place] for place, part in enumerate(names)}
    found["level"] = found["level"] + added[..., -1]
    found["promo"] = total - added.sum(axis=-1)
    return found


def _shares_by_part_of_logs(added: Floats, total: Floats, names: Sequence[str]) -> Parts:
    """Of exp(z) - LOG_OFFSET: what a part adds to z, times the mean of the exponentials on its way (Ang 2004).

    The logarithmic mean (exp(a) - exp(b)) / (a - b) makes the parts add up. The level comes first.
    """
    parts = _shares_by_part(added, np.minimum(total, MOST_LOG), names)
    bottom = parts["level"]
    way = np.minimum(total, MOST_LOG) - bottom
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(np.abs(way) > 1e-9, np.exp(bottom) * np.expm1(way) / way, np.exp(bottom))
    found = {name: values * mean for name, values in parts.items()}
    found["level"] = np.exp(bottom) - LOG_OFFSET
    return found


_LIMITS = Limits(n_bytes=most_bytes(PANEL), n_lists=10_000, n_values=1_500_000)
"""Of any number of combinations it has a hundred lists and half a million values."""


def dumps(panel: PanelModel) -> StoredPayload:
    """Return the bytes of the panel's file and their version."""
    return written(panel.as_dict(), panel.cutoff_label, panel)


def loads(payload: bytes) -> Read[PanelModel]:
    """Return the stored panel and its version; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    return read(payload, PanelModel, limits=_LIMITS, again=AGAIN)
