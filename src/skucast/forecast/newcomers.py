"""Articles that begin, and those that they replace: by their reference items, by their launches, by what is moved.

All of it works on the published forecasts, whoever made them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about
from skucast.core.tables.forecasts import COMPONENTS, NEWCOMERS, REGRESSOR_EFFECTS
from skucast.forecast.forecasting import Horizon
from skucast.forecast.launches import CURVE_WEEKS, Launches, first_weeks
from skucast.regressors.predecessors import Link
from skucast.sales.demand import NEW_WEEKS
from skucast.sales.opened import Opened

Floats = npt.NDArray[np.float64]

NUMBERS = ["yhat", "yhat_lower", "yhat_upper"]
MOVED = [*NUMBERS, *COMPONENTS]
"""What moves from an article to its successor; the components add up to yhat there too."""

LEVEL_WEEKS = 8
LAUNCH_WEEKS = NEW_WEEKS
FEWEST_LAUNCH_WEEKS = 16
"""A reference item whose launch is known, and so many weeks from then on, tells how the new one begins: the weeks of
its first quarter of a year against those from the ninth on."""

LIKE_THEM_WEEKS = 2.0
"""The level of an article that has been sold for some weeks: as if it had been as expected for so many weeks more."""

WIDEST_LEVEL, LOWEST_START, HIGHEST_START = 4.0, 0.1, 3.0
"""An article sells no more than so many times what is expected, nor less than that part; bounds of a launch curve."""

WIDTH, OPENED_WIDTH = 0.6, 0.8
"""Half the width of the interval as a share of the forecast, like reference items and by a few days of sales."""

TYPICAL_DAYS = 4.0
"""What the first days of an article sell counts against what launches usually do as if those were so many days."""


@dataclass(frozen=True)
class Newcomers:
    """What is forecast beside the combinations that have a history: `combinations`, sorted, and why.

    `links` say which combinations, also those with a history, are like which; `opened` what was sold of one that has no
    whole week yet, though it may have a part of one.
    """

    combinations: list[Combination] = field(default_factory=list)
    links: Sequence[Link] = ()
    opened: Mapping[Combination, Opened] = field(default_factory=dict)

    def without(self, missing: Iterable[Combination]) -> Newcomers:
        """Return the same without those that have been sold before and are missing from the sales."""
        gone = set(missing)
        return replace(self, combinations=[each for each in self.combinations if each not in gone])

    def references(self, wanted: Iterable[Combination]) -> set[Combination]:
        """Return those whose forecast is asked for the forecasts of these; also by way of others."""
        asked = set(wanted)
        while more := {link.reference for link in self.links if link.successor in asked} - asked:
            asked |= more
        return asked - set(wanted)


NOBODY_NEW = Newcomers()


def with_newcomers(
    rows: pd.DataFrame,
    newcomers: Newcomers,
    weeks: Mapping[Combination, pd.DataFrame],
    launches: Launches,
    horizon: Horizon,
    first_week: date,
) -> pd.DataFrame:
    """Return the published rows with those of newcomers, and with what predecessors leave to their successors.

    Args:
        rows: published forecasts of combinations with a history, references among them.
        newcomers: what begins, and what is like what.
        weeks: the history of each combination that has rows.
        launches: how articles began before.
        horizon: the weeks that are forecast.
        first_week: the first week of which any sales are known.
    """
    if not newcomers.combinations and not newcomers.links and not newcomers.opened:
        return rows
    book = _Book(rows, weeks, horizon, first_week)
    for successor in sorted(
        {link.successor for link in newcomers.links}.union(newcomers.combinations, newcomers.opened)
    ):
        mine = [link for link in newcomers.links if link.successor == successor]
        like = [link for link in mine if link.phase_out_from is None and link.reference in book.begun]
        if like and book.n_known(successor) <= CURVE_WEEKS:
            book.put(
                successor, _like_references(successor, like, book), "reference", _status(successor, newcomers, book)
            )
        elif successor in newcomers.opened:
            opened = newcomers.opened[successor]
            found = _like_launches(opened, launches.of(successor), horizon)
            book.put(successor, found, "launch_curve", "new")
        elif successor not in book.numbers and any(link.reference in book.numbers for link in mine):
            book.put(successor, np.zeros((horizon.horizon_weeks, 3)), "reference", "announced")
    _move(newcomers, book)
    return book.rows(newcomers)


def _status(successor: Combination, newcomers: Newcomers, book: _Book) -> str:
    return "new" if successor in newcomers.opened or book.n_known(successor) else "announced"


class _Book:
    """The numbers of each combination's rows, (H, 3 + components), and what is changed; `begun` have a history too."""

    def __init__(
        self, rows: pd.DataFrame, weeks: Mapping[Combination, pd.DataFrame], horizon: Horizon, first_week: date
    ) -> None:
        self._rows = rows
        self.weeks, self.horizon, self.first_week = weeks, horizon, first_week
        self.ds = horizon.clock.targets(horizon.cutoff, horizon.horizon_weeks)
        self.numbers: dict[Combination, Floats] = {}
        self._places: dict[Combination, npt.NDArray[np.int64]] = {}
        self._labels: dict[Combination, dict[str, npt.NDArray[np.object_]]] = {}
        values = rows[MOVED].to_numpy(dtype="float64")
        found: dict[Any, Any] = rows.groupby(KEY, sort=False).indices
        for parts, places in found.items():
            combination = Combination(*parts)
            self._places[combination] = places
            self.numbers[combination] = values[places].copy()
        self.begun = self.numbers.keys() & weeks.keys()

    def n_known(self, combination: Combination) -> int:
        """How many weeks are known of a combination."""
        return int(self.weeks[combination]["y"].notna().sum()) if combination in self.weeks else 0

    def put(self, combination: Combination, numbers: Floats, method: str, status: str) -> None:
        """Note a forecast that is all level, (H, 3)."""
        components = np.zeros((len(numbers), len(COMPONENTS)))
        components[:, COMPONENTS.index("level")] = numbers[:, 0]
        self.numbers[combination] = np.hstack([numbers, components])
        self.label(combination, np.ones(len(numbers), dtype=bool), method=method, status=status)

    def label(self, combination: Combination, where: npt.NDArray[np.bool_], **labels: str) -> None:
        """Note what the weeks are labelled with, beside their changed numbers."""
        mine = self._labels.setdefault(combination, {})
        for name, label in labels.items():
            before = mine.get(name, np.full(len(self.ds), None, dtype=object))
            mine[name] = np.where(where, label, before)

    def rows(self, newcomers: Newcomers) -> pd.DataFrame:
        """Return the rows with the changed numbers, and those of newcomers behind them; sorted."""
        changed = self._rows.copy()
        for combination, labels in self._labels.items():
            if combination not in self._places:
                continue
            index = changed.index[self._places[combination]]
            changed.loc[index, MOVED] = self.numbers[combination]
            given = {name: pd.notna(label) for name, label in labels.items()}
            for name, label in labels.items():
                changed.loc[index[given[name]], name] = label[given[name]]
            is_changed = np.any(list(given.values()), axis=0)
            changed.loc[index[is_changed], "yhat_mean"] = np.nan
            for name in ("quantiles", REGRESSOR_EFFECTS):
                changed.loc[index[is_changed], name] = None
        made = [self._made(each) for each in newcomers.combinations if each in self.numbers]
        parts = [part for part in (changed, *made) if len(part)]
        if not parts:
            return self._rows
        joined = pd.concat(parts, ignore_index=True).reindex(columns=list(self._rows))
        return joined.sort_values([*KEY, "ds"], ignore_index=True)

    def _made(self, combination: Combination) -> pd.DataFrame:
        """The rows of a combination without a history."""
        numbers, labels = self.numbers[combination], self._labels[combination]
        ds = pd.Series(pd.to_datetime(self.ds).astype("datetime64[us]"))
        return pd.DataFrame(
            {
                **dict(zip(KEY, combination.parts, strict=True)),
                "ds": ds,
                **{name: numbers[:, place] for place, name in enumerate(MOVED)},
                "cutoff": pd.Timestamp(self.horizon.cutoff),
                "step": np.arange(1, len(ds) + 1),
                "is_open_week": ds - pd.Timedelta(days=6) <= pd.Timestamp(self.horizon.today),
                "data_cutoff": pd.Timestamp(self.horizon.data_cutoff),
                **labels,
                "promo_source": "expected",
                "weather_source": "none",
                "model_version": None,
                "model_cutoff": pd.Timestamp("NaT"),
                **dict.fromkeys(("yhat_prophet", "yhat_panel", "yhat_panel_log", "yhat_mean"), np.nan),
                **dict.fromkeys(("quantiles", REGRESSOR_EFFECTS, "panel_version", "blend_version", "yhat_others")),
            }
        )


