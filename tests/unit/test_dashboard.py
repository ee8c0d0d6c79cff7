"""The dashboard: what the page embeds, what it says when data is missing, and that no name or address escapes."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any

import pandas as pd
import pytest

from skucast import tables
from skucast.combination import KEY
from skucast.dashboard import Board, render
from skucast.dashboard.data import page_data, short
from skucast.run import Run

CUTOFF = pd.Timestamp("2026-11-15")
PERM = ("Пермь", "ON TRADE", "ЦУП00009752")
KAZAN = ("Казань", "KA", "ЦУП00009753")
HOSTILE = "</script><script>alert(1)</script>\u2028<!--&amp;"


def week(offset: int) -> pd.Timestamp:
    """Return the week so many weeks after the cutoff."""
    return CUTOFF + pd.Timedelta(weeks=offset)


def named(combination: tuple[str, str, str]) -> dict[str, str]:
    """Return the combination as columns of a row."""
    return dict(zip(KEY, combination, strict=True))


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows with their weeks as datetime64[us]."""
    made = pd.DataFrame(rows)
    return made.astype({name: "datetime64[us]" for name in ("ds", "cutoff") if name in made})


def scored_row(combination: tuple[str, str, str], offset: int, step: int, y: float, yhat: float) -> dict[str, Any]:
    """Return one scored forecast with an interval of 10 either way."""
    origin = {"cutoff": week(offset - step), **named(combination), "ds": week(offset), "step": step}
    interval = {"yhat": yhat, "yhat_lower": yhat - 10, "yhat_upper": yhat + 10}
    return {**origin, "y": y, **interval, "baseline_last_year": y + 5}


def forecast_row(combination: tuple[str, str, str], step: int) -> dict[str, Any]:
    """Return one forecast of the newest cutoff."""
    return {
        "cutoff": CUTOFF,
        **named(combination),
        "ds": week(step),
        "step": step,
        "is_open_week": step == 1,
        "yhat": 100.0,
        "yhat_lower": 80.0,
        "yhat_upper": 123.456,
        **dict.fromkeys(tables.COMPONENTS, 0.0),
        "method": "mean_8",
        "status": "no_model",
        "promo_source": "none",
        "weather_source": "none",
        "data_cutoff": CUTOFF,
        "run_id": "predict-1",
        "created_at": CUTOFF,
    }


@pytest.fixture
def board() -> Board:
    """Two combinations, two scored weeks, four weeks ahead, a promotion and an unknown week."""
    scored = [scored_row(PERM, -1, 1, 120, 100), scored_row(PERM, 0, 1, 100, 104), scored_row(PERM, 0, 2, 100, 110)]
    history = [
        {**named(PERM), "ds": week(-1), "y": 120.0, "promo_discount_perc": 0.0},
        {**named(PERM), "ds": week(0), "y": float("nan"), "promo_discount_perc": 25.0},
    ]
    metric = {"window_start": week(-1), "window_end": week(0), "level": "combination", "step": 0, "n_left_out": 2}
    return Board(
        run=Run(
            "monitor",
            "monitor-2026-11-20",
            datetime.fromisoformat("2026-11-19 21:00"),
            date(2026, 11, 20),
            CUTOFF.date(),
        ),
        actuals_through=date(2026, 11, 17),
        metrics=pd.DataFrame([{**metric, **named(KAZAN)}]),
        scored=frame([*scored, scored_row(KAZAN, 0, 1, 12345.6, 20000)]),
        forecasts=tables.validate(tables.FORECASTS, frame([forecast_row(PERM, step) for step in (1, 2, 3, 4)])),
        history=frame(history),
    )


def without_rows(board: Board, forecasts: pd.DataFrame | None = None) -> Board:
    """Return the board with all its frames empty, or all but the forecasts."""
    none = pd.DataFrame()
    kept = none if forecasts is None else forecasts
    return replace(board, metrics=none, scored=none, forecasts=kept, history=none)


def block(page: str, name: str) -> str:
    """Return the text of the page's script element of that id, as a browser finds it: up to the first end tag."""
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script', page, re.DOTALL)
    assert found
    return found[1]


def embedded(page: str) -> dict[str, Any]:
    """Return the data the page's script would read."""
    data: dict[str, Any] = json.loads(block(page, "data"))
    return data


def test_page_names_no_address(board: Board) -> None:
    """Nothing we write refers to the network; the plotting library is inside and is the installed one."""
    page = render(board)
    written = page.replace(block(page, "library"), "")
    assert not re.search(r"https?:|src=|@import|url\(|//[a-z]", written.replace("// ", ""))
    assert b"plotly.js v" in gzip.decompress(b64decode(block(page, "library")))[:200]


