"""What the page knows of changes: sums by unit and channel, and of each combination its parts and reasons."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from boards import changes_of_board, revisions_of_board, small_board

from skucast.core.combination import KEY
from skucast.dashboard.changes import ALL_WEEKS, changes_data, revisions_data
from skucast.dashboard.data import page_data


def test_nothing_stored_is_nothing_shown():
    """As before the table was there, or after a first run."""
    board = small_board()
    assert page_data(board)["changes"] is None
    assert page_data(replace(board, changes=changes_of_board(board).head(0)))["changes"] is None


def test_parts_add_up_in_each_cell_and_combination():
    """By week, and of a combination over all weeks too; a part that is nowhere is left out."""
    changes = changes_of_board(small_board())
    found = changes_data(replace(small_board(), changes=changes), changes[KEY].drop_duplicates())
    assert found["parts"] == ["new_sales", "plan"]
    for table in (found["cells"], found["combinations"]):
        for row, change in enumerate(table["change"]):
            assert sum(table[name][row] for name in found["parts"]) == pytest.approx(change, abs=0.01)
    of_all = [row for row, week in enumerate(found["combinations"]["week"]) if week == ALL_WEEKS]
    weeks = [row for row, week in enumerate(found["combinations"]["week"]) if week != ALL_WEEKS]
    change = found["combinations"]["change"]
    assert sum(change[row] for row in of_all) == pytest.approx(sum(change[row] for row in weeks))
    assert len(found["weeks"]) == 2


def test_reasons_are_texts_and_what_stands_in_their_places():
    """A promotion that touches two weeks is named once for both."""
    changes = changes_of_board(small_board())
    found = changes_data(replace(small_board(), changes=changes), changes[KEY].drop_duplicates())
    rows = found["combinations"]
    first = next(row for row, week in enumerate(rows["week"]) if week == ALL_WEEKS and rows["plan"][row])
    said = [(found["texts"][number], values) for number, values in rows["reasons"][first]]
    assert len([text for text, _ in said if "was withdrawn" in text]) == 1
    assert any(values.get("day_from_before") == "2026-11-20" for _, values in said)
    json.dumps(found)


def test_each_further_run_is_told_the_newest_first():
    """One that changed nothing has sums alone, without a part."""
    board = small_board()
    revisions = revisions_of_board(board)
    second, first = revisions_data(replace(board, revisions=revisions), revisions[KEY].drop_duplicates())
    assert (second["replaced_at"], second["made_at"]) == ("2026-11-18T12:00:00Z", "2026-11-18T16:00:00Z")
    assert second["parts"] == second["combinations"]["week"] == []
    assert sum(second["cells"]["final"]) > 0
    assert first["parts"] == ["new_sales", "plan"]
    assert first["cells"] == changes_data(replace(board, changes=changes_of_board(board)), revisions[KEY])["cells"]
    json.dumps([second, first])
    assert page_data(board)["revisions"] == []
