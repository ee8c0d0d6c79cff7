"""What was active lately and is not in the sales any more: a loss of input is not a shrinking business."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination, name_problem
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.spelling import fold, is_nobody, is_total
from skucast.core.tables.forecasts import NEWCOMERS, RESTING, SALES_MISSING
from skucast.core.texts import Count, Text
from skucast.core.words import counted

_SHOWN = 5
"""Groups that are named one by one."""

FEWEST_GONE = 2
"""Weeks that were scored with sales and have none now: a single one may have been corrected."""

REGULAR_WEEKS, REGULAR_SHARE = pd.Timedelta(weeks=26), 0.5
"""An article sells regularly if it sold in half of the weeks before its last sale."""

WAY_OUT = Text("load them again; of what is closed or renamed for good, name it in ACCEPT_MISSING")


@dataclass(frozen=True)
class Missing:
    """Combinations that were active lately, by ledger or models, and that the sales do not have; how to name them.

    `lost` are those among them of which the sales have earlier weeks, and lack the newest that earlier runs knew.
    """

    combinations: tuple[Combination, ...] = ()
    names: str = ""
    lost: tuple[Combination, ...] = ()

    def __str__(self) -> str:
        return str(self.said)

    @property
    def said(self) -> Text:
        """What is missing, in one sentence."""
        n = len(self.combinations)
        if not self.lost:
            return Count(
                "{n} combination was active lately and is not in the sales at all: {names}",
                "{n} combinations were active lately and are not in the sales at all: {names}",
                n,
                names=self.names,
            )
        if len(self.lost) == n:
            return Count(
                "{n} combination was active lately and is not in the sales any more, with weeks that earlier runs "
                "knew: {names}",
                "{n} combinations were active lately and are not in the sales any more, with weeks that earlier runs "
                "knew: {names}",
                n,
                names=self.names,
            )
        return Count(
            "{n} combination was active lately and is not in the sales at all, or ({lost} of them) with weeks that "
            "earlier runs knew: {names}",
            "{n} combinations were active lately and are not in the sales at all, or ({lost} of them) with weeks that "
            "earlier runs knew: {names}",
            n,
            lost=len(self.lost),
            names=self.names,
        )


NOTHING_MISSING = Missing()


def missing_of(
    active: Iterable[Combination],
    known: Sequence[Combination],
    aliases: Aliases = NO_ALIASES,
    lost: Collection[Combination] = (),
) -> Missing:
    """Return those of the active combinations that are not among the known ones, however either is spelt.

    `aliases` has the names that were merged into known ones. Nobody misses a total that was forecast as an article.
    """
    there = {_folded(each, aliases) for each in known}
    gone = (each for each in set(active) if _folded(each, aliases) not in there)
    found = tuple(sorted(each for each in gone if not any(is_total(part) or is_nobody(part) for part in each.parts)))
    its = tuple(each for each in found if each in set(lost))
    return Missing(found, _named(found, known), its) if found else NOTHING_MISSING


def lost_of(
    weeks: pd.DataFrame, ledger: pd.DataFrame, actuals: pd.DataFrame, data_cutoff: date, after_weeks: int
) -> list[Combination]:
    """Return the combinations whose newest weeks the sales do not have any more, although earlier runs knew them.

    An article that has just stopped is none of them: what was known of it is still there.

    Args:
        weeks: the history's weeks; one that is not known is no loss: it is bridged.
        ledger: first steps of earlier forecasts: one that was neither resting nor new knew of a sale in the
            `after_weeks` weeks up to its `data_cutoff`. Of an article that seldom sells that may have been one that
            was corrected.
        actuals: what was scored: KEY, `ds`, `actual_first`; two weeks with sales or more.
        data_cutoff: the last week that has been delivered.
        after_weeks: weeks without a sale after which an article is inactive.
    """
    newest = pd.Timestamp(data_cutoff)
    silent = weeks.loc[(weeks["ds"] == newest) & (weeks["y"] == 0), KEY]
    last = _last_sales(weeks.merge(silent, on=KEY))
    known = ledger[~ledger["status"].isin((*RESTING, *NEWCOMERS, SALES_MISSING)) & (ledger["data_cutoff"] <= newest)]
    known = known.merge(last[last["is_regular"]], on=KEY)
    forecast = known[known["last"] <= known["data_cutoff"] - pd.Timedelta(weeks=after_weeks)]
    sold = actuals[(actuals["actual_first"] > 0) & (actuals["ds"] <= newest)].merge(last, on=KEY)
    n_gone = sold[sold["ds"] > sold["last"]].groupby(KEY)["ds"].nunique()
    scored = n_gone[n_gone >= FEWEST_GONE].reset_index()
    names = pd.concat([forecast[KEY], scored[KEY]]).drop_duplicates()
    return sorted(Combination(*parts) for parts in names.itertuples(index=False, name=None))


def _last_sales(weeks: pd.DataFrame) -> pd.DataFrame:
    """The last week of each combination that sold or is not known, and whether it sold in most weeks before: KEY."""
    there = weeks[weeks["y"] != 0]
    last = there.groupby(KEY)["ds"].max().rename("last")
    before = weeks.merge(last.reset_index(), on=KEY)
    before = before[(before["ds"] <= before["last"]) & (before["ds"] > before["last"] - REGULAR_WEEKS)]
    is_regular = (before["y"] > 0).groupby([before[name] for name in KEY]).mean() >= REGULAR_SHARE
    return pd.DataFrame({"last": last, "is_regular": is_regular.reindex(last.index).eq(other=True)}).reset_index()


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
    is_made = ~ledger["status"].isin((SALES_MISSING, "inactive"))
    rows = ledger[is_about(ledger, missing.combinations) & is_made]
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
    return listed(said, _SHOWN)


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
