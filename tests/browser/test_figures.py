"""What the page says, in a real browser: figures, alerts, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from boards import CUTOFF, alert_row, named, week, without_rows
from chromium import Open
from fifteen import EVERYBODY, FORMULA, MARKUP, UNSOLD
from reader import card, cell, control, gives, lists, names, reads, says

import skucast.dashboard.rendering
from skucast.dashboard.board import Board


def test_the_figures_are_those_of_the_window(open_page: Open) -> None:
    """14 combinations sell 100, all 15 miss 10 to 150, mean 80: WAPE and bias 85.7 %; one interval of 15 is met."""
    page = open_page()
    reads(page.locator("#matched"), "15 of 15 combinations")
    reads(card(page, "WAPE"), "85.7%")
    reads(card(page, "Bias"), "+85.7%")
    reads(card(page, "Interval coverage"), "6.7%")
    reads(card(page, "Forecast value added"), "-80.4\u00a0pp")  # 5 / 100 x 15 / 14 - 85.7
    reads(card(page, "Next 2 weeks"), "3,000")
    reads(card(page, "Open alerts"), "1")
    assert "From 120\u00a0forecasts" in page.locator("#basis").inner_text()


def test_what_is_undefined_is_a_dash(open_page: Open) -> None:
    """No sales, no share of sales; no metrics stored, no churn; the miss itself is known."""
    page = open_page()
    control(page, "sku").fill("цуп-0")
    for name in ("WAPE", "Bias", "FVA"):
        reads(cell(page, UNSOLD[2], name), "-")
    reads(cell(page, UNSOLD[2], "Missed volume"), "120")
    reads(page.locator("#figures div", has_text="Churn").locator("dd"), "-")
    reads(page.locator("#figures div", has_text="MASE").locator("dd"), "0.75")


def test_the_comparison_can_be_chosen(open_page: Open) -> None:
    """The baselines miss by 5, 20 and 30; FORMULA by 20: worse, equal, better."""
    page = open_page()
    control(page, "sku").fill("=1+1")
    for name, added in {"last_year": "-15.0", "mean_4": "0.0", "last_week": "+10.0"}.items():
        control(page, "baseline").select_option(name)
        reads(cell(page, FORMULA[2], "FVA"), f"{added}\u00a0pp")


def test_each_is_compared_with_the_best_simple_forecast(board: Board, open_page: Open) -> None:
    """Last year's week misses by 500, the mean of four weeks by 20: better than the one is no reason to be green."""
    far = board.scored.assign(baseline_last_year=board.scored["y"] + 500)
    page = open_page(replace(board, scored=far))
    reads(card(page, "WAPE", "note"), "Mean of the last 4 weeks: 21.4%")
    reads(card(page, "Forecast value added"), "-64.3\u00a0pp")
    reads(card(page, "Forecast value added", "note"), "Worse than mean of the last 4 weeks")
    control(page, "baseline").select_option("last_year")
    says(card(page, "Forecast value added", "note"), "Better than same week last year")
    control(page, "baseline").select_option("best")
    control(page, "sku").fill("=1+1")
    reads(cell(page, FORMULA[2], "FVA"), "0.0\u00a0pp")


def test_each_week_has_its_own_word_of_promotions(board: Board, open_page: Open) -> None:
    """One planned in the second week alone is named with its week, and marked there; none in any is one word."""
    promoted = (board.forecasts["SKU_ID"] == MARKUP[2]) & (board.forecasts["step"] == 2)
    sources = board.forecasts["promo_source"].mask(promoted, "planned")
    page = open_page(replace(board, forecasts=board.forecasts.assign(promo_source=sources)))
    control(page, "unit").select_option("Пермь")
    line = page.locator("#coming-weeks tbody tr", has=page.get_by_text(MARKUP[2], exact=True)).locator("td")
    lists(line, ["AX", "100 80 – 124", "promo100 80 – 124", "200", "-", "Its own model promotion planned (29 Nov)"])
    other = page.locator("#coming-weeks tbody tr", has=page.get_by_text(FORMULA[2], exact=True)).locator("td")
    says(other.last, "no promotion planned")


