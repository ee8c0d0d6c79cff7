"""The inbox of promotions: every file is added to the plan once, whatever happens on the way; planners hear of it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from builders import CUTOFF, deliver, week

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import Combination
from skucast.core.errors import InputError, StoreError, WarehouseError
from skucast.core.run import Run
from skucast.core.tables.records import LOADS, RUNS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.weeks import WeekClock
from skucast.entry.cli import main
from skucast.jobs import promotions
from skucast.regressors.promotion_files import PLAN, PlanFile, read_plan
from skucast.regressors.promotion_lines import COLUMNS
from skucast.regressors.promotion_template import MEANINGS, example_rows, write_template
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

KNOWN = [Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2"), Combination("Чайковский", "TF", "B2")]
HEADER = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through"
GOOD = "Пермь,KA,A1,2026-11-30,2026-12-06,30,2026-12-31"
BAD = "Пермь,KA,B2,2026-11-30,2026-12-06,0.3,2026-12-31"


class Inbox:
    """The folders of the plan, the table, and the job; `report` is that of the last run."""

    def __init__(self, folder: Path, warehouse: DuckDBWarehouse, settings: Settings, run: Run) -> None:
        self.folder = folder
        self.warehouse = warehouse
        self.settings = settings
        self.run = run
        self.report = RunReport()

    def send(self, name: str, *lines: str, header: str = HEADER) -> Path:
        """Put a file into the inbox."""
        path = self.folder / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *lines]), encoding="utf-8")
        return path

    def ingest(self, hours: float = 0, known: Sequence[Combination] = KNOWN) -> int:
        """Read the inbox, so many hours later, and return how many rows were added."""
        later = replace(self.run, run_id=f"later-{hours}", run_at=self.run.run_at + timedelta(hours=hours))
        self.report = RunReport()
        return promotions.ingest_inbox(self.settings, self.warehouse, later, self.report, known)

    def plan(self) -> list[tuple[str, float | None]]:
        """Return names and discount of all rows of the plan."""
        rows = self.warehouse.read(PROMOTIONS)
        said = rows["discount_perc"].astype(object).where(rows["discount_perc"].notna(), None)
        names = rows[["unit", "channel", "SKU_ID"]].agg("/".join, axis=1)
        return sorted(zip(names, said, strict=True), key=str)

    def files(self) -> dict[str, list[str]]:
        """Return the names in each folder, without their stamps."""
        return {
            folder: sorted(
                path.name[27:] if folder != "inbox" else path.name for path in (self.folder / folder).glob("*")
            )
            for folder in ("inbox", "done", "rejected")
        }

    def rejected(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a file of rejected ones."""
        (path,) = (self.folder / "rejected").glob(f"*-{name}")
        return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


@pytest.fixture
def inbox(tmp_path: Path, warehouse: DuckDBWarehouse, settings: Callable[..., Settings], run: Run) -> Inbox:
    return Inbox(tmp_path / "staging" / "promotions", warehouse, settings(), run)


PLAN_OF_GOOD = [("Пермь/KA/A1", 30.0), ("Пермь/KA/A1", None)]


# --- What becomes of a file -----------------------------------------------------------------------------------------


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
        f"1 row rejected, see {path}; "
        "where the file covers their names, they count as no promotion until they are sent right"
    )


def test_without_an_inbox_nothing_happens(inbox: Inbox) -> None:
    """No folder, no table, no note."""
    assert inbox.ingest() == 0
    assert inbox.report.notes == []
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
    assert "nothing could be added; 1 row rejected" in inbox.report.notes[0]
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


# --- What goes wrong ------------------------------------------------------------------------------------------------

Breaks = Callable[[str], None]


@pytest.fixture
def breaks_at(monkeypatch: pytest.MonkeyPatch, inbox: Inbox) -> Iterator[Breaks]:
    """Return a function that lets the next run break off before or after a step; then all is as it was."""

    def at(where: str) -> None:
        moment, step = where.split(" ")
        owner = inbox.warehouse if step == "append_once" else promotions
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


