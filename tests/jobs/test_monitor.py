"""Monitoring: metrics and page from the ledger; harmless when there is nothing to score, or twice."""

from collections.abc import Callable, Collection
from typing import Any

import pandas as pd
import pytest
from boards import embedded
from business import GONE, Business, business_lines

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import Table
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import RUNS
from skucast.core.tables.scorecard import METRICS
from skucast.jobs import monitor

pytestmark = pytest.mark.page


@pytest.fixture
def scored(business: Business) -> Business:
    """Return a business with forecasts made four weeks ago and monitored now."""
    business.already("predict", "--as-of", "2026-10-28")
    business.already("monitor")
    return business


def newest(scored: Business, window: str = "rolling") -> pd.DataFrame:
    """Return the metrics of the newest week, or of the window that ends with it."""
    rows = scored.rows(METRICS)
    return rows[(rows["window"] == window) & (rows["window_end"] == rows["window_end"].max())]


def test_metrics_per_combination_unit_channel_sku_and_total_by_step(scored: Business) -> None:
    """Five combinations that sell, forecast 4 weeks ahead: 20 rows behind the total, 5 behind each step.

    The sixth is no longer sold: its 4 forecasts of 0 are counted apart.
    """
    rows = newest(scored)
    total = rows.query("level == 'total'").set_index("step")
    assert total["n"].to_dict() == {0: 20, 1: 5, 2: 5, 3: 5, 4: 5}
    assert total["n_inactive"].to_dict() == {0: 4, 1: 1, 2: 1, 3: 1, 4: 1}
    assert rows.groupby("level")["step"].size().to_dict() == {
        "SKU_ID": 4 * 5,
        "channel": 3 * 5,
        "combination": 6 * 5 - 5,
        "total": 5,
        "unit": 2 * 5,
    }
    of_one = rows.query("level == 'combination' and step == 4")
    assert of_one[KEY].to_numpy().tolist() == [list(GONE)], "the others' forecasts at this step are all there"
    assert rows["window_start"].astype("str").unique().tolist() == ["2026-10-25"]
    assert rows["actuals_through"].astype("str").unique().tolist() == ["2026-11-22"]


def test_each_week_has_its_own_rows_too(scored: Business) -> None:
    """The four forecast weeks, each at its one step and pooled; what was not forecast in between is counted."""
    rows = scored.rows(METRICS).query("window == 'week' and level == 'total'").set_index(["window_end", "step"])
    n = {(str(end.date()), step): number for (end, step), number in rows["n"].items() if number}
    assert n == {
        (week, step): 5
        for number, week in enumerate(["2026-11-01", "2026-11-08", "2026-11-15", "2026-11-22"], start=1)
        for step in (0, number)
    }
    assert newest(scored).query("level == 'total' and step == 1")["n_unpublished"].item() == 3 * 6


def test_the_page_opens_from_disk(scored: Business) -> None:
    """One HTML file that names the combinations and needs nothing else; the same is kept as that of its week."""
    folder = scored.folder / "staging" / "dashboard"
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "ON TRADE" in embedded(page)["combinations"]["channel"]
    assert page == (folder / "2026-11-22.html").read_text(encoding="utf-8")


def test_the_page_of_a_week_stays(scored: Business, shown: Callable[[], str]) -> None:
    """Late sales make another page of another week; a week that is filled in later does not take the newest's place."""
    folder = scored.folder / "staging" / "dashboard"
    newest = (folder / "index.html").read_text(encoding="utf-8")
    assert scored("monitor", "--as-of", "2026-11-18") == 0
    assert "dashboard/index.html stays that of 2026-11-22" in shown()
    assert (folder / "index.html").read_text(encoding="utf-8") == newest
    assert "week 2026-11-15" in (folder / "2026-11-15.html").read_text(encoding="utf-8")
    assert scored("monitor", "--as-of", "2026-12-02") == 0
    assert (folder / "2026-11-22.html").read_text(encoding="utf-8") == newest
    assert "week 2026-11-29" in (folder / "index.html").read_text(encoding="utf-8")


def test_a_second_run_changes_nothing(scored: Business) -> None:
    """The same window scored again gives the same rows, none twice."""
    first, alerts = scored.rows(METRICS), scored.rows(ALERTS)
    assert scored("monitor") == 0
    assert scored.rows(METRICS).equals(first)
    assert scored.rows(ALERTS).equals(alerts)


