"""What both warehouses refuse, in the same words."""

from __future__ import annotations

from datetime import date, datetime

from skucast.core.errors import AlreadyLoaded, InputError, RunFailed


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
