"""Weekly sums of years of sales in a third of the bytes: the same values, for whoever looks at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skucast.core.narrow import narrowed
from skucast.core.rows import written

if TYPE_CHECKING:
    import pandas as pd

SPELLINGS = ("spelling_min", "spelling_max")
_TEXTS = (*SPELLINGS, "promo_types")


def narrow_weeks(weekly: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `Warehouse.weekly_sales` with the same values in fewer bytes.

    Spellings are missing where they are the row's own name, and categories like the types of promotions.
    """
    if is_narrow(weekly):
        return weekly
    there = [name for name in SPELLINGS if name in weekly]
    if there:
        name = written(weekly)
        weekly = weekly.assign(**{end: weekly[end].mask(weekly[end] == name) for end in there})
    return narrowed(weekly, _TEXTS)


def is_narrow(weekly: pd.DataFrame) -> bool:
    """Return whether these rows are as `narrow_weeks` gives them."""
    return any(str(weekly[name].dtype) == "category" for name in SPELLINGS if name in weekly)


def spelt_out(weekly: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with all spellings and types of promotions as texts, as the warehouse has them."""
    if not is_narrow(weekly):
        return weekly
    name = written(weekly)
    texts = {end: weekly[end].astype("str").where(weekly[end].notna(), name) for end in SPELLINGS}
    if "promo_types" in weekly:
        texts["promo_types"] = weekly["promo_types"].astype("str")
    return weekly.assign(**texts)
