"""Promotions as a cause: what those of a week explain of its total, by what promotions have ever done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from skucast.core.combination import KEY
from skucast.sales.outliers import MORE_FOR_PROMOTION, TIMES_USUAL
from skucast.scorecard.gate_limits import RECENT_WEEKS
from skucast.scorecard.totals import Pair

BEYOND_PEAK = 1.25
"""Promotions explain an article, or a total, up to this many times its best week so far."""

FIRST_LIFT = TIMES_USUAL * MORE_FOR_PROMOTION
"""A promotion may sell so many times what is usual for an article, or as many times as any of the business ever did."""

USUAL_LIFT = 3.0
LIFT_QUANTILE = 0.9
"""Where most articles are promoted at once, all of them together sell so many times what is usual, or as many times as
nine of ten promotions did."""

USUAL_WEEKS = 52


@dataclass(frozen=True)
class Promotions:
    """What newly promoted articles that moved explain of the newest week; one row each.

    `moved` and `moved_before` are what they sold and were expected to, `usual` what they sell without a promotion;
    `is_beyond` if it sold more than any promotion ever did. `n_articles` are those of its unit and channel.
    """

    totals: pd.DataFrame
    n_articles: dict[Pair, int]
    lift: float

    @classmethod
    def of(cls, sold: pd.DataFrame, expected: pd.DataFrame, weeks: pd.DataFrame, max_jump: float) -> Promotions:
        """Return it from the rows of the newest week, `yhat` the number, and the weeks before it."""
        newest = sold["ds"].iloc[0]
        before = weeks[weeks["ds"] < newest]
        facts = _articles(before)
        rows = sold[sold["is_promo"]][[*KEY, "yhat"]].merge(
            expected[[*KEY, "yhat"]].rename(columns={"yhat": "expected"}), on=KEY, how="left"
        )
        rows = rows.merge(facts, on=KEY, how="left").fillna({"expected": 0.0, "usual": 0.0, "peak": 0.0, "often": 0.0})
        typical = float(facts["usual"].median()) if len(facts) else 0.0
        rows["usual"] = rows["usual"].clip(lower=typical)
        lifts = _lifts(before, facts, typical)
        rows = rows[(rows["often"] <= 0.5) & (rows["yhat"] > (1 + max_jump) * rows["expected"])]
        bound = rows["usual"] * _rise(sold, expected) * max(FIRST_LIFT, lifts.max() if len(lifts) else 0.0)
        rows["is_beyond"] = rows["yhat"] > bound.clip(lower=BEYOND_PEAK * rows["peak"])
        pairs = pd.Series(list(zip(rows["unit"], rows["channel"], strict=True)), index=rows.index, dtype="object")
        totals = rows.assign(pair=pairs, moved=rows["yhat"], moved_before=rows["expected"])
        usual_lift = max(USUAL_LIFT, float(lifts.quantile(LIFT_QUANTILE)) if len(lifts) else 0.0)
        n_articles = {(str(unit), str(channel)): len(its) for (unit, channel), its in sold.groupby(["unit", "channel"])}
        return cls(totals[["pair", "moved", "moved_before", "usual", "is_beyond"]], n_articles, usual_lift)

    def did_wonders(self, members: Sequence[Pair]) -> bool:
        """Return whether one of their promoted articles sold more than any promotion ever did."""
        return bool(self.totals.loc[self.totals["pair"].isin(members), "is_beyond"].any())

    def explained(self, members: Sequence[Pair]) -> tuple[float, float] | None:
        """Return what of the members' week they sold and were expected to; None if nothing, or more than can be."""
        mine = self.totals[self.totals["pair"].isin(members)]
        if not len(mine) or self.did_wonders(members):
            return None
        moved, before, usual = (float(mine[column].sum()) for column in ("moved", "moved_before", "usual"))
        if 2 * len(mine) > sum(
            self.n_articles[pair] for pair in members if pair in self.n_articles
        ) and moved > self.lift * max(usual, before):
            return None
        return moved, before


def _rise(sold: pd.DataFrame, expected: pd.DataFrame) -> float:
    """How many times the expected the business sold without promotions, at least once: a season raises those too."""
    both = sold[~sold["is_promo"]].merge(expected[[*KEY, "yhat"]], on=KEY, suffixes=("", "_expected"))
    was, now = float(both["yhat_expected"].sum()), float(both["yhat"].sum())
    return max(1.0, now / was) if was > 0 else 1.0


def usual_sales(before: pd.DataFrame) -> pd.Series:
    """Return what each article of these weeks sells in a usual week without a promotion, by KEY."""
    sold = before[(before["y"] > 0) & (before["ds"] > before["ds"].max() - pd.Timedelta(weeks=USUAL_WEEKS))]
    usual = sold[~sold["is_promo"]].groupby(KEY)["y"].median()
    any_week: pd.Series = before[before["y"] > 0].groupby(KEY)["y"].median()
    return any_week.mask(any_week.index.isin(usual.index), usual.reindex(any_week.index))


def _articles(before: pd.DataFrame) -> pd.DataFrame:
    """What each article usually sells without a promotion, its best week, and how often it was promoted lately."""
    recent = before[before["ds"] > before["ds"].max() - pd.Timedelta(weeks=RECENT_WEEKS)]
    often = recent.groupby(KEY)["is_promo"].mean()
    facts = {"usual": usual_sales(before), "peak": before.groupby(KEY)["y"].max(), "often": often}
    return pd.DataFrame(facts).reset_index()


def _lifts(before: pd.DataFrame, facts: pd.DataFrame, typical: float) -> pd.Series:
    """How many times the usual every promoted week sold; a small article counts as a typical one."""
    promoted = before[before["is_promo"] & (before["y"] > 0)].merge(facts[[*KEY, "usual"]], on=KEY)
    return promoted["y"] / promoted["usual"].clip(lower=typical)
