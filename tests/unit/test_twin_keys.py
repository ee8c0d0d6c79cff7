"""Looking for names that are nearly one takes no memory for ever, however long the names are."""

from __future__ import annotations

import gc
import tracemalloc

from skucast.core.spelling import fold
from skucast.core.twins import twins, twins_of


def test_long_names_are_forgotten() -> None:
    """200 names of 230 letters have 92,000 keys, which as texts took 50 MB until the process ended."""
    names = [f"{n:06}" + "ab cd" * 45 for n in range(0, 4_000, 20)]
    for name in names:
        fold(name)
    tracemalloc.start()
    assert twins_of(names[0], names) == []
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 1_000_000


def test_twins_of_long_names_are_found_as_those_of_short_ones() -> None:
    """Two letters in another order, one more, a leading zero."""
    for beginning in ("Сироп ", "Бальзам Уральский настоящий " * 3):
        others = [f"{beginning}вишня", f"{beginning}вишян", f"{beginning}вишнья", f"{beginning}007", f"{beginning}07"]
        found = {
            (name.removeprefix(beginning), other.removeprefix(beginning), how) for name, other, how in twins(others)
        }
        assert found == {
            ("вишня", "вишян", "transposed"),
            ("вишнья", "вишня", "one letter"),
            ("007", "07", "leading zeros"),
        }
