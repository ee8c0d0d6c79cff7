"""Flags: shown by group; a name that nobody knows is answered with what was meant, and nothing is run."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

import skucast
from skucast.entry import app, cli
from skucast.entry.arguments import arguments_of
from skucast.runtime.groups.field import is_secret, jobs_of
from skucast.runtime.settings import GROUPS, Settings

ROOT = Path(__file__).parents[2]
SCRIPTS = {
    "train": "run_all_skus.py",
    "retrain": "retrain_models.py",
    "predict": "predict_weekly.py",
    "monitor": "monitor_performance.py",
}


@pytest.fixture
def said(capsys, tmp_path):
    """Return a function that starts a script or a tool wrongly: the one line that it says before it exits with 2."""

    def call(*words):
        with pytest.raises(SystemExit) as stop:
            app.main(words[0], "", words[1:]) if words[0] in SCRIPTS else cli.main(words)
        assert stop.value.code == 2
        shown = capsys.readouterr()
        assert not shown.out
        assert not list(tmp_path.iterdir())
        (line,) = shown.err.splitlines()
        return line

    return call


# --- Groups ---------------------------------------------------------------------------------------------------------


def test_every_setting_is_in_one_group():
    """The groups hold all settings, none twice, and Settings reads them in the order in which they are shown."""
    assert [name for group in GROUPS for name in group.model_fields] == list(Settings.model_fields)
    assert len({group.title for group in GROUPS}) == len(GROUPS)


def test_help_shows_the_groups(capsys):
    """Flags stand below the heading of their group; a group of which the script reads nothing has no heading."""
    with pytest.raises(SystemExit) as stop:
        app.main("monitor", "What it does.", ["--help"])
    assert stop.value.code == 0
    headings = [line.rstrip(":") for line in capsys.readouterr().out.splitlines() if line[:1].islower()]
    read = [
        group.title
        for group in GROUPS
        if any("monitor" in jobs_of(each) and not is_secret(each) for each in group.model_fields.values())
    ]
    assert [heading for heading in headings if heading in {group.title for group in GROUPS}] == read
    assert "training" not in read
    assert read[:3] == ["places", "week", "forecast"]


# --- What was meant -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("predict", "--as-off", "2026-11-25"), "unknown flag --as-off; did you mean --as-of?"),
        (("monitor", "--lookback-week=3"), "unknown flag --lookback-week; did you mean --lookback-weeks?"),
        (("train", "--no-forse"), "unknown flag --no-forse; did you mean --no-force?"),
        (("retrain", "--targets", "*/*/*"), "unknown flag --targets; did you mean --target?"),
        (("predict", "--Horizon_Weeks", "3"), "unknown flag --Horizon_Weeks; did you mean --horizon-weeks?"),
        (("predict", "-as-of", "2026-11-25"), "unknown flag -as-of; did you mean --as-of?"),
        (("predict", "—as-of", "2026-11-25"), "unknown flag —as-of; did you mean --as-of?"),
        (("train", "--target", "Пермь/*/*"), "unknown flag --target; did you mean --target-combinations?"),
        (("predict", "--colour", "red"), "unknown flag --colour ("),
        (("doctor", "--as-off", "2026-11-25"), "unknown flag --as-off; did you mean --as-of?"),
        (("docter",), "unknown command docter; did you mean doctor?"),
        (("Load", "sales.csv"), "unknown command Load; did you mean load?"),
        (("retrian",), "unknown command retrian ("),
        (("alerts", "lst"), "unknown command lst; did you mean list?"),
        (("alerts", "list", "--warehose", "x"), "unknown flag --warehose; did you mean --warehouse?"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_closest(said, words, line):
    """One line: what nobody knows, and what was probably meant, if anything is like it."""
    assert said(*words).startswith(line)


def test_a_mistyped_flag_is_named_before_what_seems_missing(said):
    """`--tabel sales` is no missing `--table`: the cause is said, not the consequence."""
    assert said("load", "sales.csv", "--tabel", "sales").startswith("unknown flag --tabel; did you mean --table?")


def test_a_flag_of_another_job_is_no_slip(said):
    """Instead of the closest flag, the line says who reads that setting."""
    assert said("predict", "--alert-bias", "3").startswith("unknown flag --alert-bias; read by monitor only")
    assert said("predict", "--cloud-run-task-index", "1").startswith(
        "unknown flag --cloud-run-task-index; Cloud Run sets it"
    )


def test_a_secret_is_no_flag(said):
    """The line says so, and does not show the secret."""
    line = said("monitor", "--alert-webhook-url", "https://hooks.example/T0P")
    assert line.startswith("unknown flag --alert-webhook-url; a secret is a variable only")
    assert "T0P" not in line


def test_what_follows_two_dashes_is_no_flag(capsys):
    """A file may be called like a flag: `load --table sales -- --tabel.csv`."""
    assert cli.main(["load", "--table", "sales", "--", "--tabel.csv"]) == 2
    assert "unknown flag" not in capsys.readouterr().err


def test_help_is_named_as_the_tool_was_called(said, capsys):
    """The command, or the module: what the line names can be pasted."""
    assert said("doctor", "--as-off").endswith("(skucast doctor --help shows all)")
    with pytest.raises(SystemExit):
        cli.main(["docter"], prog="python -m skucast")
    assert capsys.readouterr().err.endswith("(python -m skucast --help shows all)\n")


# --- Version --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("command", [*SCRIPTS.values(), "-m skucast"])
def test_everything_says_its_version(command):
    """`--version` of the four scripts and of the tools: one line, exit code 0."""
    done = subprocess.run(
        [sys.executable, *command.split(), "--version"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"skucast {skucast.__version__}\n"


# --- What is missing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("alerts", "own", "wape-1", "--owner", "Boris"), "skucast alerts own: --author missing"),
        (("alerts", "reopen", "wape-1"), "skucast alerts reopen: --author missing"),
        (("alerts", "snooze", "wape-1"), "skucast alerts snooze: --until, --author missing"),
        (("alerts", "comment", "x", "--author", "A"), "skucast alerts comment: --comment missing"),
        (("alerts", "done", "--author", "Anna"), "skucast alerts done: LINE missing"),
        (("load", "sales.csv"), "skucast load: --table missing"),
        (("promotions", "check"), "skucast promotions check: FILE missing"),
        (("load", "sales.csv", "--table", "x"), "skucast load: argument --table: invalid choice: 'x'"),
        (("alerts", "ack", "a", "--until", "today"), "skucast alerts ack: argument --until: found 'today', expected a"),
    ],
)
def test_what_is_missing_or_wrong_is_one_line(said, words, line):
    """Where argparse would show all flags of the command first."""
    assert said(*words).startswith(line)


def test_help_says_what_is_needed():
    """Of every tool: each flag without which nothing is done is marked so."""

    def actions_of(parser):
        for action in parser._actions:
            yield action
            if isinstance(action, argparse._SubParsersAction):
                for each in action.choices.values():
                    yield from actions_of(each)

    needed = [each for each in actions_of(arguments_of("skucast")) if each.option_strings and each.required]
    assert len(needed) >= 7
    assert [each.option_strings for each in needed if not each.help.endswith("(needed)")] == []
