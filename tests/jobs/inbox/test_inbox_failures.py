"""The inbox of promotions when a run breaks off, when two are at once, when storage does not answer."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from folders import BAD, GOOD, KNOWN, PLAN_OF_GOOD, Inbox

from skucast.core.errors import InputError, StoreError, WarehouseError
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import LOADS
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs import intake, promotions
from skucast.regressors.promotion_holding import holding
from skucast.regressors.promotion_template import template_rows, write_template

Breaks = Callable[[str], None]


@pytest.fixture
def breaks_at(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> Iterator[Breaks]:
    """Return a function that lets the next run break off before or after a step; then all is as it was."""

    def at(where: str) -> None:
        moment, step = where.split(" ")
        owner = inbox.warehouse if step == "append_once" else intake
        real = getattr(owner, step)

        def broken(*args: object, **options: object) -> None:
            monkeypatch.setattr(owner, step, real)
            if moment == "after":
                real(*args, **options)
            raise WarehouseError("the machine is gone")

        monkeypatch.setattr(owner, step, broken)

    return at


STEPS = [f"{moment} {step}" for step in ("append_once", "write_bytes", "move") for moment in ("before", "after")]


@pytest.mark.parametrize("where", STEPS)
@pytest.mark.parametrize("hours", [0, 24 * 60])
def test_a_run_that_breaks_off_anywhere_is_made_good_by_the_next(
    inbox: Inbox, breaks_at: Breaks, where: str, hours: int
) -> None:
    """At once, or two months later when the promotion is over: the same rows, the same files as without the fault."""
    inbox.send("plan.csv", GOOD, BAD)
    breaks_at(where)
    with pytest.raises(WarehouseError):
        inbox.ingest()
    inbox.ingest(hours if where != "before append_once" else 0)
    assert inbox.plan() == PLAN_OF_GOOD
    assert inbox.files() == {"inbox": [], "done": ["plan.csv"], "rejected": ["plan.csv"]}
    assert [row["SKU_ID"] for row in inbox.rejected("plan.csv")] == ["B2"]
    assert len(inbox.warehouse.read(LOADS)) == 1


def test_a_changed_template_is_added_once_wherever_a_run_breaks_off(inbox: Inbox, breaks_at: Breaks) -> None:
    """What it brought itself is no part of the plan that it is read against."""
    inbox.send("first.csv", GOOD, GOOD.replace("A1", "B2"))
    inbox.ingest()
    rows = inbox.warehouse.read(PROMOTIONS)
    at, clock = inbox.run.run_at, inbox.settings.clock
    held = holding(rows, KNOWN, at, clock.start(clock.label(clock.day_of(at))))
    lines = template_rows(held, at, (ALL, ALL, ALL), KNOWN, clock, clock.label(clock.day_of(at)))
    lines[0] |= {"discount_perc": 45}
    write_template(inbox.folder / "inbox" / "edited.csv", lines)
    breaks_at("before move")
    with pytest.raises(WarehouseError):
        inbox.ingest(hours=1)
    once = inbox.plan()
    assert [discount for _, discount in once if discount] == [30.0, 45.0, 30.0]
    inbox.ingest(hours=2)
    assert inbox.plan() == once
    assert inbox.files() == {"inbox": [], "done": ["edited.csv", "first.csv"], "rejected": []}


@pytest.mark.parametrize("where", ["after write_bytes", "before move"])
def test_a_file_without_a_usable_row_goes_back_once(inbox: Inbox, breaks_at: Breaks, where: str) -> None:
    """Although no table knows that it was read."""
    inbox.send("plan.csv", BAD)
    breaks_at(where)
    with pytest.raises(WarehouseError):
        inbox.ingest()
    inbox.ingest(hours=5)
    assert inbox.files() == {"inbox": [], "done": ["plan.csv"], "rejected": ["plan.csv"]}


@pytest.mark.parametrize("step", ["list_versions", "read_bytes", "write_bytes", "move"])
def test_two_tasks_at_once_do_what_one_does(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Wherever the second one overtakes the first."""
    inbox.send("a.csv", GOOD, BAD)
    inbox.send("b.csv", "Чайковский,*,*,,,,2026-12-31")
    real = getattr(intake, step)

    def overtaken(*args: object, **options: object) -> object:
        monkeypatch.setattr(intake, step, real)
        found = real(*args, **options) if step in ("list_versions", "read_bytes") else None
        Inbox(inbox.folder, inbox.warehouse, inbox.settings, inbox.run).ingest(hours=1)
        return found if step in ("list_versions", "read_bytes") else real(*args, **options)

    monkeypatch.setattr(intake, step, overtaken)
    inbox.ingest()
    assert inbox.plan() == [*PLAN_OF_GOOD, ("Чайковский/*/*", None)]
    assert inbox.files() == {"inbox": [], "done": ["a.csv", "b.csv"], "rejected": ["a.csv"]}


