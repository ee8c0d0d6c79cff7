"""The command `override`: say, list, call off, a template; what is wrong is one line, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from builders import CUTOFF, WEDNESDAY
from business import Business
from test_beginning import announce
from test_overrides import published, say

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.records import LOADS, RUNS
from skucast.entry.cli import main
from skucast.jobs import intake
from skucast.runtime.settings import Settings

Said = Callable[[], str]
SET = ("--from", "2026-12-01", "--to", "2026-12-13", "--kind", "%", "--value", "15", "--reason", "event")
BY = ("--author", "Anna")


@pytest.fixture
def planned(untrained: Business, monkeypatch: pytest.MonkeyPatch, run: Run) -> Business:
    """Return the business with a forecast, on the tests' Wednesday."""
    untrained.already("predict")
    untrained.steps = None
    numbers = iter(range(1, 100))

    def start(job: str, settings: Settings) -> Run:
        today = settings.as_of or WEDNESDAY
        return replace(run, job=job, run_id=f"{job}-{next(numbers)}", today=today, cutoff=settings.clock.cutoff(today))

    monkeypatch.setattr("skucast.entry.cli.start_run", start)
    monkeypatch.setattr(intake, "SETTLE_S", 0.0)
    return untrained


def override(business: Business, *arguments: str) -> int:
    """Run `python -m skucast override`."""
    places = ["--warehouse", f"duckdb:{business.warehouse.path}"]
    if arguments[0] == "ingest":
        places += ["--staging", str(business.folder / "staging")]
    return main(["override", *arguments, *places])


def name_of(business: Business) -> str:
    """Return the name of the override said last."""
    return str(business.warehouse.read(OVERRIDES).sort_values("known_from")["override_id"].iloc[-1])


def test_what_is_said_is_listed_with_its_effect_counts_and_is_called_off(
    planned: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is a row of its own: the history stays; the last word of the same second counts."""
    assert override(planned, "set", "Пермь/KA/*", *SET, *BY, "--note", "fair") == 0
    (row,) = planned.warehouse.read(OVERRIDES).to_dict("records")
    assert [row[name] for name in ("unit", "channel", "SKU_ID", "kind", "value")] == ["Пермь", "KA", "*", "%", 15.0]
    assert f"override {row['override_id']} is said" in capsys.readouterr().err
    assert override(planned, "set", "Пермь/KA/*", *SET, *BY, "--note", "fair") == 0
    assert f"override {row['override_id']} says that already" in capsys.readouterr().err
    assert override(planned, "list") == 0
    shown = capsys.readouterr().out
    assert "+15.0%" in shown
    assert row["override_id"] in shown
    assert planned("predict") == 0
    assert set(published(planned)["override_id"].dropna()) == {row["override_id"]}
    assert override(planned, "clear", row["override_id"][:5], "--author", "Boris") == 0
    rows = planned.warehouse.read(OVERRIDES).sort_values("known_from")
    assert rows["cancelled"].tolist() == [False, True]
    assert rows["author"].tolist() == ["Anna", "Boris"]
    assert planned("predict") == 0
    assert published(planned)["override_id"].isna().all()
    capsys.readouterr()
    assert override(planned, "list") == 0
    assert "no override holds" in capsys.readouterr().out
    assert len(planned.warehouse.read(LOADS).query("source == 'skucast override'")) == 2
    assert set(planned.warehouse.read(RUNS).query("job == 'override'")["exit_code"]) == {0}


def test_the_history_shows_all_that_was_said_and_what_became_of_it(
    planned: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """In lines that fit a narrow screen; of one alone by the beginning of its name; nothing is written for it."""
    assert override(planned, "set", "Пермь/KA/*", *SET, *BY, "--note", "fair") == 0
    first = name_of(planned)
    assert override(planned, "set", "Пермь/KA/*", *SET, "--value", "20", "--author", "Boris") == 0
    second = name_of(planned)
    assert override(planned, "clear", second, "--author", "Clara") == 0
    n_runs = len(planned.warehouse.read(RUNS))
    capsys.readouterr()
    assert override(planned, "history") == 0
    shown = capsys.readouterr().out
    assert f"{first}  Пермь/KA/*  2026-12-06 to 2026-12-13" in shown
    assert "Anna: % 15 (event); fair" in shown
    assert f"called off with {second} by Clara on 2026-11-25" in shown
    assert "Boris: % 20 (event)" in shown
    assert "Clara: called off" in shown
    assert override(planned, "history", second[:5]) == 0
    assert "Anna" not in capsys.readouterr().out
    assert override(planned, "history", "nothing") == 2
    assert "override 'nothing': none of the 2 that were ever said" in capsys.readouterr().err
    assert len(planned.warehouse.read(RUNS)) == n_runs


def test_one_that_ends_before_the_next_forecast_is_warned_of(
    planned: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """This week's forecast is there, so the next one comes on Wednesday; one that lasts until then says nothing."""
    assert override(planned, "set", "Пермь/KA/*", *SET, *BY, "--expires", "2026-12-01") == 0
    said = capsys.readouterr().err
    assert "WARNING" in said
    assert f"override {name_of(planned)} expires on 2026-12-01, before the next forecast, that of 2026-12-02" in said
    assert override(planned, "set", "Пермь/KA/A1", *SET, *BY, "--expires", "2026-12-02") == 0
    assert "before the next forecast" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("set", "Пермь/KA/A9", *SET, *BY), "SKU_ID 'A9' is unknown"),
        (("set", "Пермь/KA", *SET, *BY), "expected Unit/Channel/SKU_ID"),
        (("set", "Пермь/KA/A1", *SET[:-1], "mood", *BY), "reason 'mood' is none of promotion"),
        (("set", "Пермь/KA/A1", *SET, *BY, "--freeze-weeks", "2"), "weeks up to 2026-12-06 are frozen"),
        (("set", "Пермь/KA/A1", *SET, *BY, "--as-of", "2026-11-18"), "AS_OF: overrides are said on the day"),
        (("clear", "nothing", *BY), "override 'nothing': none holds"),
        (("clear", "nothing"), "override clear: --author missing"),
        (("set", "Пермь/KA/A1", *SET[:-2]), "override set: --reason, --author missing"),
        (("set", "Пермь/KA/A1", *SET, *BY, "--kind", "x"), "kind 'x' is none of ="),
    ],
)
def test_what_cannot_be_said_is_one_line(
    planned: Business, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], line: str
) -> None:
    """Exit code 2, and nothing is changed."""
    assert override(planned, *arguments) == 2
    err = capsys.readouterr().err
    assert line in err
    assert len(err.strip().splitlines()) == 1
    assert not len(planned.warehouse.read(OVERRIDES))


