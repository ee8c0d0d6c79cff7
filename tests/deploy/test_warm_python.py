"""What the other tests of scripts stand on: Google's tools started from memory do what they do started afresh."""

from __future__ import annotations

from pathlib import Path

import pytest
from playing import PROJECT, play

pytestmark = pytest.mark.usefixtures("gcloud")


def test_a_tool_from_memory_does_what_it_does_afresh(tools: Path, tmp_path: Path) -> None:
    """The same requests, words and exit codes: of gcloud and bq, the first time and the next, right and refused."""
    accounts, dataset = "gcloud iam service-accounts", f"{PROJECT}:rich"
    steps = [
        f"{accounts} describe nobody@{PROJECT}.iam.gserviceaccount.com",
        f"{accounts} create somebody --format='value(email)'",
        f"bq mk --dataset {dataset}",
        f"bq show {dataset}",
        "gcloud --no-such-flag",
    ]
    played = {}
    for warm in (True, False):
        folder = tmp_path / ("warm" if warm else "cold")
        folder.mkdir()
        found = play(tools, folder, steps, there={}, warm=warm)
        played[warm] = [
            (step.code, sorted(step.said.replace(str(folder), "").split()), step.requests) for step in found
        ]
    assert played[True] == played[False]
    assert [code for code, _, _ in played[True]] == [1, 0, 0, 0, 2]
    assert all(requests for _, _, requests in played[True][:-1])
