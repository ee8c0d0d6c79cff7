"""The tool that reads the inbox and makes the template."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from builders import CUTOFF, deliver, week
from folders import BAD, GOOD, KNOWN, PLAN_OF_GOOD, Inbox

from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import RUNS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty
from skucast.core.weeks import WeekClock
from skucast.entry.cli import main
from skucast.regressors.promotion_files import read_plan
from skucast.regressors.promotion_holding import holding
from skucast.regressors.promotion_lines import COLUMNS
from skucast.regressors.promotion_template import MEANINGS, template_rows, write_template
from skucast.runtime.settings import Settings


def tool(inbox: Inbox, *flags: str) -> int:
    """Run `python -m skucast promotions` on the tests' warehouse."""
    return main(["promotions", *flags, "--warehouse", inbox.settings.warehouse, "--staging", inbox.settings.staging])


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """It is the tests' Wednesday for every run of the tool, unless AS_OF says otherwise."""

    def start(job: str, settings: Settings) -> Run:
        return replace(run, job=job, today=settings.as_of or run.today)

    monkeypatch.setattr("skucast.entry.cli.start_run", start)


@pytest.fixture
def selling(inbox: Inbox) -> Inbox:
    """Return an inbox of a business with five weeks of sales of `KNOWN`."""
    days = [CUTOFF - timedelta(weeks=back) for back in range(5)]
    lines = [
        sale
        for each in KNOWN
        for day in days
        for sale in week(day, 7, unit=each.unit, channel=each.channel, SKU_ID=each.sku_id)
    ]
    deliver(inbox.warehouse, lines, inbox.run)
    return inbox


def test_the_tool_reads_the_inbox(selling: Inbox) -> None:
    """Names are those of the sales; what was done is kept in the runs table."""
    selling.send("plan.csv", GOOD, GOOD.replace("A1", "A9"))
    assert tool(selling, "ingest") == 0
    assert selling.plan() == PLAN_OF_GOOD
    assert selling.rejected("plan.csv")[0]["reason"] == "SKU_ID 'A9' is unknown (closest: A1)"
    (row,) = selling.warehouse.read(RUNS).to_dict("records")
    assert (row["job"], row["n_rows"], row["exit_code"]) == ("promotions", 2, 0)


