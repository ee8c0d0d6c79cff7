"""One dataset of BigQuery: its client and place, the ids of its tables; every call bounded, every failure explained."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from google.api_core import exceptions as api
from google.cloud import bigquery

from skucast.backends.cloud_bigquery import BoundedClient, bigquery_client
from skucast.backends.deadline import within
from skucast.backends.warehouse.bigquery.errors import FAILURES, explanation, is_passing, short, tried_again
from skucast.backends.warehouse.checks import AnyCase
from skucast.core.errors import InputError, WarehouseError
from skucast.core.places import Endpoints
from skucast.core.tables.contract import Table


class Dataset:
    """The tables of one dataset, by the names that the settings give them."""

    def __init__(
        self,
        project: str,
        name: str,
        table_names: Mapping[str, str],
        endpoints: Endpoints,
        *,
        timeout_s: float,
        deadline_s: float,
        max_bytes_billed: int = 0,
    ) -> None:
        self.id = f"{project}.{name}"
        self.timeout_s = timeout_s
        self.deadline_s = deadline_s
        self._project = project
        self._max_bytes_billed = max_bytes_billed
        self._names = dict(table_names)
        self._endpoints = endpoints
        self._retry = tried_again(is_passing, deadline_s)
        self._cached_client: BoundedClient | None = None
        self._cached_location: str | None = None

    @property
    def client(self) -> BoundedClient:
        """The client of the project, made before its first use."""
        if self._cached_client is None:
            self._cached_client = bigquery_client(
                self._project,
                self._endpoints,
                timeout_s=self.timeout_s,
                deadline_s=self.deadline_s,
                max_bytes_billed=self._max_bytes_billed,
            )
        return self._cached_client

    def location(self) -> str:
        """Return where the dataset is; raise InputError if there is none."""
        if self._cached_location is None:
            with self.explained("bigquery.datasets.get", self.id):
                try:
                    found = self.client.get_dataset(self.id, retry=self._retry, timeout=self.timeout_s)
                except api.NotFound:
                    raise InputError(f"WAREHOUSE: there is no dataset {self.id}; create it first") from None
            self._cached_location = str(found.location)
        return self._cached_location

    def name_of(self, table: Table) -> str:
        """Return what the table is called in this dataset."""
        return self._names.get(table.label, table.name)

    def id_of(self, table: Table) -> str:
        """Return the table's name with project and dataset, as SQL wants it."""
        return f"{self.id}.{self.name_of(table)}"

    def look(self, table_id: str) -> bigquery.Table | None:
        """Return what the service says of the table, None if there is no such table."""
        with self.explained("bigquery.tables.get", table_id):
            try:
                return self.client.get_table(table_id, retry=self._retry, timeout=self.timeout_s)
            except api.NotFound:
                self.location()  # a dataset that is missing is another matter
                return None

    def create(self, definition: bigquery.Table, table_id: str) -> bigquery.Table:
        """Create the table if it is not there, and return what is there."""
        with self.explained("bigquery.tables.create", table_id):
            return self.client.create_table(definition, exists_ok=True, retry=self._retry, timeout=self.timeout_s)

    def add_columns(self, table_id: str, fields: list[bigquery.SchemaField]) -> None:
        """Add the columns after those that the table has."""
        with self.explained("bigquery.tables.update", table_id):
            found = self.client.get_table(table_id, retry=self._retry, timeout=self.timeout_s)
            found.schema = [*found.schema, *fields]
            self.client.update_table(found, ["schema"], retry=self._retry, timeout=self.timeout_s)

    def keep_for_ever(self, found: bigquery.Table) -> None:
        """Let neither the table nor its partitions expire."""
        changed = bigquery.Table(found.reference)  # without the etag: two may do the same at once
        changed.expires = None
        if found.time_partitioning:
            changed.time_partitioning = bigquery.TimePartitioning(field=found.time_partitioning.field)
            changed.time_partitioning.expiration_ms = None
        fields = ["expires", *(["time_partitioning"] if found.time_partitioning else [])]
        with self.explained("bigquery.tables.update", str(found.reference)):
            self.client.update_table(changed, fields, retry=self._retry, timeout=self.timeout_s)

    def drop(self, table_id: str) -> None:
        """Drop the table if it is there."""
        with self.explained("bigquery.tables.delete", table_id):
            self.client.delete_table(table_id, not_found_ok=True, retry=self._retry, timeout=self.timeout_s)

    def until(self) -> float:
        """Return the moment (monotonic) at which an operation that begins now has to be over."""
        return time.monotonic() + self.deadline_s

    @contextmanager
    def explained(self, permission: str, what: str) -> Iterator[None]:
        """Turn what the clients raise into one line that says what to do; 404 is often the caller's."""
        asked = time.monotonic()
        try:
            with within(self.until()):
                yield
        except api.NotFound:
            raise
        except FAILURES as error:
            raise explanation(error, permission, what, self.deadline_s, asked) from None
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # what Google's library makes of it
            raise WarehouseError(f"{what}: no usable answer, it is none of BigQuery's ({short(error)})") from None


_TYPES = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
"""What the API calls SQL's types in a schema."""


def types_of(found: bigquery.Table) -> AnyCase[str]:
    """Return SQL's type of each column that the table has, by name."""
    return AnyCase({field.name: _TYPES.get(field.field_type, field.field_type) for field in found.schema})