def test_the_sales_compared_with_are_known_ones(board: Board, open_page: Open) -> None:
    """Two weeks ahead of 100 each: sales of 100 a week, of which one week is unknown, are as many; none is no share."""
    unknown = board.history.assign(y=board.history["y"].where(board.history["ds"] != pd.Timestamp(CUTOFF)))
    page = open_page(replace(board, history=unknown))
    control(page, "sku").fill("=1+1")
    note = card(page, "Next 2 weeks", "note")
    reads(note, "sales forecast; 0.0% on the 2 weeks before, as far as known")
    control(page, "sku").fill("цуп-0")
    reads(note, "sales forecast; - on the 2 weeks before, as far as known")


def test_forecasts_of_an_earlier_run_are_told_apart(board: Board, open_page: Open) -> None:
    """The newest was made a week ago: its first week is over, its second is the one that runs."""
    late = replace(board.run, cutoff=CUTOFF + timedelta(weeks=1))
    page = open_page(replace(board, run=late))
    assert page.locator("#coming tbody tr th").all_inner_texts() == ["22 Nov\nover", "29 Nov\nrunning week"]
    reads(card(page, "Next week"), "1,500")
    later = replace(board.run, cutoff=CUTOFF + timedelta(weeks=4))
    page = open_page(replace(board, run=later))
    reads(card(page, "Next weeks"), "-")
    says(page.locator("#forecast-lead"), "All weeks of the newest forecast are over")


def test_forecasts_that_were_never_made_are_counted(board: Board, open_page: Open) -> None:
    """Beside those left out; among these, how far off the fallbacks for failed models were."""
    failed = {"sum_actual_failed": 20.0, "sum_abs_error_failed": 10.0}
    page = open_page(replace(board, metrics=board.metrics.assign(n_left_out=1, n_unpublished=2, **failed)))
    says(page.locator("#basis"), "15 more left out")
    says(page.locator("#basis"), "The fallbacks for failed models, scored apart, were 50.0% off.")
    says(page.locator("#basis"), "30 were never made: no forecast was published.")


