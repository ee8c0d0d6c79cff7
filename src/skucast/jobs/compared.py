"""What a run is compared with: what is published of its cutoff and of the last ones, and what lies between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, REGRESSOR_EFFECTS
from skucast.core.tables.records import REGISTRY
from skucast.core.weeks import WEEK
from skucast.forecast import learnt
from skucast.forecast.learnt import BLEND
from skucast.jobs.between import Found, Quiet, Remade
from skucast.jobs.forecast_rows import Known, known_of
from skucast.jobs.inputs import Inputs
from skucast.jobs.panel_files import load_files
from skucast.jobs.registry import CHANGES_WHAT_IS_LIVE, by_age
from skucast.jobs.shards import combinations_of
from skucast.runtime.settings import Settings
from skucast.scorecard.bridge import ROW, changes_of, expected_of
from skucast.scorecard.spellings import in_the_names_of_the_sales

WHOLE = 0.5
"""A cutoff with fewer than this share of the combinations was forecast for some of them alone."""

_LOOKED_AT = [name for name in FORECASTS.column_names if name not in ("quantiles", REGRESSOR_EFFECTS)]
"""What is read of the forecasts of before: long texts that nobody compares are half of their bytes."""


@dataclass(frozen=True)
class Compared:
    """The rows that are about to be published, and what they are compared with.

    `made` is what this task's forecasts were made of; None where it has made none, but found them staged.
    """

    settings: Settings
    warehouse: Warehouse
    store: ModelStore
    run: Run
    inputs: Inputs
    made: Known | None
    rows: pd.DataFrame
    _read: list[Known] = field(default_factory=list)

    @cached_property
    def ledger(self) -> pd.DataFrame:
        """What is published of this cutoff and of the last ones, under today's names: of one week if that has most.

        Of a table of many weeks no more is read than is asked for.
        """
        run, n_wanted = self.run, len(self.rows[KEY].drop_duplicates())
        for n_weeks in (1, self.settings.horizon_weeks):
            since = {"cutoff": run.cutoff - n_weeks * WEEK}
            found = self.warehouse.read(FORECASTS, _LOOKED_AT, since=since, until={"cutoff": run.cutoff})
            n_before = (~found.loc[found["cutoff"] < pd.Timestamp(run.cutoff), KEY].duplicated()).sum()
            if self.inputs.only is None and n_before >= WHOLE * n_wanted:
                break
        return in_the_names_of_the_sales(found, self.inputs.history.names)

    @cached_property
    def published(self) -> pd.DataFrame:
        """What is published of this cutoff, and is about to be replaced."""
        return self.ledger[self.ledger["cutoff"] == pd.Timestamp(self.run.cutoff)].reset_index(drop=True)

    @property
    def is_published(self) -> bool:
        """Whether another task of this run has published these rows meanwhile, and told what they change."""
        return bool((self.published["run_id"] == self.run.run_id).any())

    @cached_property
    def others(self) -> pd.DataFrame:
        """What stays published beside the rows of a targeted run."""
        if self.inputs.only is None:
            return self.published.iloc[:0]
        return self.published[~is_about(self.published, self.rows)]

    @cached_property
    def all_after(self) -> pd.DataFrame:
        """All that is published of this cutoff once the rows are."""
        return pd.concat([self.others, self.rows], ignore_index=True) if len(self.others) else self.rows

    def changes(self, before: pd.DataFrame, after: pd.DataFrame, about: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the bridges of combinations from rows to rows, with what the plan and the model have become.

        What lies between is looked for of `about` alone, which are of `after`; of the others nothing does.
        """
        mine = after if about is None else about
        remade = Remade(self.settings, self.warehouse, self.store, self.run, self.inputs, self._known(before, mine))
        found = remade.between(before if about is None else before[is_about(before, about)], mine)
        changes = changes_of(before, after, found.between)
        return changes.assign(
            plan_change=_plans_of(found, changes),
            model_change=_with_rollbacks(self.warehouse, changes, after),
            blend_change=self._blend_changes(before, after, changes),
        )

    def _blend_changes(
        self, before: pd.DataFrame, after: pd.DataFrame, changes: pd.DataFrame
    ) -> npt.NDArray[np.object_]:
        """Which models have joined the blend or left it (JSON), of each change; missing = none."""
        rows = pd.MultiIndex.from_frame(changes[ROW])
        versions = [each.set_index(ROW)["blend_version"].reindex(rows).to_numpy(object) for each in (before, after)]
        pairs = list(zip(*versions, strict=True))
        said = {pair: self._blend_change(*pair) for pair in set(pairs)}
        return np.array([said[pair] for pair in pairs], dtype=object)

    def _blend_change(self, old: object, new: object) -> str | None:
        if not (isinstance(old, str) and isinstance(new, str)) or old == new:
            return None
        then, now = (self._in_blend(version) for version in (old, new))
        if then is None or now is None or then == now:
            return None
        change = {
            "joined": [each for each in now if each not in then],
            "left": [each for each in then if each not in now],
        }
        return json.dumps(change, ensure_ascii=False)

    def _in_blend(self, version: str) -> tuple[str, ...] | None:
        """The models beside ours in this version of the blend; None where it is kept no more."""
        files = self.made.files if self.made is not None else None
        if files is not None and files.blend is not None and files.blend_version == version:
            return files.blend.others
        try:
            return learnt.loads(self.store.load_version(BLEND, version)).content.others
        except ModelError:
            return None

    def _known(self, before: pd.DataFrame, after: pd.DataFrame) -> Known:
        """What this run's forecasts are made of: as this task has it, or read once more where others have made some."""
        history, run, made = self.inputs.history, self.run, self.made
        had_panel = before["panel_version"].notna().any()  # which looks at what is promoted beside an article too
        about: Sequence[Combination] = history.combinations if had_panel else combinations_of(after)
        wanted = sorted(set(history.combinations).intersection(about))
        for known in (*([made] if made else []), *self._read):
            if set(wanted) <= set(known.planned):
                return known
        report = Quiet()
        files = None
        if self.settings.forecaster != "prophet":
            files = made.files if made is not None else load_files(self.store, run.cutoff, report)
        inputs = replace(self.inputs, wanted=wanted)
        found = known_of(self.settings, self.warehouse, run, inputs, {}, files, report)
        self._read.append(found)  # for the other bridge
        return found


