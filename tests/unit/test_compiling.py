"""Compiled loops: kept on disk, and compiled anew when what they call has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import skucast

UPPER = """
from lower_loops import share
from skucast.forecast.prophet.compiling import compiled

@compiled
def of_ten(x: float) -> float:
    return 10.0 * share(x)

print(of_ten(1.0), sum(of_ten.stats.cache_hits.values()))
"""
LOWER = """
from skucast.forecast.prophet.compiling import compiled

@compiled
def share(x: float) -> float:
    return x * {share}
"""


@pytest.mark.slow
def test_a_loop_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path: Path) -> None:
    """A tenth of ten is 1, and from disk again 1; half of ten is 5, though the file that asks for it is as it was."""

    def told() -> list[float]:
        source = str(Path(skucast.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": source, "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
        done = subprocess.run(
            [sys.executable, "upper_loops.py"],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return [float(each) for each in done.stdout.split()]

    (tmp_path / "kept").mkdir()
    (tmp_path / "upper_loops.py").write_text(UPPER)
    (tmp_path / "lower_loops.py").write_text(LOWER.format(share=0.1))
    assert told() == [1.0, 0.0]
    assert told() == [1.0, 1.0]
    (tmp_path / "lower_loops.py").write_text(LOWER.format(share=0.50))
    os.utime(tmp_path / "lower_loops.py", (1e9, 1e9))
    assert told() == [5.0, 0.0]
