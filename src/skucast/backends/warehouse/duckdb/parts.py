"""Sales in parts of whole units: what DuckDB needs to sum up all of them at once is as much again as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skucast.backends.warehouse.duckdb.file import Connection

AT_ONCE = 150_000
"""Lines that are summed up at once, if no unit has more; half a million need 100 MiB more."""

MOST_PARTS = 24
"""No more parts than about so many: each reads the units of all lines."""

UNITS = """
SELECT
    regexp_replace(nfc_normalize(spelling), '^{blank}+|{blank}+$', '', 'g') AS unit,
    list(spelling) AS spellings,
    CAST(sum(n) AS BIGINT) AS n_lines
FROM (SELECT {unit} AS spelling, count(*) AS n FROM {table} GROUP BY ALL)
GROUP BY unit
ORDER BY unit
"""
"""The units in the order of the weekly sums, how each is written, and how many lines it has."""

OF_SOME = "({unit} IN (SELECT unnest(CAST($units AS VARCHAR[]))) OR ($nobody AND {unit} IS NULL))"
"""Whether a line is one of a part."""


def parts_of(connection: Connection, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what `OF_SOME` is bound to for each part, in the order of the units; one part with nothing for all.

    `names` has what stands for the table, the column of units, and a blank.
    """
    units = connection.execute(UNITS.format(**names)).fetchall()
    n_all = sum(n_lines for *_, n_lines in units)
    if len(units) < 2 or n_all <= AT_ONCE:
        yield {}
        return
    at_once = max(AT_ONCE, n_all // MOST_PARTS)
    spellings: list[str | None] = []
    n_waiting = 0
    for place, (_, spelt, n_lines) in enumerate(units):
        spellings, n_waiting = [*spellings, *spelt], n_waiting + n_lines
        following = units[place + 1][2] if place + 1 < len(units) else at_once
        if n_waiting + following > at_once:
            yield {"units": [each for each in spellings if each is not None], "nobody": None in spellings}
            spellings, n_waiting = [], 0
