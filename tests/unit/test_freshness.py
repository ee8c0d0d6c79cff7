"""Freshness: what was published last, whatever else stands in the table of publishes."""

from __future__ import annotations

from datetime import date, datetime

import pandas as pd

from skucast.core.tables.records import PUBLISHES
from skucast.jobs.freshness import newest_scorecard


def test_a_failed_first_publish_hides_nothing(warehouse, run, settings):
    """It may leave a row without slice and run: the newest scorecard is the last one that was published."""
    at = datetime.fromisoformat("2026-11-27T00:10:00")
    rows = [("", ""), ("2026-11-15", "monitor-1"), ("2026-11-22", "monitor-2")]
    frame = pd.DataFrame(rows, columns=["partition_value", "run_id"])
    frame = frame.assign(table_name=settings().alerts_table, n_rows=0, published_at=at)

    class Published:
        """A warehouse that has these rows."""

        def read(self, table):
            assert table is PUBLISHES
            return frame

    assert newest_scorecard(settings(), Published()) == date(2026, 11, 22)
    assert newest_scorecard(settings(), Published(), date(2026, 11, 20)) == date(2026, 11, 15)
