"""Warehouses: where sales are read and results are written. Jobs know this protocol only, never a backend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from skucast.core.errors import AlreadyLoaded, ContractError, InputError, RunFailed, ShardsMissing, TableError
from skucast.core.tables import ALL, SALES, validate

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.combination import Combination
    from skucast.core.run import Run
    from skucast.core.tables import Table
    from skucast.core.weeks import WeekClock
    from skucast.runtime.settings import Settings

Limits = Mapping[str, object]
"""Least or greatest values by column, both included."""

NO_LIMITS: Limits = MappingProxyType({})

WEEKLY_SALES_COLUMNS = (
    "unit",
    "channel",
    "SKU_ID",
    "ds",
    "quantity",
    "returns_quantity",
    "promo_discount_perc",
    "promo_days",
    "selling_weekdays",
    "stock_days",
    "stockout_days",
    "first_date",
    "last_date",
    "n_lines",
    "n_bad_quantity",
    "spelling_min",
    "spelling_max",
)
"""Columns of `Warehouse.weekly_sales`; keys are NULL for placeholder rows."""


BLANK = r"[\s\pZ\x0b\x1c-\x1f\x85]"
"""White space as Python's `strip` knows it, for RE2."""

SHARD_CUTOFF, SHARD_TASK = "_shard_cutoff", "_shard_task"
"""Set on the one row that a staging table holds beside its data: the cutoff and the number of the task it is from.

The row is there if and only if the task has staged, also where it had nothing to stage.
"""


class Warehouse(Protocol):
    """Tables of a `tables.Table` contract, read and replaced slice by slice.

    Every write is one transaction: after a crash, a repeat or two writers at once, a slice holds exactly one complete
    version, the new or the old one. Frames are validated against the contract on the way in.
    """

    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns.

        Raises:
            TableError: a column has another type, or a required one is missing.
            RunFailed: the table is missing, although it was published to: a loss is never hidden by an empty table.
        """

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; nothing is created or changed.

        Raises:
            TableError: it is, but `ensure` would refuse it.
            RunFailed: it is not, but was published to.
        """

    def probe(self, *, run: Run) -> None:
        """Do what every write begins with, and take it back; a warehouse that is not there yet is not made.

        Raises:
            InputError: the warehouse cannot be written to; says what is missing.
        """

    def read(self, table: Table, *, since: Limits = NO_LIMITS, until: Limits = NO_LIMITS) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order.

        A table that does not exist yet has no rows. Dates come as datetime64[us], without a time zone.

        Raises:
            TableError: the table holds rows that do not fit its contract.
        """

    def weekly_sales(self, clock: WeekClock, until: date) -> pd.DataFrame:
        """Return sales up to and including day `until`, summed by the warehouse to one row per combination and week.

        Keys are trimmed and NFC-normalised; columns are `WEEKLY_SALES_COLUMNS`: `quantity` net of returns, of finite
        lines only; `returns_quantity` >= 0; `promo_discount_perc` (percent) the mean over days with a selling line of
        that day's mean; `promo_days` days with a discount; `selling_weekdays` the weekdays with a selling line, a sum
        of 1 (Monday), 2, 4 ... 64; `stock_days` days with known stock, `stockout_days` those
        with none; `first_date` the first day with a selling line (else with any), `last_date` the last day with any.

        Raises:
            InputError: no sales table, no sales in it, or a column of the contract is missing.
        """

    def replace(
        self,
        table: Table,
        rows: pd.DataFrame,
        partition: object,
        *,
        run: Run,
        combinations: Sequence[Combination] | None = None,
    ) -> int:
        """Replace the rows of `table.partition == partition` (only these combinations, if given); return how many.

        The run is noted as one that has published this slice. A table that is kept as a whole has one: `tables.ALL`.

        Raises:
            ContractError: the rows break the contract or lie outside the slice; nothing is changed.
        """

    def published(self, table: Table, partition: object, *, run: Run) -> bool:
        """Return whether this run has published this slice, whoever has published it since."""

    def stage(self, table: Table, rows: pd.DataFrame, *, run: Run) -> None:
        """Keep this task's rows until every task of the run has kept theirs; a repeat replaces them.

        Raises:
            ContractError: the rows break the contract; nothing is kept.
        """

    def staged(self, table: Table, *, run: Run, tasks: Sequence[int] | None = None) -> pd.DataFrame:
        """Return what these tasks of the run (None = all of them) have staged, in key order.

        Raises:
            ShardsMissing: naming the tasks that have not staged theirs.
            RunFailed: a task has staged rows of another cutoff.
            ContractError: two tasks have staged the same key.
        """

    def unstage(self, table: Table, *, run: Run) -> None:
        """Drop what the tasks of the run have staged for the table."""

    def append_once(self, table: Table, rows: pd.DataFrame, *, batch_id: str, source: str, run: Run) -> int:
        """Append the rows unless the batch was appended before; return the rows written.

        Raises:
            AlreadyLoaded: the batch is there already; the message says since when.
            ContractError: the rows break the contract; nothing is changed.
        """


def open_warehouse(settings: Settings) -> Warehouse:
    """Return the warehouse that `settings.warehouse` names; nothing is opened or created before the first use."""
    from skucast.runtime.settings import parse_column_map

    kind, _, place = settings.warehouse.partition(":")
    sales_columns = parse_column_map(settings.sales_columns)
    if kind == "duckdb":
        from skucast.backends.warehouse.duckdb import DuckDBWarehouse

        return DuckDBWarehouse(place, settings.table_names, sales_columns)
    from skucast.backends.cloud import parse_bigquery
    from skucast.backends.warehouse.bigquery import BigQueryWarehouse

    project, dataset = parse_bigquery(settings.warehouse)
    return BigQueryWarehouse(project, dataset, settings.table_names, sales_columns, settings.endpoints)


def read_rows(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows as they were read from a table, as its contract wants them.

    Raises:
        TableError: they do not fit; they were there before us.
    """
    try:
        return validate(table, rows)
    except ContractError as error:
        raise TableError(f"{error}; correct the table") from None


