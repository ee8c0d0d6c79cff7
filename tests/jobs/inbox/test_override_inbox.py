"""The inbox of overrides: taken in as promotions are, each file once, what is wrong comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from folders import KNOWN, Inbox

from skucast.core.errors import StoreError
from skucast.core.tables.overrides import OVERRIDES
from skucast.jobs import intake
from skucast.jobs.override_intake import ingest_overrides
from skucast.runtime.outcome import RunReport

HEADER = "unit,channel,SKU_ID,ds_from,ds_to,kind,value,reason,author"
GOOD = "Пермь,KA,A1,2026-12-01,2026-12-13,%,15,event,Anna"


@pytest.fixture
def words(inbox: Inbox) -> Inbox:
    """Return the inbox of overrides."""
    return Inbox(inbox.folder.parent / "overrides", inbox.warehouse, inbox.settings, inbox.run)


def take_in(inbox: Inbox, hours: float = 0, *, by_hand: bool = True) -> int:
    """Read the inbox, so many hours later, and return how many rows were added."""
    later = replace(inbox.run, run_id=f"later-{hours}", run_at=inbox.run.run_at + timedelta(hours=hours))
    inbox.report = RunReport()
    return ingest_overrides(inbox.settings, inbox.warehouse, later, inbox.report, KNOWN, by_hand=by_hand)


def test_a_file_is_added_once_and_moved_and_its_bad_rows_come_back(words: Inbox) -> None:
    """With their own cells, the reason beside them; the same bytes again add nothing."""
    words.send("week-48.csv", GOOD, "Пермь,KA,A9,2026-12-01,,%,15,event,Anna", header=HEADER)
    assert take_in(words) == 1
    words.send("again.csv", GOOD, "Пермь,KA,A9,2026-12-01,,%,15,event,Anna", header=HEADER)
    assert take_in(words, 1) == 0
    assert len(words.warehouse.read(OVERRIDES)) == 1
    assert words.files() == {
        "inbox": [],
        "done": ["again.csv", "week-48.csv"],
        "rejected": ["again.csv", "week-48.csv"],
    }
    (refused,) = words.rejected("week-48.csv")
    assert (refused["reason"], refused["SKU_ID"], refused["line"]) == ("event", "A9", "3")
    assert refused["refused_because"] == "SKU_ID 'A9' is unknown (closest: A1)"
    said = "1 of 2 rows refused in again.csv (line 3: SKU_ID 'A9' is unknown (closest: A1)) (overrides/rejected/)"
    assert words.report.plan_files == {"overrides/again.csv": said}


def test_a_file_without_reasons_comes_back_whole(words: Inbox) -> None:
    """Its refusal says so, and does not hide what was refused of a plan of the same name."""
    words.report.plan_files = {"plan.csv": "1 of 2 rows refused in plan.csv"}
    words.send("plan.csv", GOOD.rpartition(",event")[0], header=HEADER.rpartition(",reason")[0])
    known, report = KNOWN, words.report
    assert ingest_overrides(words.settings, words.warehouse, words.run, report, known) == 0
    assert len(report.plan_files) == 2
    assert "line 2: the file has no column reason, author" in str(report.plan_files["overrides/plan.csv"])


def test_a_run_that_breaks_off_before_it_moves_the_file_is_made_good_by_the_next(
    words: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there once; a forecast goes on without an answer, and says so."""
    words.send("words.csv", GOOD, header=HEADER)

    def breaks(*_: object, **__: object) -> bool:
        raise StoreError("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(intake, "move", breaks)
        take_in(words, by_hand=False)
    assert "the inbox of overrides could not be read to its end" in words.report.notes[-1]
    assert words.files()["inbox"] == ["words.csv"]
    assert take_in(words, 1) == 0
    assert words.files() == {"inbox": [], "done": ["words.csv"], "rejected": []}
    assert len(words.warehouse.read(OVERRIDES)) == 1


def test_two_tasks_add_a_file_once(words: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is faster after this one has looked whether it was added."""
    words.send("words.csv", GOOD, header=HEADER)
    real = intake._loads_of
    looks = []

    def faster(*given: object) -> object:
        found = real(*given)  # type: ignore[arg-type]
        looks.append(found)
        if len(looks) == 1:
            take_in(words, 0.5)
        return found

    monkeypatch.setattr(intake, "_loads_of", faster)
    take_in(words)
    assert len(words.warehouse.read(OVERRIDES)) == 1
    assert words.files()["done"] == ["words.csv"]


def test_of_two_files_the_second_one_counts(words: Inbox) -> None:
    """What it says of the same weeks is known a moment later."""
    words.send("a.csv", GOOD, header=HEADER)
    words.send("b.csv", GOOD.replace("15", "20"), header=HEADER)
    assert take_in(words) == 2
    rows = words.warehouse.read(OVERRIDES).sort_values("known_from")
    assert rows["value"].tolist() == [15, 20]
    assert rows["known_from"].is_unique
