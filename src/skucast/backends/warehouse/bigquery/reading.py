"""What is read from BigQuery: a table's rows, the weekly sums of the sales. The only file that imports `pandas_gbq`."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas_gbq
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from pandas_gbq.gbq_connector import GbqConnector

from skucast.backends.deadline import within
from skucast.backends.warehouse.bigquery import sql as sql_of
from skucast.backends.warehouse.bigquery.dataset import Dataset, types_of
from skucast.backends.warehouse.bigquery.errors import FAILURES, Gone, WrongKind, explanation
from skucast.backends.warehouse.checks import (
    BLANK,
    KNOWN_BY_ALL,
    NOTED,
    NOTED_BATCHES,
    AnyCase,
    read_rows,
    sales_sources,
)
from skucast.backends.warehouse.protocol import Declared, Limits, nothing_declared
from skucast.backends.warehouse.refusals import lost_notes, lost_runs, lost_table, no_sales, no_sales_in_cloud
from skucast.core.combination import KEY
from skucast.core.errors import InputError, SkucastError
from skucast.core.tables.contract import Table
from skucast.core.tables.records import LOADS, PUBLISHES, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty
from skucast.core.weeks import SOLD_BY_WEEKDAY
from skucast.runtime.logs import log
from skucast.sales.narrow_weeks import narrow_weeks

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.declared import Regressor
    from skucast.core.weeks import WeekClock

_NUMBERS = ("quantity", "Promo_discount_perc", "stock")

_WRAPPERS = (
    pandas_gbq.exceptions.GenericGBQException,
    pandas_gbq.exceptions.QueryTimeout,
    pandas_gbq.exceptions.AccessDenied,
)


class Reader:
    """Reads the tables of one dataset; each read is one query job."""

    def __init__(
        self, dataset: Dataset, sales_columns: Mapping[str, str], tz: str, declared: Declared = nothing_declared
    ) -> None:
        self._dataset = dataset
        self._sales_columns = dict(sales_columns)
        self._tz = tz
        self._declared = declared

    def read(self, table: Table, since: Limits, until: Limits, columns: Collection[str] | None = None) -> pd.DataFrame:
        """Return the rows whose columns lie from `since` to `until` (by column; included), in key order.

        Of these `columns` alone bytes are billed.
        """
        part = table if columns is None else table.part(columns)
        table_id = self._dataset.id_of(table)
        found = self._dataset.look(table_id)
        if found is None:
            self.refuse_lost(table)
            return empty(part)
        present = types_of(found)
        conditions, parameters = [], [_scalar("tz", "STRING", self._tz)]
        for end, operator, limits in (("since", ">=", since), ("until", "<=", until)):
            for column in map(table.column, limits):
                parameter = f"{end}_{column.name}"
                conditions.append(f"`{column.name}` {operator} @{parameter}")
                parameters.append(_scalar(parameter, column.type, limits[column.name]))
        if table.label == PUBLISHES.label:
            conditions.append(sql_of.NAMED)
        known = ", ".join(sql_of.column_sql(column, present) for column in table.columns)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f"ORDER BY {', '.join(f'`{name}`' for name in table.key)}" if table.key else ""
        wanted = ", ".join(f"`{name}`" for name in part.column_names)
        sql = f"SELECT {wanted} FROM (SELECT {known} FROM `{table_id}`) {where} {order}"
        return read_rows(part, self._query_of(table_id, sql, parameters, f"read {table.label}"), self._tz)

    def weekly_sales(self, clock: WeekClock, until: date, *, narrow: bool = False) -> pd.DataFrame:
        """Return sales up to day `until`, summed to one row per combination and week (see the protocol)."""
        table_id, expressions = self._sales()
        parameters = [
            _scalar("until", "DATE", until),
            _scalar("end_weekday", "INT64", clock.end_weekday),
            _scalar("tz", "STRING", clock.tz),
        ]
        declared = self._declared()
        expressions |= sql_of.declared_sql(table_id, declared, self._present(table_id))
        sql = sql_of.WEEKLY_SALES.format(table=table_id, blank=BLANK, **expressions)
        weeks = self._query_sales(sql, parameters, "read sales")
        if not len(weeks):
            first = self._first_day(expressions["date"], parameters)
            raise no_sales(table_id, until, first) if first else no_sales_in_cloud(table_id)
        weeks = _plain_types(weeks, declared)
        return narrow_weeks(weeks) if narrow else weeks

    def later_sales(self, after: date) -> pd.DataFrame:
        """Return how many sales lines are dated after the day, by unit (see the protocol)."""
        table_id, expressions = self._sales()
        sql = sql_of.LATER_SALES.format(table=table_id, **expressions)
        parameters = [_scalar("after", "DATE", after), _scalar("tz", "STRING", self._tz)]
        rows = self._query_sales(sql, parameters, "read later sales")
        return rows.astype({"unit": "str", "n_lines": "int64", "last_date": "datetime64[us]"})

    def _sales(self) -> tuple[str, dict[str, str]]:
        """Name of the sales table, and what stands for each of the contract's columns."""
        table_id = self._dataset.id_of(SALES)
        found = self._dataset.look(table_id)
        if found is None:
            self.refuse_lost(SALES)
            raise no_sales_in_cloud(table_id)
        return table_id, self._sales_expressions(types_of(found))

    def refuse_lost(self, table: Table) -> None:
        """Raise LostTable for a table that is not there, but was published to (of loads: something was loaded)."""
        if table.label == PUBLISHES.label:
            self._refuse_lost_notes()
            return
        table_id, publishes = self._dataset.id_of(table), self._dataset.id_of(PUBLISHES)
        if not self.is_published(table, f"AND {NOTED_BATCHES}" if table.label == LOADS.label else ""):
            return
        if self._dataset.look(table_id) is not None:  # another has made it and published since it was missed
            return
        raise lost_runs(table_id, publishes) if table.label == RUNS.label else lost_table(table_id, publishes)

    def _refuse_lost_notes(self) -> None:
        for table in NOTED:
            found = self._dataset.look(self._dataset.id_of(table))
            if found is not None and found.num_rows:
                raise lost_notes(self._dataset.id_of(PUBLISHES), self._dataset.id_of(table))

    def is_published(self, table: Table, only: str = "", *values: Any) -> bool:
        """Return whether a run has published the table, under this condition."""
        publishes = self._dataset.id_of(PUBLISHES)
        if self._dataset.look(publishes) is None:
            return False
        name = bigquery.ScalarQueryParameter("table_name", "STRING", self._dataset.name_of(table))
        named = "TRUE" if table.label in KNOWN_BY_ALL else "table_name = @table_name"
        sql = sql_of.IS_NOTED.format(publishes=publishes, named=named, only=only)
        return bool(self.query(sql, [name, *values], "read publishes")["n"].iloc[0])

    def query(self, sql: str, parameters: Sequence[Any], what: str) -> pd.DataFrame:
        """Return the result of one query, read over the Storage API where there is one."""
        bound = [parameter.to_api_repr() for parameter in parameters if f"@{parameter.name}" in sql]
        settings = {
            "query": {"parameterMode": "NAMED", "queryParameters": bound},
            "jobTimeoutMs": int(self._dataset.deadline_s * 1000),
        }
        client, location = self._dataset.client, self._dataset.location()
        before = client.bytes_processed
        connector = _Connector(
            None, location=location, use_bqstorage_api=client.has_storage_api, bigquery_client=client
        )
        asked = time.monotonic()
        try:
            with within(self._dataset.until()):
                rows: pd.DataFrame = connector.run_query(sql, configuration=settings)
        except (*FAILURES, *_WRAPPERS) as error:
            cause = _unwrapped(error)
            raise explanation(cause, "bigquery.jobs.create", what, self._dataset.deadline_s, asked) from None
        fields = {"rows": len(rows), "bytes_processed": client.bytes_processed - before}
        log.info("%s", what, extra={"fields": fields})
        return rows

    def _first_day(self, day: str, parameters: Sequence[Any]) -> date | None:
        """The day of the first sale, whenever that is."""
        import pandas as pd

        sql = f"SELECT MIN({day}) AS first FROM `{self._dataset.id_of(SALES)}`"
        first = pd.Timestamp(self.query(sql, parameters, "find the first sale")["first"].iloc[0])
        return None if pd.isna(first) else first.date()

    def _query_sales(self, sql: str, parameters: Sequence[Any], what: str) -> pd.DataFrame:
        table_id = self._dataset.id_of(SALES)
        try:
            return self._query_of(table_id, sql, parameters, what)
        except WrongKind as error:
            raise self._no_numbers(table_id) or InputError(f"{table_id}, {error}") from None

    def _query_of(self, table_id: str, sql: str, parameters: Sequence[Any], what: str) -> pd.DataFrame:
        """The result of a query of one table; of a view it is said which table it misses."""
        try:
            return self.query(sql, parameters, what)
        except Gone as error:
            found = self._dataset.look(table_id)
            if found is None or found.table_type == "TABLE":
                raise
            missing = re.search(r"Table (\S+)", str(error))
            raise InputError(
                f"{table_id}: this {found.table_type.lower().replace('_', ' ')} reads "
                f"{missing[1] if missing else 'a table'}, which is not there; restore it, or correct the view"
            ) from None

    def _present(self, table_id: str) -> AnyCase[str]:
        found = self._dataset.look(table_id)
        return types_of(found) if found else AnyCase({})

    def _no_numbers(self, table_id: str) -> InputError | None:
        """The error that names a column of text and what in it is no number, None if there is none."""
        present = self._present(table_id)
        sources = sales_sources(table_id, self._sales_columns, present)
        numbers = [*map(sources.get, _NUMBERS), *(each.sales_column for each in self._declared())]
        texts = [name for name in numbers if name is not None and present.get(name) == "STRING"]
        if not texts:
            return None
        columns = ", ".join(sql_of.NO_NUMBER.format(name=name) for name in texts)
        with suppress(SkucastError):  # what was found first is said then
            wrong = self.query(f"SELECT {columns} FROM `{table_id}`", [], "find what is no number").iloc[0]
            for name in texts:
                if isinstance(wrong[name], str):
                    return InputError(
                        f"{table_id}: column {name} is not of the expected kind, a number: found {wrong[name]!r}; "
                        "correct it at the source"
                    )
        return None

    def _sales_expressions(self, present: AnyCase[str]) -> dict[str, str]:
        sources = sales_sources(self._dataset.id_of(SALES), self._sales_columns, present)
        expressions = {ours: "NULL" if name is None else f"`{name}`" for ours, name in sources.items()}
        for ours in KEY:
            expressions[ours] = sql_of.text_of(str(sources[ours]), present[str(sources[ours])])
        kind = sources["promo_type"]
        if kind is not None:
            expressions["promo_type"] = sql_of.text_of(kind, present[kind])
        flag = sources["is_promo"]
        expressions |= sql_of.flag_of(flag, present[flag] if flag else "BOOL")
        day = str(sources["date"])
        return {**expressions, "date": sql_of.day_of(day, present[day])}


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


