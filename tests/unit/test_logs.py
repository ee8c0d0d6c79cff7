"""Logs: one JSON object a line for machines, readable lines for people, progress that stays out of the way."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skucast.runtime.logs import log, progress, setup_logging


@pytest.fixture
def logged(settings, capsys):
    """Return a function that sets JSON logs up, runs a function, and returns the one entry that it logged.

    The Google library's own line about itself, first in a process, has no message.
    """

    def call(function, *arguments, **options):
        setup_logging(settings(log_format="json"), run_id="predict-1", job="predict")
        function(*arguments, **options)
        entries = [json.loads(line, parse_constant=pytest.fail) for line in capsys.readouterr().out.splitlines()]
        (entry,) = [entry for entry in entries if "message" in entry]
        return entry

    return call


def test_a_json_line_has_severity_run_and_fields(logged):
    """Cloud Logging finds severity, message, run_id and the record's own fields."""
    fields = {"combination": "Пермь/KA/A1", "step": 2, "duration_s": 0.5}
    entry = logged(log.info, "model saved", extra={"fields": fields})
    expected = {"severity": "INFO", "message": "model saved", "run_id": "predict-1", "job": "predict"}
    assert {name: entry[name] for name in expected | fields} == expected | fields


def test_values_that_json_lacks_become_null_or_text(logged):
    """NaN and infinities are null at any depth, and other objects their text: every line stays valid JSON."""
    fields = {"wape": float("nan"), "by_step": {1: float("inf"), 2: [0.5, float("nan")]}, "cutoff": object}
    entry = logged(log.warning, "scored", extra={"fields": fields})
    assert entry["severity"] == "WARNING"
    assert entry["wape"] is None
    assert entry["by_step"] == {"1": None, "2": [0.5, None]}
    assert entry["cutoff"] == "<class 'object'>"


class Mute:
    """A value that cannot be shown."""

    def __str__(self):
        raise RuntimeError("no")


ENDLESS: dict[str, object] = {}
ENDLESS["again"] = ENDLESS

VALUES = {
    "whole number of numpy": (np.int64(5), 5),
    "truth of numpy": (np.bool_(True), True),
    "number of numpy": (np.float32(0.5), 0.5),
    "no number of numpy": (np.float32("nan"), None),
    "no time": (pd.NaT, None),
    "no value": (pd.NA, None),
    "no decimal": (Decimal("NaN"), None),
    "signalling decimal": (Decimal("sNaN"), None),
    "decimal": (Decimal("1.50"), "1.50"),
    "date": (date(2026, 11, 22), "2026-11-22"),
    "set": ({1}, [1]),
    "long number": (10**5000, "<int that cannot be shown: ValueError>"),
    "mute object": (Mute(), "<Mute that cannot be shown: RuntimeError>"),
    "mute key": ({Mute(): 1}, {"<Mute that cannot be shown: RuntimeError>": 1}),
    "half a character": ("a\udc80b", "a\udc80b"),
}


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(("value", "expected"), VALUES.values(), ids=VALUES)
def test_no_value_ends_the_run_or_loses_its_line(settings, capsys, log_format, value, expected):
    """Numbers stay numbers, what is missing is null, everything else is its text; the line is there, once."""
    setup_logging(settings(log_format=log_format))
    log.info("here", extra={"fields": {"value": value}})
    written = capsys.readouterr()
    assert "Logging error" not in written.err
    if log_format == "json":
        entry = json.loads(next(line for line in written.out.splitlines() if "here" in line))
        assert entry["value"] == expected
        assert type(entry["value"]) is type(expected)
    else:
        assert written.err.count("here  value=") == 1


def test_a_value_that_holds_itself_has_an_end(logged):
    """Eight levels are shown, the rest is a text."""
    entry = logged(log.info, "here", extra={"fields": {"value": ENDLESS}})
    assert json.dumps(entry["value"]).count("again") == 9


@pytest.mark.parametrize(("fields", "expected"), [(None, {}), ([], {}), ([1, 2], {"fields": [1, 2]})])
def test_fields_that_are_no_dictionary_are_shown_as_one(logged, fields, expected):
    """Nothing is nothing; a list is a field of its own."""
    entry = logged(log.info, "here", extra={"fields": fields})
    assert {name: entry[name] for name in entry if name == "fields"} == expected


