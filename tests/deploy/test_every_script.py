"""What all scripts of deploy/ keep: a dry run sends nothing, and wrong settings stop them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playing import play

pytestmark = pytest.mark.usefixtures("gcloud")


def test_a_dry_run_sends_nothing(tools: Path, tmp_path: Path) -> None:
    """Every script shows what it would send, and asks Google nothing."""
    names = ["setup", "build", "jobs", "schedules", "monitoring", "pause", "resume", "rollback"]
    steps = play(tools, tmp_path, [f"deploy/{name}.sh --dry-run" for name in names])
    for name, step in zip(names, steps, strict=True):
        assert step.code == 0, step.said
        assert "+ gcloud " in step.said, name
        assert not step.requests


def test_wrong_settings_stop_every_script(tools: Path, tmp_path: Path) -> None:
    """Before anything is asked or sent."""
    [step] = play(tools, tmp_path, ["PREDICT_CPU=3 deploy/jobs.sh"])
    assert step.code == 2
    assert "job predict: cpu (PREDICT_CPU): found '3'" in step.said
    assert not step.requests
