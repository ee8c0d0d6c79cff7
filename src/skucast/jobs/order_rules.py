"""Rules for orders from a file: what cannot be meant is refused, names that nothing is sold under are said."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination, name_problem
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.names import NAMES
from skucast.core.tables.orders import ORDER_RULES
from skucast.core.words import counted
from skucast.forecast.joint.order_rules import faults_of
from skucast.jobs.load import note_unused, refuse_cloud, weeks_of
from skucast.regressors.file_lines import FileLine
from skucast.regressors.line_names import KnownNames
from skucast.runtime.column_map import parse_column_map
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.loading import read_file
from skucast.sales.names import with_names

SHOWN = 5
"""Rules that a message names."""


def load_order_rules(
    path: Path, columns: str | None, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    """Replace the rules for orders by those of the file; those about nothing that is sold are named, and kept.

    Raises:
        InputError: the file cannot be used, or a rule of it cannot be meant.
    """
    refuse_cloud(settings, "order rules")
    rows, unused = read_file(path, ORDER_RULES, parse_column_map(columns or "", ORDER_RULES))
    faults = faults_of(rows)
    if faults:
        raise InputError(f"{path}: {listed(faults, SHOWN, '; ')}; nothing was loaded")
    report.n_rows = warehouse.replace(ORDER_RULES, rows, ALL, run=run)
    report.notes.append(
        f"{settings.order_rules_table} in {settings.warehouse} holds {counted(report.n_rows, 'rule')} now, those of "
        f"{path.name}"
    )
    note_unused(unused, report)
    unknown = _about_nothing(rows, settings, warehouse)
    if unknown:
        report.warn(f"{counted(len(unknown), 'order rule')} about nothing that is sold: {listed(unknown, SHOWN, '; ')}")


def _about_nothing(rules: pd.DataFrame, settings: Settings, warehouse: Warehouse) -> list[str]:
    """The rules with names that the sales have not, and which are closest; none where there are no sales yet."""
    weekly = weeks_of(settings, warehouse)
    if not len(weekly):
        return []
    sold, names = with_names(weekly, warehouse.read(NAMES))
    parts = sold[KEY].drop_duplicates().itertuples(index=False, name=None)
    known = KnownNames([Combination(*each) for each in parts if not any(map(name_problem, each))], names.aliases)
    found = []
    for row in rules[KEY].astype("str").to_dict("records"):
        line = FileLine(0, [], {str(name): value for name, value in row.items()})
        known.check(line, known.of(line))
        if line.reasons:
            found.append(f"{'/'.join(row.values())} ({'; '.join(map(str, line.reasons))})")
    return found
