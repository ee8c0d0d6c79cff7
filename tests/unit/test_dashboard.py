"""The dashboard: what the page embeds, what it says when data is missing, and that no name or address escapes."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from boards import (
    KAZAN,
    PERM,
    alert_row,
    block,
    decoded,
    embedded,
    forecast_row,
    frame,
    large_board,
    metric_row,
    run_row,
    small_board,
    without_rows,
)

from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.scorecard import BASELINES, METRICS
from skucast.core.tables.validation import empty
from skucast.dashboard import rendering
from skucast.dashboard.board import Board
from skucast.dashboard.columns import short
from skucast.dashboard.data import page_data
from skucast.dashboard.rendering import MAX_PAGE_BYTES, render

HOSTILE = "</script><script>alert(1)</script>\u2028<!--&amp;"


@pytest.fixture
def board() -> Board:
    """Two combinations, two scored weeks, four weeks ahead, a promotion and an unknown week."""
    return small_board()


@pytest.fixture(scope="module")
def page() -> str:
    """Return that board's page."""
    return render(small_board())


@pytest.mark.slow
def test_page_names_no_address(page: str) -> None:
    """Nothing we write refers to the network but the name of SVG; the plotting library is inside."""
    written = re.sub(r'(id="(data|library)">)[^<]*', r"\1", page).replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|src=|@import|url\(|//[a-z]", written.replace("// ", ""))
    assert b"plotly.js v" in block(page, "library")[:200]


@pytest.mark.slow
def test_only_named_scripts_may_run(page: str) -> None:
    """The security policy lists the page's own script and the plotting library, and allows no connection."""
    script = page.rpartition("<script>")[2].partition("</script>")[0].encode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    codes = (script, block(page, "library"))
    hashes = " ".join(f"'sha256-{b64encode(sha256(code).digest()).decode()}'" for code in codes)
    assert f"default-src 'none'; script-src {hashes};" in policy[1]


def test_no_handler_and_no_markup_from_data(page: str) -> None:
    """The page has no inline handlers, and its script never turns text into markup."""
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
    assert "<script>alert" not in page
    assert "<img" not in page


@pytest.mark.slow
def test_data_round_trips(board: Board, page: str) -> None:
    """Embedded columns give the frames' sums back, per combination and week by week."""
    data = embedded(page)
    scored, names = data["scored"], data["combinations"]
    assert list(zip(names["unit"], names["channel"], names["SKU_ID"], strict=True)) == [KAZAN, PERM]
    assert scored["rows"] == [1, 3]
    assert [data["weeks"][number] for number in scored["ds"]] == [
        "2026-11-15",
        "2026-11-08",
        "2026-11-15",
        "2026-11-15",
    ]
    assert [data["weeks"][number] for number in scored["cutoff"]][1:] == ["2026-11-01", "2026-11-08", "2026-11-01"]
    assert scored["step"] == [1, 1, 1, 2]
    assert sum(scored["y"]) == pytest.approx(board.scored["y"].sum(), abs=0.5)
    assert sum(scored["yhat"]) == board.scored["yhat"].sum()
    for name in BASELINES:
        expected = board.scored[f"baseline_{name}"].sum()
        assert sum(scored[f"baseline_{name}"]) == pytest.approx(expected, abs=0.5)
    assert scored["covered"] == [0, 0, 1, 1]  # 100 lies on the lower end of 110 - 10


def test_history_and_forecasts_are_embedded(page: str) -> None:
    """An unknown week stays unknown, promotions keep their depth, forecasts their method, status and components."""
    data = embedded(page)
    assert data["history"]["y"] == [120, None]
    assert data["history"]["promo_discount_perc"] == [0, 25]
    assert data["forecasts"]["rows"] == [0, 4]
    assert data["forecasts"]["yhat_upper"] == [123.5] * 4
    assert set(data["forecasts"]["status"]) == {"no_model"}
    assert data["forecasts"]["model_cutoff"] == [""] * 4
    assert set(COMPONENTS) <= set(data["forecasts"])


def test_what_is_planned_and_known_ahead_is_embedded(page: str) -> None:
    """Planned promotions by week; the holidays of weeks on the page, and no others."""
    data = embedded(page)
    assert data["plan"]["rows"] == [0, 1]
    assert data["weeks"][data["plan"]["ds"][0]] == "2026-11-29"
    assert data["holidays"] == [{"week": "2026-11-08", "names": ["Unity Day"]}]


def test_forecasts_of_earlier_origins_are_those_not_scored(board: Board) -> None:
    """The newest origin stands alone; of the one before, the week that is scored already is not told twice."""
    before = frame([forecast_row(PERM, step, origin=-1) for step in (1, 2, 3, 4)])
    scored = board.scored[(board.scored["SKU_ID"] == PERM[2]) & (board.scored["step"] == 1)].tail(1)
    data = embedded(render(replace(board, scored=scored, forecasts=pd.concat([board.forecasts, before]))))
    assert data["origin"] == "2026-11-15"
    assert [data["weeks"][number] for number in data["earlier"]["ds"]] == ["2026-11-22", "2026-11-29", "2026-12-06"]
    assert set(data["earlier"]["cutoff"]) == {data["weeks"].index("2026-11-08")}


def test_window_and_left_out_come_from_metrics(board: Board) -> None:
    """The page opens on the weeks of the stored metrics and knows how many forecasts they left out."""
    data = page_data(board)
    assert data["window"] == {"start": "2026-11-08", "end": "2026-11-15"}
    assert data["left_out"] == {"rows": [1, 0], "step": [0], "n_left_out": [2], "n_unpublished": [0]} | {
        "sum_actual_failed": [0],
        "sum_abs_error_failed": [0],
    }


def test_a_business_without_promotions_is_told_nothing_of_plans(board: Board) -> None:
    """One promotion in the weeks shown, of whatever depth, or one planned, and the page speaks of them."""
    no_plan = replace(board, plan=board.plan[:0])
    shown = {depth: no_plan.history.assign(promo_discount_perc=[0.0, depth]) for depth in (0.0, 25.0, float("nan"))}
    found = [page_data(replace(no_plan, history=history)) for history in shown.values()]
    assert [each["has_promotions"] for each in found] == [False, True, True]
    assert found[2]["history"]["promo_discount_perc"] == [0, None]
    assert page_data(replace(board, history=shown[0.0]))["has_promotions"]


def test_classes_and_measures_come_from_metrics(board: Board) -> None:
    """Classes and what is not a sum of errors are those stored; a combination without metrics has none."""
    metrics = pd.DataFrame([metric_row(PERM, abc_class="B", xyz_class=None, mase=0.8123), metric_row(PERM, step=1)])
    data = embedded(render(replace(board, metrics=metrics)))
    assert data["combinations"]["abc_class"] == ["", "B"]
    assert data["combinations"]["xyz_class"] == ["", ""]
    assert data["measures"]["rows"] == [0, 1]
    assert data["measures"]["mase"] == [0.8123]
    assert data["measures"]["churn"] == [None]


def test_alerts_of_combinations_and_of_the_system_are_apart(board: Board) -> None:
    """An alert that names nobody is about the whole system."""
    late = alert_row(("*", "*", "*"), rule="sales_late", reason=None, message="Sales are 2 weeks late.")
    data = embedded(render(replace(board, alerts=pd.DataFrame([alert_row(PERM), late]))))
    assert data["alerts"]["rows"] == [0, 1]
    assert data["alerts"]["reason"] == ["level_shift"]
    assert data["system_alerts"]["message"] == ["Sales are 2 weeks late."]
    assert data["system_alerts"]["reason"] == [""]


def test_the_commands_that_mend_all_alerts_are_embedded(board: Board, page: str) -> None:
    """As they are given; a board that knows none has none."""
    commands = embedded(render(replace(board, retrain=("python a --target '@alerts'", "gcloud b"))))["retrain"]
    assert commands == {"command": "python a --target '@alerts'", "gcloud_command": "gcloud b"}
    assert embedded(page)["retrain"]["command"] == ""


def test_the_card_of_the_model_is_embedded(page: str) -> None:
    """The registry's row as it is, numbers and JSON."""
    models = embedded(page)["models"]
    assert models["rows"] == [0, 1]
    assert models["backtest_wape"] == [0.123]
    assert json.loads(models["backtest_by_step"][0])["2"] == 0.146
    assert models["is_converged"] == [True]


def test_tasks_of_one_run_are_one(board: Board) -> None:
    """Rows and failures add up, the worst exit code counts, the slowest task is how long it took."""
    slow = {"exit_code": 1, "n_failed": 1, "error": "too many failed", "seconds": '{"all": 9.0}'}
    tasks = pd.DataFrame([run_row("predict", 1), run_row("predict", 1, **slow), run_row("monitor", 2)])
    runs = page_data(replace(board, runs=tasks))["runs"]
    assert [run["job"] for run in runs] == ["monitor", "predict"]
    predict = runs[1]
    assert (predict["n_tasks"], predict["n_rows"], predict["n_failed"], predict["exit_code"]) == (2, 16, 1, 1)
    assert (predict["error"], predict["seconds"], predict["counts"]) == ("too many failed", 9, {"ok": 4})
    assert predict["run_at"] == "2026-11-18T01:00:00Z"


@pytest.mark.slow
def test_empty_board_renders_with_the_reason(board: Board) -> None:
    """With no rows at all, whether with or without columns, the page is whole and its script can say why."""
    with_columns = replace(
        board,
        metrics=empty(METRICS),
        scored=board.scored.iloc[:0],
        forecasts=empty(FORECASTS),
        history=board.history.iloc[:0],
        plan=board.plan.iloc[:0],
        holidays=board.holidays.iloc[:0],
        models=empty(REGISTRY),
        alerts=board.alerts.iloc[:0],
        runs=empty(RUNS),
    )
    for nothing in (without_rows(board), with_columns):
        page = render(nothing)
        data = embedded(page)
        assert [data["combinations"][name] for name in ("unit", "channel", "SKU_ID")] == [[], [], []]
        assert data["weeks"] == []
        assert data["window"] is None
        assert data["origin"] is None
        assert data["runs"] == []
        assert "No week scored yet" in page
        assert page.rstrip().endswith("</html>")


def test_unscored_combinations_are_still_shown(board: Board) -> None:
    """Before the first week is scored, combinations with a history or a forecast are on the page."""
    data = embedded(render(without_rows(board, forecasts=board.forecasts)))
    assert data["combinations"]["SKU_ID"] == [PERM[2]]
    assert data["scored"]["rows"] == [0]
    assert data["forecasts"]["rows"] == [4]


@pytest.mark.slow
def test_equal_boards_give_equal_pages(board: Board) -> None:
    """Output does not depend on the order of rows or on when it is made."""
    shuffled = replace(board, scored=board.scored.iloc[::-1], history=board.history.iloc[::-1])
    assert render(board) == render(shuffled)


def test_too_many_combinations_are_summed_up(board: Board) -> None:
    """One in detail, the one with an alert: of the other, the forecast and sums of its scores, and no history."""
    forecasts = frame([forecast_row(KAZAN, 1), forecast_row(PERM, 1)])
    found = page_data(replace(board, forecasts=forecasts), 1)
    data = {name: decoded(table) if isinstance(table, dict) else table for name, table in found.items()}
    assert data["combinations"]["is_detailed"] == [0, 1]
    assert (data["forecasts"]["yhat"], data["forecasts"]["level"]) == ([100, 100], [0, 100])
    assert data["scored"]["rows"] == [0, 3]
    assert data["history"]["rows"] == [0, 2]
    rest = data["rest"]
    assert (rest["unit"], rest["channel"], rest["abc_class"], rest["step"]) == ([KAZAN[0]], [KAZAN[1]], ["A"], [1])
    assert (rest["n"], rest["actual"], rest["covered"]) == ([1], [12345.6], [0])
    assert rest["error"] == rest["abs_error"] == [7654.4]  # 20000 - 12345.6
    assert [rest[f"abs_error_{name}"] for name in ("last_year", "mean_4", "last_week")] == [[5], [20], [30]]


def test_the_best_sellers_are_shown_in_detail(board: Board) -> None:
    """Without alerts volume decides."""
    history = pd.concat([board.history, board.history.assign(unit=KAZAN[0], channel=KAZAN[1], SKU_ID=KAZAN[2], y=500)])
    data = page_data(replace(board, alerts=pd.DataFrame(), history=history), 1)
    assert data["combinations"]["is_detailed"] == [1, 0]


@pytest.mark.slow
def test_a_page_of_525_combinations_is_small() -> None:
    """26 weekly origins, 4 weeks ahead, two years of history: well below the limit, with all in detail."""
    page = render(large_board(525))
    assert len(page.encode()) < MAX_PAGE_BYTES
    assert sum(embedded(page)["combinations"]["is_detailed"]) == 525


@pytest.mark.slow
def test_a_page_that_would_be_too_large_shows_fewer_in_detail() -> None:
    """The limit holds whatever it is: combinations lose their details until the page fits."""
    board = large_board(60)
    whole = render(board)
    page = render(board, max_bytes=len(whole) - 50_000)
    assert len(page) <= len(whole) - 50_000
    data = embedded(page)
    assert 0 < sum(data["combinations"]["is_detailed"]) < 60
    n = sum(data["rest"]["n"]) + len(data["scored"]["ds"])
    assert n == len(board.scored)
    assert data["forecasts"]["rows"] == [4] * 60


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, 0), (12.0, 12), (12345.678, 12346), (123.456, 123.5), (-0.0123456, -0.01235), (float("nan"), None)],
)
def test_numbers_are_short_but_never_lose_whole_digits(value: float, expected: float | None) -> None:
    """Four significant digits, more where the whole part has more; NaN becomes null."""
    assert short(pd.Series([value])) == [expected]