def test_files_of_which_nothing_can_be_used_are_bad_input(selling: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with all of them, exit code 2, the rows sent back; beside a good file it is a warning, exit code 0."""
    selling.send("bad.csv", GOOD.replace("A1", "A9"))
    selling.send("worse.xlsx", "no workbook")
    assert tool(selling, "ingest") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "ERROR" in said
    assert (
        "promotions: nothing was added; 2 of 2 plan files not taken in whole: 1 of 1 row refused in bad.csv "
        "(line 2: SKU_ID 'A9' is unknown (closest: A1)); "
    ) in said
    assert "worse.xlsx: is no Excel file" in said
    assert selling.files()["inbox"] == []
    assert len(selling.rejected("bad.csv")) == 1
    assert selling.warehouse.read(RUNS)["exit_code"].tolist() == [2]
    selling.send("again.csv", GOOD.replace("A1", "A8"))
    selling.send("good.csv", GOOD)
    assert tool(selling, "ingest") == 0
    said = capsys.readouterr().err
    assert re.search(
        r"WARNING.*1 of 2 plan files not taken in whole: 1 of 1 row refused in again.csv \(line 2: .*\)\n", said
    )
    assert "files_refused=1" in said


def test_an_empty_inbox_is_said(selling: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    """Who has put the plan into another folder reads where it was looked for."""
    assert tool(selling, "ingest") == 0
    assert "promotions: no file in promotions/inbox below STAGING (" in capsys.readouterr().err


def test_the_tool_takes_files_in_as_of_today(
    selling: Inbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A day of the past would not know today's articles: one line, exit code 2, the file stays; no flag offers it."""
    selling.send("plan.csv", GOOD)
    monkeypatch.setenv("AS_OF", "2026-06-10")
    assert tool(selling, "ingest") == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "AS_OF: " in said
    for flag in (["--as-of", "2026-11-25"], ["--horizon-weeks", "4"]):
        with pytest.raises(SystemExit, match="2"):
            tool(selling, "ingest", *flag)
    assert selling.files()["inbox"] == ["plan.csv"]
    with pytest.raises(SystemExit, match="0"):
        tool(selling, "ingest", "--help")
    text = capsys.readouterr().out
    assert "Add the files in promotions/inbox/" in text
    assert "--as-of" not in text
    assert "--horizon-weeks" not in text


def test_without_sales_nothing_is_read(inbox: Inbox) -> None:
    """Every name would be unknown: exit code 2, the file stays."""
    inbox.send("plan.csv", GOOD)
    assert tool(inbox, "ingest") == 2
    assert inbox.files()["inbox"] == ["plan.csv"]


@pytest.mark.parametrize("name", ["plan.xlsx", "plan.csv"])
def test_a_template_sent_back_unchanged_changes_no_plan(
    selling: Inbox, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the plan of today; the tool takes it in, exit code 0, and says that nothing was changed."""
    selling.send("first.csv", GOOD, GOOD.replace("A1", "B2").replace(",30,", ",12.5,"), "Чайковский,*,*,,,,2026-12-31")
    assert tool(selling, "ingest") == 0
    before = selling.plan()
    assert tool(selling, "template", "--output", name) == 0
    assert "2 promotions, complete for " in capsys.readouterr().err
    (selling.folder / "inbox" / name).write_bytes(Path(name).read_bytes())
    assert tool(selling, "ingest") == 0
    assert selling.plan() == before
    assert f"{name}: nothing was changed in it, and the plan stays as it is" in capsys.readouterr().err
    assert selling.files() == {"inbox": [], "done": sorted(["first.csv", name]), "rejected": []}


def test_a_changed_template_says_what_changed(selling: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    """One line of three; `--unit` has that unit's lines alone, and an unknown name is an error."""
    selling.send("first.csv", GOOD, GOOD.replace("A1", "B2"), "Чайковский,*,*,,,,2026-12-31")
    assert tool(selling, "ingest") == 0
    assert tool(selling, "template", "--output", "plan.csv", "--unit", "Пермь") == 0
    text = Path("plan.csv").read_text(encoding="utf-8-sig")
    assert "Чайковский" not in text
    (selling.folder / "inbox" / "edited.csv").write_text(text.replace(";30;", ";45;", 1), encoding="utf-8")
    assert tool(selling, "ingest") == 0
    said = capsys.readouterr().err
    assert "edited.csv: 1 promotion of the template added or changed, 0 ended; 2 rows as the template had them" in said
    assert sorted(discount for _, discount in selling.plan() if discount) == [30.0, 30.0, 45.0]
    assert tool(selling, "template", "--output", "other.csv", "--unit", "Перм") == 2
    assert "unit 'Перм' is unknown (closest: Пермь)" in capsys.readouterr().err


def test_a_check_says_what_a_file_would_change_and_writes_nothing(
    selling: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Added, changed, ended, unchanged; the inbox does just that then; refused rows with why, exit code 2."""
    same = GOOD.replace("2026-11-30,2026-12-06", "2026-12-14,2026-12-20")
    selling.send("first.csv", GOOD, same, GOOD.replace("A1", "B2"), "Чайковский,*,*,,,,2026-12-31")
    assert tool(selling, "ingest") == 0
    capsys.readouterr()
    runs, plan = len(selling.warehouse.read(RUNS)), selling.plan()
    new = GOOD.replace("Пермь,KA,A1", "Чайковский,TF,B2")
    lines = [GOOD.replace(",30,", ",45,"), same, new, "Пермь,*,*,,,,2027-01-10"]
    path = selling.send("next.csv", *(each.replace("2026-12-31", "2027-01-10") for each in lines)).rename("next.csv")
    assert tool(selling, "check", str(path)) == 0
    said = capsys.readouterr().out
    assert "+ Чайковский/TF/B2 2026-11-30 to 2026-12-06, 30 %" in said
    assert "~ Пермь/KA/A1 2026-11-30 to 2026-12-06, 30 % -> Пермь/KA/A1 2026-11-30 to 2026-12-06, 45 %" in said
    assert "- Пермь/KA/B2 2026-11-30 to 2026-12-06, 30 %" in said
    assert "1 added, 1 changed, 1 ended, 1 unchanged" in said
    assert "complete for */*/* through 2027-01-10 instead of 2026-12-31" in said
    assert (len(selling.warehouse.read(RUNS)), selling.plan()) == (runs, plan)
    path.write_text(path.read_text(encoding="utf-8") + "\n" + BAD.replace("2026-12-31", "2027-01-10"), encoding="utf-8")
    assert tool(selling, "check", str(path)) == 2
    shown = capsys.readouterr()
    assert "! line 6: discount_perc 0.3 is a fraction; write 30" in shown.out
    assert "next.csv: 1 of 5 rows would be refused" in shown.err
    assert tool(selling, "check", "no.csv") == 2
    assert "no.csv: cannot be read" in capsys.readouterr().err


def test_the_list_is_the_plan_as_it_holds(selling: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    """What comes, as it was typed; a file instead; names asked for, nothing of the others."""
    selling.send("first.csv", GOOD.replace(",30,", ",12.5,"), GOOD.replace("Пермь,KA,A1", "Чайковский,TF,B2"))
    assert tool(selling, "ingest") == 0
    capsys.readouterr()
    assert tool(selling, "list", "--as-of", "2026-11-26") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "running: none coming on 2026-11-26: 2" in said
    assert "past: none" in said
    assert "12.5 %" in said
    assert tool(selling, "list", "--unit", "Пермь", "--output", "plan.csv") == 0
    rows = Path("plan.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[1].startswith("coming;Пермь;KA;A1;2026-11-30;2026-12-06;12,5;")
    assert len(rows) == 2
    assert tool(selling, "list", "--output", "plan.csv") == 2
    assert tool(selling, "list", "--sku", "A7") == 2


def test_the_template_explains_its_columns(selling: Inbox) -> None:
    """On a second sheet, all of them."""
    assert tool(selling, "template") == 0
    book = openpyxl.load_workbook("promotions-template.xlsx")
    assert [row[0].value for row in book["columns"].iter_rows(min_row=2)] == list(COLUMNS)
    assert list(MEANINGS) == list(COLUMNS)


def test_a_template_keeps_names_that_excel_would_change(run: Run) -> None:
    """An article of digits with zeros before them, a unit that begins like a formula."""
    known = [Combination("=1+1", "KA", "0097")]
    path = Path("plan.xlsx")
    held = holding(empty(PROMOTIONS), known, run.run_at, CUTOFF)
    rows = template_rows(held, run.run_at, (ALL, ALL, ALL), known, WeekClock(), CUTOFF + timedelta(weeks=4))
    write_template(path, [row | {"unit": known[0].unit} for row in rows])
    plan = read_plan(path.name, path.read_bytes(), known, run.run_at, WeekClock())
    assert plan.rejected["reason"].tolist() == []
    assert set(plan.rows["SKU_ID"]) == {"0097", "*"}


@pytest.mark.parametrize("name", ["plan.xlsx", "plan.pdf", "no/such/folder.csv"])
def test_no_file_is_overwritten_by_the_template(selling: Inbox, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """One line, exit code 2."""
    Path("plan.xlsx").write_text("mine", encoding="utf-8")
    assert tool(selling, "template", "--output", name) == 2
    assert f"{name}: " in capsys.readouterr().err
    assert Path("plan.xlsx").read_text(encoding="utf-8") == "mine"


def test_doctor_says_what_was_refused(selling: Inbox, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read too."""
    selling.send("plan.csv", GOOD, BAD)
    (selling.folder / "inbox" / "sheet.xlsx").write_bytes(b"no workbook")
    assert tool(selling, "ingest") == 0
    assert (
        main(["doctor", "--warehouse", f"duckdb:{selling.warehouse.path}", "--staging", str(selling.folder.parent)])
        == 2
    )
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 of 2 rows refused in plan.csv" in shown
    assert "sheet.xlsx" in shown
