"""Overrides in a forecast: what planners say of its weeks becomes the number that counts, beside the model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.overrides import OVERRIDE_VALUE, OVERRIDES
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.dashboard.overrides import Words
from skucast.forecast.overriding import Overridden, effects, overridden
from skucast.jobs.inputs import Inputs
from skucast.jobs.shards import combinations_of
from skucast.regressors.overrides import holding, n_named, said_of, scope_of, still_said
from skucast.runtime.groups.overrides import reasons_of
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History

SHOWN = 5
"""Overrides that a message names."""

LARGE_SHARE = 0.1
"""Overrides that change more of the total than this are called to attention: a slip of `*` or of a sign is as large."""


@dataclass(frozen=True)
class Final:
    """A run's rows with the number that counts, and rows of others to publish with them.

    `beside` are those, in a targeted run, that share a group's override with the run's own: what the group's total
    leaves them has changed.
    """

    rows: pd.DataFrame
    beside: pd.DataFrame

    @property
    def all(self) -> pd.DataFrame:
        """All rows to publish."""
        return pd.concat([self.rows, self.beside], ignore_index=True) if len(self.beside) else self.rows

    def only(self, targets: Sequence[Combination] | None) -> list[Combination] | None:
        """Return the combinations to replace, None for all, given those that the run was asked for."""
        return None if targets is None else [*targets, *combinations_of(self.beside)]


def with_overrides(
    settings: Settings, warehouse: Warehouse, run: Run, inputs: Inputs, rows: pd.DataFrame, report: RunReport
) -> Final:
    """Return the rows with `final`: what was known of overrides on the day that the run is about."""
    with report.timed("overrides"):
        held = held_on(settings, warehouse, run, inputs.history)
        said = said_of(held, rows["ds"].unique())
        others = _others(warehouse, run, inputs, said)
        both = pd.concat([rows, others], ignore_index=True) if len(others) else rows
        made = overridden(both, said)
        mine, rest = made.rows.iloc[: len(rows)], made.rows.iloc[len(rows) :]
        _tell(made, mine, held, report, is_whole=inputs.only is None)
        return Final(mine, _changed(rest, others, mine))


def held_on(settings: Settings, warehouse: Warehouse, run: Run, history: History) -> pd.DataFrame:
    """Return the overrides that hold on the day that the run is about, under the names of the sales."""
    rows = history.names.renamed(warehouse.read(OVERRIDES))
    return holding(rows, settings.clock.end_of(run.today), run.today)


def shown_overrides(
    settings: Settings, warehouse: Warehouse, run: Run, history: History, newest: pd.DataFrame
) -> Words:
    """Return what the page shows of overrides, beside the newest forecasts."""
    held = held_on(settings, warehouse, run, history)
    said = said_of(held, newest["ds"].unique())
    since = {"window_end": run.cutoff - SHOWN * WEEK}
    value = warehouse.read(OVERRIDE_VALUE, since=since, until={"window_end": run.cutoff})
    value = value[value["window_end"] == value["window_end"].max()]
    return Words(
        held=effects(still_said(held, run.cutoff), newest, said),
        said=said,
        value=value,
        reasons=reasons_of(settings.override_reasons),
        frozen_through=run.cutoff + settings.freeze_weeks * WEEK if settings.freeze_weeks else None,
    )


def _others(warehouse: Warehouse, run: Run, inputs: Inputs, said: pd.DataFrame) -> pd.DataFrame:
    """What is published of this cutoff beside a targeted run, where a group's total may concern both."""
    if inputs.only is None or not len(said) or (n_named(said) == len(KEY)).all():
        return pd.DataFrame()
    week = {"cutoff": run.cutoff}
    published = warehouse.read(FORECASTS, since=week, until=week)
    return published[~is_about(published, inputs.only)].reset_index(drop=True)


def _changed(rest: pd.DataFrame, published: pd.DataFrame, mine: pd.DataFrame) -> pd.DataFrame:
    """All rows of the combinations whose number changes, because they share an override with the run's own rows."""
    if not len(rest):
        return rest
    before = published["final"].fillna(published["yhat"]).to_numpy()
    is_shared = rest["override_id"].isin(mine["override_id"].dropna().unique()).to_numpy()
    moved = rest[is_shared & ((rest["final"].to_numpy() - before) != 0)]
    return rest[is_about(rest, combinations_of(moved))]


def _tell(made: Overridden, mine: pd.DataFrame, held: pd.DataFrame, report: RunReport, *, is_whole: bool) -> None:
    """Say what overrides change in all, and which do not do what they say."""
    changed = mine[mine["override_id"].notna()]
    if len(changed):
        effect, total = float(changed["override_effect"].sum()), float(mine["yhat"].sum())
        share = f" ({effect / total:+.1%})" if total > 0 else ""
        said = (
            f"{counted(changed['override_id'].nunique(), 'override')}: {counted(len(changed), 'forecast')} of "
            f"{counted(len(changed.drop_duplicates(KEY)), 'combination')} changed, {effect:+,.0f} in all{share}"
        )
        if abs(effect) > LARGE_SHARE * total:
            largest = changed.groupby("override_id")["override_effect"].sum().abs().idxmax()
            report.warn(f"{said}; most by {largest}: see whether it is a slip (`python -m skucast override list`)")
        else:
            report.notes.append(said)
    names = {row["override_id"]: scope_of([row[name] for name in KEY]) for row in held.to_dict("records")}
    for ids, what in (
        (made.unmet if is_whole else [], "about nothing that is forecast: correct or clear them"),
        (made.overruled, "that change nothing, because narrower ones speak of all their combinations"),
        (made.short, "whose total is not reached: narrower ones take more, or less than 0 would be left"),
    ):
        if ids:
            shown = listed([f"{each} ({names[each]})" for each in ids], SHOWN)
            report.warn(f"{counted(len(ids), 'override')} {what}: {shown}")
