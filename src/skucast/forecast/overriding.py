"""Overrides on forecasts: the number that counts beside the model's, a group's spread by forecast share.

Of several overrides of one combination and week one counts: that of the narrowest scope (more names), of equally narrow
ones the one known last, in one file that of the lower line. `=` makes a group's total the value, those of its
combinations included that a narrower one has settled; `+` and `%` change what no narrower one has settled. The page's
form tells the effect beforehand (dashboard/page/override_effect.js): a test holds both to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import NOT_SOLD
from skucast.regressors.overrides import in_order, n_named

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

NOTHING = 1e-9
"""Less sales than that are none: no share of a group can be told by them."""


@dataclass(frozen=True)
class Overridden:
    """The rows with what overrides make of them, and which overrides (by name) did nothing, or not all they say.

    `unmet` are about no forecast at all; `overruled` changed none, because narrower ones have settled them all; `short`
    could not reach their total: what narrower ones have settled is more, or nothing would be left below 0.
    """

    rows: pd.DataFrame
    unmet: list[str] = field(default_factory=list)
    overruled: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)


def overridden(rows: pd.DataFrame, said: pd.DataFrame) -> Overridden:
    """Return forecasts of one cutoff with `tables.forecasts.OVERRIDDEN` filled.

    Args:
        rows: of `tables.FORECASTS`; all of a group's, because its total is theirs.
        said: what is said of their weeks, as `regressors.overrides.said_of`.
    """
    maker = _Maker(rows)
    depth = n_named(said)
    maker.single(said[depth == len(KEY)])
    groups = in_order(said.assign(_named=depth)[depth < len(KEY)])[::-1]
    for word in groups.sort_values("_named", ascending=False, kind="stable").to_dict("records"):
        maker.group(word)
    return maker.made(said)


class _Maker:
    """The numbers that count so far, by row: `settled` says of which an override has spoken."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.yhat = rows["yhat"].to_numpy(dtype="float64")
        self.final = self.yhat.copy()
        self.settled = np.zeros(len(rows), dtype=bool)
        self.by = np.full(len(rows), None, dtype=object)
        self.is_sold = ~rows["status"].isin(NOT_SOLD).to_numpy()
        self.met: set[str] = set()
        self.short: set[str] = set()
        self._places: dict[tuple[str, ...], Mapping[Any, Any]] = {}

    def single(self, said: pd.DataFrame) -> None:
        """Take the word about single combinations: of each and its week there is one at most."""
        index = pd.MultiIndex.from_frame(self.rows[[*KEY, "ds"]])
        at = index.get_indexer(pd.MultiIndex.from_frame(said[[*KEY, "ds"]]))
        said, at = said[at >= 0], at[at >= 0]
        model, value, kind = self.yhat[at], said["value"].to_numpy(dtype="float64"), said["kind"].to_numpy()
        wanted = np.select([kind == "=", kind == "+"], [value, model + value], model * (1 + value / 100))
        self.short |= set(said["override_id"][wanted < -NOTHING])
        self._settle(at, np.maximum(wanted, 0.0), said["override_id"].to_numpy(dtype=object))

    def group(self, word: Mapping[Any, Any]) -> None:
        """Take the word about a group: what no narrower one has settled shares it by what the model forecasts."""
        places = self._members(word)
        mine = places[~self.settled[places]]
        if len(places):
            self.met.add(word["override_id"])
        if not len(mine):
            return
        model = self.yhat[mine]
        wanted = {
            "=": lambda: word["value"] - self.final[places[self.settled[places]]].sum(),
            "+": lambda: model.sum() + word["value"],
            "%": lambda: model.sum() * (1 + word["value"] / 100),
        }[word["kind"]]()
        if wanted < -NOTHING:
            self.short.add(word["override_id"])
        self._settle(mine, spread(max(float(wanted), 0.0), model, self.is_sold[mine]), word["override_id"])

    def _members(self, word: Mapping[Any, Any]) -> Places:
        named = tuple(name for name in KEY if word[name] != ALL)
        if named not in self._places:
            by: Any = [*named, "ds"] if named else "ds"
            self._places[named] = self.rows.reset_index(drop=True).groupby(by).indices
        of_names = (*(word[name] for name in named), word["ds"])
        nobody: Places = np.array([], dtype="int64")
        found: Places = self._places[named].get(of_names if named else word["ds"], nobody)
        return found

    def _settle(self, at: Places, numbers: Floats, override_id: Any) -> None:
        self.final[at], self.settled[at], self.by[at] = numbers, True, override_id

    def made(self, said: pd.DataFrame) -> Overridden:
        """Return the rows, with what is to be said of the overrides."""
        used = {each for each in self.by if each is not None}
        asked = list(dict.fromkeys(said["override_id"]))
        lower, upper = (self._interval(end) for end in ("yhat_lower", "yhat_upper"))
        rows = self.rows.assign(
            final=self.final,
            final_lower=lower,
            final_upper=upper,
            override_id=pd.Series(self.by, index=self.rows.index, dtype="object").astype("str").where(self.settled),
            override_effect=np.where(self.settled, self.final - self.yhat, np.nan),
        )
        return Overridden(
            rows,
            [each for each in asked if each not in used | self.met],
            [each for each in asked if each in self.met - used],
            [each for each in asked if each in self.short],
        )

    def _interval(self, end: str) -> Floats:
        """The end of the interval in the ratio of the number that counts to the model's; NaN where there is none."""
        ends = self.rows[end].to_numpy(dtype="float64")
        is_forecast = self.yhat > NOTHING
        ratio = self.final / np.where(is_forecast, self.yhat, 1.0)
        unknown = np.where(self.final == self.yhat, ends, np.nan)
        found: Floats = np.where(self.settled, np.where(is_forecast, ends * ratio, unknown), ends)
        return found


def effects(held: pd.DataFrame, published: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Return overrides that hold with their `effect` on a forecast, and the `model`'s number of what they change."""
    made = overridden(published, said).rows
    sums = made.groupby("override_id")[["override_effect", "yhat"]].sum()
    of = held["override_id"]
    return held.assign(
        effect=of.map(sums["override_effect"]).fillna(0.0).astype("float64"),
        model=of.map(sums["yhat"]).fillna(0.0).astype("float64"),
    )


def spread(total: float, model: Floats, is_sold: npt.NDArray[np.bool_]) -> Floats:
    """Return a group's total by combination, as the model's numbers are to each other.

    Where all of them are 0, evenly over what is sold; over all where none is.
    """
    if model.sum() > NOTHING:
        shares: Floats = model * (total / model.sum())
        return shares
    takes = is_sold if is_sold.any() else np.ones(len(model), dtype=bool)
    evenly: Floats = np.where(takes, total / takes.sum(), 0.0)
    return evenly