def test_only_named_scripts_may_run(board: Board) -> None:
    """The security policy lists the page's own script and the plotting library, and allows no connection."""
    page = render(board)
    script = page.rpartition("<script>")[2].partition("</script>")[0].encode()
    library = gzip.decompress(b64decode(block(page, "library")))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    hashes = " ".join(f"'sha256-{b64encode(sha256(code).digest()).decode()}'" for code in (script, library))
    assert f"default-src 'none'; script-src {hashes};" in policy[1]


def test_no_handler_and_no_markup_from_data(board: Board) -> None:
    """The page has no inline handlers, and its script never turns text into markup."""
    page = render(board)
    assert not re.search(r"<[^>]*\son[a-z]+=", page.partition('id="data"')[0])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page)


def test_hostile_names_stay_text(board: Board) -> None:
    """A SKU or run id that looks like markup reaches the page as the same text and ends no element."""
    hostile = replace(
        board,
        run=replace(board.run, run_id="<img src=x onerror=alert(1)>"),
        scored=board.scored.assign(SKU_ID=HOSTILE),
    )
    page = render(hostile)
    assert embedded(page)["combinations"]["SKU_ID"].count(HOSTILE) == 2
    assert not set("<>&\u2028") & set(block(page, "data"))
    assert "<script>alert" not in page
    assert "<img" not in page


def test_data_round_trips(board: Board) -> None:
    """Embedded columns give the frames' sums back, per combination and in order."""
    data = embedded(render(board))
    scored = data["scored"]
    assert list(zip(*data["combinations"].values(), strict=True)) == [KAZAN, PERM]
    assert scored["rows"] == [1, 3]
    assert [data["weeks"][number] for number in scored["ds"]] == [
        "2026-11-15",
        "2026-11-08",
        "2026-11-15",
        "2026-11-15",
    ]
    assert scored["step"] == [1, 1, 1, 2]
    assert sum(scored["y"]) == pytest.approx(board.scored["y"].sum(), abs=0.5)
    assert sum(scored["yhat"]) == board.scored["yhat"].sum()
    assert sum(scored["baseline_last_year"]) == pytest.approx(board.scored["baseline_last_year"].sum(), abs=0.5)
    assert scored["covered"] == [0, 0, 1, 1]  # 100 lies on the lower end of 110 - 10


def test_history_and_forecasts_are_embedded(board: Board) -> None:
    """An unknown week stays unknown, promotions keep their depth, forecasts their method, status and components."""
    data = page_data(board)
    assert data["history"]["y"] == [120, None]
    assert data["history"]["promo_discount_perc"] == [0, 25]
    assert data["forecasts"]["rows"] == [0, 4]
    assert data["forecasts"]["yhat_upper"] == [123.5] * 4
    assert data["forecasts"]["is_open_week"] == [1, 0, 0, 0]
    assert set(data["forecasts"]["status"]) == {"no_model"}
    assert data["forecasts"]["model_cutoff"] == [""] * 4
    assert set(tables.COMPONENTS) <= set(data["forecasts"])


def test_window_and_left_out_come_from_metrics(board: Board) -> None:
    """The page opens on the weeks of the stored metrics and knows how many forecasts they left out."""
    data = page_data(board)
    assert data["window"] == {"start": "2026-11-08", "end": "2026-11-15"}
    assert data["left_out"] == {"rows": [1, 0], "step": [0], "n": [2]}


def test_empty_board_renders_with_the_reason(board: Board) -> None:
    """With no rows at all, whether with or without columns, the page is whole and its script can say why."""
    with_columns = replace(
        board,
        metrics=tables.empty(tables.METRICS),
        scored=board.scored.iloc[:0],
        forecasts=tables.empty(tables.FORECASTS),
        history=board.history.iloc[:0],
    )
    for empty in (without_rows(board), with_columns):
        page = render(empty)
        data = embedded(page)
        assert data["combinations"] == {"unit": [], "channel": [], "SKU_ID": []}
        assert data["weeks"] == []
        assert data["window"] is None
        assert "No week scored yet" in page
        assert page.rstrip().endswith("</html>")


def test_unscored_combinations_are_still_shown(board: Board) -> None:
    """Before the first week is scored, combinations with a history or a forecast are on the page."""
    data = page_data(without_rows(board, forecasts=board.forecasts))
    assert data["combinations"]["SKU_ID"] == [PERM[2]]
    assert data["scored"]["rows"] == [0]
    assert data["forecasts"]["rows"] == [4]


def test_equal_boards_give_equal_pages(board: Board) -> None:
    """Output does not depend on the order of rows or on when it is made."""
    shuffled = replace(board, scored=board.scored.iloc[::-1], history=board.history.iloc[::-1])
    assert render(board) == render(shuffled)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, 0), (12.0, 12), (12345.678, 12346), (123.456, 123.5), (-0.0123456, -0.01235), (float("nan"), None)],
)
def test_numbers_are_short_but_never_lose_whole_digits(value: float, expected: float | None) -> None:
    """Four significant digits, more where the whole part has more; NaN becomes null."""
    assert short(value) == expected