def test_another_task_may_add_the_rows_first(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at what was loaded and the append."""
    inbox.send("plan.csv", GOOD, BAD)
    real = inbox.warehouse.append_once

    def overtaken(*args: object, **options: object) -> int:
        real(*args, **options)
        return real(*args, **options)

    monkeypatch.setattr(inbox.warehouse, "append_once", overtaken)
    assert inbox.ingest() == 0
    assert inbox.plan() == PLAN_OF_GOOD
    assert inbox.files() == {"inbox": [], "done": ["plan.csv"], "rejected": ["plan.csv"]}


def test_a_file_that_is_replaced_while_it_is_read_is_read_by_the_next_run(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays, and is newer."""
    inbox.send("plan.csv", GOOD)
    real = intake.move

    def late(*args: object, **options: object) -> bool:
        inbox.send("plan.csv", GOOD.replace(",30,", ",40,"))
        return real(*args, **options)

    monkeypatch.setattr(intake, "move", late)
    inbox.ingest()
    assert inbox.report.notes[0] == (
        "promotions: plan.csv was replaced while it was read; the next run reads the new one"
    )
    monkeypatch.setattr(intake, "move", real)
    assert inbox.ingest(hours=1) == 2
    assert [discount for _, discount in inbox.plan() if discount] == [30.0, 40.0]


def test_a_forecast_goes_on_while_the_inbox_does_not_answer(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, loudly and in the run's notes; the tool itself fails."""

    def silent(*_: object) -> list[str]:
        raise StoreError("gs://bucket: no usable answer to storage.objects.list")

    monkeypatch.setattr(intake, "list_versions", silent)
    promotions.ingest(inbox.settings, inbox.warehouse, inbox.run, inbox.report, KNOWN)
    assert inbox.report.notes == ["the inbox of promotions could not be read to its end: the plan known so far is used"]
    with pytest.raises(StoreError):
        inbox.ingest()


def test_a_missing_permission_stops_the_run(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would hear of a plan that is never read."""

    def refused(*_: object) -> list[str]:
        raise InputError("gs://bucket: storage.objects.list was refused")

    monkeypatch.setattr(intake, "list_versions", refused)
    with pytest.raises(InputError):
        promotions.ingest(inbox.settings, inbox.warehouse, inbox.run, inbox.report, KNOWN)


def refuses(monkeypatch: pytest.MonkeyPatch, operation: str, name: str) -> None:
    """Let the system refuse this of the file, as it does to a user without the right, or where a share has gone."""
    real = getattr(Path, operation)

    def maybe(path: Path, *given: object, **named: object) -> object:
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *given, **named)

    monkeypatch.setattr(Path, operation, maybe)


def test_a_file_that_cannot_be_opened_stays_and_stops_nobody(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and kept with the run; the other file is in the plan. Once it can be opened it is read."""
    inbox.send("a.csv", GOOD)
    inbox.send("b.csv", GOOD.replace("A1", "B2"))
    with monkeypatch.context() as now:
        refuses(now, "open", "a.csv")
        assert inbox.ingest() == 2
    assert inbox.files()["inbox"] == ["a.csv"]
    assert "cannot be read (Permission denied)" in str(inbox.report.plan_files["a.csv"])
    assert any("a.csv stays in the inbox, and nothing of it is used" in note for note in inbox.report.notes)
    assert inbox.ingest(hours=1) == 2
    assert inbox.files()["inbox"] == []


def test_a_file_that_cannot_be_moved_is_read_once_and_stops_nobody(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are in the plan once, the other file's too, and every run says that it is still there."""
    inbox.send("a.csv", GOOD)
    inbox.send("b.csv", GOOD.replace("A1", "B2"))
    refuses(monkeypatch, "replace", "a.csv")
    assert inbox.ingest() == 4
    assert inbox.ingest(hours=1) == 0
    assert inbox.files()["inbox"] == ["a.csv"]
    assert any("a.csv was read, and stays in the inbox" in note for note in inbox.report.notes)
    assert len(inbox.plan()) == 4


def test_the_tool_ends_with_an_error_where_no_file_can_be_opened(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody waits for it."""
    inbox.send("a.csv", GOOD)
    refuses(monkeypatch, "open", "a.csv")
    given = (inbox.settings, inbox.warehouse, inbox.run, inbox.report, KNOWN)
    with pytest.raises(InputError, match=r"nothing was added; 1 of 1 plan file not taken in whole: refused: a\.csv"):
        promotions.ingest_inbox(*given, by_hand=True)
