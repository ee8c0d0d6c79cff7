"""What was active lately and is not in the sales at all: a loss of input is not a shrinking business."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination, name_problem
from skucast.core.rows import is_about
from skucast.core.spelling import fold, is_nobody, is_total
from skucast.core.tables.forecasts import SALES_MISSING
from skucast.core.words import counted

_SHOWN = 5
"""Groups that are named one by one."""

WAY_OUT = "load them again; of what is closed or renamed for good, name it in ACCEPT_MISSING"


@dataclass(frozen=True)
class Missing:
    """Combinations that were active lately, by ledger or models, and that the sales do not have; how to name them."""

    combinations: tuple[Combination, ...] = ()
    names: str = ""

    def __str__(self) -> str:
        n = len(self.combinations)
        verb = "was active lately and is" if n == 1 else "were active lately and are"
        return f"{counted(n, 'combination')} {verb} not in the sales at all: {self.names}"


NOTHING_MISSING = Missing()


def missing_of(active: Iterable[Combination], known: Sequence[Combination], aliases: Aliases = NO_ALIASES) -> Missing:
    """Return those of the active combinations that are not among the known ones, however either is spelt.

    `aliases` has the names that were merged into known ones. Nobody misses a total that was forecast as an article.
    """
    there = {_folded(each, aliases) for each in known}
    gone = (each for each in set(active) if _folded(each, aliases) not in there)
    found = tuple(sorted(each for each in gone if not any(is_total(part) or is_nobody(part) for part in each.parts)))
    return Missing(found, _named(found, known)) if found else NOTHING_MISSING


def newest_status(ledger: pd.DataFrame) -> dict[Combination, str]:
    """Return the status of each combination's newest forecast; what was only carried on says nothing of its sales."""
    real = ledger[ledger["status"] != SALES_MISSING].sort_values("cutoff", kind="stable")
    newest = real.drop_duplicates(KEY, keep="last")
    return {
        Combination(*names): str(status)
        for *names, status in newest[[*KEY, "status"]].itertuples(index=False, name=None)
        if not any(map(name_problem, names))
    }


def carried(ledger: pd.DataFrame, missing: Missing, weeks: pd.DataFrame) -> pd.DataFrame:
    """Return what the newest earlier forecast of each missing combination says of these weeks, labelled as carried on.

    `weeks` has `cutoff`, `ds`, `step` and `is_open_week` of the coming weeks; of those that the earlier forecast does
    not reach, its last week stands in. Columns of the ledger; none of a combination that was never forecast.
    """
    rows = ledger[is_about(ledger, missing.combinations) & (ledger["status"] != SALES_MISSING)]
    newest = rows[rows["cutoff"] == rows.groupby(KEY)["cutoff"].transform("max")]
    coming = weeks.drop_duplicates("step").sort_values("ds").set_index("ds")[["cutoff", "step", "is_open_week"]]
    parts = [
        part.set_index("ds").sort_index().reindex(coming.index, method="ffill").assign(**coming)
        for _, part in newest.groupby(KEY)
    ]
    if not parts:
        return ledger.head(0)
    return pd.concat([part.rename_axis("ds").reset_index() for part in parts]).assign(status=SALES_MISSING)[
        list(ledger)
    ]


def _folded(combination: Combination, aliases: Aliases) -> tuple[str, ...]:
    parts = zip(KEY, map(fold, combination.parts), strict=True)
    return tuple(fold(aliases.get(name, {}).get(part, part)) for name, part in parts)


def _named(missing: Sequence[Combination], known: Sequence[Combination]) -> str:
    """The missing ones, whole units and channels of them as one: `Пермь (12 combinations), Ижевск/KA/A1`."""
    groups = Counter(_group(each, known) for each in missing)
    said = [
        name if name.count("/") == 2 else f"{name} ({counted(n, 'combination')})" for name, n in groups.most_common()
    ]
    more = len(said) - _SHOWN
    return ", ".join(said[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _group(combination: Combination, known: Sequence[Combination]) -> str:
    """The largest part of the business around the combination that the sales do not have at all."""
    unit, channel, _ = str(combination).split("/")
    levels: list[tuple[str, Callable[[Combination], tuple[str, ...]]]] = [
        (unit, lambda each: each.parts[:1]),
        (f"{unit}/{channel}", lambda each: each.parts[:2]),
    ]
    for name, parts in levels:
        if parts(combination) not in {parts(each) for each in known}:
            return name
    return str(combination)
