"""The panel on whatever a business has: one article, none with a year, none with a promotion, none that changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import line, sunday
from business import Business

from skucast.core.tables.forecasts import COMPONENTS, FORECASTS

BLEND = ("--forecaster", "blend")


def weekly(sku: str, quantities: np.ndarray, *, unit: str = "Пермь", promo_every: int = 0) -> list[dict[str, object]]:
    """Return lines of one article, the last week at the cutoff, a sale a week."""
    n = len(quantities)
    return [
        line(
            sunday(n - 1 - week),
            float(quantity),
            promo=25.0 if promo_every and week % promo_every == 0 else None,
            unit=unit,
            channel="KA",
            SKU_ID=sku,
        )
        for week, quantity in enumerate(quantities)
    ]


CHANCE = np.random.default_rng(3)


def noisy(n: int) -> np.ndarray:
    return CHANCE.poisson(40, n).astype("float64") + 1


BUSINESSES = {
    "one combination": [weekly("A", noisy(60), promo_every=7)],
    "two combinations": [weekly("A", noisy(60), promo_every=7), weekly("B", noisy(60))],
    "no promotion": [weekly(name, noisy(50)) for name in "ABCD"],
    "all short": [weekly(name, noisy(8)) for name in "ABCD"],
    "three weeks": [weekly(name, noisy(3)) for name in "AB"],
    "constant": [weekly(name, np.full(50, 12.0)) for name in "AB"],
    "dying": [weekly(name, CHANCE.poisson(6 * np.exp(-np.arange(70) / 18)) + np.eye(70)[66]) for name in "ABCD"],
    "one of zeros": [weekly("A", noisy(50)), weekly("Z", np.r_[5.0, np.zeros(49)])],
}


@pytest.fixture
def place(tmp_path: Path) -> Business:
    """Return an empty business."""
    return Business(tmp_path / "business")


def sell(business: Business, parts: list[list[dict[str, object]]]) -> int:
    lines = pd.DataFrame([each for part in parts for each in part])
    business.sell(
        lines.astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"}), "history"
    )
    return len(parts)


@pytest.mark.parametrize("kind", list(BUSINESSES))
def test_every_combination_gets_its_rows(kind: str, place: Business) -> None:
    """Four each, finite, in their interval, and a steady article at its level."""
    n = sell(place, BUSINESSES[kind])
    flags = (*BLEND, "--sales-grain", "week")
    assert place("train", *flags, "--tune", "off") == 0
    assert place("predict", *flags) == 0
    rows = place.warehouse.read(FORECASTS)
    assert len(rows) == 4 * n
    ends = rows[["yhat_lower", "yhat", "yhat_upper"]]
    assert np.isfinite(ends).all(axis=None)
    assert ends.T.apply(lambda row: row.is_monotonic_increasing).all()
    panels = rows[rows["method"].isin(["blend", "panel"])]  # of a dying article Prophet's own parts are below 0
    np.testing.assert_allclose(panels[list(COMPONENTS)].sum(axis=1), panels["yhat"], rtol=1e-9, atol=1e-9)
    if kind == "constant":
        np.testing.assert_allclose(rows["yhat"], 12.0, rtol=0.02)
    if kind == "one of zeros":
        assert (rows.loc[rows["SKU_ID"] == "Z", "yhat"] == 0).all()


def test_a_new_unit_in_the_week_of_the_forecast_is_forecast(place: Business) -> None:
    """It was in no training: the panel forecasts it."""
    flags = (*BLEND, "--sales-grain", "week")
    sell(place, BUSINESSES["no promotion"])
    assert place("train", *flags, "--tune", "off") == 0
    new = pd.DataFrame(weekly("A", noisy(6), unit="Казань")).astype({"quantity": "float64"})
    place.sell(new.assign(Promo_discount_perc=np.nan, stock=np.nan), "new unit")
    assert place("predict", *flags) == 0
    rows = place.warehouse.read(FORECASTS)
    young = rows[rows["unit"] == "Казань"]
    assert set(young["method"]) == {"panel"}
    assert young["yhat"].between(10, 100).all()
    assert len(rows) == 4 * 5