# --- What a new article sells -----------------------------------------------------------------------------------------


def _like_references(successor: Combination, links: Sequence[Link], book: _Book) -> Floats:
    """What the reference items sell, by weight and scale, at the age of the article and the level of its own weeks."""
    weights = np.array([link.weight for link in links])
    parts = [link.scale * _awake(link.reference, book) for link in links]
    expected = np.tensordot(weights, np.stack(parts), 1) / weights.sum()
    curve = _launch_of(links, book)
    n_known = book.n_known(successor)
    ages = np.minimum(n_known + np.arange(len(book.ds)), LAUNCH_WEEKS)
    yhat = expected * curve[ages] * _own_level(successor, links, curve, book)
    share = WIDTH / (1 + n_known / LEVEL_WEEKS)
    return np.column_stack([yhat, yhat * (1 - share), yhat * (1 + share)])


def _awake(reference: Combination, book: _Book) -> Floats:
    """The forecast of a reference item, or the level that it last had where nothing is forecast of it."""
    yhat = book.numbers[reference][:, 0]
    if yhat.any():
        return yhat
    y = book.weeks[reference]["y"].to_numpy(dtype="float64")
    sold = y[np.nan_to_num(y) > 0][-LEVEL_WEEKS:]
    return np.full(len(yhat), sold.mean() if len(sold) else 0.0)


