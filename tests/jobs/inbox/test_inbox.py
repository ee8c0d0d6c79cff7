"""The inbox of promotions: every file is added to the plan once, and planners hear of it."""

from __future__ import annotations

import pytest
from folders import BAD, GOOD, KNOWN, PLAN_OF_GOOD, Inbox

from skucast.core.combination import Combination
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs import intake, promotions
from skucast.regressors.promotion_files import PLAN, PlanFile, read_plan


def test_good_rows_are_added_bad_ones_go_back_and_the_file_is_done(inbox: Inbox) -> None:
    """The note says it all."""
    inbox.send("план.csv", GOOD, BAD)
    assert inbox.ingest() == 2
    assert inbox.plan() == PLAN_OF_GOOD
    assert inbox.files() == {"inbox": [], "done": ["план.csv"], "rejected": ["план.csv"]}
    (row,) = inbox.rejected("план.csv")
    assert (row["SKU_ID"], row["line"], row["reason"]) == ("B2", "3", "discount_perc 0.3 is a fraction; write 30")
    (note,) = inbox.report.notes
    (path,) = (inbox.folder / "rejected").iterdir()
    assert note == (
        "promotions: план.csv: 1 promotion added, complete through 2026-12-31 for 1 set of names; "
        f"1 of 2 rows refused in план.csv (line 3: discount_perc 0.3 is a fraction; write 30), see {path}; "
        "where the file covers their names, they count as no promotion until they are sent right"
    )


def test_a_row_that_is_there_twice_changes_no_plan(inbox: Inbox) -> None:
    """The second one is refused, and nothing is said of promotions that would not count."""
    inbox.send("план.csv", GOOD, GOOD)
    inbox.ingest()
    assert inbox.plan() == PLAN_OF_GOOD
    (note,) = inbox.report.notes
    assert "1 of 2 rows refused" in note
    assert "count as no promotion" not in note


def test_without_an_inbox_nothing_happens(inbox: Inbox) -> None:
    """No folder, no table; that nothing came is said."""
    assert inbox.ingest() == 0
    [note] = inbox.report.notes
    assert note.startswith("promotions: no file in promotions/inbox")
    assert not inbox.folder.exists()
    assert not inbox.warehouse.exists(PROMOTIONS)


def test_the_same_content_is_added_once(inbox: Inbox) -> None:
    """Under any name; it is said, and the file is moved all the same."""
    inbox.send("a.csv", GOOD, BAD)
    inbox.ingest()
    inbox.send("b.csv", GOOD, BAD)
    assert inbox.ingest(hours=1) == 0
    assert inbox.plan() == PLAN_OF_GOOD
    assert inbox.files() == {"inbox": [], "done": ["a.csv", "b.csv"], "rejected": ["a.csv", "b.csv"]}
    assert inbox.report.notes[0].startswith("promotions: b.csv: added before, so nothing was added; to say the same")


def test_of_two_files_the_second_is_newer(inbox: Inbox) -> None:
    """What both speak of it settles, and both are known when the run is."""
    inbox.send("2.csv", GOOD.replace("30,2026-12-31", "20,2026-12-31"))
    inbox.send("1.csv", GOOD)
    inbox.ingest()
    rows = inbox.warehouse.read(PROMOTIONS).sort_values("known_from")
    assert rows["discount_perc"].dropna().tolist() == [30.0, 20.0]
    assert rows["known_from"].nunique() == 2
    assert rows["known_from"].max() == inbox.run.run_at


def discounts_in_order(inbox: Inbox) -> list[float]:
    """Return the discounts of the plan, oldest statement first; no two may be from the same moment."""
    rows = inbox.warehouse.read(PROMOTIONS).dropna(subset="discount_perc").sort_values("known_from")
    assert rows["known_from"].is_unique
    return rows["discount_perc"].tolist()


@pytest.mark.parametrize("hours", [0, -0.01, -23])
def test_what_is_read_later_is_newer_whatever_the_clocks_say(inbox: Inbox, hours: float) -> None:
    """The second run started at the same time, or a little before the first, or its clock is slow."""
    inbox.send("plan.csv", GOOD)
    inbox.ingest()
    inbox.send("a.csv", GOOD.replace(",30,", ",20,"))
    inbox.send("b.csv", GOOD.replace(",30,", ",10,"))
    inbox.ingest(hours)
    assert discounts_in_order(inbox) == [30.0, 20.0, 10.0]


def test_a_row_that_is_dated_far_ahead_drags_no_other(inbox: Inbox) -> None:
    """Somebody's mistake: what is sent now is known from now on."""
    inbox.send("plan.csv", GOOD)
    inbox.ingest(hours=48)
    inbox.send("plan.csv", GOOD.replace(",30,", ",20,"))
    inbox.ingest()
    assert inbox.warehouse.read(PROMOTIONS)["known_from"].min() == inbox.run.run_at


NEW_ARTICLE = Combination("Пермь", "KA", "C3")


def test_a_file_is_added_anew_once_more_of_its_rows_can_be_used(inbox: Inbox) -> None:
    """Its article was not known when it came; sent again it is a new statement, as a whole and once."""
    lines = (GOOD, GOOD.replace("A1", "C3"))
    inbox.send("a.csv", *lines)
    assert inbox.ingest() == 2
    for hours, added in ((1, 4), (2, 0)):
        inbox.send("b.csv", *lines)
        assert inbox.ingest(hours, [*KNOWN, NEW_ARTICLE]) == added
    assert sorted(inbox.plan(), key=str) == sorted(
        [*PLAN_OF_GOOD, *PLAN_OF_GOOD, ("Пермь/KA/C3", 30.0), ("Пермь/KA/C3", None)], key=str
    )
    assert "added before, so nothing was added" in inbox.report.notes[0]


