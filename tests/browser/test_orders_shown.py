"""The page's orders and scores of sums, in a real browser."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from boards import CUTOFF, named, week
from chromium import Open
from fifteen import EVERYBODY, FORMULA, MARKUP
from playwright.sync_api import expect
from reader import control, gives, lists, reads, says

from skucast.core.combination import KEY
from skucast.dashboard.board import Board


def orders() -> pd.DataFrame:
    """Return what to order of all: 100 are expected and 150 needed; of two it is known what is left, 30 and 200."""
    rows = [
        {
            **named(each),
            "lead_time_weeks": 1,
            "review_weeks": 1,
            "service_level": 0.95,
            "is_extended": False,
            "on_hand_day": CUTOFF if place < 2 else pd.NaT,
            "expected_demand": 100.0,
            "order_up_to": 150.0,
            "safety_stock": 50.0,
            "on_hand": [30.0, 200.0][place] if place < 2 else float("nan"),
            "proposed_order": [120.0, 0.0][place] if place < 2 else float("nan"),
            "days_of_cover": [4.2, 28.0][place] if place < 2 else float("nan"),
        }
        for place, each in enumerate(
            [FORMULA, MARKUP, *(other for other in EVERYBODY if other not in (FORMULA, MARKUP))]
        )
    ]
    return pd.DataFrame(rows)


SUMS = {"n": 20, "n_covered": 17, "sum_actual": 1000.0, "sum_forecast": 1050.0, "sum_abs_error": 80.0}
SERVED = {"n": 400, "service_level": 0.947, "service_level_wanted": 0.95, "fill_rate": 0.981, "window_start": week(-26)}


def test_orders_are_listed_by_what_is_missing_and_sums_are_scored(board: Board, open_page: Open) -> None:
    """What is missing first, what it lasts for, all in sum under the filter; the operator reads coverage of sums."""
    metrics = [
        {**dict.fromkeys(KEY, "*"), "level": level, "step": step, **SUMS}
        for level in ("total", "unit")
        for step in (0, 1)
    ]
    scores = {
        "totals_metrics": pd.DataFrame(metrics),
        "orders_metrics": pd.DataFrame([{"pooled_by": "all", **SERVED}]),
    }
    page = open_page(replace(board, orders=orders(), **scores), view="planner", width=390)
    gives(page, "document.documentElement.scrollWidth", 390)
    lines = page.locator("#orders-table tbody tr")
    expect(lines).to_have_count(10)
    says(lines.nth(0).locator("th"), FORMULA[2])
    lists(lines.nth(0).locator("td"), ["120", "150 2 weeks, 95%", "30 15 Nov", "4 days", "100"])
    says(page.locator("#orders-lead"), "2,250 in all. To be ordered: 120, less what is on its way already.")
    says(page.locator("#orders-hint"), "Of 400 orders since 17 May 94.7% would have lasted, 95.0% were wanted")
    page.locator("#more-orders").click()
    expect(lines).to_have_count(15)
    page.locator("#fold-filters").click()
    control(page, "unit").select_option("Пермь")
    expect(lines).to_have_count(2)
    reads(lines.nth(1).locator("td").nth(0), "0")
    page.get_by_role("link", name="Model", exact=True).click()
    lists(
        page.locator("#sums-table tbody tr").nth(1).locator("th, td"),
        ["Units", "8.0%", "+5.0%", "85% of 20", "+5.0%", "85% of 20"],
    )
    gives(page, "document.documentElement.scrollWidth", 390)