def _launch_of(links: Sequence[Link], book: _Book) -> Floats:
    """The launch curve of the reference items: by age, what was sold against later; 1 from a quarter of a year on."""
    begun, later = np.zeros(LAUNCH_WEEKS), 0.0
    for link in links:
        weeks = book.weeks[link.reference]
        y = weeks["y"].to_numpy(dtype="float64")
        is_launch = (weeks["ds"].iloc[0].date() - book.first_week).days // 7 >= NEW_WEEKS
        if is_launch and len(y) >= FEWEST_LAUNCH_WEEKS and not np.isnan(y[:LAUNCH_WEEKS]).any():
            begun += link.weight * link.scale * y[:LAUNCH_WEEKS]
            later += link.weight * link.scale * float(np.nanmean(y[LEVEL_WEEKS : 2 * LAUNCH_WEEKS]))
    if not later:
        return np.ones(LAUNCH_WEEKS + 1)
    return np.concatenate([np.clip(begun / later, LOWEST_START, HIGHEST_START), [1.0]])


def _own_level(successor: Combination, links: Sequence[Link], curve: Floats, book: _Book) -> float:
    """What the article has sold against what its reference items made expect in those weeks, drawn towards 1."""
    if successor not in book.weeks:
        return 1.0
    own = book.weeks[successor]
    theirs = [book.weeks[link.reference].set_index("ds")["y"].reindex(own["ds"]).to_numpy("float64") for link in links]
    weights = np.array([link.weight for link in links])
    scales = np.array([link.scale for link in links])
    ages = np.minimum(np.arange(len(own)), LAUNCH_WEEKS)
    expected = (weights * scales) @ np.stack(theirs) / weights.sum() * curve[ages]
    y = own["y"].to_numpy(dtype="float64")
    both = ~np.isnan(y) & ~np.isnan(expected)
    usual = LIKE_THEM_WEEKS * float(expected[both].mean()) if both.any() else 0.0
    if usual <= 0:
        return 1.0
    level = (float(y[both].sum()) + usual) / (float(expected[both].sum()) + usual)
    return float(np.clip(level, 1 / WIDEST_LEVEL, WIDEST_LEVEL))