def _plain_types(weeks: pd.DataFrame, declared: Sequence[Regressor]) -> pd.DataFrame:
    """The weekly sums in the types that the history expects, whatever the reader made of them."""
    kinds = {
        **dict.fromkeys((*KEY, "spelling_min", "spelling_max", "promo_types"), "str"),
        **dict.fromkeys(("ds", "first_date", "last_date"), "datetime64[us]"),
        **dict.fromkeys(
            ("quantity", "returns_quantity", "promo_discount_perc", "least_discount", "most_discount"), "float64"
        ),
        **dict.fromkeys(("no_depth_share", "last_stock"), "float64"),
        **dict.fromkeys(("promo_days", "stock_days", "stockout_days"), "int64"),
        **dict.fromkeys(("n_lines", "n_bad_quantity", "n_bad_discount", "n_bad_flag"), "int64"),
        **dict.fromkeys(("selling_weekdays", "promo_weekdays", "stock_weekdays"), "int64"),
        **dict.fromkeys(("stockout_weekdays", "left_weekdays"), "int64"),
        **dict.fromkeys(SOLD_BY_WEEKDAY, "float64"),
    }
    names = {sql_of.NTH.format(n=n): each.measure for n, each in enumerate(sql_of.from_sales(declared))}
    return weeks.astype(kinds).rename(columns=names).astype(dict.fromkeys(names.values(), "float64"))