def _plans_of(found: Found, changes: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What of the plan of each change's combination and week is another (JSON); missing = nothing."""
    plans = pd.Series(
        list(found.plans.values()),
        index=pd.MultiIndex.from_tuples(
            [(*each.parts, pd.Timestamp(ds)) for each, ds in found.plans] or [("", "", "", pd.NaT)], names=ROW
        )[: len(found.plans)],
        dtype="object",
    )
    said: npt.NDArray[np.object_] = plans.reindex(pd.MultiIndex.from_frame(changes[ROW])).to_numpy()
    return said


def _with_rollbacks(
    warehouse: Warehouse, changes: pd.DataFrame, after: pd.DataFrame
) -> pd.Series | npt.NDArray[np.object_]:
    """What became of each own model, by what the registry says last of how the version of now was made live.

    Versions of one cutoff do not say by their names which of them is the older one.
    """
    became = changes["model_change"]
    is_other = became.isin(["retrained", "rolled_back"])
    if not is_other.any():
        return became
    version = [*KEY, "model_version"]
    rows = changes[ROW].merge(after[[*ROW, "model_version", "model_cutoff"]], on=ROW, how="left")
    first = rows.loc[is_other.to_numpy(), "model_cutoff"].min()
    registry = warehouse.read(REGISTRY, since={} if pd.isna(first) else {"cutoff": first.date()})
    live = by_age(registry[registry["outcome"].isin(CHANGES_WHAT_IS_LIVE)]).drop_duplicates(version, keep="last")
    said = live.set_index(version)["outcome"].reindex(pd.MultiIndex.from_frame(rows[version])).to_numpy(dtype=object)
    names = {"saved": "retrained", "rolled_back": "rolled_back"}
    return np.array(
        [names.get(outcome, old) if other else old for outcome, old, other in zip(said, became, is_other, strict=True)],
        dtype=object,
    )


def expected(changes: pd.DataFrame, side: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return what each change adds to a sum, on one side of it; NaN where that has no row."""
    if side.empty:
        return np.full(len(changes), np.nan)
    place = pd.MultiIndex.from_frame(side[ROW]).get_indexer(pd.MultiIndex.from_frame(changes[ROW]))
    return np.where(place >= 0, expected_of(side)[place], np.nan)
