"""The bridge from the last run's forecasts to this one's: the change of each week in parts that add up to it.

The parts are taken in a fixed order (`changes.PARTS`), one after the other. The components' differences are those of
one and the same model and plan at two cutoffs; of what follows each is the forecast with it less that without it, all
before it being new and all after it old. So what two of them do together belongs to the later one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.changes import OF_COMPONENTS, PARTS
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import COMPONENTS, MODEL_METHODS, NEWCOMERS, SALES_MISSING
from skucast.core.tables.totals import TOTAL_LEVELS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ROW = [*KEY, "ds"]
NUMBERS = ["yhat", *COMPONENTS]

WAYS = ("inactive", "seasonal", "phase_out", "successor", "naive_better", SALES_MISSING, *NEWCOMERS)
"""Statuses that are a way of their own to make a number, whatever `method` says; of the others `method` tells."""

VERSIONS = ["model_version", "panel_version", "blend_version"]


@dataclass(frozen=True)
class Between:
    """Forecasts between the two runs, each of some combinations: `ROW`, `method` and `NUMBERS`; None = of none.

    `restated` is the last run's with the sales of then as they are known now; `unplanned` this run's with the models
    and the plan of then; `planned` with the models of then, and beside it what the models of now add to it (`model`),
    and then the panel of now (`panel`).
    """

    restated: pd.DataFrame | None = None
    unplanned: pd.DataFrame | None = None
    planned: pd.DataFrame | None = None


NOTHING_BETWEEN = Between()


def is_other_version(before: pd.DataFrame, after: pd.DataFrame) -> Flags:
    """Return of rows side by side which were made by another version of a model, the panel or the blend, or refreshed.

    A blend whose version nobody kept (rows of before) counts as the same.
    """
    found = np.zeros(len(before), dtype=bool)
    for name in VERSIONS:
        old, new = (rows[name].fillna("").to_numpy(dtype=object) for rows in (before, after))
        is_known = (old != "") if name == "blend_version" else np.ones(len(old), dtype=bool)
        found |= (old != new) & is_known
    return found | _is_fitted_anew(before, after)


def _is_fitted_anew(before: pd.DataFrame, after: pd.DataFrame) -> Flags:
    """Which of the rows side by side were made by a model that was fitted for its run, to other weeks than the other's.

    Two runs of one cutoff that know the same weeks have fitted the same.
    """
    is_fresh = [(rows["status"] == "refreshed").to_numpy(dtype=bool) for rows in (before, after)]
    is_same = np.logical_and.reduce(
        [before[name].to_numpy() == after[name].to_numpy() for name in ("cutoff", "data_cutoff")] + is_fresh
    )
    found: Flags = (is_fresh[0] | is_fresh[1]) & ~is_same
    return found


def is_same_way(before: pd.DataFrame, after: pd.DataFrame) -> Flags:
    """Return of rows side by side which were made in the same way, whichever version did."""
    ways = [
        np.where(rows["status"].isin(WAYS).to_numpy(), rows["status"].to_numpy(object), "") for rows in (before, after)
    ]
    methods = [rows["method"].to_numpy(dtype=object) for rows in (before, after)]
    same: Flags = (ways[0] == ways[1]) & (methods[0] == methods[1])
    return same


def side_by_side(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, Flags, Flags]:
    """Return both with one row for each week that both runs forecast and each combination of either.

    And which of these rows are there before, and after; a row that is not has NaN.
    """
    weeks = np.intersect1d(before["ds"].to_numpy(), after["ds"].to_numpy())
    old, new = (rows[rows["ds"].isin(weeks)] for rows in (before, after))
    index = pd.MultiIndex.from_frame(pd.concat([new[ROW], old[ROW]])).unique()
    places = [pd.MultiIndex.from_frame(rows[ROW]).get_indexer(index) for rows in (old, new)]
    order = np.lexsort([index.get_level_values(name).to_numpy() for name in ROW[::-1]])
    index, places = index[order], [place[order] for place in places]
    names = index.to_frame(index=False)
    aligned = []
    for rows, place in zip((old, new), places, strict=True):
        taken = rows.reset_index(drop=True).reindex(place)  # a place of -1 is no row's
        aligned.append(taken.reset_index(drop=True).assign(**names))
    return aligned[0], aligned[1], places[0] >= 0, places[1] >= 0


def changes_of(before: pd.DataFrame, after: pd.DataFrame, between: Between = NOTHING_BETWEEN) -> pd.DataFrame:
    """Return the change of each combination and week that both runs forecast, in its parts.

    Args:
        before: rows of `tables.FORECASTS`, one per combination and week: what the last run published.
        after: those of this run.
        between: what lies between, of combinations whose model, plan or data is another.

    Returns:
        `ROW`, final_before, final, change, `PARTS`, previous_cutoff, new_weeks, model_change, `method` and `status` of
        both.
    """
    old, new, was, is_now = side_by_side(before, after)
    both = was & is_now
    parts = {name: np.zeros(len(old)) for name in PARTS}
    ends = {name: (_yhat(rows), _final(rows)) for name, rows in (("old", old), ("new", new))}
    parts["override"] = (ends["new"][1] - ends["new"][0]) - (ends["old"][1] - ends["old"][0])
    parts["new_articles"] = np.where(is_now & ~was, ends["new"][0], 0.0)
    parts["gone_articles"] = np.where(was & ~is_now, -ends["old"][0], 0.0)
    whole = np.where(both, ends["new"][0] - ends["old"][0], 0.0)
    told = _told(old, new, between)
    for name, values in told.parts.items():
        parts[name] = np.where(both & told.is_told, values, 0.0)
    parts["model_and_data"] = np.where(both & ~told.is_told & told.is_lost, whole, 0.0)
    parts["other_method"] += np.where(both & ~told.is_told & ~told.is_lost, whole, 0.0)
    final_before, final = ends["old"][1], ends["new"][1]
    change = final - final_before
    _share_rounding(parts, change)
    return old[ROW].assign(
        final_before=final_before,
        final=final,
        change=change,
        **parts,
        previous_cutoff=old["cutoff"].fillna(_usual(before["cutoff"])),
        method_before=old["method"],
        method=new["method"],
        status_before=old["status"],
        status=new["status"],
        model_change=_model_change(old, new, both),
        new_weeks=((new["data_cutoff"] - old["data_cutoff"]).dt.days // 7).where(both),
    )


@dataclass(frozen=True)
class _Told:
    """The parts of the rows that can be told apart; of the others the whole change is one part."""

    parts: dict[str, Floats]
    is_told: Flags
    is_lost: Flags


def _told(old: pd.DataFrame, new: pd.DataFrame, between: Between) -> _Told:
    """The steps from the last run's number to this one's: restated, components, plan, model."""
    same = is_same_way(old, new)
    other = is_other_version(old, new)
    numbers = _numbers(new)
    planned, of_planned = _numbers_of(between.planned, old, numbers)
    unplanned, _ = _numbers_of(between.unplanned, old, planned)
    start = _numbers(old)
    restated, _ = _numbers_of(between.restated, old, start)
    parts = {name: unplanned[component] - restated[component] for component, name in OF_COMPONENTS.items()}
    parts["bounds"] = _beyond(unplanned) - _beyond(restated)
    parts["data_restated"] = restated["yhat"] - start["yhat"]
    parts["plan"] = planned["yhat"] - unplanned["yhat"]
    rest = numbers["yhat"] - planned["yhat"]
    own, panel = (_column(between.planned, name, old) for name in ("model", "panel"))
    parts["model"] = np.where(same, own, 0.0)
    parts["panel"] = np.where(same, panel, 0.0)
    parts["blend"] = np.where(same, rest - own - panel, 0.0)
    parts["other_method"] = np.where(same, 0.0, rest)
    was_model = old["method"].isin(MODEL_METHODS).to_numpy()
    is_lost = same & other & was_model & ~of_planned
    return _Told(parts, (same | of_planned) & ~is_lost, is_lost)


def _numbers(rows: pd.DataFrame) -> dict[str, Floats]:
    return {name: rows[name].to_numpy(dtype="float64", na_value=0.0) for name in NUMBERS}


def _numbers_of(
    rows: pd.DataFrame | None, old: pd.DataFrame, instead: dict[str, Floats]
) -> tuple[dict[str, Floats], Flags]:
    """The numbers of these rows where they are made as the old ones were, else the others; and which are of these."""
    if rows is None or rows.empty:
        return instead, np.zeros(len(old), dtype=bool)
    place = pd.MultiIndex.from_frame(rows[ROW]).get_indexer(pd.MultiIndex.from_frame(old[ROW]))
    is_there = (place >= 0) & (rows["method"].to_numpy(object)[place] == old["method"].to_numpy(object))
    values = _numbers(rows)
    return {name: np.where(is_there, values[name][place], instead[name]) for name in NUMBERS}, is_there


def _column(rows: pd.DataFrame | None, name: str, old: pd.DataFrame) -> Floats:
    if rows is None or rows.empty:
        return np.zeros(len(old))
    place = pd.MultiIndex.from_frame(rows[ROW]).get_indexer(pd.MultiIndex.from_frame(old[ROW]))
    values = np.nan_to_num(rows[name].to_numpy(dtype="float64"))
    return np.where(place >= 0, values[place], 0.0)


def _beyond(numbers: dict[str, Floats]) -> Floats:
    """What lies between the sum of the components and the number: where it was cut, and from middle to mean."""
    found: Floats = numbers["yhat"] - sum(numbers[name] for name in COMPONENTS)
    return found


def _yhat(rows: pd.DataFrame) -> Floats:
    return rows["yhat"].to_numpy(dtype="float64", na_value=0.0)


def _final(rows: pd.DataFrame) -> Floats:
    """What counts: the planner's word where there is one."""
    return rows["final"].fillna(rows["yhat"]).to_numpy(dtype="float64", na_value=0.0)


