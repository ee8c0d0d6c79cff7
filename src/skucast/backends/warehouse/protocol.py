"""Warehouses: where sales are read and results are written. Jobs know this protocol only, never a backend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from skucast.core.weeks import SOLD_BY_WEEKDAY

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.combination import Combination
    from skucast.core.declared import Regressor
    from skucast.core.run import Run
    from skucast.core.tables.contract import Table
    from skucast.core.weeks import WeekClock

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
    "no_depth_share",
    "promo_days",
    "least_discount",
    "most_discount",
    "selling_weekdays",
    "promo_weekdays",
    "stock_weekdays",
    "stockout_weekdays",
    "left_weekdays",
    "stock_days",
    "stockout_days",
    *SOLD_BY_WEEKDAY,
    "first_date",
    "last_date",
    "n_lines",
    "n_bad_quantity",
    "n_bad_discount",
    "n_bad_flag",
    "spelling_min",
    "spelling_max",
    "promo_types",
    "last_stock",
)
"""Columns of `Warehouse.weekly_sales`; keys are NULL for placeholder rows."""

Declared = Callable[[], Sequence["Regressor"]]
"""Gives what is declared of further regressors, once it is asked for: a wrong declaration is said by who needs it."""


def nothing_declared() -> Sequence[Regressor]:
    """Return no regressor."""
    return ()


Rows: TypeAlias = "pd.DataFrame | Iterable[pd.DataFrame]"
"""Rows in one piece, or in several that are never all in memory."""

OVERLAP_COLUMNS = ("date", "unit", "channel", "SKU_ID", "n_lines", "quantity", "new_lines", "new_quantity")
"""Lines and sum of each day and combination in the table and in the rows that come, of these 0 where there are none."""


@dataclass(frozen=True)
class Meeting:
    """What becomes of lines of days and combinations of which the table has lines already.

    They add up, are refused as a whole, or take the place of all lines of these days of these combinations.
    `end_weekday`: the weekday, Monday = 0, that ends the weeks that a row covers; None where it covers a day. `loads`:
    the batches of the table as the caller knew them when it compared the rows with it; others refuse the rows.
    """

    rule: Literal["add", "refuse", "replace"] = "add"
    end_weekday: int | None = None
    loads: frozenset[str] | None = None


ADDS = Meeting()


class Warehouse(Protocol):
    """Tables of a `tables.Table` contract, read and replaced slice by slice.

    Every write is one transaction: after a crash, a repeat or two writers at once, a slice holds exactly one complete
    version, the new or the old one. Frames are validated against the contract on the way in.
    """

    def ensure(self, table: Table) -> None:
        """Create the table if it is missing, add missing nullable columns.

        Raises:
            TableError: a column has another type, or a required one is missing.
            LostTable: the table is missing, although it was published to: a loss is never hidden by an empty table.
        """

    def exists(self, table: Table) -> bool:
        """Return whether the table is there; nothing is created or changed.

        Raises:
            TableError: it is, but `ensure` would refuse it.
            LostTable: it is not, but was published to.
        """

    def look_at(self, written: Sequence[Table], read: Sequence[Table]) -> None:
        """Look at the tables that will be written and read, at once; those that nobody published to need not be there.

        Raises:
            LostTable: one was published to and is gone.
            TableError: one that will be written is not as its contract says.
        """

    def probe(self, *, run: Run) -> None:
        """Do what every write begins with, and take it back; a warehouse that is not there yet is not made.

        Raises:
            InputError: the warehouse cannot be written to; says what is missing.
        """

    def read(
        self,
        table: Table,
        columns: Collection[str] | None = None,
        *,
        since: Limits = NO_LIMITS,
        until: Limits = NO_LIMITS,
    ) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order.

        Of many rows name the `columns` that are looked at: no others are read. They come in the contract's order. A
        table that does not exist yet has no rows. Dates come as datetime64[us], without a time zone.

        Raises:
            TableError: the table holds rows that do not fit its contract.
            LostTable: it is gone, but was published to.
        """

    def weekly_sales(self, clock: WeekClock, until: date, *, narrow: bool = False) -> pd.DataFrame:
        """Return sales up to and including day `until`, summed by the warehouse to one row per combination and week.

        Keys are trimmed and NFC-normalised; columns are `WEEKLY_SALES_COLUMNS`: `quantity` net of returns, of finite
        lines only; `returns_quantity` >= 0; `promo_discount_perc` (percent) the mean over days with a selling line of
        that day's mean, 0 where it is not known; `no_depth_share` the mean over the same days of the share of lines of
        a promotion (`is_promo`) without a discount; `promo_days` days with a promotion; `least_discount`,
        `most_discount` of a selling line, as delivered (NULL: none had any; those below 0 or infinite are none, and
        counted in `n_bad_discount`; flags that are neither yes nor no are none, and counted in `n_bad_flag`);
        `selling_weekdays` the weekdays with a selling line, a sum of 1 (Monday), 2, 4 ... 64, likewise
        `promo_weekdays` those with a promotion, `stock_weekdays` with known stock,
        `stockout_weekdays` on which none was left and nothing was sold, `left_weekdays` on which some was left;
        `stock_days` days with known stock, `stockout_days` as their weekdays; `sold_1` (Monday) to `sold_7` what was
        sold on each day before returns; `first_date` the first day with a selling line (else with any), `last_date`
        the last day with any; `promo_types` what kinds of promotion its days had, those that say one, in any order and
        separated by line breaks (of several on a day the first by the alphabet; NULL: none); `last_stock` the stock of
        the last day on which it is known. Of each declared regressor that comes from a column of the sales there is one
        more, `Regressor.measure`: NULL in a week without a value; a day's mean is that of what was sold on it, a week's
        that of its days. Who looks at all sales takes them `narrow` (`sales/narrow_weeks.py`): a third of the memory.

        Raises:
            InputError: no sales table, no sales in it, or a column of the contract is missing.
            LostTable: the sales table is gone, but was loaded into.
        """

    def later_sales(self, after: date) -> pd.DataFrame:
        """Return how many sales lines are dated after the day: `unit` as delivered, `n_lines`, `last_date`, sorted.

        Raises:
            InputError: as `weekly_sales`, but for sales of later days alone.
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

    def replace_each(self, table: Table, slices: Mapping[date, pd.DataFrame], *, run: Run) -> int:
        """Replace several slices, rows by partition, as `replace` does each, in their order; return how many rows.

        A DuckDB file takes all of them or none; BigQuery has a transaction for each.

        Raises:
            ContractError: the rows of one break the contract or lie outside their slice; nothing is changed.
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

    def append_once(
        self,
        table: Table,
        rows: Rows,
        *,
        batch_id: str,
        source: str,
        run: Run,
        meeting: Meeting = ADDS,
    ) -> int:
        """Append the rows unless the batch was appended before; return the rows written.

        `meeting` says what becomes of sales of days that the table has already; with `replace` a batch that was
        appended before takes its own place.

        Raises:
            AlreadyLoaded: the batch is there already; the message says since when.
            Overlap: sales of these days are there already, and `meeting` refuses that; nothing is changed.
            ContractError: the rows break the contract; nothing is changed.
        """

    def overlap(self, rows: Rows, meeting: Meeting, *, run: Run) -> pd.DataFrame:
        """Return what the sales table has of the rows' days and of their combinations: `OVERLAP_COLUMNS`, in order.

        One row per day (or label of a week) and combination, names as `weekly_sales` has them; a row that nobody can
        tell the day or the names of meets nothing.
        """

    def undo(self, table: Table, batch_id: str, *, run: Run) -> int:
        """Remove the rows of a batch, and the note that it was appended; return how many they were.

        Raises:
            InputError: no row is known to be of this batch; nothing is changed.
        """
