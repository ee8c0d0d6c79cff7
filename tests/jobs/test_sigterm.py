"""SIGTERM in the middle of a job: gone in time, nothing half written, and the next run goes on from there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY

from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.sales import SALES
from skucast.entry.app import main
from skucast.entry.demo.sample import sample_lines
from skucast.forecast.artifact import loads

ROOT = Path(__file__).parents[2]
GRACE_S = 8.0
UNITS = ("Пермь", "Екатеринбург")
"""Whose articles are trained: enough that two workers are busy when the first model is there."""


@pytest.fixture
def places(tmp_path: Path, warehouse: DuckDBWarehouse) -> list[str]:
    """Return the flags of a run on the sample distributor's sales."""
    lines = sample_lines(CUTOFF)
    lines = lines[lines["unit"].isin(UNITS)].reset_index(drop=True)
    stamp = Run("load", "load", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
    warehouse.append_once(SALES, lines, batch_id="sample", source="sample", run=stamp)
    return ["--warehouse", f"duckdb:{warehouse.path}", "--model-store", str(tmp_path / "models")]


def start(flags: list[str]) -> subprocess.Popen[str]:
    """Start the training of all combinations in a session of its own."""
    command = [sys.executable, str(ROOT / "run_all_skus.py"), *flags, "--as-of", str(WEDNESDAY), "--workers", "2"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def members(session: int) -> Iterator[int]:
    """Yield the processes of the session that are still there, other than zombies."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, _, own, *_ = folder.joinpath("stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):  # it has just ended
            continue
        if int(own) == session and state != "Z":
            yield int(folder.name)


@pytest.mark.parametrize("whom", ["the first process", "all processes"])
def test_training_stops_in_time_and_goes_on_later(places: list[str], tmp_path: Path, whom: str, warehouse) -> None:
    """Two workers are busy: exit 143 within 8 s, nobody left, every model whole and recorded; then the rest follows."""
    training = start(places)
    wait_until(lambda: list((tmp_path / "models").glob("*/*/*.pkl")))
    began = time.monotonic()
    if whom == "all processes":
        os.killpg(training.pid, signal.SIGTERM)
    else:
        training.send_signal(signal.SIGTERM)
    said = training.communicate(timeout=30)[1]
    assert time.monotonic() - began < GRACE_S
    assert training.returncode == 143, said
    assert "stopped by SIGTERM; what was finished is kept, run it again to go on" in said
    assert "Traceback" not in said
    wait_until(lambda: not list(members(training.pid)))

    store = LocalStore(tmp_path / "models")
    stored = store.stored()
    assert 1 <= len(stored) < 25
    assert {loads(store.load(combination).payload).card.cutoff for combination in stored} == {str(CUTOFF)}
    assert not len(warehouse.read(RUNS)[lambda rows: rows["job"] == "train"])
    before = warehouse.read(REGISTRY)
    saved = before[before["outcome"] == "saved"]
    assert set(saved["model_version"]) == {loads(store.load(combination).payload).version for combination in stored}

    assert main("train", "test", [*places, "--as-of", str(WEDNESDAY), "--workers", "1"]) == 0
    outcomes = warehouse.read(REGISTRY)
    outcomes = outcomes[~outcomes["run_id"].isin(before["run_id"])]
    went_on = outcomes[outcomes["reason"].str.startswith("model of", na=False)]
    assert set(went_on["model_version"]) == set(saved["model_version"])
    assert len(store.stored()) == len(stored) + (outcomes["outcome"] == "saved").sum() >= 25


@pytest.mark.parametrize("when", ["at once", "at work"])
def test_workers_end_with_a_training_that_is_killed(tmp_path: Path, when: str) -> None:
    """SIGKILL tells nobody: both workers, busy for ten minutes, are gone all the same."""
    program = f"""
import time
from pathlib import Path
from skucast.core.pool import Pool
from skucast.runtime.outcome import run_each
def busy(key, item):
    Path({str(tmp_path)!r}, key).touch()
    until = time.monotonic() + 600
    while time.monotonic() < until:
        pass
for _ in run_each([("a", 1), ("b", 2)], busy, what="busy", pool=Pool(workers=2)):
    pass
"""
    training = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    if when == "at once":
        wait_until(lambda: len(list(members(training.pid))) >= 3)
    else:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    training.kill()
    training.wait()
    wait_until(lambda: not list(members(training.pid)))


def wait_until(holds, within_s: float = 60.0) -> None:
    """Wait until the condition holds; fail after that time."""
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
