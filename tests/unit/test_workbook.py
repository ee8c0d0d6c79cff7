"""The workbook beside the page: its sheets read back as a spreadsheet reads them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import openpyxl
import pandas as pd
import pytest
from boards import HORIZON, KAZAN, PERM, Names, alert_row, forecast_row, frame, named, small_board, week, without_rows
from work_lines import with_work

from skucast.core.tables.forecasts import FORECASTS, METHODS, PROMO_SOURCES, STATUSES
from skucast.core.tables.totals import TOTALS
from skucast.core.tables.validation import validate
from skucast.core.texts import Text
from skucast.dashboard import words
from skucast.dashboard.board import Board, Promotions
from skucast.dashboard.workbook import workbook
from skucast.jobs.page_files import files_of, workbook_beside
from skucast.language.extraction import PACKAGE

HOSTILE: Names = ("=1+1", "+KA <&>", "@SUM(A1)\x07")


def read(board: Board) -> Any:
    """Return the board's workbook as openpyxl reads it."""
    return openpyxl.load_workbook(io.BytesIO(workbook(board)))


def rows_of(sheet: Any) -> list[tuple[Any, ...]]:
    """Return all values of a sheet."""
    return list(sheet.iter_rows(values_only=True))


def with_forecasts(*rows: dict[str, Any], **other: Any) -> Board:
    """Return the small board with these forecasts instead of its own."""
    return replace(small_board(), forecasts=validate(FORECASTS, frame(list(rows))), **other)


@pytest.fixture(scope="module")
def book() -> Any:
    """Return the small board's workbook: one combination, four weeks ahead, one promotion, one alert."""
    return read(with_work(small_board()))


def test_each_sheet_has_headings_that_stay(book: Any) -> None:
    """Five sheets; the row below the headings and the column after the names are the first to scroll."""
    frozen = {sheet.title: sheet.freeze_panes for sheet in book}
    names = "D2"
    assert frozen == {
        "Summary": "C8",
        "Forecast": names,
        "Forecast by week": names,
        "Promotions": names,
        "Work list": names,
    }
    assert all(sheet.column_dimensions["A"].width >= 10 for sheet in book)


def test_wide_has_a_row_per_combination_and_days_as_headings(book: Any) -> None:
    """Weeks are real dates, numbers are numbers with their format, the sum stands behind them."""
    sheet = book["Forecast"]
    heading, row = rows_of(sheet)
    assert heading[4:8] == tuple(week(step) for step in range(1, HORIZON + 1))
    assert row[:3] == PERM
    assert row[4:9] == (100, 100, 100, 100, 400)
    assert sheet["E2"].number_format == "#,##0.0"
    assert sheet["E1"].is_date


def test_long_has_a_row_per_week_with_its_interval(book: Any) -> None:
    """Week, distance, number, interval, the model's number and what is planned."""
    first = rows_of(book["Forecast by week"])[1]
    assert first == (*PERM, week(1), 1, 100, 80, 123.456, 100, "no promotion planned")
    assert book["Forecast by week"]["D2"].is_date


def test_a_planners_number_is_the_number(book: Any) -> None:
    """What an override made of a forecast counts in every sheet; the model's number stands beside it."""
    own = {"final": 150.0, "final_lower": 120.0, "final_upper": 185.0, "override_id": "1", "override_effect": 50.0}
    read_back = read(with_forecasts(forecast_row(PERM, 1, **own), forecast_row(PERM, 2)))
    assert rows_of(read_back["Forecast"])[1][4:7] == (150, 100, 250)
    assert rows_of(read_back["Forecast by week"])[1][5:9] == (150, 120, 185, 100)


