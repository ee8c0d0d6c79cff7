"""The reference of all tables, Markdown, made from the contracts."""

from __future__ import annotations

from collections.abc import Iterator

from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES


def reference() -> str:
    """Return the page of all tables, Markdown: a heading for each, then its columns."""
    return "\n".join([_HEAD, *(line for table in TABLES for line in _table_lines(table))]).strip() + "\n"


_HEAD = """# Tables

Made from the contracts in `src/skucast/core/tables/` by `make docs`; edit those, not this page.
"""


def _table_lines(table: Table) -> Iterator[str]:
    yield f"## {table.label}: `{table.name}`"
    yield ""
    yield table.meaning
    facts = [
        f"key: {', '.join(f'`{name}`' for name in table.key)}" if table.key else "",
        f"replaced by: `{table.partition}`" if table.partition else "",
        "replaced as a whole" if table.is_whole else "",
    ]
    if any(facts):
        yield f"({'; '.join(fact for fact in facts if fact)})"
    yield ""
    yield "| column | type | measure | meaning |"
    yield "|---|---|---|---|"
    for column in table.columns:
        kind = f"{column.type}{' or NULL' if column.nullable else ''}"
        allowed = f" ({', '.join(f'`{value}`' for value in column.allowed)})" if column.allowed else ""
        yield f"| `{column.name}` | {kind} | {column.unit} | {column.meaning}{allowed} |"
    yield ""
