"""`promotions list`: what runs first, what is over last, in lines that fit where they are read."""

from __future__ import annotations

import pandas as pd
import pytest

from skucast.core.run import Run
from skucast.entry.promotions import _print_list


def plan() -> pd.DataFrame:
    """Return one promotion of each state, with names as long as a distributor's."""
    return pd.DataFrame(
        {
            "unit": "Екатеринбург",
            "channel": "ON TRADE",
            "SKU_ID": "ЦУП00009752",
            "state": ["past", "running", "coming"],
            "starts_on": pd.to_datetime(["2026-11-02", "2026-11-23", "2026-12-07"]),
            "ends_on": pd.to_datetime(["2026-11-08", "2026-11-29", "2026-12-13"]),
            "discount_perc": [12.5, 20.0, float("nan")],
            "promo_type": "листовка",
            "plan_id": "0123abcd-plan-for-december",
            "known_from": pd.Timestamp("2026-10-01 10:00"),
        }
    )


@pytest.mark.parametrize("width", [80, 200])
def test_the_plan_is_read_in_lines_of_the_screen(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Days and names are whole; a screen without room leaves out the plan's name, and says how to see it."""
    monkeypatch.setenv("COLUMNS", str(width))
    _print_list(plan(), run, "")
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert shown.index("running on") < shown.index("coming on") < shown.index("past on")
    for text in ("Екатеринбург/ON TRADE/ЦУП00009752", "2026-12-07", "2026-12-13", "12.5 %", "листовка"):
        assert text in shown
    assert ("0123abcd-plan-for-december" in shown) == (width > 100)
    assert ("--output FILE" in shown) == (width < 100)