def _share_rounding(parts: dict[str, Floats], change: Floats) -> None:
    """Put what is lost of the last digits of floats into the largest part, so that the sum is the change."""
    names = list(parts)
    values = np.stack([parts[name] for name in names])
    largest = np.abs(values).argmax(axis=0)
    columns = np.arange(values.shape[1])
    values[largest, columns] += change - values.sum(axis=0)
    parts.update(zip(names, values, strict=True))


def _usual(cutoffs: pd.Series) -> pd.Timestamp:
    found: pd.Timestamp = cutoffs.mode().iloc[0]
    return found


def _model_change(old: pd.DataFrame, new: pd.DataFrame, both: Flags) -> npt.NDArray[np.object_]:
    """What became of each combination's own model; None = nothing."""
    versions = [rows["model_version"].fillna("").to_numpy(dtype=object) for rows in (old, new)]
    is_known = both & (versions[0] != "") & (versions[1] != "")
    days = [np.array([version[:10] for version in each], dtype=object) for each in versions]
    is_other = is_known & (versions[0] != versions[1])
    is_fresh = is_known & _is_fitted_anew(old, new)
    found = np.full(len(old), None, dtype=object)
    found[is_fresh] = "refreshed"
    found[is_other & (days[1] >= days[0])] = "retrained"
    found[is_other & (days[1] < days[0])] = "rolled_back"
    return found


