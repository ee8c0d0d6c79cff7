"""Names of files in an inbox: whatever they are, the file is taken in, and its name is shown on one line."""

from __future__ import annotations

import json
import os

import pytest
from folders import BAD, GOOD, PLAN_OF_GOOD, Inbox

from skucast.jobs.runs import run_row


@pytest.mark.parametrize(
    ("sent_as", "shown"),
    [
        (b"plan\n12:00:00 ERROR   forged.csv", r"plan\n12:00:00 ERROR   forged.csv"),
        (b"plan\xff.csv", r"plan\udcff.csv"),
        (b"..\\..\\plan.csv", None),
        (b"=plan.csv", "=plan.csv"),
        ("\u202eplan.csv".encode(), r"\u202eplan.csv"),
    ],
)
def test_a_name_that_is_no_text_stops_no_run(inbox: Inbox, sent_as: bytes, shown: str | None) -> None:
    """Breaks of lines and half characters are escaped in notes, records and names of files; hidden files stay."""
    inbox.send("x.csv", GOOD, BAD).rename(os.fsdecode(os.fsencode(inbox.folder / "inbox") + b"/" + sent_as))
    if shown is None:
        assert inbox.ingest() == 0
        return
    assert inbox.ingest() == 2
    assert inbox.plan() == PLAN_OF_GOOD
    assert inbox.files() == {"inbox": [], "done": [shown], "rejected": [shown]}
    [note] = inbox.report.notes
    assert note.startswith(f"promotions: {shown}: 1 promotion added")
    assert "\n" not in note
    row = run_row(inbox.settings, inbox.run, inbox.report, 0, None).iloc[0]
    assert list(json.loads(row["plan_files"].encode().decode())) == [shown]


def test_what_cannot_be_read_is_put_aside_under_a_name_that_can(inbox: Inbox) -> None:
    """Its reason lies beside it, and quotes the name on one line."""
    inbox.send("x.xlsx", GOOD).rename(os.fsdecode(os.fsencode(inbox.folder / "inbox") + b"/\xffa\nb.xlsx"))
    assert inbox.ingest() == 0
    shown = r"\udcffa\nb.xlsx"
    assert inbox.files()["rejected"] == [shown, f"{shown}.reason.txt"]
    [reason] = (inbox.folder / "rejected").glob("*.reason.txt")
    assert reason.read_text(encoding="utf-8").startswith(f"{shown}: is no Excel file")
    assert len(reason.read_text(encoding="utf-8").splitlines()) == 1
