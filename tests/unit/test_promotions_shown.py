"""The promotions that the page shows: as columns, the most important ones, and nothing without any."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from plans import CLOCK, KNOWN, line, nothing_else, plan

from skucast.core.combination import KEY
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty
from skucast.dashboard import promotions as shown
from skucast.dashboard.board import Promotions
from skucast.dashboard.promotions import promotions_data
from skucast.jobs.promotion_board import promotions_seen

SUNDAYS = pd.date_range("2026-09-06", "2026-11-22", freq="W-SUN").astype("datetime64[us]")
COMING = pd.date_range("2026-11-29", periods=4, freq="W-SUN").astype("datetime64[us]")


def seen(rows: pd.DataFrame, promoted: bool = False) -> Promotions | None:
    """Return what the page shows of a plan, on Wednesday the 25th: 100 sold a week, 120 forecast, 20 of them promo."""
    names = pd.DataFrame([each.parts for each in KNOWN], columns=KEY)
    weeks = names.merge(pd.DataFrame({"ds": SUNDAYS}), how="cross").assign(y=100.0, is_promo=promoted)
    weeks = weeks.assign(promo_days=7.0 * promoted, promo_depth=25.0 if promoted else np.nan)
    forecasts = names.merge(pd.DataFrame({"ds": COMING}), how="cross")
    forecasts = forecasts.assign(cutoff=SUNDAYS[-1], yhat=120.0, promo=20.0, status="ok")
    history = SimpleNamespace(weeks=weeks, combinations=KNOWN, names=SimpleNamespace(renamed=lambda plan: plan))
    warehouse, settings = SimpleNamespace(read=lambda _: rows), SimpleNamespace(clock=CLOCK)
    run = SimpleNamespace(run_at=datetime.fromisoformat("2026-11-25T19:00:00"), today=date(2026, 11, 25))
    given = cast("tuple[Any, ...]", (settings, warehouse, run, history, forecasts, KNOWN))
    return promotions_seen(*given)


def test_without_any_promotion_the_page_has_nothing_of_it() -> None:
    """Neither in the sales nor in the plan, which may say that nothing is planned; one of them is enough."""
    assert promotions_data(seen(empty(PROMOTIONS))) is None
    assert promotions_data(seen(plan(nothing_else()).rows)) is None
    assert seen(empty(PROMOTIONS), promoted=True) is not None
    assert seen(plan(line()).rows) is not None


def test_a_promotion_of_all_is_that_of_each() -> None:
    """Four combinations, one week of the four that are forecast: 80 more pieces, over 400 without it."""
    data = promotions_data(seen(plan(line(unit="*", channel="*", SKU_ID="*", plan_id="BF"), nothing_else()).rows))
    assert data is not None
    calendar = data["calendar"]
    assert (calendar["uplift"], calendar["without"], calendar["n_combinations"]) == ([80], [400], [4])
    assert (calendar["discount_perc"], calendar["plan_id"]["of"], calendar["state"]["of"]) == ([30], ["BF"], ["coming"])
    assert (calendar["starts_on"]["of"], calendar["ends_on"]["of"]) == (["2026-11-30"], ["2026-12-06"])


def test_those_to_come_are_shown_first_then_those_that_moved_most(monkeypatch: Any) -> None:
    """In the order of their days; it is said how many are left out."""
    found = seen(plan(line(), line(SKU_ID="B2", starts_on="2026-12-07", ends_on="2026-12-08")).rows)
    assert found is not None
    over = [found.calendar.head(1).assign(state="past", realised=moved) for moved in (5.0, -50.0, np.nan)]
    monkeypatch.setattr(shown, "MAX_ROWS", 3)
    data = promotions_data(replace(found, calendar=pd.concat([*over, found.calendar], ignore_index=True)))
    assert data is not None
    assert data["left_out"] == 2
    assert data["calendar"]["realised"] == [-50, None, None]
