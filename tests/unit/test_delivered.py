"""One combination's weeks as arrays say what its frame says."""

from __future__ import annotations

import numpy as np
import pytest
from builders import history_of, line, sunday

from skucast.sales.columns import days, numbers
from skucast.sales.history import nothing_sold


@pytest.fixture
def history(warehouse, run):
    """Two articles: one of thirty weeks, one of twelve with a week in which nothing was sold."""
    sold = {"A1": range(30), "B2": [0, *range(2, 12)]}
    return history_of(warehouse, [line(sunday(ago), 5, SKU_ID=name) for name in sold for ago in sold[name]], run)


def test_arrays_are_the_columns_of_the_frame(history) -> None:
    """Whoever reads `weeks["y"]` reads the same numbers, of as many weeks, whichever he was given."""
    frames, arrays = dict(history.split()), history.delivered(history.combinations)
    assert list(arrays) == list(frames) == history.combinations
    for each, frame in frames.items():
        own = arrays[each]
        assert len(own) == len(frame)
        np.testing.assert_array_equal(days(own), days(frame))
        np.testing.assert_array_equal(numbers(own, "y"), numbers(frame, "y"))
        np.testing.assert_array_equal(nothing_sold(own), nothing_sold(frame))
        assert "promo_days" in own
        assert "price" not in own
