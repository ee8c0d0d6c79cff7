"""Narrow frames: the same values in fewer bytes, also after rows were chosen or parts put together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skucast.core.narrow import chosen, is_repeated, narrowed, put_together
from skucast.core.rows import kept_rows

FRAME = pd.DataFrame(
    {
        "name": pd.Series(["a", "b", None, "b"], dtype="str"),
        "text": pd.Series([None, "x", None, "y"], dtype="str"),
        "few": [0, 1, 127, 3],
        "many": [0, 128, 2, 3],
        "huge": [0, 2**40, 1, 1],
        "same": [7, 7, 7, 7],
        "half": [0.5, 0.5, 0.5, 0.5],
        "zeros": [0.0, 0.0, -0.0, 0.0],
        "unknown": [np.nan] * 4,
        "sold": [1.5, np.nan, 2.5, 0.1 + 0.2],
        "day": pd.to_datetime(["2026-11-22"] * 4).astype("datetime64[us]"),
        "flag": [True, False, True, True],
    },
    index=pd.Index([3, 5, 8, 9]),
)


def test_values_stay_and_types_shrink() -> None:
    """Floats stay floats; -0.0 is no 0.0."""
    narrow = narrowed(FRAME, ["text"])
    assert_frame_equal(narrow.astype(FRAME.dtypes.to_dict()), FRAME)
    types = {name: str(narrow[name].dtype) for name in ("few", "many", "huge", "same", "sold", "text", "name")}
    assert types == {
        "few": "int8",
        "many": "int16",
        "huge": "int64",
        "same": "int8",
        "sold": "float64",
        "text": "category",
        "name": "str",
    }
    one_value = {name for name in FRAME if narrow[name].dtype.kind in "iufbM" and is_repeated(narrow[name].to_numpy())}
    assert one_value == {"same", "half", "unknown", "day"}
    assert np.signbit(narrow["zeros"].to_numpy()).tolist() == [False, False, True, False]


@pytest.mark.parametrize("mask", [[True] * 4, [False, True, True, False], [False] * 4])
def test_chosen_rows_are_those_of_the_frame(mask: list[bool]) -> None:
    """Under their index, of wide and of narrow frames."""
    of_frame = FRAME[np.array(mask)]
    assert_frame_equal(chosen(FRAME, np.array(mask)), of_frame)
    found = kept_rows(narrowed(FRAME, ["text"]), pd.Series(mask, index=FRAME.index))
    assert_frame_equal(found.astype(FRAME.dtypes.to_dict()), of_frame)
    if any(mask):
        assert is_repeated(found["same"].to_numpy())


def test_parts_become_one() -> None:
    """Of another value in each part there is one for each row; categories of all parts are together."""
    other = FRAME.assign(same=8, few=300, text=pd.Series(["z", None, "x", None], index=FRAME.index, dtype="str"))
    parts = [narrowed(FRAME, ["text"]), narrowed(other, ["text"]), narrowed(FRAME.iloc[:0], ["text"])]
    whole = put_together(parts)
    assert_frame_equal(whole.astype(FRAME.dtypes.to_dict()), pd.concat([FRAME, other], ignore_index=True))
    assert not parts
    assert is_repeated(whole["half"].to_numpy())
    assert not is_repeated(whole["same"].to_numpy())
