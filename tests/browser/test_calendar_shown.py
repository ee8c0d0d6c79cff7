"""The page's promotions in a browser: the calendar on a phone, what came of it, last year's, the lift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from chromium import Open
from playwright.sync_api import expect

from skucast.core.combination import KEY
from skucast.dashboard.board import Board, Promotions

NAN = float("nan")
COUNTS = {"n_weeks": 2, "n_combinations": 1, "n_forecast": 1, "n_judged": 2, "n_rows": 2, "n_dip": 2}


def promotion(state: str, names: tuple[str, ...], first: str, last: str, **said: Any) -> dict[str, Any]:
    """Return one promotion of 12.5 %."""
    texts = {"promo_type": None, "plan_id": "", "known_from": pd.Timestamp("2026-11-02 10:15")}
    numbers = dict.fromkeys(("uplift", "without", "forecast", "realised", "dip"), NAN)
    days = {"starts_on": pd.Timestamp(first), "ends_on": pd.Timestamp(last), "discount_perc": 12.5}
    return {"state": state, **dict(zip(KEY, names, strict=True)), **days, **texts, **numbers, **COUNTS, **said}


def seen(board: Board) -> Promotions:
    """Return three promotions, one of them over, one missing from this year's plan, and two curves."""
    first, second = (tuple(row) for row in board.forecasts[KEY].drop_duplicates().to_numpy()[:2])
    calendar = [
        promotion("past", first, "2026-10-05", "2026-10-11", forecast=80.0, realised=60.0, dip=-20.0),
        promotion("running", first, "2026-11-18", "2026-11-24", uplift=60.0, without=200.0, promo_type="deal"),
        promotion("coming", ("*", "*", second[2]), "2026-11-25", "2026-11-29", discount_perc=NAN, n_forecast=0),
    ]
    again = pd.DataFrame([(*second, pd.Timestamp("2025-11-23"), pd.Timestamp("2025-11-23"), 20.0, 5.0)])
    columns = [*KEY, "last_year_from", "last_year_to", "depth", "days"]
    lifts = [("all", "", 15.0, 1.5, 40), ("all", "", 25.0, 2.0, 8), ("SKU_ID", first[2], 25.0, 2.2, 3)]
    return Promotions(
        calendar=pd.DataFrame(calendar),
        not_again=again.set_axis(columns, axis=1),
        lifts=pd.DataFrame(lifts, columns=["by", "name", "depth", "lift", "n"]),
    )


def test_promotions_read_on_a_phone(board: Board, open_page: Open) -> None:
    """What runs first, with its depth as typed and its uplift; what comes; what came of those that are over."""
    refused = ("7 of 8 rows refused in plan.csv (line 3: unit is empty)",)
    page = open_page(replace(board, promotions=seen(board), refused=refused), view="planner", charts=True, width=390)
    expect(page.locator("#promotions-refused li")).to_contain_text("7 of 8 rows refused in plan.csv")
    row = page.locator("#promotions-list tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("12.5%")
    expect(row).to_contain_text("+60")
    expect(row).to_contain_text("+30.0%")
    expect(row).to_contain_text("1 of 2")
    expect(page.locator("#promotions-hint")).to_have_text("In sum: +60 expected in the weeks that are forecast.")
    page.get_by_text("Coming", exact=True).click()
    expect(row).to_contain_text("all units")
    expect(row).to_contain_text("depth not known")
    page.get_by_text("Over", exact=True).click()
    expect(row).to_contain_text("+80")
    expect(row).to_contain_text("-20")
    expect(page.locator("#promotions-hint")).to_have_text("In sum: +80 forecast, +60 realised.")
    expect(page.locator("#not-again summary")).to_have_text("Promoted at this time last year, not planned now: 1")
    expect(page.locator("#lifts .js-line")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