def test_change_is_against_the_same_weeks_of_the_run_before() -> None:
    """Weeks that only one of the runs forecasts do not count: 100 instead of 80 is 25 % more."""
    before = [forecast_row(PERM, step, origin=-1, yhat=80.0, yhat_lower=70.0) for step in (1, 2)]
    read_back = read(with_forecasts(*before, forecast_row(PERM, 1), forecast_row(PERM, 2)))
    assert rows_of(read_back["Forecast"])[1][7] == pytest.approx(0.25)
    assert rows_of(read_back["Summary"])[7][5] == pytest.approx(0.25)


def test_summary_has_the_stored_interval_of_the_sum() -> None:
    """The interval of a sum is the stored one; total, units and channels have a row each."""
    forecasts = [forecast_row(name, step) for name in (PERM, KAZAN) for step in (1, 2)]
    total = dict.fromkeys(("unit", "channel", "SKU_ID"), "*") | {
        "cutoff": week(0),
        "level": "total",
        "ds_from": week(1),
        "ds": week(2),
        "step": 0,
        "n_combinations": 2,
        "yhat": 410.0,
        "yhat_lower": 350.0,
        "yhat_upper": 480.0,
        "sum_yhat": 400.0,
        "final": 410.0,
        "quantiles": "{}",
        "correlation_source": "default",
        "run_id": "predict-1",
        "created_at": week(0),
    }
    totals = validate(TOTALS, frame([total]).astype({"ds_from": "datetime64[us]"}))
    rows = rows_of(read(with_forecasts(*forecasts, totals=totals))["Summary"])
    assert rows[7] == ("All", "All", 410, 350, 480, None, 200, 200)
    assert [row[:3] for row in rows[8:]] == [
        ("Казань", "All", 200),
        ("Пермь", "All", 200),
        ("All", "KA", 200),
        ("All", "ON TRADE", 200),
    ]


def test_promotions_and_decisions(book: Any) -> None:
    """The plan of weeks to come with what is forecast; the work list in words, with the volume at stake."""
    assert rows_of(book["Promotions"])[1] == (*PERM, week(2), 20, 100, 0)
    line = rows_of(book["Work list"])[1]
    assert line[:5] == (*PERM, "Large error", "Level shift")
    assert line[6] == "Is this the new level? Confirm it, or correct the number."
    assert line[7:10] == (400, week(0), "Open")


def test_the_calendar_of_the_plan_where_there_is_one() -> None:
    """Days and depth as typed, effect expected and realised, one row per promotion; `*` is said in words."""
    days = {"starts_on": week(1), "ends_on": week(2), "discount_perc": 12.5, "promo_type": None}
    effect = {"uplift": 60.0, "forecast": float("nan"), "realised": float("nan"), "dip": float("nan")}
    calendar = pd.DataFrame([{"state": "coming", "unit": "*", "channel": "*", "SKU_ID": PERM[2], **days, **effect}])
    none = pd.DataFrame()
    book = read(replace(small_board(), locale="ru", promotions=Promotions(calendar, none, none)))
    first = rows_of(book["Промо"])[1]
    assert first == ("Все", "Все", PERM[2], "Предстоят", week(1), week(2), 12.5, None, 60, None, None, None)


def test_the_work_list_with_what_people_have_said() -> None:
    """What, why and what to do in the planner's language; a line about a file names it where an article would be."""
    board = small_board()
    alerts = pd.DataFrame([alert_row(PERM, evidence_json=Text("nothing was sold").stored())])
    refused = ("7 of 8 rows refused in plan.xlsx (2026-11-18)",)
    rows = rows_of(read(with_work(replace(board, locale="ru", alerts=alerts, refused=refused)))["Список дел"])
    assert rows[2][:3] == (None, None, "plan.xlsx")
    assert rows[1][:8] == (
        *PERM,
        "Большая ошибка",
        "Сдвиг уровня",
        "продаж не было",
        "Это новый уровень? Подтвердите его или исправьте число.",
        400,
    )
    assert rows[1][9] == "Открыто"


