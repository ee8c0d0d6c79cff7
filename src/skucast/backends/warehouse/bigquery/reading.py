"""What is read from BigQuery: a table's rows, the weekly sums of the sales. The only file that imports `pandas_gbq`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas_gbq
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from pandas_gbq.gbq_connector import GbqConnector

from skucast.backends.warehouse.bigquery import sql as sql_of
from skucast.backends.warehouse.bigquery.dataset import Dataset, types_of
from skucast.backends.warehouse.bigquery.errors import FAILURES, explanation
from skucast.backends.warehouse.checks import BLANK, read_rows, sales_sources
from skucast.backends.warehouse.protocol import Limits
from skucast.backends.warehouse.refusals import no_sales, no_sales_in_cloud
from skucast.core.combination import KEY
from skucast.core.tables.contract import Table
from skucast.core.tables.records import PUBLISHES
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty
from skucast.runtime.logs import log

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.weeks import WeekClock

_WRAPPERS = (
    pandas_gbq.exceptions.GenericGBQException,
    pandas_gbq.exceptions.QueryTimeout,
    pandas_gbq.exceptions.AccessDenied,
)


class Reader:
    """Reads the tables of one dataset; each read is one query job."""

    def __init__(self, dataset: Dataset, sales_columns: Mapping[str, str]) -> None:
        self._dataset = dataset
        self._sales_columns = dict(sales_columns)

    def read(self, table: Table, since: Limits, until: Limits) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order."""
        table_id = self._dataset.id_of(table)
        found = self._dataset.look(table_id)
        if found is None:
            return empty(table)
        present = types_of(found)
        conditions, parameters = [], []
        for end, operator, limits in (("since", ">=", since), ("until", "<=", until)):
            for column in map(table.column, limits):
                parameter = f"{end}_{column.name}"
                conditions.append(f"`{column.name}` {operator} @{parameter}")
                parameters.append(_scalar(parameter, column.type, limits[column.name]))
        columns = ", ".join(
            f"`{c.name}`" if c.name in present else f"CAST(NULL AS {c.type}) AS `{c.name}`" for c in table.columns
        )
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f"ORDER BY {', '.join(f'`{name}`' for name in table.key)}" if table.key else ""
        sql = f"SELECT {columns} FROM `{table_id}` {where} {order}"
        return read_rows(table, self.query(sql, parameters, f"read {table.label}"))

    def weekly_sales(self, clock: WeekClock, until: date) -> pd.DataFrame:
        """Return sales up to day `until`, summed to one row per combination and week (see the protocol)."""
        table_id, expressions = self._sales()
        parameters = [
            bigquery.ScalarQueryParameter("until", "DATE", until),
            bigquery.ScalarQueryParameter("end_weekday", "INT64", clock.end_weekday),
        ]
        sql = sql_of.WEEKLY_SALES.format(table=table_id, blank=BLANK, **expressions)
        weeks = self.query(sql, parameters, "read sales")
        if not len(weeks):
            first = self._first_day(expressions["date"])
            raise no_sales(table_id, until, first) if first else no_sales_in_cloud(table_id)
        return _plain_types(weeks)

    def later_sales(self, after: date) -> pd.DataFrame:
        """Return how many sales lines are dated after the day, by unit (see the protocol)."""
        table_id, expressions = self._sales()
        sql = sql_of.LATER_SALES.format(table=table_id, **expressions)
        rows = self.query(sql, [bigquery.ScalarQueryParameter("after", "DATE", after)], "read later sales")
        return rows.astype({"unit": "str", "n_lines": "int64", "last_date": "datetime64[us]"})

    def _sales(self) -> tuple[str, dict[str, str]]:
        """Name of the sales table, and what stands for each of the contract's columns."""
        table_id = self._dataset.id_of(SALES)
        found = self._dataset.look(table_id)
        if found is None:
            raise no_sales_in_cloud(table_id)
        return table_id, self._sales_expressions(types_of(found))

    def is_published(self, table: Table, only: str = "", *values: Any) -> bool:
        """Return whether a run has published the table, under this condition."""
        publishes = self._dataset.id_of(PUBLISHES)
        if self._dataset.look(publishes) is None:
            return False
        name = bigquery.ScalarQueryParameter("table_name", "STRING", self._dataset.name_of(table))
        sql = sql_of.IS_NOTED.format(publishes=publishes, only=only)
        return bool(self.query(sql, [name, *values], "read publishes")["n"].iloc[0])

    def query(self, sql: str, parameters: Sequence[Any], what: str) -> pd.DataFrame:
        """Return the result of one query, read over the Storage API where there is one."""
        bound = [parameter.to_api_repr() for parameter in parameters]
        settings = {
            "query": {"parameterMode": "NAMED", "queryParameters": bound},
            "jobTimeoutMs": int(self._dataset.deadline_s * 1000),
        }
        client, location = self._dataset.client, self._dataset.location()
        before = client.bytes_processed
        connector = _Connector(
            None, location=location, use_bqstorage_api=client.has_storage_api, bigquery_client=client
        )
        try:
            rows: pd.DataFrame = connector.run_query(sql, configuration=settings)
        except (*FAILURES, *_WRAPPERS) as error:
            cause = _unwrapped(error)
            raise explanation(cause, "bigquery.jobs.create", what, self._dataset.deadline_s) from None
        fields = {"rows": len(rows), "bytes_processed": client.bytes_processed - before}
        log.info("%s", what, extra={"fields": fields})
        return rows

    def _first_day(self, day: str) -> date | None:
        """The day of the first sale, whenever that is."""
        import pandas as pd

        sql = f"SELECT MIN({day}) AS first FROM `{self._dataset.id_of(SALES)}`"
        first = pd.Timestamp(self.query(sql, [], "find the first sale")["first"].iloc[0])
        return None if pd.isna(first) else first.date()

    def _sales_expressions(self, present: Mapping[str, str]) -> dict[str, str]:
        sources = sales_sources(self._dataset.id_of(SALES), self._sales_columns, present)
        expressions = {ours: "NULL" if name is None else f"`{name}`" for ours, name in sources.items()}
        if present[str(sources["date"])] != "DATE":  # a DATE stays bare, so that only its partitions are scanned
            expressions["date"] = f"CAST({expressions['date']} AS DATE)"
        return expressions


