"""A planner's Thursday, played on the page of a real business: numbers read, a change explained, one corrected.

The jobs run as on Cloud Run, week after week; the planner sees the pages that they write, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path

import pandas as pd
import pytest
from builders import WEDNESDAY, line
from business import TRAINED, Business, business_lines
from chromium import PATIENCE_MS
from playwright.sync_api import Browser, Locator, Page, expect
from reader import DRAWN

from skucast.core.combination import KEY
from skucast.core.tables.changes import CHANGES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.overrides import OVERRIDE_VALUE
from skucast.core.tables.totals import TOTALS
from skucast.core.weeks import WEEK
from skucast.entry import app
from skucast.jobs import intake
from skucast.runtime.groups.field import Job

WIDE, PHONE, SCREEN = 1400, 390, 900
WEEKS_FORWARD = 4
MINE = TRAINED[0]


class Clock(datetime):
    """The clock of the jobs: late in the evening of `today`."""

    today = WEDNESDAY

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        """Return the moment."""
        return datetime.combine(cls.today, time(19), tz)


def on(day: date, business: Business, *jobs: Job) -> None:
    """Run the jobs one after the other on that day; they must end well."""
    Clock.today = day
    for job in jobs:
        assert business(job, "--as-of", str(day)) == 0


@pytest.fixture
def business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Business:
    """Return a business with two Wednesdays' forecasts; one article sold three times as much in the last week."""
    monkeypatch.setattr(app, "datetime", Clock)
    monkeypatch.setattr(intake, "SETTLE_S", 0.0)
    found = Business(tmp_path / "business")
    lines = business_lines()
    is_new = pd.to_datetime(lines["date"]) >= pd.Timestamp(WEDNESDAY) - pd.Timedelta(days=9)
    risen = is_new & (lines[KEY] == list(MINE)).all(axis=1)
    lines["quantity"] = lines["quantity"].where(~risen, lines["quantity"] * 3)
    found.sell(lines[~is_new], "history")
    on(WEDNESDAY - WEEK, found, "train", "predict")
    found.sell(lines[is_new], "last week")
    on(WEDNESDAY, found, "predict")
    return found


@pytest.fixture
def thursday(browser: Browser, business: Business) -> Iterator[object]:
    """Return a function that opens the newest page on a Thursday; it must have said and asked for nothing."""
    contexts, said = [], []

    def opened(day: date, width: int = WIDE) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": SCREEN}, locale="en-GB", timezone_id="Europe/Moscow", offline=True
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.clock.set_fixed_time(datetime.combine(day, time(9), UTC))
        page.goto((business.folder / "staging" / "dashboard" / "index.html").as_uri())
        page.wait_for_selector(DRAWN)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def number_in(place: Locator) -> int:
    """Return the first whole number that a place shows."""
    found = re.match(r"[\d,]+", place.inner_text())
    assert found
    return int(found[0].replace(",", ""))


def newest(business: Business) -> pd.DataFrame:
    """Return the newest totals."""
    rows = business.warehouse.read(TOTALS)
    return rows[(rows["cutoff"] == rows["cutoff"].max()) & (rows["step"] == 0)]


def bottom_of(place: Locator) -> float:
    """Return where a place ends on the page, before anybody has scrolled."""
    box = place.bounding_box()
    assert box
    return box["y"] + box["height"]


@pytest.mark.slow
def test_a_planner_s_thursday(business: Business, thursday, tmp_path: Path) -> None:
    """Total and units are read on the first screen, the largest change is explained, a number corrected and scored."""
    totals = newest(business)
    total = totals.loc[totals["level"] == "total", "yhat"].item()
    units = totals[totals["level"] == "unit"].set_index("unit")["yhat"]
    for width, screens in ((WIDE, 1), (PHONE, 2)):
        page = thursday(WEDNESDAY + timedelta(days=1), width)
        figure = page.locator("#plan-figures dd").first
        assert number_in(figure) == pytest.approx(total, abs=1)
        assert bottom_of(figure) <= SCREEN * screens
        rows = page.locator("#groups tbody tr")
        shown = {rows.nth(n).locator("th").inner_text(): rows.nth(n) for n in range(rows.count())}
        for unit, expected in units.items():
            assert number_in(shown[unit].locator("td").first) == pytest.approx(expected, abs=1)
            assert bottom_of(shown[unit]) <= SCREEN * screens
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page = thursday(WEDNESDAY + timedelta(days=1))
    workbook = page.locator("#workbook").get_attribute("href")
    assert workbook
    assert (business.folder / "staging" / "dashboard" / workbook).is_file()
    largest_change_is_explained(business, page)
    path = an_override_is_saved(page, tmp_path)
    inbox = business.folder / "staging" / "overrides" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    path.rename(inbox / path.name)
    on(WEDNESDAY, business, "predict")
    rows = business.warehouse.read(FORECASTS)
    rows = rows[(rows["cutoff"] == rows["cutoff"].max()) & (rows[KEY] == list(MINE)).all(axis=1)]
    assert (rows["final"] / rows["yhat"]).tolist() == pytest.approx([1.0, 0.8, 0.8, 0.8])
    page = thursday(WEDNESDAY + timedelta(days=1))
    expect(page.locator("#held-overrides")).to_contain_text("Anna")
    four_weeks_pass(business)
    value = business.warehouse.read(OVERRIDE_VALUE)
    anna = value[(value["grouped_by"] == "author") & (value["name"] == "Anna")]
    assert anna["n"].item() == 3
    page = thursday(WEDNESDAY + WEEKS_FORWARD * WEEK + timedelta(days=1))
    expect(page.locator("#override-value")).to_contain_text("Anna")


def largest_change_is_explained(business: Business, page: Page) -> None:
    """The first of the movers is the combination whose number changed most, with the reason that the table has."""
    changes = business.warehouse.read(CHANGES)
    mine = changes[(changes["cutoff"] == changes["cutoff"].max()) & (changes["level"] == "combination")]
    assert mine.groupby(KEY)["change"].sum().abs().idxmax() == MINE
    first = page.locator("#movers li").first
    expect(first).to_contain_text(MINE[2])
    expect(first).to_contain_text(re.compile("sales|sold"))


def an_override_is_saved(page: Page, folder: Path) -> Path:
    """The planner takes a fifth off the article's last three weeks, sees what that does, and saves the file."""
    form = page.locator("#word")
    for name, text in zip(("unit", "channel"), MINE[:2], strict=True):
        form.locator(f"[name={name}]").select_option(text)
    for name, text in {"sku": MINE[2], "value": "-20", "author": "Anna"}.items():
        form.locator(f"[name={name}]").fill(text)
    form.locator("[name=first]").select_option(index=1)
    form.locator("[name=last]").select_option(index=3)
    form.locator("[name=reason]").select_option(index=0)
    expect(page.locator("#word-effect")).to_contain_text("Total of all")
    page.locator("#add-word").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the file").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def four_weeks_pass(business: Business) -> None:
    """Each week sells what the seventieth did; predictions and a scorecard are made of it."""
    for week in range(1, WEEKS_FORWARD + 1):
        days = [WEDNESDAY + week * WEEK - timedelta(days=back) for back in range(9, 2, -1)]
        lines = [
            line(pd.Timestamp(day), 14.0 * number, unit=unit, channel=channel, SKU_ID=sku)
            for number, (unit, channel, sku) in enumerate(TRAINED, start=1)
            for day in days
        ]
        frame = pd.DataFrame(lines).astype(
            {"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"}
        )
        business.sell(frame, f"week {week}")
    on(WEDNESDAY + WEEKS_FORWARD * WEEK, business, "predict", "monitor")
