"""BigQuery's own forecasters beside ours: asked and shown, or only the SQL that would ask them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.runtime.settings import Settings

MOST_ORIGINS = 26


def compare_with_bigquery(own: dict[str, object], settings: Settings, run: Run) -> None:
    """Show the scores side by side; with an output folder write the SQL there, and ask nobody.

    Raises:
        InputError: the warehouse is not BigQuery, or nothing is scored yet.
    """
    from skucast.backends.warehouse.opening import open_rivals, open_warehouse
    from skucast.jobs.rivals import Rivals, compare_bigquery, scored_origins

    n_origins = int(str(own["origins"]))
    if not 1 <= n_origins <= MOST_ORIGINS:
        raise InputError(f"--origins: found {n_origins}, expected 1 to {MOST_ORIGINS}")
    warehouse = open_warehouse(settings)
    rivals: Rivals = open_rivals(settings, warehouse, run)
    if own["output"] is not None:
        _, _, origins = scored_origins(settings, warehouse, run, n_origins)
        folder = Path(str(own["output"]))
        folder.mkdir(parents=True, exist_ok=True)
        for name in rivals.names:
            for origin in origins:
                statements = rivals.sql(name, origin.cutoff, origin.data_cutoff, origin.horizon)
                path = folder / f"{name}-{origin.cutoff}.sql"
                path.write_text(";\n\n".join(each.strip() for each in statements) + ";\n", encoding="utf-8")
        Console().print(escape(f"{folder}: the SQL of {len(origins)} origins; nothing was asked"))
        return
    scores, origins = compare_bigquery(settings, warehouse, rivals, run, n_origins)
    _show(scores, f"{len(origins)} origins, {origins[0].cutoff} to {origins[-1].cutoff}; rows that all of them have")


def _show(scores: pd.DataFrame, title: str) -> None:
    grid = Grid(title=title, title_justify="left")
    for heading in scores.columns:
        grid.add_column(heading, overflow="fold")
    for row in json.loads(scores.to_json(orient="values")):
        grid.add_row(
            *("" if cell is None else f"{cell:,.4g}" if isinstance(cell, float) else str(cell) for cell in row)
        )
    Console().print(grid)
