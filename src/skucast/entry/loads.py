"""What was loaded, as a table for people."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

SHOWN_ID = 12
"""Characters of an id that are shown where they tell it from the others."""


def show_loads(loads: pd.DataFrame) -> None:
    """Print one line per load: its id, when it came, the table, how many rows, the file."""
    short = loads["batch_id"].str[:SHOWN_ID]
    ids = short.where(~short.duplicated(keep=False), loads["batch_id"])
    grid = Grid(title="loads, newest last; loads undo ID takes one back", title_justify="left")
    for heading in ("id", "loaded (UTC)", "table", "rows", "file"):
        grid.add_column(heading, overflow="fold")
    for load_id, row in zip(ids, loads.itertuples(), strict=True):
        cells = (load_id, f"{row.loaded_at:%Y-%m-%d %H:%M}", row.table_name, f"{row.n_rows:,}", row.source)
        grid.add_row(*map(escape, map(str, cells)))
    Console().print(grid)
