"""In which order tests run: the longest first, dealt to the workers so that all end at about the same time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

SECONDS = {
    "deploy/test_monitoring_script.py": 20,
    "cloud/test_chain.py": 80,
    "jobs/test_tasks.py": 70,
    "contract/test_warehouse_writes.py": 50,
    "cloud/bigquery/test_bigquery_killed.py": 50,
    "cloud/bigquery/test_bigquery_outage.py": 45,
    "contract/test_warehouse_sales.py": 45,
    "contract/test_warehouse_tables.py": 40,
    "cloud/bigquery/test_bigquery_trouble.py": 40,
    "cloud/bigquery/test_bigquery_at_once.py": 35,
    "jobs/test_scripts.py": 60,
    "jobs/test_sigterm.py": 30,
    "jobs/test_alerting.py": 50,
    "jobs/test_monitor.py": 40,
    "browser/test_handling.py": 40,
    "browser/test_figures.py": 30,
    "browser/test_look.py": 20,
    "cloud/test_looker_views.py": 20,
    "unit/test_solver.py": 30,
    "jobs/test_known_promotions.py": 20,
    "jobs/test_board.py": 20,
    "jobs/test_panel.py": 30,
    "jobs/test_loop.py": 25,
    "jobs/test_train.py": 20,
    "jobs/test_training_records.py": 15,
}
"""Files that take long, and how long about: only their order and their sums count (docs/testing.md has measures)."""

TESTS = Path(__file__).parent


def dealt(items: Sequence[pytest.Item], hands: int) -> list[pytest.Item]:
    """Return the tests in as many hands, one after the other: each begins with long files and has as many tests.

    xdist gives every worker a slice of the list, all about as long, and lets those who are done take from the others'
    ends. A file's tests stay together, as they share what its fixtures make.
    """
    files = {name: list(tests) for name, tests in groupby(items, lambda item: item.path.relative_to(TESTS).as_posix())}
    dealt_to: list[list[pytest.Item]] = [[] for _ in range(hands)]
    seconds = [0.0] * hands
    for name in sorted(files.keys() & SECONDS.keys(), key=lambda name: (-SECONDS[name], name)):
        hand = min(range(hands), key=seconds.__getitem__)
        dealt_to[hand] += files.pop(name)
        seconds[hand] += SECONDS[name]
    rest = [item for tests in files.values() for item in tests]
    for number, hand in enumerate(dealt_to):
        wanted = max(0, round(len(items) * (number + 1) / hands) - round(len(items) * number / hands) - len(hand))
        hand.extend(rest[:wanted])
        del rest[:wanted]
    dealt_to[-1] += rest
    return [item for hand in dealt_to for item in hand]
