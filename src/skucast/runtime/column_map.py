"""Columns that a source names otherwise: the map from our names to theirs, as one text."""

from __future__ import annotations

from skucast.core.errors import InputError
from skucast.core.tables.contract import BATCH, Table
from skucast.core.tables.sales import SALES


def parse_column_map(text: str, table: Table = SALES) -> dict[str, str]:
    """Return the source's column name by ours, from `ours=theirs;...`.

    Raises:
        InputError: an item without `=`, or a name on the left that the table does not have or that was given before.
    """
    known = [name for name in table.column_names if name != BATCH]
    mapping: dict[str, str] = {}
    for item in filter(None, (piece.strip() for piece in text.split(";"))):
        ours, equals, theirs = (piece.strip() for piece in item.partition("="))
        if not equals or ours not in known or not theirs:
            raise InputError(f"{item!r}: expected ours=theirs with ours one of {', '.join(known)}")
        if ours in mapping:
            raise InputError(f"{item!r}: expected ours=theirs once for each of ours, {ours} has {mapping[ours]!r}")
        mapping[ours] = theirs
    return mapping
