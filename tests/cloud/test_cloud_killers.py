"""Marks in a bucket: of a run that says nothing any more the file is put aside, with one that lives it is shared."""

from __future__ import annotations

from hashlib import sha256

import pytest
from a_plan import KNOWN, PLAN

from skucast.backends import reading_marks
from skucast.backends.files import list_files, write_bytes
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.run import Run
from skucast.jobs.promotions import DONE, INBOX, REJECTED, ingest
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

READING, KEY = "promotions/reading", sha256(PLAN.encode()).hexdigest()


def sent(settings: Settings) -> None:
    write_bytes(settings.staging, f"{INBOX}/plan.csv", PLAN.encode(), settings.endpoints)


def names(settings: Settings, folder: str) -> list[str]:
    return [
        name[27:] if folder != READING else name for name in list_files(settings.staging, folder, settings.endpoints)
    ]


def test_a_file_whose_reader_is_silent_is_put_aside(
    in_the_cloud: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark was written, and never again."""
    monkeypatch.setattr(reading_marks, "SILENT_S", 0.2)
    sent(in_the_cloud)
    write_bytes(in_the_cloud.staging, f"{READING}/{KEY}.dead", b'{"run": "predict-1"}', in_the_cloud.endpoints)
    report = RunReport()
    ingest(in_the_cloud, open_warehouse(in_the_cloud), run, report, KNOWN)
    assert names(in_the_cloud, REJECTED) == ["plan.csv", "plan.csv.reason.txt"]
    assert names(in_the_cloud, READING) == []
    assert "while it read this file (predict-1, ? UTC)" in report.notes[0]


def test_a_file_whose_reader_lives_is_read_by_both(
    in_the_cloud: Settings, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so again and again; when it is done nothing is left, and a late word makes no mark."""
    monkeypatch.setattr(reading_marks, "BEAT_S", 0.05)
    sent(in_the_cloud)
    place, endpoints = in_the_cloud.staging, in_the_cloud.endpoints
    with reading_marks.being_read(place, READING, KEY, "{}", endpoints):
        ingest(in_the_cloud, open_warehouse(in_the_cloud), run, RunReport(), KNOWN)
        assert names(in_the_cloud, DONE) == ["plan.csv"]
        assert len(names(in_the_cloud, READING)) == 1
    assert names(in_the_cloud, READING) == []
    bucket = reading_marks._at(place, endpoints)
    assert isinstance(bucket, reading_marks._Bucket)
    bucket.write(f"{READING}/late", "{}", generation=5)
    assert names(in_the_cloud, READING) == []