def test_a_field_cannot_hide_the_message(logged):
    """A field named as one of Cloud Logging's own is kept under another name."""
    entry = logged(log.info, "here", extra={"fields": {"message": "there", "severity": 5}})
    assert (entry["message"], entry["severity"]) == ("here", "INFO")
    assert (entry["field_message"], entry["field_severity"]) == ("there", 5)


def test_what_cloud_logging_keeps_for_itself_is_renamed_not_lost(logged):
    """Its handler would drop a field of such a name: a clock of our own, a label, a request."""
    names = ("time", "timestampNanos", "logging.googleapis.com/labels", "httpRequest")
    entry = logged(log.info, "here", extra={"fields": dict.fromkeys(names, "ours")})
    assert [entry[f"field_{name}"] for name in names] == ["ours"] * 4
    assert entry["logging.googleapis.com/labels"] == {"python_logger": "skucast"}


def test_logs_are_light():
    """Importing them loads neither pandas nor a library of Google's: `--help` is quick."""
    code = "import sys, skucast.runtime.logs; sys.exit(any(name in sys.modules for name in ('pandas', 'google.cloud')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_traceback_stays_in_its_line(logged):
    """Several lines of text are one JSON line, with severity ERROR."""
    entry = logged(log.error, "the run failed", exc_info=ValueError("broken\nin two lines"))
    assert entry["severity"] == "ERROR"
    assert "in two lines" in entry["message"]
    assert entry["message"].startswith("the run failed\n")


def test_warnings_of_libraries_are_logged_as_json_too(logged):
    """A Python warning does not break the stream of JSON lines."""
    entry = logged(logging.getLogger("py.warnings").warning, "old thing")
    assert entry["severity"] == "WARNING"
    assert "old thing" in entry["message"]
    assert entry["run_id"] == "predict-1"


def test_a_text_line_is_for_people(settings, capsys):
    """Time, level, message and the record's fields on stderr; run fields and the long data report stay out."""
    setup_logging(settings(log_format="text"), run_id="predict-1", job="predict")
    log.info("done", extra={"fields": {"cutoff": "2026-11-22", "failed": 0, "data_report": {"n_lines": 5}}})
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err[8:] == " INFO    done  cutoff=2026-11-22  failed=0\n"


def test_numbers_are_as_long_as_people_read_them(settings, capsys):
    """Four digits behind the point, four in all of a small one; whole numbers and words as they are."""
    setup_logging(settings(log_format="text"), run_id="predict-1", job="predict")
    fields = {"wape": 0.09081196581196582, "share": 2 / 3, "sold": 123456.789012345, "churn": float("nan"), "n": 12345}
    log.info("done", extra={"fields": fields})
    shown = "wape=0.09081  share=0.6667  sold=123456.789  churn=nan  n=12345\n"
    assert capsys.readouterr().err.endswith(f" done  {shown}")


def test_the_place_decides_the_format(settings, capsys):
    """`auto` is JSON on Cloud Run and text elsewhere."""
    for given, starts in (({"cloud_run_execution": "x"}, "{"), ({}, "")):
        setup_logging(settings(**given))
        log.info("here")
        assert capsys.readouterr().out[:1] == starts


def test_the_level_hides_lesser_records(settings, capsys):
    """LOG_LEVEL=WARNING leaves information out."""
    setup_logging(settings(log_level="WARNING"))
    log.info("detail")
    log.warning("careful")
    assert [line[9:] for line in capsys.readouterr().err.splitlines()] == ["WARNING careful"]


def test_setting_up_twice_logs_once(settings, capsys):
    """A second run in the same process replaces the handler."""
    for _ in range(2):
        setup_logging(settings())
    log.info("once")
    assert capsys.readouterr().err.count("once") == 1


def test_progress_yields_every_item_and_is_quiet_when_fast(settings, capsys):
    """Outside a terminal a short loop logs nothing."""
    setup_logging(settings())
    assert list(progress(iter("abc"), 3, "count")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_progress_logs_now_and_then_when_slow(settings, capsys, monkeypatch):
    """A loop of 4 s an item says every 10 s how far it is, and at the end."""
    seconds = iter(range(0, 100, 4))
    monkeypatch.setattr("skucast.runtime.logs.time.monotonic", lambda: next(seconds))
    setup_logging(settings())
    list(progress(range(7), 7, "train"))
    assert [line.split("   ")[-1].strip() for line in capsys.readouterr().err.splitlines()] == [
        "train: 3 of 7",
        "train: 6 of 7",
        "train: 7 of 7",
    ]