def test_near_weeks_are_open_to_a_late_reason(planned: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Calling one off is a change too."""
    assert override(planned, "set", "Пермь/KA/A1", *SET, *BY) == 0
    name = name_of(planned)
    assert override(planned, "clear", name, *BY, "--freeze-weeks", "2") == 2
    assert "give the reason late" in capsys.readouterr().err
    assert override(planned, "clear", name, *BY, "--freeze-weeks", "2", "--reason", "late") == 0
    assert override(planned, "set", "Пермь/KA/A1", *SET[:-1], "late", *BY, "--freeze-weeks", "2") == 0


def test_an_article_that_is_announced_can_have_an_override(planned: Business) -> None:
    """It is forecast before it has sales, and its planner knows more than the article that it is like."""
    announce(planned, {**dict(zip(KEY, ("Пермь", "KA", "SOON"), strict=True)), "like_SKU_ID": "A1"})
    assert override(planned, "set", "Пермь/KA/SOON", *SET, "--kind", "=", "--value", "40", *BY) == 0
    assert planned("predict") == 0
    rows = published(planned)
    mine = rows[rows["SKU_ID"] == "SOON"]
    assert mine["final"].tolist()[1:3] == [40, 40]


def test_a_name_that_means_several_calls_off_none(planned: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """The line shows which begin so."""
    say(planned, "Пермь/KA/A1", "=", 5, override_id="same-1")
    say(planned, "Пермь/KA/B2", "=", 5, override_id="same-2")
    assert override(planned, "clear", "same", *BY) == 2
    assert "override 'same': 2 begin so: same-1, same-2" in capsys.readouterr().err
    assert override(planned, "clear", "same-1", "same-2", *BY) == 0


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_the_template_is_what_holds_and_unchanged_it_changes_nothing(
    planned: Business, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """Also where near weeks are locked; without any there are examples, which come back for want of an author."""
    inbox = planned.folder / "staging" / "overrides" / "inbox"
    inbox.mkdir(parents=True)
    assert override(planned, "template", "--output", str(inbox / f"examples.{suffix}")) == 0
    assert override(planned, "ingest") == 2
    assert "author is empty" in next((inbox.parent / "rejected").glob("*.csv")).read_text(encoding="utf-8-sig")
    say(planned, "Пермь/KA/A1", "=", 5, ds_from=CUTOFF, override_id="mine")
    capsys.readouterr()
    assert override(planned, "template", "--output", str(inbox / f"again.{suffix}")) == 0
    assert override(planned, "ingest", "--freeze-weeks", "3") == 0
    assert "1 line as before, so nothing was changed" in capsys.readouterr().err
    assert len(planned.warehouse.read(OVERRIDES)) == 1
