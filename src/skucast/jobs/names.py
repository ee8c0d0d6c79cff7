"""Decisions about names: two are one, or two are two; kept in a table, they hold from the next run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, clean_name
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.spelling import by_fold, fold
from skucast.core.tables.contract import ALL
from skucast.core.tables.names import NAMES
from skucast.core.targets import nearest
from skucast.jobs.inputs import read_history
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.names import Names

Decision = Literal["merge", "split"]


@dataclass(frozen=True)
class Listed:
    """What is to be known of the names: what was decided, and what the sales show besides."""

    decisions: pd.DataFrame
    names: Names


def list_names(settings: Settings, warehouse: Warehouse, run: Run) -> Listed:
    """Return the decisions, and what is joined, in doubt or left out in the sales.

    Raises:
        InputError: there are no sales.
    """
    return Listed(warehouse.read(NAMES), read_history(settings, warehouse, run).names)


def decide(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    decision: Decision,
    name: str,
    other: str | None,
    part: str | None,
) -> None:
    """Keep that two names are one (merge: the first is the other from now on) or two (split), instead of what was kept.

    A split of one name alone says that it is a name of its own, whatever it looks like.

    Raises:
        InputError: a name is not in the sales, or in several parts of them; a merge would go round in a circle.
    """
    kept = warehouse.read(NAMES)
    delivered = read_history(settings, warehouse, run).names.delivered
    wanted = [clean_name(each) for each in (name, other) if each is not None]
    where = _part(wanted, delivered, kept, part)
    spelt = [_as_delivered(each, where, delivered, kept) for each in wanted]
    one, two = (spelt[0], spelt[1] if len(spelt) > 1 else ALL)
    if one == two and decision == "split":  # of a spelling that has not come yet, or has become the other
        one, two = wanted[0], wanted[1]
    if one == two:
        raise InputError(f"{where} {one!r} is one name already: give two")
    mine = kept["part"] == where
    settled = mine & _is_about(kept, one, two)
    if decision == "merge":
        settled |= mine & (kept["name"] == one)
        _refuse_circle(kept[mine & ~settled], one, two)
    rows = kept[~settled]
    made = pd.DataFrame([{"part": where, "name": one, "other": two, "decision": decision, "decided_at": run.run_at}])
    report.n_rows = warehouse.replace(NAMES, pd.concat([rows, made]) if len(rows) else made, ALL, run=run)
    report.notes.append(_said(decision, where, one, two))


def _part(wanted: list[str], delivered: Mapping[str, frozenset[str]], kept: pd.DataFrame, part: str | None) -> str:
    """The column that all the names stand in."""
    if part is not None:
        return part
    found = [column for column in KEY if all(_find(each, column, delivered, kept) is not None for each in wanted)]
    if not found:
        each = next((one for one in wanted if all(_find(one, column, delivered, kept) is None for column in KEY)), None)
        if each is None:
            raise InputError(f"{' and '.join(map(repr, wanted))} are not in the same column of the sales")
        raise _unknown(each, sorted(set().union(*delivered.values())))
    if len(found) > 1:
        raise InputError(f"{wanted[0]!r} is in the columns {' and '.join(found)}: say which with --part")
    return found[0]


def _find(name: str, column: str, delivered: Mapping[str, frozenset[str]], kept: pd.DataFrame) -> str | None:
    """The name as it was delivered or decided of; of another spelling the only one there is."""
    mine = kept[kept["part"] == column]
    there = {*delivered.get(column, ()), *mine["name"], *mine["other"]} - {ALL}
    return name if name in there else by_fold(there).get(fold(name))


def _as_delivered(name: str, column: str, delivered: Mapping[str, frozenset[str]], kept: pd.DataFrame) -> str:
    found = _find(name, column, delivered, kept)
    if found is None:
        raise _unknown(name, sorted(delivered.get(column, ())), column)
    return found


def _unknown(name: str, known: list[str], column: str = "") -> InputError:
    near = ", ".join(map(repr, nearest(name, known))) or f"{len(known)} names, none alike"
    return InputError(f"{f'{column} ' if column else ''}{name!r} is not in the sales (closest: {near})")


def _is_about(kept: pd.DataFrame, one: str, two: str) -> pd.Series:
    if two == ALL:
        return (kept["name"] == one) | (kept["other"] == one)
    same = (kept["name"] == one) & (kept["other"] == two)
    return same | ((kept["name"] == two) & (kept["other"] == one)) | ((kept["name"] == one) & (kept["other"] == ALL))


def _refuse_circle(kept: pd.DataFrame, one: str, two: str) -> None:
    """Refuse to merge a name into one that is merged into it."""
    merged = kept[kept["decision"] == "merge"]
    steps = dict(zip(merged["name"], merged["other"], strict=True))
    at: str | None = two
    while at is not None:
        at = steps.pop(at, None)
        if at == one:
            raise InputError(f"{two!r} is merged into {one!r}: split them first, or merge the other way round")


def _said(decision: Decision, part: str, one: str, two: str) -> str:
    if decision == "split":
        return f"{part} {one!r} is {'a name of its own' if two == ALL else f'not {two!r}'} from the next run on"
    return f"{part} {one!r} is {two!r} from the next run on; its model has not seen these sales: train it anew"
