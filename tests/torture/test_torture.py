"""The torture suite at a small size; that it finds what it is for; that what it finds is small and plays again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from stand_ins.servers import missing

HERE = Path(__file__).parent


def campaign(*flags: str) -> tuple[int, str]:
    """Return exit code and output of the campaign, which forks its runs and so is a process without any thread."""
    command = [sys.executable, str(HERE / "campaign.py"), *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(("backend", "seeds"), [("files", 40), ("cloud", 4)])
def test_random_schedules_leave_everything_whole(backend: str, seeds: int) -> None:
    """Runs of all stories that overlap, are killed, lose answers: the checker finds nothing; the seeds are said."""
    if backend == "cloud" and missing() is not None:
        pytest.skip(str(missing()))
    code, said = campaign("--backend", backend, "--seeds", "1", str(seeds))
    assert code == 0, said
    assert f"{seeds} schedules from seed 1 on, 0 failed" in said
    assert "exit code -9" in said or backend == "cloud"


@pytest.mark.parametrize("writer", ["append", "merge"])
def test_a_writer_that_is_not_ours_is_found_out(writer: str) -> None:
    """The test above bites: an append leaves rows of two runs, a bare MERGE what the other run knew alone.

    What is shown last is the smallest schedule: two runs of that writer, or one beside the week that was there. It can
    be played again, and is found again.
    """
    code, said = campaign("--seeds", "1", "8", "--stories", writer, "predict")
    assert code == 1
    assert re.search(r"SEED \d+ FAILED: forecasts: (rows of \[.*\], of the versions|\d+ rows of)", said)
    smallest = re.findall(r"^smallest: (.*)$", said, re.MULTILINE)
    schedule = json.loads(smallest[0])
    assert 1 <= len(schedule) <= 2
    assert {step[0] for step in schedule} == {"start"}
    code, again = campaign("--replay", smallest[0])
    assert code == 1
    assert "forecasts: " in again


def test_what_was_lost_is_found_out(tmp_path: Path) -> None:
    """The checker itself: a version, a record, a publish, a delivery that a run was told of, and that are not there."""
    script = (
        "import sys; from pathlib import Path; import campaign; "
        "from worlds import FileWorld;"
        "world = FileWorld(Path(sys.argv[1])); campaign.begun(world);"
        "told = [('saved', 'A0', '2026-11-22-0123456789ab'), ('recorded', 'predict-7')];"
        "told += [('published', 'forecasts', 'predict-7'), ('loaded', 'batch-7')];"
        "print(*campaign.violations(world, told), sep='\\n', flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=HERE, stdout=subprocess.PIPE, text=True, check=True
    )
    assert "Пермь/KA/A0: version 2026-11-22-0123456789ab is lost" in done.stdout
    assert "runs: the record of predict-7 is lost" in done.stdout
    assert "forecasts: the publish of predict-7 is not noted" in done.stdout
    assert "sales: 0 lines of batch-7, no note" in done.stdout
