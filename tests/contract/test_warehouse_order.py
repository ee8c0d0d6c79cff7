"""Of two runs that publish the same slice the one that read its inputs later stays, on every warehouse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
import pytest
from builders import CUTOFF
from small_table import PERM, QUOTED, SMALL, THIRD, forecasts, small

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import Superseded
from skucast.core.run import Begun, Run
from skucast.core.tables.contract import ALL, Column
from skucast.core.tables.names import NAMES
from skucast.core.tables.records import PUBLISHES
from skucast.core.tables.validation import empty

WRITTEN_BY = replace(SMALL, columns=(*SMALL.columns, Column("run_id", "STRING", "text", "who wrote the row")))
"""The small table, whose rows say who has written them."""


def run_at(run: Run, minute: int, name: str | None = None, *, is_forced: bool = False) -> Run:
    """Return a run that read its inputs at this minute after 19:00."""
    read = datetime.fromisoformat("2026-11-25T19:00:00") + timedelta(minutes=minute)
    found = replace(run, run_id=name or f"predict-{minute}", begun=Begun(), is_forced=is_forced)
    found.reads(since=read)
    return found


def by(run: Run, yhat: float, *combinations: object) -> pd.DataFrame:
    """Return rows that say who has written them."""
    return small(yhat, combinations or (PERM, QUOTED)).assign(run_id=run.run_id)  # type: ignore[arg-type]


def test_who_read_later_stays(warehouse: Warehouse, run: Run) -> None:
    """Read at :05 and published first, or read at :02 and published last: the week of :05, and the line says so."""
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run_at(run, 0))
    warehouse.replace(SMALL, small(5.0), CUTOFF, run=run_at(run, 5))
    line = rf"{SMALL.name}, {CUTOFF}: predict-5 .* 19:05:00 UTC, later than .* 19:02:00 UTC: its rows stay.*--force"
    with pytest.raises(Superseded, match=line):
        warehouse.replace(SMALL, small(2.0), CUTOFF, run=run_at(run, 2))
    assert set(forecasts(warehouse).values()) == {5.0}
    assert not warehouse.published(SMALL, CUTOFF, run=run_at(run, 2))
    other = CUTOFF + timedelta(weeks=1)
    warehouse.replace(SMALL, small(2.0, cutoff=other), other, run=run_at(run, 2))  # another week is another matter
    warehouse.replace(SMALL, small(6.0), CUTOFF, run=run_at(run, 6))
    assert set(forecasts(warehouse).values()) == {6.0}


def test_who_forces_it_wins(warehouse: Warehouse, run: Run) -> None:
    """The older numbers are wanted all the same; whoever computes after that publishes as ever."""
    warehouse.replace(SMALL, small(5.0), CUTOFF, run=run_at(run, 5))
    warehouse.replace(SMALL, small(2.0), CUTOFF, run=run_at(run, 2, is_forced=True))
    assert set(forecasts(warehouse).values()) == {2.0}
    warehouse.replace(SMALL, small(6.0), CUTOFF, run=run_at(run, 6))
    assert set(forecasts(warehouse).values()) == {6.0}


def test_the_same_run_again_is_not_kept_out(warehouse: Warehouse, run: Run) -> None:
    """A task that is started again, and one whose clock stands still, may publish its own slice anew."""
    warehouse.replace(SMALL, small(5.0), CUTOFF, run=run_at(run, 5, "predict-a"))
    warehouse.replace(SMALL, small(4.0), CUTOFF, run=run_at(run, 4, "predict-a"))
    warehouse.replace(SMALL, small(3.0), CUTOFF, run=run_at(run, 5, "predict-b"))
    assert set(forecasts(warehouse).values()) == {3.0}


def test_a_clock_of_the_future_stops_nobody(warehouse: Warehouse, run: Run) -> None:
    """A machine whose clock was a day ahead has published: those whose clocks are right go on."""
    warehouse.replace(SMALL, small(9.0), CUTOFF, run=run_at(run, 24 * 60))
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run_at(run, 0))
    assert set(forecasts(warehouse).values()) == {1.0}


def test_runs_of_no_order_are_as_ever(warehouse: Warehouse, run: Run) -> None:
    """What nobody knows the reading of neither waits nor is waited for; the note says that it is not known."""
    warehouse.replace(SMALL, small(5.0), CUTOFF, run=run_at(run, 5))
    warehouse.replace(SMALL, small(1.0), CUTOFF, run=run)
    assert set(forecasts(warehouse).values()) == {1.0}
    notes = warehouse.read(PUBLISHES).set_index("run_id")["read_at"]
    assert notes["predict-5"] == pd.Timestamp("2026-11-25T19:05:00")
    assert pd.isna(notes[run.run_id])


def test_targeted_runs_meet_where_their_rows_do(warehouse: Warehouse, run: Run) -> None:
    """An older run about another combination is let in; about the same one, or about all, it is not."""
    week, later, older = run_at(run, 0), run_at(run, 5), run_at(run, 2)
    warehouse.replace(WRITTEN_BY, by(week, 0.0, PERM, QUOTED, THIRD), CUTOFF, run=week)
    warehouse.replace(WRITTEN_BY, by(later, 5.0, PERM), CUTOFF, run=later, combinations=[PERM])
    warehouse.replace(WRITTEN_BY, by(older, 2.0, THIRD), CUTOFF, run=older, combinations=[THIRD])
    with pytest.raises(Superseded, match="predict-5"):
        warehouse.replace(WRITTEN_BY, by(older, 2.0, PERM), CUTOFF, run=older, combinations=[PERM, QUOTED])
    with pytest.raises(Superseded, match="predict-5"):
        warehouse.replace(WRITTEN_BY, by(older, 2.0, PERM, QUOTED, THIRD), CUTOFF, run=older)
    assert forecasts(warehouse) == {PERM: 5.0, QUOTED: 0.0, THIRD: 2.0}


def test_a_table_kept_as_a_whole_has_an_order_too(warehouse: Warehouse, run: Run) -> None:
    """Decisions about names, rules of orders, places."""
    warehouse.replace(NAMES, empty(NAMES), ALL, run=run_at(run, 5))
    with pytest.raises(Superseded, match="predict-5"):
        warehouse.replace(NAMES, empty(NAMES), ALL, run=run_at(run, 2))


def test_a_set_of_tasks_is_as_old_as_its_first(warehouse: Warehouse, run: Run) -> None:
    """One task read at :02 and the other, started again, at :08; another run read at :05: the set is older."""
    tasks = [replace(run_at(run, minute, "predict-t"), task_index=n, task_count=2) for n, minute in enumerate((2, 8))]
    for task, combination in zip(tasks, (PERM, THIRD), strict=True):
        warehouse.stage(SMALL, small(1.0, [combination]), run=task)
    rows = warehouse.staged(SMALL, run=tasks[1])
    assert tasks[1].read_at == datetime.fromisoformat("2026-11-25T19:02:00")
    warehouse.replace(SMALL, small(5.0), CUTOFF, run=run_at(run, 5))
    with pytest.raises(Superseded, match="predict-5"):
        warehouse.replace(SMALL, rows, CUTOFF, run=tasks[1])
