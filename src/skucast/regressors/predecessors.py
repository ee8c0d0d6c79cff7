"""Which articles new ones are like, as it was known at a moment: pairs of combinations, `*` resolved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from skucast.core.combination import KEY, Combination, clean_name, name_problem
from skucast.core.tables.contract import ALL
from skucast.core.tables.predecessors import LIKE
from skucast.regressors.promotions import places_by_pattern


@dataclass(frozen=True)
class Link:
    """A combination is like another: `weight` counts beside its other ones, `scale` is its sales for one of theirs.

    With `phase_out_from`, `weight` is the share of the other's sales that moves to it from that day on. `known_from` is
    when it was said, naive UTC; `is_named`: by a line that names all parts of the successor.
    """

    successor: Combination
    reference: Combination
    weight: float = 1.0
    scale: float = 1.0
    phase_out_from: date | None = None
    known_from: datetime = datetime(1970, 1, 1)  # noqa: DTZ001 (naive UTC)
    is_named: bool = True


def usable_links(rows: pd.DataFrame, known: Sequence[Combination]) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the rows of `tables.PREDECESSORS` that mean something, and how many do not, by what is wrong with them."""
    required = rows[[*KEY, "known_from"]]
    is_blank = required.isna().any(axis=1) | (rows[KEY] == "").any(axis=1)
    asked = _asked(rows)
    names = places_by_pattern(asked, known) if len(rows) else {}
    is_known = [pattern in names for pattern in asked.itertuples(index=False, name=None)]
    problems = {
        "names or known_from missing": is_blank,
        "weight below 0": rows["weight"] < 0,
        "scale not above 0": rows["scale"] <= 0,
        "like an article without sales": ~is_blank & ~pd.Series(is_known, index=rows.index, dtype="bool"),
    }
    found = pd.DataFrame(problems, index=rows.index).astype("bool")
    return rows[~found.any(axis=1)], {str(name): int(count) for name, count in found.sum().items() if count}


def links_of(
    rows: pd.DataFrame, known: Sequence[Combination], known_at: datetime, active: Collection[Combination]
) -> list[Link]:
    """Return which combinations are like which, as it was known at a moment (naive UTC); sorted.

    Of several rows about two combinations the newest counts, of one age the one with more names; weight 0 withdraws.

    Args:
        rows: those of `usable_links`.
        known: combinations with sales.
        known_at: nothing that was said later is used.
        active: of these alone a `*` makes new ones.
    """
    rows = rows[rows["known_from"] <= pd.Timestamp(known_at)]
    if not len(rows):
        return []
    asked = _asked(rows)
    n_named = sum((rows[name].fillna("") != ALL).astype("int64") for name in (*KEY, *LIKE))
    order = rows.assign(_named=n_named, _place=range(len(rows))).sort_values(["known_from", "_named"], kind="stable")
    places = places_by_pattern(asked, known)
    patterns = list(asked.itertuples(index=False, name=None))
    found: dict[tuple[Combination, Combination], Link] = {}
    active = set(active)
    for row in order.to_dict("records"):
        own = [clean_name(str(row[name])) for name in KEY]
        for place in places.get(patterns[row["_place"]], ()):
            link = _link(row, own, known[int(place)])
            if link is not None and (link.is_named or link.reference in active):
                found[link.successor, link.reference] = link
    links = [link for link in found.values() if link.weight > 0]
    return sorted(links, key=lambda link: (link.successor, link.reference))


def _asked(rows: pd.DataFrame) -> pd.DataFrame:
    """The names that each row's article is like: those of its own where nothing else is said."""
    said = {
        name: rows[like].where(rows[like].notna() & (rows[like] != ""), rows[name]).fillna("").map(clean_name)
        for name, like in zip(KEY, LIKE, strict=True)
    }
    return pd.DataFrame(said, index=rows.index, columns=KEY)


def _link(row: dict[Any, Any], own: list[str], reference: Combination) -> Link | None:
    parts = [theirs if mine == ALL else mine for mine, theirs in zip(own, reference.parts, strict=True)]
    if any(map(name_problem, parts)) or tuple(parts) == reference.parts:
        return None
    day = row["phase_out_from"]
    return Link(
        Combination(*parts),
        reference,
        1.0 if pd.isna(row["weight"]) else float(row["weight"]),
        1.0 if pd.isna(row["scale"]) else float(row["scale"]),
        None if pd.isna(day) else pd.Timestamp(day).date(),
        pd.Timestamp(row["known_from"]).to_pydatetime(),
        is_named=ALL not in own,
    )