def test_combinations_beyond_the_limit_count_in_sums(
    board: Board, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four of fifteen in detail: the figures are the same, the list has four, the forecast all; the page says so.

    So with backtests beside the scores: all were 25 off of 100 a step ahead, and nothing is told of two.
    """
    monkeypatch.setattr(skucast.dashboard.rendering, "MAX_DETAILED", 4)
    page = open_page(replace(board, backtests=backtest_sums()))
    reads(card(page, "WAPE"), "85.7%")
    lists(page.locator("#by-step thead th"), ["Weeks ahead", "WAPE", "Backtest", "Bias", "FVA", "Coverage"])
    lists(page.locator("#by-step tbody tr").first.locator("th, td").nth(2), ["25.0%"])
    lists(page.locator("#by-step tbody tr").last.locator("th, td").nth(2), ["-"])
    says(page.locator("#backtest-note"), "as training at the cutoff 8 Nov 2026 has kept it")
    assert names(page).count() == 4
    page.locator("#more-coming").click()
    gives(page, "document.querySelectorAll('#coming-weeks tbody tr').length", 15)
    says(page.locator("#rolled-up"), "The other 11 are in all sums above")
    control(page, "unit").select_option("Казань")
    reads(card(page, "WAPE"), "97.5%")  # 13 combinations miss 30 to 150, mean 90; 12 of them sell 100
    lists(page.locator("#by-step tbody tr").first.locator("th, td").nth(2), ["25.0%"])


def backtest_sums() -> pd.DataFrame:
    """Return the errors of all fifteen a step ahead, and of one that is not scored, which does not count."""
    rows = [{**named(each), "actual": 400.0, "abs_error": 100.0} for each in EVERYBODY]
    rows.append({**named(("Омск", "KA", "other")), "actual": 1.0, "abs_error": 1000.0})
    return pd.DataFrame(rows).assign(cutoff=week(-1), step=1)


def test_the_figures_are_complete_without_charts(open_page: Open) -> None:
    """A browser that cannot unpack the plotting library: every chart's place says so, the figures are there."""
    page = open_page(charts=False)
    refused = "This browser cannot draw the charts; the figures on this page are complete."
    lists(page.locator(".chart:visible"), [refused] * 3)
    reads(card(page, "WAPE"), "85.7%")


def test_nothing_to_show_is_said(board: Board, open_page: Open) -> None:
    """No rows at all: the reason in every section, a dash for every figure."""
    page = open_page(without_rows(board), charts=True)
    says(page.locator("#trend .empty"), "No week scored yet.")
    says(page.locator("#unscored"), "No combination to show")
    assert page.locator("#cards .value").all_inner_texts() == ["-", "-", "-", "-", "-", "0"]
    says(page.locator("#checks"), "No forecast is stored.")
    reads(page.locator("#forecast-lead"), "No forecast is stored yet.")


def test_before_the_first_score_the_forecast_is_there(board: Board, open_page: Open) -> None:
    """No week scored yet is said with the reason; history, forecast and file are complete."""
    page = open_page(without_rows(board, forecasts=board.forecasts, history=board.history), charts=True)
    assert page.locator("#unscored").inner_text().startswith("No week scored yet")
    assert names(page, "coming-weeks").count() == 10
    assert page.evaluate("document.getElementById('series').data.length") > 2


# --- Alerts ---------------------------------------------------------------------------------------------------------


def test_the_alert_says_what_is_wrong_and_what_to_do(board: Board, open_page: Open) -> None:
    """Rule, name, reason, evidence and the command of it; a system's alert is in the health of the runs."""
    late = alert_row(
        ("*", "*", "*"), alert_id="sales_late-1", rule="sales_late", reason=None, message="Sales are 2 weeks late."
    )
    page = open_page(replace(board, alerts=pd.concat([board.alerts, pd.DataFrame([late])])))
    control(page, "alerts").check()
    for said in (
        "Large error: WAPE was above 70 % in two weeks in a row.",
        "New, since 15 Nov 2026 · wape-0123abcd",
        "Level shift: Sales fell from 200 to 100 a week.",
        "python retrain_models.py --target 'Пермь/KA/<script>alert(1)</script>'",
    ):
        says(page.locator("#alert"), said)
    assert "Sales are 2 weeks late.\nNew, since 15 Nov 2026 · sales_late-1" in page.locator("#checks").inner_text()
    assert page.locator("#runs tbody tr").count() == 2


def test_one_command_trains_all_with_an_open_alert(board: Board, open_page: Open) -> None:
    """Below the list, for this machine and for Google Cloud; without an open alert there is none."""
    page = open_page(replace(board, retrain=("python retrain --target '@alerts'", "gcloud run it")))
    for said in ("Train the combination with an open alert anew", "python retrain --target '@alerts'", "gcloud run it"):
        says(page.locator("#retrain"), said)
    page = open_page(replace(board, retrain=("a", "b"), alerts=board.alerts.head(0)))
    assert page.locator("#retrain").is_hidden()


def test_all_alerts_of_a_combination_are_shown(board: Board, open_page: Open) -> None:
    """Two speak, one is acknowledged, one is over: three are open, and none hides another."""
    quiet = {"acknowledged_until": week(2)}
    alerts = [
        alert_row(MARKUP, alert_id="bias-1", rule="bias", message="it leans", **quiet),
        alert_row(MARKUP, alert_id="coverage-1", rule="coverage", message="too narrow", state="still_open"),
        alert_row(MARKUP, alert_id="wape-1", message="it is wrong"),
        alert_row(MARKUP, alert_id="wape-0", message="it was wrong", state="resolved"),
        alert_row(FORMULA, alert_id="bias-2", rule="bias", message="it leans", **quiet),
        alert_row(("*", "*", "*"), alert_id="no_run-1", rule="no_run", reason=None, message="no run"),
        alert_row(UNSOLD, alert_id="wape-2", message="no longer sold", state="resolved"),
    ]
    page = open_page(replace(board, alerts=pd.DataFrame(alerts)))
    reads(card(page, "Open alerts"), "4")
    note = "2\u00a0combinations, 3 new in this run, 2 acknowledged, 1 more under run health"
    reads(card(page, "Open alerts", "note"), note)
    control(page, "alerts").check()
    lists(names(page), [FORMULA[2], MARKUP[2]])
    reads(cell(page, MARKUP[2], "Alert and reason"), "Level shift\nLarge error, Intervals too narrow")
    reads(cell(page, FORMULA[2], "Alert and reason"), "Level shift\nacknowledged until 29 Nov")
    page.locator("#ranking").get_by_role("button", name=MARKUP[2]).click()
    lines = page.locator("#alert p")
    for place, rule in enumerate(["Large error:", "Intervals too narrow:", "Leans to one side:"]):
        says(lines.nth(place), rule)
    assert lines.nth(2).inner_text().endswith("acknowledged until 29 Nov 2026 · bias-1")
    assert "wape-0" not in page.locator("#alert").inner_text()
