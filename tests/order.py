"""In which order tests run: the longest first, dealt to the workers so that all end at about the same time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pytest

SECONDS = {
    "jobs/test_scripts.py": 110,
    "cloud/test_chain.py": 80,
    "deploy/test_setup_script.py": 40,
    "jobs/test_tasks.py": 40,
    "jobs/test_alerting.py": 35,
    "jobs/test_panel.py": 35,
    "deploy/test_jobs_scripts.py": 30,
    "jobs/test_notebooks.py": 30,
    "unit/test_solver.py": 30,
    "browser/test_thursday.py": 25,
    "jobs/test_blended_models.py": 25,
    "jobs/test_board.py": 25,
    "jobs/test_missing_sales.py": 25,
    "jobs/test_monitor.py": 25,
    "browser/test_handling.py": 20,
    "cloud/bigquery/test_bigquery_trouble.py": 20,
    "contract/test_warehouse_writes.py": 20,
    "jobs/test_changes.py": 20,
    "jobs/test_known_promotions.py": 20,
    "jobs/test_loop.py": 20,
    "jobs/test_revisions.py": 20,
    "jobs/test_sigterm.py": 20,
    "browser/test_figures.py": 15,
    "browser/test_look.py": 15,
    "contract/test_warehouse_foreign.py": 15,
    "deploy/test_monitoring_script.py": 15,
    "deploy/test_warm_python.py": 15,
    "jobs/test_library.py": 15,
    "jobs/test_override_command.py": 15,
    "jobs/test_overrides.py": 15,
    "jobs/test_page.py": 15,
    "jobs/test_panel_inputs.py": 15,
    "jobs/test_refresh.py": 15,
    "jobs/test_stored_models.py": 15,
    "jobs/test_work_list_jobs.py": 15,
    "unit/test_alerts.py": 15,
    "unit/test_dashboard.py": 15,
    "unit/test_weather.py": 15,
    "jobs/test_backtests_kept.py": 10,
    "jobs/test_beginning.py": 10,
    "jobs/test_bridge_adds_up.py": 10,
    "jobs/test_challenger.py": 10,
    "jobs/test_changes_of_blend.py": 10,
    "jobs/test_declared_jobs.py": 10,
    "jobs/test_library_models.py": 10,
    "jobs/test_no_room.py": 10,
    "jobs/test_predict.py": 10,
    "jobs/test_totals.py": 10,
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
