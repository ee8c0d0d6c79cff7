"""Rows by the combinations that they are about."""

from __future__ import annotations

import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about, written

ROWS = pd.DataFrame([("Пермь", "KA", "A1"), ("Пермь", "TF", "A1"), ("Пермь", None, "A1")], columns=KEY)


def test_rows_are_found_by_combinations_and_by_other_rows() -> None:
    """All three names count, and of nobody there are none."""
    assert is_about(ROWS, [Combination("Пермь", "TF", "A1")]).tolist() == [False, True, False]
    assert is_about(ROWS, ROWS.iloc[:1]).tolist() == [True, False, False]
    assert is_about(ROWS, []).tolist() == is_about(ROWS, ROWS.head(0)).tolist() == [False] * 3
    assert is_about(ROWS.head(0), ROWS).tolist() == []


def test_a_row_is_written_as_its_names() -> None:
    """Missing where a name is."""
    assert written(ROWS).fillna("-").tolist() == ["Пермь/KA/A1", "Пермь/TF/A1", "-"]
