"""The walks of rows down trees: loops over flat arrays that `machine_code.py` compiles.

May import nothing but types: machine code belongs to the text of this file. A reference to a node is its index; a
reference to leaf i is -1 - i. `values` has the rows, one after the other. By blocks of rows that stay in the cache, and
in each of them tree by tree: each row's leaves are added in the order of the trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.uint8]

NEARLY_ZERO = 1.0000000180025095e-35
"""A value no farther from 0 is zero to LightGBM: 1e-35 as a number of 32 bits."""

BLOCK = 256
"""Rows that are walked down all trees together: 140 KB of features."""


def below(
    at: int,
    values: Floats,
    first: int,
    features: Ints,
    thresholds: Floats,
    left: Ints,
    right: Ints,
    missing_left: Flags,
    missing: Ints,
) -> int:
    """Return the reference that a row, by the place of its first value, goes to from a node."""
    value = values[first + features[at]]
    is_nan = value != value  # NaN alone
    if is_nan and missing[at] != 2:
        value = 0.0
        is_nan = False
    if (missing[at] == 1 and abs(value) <= NEARLY_ZERO) or is_nan:
        goes_left = missing_left[at] != 0
    else:
        goes_left = value <= thresholds[at]
    found: int = left[at] if goes_left else right[at]
    return found


def walk(
    total: Floats,
    values: Floats,
    n_rows: int,
    n_features: int,
    roots: Ints,
    n_trees: int,
    leaves: Floats,
    features: Ints,
    thresholds: Floats,
    left: Ints,
    right: Ints,
    missing_left: Flags,
    missing: Ints,
) -> None:
    """Walk every row down every tree and add its leaves to `total`, (rows,)."""
    for block in range(0, n_rows, BLOCK):
        for tree in range(n_trees):
            for row in range(block, min(block + BLOCK, n_rows)):
                at = roots[tree]
                while at >= 0:
                    at = below(at, values, row * n_features, features, thresholds, left, right, missing_left, missing)
                total[row] += leaves[-1 - at]


def walk_adding(
    total: Floats,
    groups: Ints,
    n_groups: int,
    means: Floats,
    values: Floats,
    n_rows: int,
    n_features: int,
    roots: Ints,
    n_trees: int,
    leaves: Floats,
    features: Ints,
    thresholds: Floats,
    left: Ints,
    right: Ints,
    missing_left: Flags,
    missing: Ints,
) -> None:
    """Walk every row down every tree and add what each step changes to the group of the feature that was asked.

    To `total`, (rows, groups + 1), row after row; last what all rows begin with.
    """
    for block in range(0, n_rows, BLOCK):
        for tree in range(n_trees):
            for row in range(block, min(block + BLOCK, n_rows)):
                at = roots[tree]
                mean = means[at] if at >= 0 else leaves[-1 - at]
                first = row * (n_groups + 1)
                total[first + n_groups] += mean
                while at >= 0:
                    group = groups[features[at]]
                    at = below(at, values, row * n_features, features, thresholds, left, right, missing_left, missing)
                    then = means[at] if at >= 0 else leaves[-1 - at]
                    total[first + group] += then - mean
                    mean = then