def test_no_two_scripts_have_the_same_name_for_something() -> None:
    """All are one script: of two functions of one name the last takes the other one's place, unsaid."""
    folder = Path(rendering.__file__).parent / "page"
    scripts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.js"))]
    made = r"^(?:const|let|(?:async )?function) (\w+)"
    names = Counter(name for script in scripts for name in re.findall(made, script, re.MULTILINE))
    assert names["reasonText"] == 1
    assert [name for name, times in names.items() if times > 1] == []


def test_sums_round_as_those_of_the_tables_do(board: Board) -> None:
    """A thousand forecasts that are 7.749 % too high: with four digits they would be 7.7 %, and others a tenth more."""
    rows = pd.concat([board.scored.iloc[:1]] * 1000, ignore_index=True)
    cutoffs = rows["cutoff"] - pd.to_timedelta(7 * rows.index, unit="D")
    exact = rows.assign(cutoff=cutoffs, ds=cutoffs + pd.Timedelta(days=7), y=1_000.0, yhat=1_077.49)
    scored = page_data(replace(board, scored=exact))["scored"]
    wape = sum(abs(a - b) for a, b in zip(scored["yhat"], scored["y"], strict=True)) / sum(scored["y"])
    assert wape == pytest.approx(0.07749, abs=1e-7)