class _Connector(GbqConnector):  # type: ignore[misc]  # the library has no types
    """What `read_gbq` asks through, but for one question: how large a result is, only to recommend another product.

    For that question the library makes one more client, without timeout and for the real service whatever ours talks
    to; `read_gbq` takes no connector, so it is asked directly.
    """

    def get_client(self) -> _NoSizes:
        return _NoSizes()


class _NoSizes:
    """Knows the size of no table."""

    num_bytes = None

    def get_table(self, *_: object) -> _NoSizes:
        """Return a table of unknown size."""
        return self


def _scalar(name: str, kind: str, value: Any) -> bigquery.ScalarQueryParameter:
    return bigquery.ScalarQueryParameter(name, kind, value)


def _unwrapped(error: BaseException) -> BaseException:
    """What the service or the way to it said, without pandas-gbq's own words for it."""
    if isinstance(error, pandas_gbq.exceptions.AccessDenied):
        return GoogleAuthError(str(error))
    if isinstance(error, _WRAPPERS):
        return error.__cause__ or TimeoutError(str(error))
    return error


def _plain_types(weeks: pd.DataFrame) -> pd.DataFrame:
    """The weekly sums in the types that the history expects, whatever the reader made of them."""
    kinds = {
        **dict.fromkeys((*KEY, "spelling_min", "spelling_max"), "str"),
        **dict.fromkeys(("ds", "first_date", "last_date"), "datetime64[us]"),
        **dict.fromkeys(("quantity", "returns_quantity", "promo_discount_perc"), "float64"),
        **dict.fromkeys(
            ("promo_days", "selling_weekdays", "stock_days", "stockout_days", "n_lines", "n_bad_quantity"), "int64"
        ),
    }
    return weeks.astype(kinds)
