"""Forecasters side by side: each scored on the rows that all of them have, by the scorecard's own metrics."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from skucast.core.combination import KEY
from skucast.scorecard.metrics import errors, summed, with_ratios

OURS = "skucast"
SHOWN = ("n", "wape", "bias_ratio", "smape", "mase", "rmsse", "coverage", "pinball_10", "pinball_90")
_ROW = ["cutoff", *KEY, "ds"]
_NUMBERS = ["yhat", "yhat_lower", "yhat_upper"]


def side_by_side(scored: pd.DataFrame, rivals: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per forecaster, ours first: `SHOWN`, and `n_unanswered`, our rows that it has no number for.

    `scored` are our scored rows, `tables.SCORED`; each rival's frame has cutoff, KEY, `ds` and its numbers. The metrics
    are those of the rows that all of them have.
    """
    ours = scored[scored["y"].notna()]
    answers = {name: ours[_ROW].merge(found, on=_ROW, how="left") for name, found in rivals.items()}
    has = {name: rows["yhat"].notna().to_numpy() for name, rows in answers.items()}
    common = pd.concat([pd.Series(True, index=range(len(ours))), *map(pd.Series, has.values())], axis=1).all(axis=1)
    same = ours[common.to_numpy()].reset_index(drop=True)
    sides = {OURS: same}
    for name, rows in answers.items():
        numbers = rows.loc[common.to_numpy(), _NUMBERS].reset_index(drop=True).astype("float64")
        sides[name] = same.assign(**numbers, yhat_mean=float("nan"), previous_yhat=float("nan"))
    parts = [errors(side).assign(forecaster=name, ds=side["ds"], is_restated=False) for name, side in sides.items()]
    result = with_ratios(summed(pd.concat(parts, ignore_index=True), ["forecaster"])).set_index("forecaster")
    unanswered = {OURS: 0, **{name: int((~flags).sum()) for name, flags in has.items()}}
    return result.reindex(list(sides))[list(SHOWN)].assign(n_unanswered=pd.Series(unanswered)).reset_index()