def _like_launches(opened: Opened, launches: Floats, horizon: Horizon) -> Floats:
    """What an article sells whose first sale lies in a week that is not over: as launches do, at the rate of its days.

    Of a group without launches the rate of its days alone; the first week holds what it has sold already.
    """
    n_weeks, rate = horizon.horizon_weeks, 7 * opened.sold / opened.n_days
    usual = first_weeks(launches, n_weeks)
    if usual is None or not (usual.yhat > 0).all():
        yhat = np.full(n_weeks, rate)
    else:
        first = usual.yhat[:2].mean()
        share = opened.n_days / (opened.n_days + TYPICAL_DAYS)
        yhat = usual.yhat / first * np.exp(share * np.log(max(rate, 1e-9)) + (1 - share) * np.log(first))
    ends = horizon.clock.targets(horizon.cutoff, 1)[0]
    if opened.first_day > horizon.clock.start(ends):
        still = max((ends - opened.last_day).days, 0)
        yhat[0] = opened.sold + yhat[0] * still / 7
    return np.column_stack([yhat, yhat * (1 - OPENED_WIDTH), yhat * (1 + OPENED_WIDTH)])


# --- What moves to a successor ----------------------------------------------------------------------------------------


def _move(newcomers: Newcomers, book: _Book) -> None:
    """Take from each predecessor what its successors gain, from the day on that is said; theirs before it."""
    leaving = [link for link in newcomers.links if link.phase_out_from is not None and link.reference in book.numbers]
    waiting = {link.reference for link in leaving}
    while waiting:
        behind = {link.successor for link in leaving if link.reference in waiting}
        for reference in sorted(waiting - behind or waiting):
            waiting.discard(reference)
            _leave([link for link in leaving if link.reference == reference], newcomers, book)


def _leave(links: Sequence[Link], newcomers: Newcomers, book: _Book) -> None:
    """Move one article's sales to its successors; together they get no more than all of them."""
    whole = max(1.0, sum(link.weight for link in links))
    reference = links[0].reference
    before = book.numbers[reference]
    lost = np.zeros(len(book.ds))
    for link in links:
        moved = link.weight / whole * _share_of_weeks(link, book.ds)
        lost += moved
        if link.successor not in book.numbers:  # another task's, or not asked for
            continue
        gain = link.scale * moved[:, None] * before
        gain *= _still_to_come(link, link.weight / whole, gain[:, 0], book)
        book.numbers[link.successor] = book.numbers[link.successor] + gain
        if link.successor not in newcomers.combinations and book.n_known(link.successor) > CURVE_WEEKS:
            book.label(link.successor, gain[:, 0] > 0, status="successor")
        elif link.successor not in newcomers.combinations:
            book.label(link.successor, gain[:, 0] > 0, status=NEWCOMERS[0])
    book.numbers[reference] = before * np.clip(1 - lost, 0.0, 1.0)[:, None]
    book.label(reference, lost > 0, status="phase_out")


def _share_of_weeks(link: Link, ds: Sequence[date]) -> Floats:
    """How much of each week lies on the day of the phase-out or after it."""
    assert link.phase_out_from is not None
    days = np.array([(each - link.phase_out_from).days + 1 for each in ds], dtype="float64")
    share: Floats = np.clip(days, 0, 7) / 7
    return share


def _still_to_come(link: Link, share: float, gain: Floats, book: _Book) -> float:
    """The part of the gain that the successor's own sales do not show yet: all while no whole week since is known.

    What it sold more since than before is compared with what the predecessor sold before.
    """
    assert link.phase_out_from is not None
    begins = pd.Timestamp(link.phase_out_from)
    since = begins + pd.Timedelta(days=6)
    old, own = (book.weeks.get(each) for each in (link.reference, link.successor))
    if old is None or own is None or not (own["ds"] >= since).any() or not gain.any():
        return 1.0
    before = link.scale * share * _level(old[old["ds"] < begins])
    shown = max(float(own.loc[own["ds"] >= since, "y"].mean()) - _level(own[own["ds"] < begins]), 0.0)
    left = max(before - (0.0 if np.isnan(shown) else shown), 0.0)
    return float(min(1.0, left / gain.max()))


def _level(weeks: pd.DataFrame) -> float:
    """The mean of the last known weeks; 0 of none."""
    known = weeks["y"].dropna().iloc[-LEVEL_WEEKS:]
    return float(known.mean()) if len(known) else 0.0


def only_of(rows: pd.DataFrame, wanted: Sequence[Combination]) -> pd.DataFrame:
    """Return the rows of the combinations that were asked for, without those that were only looked at."""
    return rows[is_about(rows, wanted)].reset_index(drop=True)
