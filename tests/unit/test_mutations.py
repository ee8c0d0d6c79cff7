"""Files of the store, damaged at random: a typed error or a forecast, in bounded memory, and nothing else."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from mutations import kinds, mutated, tried
from test_forecasting import HORIZON

EVERY = {kind.name: kind for kind in kinds(HORIZON)}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_any_damaged_file_is_refused_or_used(name: str) -> None:
    """400 of each kind, seeded: errors of models alone, of one line; what is read forecasts, and harms nobody else."""
    choose, kind = random.Random(19), EVERY[name]
    became = [tried(kind, mutated(kind.payload, choose)) for _ in range(400)]
    assert set(became) == {"refused", "used"}


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_no_damaged_file_takes_much_memory(name: str) -> None:
    """The peak of reading and using one is at most 16 MB, of files of at most some hundred thousand characters."""
    choose, kind = random.Random(20), EVERY[name]
    tried(kind, kind.payload)
    tracemalloc.start()
    try:
        for _ in range(60):
            payload = mutated(kind.payload, choose)
            tracemalloc.reset_peak()
            base = tracemalloc.get_traced_memory()[0]
            tried(kind, payload)
            assert tracemalloc.get_traced_memory()[1] - base < 16 * 2**20
    finally:
        tracemalloc.stop()