# --- Roll-ups -------------------------------------------------------------------------------------------------------

SUMMED = ["final_before", "final", "change", *PARTS]


def expected_of(rows: pd.DataFrame) -> Floats:
    """Return what a sum adds up of each forecast: the planner's word where there is one, else the expected value.

    The middles of many articles add up to too little, so a total is no sum of `final`.
    """
    expected = rows["yhat_mean"].fillna(rows["yhat"])
    has_word = rows["override_id"].notna() & rows["final"].notna()
    return expected.mask(has_word, rows["final"]).to_numpy(dtype="float64")


EXPECTED = ["expected_before", "expected", "expected_replaced", "expected_surprise"]
"""What `final_before`, `final`, `replaced` and `sales_surprise` are in sums."""


def rolled_up(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of combinations, and their sums by unit, channel, article and in all, `*` for what is summed.

    `changes` are those of `changes_of` with `sales_surprise`, `replaced`, and `EXPECTED`, which the sums are of: what
    lies between these and the middle is in `bounds`.
    """
    rows = changes.drop(columns=EXPECTED).assign(level="combination", n_combinations=1)
    has_replaced = changes["expected_replaced"].notna()
    change = changes["expected"] - changes["expected_before"]
    summed = rows.assign(
        final_before=changes["expected_before"],
        final=changes["expected"],
        change=change,
        bounds=rows["bounds"] + change - rows["change"],
        sales_surprise=changes["expected_surprise"],
        _replaced=changes["expected_replaced"].fillna(changes["expected"]),
        _n=has_replaced.astype("int64"),
    )
    parts = [rows]
    for level, names in TOTAL_LEVELS.items():
        if level == "combination":
            continue
        groups = summed.groupby([*names, "ds"], sort=False, as_index=False)
        found = groups[[*SUMMED, "n_combinations", "_replaced", "_n"]].sum()
        found["sales_surprise"] = groups["sales_surprise"].sum(min_count=1)["sales_surprise"]
        if "blend_change" in summed:
            found["blend_change"] = groups["blend_change"].first()["blend_change"]
        found["previous_cutoff"] = groups["previous_cutoff"].max()["previous_cutoff"]
        found["replaced"] = found["_replaced"].where(found["_n"] > 0)
        others = dict.fromkeys([name for name in KEY if name not in names], ALL)
        parts.append(found.drop(columns=["_n", "_replaced"]).assign(level=level, **others))
    return pd.concat(parts, ignore_index=True)
