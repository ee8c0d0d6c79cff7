"""A small distributor that the notebooks work on: made up, seeded, the same on every machine."""

import numpy as np
import pandas as pd

LAST_DAY = "2026-11-22"
WEEKS = 110

NAMES = [
    ("Perm", "KA", "Tea", 240),
    ("Perm", "KA", "Coffee", 160),
    ("Perm", "ON TRADE", "Tea", 90),
    ("Izhevsk", "KA", "Tea", 180),
    ("Izhevsk", "KA", "Coffee", 120),
    ("Izhevsk", "ON TRADE", "Coffee", 60),
]
"""Unit, channel, article, and what sells in a usual week."""

WEEKDAYS = np.array([0.14, 0.14, 0.14, 0.15, 0.18, 0.15, 0.10])


def sales() -> pd.DataFrame:
    """Return the lines of sales, a day and an article each: `date, unit, channel, SKU_ID, quantity`, and what is known.

    `Promo_discount_perc` is the discount, percent (NULL = none), `price` what a piece cost before it.
    """
    days = pd.date_range(end=LAST_DAY, periods=7 * WEEKS)
    parts = []
    for number, (unit, channel, sku, level) in enumerate(NAMES):
        random = np.random.default_rng([7, number])
        week = np.arange(7 * WEEKS) // 7
        season = 1 + 0.15 * np.sin(2 * np.pi * week / 52.18 + number)
        depth = _discounts(number)[week]
        price = _prices(random)[week]
        noise = np.exp(random.normal(0, 0.08, WEEKS))[week]
        wanted = level * season * (1 + 0.03 * depth) * (price / price[0]) ** -1.8 * noise
        if (unit, sku) == ("Izhevsk", "Coffee") and channel == "KA":
            wanted = np.where(week >= WEEKS - 9, wanted * 0.45, wanted)  # a chain took it off half of its shelves
        quantity = random.poisson(wanted * np.tile(WEEKDAYS, WEEKS))
        lines = {"date": days, "unit": unit, "channel": channel, "SKU_ID": sku, "quantity": quantity.astype("float64")}
        parts.append(pd.DataFrame({**lines, "Promo_discount_perc": np.where(depth > 0, depth, np.nan), "price": price}))
    return pd.concat(parts, ignore_index=True)


def plan() -> pd.DataFrame:
    """Return the promotions, past ones and those of the weeks to come, each known six weeks before it began."""
    monday = pd.Timestamp(LAST_DAY) - pd.Timedelta(days=7 * WEEKS - 1)
    rows = []
    for number, (unit, channel, sku, _) in enumerate(NAMES):
        for week, depth in enumerate(_discounts(number)):
            if depth > 0:
                first = monday + pd.Timedelta(weeks=week)
                dates = {"starts_on": first, "ends_on": first + pd.Timedelta(days=6)}
                known = {"known_from": first - pd.Timedelta(weeks=6), "plan_id": f"{first:%Y-%m-%d}"}
                rows.append({"unit": unit, "channel": channel, "SKU_ID": sku, **dates, "discount_perc": depth, **known})
    return pd.DataFrame(rows)


def _discounts(number: int) -> np.ndarray:
    """The discount of every week and of the four after them, percent: one week in six on average."""
    random = np.random.default_rng([11, number])
    return np.where(random.random(WEEKS + 4) < 1 / 6, random.choice([10.0, 20.0, 30.0], WEEKS + 4), 0.0)


def _prices(random: np.random.Generator) -> np.ndarray:
    """The price of every week: it rises twice, and some months it is lower."""
    rises = np.where(np.arange(WEEKS) >= 40, 1.06, 1.0) * np.where(np.arange(WEEKS) >= 90, 1.10, 1.0)
    moves = np.repeat(random.choice([1.0, 0.94, 1.0, 1.05], WEEKS // 10 + 1), 10)[:WEEKS]
    return 100.0 * rises * moves
