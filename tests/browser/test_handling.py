"""What a person does with the page, in a real browser: filter, sort, select, move on by keyboard, take the file."""

from __future__ import annotations

import csv
import io

from boards import large_board
from chromium import Open
from fifteen import FORMULA, MARKUP, OTHERS, UNSOLD
from playwright.sync_api import expect
from reader import DRAWN, calls, card, cell, control, gives, lists, names, reads, says

# --- Filter ---------------------------------------------------------------------------------------------------------


def test_the_filter_drives_everything(open_page: Open) -> None:
    """A channel of one unit: figures, list, detail and forecast are about its combination; clearing brings all back."""
    page = open_page(charts=True)
    control(page, "unit").select_option("Пермь")
    control(page, "channel").select_option("TF")
    reads(page.locator("#matched"), "1 of 15 combinations")
    reads(card(page, "WAPE"), "20.0%")
    lists(names(page), [FORMULA[2]])
    lists(names(page, "coming-weeks"), [FORMULA[2]])
    reads(page.locator("#detail-title"), FORMULA[2])
    reads(page.get_by_role("button", name="Download"), "Download CSV (1\u00a0combination)")
    page.get_by_role("button", name="Clear filters").click()
    reads(page.locator("#matched"), "15 of 15 combinations")


def test_filter_by_class_step_weeks_and_alert(open_page: Open) -> None:
    """A class takes one letter or both; weeks and steps change what is summed; the alert's combination is one."""
    page = open_page()
    control(page, "class").select_option("A")
    lists(names(page), [FORMULA[2], MARKUP[2]])
    control(page, "class").select_option("AY")
    lists(names(page), [FORMULA[2]])
    control(page, "weeks").select_option("8")
    control(page, "step").select_option("2")
    says(page.locator("#basis"), "From 8 forecasts with known sales, 2 weeks ahead")
    reads(cell(page, FORMULA[2], "Missed volume"), "160")  # 20 in each of 8 weeks
    page.get_by_role("button", name="Clear filters").click()
    control(page, "alerts").check()
    lists(names(page), [MARKUP[2]])


def test_a_filter_can_be_sent_as_a_link(open_page: Open) -> None:
    """The address holds the filter; opened again it is set."""
    page = open_page()
    control(page, "unit").select_option("Пермь")
    control(page, "class").select_option("AX")
    page.reload()
    page.wait_for_selector(DRAWN)
    reads(page.locator("#matched"), "1 of 15 combinations")
    expect(control(page, "class")).to_have_value("AX")


def test_nothing_matches(open_page: Open) -> None:
    """Every part says so, and the file cannot be had."""
    page = open_page(charts=True)
    control(page, "sku").fill("none of them")
    reads(page.locator("#unscored"), "No combination matches the filter. Change or clear it.")
    says(page.locator("#trend .empty"), "Nothing scored for this filter.")
    reads(page.locator("#ranking tbody"), "No combination matches.")
    reads(page.locator("#forecast-lead"), "No combination matches the filter. Change or clear it.")
    reads(page.locator("#by-step"), "Nothing scored for this filter.")
    lists(page.locator("#cards .note"), ["No combination matches the filter"] * 6)
    says(page.locator("#detail"), "No combination is shown")
    expect(page.get_by_role("button", name="Download")).to_have_attribute("aria-disabled", "true")


def test_a_page_of_525_combinations_is_no_more_work_for_each(open_page: Open) -> None:
    """A filter answered over 525 combinations calls less than 4.5 times the functions of 105; both lists stay short.

    Calls are counted, so that no machine is too slow. What the charts draw is made and counted without their library,
    whose own work does not depend on how many combinations there are.
    """
    work = []
    for n_combinations in (105, 525):
        page = open_page(large_board(n_combinations, n_origins=4))
        control(page, "channel").select_option("Channel 1")
        reads(page.locator("#matched"), f"{n_combinations // 3} of {n_combinations} combinations")
        work.append(calls(page, "update()"))
        assert names(page).count() == names(page, "coming-weeks").count() == 10
    assert work[1] < 4.5 * work[0]


# --- Lists ----------------------------------------------------------------------------------------------------------


def test_sorting_by_mouse_and_keyboard(open_page: Open) -> None:
    """The worst come first; Enter on a heading turns the order round and keeps the focus; undefined ones stay last."""
    page = open_page()
    missed, wape = (page.locator("#ranking thead th").nth(column) for column in (1, 3))
    assert names(page).all_inner_texts()[:2] == [OTHERS[-1][2], OTHERS[-2][2]]
    expect(missed).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="WAPE", exact=True).focus()
    page.keyboard.press("Enter")
    expect(wape).to_have_attribute("aria-sort", "descending")
    expect(missed).not_to_have_attribute("aria-sort", "descending")
    page.keyboard.press("Enter")
    expect(wape).to_have_attribute("aria-sort", "ascending")
    expect(wape.locator("button")).to_be_focused()
    lists(names(page), [name for _, _, name in (MARKUP, FORMULA, *OTHERS)][:10])
    page.locator("#more").click()
    lists(names(page), [name for _, _, name in (MARKUP, FORMULA, *OTHERS, UNSOLD)])