def test_orders_have_a_sheet_where_there_are_some() -> None:
    """What is needed, in stock and to be ordered, as numbers; what is not known stays empty."""
    row = {**named(PERM), "lead_time_weeks": 1, "review_weeks": 1, "service_level": 0.95, "on_hand_day": pd.NaT}
    amounts = {"expected_demand": 100.0, "order_up_to": 150.0, "safety_stock": 50.0}
    unknown = dict.fromkeys(("on_hand", "proposed_order", "days_of_cover"), float("nan"))
    book = read(replace(small_board(), orders=pd.DataFrame([{**row, **amounts, **unknown}])))
    assert rows_of(book["Orders"])[1] == (*PERM, 2, 0.95, 100, 150, 50, None, None, None, None)
    assert book["Orders"]["E2"].number_format == "0%"


def test_no_name_is_a_formula() -> None:
    """Names that begin like formulas are texts, in every sheet; what no file may hold is left out."""
    board = with_forecasts(
        forecast_row(HOSTILE, 1),
        plan=frame([{**named(HOSTILE), "ds": week(1), "promo_discount_perc": 20.0}]),
        alerts=pd.DataFrame([alert_row((*HOSTILE[:2], "-7"), evidence='=HYPERLINK("x")')]),
    )
    for sheet in read(with_work(board)):
        texts = [cell for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
        assert {cell.data_type for cell in texts} == {"s"}
        assert all(cell.quotePrefix for cell in texts if cell.value.startswith(("=", "+", "@")))
    assert rows_of(read(board)["Forecast"])[1][:3] == ("=1+1", "+KA <&>", "@SUM(A1)")


def test_workbook_in_russian() -> None:
    """Titles, headings and codes in the language of the page; days as it writes them."""
    book = read(replace(small_board(), locale="ru"))
    assert book.sheetnames == ["Сводка", "Прогноз", "Прогноз по неделям", "Промо", "Список дел"]
    assert rows_of(book["Сводка"])[0][0] == "Прогноз продаж, неделя 15.11.2026"
    assert rows_of(book["Прогноз"])[1][-1] == "модель ещё не обучена"


def test_without_a_language_of_the_business_each_has_its_workbook() -> None:
    """The page links that of its reader; with LOCALE there is one, under the same name as ever."""
    files = files_of(small_board())
    russian = openpyxl.load_workbook(io.BytesIO(files.workbooks["ru"]))
    assert set(files.workbooks) == {"", "ru"}
    assert rows_of(russian["Сводка"]) == rows_of(read(replace(small_board(), locale="ru"))["Сводка"])
    alone = files_of(replace(small_board(), locale="ru"))
    assert openpyxl.load_workbook(io.BytesIO(alone.workbooks[""])).sheetnames == russian.sheetnames
    assert set(alone.workbooks) == {""}
    paths = [workbook_beside(f"dashboard/{page}.html", "ru") for page in ("index", "2026-11-15")]
    assert paths == ["dashboard/forecast-ru.xlsx", "dashboard/forecast-2026-11-15-ru.xlsx"]


def test_a_board_without_forecasts_gives_headings_alone() -> None:
    """Nothing stored yet: every sheet is there, and empty."""
    book = read(without_rows(small_board()))
    assert len(book.sheetnames) == 5
    assert all(sheet.max_row == 1 for sheet in book.worksheets[1:])


def test_every_code_has_a_word_and_it_is_the_pages() -> None:
    """Methods, statuses and what is known of promotions are said as on the page."""
    assert set(words.METHODS) >= set(METHODS)
    assert set(words.STATUSES) >= set(STATUSES)
    assert set(words.PROMO_SOURCES) == set(PROMO_SOURCES)
    scripts = "".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "dashboard" / "page").glob("*.js"))
    said = {text for group in (words.METHODS, words.STATUSES, words.PROMO_SOURCES) for text in group.values()}
    assert [text for text in said if text.replace("’", "\\u2019") not in scripts and text not in scripts] == []
