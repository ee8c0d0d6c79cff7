"""What both warehouses refuse, in the same words."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from skucast.core.errors import AlreadyLoaded, InputError, LoadsChanged, LostTable, Overlap, Superseded

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.run import Run


def no_sales(where: str, until: date | None = None, first: date | None = None) -> InputError:
    """Return the error for a warehouse without sales up to that day; `first` is the day of the first later ones."""
    if first is not None:
        return InputError(
            f"no sales in {where} up to {until}, the last complete week; the first are of {first}: "
            "run again when their week is over, or, with AS_OF, for a day after it (--as-of)"
        )
    return InputError(
        f"no sales in {where}: run `make demo` for a sample, "
        "or `python -m skucast load FILE --table sales` for your own"
    )


def no_sales_in_cloud(table_id: str) -> InputError:
    """Return the error for a dataset without sales; they come there from their own pipeline."""
    return InputError(f"no sales in {table_id}: name the table that holds them with SALES_TABLE, or fill this one")


def already_loaded(source: str, first_source: str, loaded_at: datetime) -> AlreadyLoaded:
    """Return the error for a file or delivery whose content was appended before."""
    return AlreadyLoaded(
        f"{source}: the same content was loaded on {loaded_at:%Y-%m-%d %H:%M} UTC as {first_source}; nothing was added"
    )


def refuse_others(source: str, known: Collection[str] | None, there: Collection[str]) -> None:
    """Refuse rows that were compared with other batches of the table than there are by now.

    Raises:
        LoadsChanged: one has come since, or was taken back.
    """
    if known is not None and set(known) != set(there):
        raise LoadsChanged(f"{source}: sales were loaded or taken back at the same time; nothing was loaded: try again")


def overlap_examples(found: pd.DataFrame) -> str:
    """Return the first of such lines in words, with what is there and what the file has (rows: `OVERLAP_COLUMNS`)."""
    return ", ".join(
        f"{row.unit}/{row.channel}/{row.SKU_ID} on {row.date:%Y-%m-%d} "
        f"({row.quantity:g} there, {row.new_quantity:g} in the file)"
        for row in found.head(3).itertuples()
    )


def overlaps(source: str, table_name: str, found: pd.DataFrame) -> Overlap:
    """Return the error for lines of days and combinations that the table has lines of (rows: `OVERLAP_COLUMNS`)."""
    days = found["date"]
    alike = int((found["quantity"] == found["new_quantity"]).sum())
    same = "all of them" if alike == len(found) else f"{alike:,} of them"
    return Overlap(
        f"{source}: {table_name} has sales of {len(found):,} of its days x combinations already, "
        f"{days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}, with the same quantity in {same}: "
        f"{overlap_examples(found)}; nothing was loaded: --replace puts the file in their place, --add adds its lines "
        "to them, as corrections are"
    )


def no_batch(table_name: str, batch_id: str) -> InputError:
    """Return the error for a batch that is not there, or none of whose rows says that it is of this batch."""
    return InputError(
        f"{batch_id[:12]}: {table_name} has no row that is known to be of this load: another one has replaced them, "
        "or they came before loads were told apart; nothing was removed"
    )


def lost_table(table_name: str, publishes_name: str) -> LostTable:
    """Return the error for a table that has been published to and is not there."""
    return LostTable(
        f"table {table_name} is gone, but was published to: restore it, or, to begin with an empty one, "
        f"remove its rows in {publishes_name}"
    )


BELIEVED = timedelta(minutes=10)
"""How far ahead of this machine's clock another one's may be; a run noted as later than that is not waited out."""


def superseded(table_name: str, partition: object, run: Run, by: str, read_at: datetime) -> Superseded:
    """Return the error for a slice that a run has published which read its inputs after this one."""
    mine = "" if run.read_at is None else f" later than this run's, of {run.read_at:%Y-%m-%d %H:%M:%S} UTC"
    forced = "; --force puts these rows in their place" if run.job in ("predict", "monitor", "train", "retrain") else ""
    return Superseded(
        f"table {table_name}, {partition}: {by} has published from newer inputs, read at {read_at:%Y-%m-%d %H:%M:%S} "
        f"UTC,{mine}: its rows stay, nothing is replaced; run again to compute from what is there now{forced}"
    )


def lost_runs(table_name: str, publishes_name: str) -> LostTable:
    """Return the error for the records of runs that are gone, while it is noted what runs have published."""
    return LostTable(
        f"table {table_name} is gone, but {publishes_name} knows of runs, whose records it had: restore it, for alerts "
        "and checks are told by them; or make an empty one with its columns (docs/reference/tables.md)"
    )


def lost_notes(publishes_name: str, table_name: str) -> LostTable:
    """Return the error for the notes of what was published that are gone, while rows of it are there."""
    return LostTable(
        f"table {publishes_name} is gone, in which the publishes of {table_name} were noted: restore it, for without "
        "it no lost table is noticed; or make an empty one with its columns (docs/reference/tables.md)"
    )
