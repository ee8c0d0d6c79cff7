"""What is seen of the page, in a real browser: charts and their tables, phone, long names, themes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from boards import Names
from chromium import Open
from fifteen import MARKUP
from playwright.sync_api import Page, expect
from reader import DRAWN, control, gives, lists, names, reads

from skucast.core.combination import KEY
from skucast.dashboard.board import Board


def test_the_charts_show_what_is_there(open_page: Open) -> None:
    """History, interval, promotions, plan, holidays and parts are drawn; earlier forecasts as rings or as lines."""
    page = open_page(charts=True)
    page.locator("#more").click()
    page.locator("#ranking").get_by_role("button", name=MARKUP[2]).click()
    reads(page.locator("#detail-title"), MARKUP[2])
    before = ["Promotion", "Promotion planned", "80% interval, lower end", "80% interval"]
    after = ["Earlier forecasts, 1 week ahead", "Sales", "Forecast", "Holiday"]
    gives(page, drawn_in("series"), [*before, *after])
    gives(page, drawn_in("parts"), ["Level", "Promotion", "Forecast"])
    gives(page, f"{drawn_in('trend')}.slice(-2)", ["Same week last year", "All weeks ahead"])
    page.get_by_label("All earlier forecasts").check()
    gives(page, f"{drawn_in('series')}.includes('made 25 Oct')", expected=True)
    page.get_by_label("Forecast made at").select_option("2026-11-01")
    gives(page, "document.getElementById('series').data.find(({ name }) => name === 'Forecast').y", [110, 110])
    page.get_by_text("Coverage", exact=True).first.click()
    gives(page, f"{drawn_in('trend')}.slice(-2)", ["Expected", "All weeks ahead"])


def test_a_tooltip_is_about_one_week(open_page: Open) -> None:
    """All over the chart: a week that was sold has no forecast that came later, one to come no sales."""
    page = open_page(charts=True, view="planner")
    tooltip = page.locator("#totals .hoverlayer")
    said = {}
    for week in page.evaluate(f"{CHART}.data.flatMap(({{ x }}) => [...x])"):
        point_at(page, week)
        expect(tooltip).to_contain_text(re.compile(date.fromisoformat(week).strftime(r"\b%-d %b\w* %Y")))
        said[week] = tooltip.text_content() or ""
    assert len(said) > 5
    assert not [each for each in said.values() if "Sales :" in each and "Forecast :" in each]
    assert "Forecast : 1,500" in said["2026-11-22"]


CHART = "document.getElementById('totals')"


def point_at(page: Page, week: str) -> None:
    """Move the mouse to where the chart of totals draws a week, from one side: what was pointed at before is left."""
    area = page.locator("#totals .nsewdrag").bounding_box()
    assert area is not None
    across = page.evaluate(f"{CHART}._fullLayout.xaxis.d2p('{week}')")
    page.mouse.move(area["x"] + across - 3, area["y"] + area["height"] / 2)
    page.mouse.move(area["x"] + across, area["y"] + area["height"] / 2)


def drawn_in(chart: str) -> str:
    """Return the expression for the names of what a chart draws."""
    return f"document.getElementById('{chart}').data.map((trace) => trace.name)"


def test_charts_are_tables_too(open_page: Open) -> None:
    """What the mouse shows can be read: weeks and measures; sales, promotions, holidays and the forecast."""
    page = open_page(charts=True)
    page.locator("#trend-table summary").click()
    newest = page.locator("#trend-table tbody tr").first.locator("th, td")
    lists(newest, ["15 Nov 2026", "85.7%", "85.7%", "5.4%", "85.7%"])
    page.locator("#trend-of label", has_text="Bias").click()
    reads(newest.nth(1), "+85.7%")
    control(page, "unit").select_option("Пермь")
    control(page, "channel").select_option("KA")
    page.locator("#series-table summary").click()
    lines = page.locator("#series-table tbody tr")
    reads(lines.nth(0), "29 Nov 2026\t-\t-\t-\t100\t80\u00a0–\u00a0124")
    reads(lines.nth(1), "22 Nov 2026\t-\t20.0% on 5 days\t-\t100\t80\u00a0–\u00a0124")
    reads(lines.nth(3), "8 Nov 2026\t100\t-\tUnity Day\t-\t-")


def test_a_promotion_of_no_known_depth_is_one(board: Board, open_page: Open) -> None:
    """It is drawn and read as such; without any promotion nothing is said of plans."""
    plan = board.plan.assign(promo_discount_perc=float("nan"))
    page = open_page(replace(board, plan=plan), charts=True)
    control(page, "unit").select_option("Пермь")
    control(page, "channel").select_option("KA")
    page.locator("#series-table summary").click()
    reads(
        page.locator("#series-table tbody tr").nth(1),
        "22 Nov 2026\t-\tdepth not known on 5 days\t-\t100\t80\u00a0–\u00a0124",
    )
    gives(page, "document.getElementById('series').data.find(({ name }) => name === 'Promotion planned').y.length", 1)
    expect(page.locator("#checks")).to_contain_text("The promotions plan covers")
    history = board.history.assign(promo_discount_perc=0.0)
    page = open_page(replace(board, plan=board.plan[:0], history=history), charts=True)
    expect(page.locator("#checks")).to_contain_text("The newest forecast was made")
    expect(page.locator("#checks")).not_to_contain_text("plan covers")
    expect(page.locator("#coming")).not_to_contain_text("plan")


def test_names_that_look_like_markup_stay_text(board: Board, open_page: Open) -> None:
    """A script element as a name is shown as it is, everywhere, and runs nowhere."""
    page = open_page(replace(board, run=replace(board.run, run_id="</title><script>alert(2)</script>")), charts=True)
    n_scripts = page.locator("script").count()
    control(page, "sku").fill("<SCRIPT>")
    lists(names(page), [MARKUP[2]])
    lists(names(page, "coming-weeks"), [MARKUP[2]])
    reads(page.locator("#detail-title"), MARKUP[2])
    expect(page.locator("script")).to_have_count(n_scripts)
    reads(page.locator(".facts .id"), "</title><script>alert(2)</script>")


def test_a_phone_needs_no_sideways_scrolling(open_page: Open) -> None:
    """390 pixels: the page is as wide as the screen with every section drawn; controls are large enough to touch."""
    page = open_page(charts=True, width=390)
    expect(control(page, "unit")).to_be_hidden()  # the figures come first
    page.get_by_role("button", name="Filters").click()
    control(page, "alerts").check()  # the alert's long command is shown
    for summary in page.locator("summary:visible").all():
        summary.click()
    expect(page.locator(".as-table table")).to_have_count(2)
    gives(page, "document.documentElement.scrollWidth", 390)
    heights = page.evaluate("[...document.querySelectorAll('select')].map((each) => each.offsetHeight)")
    assert min(heights) >= 44


@pytest.mark.parametrize("width", [390, 1400])
def test_names_of_any_length_push_nothing_out(board: Board, open_page: Open, width: int) -> None:
    """Unit, channel and article of 90 characters without a blank: all that is wide stays on the screen."""
    page = open_page(renamed(board, MARKUP, ("U" * 90, "C" * 90, "S" * 90)), charts=True, width=width)
    if width == 390:
        page.get_by_role("button", name="Filters").click()
    control(page, "alerts").check()
    lists(names(page), ["S" * 90])
    gives(page, "document.documentElement.scrollWidth", width)
    gives(page, wider_than("#ranking tbody th, #coming-weeks tbody th", "offsetWidth"), 0)
    if width > 1000:
        gives(page, wider_than(".scroll", "clientWidth"), 0)


def renamed(board: Board, old: Names, new: Names) -> Board:
    """Return the board with other names for the values of one combination's key, in all frames that have it."""
    frames = ("metrics", "scored", "forecasts", "history", "plan", "models", "alerts")
    names_of = {name: {was: now} for name, was, now in zip(KEY, old, new, strict=True)}
    return replace(board, **{name: getattr(board, name).replace(names_of) for name in frames})


def wider_than(selector: str, measure: str) -> str:
    """Return the expression for how many elements hold more than they are wide."""
    return f"[...document.querySelectorAll('{selector}')].filter((each) => each.scrollWidth > each.{measure}).length"


def test_light_and_dark(open_page: Open) -> None:
    """The system's theme holds until another is chosen; charts change with it, and the choice is kept."""
    page = open_page(charts=True, color_scheme="dark")
    looks(page, body="rgb(15, 20, 26)", chart="rgb(23, 30, 38)")
    page.get_by_role("button", name="Theme: system").click()
    looks(page, body="rgb(244, 246, 248)", chart="rgb(255, 255, 255)")
    page.reload()
    page.wait_for_selector(DRAWN)
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    looks(page, body="rgb(244, 246, 248)", chart="rgb(255, 255, 255)")
    page.get_by_role("button", name="Theme: light").click()
    looks(page, body="rgb(15, 20, 26)", chart="rgb(23, 30, 38)")
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


def looks(page: Page, body: str, chart: str) -> None:
    """Wait until the page and its charts have these backgrounds."""
    expect(page.locator("body")).to_have_css("background-color", body)
    gives(page, "document.getElementById('series').layout.paper_bgcolor", chart)