def test_a_file_that_is_over_by_the_time_its_article_is_known_adds_nothing(inbox: Inbox) -> None:
    """It is judged as of today then, as any other."""
    lines = (GOOD, GOOD.replace("A1", "C3"))
    inbox.send("a.csv", *lines)
    inbox.ingest()
    inbox.send("b.csv", *lines)
    assert inbox.ingest(24 * 60, [*KNOWN, NEW_ARTICLE]) == 0
    assert inbox.plan() == PLAN_OF_GOOD


def test_a_file_without_a_usable_row_is_done_too(inbox: Inbox) -> None:
    """All of its rows go back, and the table is not touched."""
    inbox.send("plan.csv", BAD)
    assert inbox.ingest() == 0
    assert inbox.files() == {"inbox": [], "done": ["plan.csv"], "rejected": ["plan.csv"]}
    assert "nothing could be added; 1 of 1 row refused in plan.csv" in inbox.report.notes[0]
    assert not inbox.warehouse.exists(PROMOTIONS)


def test_a_file_that_cannot_be_read_is_put_aside_and_stops_nobody(inbox: Inbox) -> None:
    """Whole, with the reason beside it; the files after it are read."""
    inbox.send("a.pdf", GOOD)
    (inbox.folder / "inbox" / "b.xlsx").write_bytes(b"PK\x03\x04 no archive")
    (inbox.folder / "inbox" / "c.csv").write_bytes(b"0" * (PLAN.n_bytes + 5))
    inbox.send("d.csv", GOOD)
    assert inbox.ingest() == 2
    unreadable = ["a.pdf", "b.xlsx", "c.csv"]
    assert inbox.files() == {
        "inbox": [],
        "done": ["d.csv"],
        "rejected": sorted([*unreadable, *(f"{name}.reason.txt" for name in unreadable)]),
    }
    (reason,) = (inbox.folder / "rejected").glob("*a.pdf.reason.txt")
    assert reason.read_text(encoding="utf-8") == "a.pdf: expected a .csv or .xlsx file\n"
    (kept,) = (inbox.folder / "rejected").glob("*c.csv")
    assert kept.stat().st_size == PLAN.n_bytes + 5
    assert len(inbox.report.notes) == 4


def test_a_file_that_nobody_foresaw_is_put_aside_and_stops_nobody(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else it would stop every forecast from now on; the log has the traceback."""

    def fails(name: str, *rest: object) -> PlanFile:
        if name == "a.csv":
            raise ZeroDivisionError("a bug")
        return read_plan(name, *rest)

    monkeypatch.setattr(promotions, "read_plan", fails)
    inbox.send("a.csv", GOOD)
    inbox.send("b.csv", GOOD.replace(",30,", ",20,"))
    with caplog.at_level("ERROR", logger="skucast"):
        assert inbox.ingest() == 2
    assert inbox.files() == {"inbox": [], "done": ["b.csv"], "rejected": ["a.csv", "a.csv.reason.txt"]}
    assert inbox.report.notes[0].startswith("promotions: a.csv: cannot be read (ZeroDivisionError)")
    assert "a bug" in caplog.text


def test_a_machine_without_memory_is_not_the_planner_s_mistake(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run fails, and the file stays for the next one."""

    def fails(*_: object) -> PlanFile:
        raise MemoryError

    monkeypatch.setattr(promotions, "read_plan", fails)
    inbox.send("plan.csv", GOOD)
    with pytest.raises(MemoryError):
        inbox.ingest()
    assert inbox.files()["inbox"] == ["plan.csv"]


def test_hidden_files_and_locks_stay(inbox: Inbox) -> None:
    """They are no plans."""
    for name in (".plan.csv", "~$plan.xlsx"):
        inbox.send(name, GOOD)
    assert inbox.ingest() == 0
    assert len(inbox.files()["inbox"]) == 2


def test_a_very_long_name_is_shortened(inbox: Inbox) -> None:
    """In its beginning: with a stamp before it, it would be more than a file system takes."""
    inbox.send(f"{'п' * 125}.csv", GOOD, BAD)
    assert inbox.ingest() == 2
    assert inbox.files()["done"] == [f"{'п' * 58}.csv"]


def test_a_file_that_somebody_has_open_is_left(inbox: Inbox) -> None:
    """The next run reads it, once it is whole; the other files are read meanwhile."""
    whole = inbox.send("a.csv", GOOD)
    with inbox.send("b.csv", GOOD.replace("A1", "B2")).open("a", encoding="utf-8") as file:
        assert inbox.ingest() == 2
        assert inbox.files() == {"inbox": ["b.csv"], "done": ["a.csv"], "rejected": []}
        assert "promotions: b.csv is still being written; the next run reads it" in inbox.report.notes
        file.write("\n" + GOOD.replace("A1", "B2").replace("KA", "*"))
    assert inbox.ingest(hours=1) > 0
    assert not whole.exists()
    assert inbox.files()["inbox"] == []


def test_a_file_that_changes_while_it_is_watched_is_left(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody adds a line between two looks at it."""
    path = inbox.send("plan.csv", GOOD)

    def grow(_: float) -> None:
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{GOOD.replace('A1', 'B2')}", encoding="utf-8")

    with monkeypatch.context() as patched:
        patched.setattr(intake.time, "sleep", grow)
        assert inbox.ingest() == 0
    assert inbox.files()["inbox"] == ["plan.csv"]
    assert inbox.ingest(hours=1) == 4
