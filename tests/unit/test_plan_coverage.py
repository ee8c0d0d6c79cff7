"""What a run says of a plan that covers too little: of a business with promotions, and of one that never has any."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import KEY
from skucast.jobs import known_ahead
from skucast.jobs.known_ahead import note_sources
from skucast.runtime.outcome import RunReport
from skucast.sales.data_report import DataReport
from skucast.sales.history import History

NAMES = dict(zip(KEY, ("Пермь", "KA", "A1"), strict=True))


def history(promoted: bool) -> History:
    """Return ten weeks, one of them promoted or none."""
    rows = [
        {**NAMES, "ds": pd.Timestamp(sunday(back)), "y": 5.0, "is_promo": back == 4 and promoted} for back in range(10)
    ]
    report = DataReport(10, 1, 10, "", str(CUTOFF), str(CUTOFF), 0, 0, 0, 0, 0, 0, 0, 0, 0)
    return History(pd.DataFrame(rows), date.fromisoformat(str(CUTOFF)), CUTOFF, report)


@pytest.mark.parametrize(
    ("promoted", "sources", "n_warnings"),
    [
        (False, ["expected"] * 4, 0),
        (True, ["expected"] * 4, 1),
        (False, ["planned", "expected", "expected", "expected"], 1),
        (False, ["none", "expected", "expected", "expected"], 0),
        (True, ["planned", "none", "none", "expected"], 0),
    ],
)
def test_a_plan_is_missed_only_where_there_are_promotions(
    promoted: bool, sources: list[str], n_warnings: int, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the weeks is expected: nobody is asked for a plan whose sales and plan never had a promotion."""
    said: list[str] = []
    monkeypatch.setattr(known_ahead.log, "warning", lambda text, *_, **__: said.append(text))
    rows = pd.DataFrame({"status": "ok", "promo_source": sources, "weather_source": "none"})
    report = RunReport()
    note_sources(rows, settings(), report, history(promoted))
    assert len(said) == n_warnings
    assert any("promotions: " in note for note in report.notes) == (promoted or "planned" in sources)
    assert report.sources["promotions"]["expected"] == sources.count("expected") / 4
