"""The work list of a business: shown, said to be done, remembered by the next runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from builders import WEDNESDAY
from business import Business

from skucast.core.errors import WarehouseError
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.records import LOADS, RUNS
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.entry.cli import main
from skucast.runtime.settings import Settings

BY = ("--author", "Anna")


@pytest.fixture
def listed(shifted: Business, monkeypatch: pytest.MonkeyPatch, run: Run) -> Business:
    """Return the business with a monitored week: forecast, plan and a combination need somebody."""
    shifted.already("monitor", "--retrain-job", "again")
    shifted.steps = None
    numbers = iter(range(1, 100))

    def start(job: str, settings: Settings) -> Run:
        today = settings.as_of or WEDNESDAY
        return replace(run, job=job, run_id=f"{job}-{next(numbers)}", today=today, cutoff=settings.clock.cutoff(today))

    for name in ("cli", "app"):
        monkeypatch.setattr(f"skucast.entry.{name}.start_run", start)
    return shifted


def alerts(business: Business, *words: str) -> int:
    """Run `python -m skucast alerts`."""
    places = ["--warehouse", f"duckdb:{business.warehouse.path}"]
    if words[0] == "ingest":
        places += ["--staging", str(business.folder / "staging")]
    return main(["alerts", *words, *places])


@pytest.fixture
def work(listed: Business, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Return a function that gives the work list as JSON."""

    def shown(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert alerts(listed, "list", "--work", "--as", "json", *words) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return shown


def test_each_line_of_the_list_is_a_line_of_the_log(listed: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Below the one that counts them, for whoever reads the run's output."""
    assert listed("monitor") == 0
    said = capsys.readouterr().err
    counted, first, second, third = said[said.index("work list: 3 lines") :].splitlines()[:4]
    assert "\\n" not in counted
    assert [each.split(":")[0] for each in (first, second, third)] == [
        "    1. no_run",
        "    2. promo_plan",
        "    3. Пермь/KA/A1",
    ]


def test_the_list_says_what_why_and_what_to_do(
    listed: Business, work: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """As JSON, as CSV and for people; nothing is written for it."""
    n_runs = len(listed.warehouse.read(RUNS))
    found = work()
    assert found["counts"] == {"n_open": 3, "n_listed": 3, "n_new": 3, "n_back": 0, "n_done": 0, "n_snoozed": 0}
    late, plan, shifted = found["lines"]
    assert (late["about"], late["why"]) == ("no_run", "the newest forecasts are those of 2026-11-15")
    assert (plan["about"], plan["action"], plan["command"]) == ("promo_plan", "send_plan", None)
    assert (shifted["about"], shifted["action"]) == ("Пермь/KA/A1", "confirm_level")
    assert shifted["command"] == "python retrain_models.py --target 'Пермь/KA/A1'"
    assert alerts(listed, "list", "--work", "--as", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["rank"], row["about"]) for row in rows] == [("1", "no_run"), ("2", "promo_plan"), ("3", "Пермь/KA/A1")]
    assert alerts(listed, "list", "--work") == 0
    assert "work list: 3 lines, 3 new since last week" in capsys.readouterr().out
    assert len(listed.warehouse.read(RUNS)) == n_runs


def test_what_is_said_is_remembered_with_who_and_when(listed: Business, work: Callable[..., dict[str, Any]]) -> None:
    """Done and snoozed lines leave the list and are counted; reopened ones are back; owner and comment stay."""
    assert alerts(listed, "done", "Пермь/KA/A1", "--comment", "a new shop", *BY) == 0
    assert alerts(listed, "done", "no_run", *BY) == 0
    assert alerts(listed, "snooze", "promo_plan", "--until", "2026-12-09", *BY) == 0
    assert alerts(listed, "own", "promo_plan", "Пермь/KA/A1", "--owner", "Boris", "--author", "Clara") == 0
    found = work("--all")
    assert found["counts"] == {"n_open": 0, "n_listed": 0, "n_new": 0, "n_back": 0, "n_done": 2, "n_snoozed": 1}
    _, plan, shifted = found["lines"]
    assert (plan["state"], plan["snoozed_until"], plan["owner"]) == ("snoozed", "2026-12-09", "Boris")
    assert (shifted["state"], shifted["comment"], shifted["said_by"]) == ("done", "a new shop", "Clara")
    assert work()["lines"] == []
    assert work("--as-of", "2026-12-09")["lines"][0]["back_why"] == "snoozed until 2026-12-09"
    assert alerts(listed, "reopen", "Пермь/KA/A1", *BY) == 0
    assert [line["about"] for line in work()["lines"]] == ["Пермь/KA/A1"]
    assert len(listed.warehouse.read(WORK_NOTES)) == 6


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("done", "wape-0", *BY), "'wape-0' is on no line of the work list (closest: "),
        (("snooze", "promo_plan", "--until", "2026-11-25", *BY), "until 2026-11-25 has come"),
        (("done", "promo_plan", "--as-of", "2026-11-18", *BY), "AS_OF: what is said of the work list"),
        (("list", "--all"), "--all and --as are about the work list: add --work"),
        (("ingest", "--as-of", "2026-11-18"), "AS_OF: files are taken in on the day that it is"),
    ],
)
def test_what_cannot_be_said_is_one_line_and_nothing_is_kept(
    listed: Business, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    """Exit code 2."""
    capsys.readouterr()
    assert alerts(listed, *words) == 2
    shown = capsys.readouterr().err.strip().splitlines()
    assert len(shown) == 1
    assert says in shown[0]
    assert listed.warehouse.read(WORK_NOTES).empty


def test_a_file_of_the_inbox_is_taken_in_once_and_may_be_taken_back(
    listed: Business, work: Callable[..., dict[str, Any]]
) -> None:
    """What is wrong comes back, and stands on the list itself until it comes right."""
    inbox = listed.folder / "staging" / "worklist" / "inbox"
    inbox.mkdir(parents=True)
    said = "line_id,state,until,owner,comment,author\nПермь/KA/A1,done,,,,Anna\nnobody,done,,,,Anna\n"
    for name in ("friday.csv", "again.csv"):
        (inbox / name).write_text(said, encoding="utf-8")
        assert alerts(listed, "ingest") == 0
    assert len(listed.warehouse.read(WORK_NOTES)) == 1
    assert not list(inbox.iterdir())
    assert len(list((inbox.parent / "rejected").iterdir())) == 2
    found = {line["about"]: line for line in work()["lines"]}
    assert set(found) == {"no_run", "promo_plan", "worklist/again.csv"}  # identical files are one
    assert "1 of 2 rows refused in again.csv" in found["worklist/again.csv"]["why"]
    (inbox / "doc.csv").write_text("hi", encoding="utf-8")
    alerts(listed, "ingest")  # it says nothing of the list, so that it is no matter of the list
    assert "doc.csv" not in str(work())
    load = listed.warehouse.read(LOADS).query("source == 'friday.csv'")["batch_id"].item()
    assert main(["loads", "undo", load, "--warehouse", f"duckdb:{listed.warehouse.path}"]) == 0
    assert "Пермь/KA/A1" in {line["about"] for line in work()["lines"]}


def test_monitoring_says_the_list_and_is_silent_of_what_rests(
    listed: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes the inbox in first; an alert of a line that is done has no entry, and is in the table all the same."""
    inbox = listed.folder / "staging" / "worklist" / "inbox"
    inbox.mkdir(parents=True)
    said = "line_id,state,author\nПермь/KA/A1,done,Anna\n"
    (inbox / "friday.csv").write_text(said, encoding="utf-8")
    capsys.readouterr()
    assert listed("monitor", "--log-format", "json") == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (work,) = [entry for entry in entries if entry.get("event") == "work_list"]
    assert (work["lines"], work["n_done"], work["n_open"]) == (["no_run", "promo_plan"], 1, 2)
    assert work["message"].splitlines()[1] == (
        "1. no_run: This week has no forecast. "
        "Ask the engineer on call; until then use the forecast of the week before."
    )
    told = {entry["combination"] for entry in entries if entry.get("event") == "forecast_alert"}
    assert told == {"system"}
    assert "Пермь" in set(listed.warehouse.read(ALERTS)["unit"])


def test_a_forecast_goes_on_where_the_list_cannot_be_read(
    listed: Business, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file stays for the next run, and a warning says so."""
    inbox = listed.folder / "staging" / "worklist" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "friday.csv").write_text("line_id,state,author\npromo_plan,done,Anna\n", encoding="utf-8")

    def breaks(*_: object) -> None:
        raise WarehouseError("no answer")

    with monkeypatch.context() as broken:
        broken.setattr("skucast.jobs.work_words.newest_work_list", breaks)
        assert listed("predict") == 0
    assert "could not be taken in, and stays in worklist/inbox: no answer" in capsys.readouterr().err
    assert [file.name for file in inbox.iterdir()] == ["friday.csv"]
    assert listed.warehouse.read(WORK_NOTES).empty
    assert listed("predict") == 0
    assert listed.warehouse.read(WORK_NOTES)["about"].tolist() == ["promo_plan"]
