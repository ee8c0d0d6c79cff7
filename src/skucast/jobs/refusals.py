"""What was refused of the planners' files lately, as the runs table tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import PurePosixPath
from types import MappingProxyType

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.records import RUNS
from skucast.core.words import counted

REMEMBERED = timedelta(days=14)
"""So long a refusal is shown, if the file does not come again."""

_STAMPS = re.compile(r"^(\d{4}-\d\d-\d\dT\d{6}-[0-9a-f]{8}-)+")
"""What stands before the name of a file that was moved or sent back, once or again and again."""

_END = 100
"""Bytes of a name's end that tell files apart: of a long name only the end comes back."""


def refusal(file: str, n_refused: int, n_lines: int, first: str = "") -> str:
    """Return how many rows of a file were refused, in words, and why the `first` of them was."""
    return f"{n_refused:,} of {counted(n_lines, 'row')} refused in {file}{first and f' ({first})'}"


def refused_lately(
    warehouse: Warehouse, run: Run, read_now: Mapping[str, str | None] = MappingProxyType({})
) -> list[str]:
    """Return what was refused of each file that came lately, as it came last; nothing of those that were all right.

    `read_now` are the files that this run itself has read: its row is not stored while it goes on.
    """
    runs = warehouse.read(RUNS, since={"run_at": run.run_at - REMEMBERED}, until={"run_at": run.run_at})
    newest: dict[str, str | None] = {}
    for row in runs[runs["plan_files"].notna()].sort_values("run_at", kind="stable").itertuples():
        for file, said in json.loads(str(row.plan_files)).items():
            newest[_plan_of(file)] = said and f"{said} ({row.run_at:%Y-%m-%d})"
    newest |= {_plan_of(file): said and f"{said} ({run.run_at:%Y-%m-%d})" for file, said in read_now.items()}
    return [said for said in newest.values() if said]


def _plan_of(file: str) -> str:
    """The name by which a file is known as another's correction: rows of `plan.xlsx` come back as a CSV."""
    stem = PurePosixPath(_STAMPS.sub("", file)).stem
    return stem.encode()[-_END:].decode(errors="ignore")