def test_restated_sales_are_scored_anew(scored: Business) -> None:
    """A correction of 700 for a scored week arrives: the window's actuals grow by it."""
    total = "level == 'total' and step == 0"
    before = newest(scored).query(total)["sum_actual"].item()
    late_line = business_lines().query("unit == 'Чайковский'").tail(1).assign(quantity=700.0)
    scored.sell(late_line, "correction")
    assert scored("monitor") == 0
    after = newest(scored).query(total)
    assert after["sum_actual"].item() - before == pytest.approx(700)
    assert after["n_restated_weeks"].item() == 1
    assert newest(scored).query("level == 'unit' and step == 0").set_index("unit")["n_restated_weeks"].to_dict() == {
        "Пермь": 0,
        "Чайковский": 1,
    }
    said = scored.warehouse.read(RUNS)["counts"].str.contains('"restated_weeks": 1', na=False)
    assert said.sum() == 1  # this run, and none before


@pytest.mark.parametrize(("at_once", "reads"), [(100_000, 1), (1, 4)])
def test_restated_weeks_are_counted_in_every_run_and_rewritten_once(
    scored: Business, monkeypatch: pytest.MonkeyPatch, at_once: int, reads: int
) -> None:
    """An older week is corrected: the next run rewrites it and the windows it is in; the one after only the newest.

    The count says that the week differs from what was first scored, so it stays. What is stored of the four weeks
    before the newest is read once, or week by week where they are too many rows.
    """
    monkeypatch.setattr(monitor, "COMPARED_ROWS", at_once)
    limits = []
    read = DuckDBWarehouse.read

    def counted(self: DuckDBWarehouse, table: Table, columns: Collection[str] | None = None, **how: Any) -> Any:
        if table is METRICS and columns is None:
            limits.append(how)
        return read(self, table, columns, **how)

    late_line = business_lines().query("unit == 'Чайковский'").tail(8).head(1).assign(quantity=700.0)
    scored.sell(late_line, "correction")
    before = scored.warehouse.read(METRICS)
    assert scored("monitor") == 0
    after = scored.warehouse.read(METRICS)
    changed = set(after["run_id"]) - set(before["run_id"])
    ends = after.loc[after["run_id"].isin(changed), "window_end"].dt.strftime("%m-%d").unique().tolist()
    assert sorted(ends) == ["11-15", "11-22"]
    first = scored.rows(METRICS)
    with monkeypatch.context() as patched:
        patched.setattr(DuckDBWarehouse, "read", counted)
        assert scored("monitor") == 0
    assert len(limits) == reads
    assert scored.rows(METRICS).equals(first)
    again = scored.warehouse.read(METRICS)
    assert again.loc[again["run_id"].isin(set(again["run_id"]) - set(after["run_id"])), "window_end"].nunique() == 1
    assert newest(scored).query("level == 'total' and step == 0")["n_restated_weeks"].item() == 1


def test_monitoring_late_sales_says_so(scored: Business, shown: Callable[[], str]) -> None:
    """Two weeks without a delivery: said in the log and by an alert; what is delivered is scored."""
    shown()
    assert scored("monitor", "--as-of", "2026-12-09") == 0
    text = "sales are 2 weeks late: the last complete week is 2026-11-22, expected 2026-12-06"
    said = shown()
    assert said.count(text) == 2
    assert said.count(" opened, ") == 1  # the digest


def test_what_was_found_in_the_sales_is_logged_in_words(scored: Business, shown: Callable[[], str]) -> None:
    """One line in the text log: the article that stopped selling, and its twenty weeks without rows."""
    shown()
    assert scored("monitor") == 0
    assert "found in them: inactive combinations: 1; weeks without rows counted as 0: 20\n" in shown()


def test_nothing_to_score_is_no_failure(business: Business, shown: Callable[[], str]) -> None:
    """Forecasts of weeks to come only: exit 0, the reason is said, the page is written, no metrics row."""
    business.already("predict")
    assert business("monitor") == 0
    assert "nothing to score yet" in shown()
    assert len(business.rows(METRICS)) == 0
    assert (business.folder / "staging" / "dashboard" / "index.html").is_file()


def test_every_run_leaves_its_record(scored: Business) -> None:
    """Training, prediction and monitoring each have a row with counts, seconds and what was found in the sales."""
    runs = scored.warehouse.read(RUNS).set_index("job")
    assert set(runs.index) == {"train", "predict", "monitor"}
    assert runs["exit_code"].eq(0).all()
    assert runs.loc["predict", "n_rows"] == len(scored.rows(FORECASTS))
    assert '"n_combinations": 6' in runs.loc["predict", "data_report"]
