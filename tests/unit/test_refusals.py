"""Refused rows of planners' files: they are remembered until the file comes right, or is long ago."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from boards import small_board
from markupsafe import escape

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.run import Run
from skucast.core.tables.records import RUNS
from skucast.core.texts import Text, said_in
from skucast.dashboard.rendering import render
from skucast.jobs.refusals import WHOLE, refusal, refusals, refused_lately
from skucast.jobs.runs import run_row
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

SAID = refusal("plan.csv", 7, 8)


def note(warehouse: DuckDBWarehouse, run: Run, days: int, **files: str | None) -> None:
    """Leave the row of a run so many days ago that read these files."""
    numbers = dict.fromkeys(("exit_code", "n_combinations", "n_failed", "n_rows"), 0)
    texts = {"job": "predict", "counts": "{}", "seconds": "{}", "version": "1", "plan_files": json.dumps(files or None)}
    row = {"task_id": f"run {days}", "run_id": f"run {days}", "run_at": run.run_at - timedelta(days=days)}
    rows = pd.DataFrame([{**row, **numbers, **texts}])
    warehouse.replace(RUNS, rows if files else rows.drop(columns="plan_files"), f"run {days}", run=run)


def test_what_was_refused_is_shown_while_it_is_news(warehouse: DuckDBWarehouse, run: Run) -> None:
    """Of the last two weeks, whatever other files and runs came since."""
    note(warehouse, run, 3, **{"plan.csv": SAID, "other.csv": None})
    note(warehouse, run, 2, **{"third.csv": None})
    note(warehouse, run, 1)
    assert refused_lately(warehouse, run) == ["7 of 8 rows refused in plan.csv (2026-11-22)"]
    assert refused_lately(warehouse, replace(run, run_at=run.run_at + timedelta(days=20))) == []
    assert refused_lately(warehouse, replace(run, run_at=run.run_at - timedelta(days=4))) == []


@pytest.mark.parametrize(
    ("sent", "again"),
    [
        ("plan.csv", "plan.csv"),
        ("plan.csv", "2026-11-22T190000-0123abcd-plan.csv"),
        ("plan.xlsx", "2026-11-22T190000-0123abcd-plan.csv"),
        ("plan.xlsx", "plan.xlsx"),
        ("plan.csv", "2026-11-23T190000-4567abcd-2026-11-22T190000-0123abcd-plan.csv"),
        (f"{'план ' * 50}.xlsx", f"2026-11-22T190000-0123abcd-{('план ' * 50).encode()[-120:].decode()}.csv"),
    ],
)
def test_a_corrected_file_ends_it(warehouse: DuckDBWarehouse, run: Run, sent: str, again: str) -> None:
    """Also under the name by which the refused rows came back, which is that of a CSV."""
    note(warehouse, run, 3, **{sent: SAID})
    note(warehouse, run, 1, **{again: None})
    assert refused_lately(warehouse, run) == []


def test_files_of_two_folders_may_have_one_name(warehouse: DuckDBWarehouse, run: Run) -> None:
    """A plan that came right does not end what was refused of the overrides of that name; they end it themselves."""
    note(warehouse, run, 3, **{"overrides/week.csv": SAID, "week.csv": SAID})
    note(warehouse, run, 2, **{"week.csv": None})
    assert [each.file for each in refusals(warehouse, run)] == ["overrides/week.csv"]
    note(warehouse, run, 1, **{"overrides/2026-11-22T190000-0123abcd-week.csv": None})
    assert refusals(warehouse, run) == []


def test_identical_files_are_one(warehouse: DuckDBWarehouse, run: Run) -> None:
    """Under other names, in part or as a whole, the newest counts; of other content or another inbox it is another."""
    first, second = (refusal(f"{name}.csv", 1, 2, content="0123abcd") for name in ("a", "b"))
    third = Text(
        "{refused} ({folder}/)", refused=refusal("c.csv", 1, 2, content="0123abcd"), folder="overrides/rejected"
    )
    other = refusal("d.csv", 1, 2, content="4567abcd")
    whole = [Text(WHOLE, reason=f"{name}.csv: no line below a header", content="89abcdef") for name in "ef"]
    read = {"b.csv": second, "overrides/c.csv": third, "d.csv": other, "e.csv": whole[0], "f.csv": whole[1]}
    found = refusals(warehouse, run, {"a.csv": first, **read})
    assert [each.file for each in found] == ["b.csv", "overrides/c.csv", "d.csv", "f.csv"]
    assert [each.is_partly for each in found] == [True, True, True, False]
    assert found[3].said == "f.csv: no line below a header"


def test_what_this_run_itself_has_read_is_newer(warehouse: DuckDBWarehouse, run: Run) -> None:
    """Its row is not there yet: what it refused is shown, and what it took in whole ends an earlier refusal."""
    note(warehouse, run, 3, **{"plan.csv": SAID})
    assert refused_lately(
        warehouse, run, {"plan.csv": None, "other.csv": refusal("other.csv", 1, 2, "line 3: empty")}
    ) == ["1 of 2 rows refused in other.csv (line 3: empty) (2026-11-25)"]


def test_what_was_refused_is_kept_for_readers_of_every_language(
    warehouse: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]
) -> None:
    """The run's row has the sentence and its places; the page carries both, and rows of before stay as they were."""
    report = RunReport()
    report.plan_files["plan.csv"] = refusal("plan.csv", 7, 8, Text("line {line}: {reason}", line="3", reason="x"))
    warehouse.replace(RUNS, run_row(settings(), run, report, 0, None), run.task_id, run=run)
    note(warehouse, run, 3, **{"old.csv": "не принято строк: 7 из 8"})
    later = replace(run, run_at=run.run_at + timedelta(days=1))
    said = [said_in("ru", each) for each in refused_lately(warehouse, later)]
    assert said == [
        "не принято строк: 7 из 8 (22.11.2026)",
        "не принято строк: 7 из 8 в файле plan.csv (строка 3: x) (25.11.2026)",
    ]


def test_the_page_says_what_was_refused_in_its_readers_language() -> None:
    """Beside the English text stands what it was made of, which the page's script says."""
    said = Text("{said} ({day})", said=refusal("plan.csv", 7, 8), day=date(2026, 11, 22))
    board = small_board()
    page = render(replace(board, refused=(said,)))
    assert ">7 of 8 rows refused in plan.csv (2026-11-22)</li>" in page
    assert page.count(f'data-said="{escape(said.stored())}"') == 2
    assert said_in("ru", said) in render(replace(board, refused=(said,), locale="ru"))
