"""What rules judge by, and what they find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skucast.core.combination import KEY

Verdict = Literal["breach", "between", "calm", "unknown"]

FINDING_COLUMNS = ["rule", *KEY, "verdict", "value", "value_limit", "message", "message_json"]


@dataclass(frozen=True)
class Rules:
    """Limits of all rules; ratios, 0.2 = 20 %, `min_volume` in sales per week.

    `interval_coverage` is the share of actuals inside the 80 % interval, `forecast_share` that of the combinations sold
    which are forecast, `plan_share` that of the forecast weeks which a plan of promotions speaks of; `fva_best` is how
    much of the sales the best baseline must win for a model to be at fault; `max_model_age` in weeks.
    """

    wape: float
    n_weeks: int
    bias: float
    interval_coverage: float
    min_volume: float
    fva_best: float
    forecast_share: float
    plan_share: float
    failed_share: float
    max_model_age: int = 26