def test_selecting_by_mouse_and_keyboard(open_page: Open) -> None:
    """A click or Enter shows the combination: model, parts, weeks; Next goes on in the list."""
    page = open_page()
    title = page.locator("#detail-title")
    page.locator("#ranking tbody tr").nth(1).click()
    reads(title, OTHERS[-2][2])
    reads(page.locator("#detail-place"), "Казань · KA · class BZ")
    expect(page.locator("#detail")).to_be_focused()
    page.locator("#ranking tbody th button").nth(3).focus()
    page.keyboard.press("Enter")
    reads(title, OTHERS[-4][2])
    page.get_by_role("button", name="Next combination of the list").click()
    reads(title, OTHERS[-5][2])
    says(page.locator("#card"), "12.3% (same week last year 25.0%, 3 origins)")
    says(page.locator("#card"), "lag prior scale 0.02")
    lists(page.locator("#parts-table tbody tr"), ["Level 120 120", "Promotion -20 -20"])


def test_what_is_chosen_is_said_in_full(open_page: Open) -> None:
    """Articles of one name are told apart by unit and channel."""
    page = open_page()
    page.get_by_role("button", name=f"{OTHERS[-2][2]}, Казань, KA").first.click()
    reads(page.locator("#said"), f"{OTHERS[-2][2]}, Казань, KA")
    page.get_by_role("button", name="Next combination of the list").click()
    reads(page.locator("#said"), f"{OTHERS[-3][2]}, Казань, KA")


# --- Keyboard -------------------------------------------------------------------------------------------------------


def test_the_filters_hide_nothing_that_has_the_focus(open_page: Open) -> None:
    """Back through the page: what is reached comes to lie below the bar that stays at the top."""
    page = open_page(charts=True, width=1400)
    page.locator("summary", has_text="How to read").focus()
    bar = page.locator("#filters").bounding_box()["height"]
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.closest('form, header') !== null"):
            return
        gives(page, f"document.activeElement.getBoundingClientRect().bottom > {bar}", expected=True)


def test_the_keyboard_reaches_everything_in_order(open_page: Open) -> None:
    """First the skip link, then views, sections, theme and filters; every control can be seen to have the focus."""
    page = open_page()
    sections = ["Plan", "Model", "Overview", "Worst combinations", "Forecast", "One combination", "Terms"]
    filters = ["unit", "channel", "sku", "class", "weeks", "step", "baseline", "alerts"]
    for control_or_text in ["Skip to the content", *sections, "Theme: system", *filters, None]:
        page.keyboard.press("Tab")
        if control_or_text is not None:
            gives(page, "document.activeElement.name || document.activeElement.textContent", control_or_text)
        gives(page, "getComputedStyle(document.activeElement).outlineStyle !== 'none'", expected=True)


def test_a_section_is_reached_without_losing_the_filter(open_page: Open) -> None:
    """Links scroll and move the focus; the address keeps the filter."""
    page = open_page()
    control(page, "unit").select_option("Пермь")
    before = page.url
    page.get_by_role("link", name="Forecast").click()
    expect(page.locator("#forecast")).to_be_focused()
    assert page.url == before


# --- The file -------------------------------------------------------------------------------------------------------


def test_the_forecast_as_a_file(open_page: Open) -> None:
    """All combinations and weeks, names as text and never as a formula, with UTF-8's mark for spreadsheets."""
    page = open_page()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "forecast-2026-11-15.csv"
    content = download.value.path().read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert len(lines) == 30
    formula = next(line for line in lines if line["channel"] == "TF" and line["unit"] == "Пермь")
    assert formula["SKU_ID"] == f"'{FORMULA[2]}"
    figures = {
        name: formula[name] for name in ("week_ending", "forecast", "lower_80", "upper_80", "final", "is_running_week")
    }
    assert figures == {
        "week_ending": "2026-11-22",
        "forecast": "100",
        "lower_80": "80",
        "upper_80": "123.5",
        "final": "100",
        "is_running_week": "yes",
    }


def test_figures_and_file_in_the_users_language(open_page: Open) -> None:
    """Russian: texts, plurals, dates and a comma in decimals, so the file's columns are parted by semicolons."""
    page = open_page(locale="ru-RU")
    reads(card(page, "WAPE"), "85,7\u00a0%")
    assert page.locator("time.date").first.inner_text().split() == ["15", "нояб.", "2026", "г."]
    assert page.locator("html").get_attribute("lang") == "ru"
    assert page.title() == "Прогноз продаж, неделя 2026-11-15"
    with page.expect_download() as download:
        page.get_by_role("button", name="Скачать CSV (15\u00a0позиций)").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("unit;channel;SKU_ID;")
    assert ";100;80;123,5;" in lines[1]