@pytest.mark.parametrize("where", ["after write_bytes", "before move"])
def test_a_file_without_a_usable_row_goes_back_once(inbox: Inbox, breaks_at: Breaks, where: str) -> None:
    """Although no table knows that it was read."""
    inbox.send("plan.csv", BAD)
    breaks_at(where)
    with pytest.raises(WarehouseError):
        inbox.ingest()
    inbox.ingest(hours=5)
    assert inbox.files() == {"inbox": [], "done": ["plan.csv"], "rejected": ["plan.csv"]}


@pytest.mark.parametrize("step", ["list_files", "read_bytes", "write_bytes", "move"])
def test_two_tasks_at_once_do_what_one_does(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Wherever the second one overtakes the first."""
    inbox.send("a.csv", GOOD, BAD)
    inbox.send("b.csv", "Чайковский,*,*,,,,2026-12-31")
    real = getattr(promotions, step)

    def overtaken(*args: object, **options: object) -> object:
        monkeypatch.setattr(promotions, step, real)
        found = real(*args, **options) if step in ("list_files", "read_bytes") else None
        Inbox(inbox.folder, inbox.warehouse, inbox.settings, inbox.run).ingest(hours=1)
        return found if step in ("list_files", "read_bytes") else real(*args, **options)

    monkeypatch.setattr(promotions, step, overtaken)
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
    real = promotions.move

    def late(*args: object, **options: object) -> bool:
        inbox.send("plan.csv", GOOD.replace(",30,", ",40,"))
        return real(*args, **options)

    monkeypatch.setattr(promotions, "move", late)
    inbox.ingest()
    assert inbox.report.notes[0] == (
        "promotions: plan.csv was replaced while it was read; the next run reads the new one"
    )
    monkeypatch.setattr(promotions, "move", real)
    assert inbox.ingest(hours=1) == 2
    assert [discount for _, discount in inbox.plan() if discount] == [30.0, 40.0]


def test_a_forecast_goes_on_while_the_inbox_does_not_answer(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, loudly and in the run's notes; the tool itself fails."""

    def silent(*_: object) -> list[str]:
        raise StoreError("gs://bucket: no usable answer to storage.objects.list")

    monkeypatch.setattr(promotions, "list_files", silent)
    promotions.ingest(inbox.settings, inbox.warehouse, inbox.run, inbox.report, KNOWN)
    assert inbox.report.notes == ["the inbox of promotions could not be read to its end: the plan known so far is used"]
    with pytest.raises(StoreError):
        inbox.ingest()


def test_a_missing_permission_stops_the_run(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would hear of a plan that is never read."""

    def refused(*_: object) -> list[str]:
        raise InputError("gs://bucket: storage.objects.list was refused")

    monkeypatch.setattr(promotions, "list_files", refused)
    with pytest.raises(InputError):
        promotions.ingest(inbox.settings, inbox.warehouse, inbox.run, inbox.report, KNOWN)


# --- The tool -------------------------------------------------------------------------------------------------------


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
@pytest.mark.parametrize("horizon_weeks", [1, 4])
def test_the_template_can_be_sent_as_it_is(selling: Inbox, run: Run, name: str, horizon_weeks: int) -> None:
    """Nothing of it is rejected: a promotion per unit, one over a week's end, the rest of each unit covered."""
    assert tool(selling, "template", "--output", name, "--horizon-weeks", str(horizon_weeks)) == 0
    plan = read_plan(name, Path(name).read_bytes(), KNOWN, run.run_at, WeekClock())
    assert plan.rejected.empty
    assert plan.unused == []
    assert plan.covers_through == CUTOFF + timedelta(weeks=horizon_weeks)
    said = plan.rows[plan.rows["discount_perc"].notna()]
    assert said["unit"].tolist() == ["Пермь", "Чайковский", "Пермь"]
    weeks = (WeekClock().label_days(said["ends_on"]) - WeekClock().label_days(said["starts_on"])).dt.days
    assert weeks.tolist() == [0, 0, 7]
    covered = plan.rows[plan.rows["discount_perc"].isna()]
    assert covered["unit"].tolist() == ["Пермь", "Чайковский"]
    assert (covered["channel"] == "*").all()


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
    write_template(path, example_rows(known, WeekClock(), CUTOFF, 4))
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
