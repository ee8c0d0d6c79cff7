"""What both warehouses check: rows against the contract, the columns that are there, the slice that is replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, TypeVar

from skucast.core.errors import ContractError, InputError, TableError
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import ALL, BATCH
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import LOADS, REGISTRY, RUNS
from skucast.core.tables.sales import DELIVERED
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.validation import validate

if TYPE_CHECKING:
    import pandas as pd

    from skucast.backends.warehouse.protocol import Rows
    from skucast.core.combination import Combination
    from skucast.core.declared import Regressor
    from skucast.core.tables.contract import Table


BLANK = r"[\s\pZ\x0b\x1c-\x1f\x85]"
"""White space as Python's `strip` knows it, for RE2."""


NOTED_BATCHES = "partition_value LIKE 'batch %'"
"""Which notes of who published what tell that something was loaded, in both dialects."""

NOTED = (FORECASTS, METRICS, ALERTS, REGISTRY, LOADS)
"""Tables with a row only where `publishes` has been there."""

KNOWN_BY_ALL = (LOADS.label, RUNS.label)
"""Tables of which the notes of all others tell that they were there: nothing is noted of these themselves."""

ZEROS = r"(\.[0-9]*[1-9])0+$|\.0+$"
"""What a whole or broken number, written by a database, has too much: all but the first group."""

HAS_ZONE = r"[0-9]:[0-9]{2}(:[0-9.]+)? ?([Zz]|UTC|[A-Za-z_]+/[A-Za-z_/]+|[+-][0-9]{1,2}(:?[0-9]{2})?)$"
"""The end of a text that is an instant, not a day."""

_Value = TypeVar("_Value")


class AnyCase(Mapping[str, _Value]):
    """What is known of columns by their names, which neither warehouse tells apart by case."""

    def __init__(self, by_name: Mapping[str, _Value]) -> None:
        self._found = {name.casefold(): (name, value) for name, value in by_name.items()}

    def __getitem__(self, name: str) -> _Value:
        return self._found[name.casefold()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._found.values())

    def __len__(self) -> int:
        return len(self._found)


def read_rows(table: Table, rows: pd.DataFrame, tz: str) -> pd.DataFrame:
    """Return rows as they were read from a table, as its contract wants them; days are those of the time zone.

    Raises:
        TableError: they do not fit; they were there before us.
    """
    try:
        return validate(table, rows, tz=tz)
    except ContractError as error:
        raise TableError(f"{error}; correct the table") from None


def sales_sources(where: str, mapping: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str | None]:
    """Return the source's column by ours, None for what the source has not and may lack.

    That is stock, flag and type of a promotion, and the depth of a promotion where there is a flag.

    Raises:
        InputError: a column is missing; says how to name it.
    """
    sources: dict[str, str | None] = {name: mapping.get(name, name) for name in DELIVERED}
    optional = ["stock", "is_promo", "promo_type"]
    if sources["is_promo"] in present:
        optional.append("Promo_discount_perc")
    for ours in optional:
        if sources[ours] not in present and ours not in mapping:
            sources[ours] = None
    for ours, name in sources.items():
        if name is not None and name not in present:
            raise InputError(f"{where}: no column {name}; name it with SALES_COLUMNS={ours}=...")
    return sources


def declared_sources(
    where: str, declared: Sequence[Regressor], present: Mapping[str, str], *, may_lack: bool
) -> list[tuple[Regressor, str | None]]:
    """Return the regressors that come from a column of the sales, and which it is; None if the table has it not yet.

    Raises:
        InputError: a column is missing, of a table that is not ours to add it to.
    """
    found = [(each, each.sales_column) for each in declared if each.sales_column is not None]
    for each, column in found:
        if column not in present and not may_lack:
            raise InputError(
                f"{where}: no column {column}, which the regressor {each.name} is to come from (REGRESSORS)"
            )
    return [(each, column if column in present else None) for each, column in found]


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


def frames_of(table: Table, rows: Rows, batch_id: str) -> Iterator[pd.DataFrame]:
    """Yield the rows as the contract wants them, piece by piece, each row marked with its batch where a table keeps it.

    Raises:
        ContractError: at once for rows in one piece, else when the piece comes that breaks the contract.
    """
    import pandas as pd

    pieces = [validate(table, rows)] if isinstance(rows, pd.DataFrame) else (validate(table, piece) for piece in rows)
    return (piece.assign(**{BATCH: batch_id}) if table.keeps_batches else piece for piece in pieces)


def rows_of_slice(
    table: Table, rows: pd.DataFrame, partition: object, combinations: Sequence[Combination] | None = None
) -> pd.DataFrame:
    """Return the rows as the contract wants them, all of the slice that a `replace` is about.

    Raises:
        ContractError: naming the table and what is wrong, or lies outside.
    """
    valid = validate(table, rows)
    _check_slice(table, valid, partition, combinations)
    return valid


def _check_slice(
    table: Table, rows: pd.DataFrame, partition: object, combinations: Sequence[Combination] | None
) -> None:
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