def no_sales(where: str, until: date | None = None, first: date | None = None) -> InputError:
    """Return the error for a warehouse without sales up to that day; `first` is the day of the first later ones."""
    if first is not None:
        return InputError(
            f"no sales in {where} up to {until}, the last complete week; the first are of {first}: "
            "run again when their week is over, or for a later day (--as-of)"
        )
    return InputError(
        f"no sales in {where}: run `make demo` for a sample, "
        "or `python -m skucast load FILE --table sales` for your own"
    )


def no_sales_in_cloud(table_id: str) -> InputError:
    """Return the error for a dataset without sales; they come there from their own pipeline."""
    return InputError(f"no sales in {table_id}: name the table that holds them with SALES_TABLE, or fill this one")


def sales_sources(where: str, mapping: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str | None]:
    """Return the source's column by ours, None for stock where the source has none.

    Raises:
        InputError: a column is missing; says how to name it.
    """
    sources: dict[str, str | None] = {name: mapping.get(name, name) for name in SALES.column_names}
    if sources["stock"] not in present and "stock" not in mapping:
        sources["stock"] = None
    for ours, name in sources.items():
        if name is not None and name not in present:
            raise InputError(f"{where}: no column {name}; name it with SALES_COLUMNS={ours}=...")
    return sources


def already_loaded(source: str, first_source: str, loaded_at: datetime) -> AlreadyLoaded:
    """Return the error for a file or delivery whose content was appended before."""
    return AlreadyLoaded(
        f"{source}: the same content was loaded on {loaded_at:%Y-%m-%d %H:%M} UTC as {first_source}; nothing was added"
    )


def lost_table(table_name: str, publishes_name: str) -> RunFailed:
    """Return the error for a table that has been published to and is not there."""
    return RunFailed(
        f"table {table_name} is gone, but was published to: restore it, or, to begin with an empty one, "
        f"remove its rows in {publishes_name}"
    )


def staging_name(table_name: str, run: Run, task_index: int) -> str:
    """Return the table that one task's rows wait in: the same for a repeat, another for every run and table."""
    digest = hashlib.sha256(f"{run.run_id}|{table_name}".encode()).hexdigest()[:16]
    return f"staging_{table_name}_{digest}_{task_index}_of_{run.task_count}"


def shards_missing(table: Table, tasks: Sequence[int], run: Run) -> ShardsMissing:
    """Return the error for tasks that have not staged their rows."""
    names = ", ".join(map(str, tasks))
    return ShardsMissing(f"table {table.label}: task {names} of {run.task_count} has not staged its rows", tasks)


def joined_shards(table: Table, read: pd.DataFrame, run: Run, tasks: Sequence[int]) -> pd.DataFrame:
    """Return the rows of these tasks, read from their staging tables with the rows that mark them, in key order.

    Raises:
        ShardsMissing: a mark is missing: the task has not staged, or its rows were dropped meanwhile.
        RunFailed: a task is about another cutoff.
        ContractError: two tasks have staged the same key.
    """
    import pandas as pd

    marks = read[read[SHARD_TASK].notna()]
    missing = sorted(set(tasks) - set(marks[SHARD_TASK].astype(int)))
    if missing:
        raise shards_missing(table, missing, run)
    cutoffs = sorted({*pd.to_datetime(marks[SHARD_CUTOFF]).dt.date, run.cutoff})
    if len(cutoffs) > 1:
        raise RunFailed(
            f"table {table.label}: the tasks of this run are about the cutoffs {' and '.join(map(str, cutoffs))}, "
            "because a week ended while they ran; run all of them again with AS_OF set"
        )
    rows = validate(table, read.loc[read[SHARD_TASK].isna(), table.column_names])
    return rows.sort_values(list(table.key), ignore_index=True)


def check_slice(
    table: Table, rows: pd.DataFrame, partition: object, combinations: Sequence[Combination] | None
) -> None:
    """Refuse rows outside the slice that a `replace` is about.

    Raises:
        ContractError: naming the table and what lies outside.
    """
    import pandas as pd

    from skucast.core.combination import KEY

    if table.is_whole and partition == ALL:
        return
    if table.partition is None:
        raise ContractError(f"table {table.label}: has no partition to replace")
    expected = pd.Timestamp(partition) if isinstance(partition, date) else partition
    if (rows[table.partition] != expected).any():
        raise ContractError(f"table {table.label}: rows outside {table.partition} = {partition}")
    if combinations is not None and len(rows):
        wanted = {combination.parts for combination in combinations}
        if not set(rows[KEY].itertuples(index=False, name=None)) <= wanted:
            raise ContractError(f"table {table.label}: rows of combinations that the run was not asked for")


def missing_columns(
    table: Table, table_name: str, existing: Mapping[str, str], expected: Mapping[str, str]
) -> list[str]:
    """Return the contract's columns that the table lacks and may be given.

    Raises:
        TableError: a column has another type, or a required one is missing; the difference is spelled out.
    """
    changed = [
        f"{name} is {existing[name]}, expected {kind}"
        for name, kind in expected.items()
        if existing.get(name, kind) != kind
    ]
    if changed:
        raise TableError(
            f"table {table_name}: {'; '.join(changed)}; rename or migrate the table, it is not changed by itself"
        )
    missing = [name for name in expected if name not in existing]
    required = [name for name in missing if not table.column(name).nullable]
    if required:
        raise TableError(f"table {table_name}: lacks the required column {required[0]}; migrate it first")
    return missing
