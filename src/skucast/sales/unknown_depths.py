"""Promotions whose depth nobody has delivered: they count as deep as is usual for their article."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from skucast.core.combination import KEY, Combination


@dataclass(frozen=True)
class UsualDepths:
    """What a promotion without a depth counts as, percent: medians over the weeks whose depth is known."""

    by_combination: Mapping[Combination, float] = field(default_factory=dict)
    by_sku: Mapping[str, float] = field(default_factory=dict)
    of_all: float = 0.0

    @classmethod
    def of_weeks(cls, known: pd.DataFrame) -> UsualDepths:
        """Return it from weekly rows, all discounts in percent; 0 where no depth is known at all."""
        promoted = known[known["most_discount"].notna()]
        if not len(promoted):
            return cls()
        depth = promoted["most_discount"]
        own = depth.groupby([promoted[name] for name in KEY]).median()
        names = (Combination(*map(str, name)) for name in own.index)
        by_sku = depth.groupby(promoted["SKU_ID"].astype("str")).median()
        return cls(
            dict(zip(names, own.tolist(), strict=True)),
            dict(zip(map(str, by_sku.index), by_sku.tolist(), strict=True)),
            float(depth.median()),
        )

    def of(self, combination: Combination) -> float:
        """Return the depth of the combination, else of its article wherever it is sold, else of all."""
        own = self.by_combination.get(combination)
        return self.by_sku.get(combination.sku_id, self.of_all) if own is None else own


NO_DEPTHS = UsualDepths()


def with_usual_depths(known: pd.DataFrame, usual: UsualDepths) -> pd.DataFrame:
    """Return the weekly rows with the usual depth where none was delivered.

    Where no depth is known at all the discount stays 0, so that only the days with a promotion teach.
    """
    lacking = known[known["no_depth_share"] > 0]
    if not len(lacking):
        return known
    names = lacking[KEY].astype("str").itertuples(index=False, name=None)
    depths = pd.Series([usual.of(Combination(*name)) for name in names], index=lacking.index)
    discount = known["promo_discount_perc"].copy()
    discount.loc[lacking.index] += lacking["no_depth_share"] * depths
    return known.assign(promo_discount_perc=discount)
