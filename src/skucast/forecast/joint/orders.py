"""What to order: the stock that lasts until the next order can have arrived, by the simulated demand of those weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.forecast.intervals import Ints
from skucast.forecast.joint.marginals import Rows
from skucast.forecast.joint.paths import Chunk
from skucast.forecast.prophet.design import Floats

DAYS = 7


class Protection:
    """The demand of the weeks that each combination's stock must last for, taken from what is simulated.

    An order that is placed now arrives after the lead time; the next one a review later. Stock and goods on their way
    must last for both. Weeks beyond those that are forecast count as the mean of these, version by version: wider
    than they would be, because all that is uncertain about these goes on. What planners have said of weeks that are
    forecast is about those alone.
    """

    def __init__(self, rows: Rows, terms: pd.DataFrame) -> None:
        self.rows, self.terms = rows, terms
        self.n_weeks: Ints = (terms["lead_time_weeks"] + terms["review_weeks"]).to_numpy(dtype="int64")
        steps = np.arange(rows.n_steps)
        self.counts = rows.exists & (steps < self.n_weeks[:, None])
        known = self.counts.sum(axis=1)
        beyond = np.maximum(self.n_weeks - known, 0)
        self.again: Floats = np.divide(beyond, known, out=np.zeros(len(known)), where=known > 0)
        of_model = np.where(self.counts, rows.expected, 0.0).sum(axis=1)
        self.expected: Floats = np.where(self.counts, rows.final, 0.0).sum(axis=1) + of_model * self.again
        self.order_up_to: Floats = np.zeros(len(known))

    def take(self, chunk: Chunk) -> None:
        """Take in what is simulated of some combinations."""
        part, rows = chunk.rows, self.rows
        expected, final = rows.expected[part], rows.final[part]
        ratio = np.divide(final, expected, out=np.zeros_like(final), where=expected > 0)
        ratio = np.where(self.counts[part], ratio + self.again[part][:, None], 0.0)
        beside = np.where((expected <= 0) & self.counts[part], final, 0.0).sum(axis=1)  # nothing to take a ratio of
        demand = np.einsum("chp,ch->cp", chunk.sold, ratio.astype("float32"), optimize=True)
        demand += beside[:, None].astype("float32")
        demand.sort(axis=1)
        place = np.clip(self.terms["service_level"].to_numpy()[part] * demand.shape[1] - 0.5, 0, demand.shape[1] - 1)
        low = place.astype("int64")
        high, each = np.minimum(low + 1, demand.shape[1] - 1), np.arange(len(demand))
        found = demand[each, low] + (place - low) * (demand[each, high] - demand[each, low])
        self.order_up_to[part] = np.maximum(found, 0.0)

    def orders(self, stock: pd.DataFrame | None) -> pd.DataFrame:
        """Return what to order: the columns of `tables.ORDERS` but for the run's own.

        `stock` has what is left of each combination: KEY, `on_hand`, `on_hand_day`; None = nothing is known of it.
        """
        made = self.rows.keys.assign(
            cutoff=self.rows.cutoff,
            ds_from=self.rows.label(1),
            ds=self.rows.cutoff + pd.to_timedelta(DAYS * self.n_weeks, unit="D"),
            expected_demand=self.expected,
            order_up_to=self.order_up_to,
            safety_stock=self.order_up_to - self.expected,
            is_extended=self.n_weeks > self.counts.sum(axis=1),
        )
        made = pd.concat([made, self.terms.reset_index(drop=True)], axis=1)
        if stock is None:
            return made
        made = made.merge(stock, on=KEY, how="left")
        on_hand = made["on_hand"].to_numpy(dtype="float64")
        return made.assign(
            proposed_order=np.where(np.isnan(on_hand), np.nan, np.maximum(self.order_up_to - on_hand, 0.0)),
            days_of_cover=self._days_of_cover(on_hand),
        )

    def _days_of_cover(self, on_hand: Floats) -> Floats:
        """How long what is left lasts at expected sales; weeks beyond those forecast are their mean by the model."""
        exists, final = self.rows.exists, self.rows.final
        n_steps = self.rows.n_steps
        mean = np.where(exists, self.rows.expected, 0.0).sum(axis=1) / np.maximum(exists.sum(axis=1), 1)
        weekly = np.where(exists, final, mean[:, None])
        until = np.concatenate([np.zeros((len(mean), 1)), weekly.cumsum(axis=1)], axis=1)
        full = (until <= on_hand[:, None]).sum(axis=1) - 1  # weeks that are served whole
        full = np.clip(full, 0, n_steps)
        each = np.arange(len(mean))
        rate = np.where(full < n_steps, weekly[each, np.minimum(full, n_steps - 1)], mean)
        left = np.divide(on_hand - until[each, full], rate, out=np.full(len(mean), np.nan), where=rate > 0)
        return np.where(mean > 0, DAYS * (full + left), np.nan)
