"""The walks of rows down trees: loops over flat arrays that `machine_code.py` compiles.

May import nothing but types: machine code belongs to the text of this file. A reference to a node is its index; a
reference to leaf i is -1 - i. `sides` has of each node where left and where right leads, `values` the rows, one after
the other. By blocks of rows that stay in the cache, and in each of them tree by tree: each row's leaves are added in
the order of the trees. Four rows go down together: a step waits for the one before it, and the processor for none.
Both loops write the four steps out: by a function that takes all four they take a tenth longer.
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
    at: int, first: int, values: Floats, features: Ints, thresholds: Floats, sides: Ints, left: Flags, missing: Ints
) -> int:
    """Return the reference that a row, by the place of its first value, goes to from a node; of a leaf itself.

    `left` tells where a missing value goes left.
    """
    if at < 0:
        return at
    value = values[first + features[at]]
    side = 0 if value <= thresholds[at] else 1
    if value != value or (missing[at] == 1 and abs(value) <= NEARLY_ZERO):  # NaN alone is not itself
        side = 1 - left[at] if missing[at] != 0 else (0 if thresholds[at] >= 0.0 else 1)
    found: int = sides[2 * at + side]
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
    sides: Ints,
    missing_left: Flags,
    missing: Ints,
) -> None:
    """Walk every row down every tree and add its leaves to `total`, (rows,)."""
    for block in range(0, n_rows, BLOCK):
        end = min(block + BLOCK, n_rows)
        for tree in range(n_trees):
            for row in range(block, end, 4):
                first, root = row * n_features, roots[tree]
                a, b = root, root if row + 1 < end else -1
                c, d = root if row + 2 < end else -1, root if row + 3 < end else -1
                while (a & b & c & d) >= 0:  # one of them is no leaf
                    a = below(a, first, values, features, thresholds, sides, missing_left, missing)
                    b = below(b, first + n_features, values, features, thresholds, sides, missing_left, missing)
                    c = below(c, first + 2 * n_features, values, features, thresholds, sides, missing_left, missing)
                    d = below(d, first + 3 * n_features, values, features, thresholds, sides, missing_left, missing)
                total[row] += leaves[-1 - a]
                if row + 1 < end:
                    total[row + 1] += leaves[-1 - b]
                if row + 2 < end:
                    total[row + 2] += leaves[-1 - c]
                if row + 3 < end:
                    total[row + 3] += leaves[-1 - d]


def add_step(
    total: Floats, place: int, old: int, new: int, groups: Ints, means: Floats, leaves: Floats, features: Ints
) -> None:
    """Add what a step from a node changes to the group of its feature; `place` is the row's first in `total`."""
    if old >= 0:
        mean = means[new] if new >= 0 else leaves[-1 - new]
        total[place + groups[features[old]]] += mean - means[old]


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
    sides: Ints,
    missing_left: Flags,
    missing: Ints,
) -> None:
    """Walk every row down every tree and add what each step changes to the group of the feature that was asked.

    To `total`, (rows, groups + 1), row after row; last what all rows begin with.
    """
    width = n_groups + 1
    for block in range(0, n_rows, BLOCK):
        end = min(block + BLOCK, n_rows)
        for tree in range(n_trees):
            root = roots[tree]
            begin = means[root] if root >= 0 else leaves[-1 - root]
            for row in range(block, end):
                total[row * width + n_groups] += begin
            for row in range(block, end, 4):
                first, place = row * n_features, row * width
                a, b = root, root if row + 1 < end else -1
                c, d = root if row + 2 < end else -1, root if row + 3 < end else -1
                while (a & b & c & d) >= 0:  # one of them is no leaf
                    e = below(a, first, values, features, thresholds, sides, missing_left, missing)
                    f = below(b, first + n_features, values, features, thresholds, sides, missing_left, missing)
                    g = below(c, first + 2 * n_features, values, features, thresholds, sides, missing_left, missing)
                    h = below(d, first + 3 * n_features, values, features, thresholds, sides, missing_left, missing)
                    add_step(total, place, a, e, groups, means, leaves, features)
                    add_step(total, place + width, b, f, groups, means, leaves, features)
                    add_step(total, place + 2 * width, c, g, groups, means, leaves, features)
                    add_step(total, place + 3 * width, d, h, groups, means, leaves, features)
                    a, b, c, d = e, f, g, h
