"""Boosted regression trees as plain arrays: read from LightGBM once, checked, and walked by a compiled loop.

LightGBM's own text ends the whole process where one digit of it is changed, and its library is needed to read it. Here
a forest is numbers that are checked before use, and a forecast needs numpy and the compiled loops only. It is
LightGBM's to the last bit: the same comparisons, the leaves added in the same order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from skucast.core.bounds import check_length, check_number, check_numbers
from skucast.forecast.prophet.design import Floats

if TYPE_CHECKING:
    from skucast.forecast.panel.machine_code import Loops

Ints = npt.NDArray[np.int64]

MOST_TREES = 3_000
MOST_DEPTH = 100
"""Trees of 31 leaves are at most 30 deep: a walk down all of them ends soon, and always."""

MOST_LEAF = 1e6
"""Largest value of a leaf: shares of a level, or their logarithms."""

MISSING = {"None": 0, "Zero": 1, "NaN": 2}
"""What a node takes for a missing value, by LightGBM's word: none, zeros, or numbers that are not."""


def loops() -> Loops:
    """Return the compiled loops; where nothing is walked, as on the monitoring's image, LLVM is not needed."""
    from skucast.forecast.panel import machine_code

    return machine_code.loops()


@dataclass(frozen=True)
class Forest:
    """Trees, one after the other. A reference to a node is its index; a reference to leaf i is -1 - i.

    Of each node: the feature it asks for, the threshold up to which a value goes left, where left and right lead,
    whether a missing value goes left, what counts as missing, and the mean of the leaves below it over what was trained
    on. `roots` has each tree's first node, or its only leaf; `leaves` the values that are added up.
    """

    n_features: int
    roots: tuple[int, ...]
    features: tuple[int, ...]
    thresholds: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    missing_left: tuple[bool, ...]
    missing: tuple[int, ...]
    means: tuple[float, ...]
    leaves: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the forest as plain builtins."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}  # asdict copies each number

    def check(self) -> None:
        """Refuse parts that do not fit each other; their types are checked by whoever reads them.

        Every node and leaf must be reached once, by a root or by a node before it: then each walk ends.

        Raises:
            ValueError: lists of different lengths, or a feature, a way to miss or a reference that there is not.
        """
        check_number(self.n_features, "the number of features", 1, 2_000)
        check_length(self.roots, "a forest", MOST_TREES)
        check_numbers(self.leaves, "a leaf", MOST_LEAF)
        check_numbers(self.means, "a leaf's mean", MOST_LEAF)
        n_nodes, n_leaves = len(self.features), len(self.leaves)
        of_nodes = (self.thresholds, self.left, self.right, self.missing_left, self.missing, self.means)
        if any(len(values) != n_nodes for values in of_nodes):
            raise ValueError("a forest's nodes lack a feature, a threshold or a way on")
        if n_nodes and not 0 <= min(self.features) <= max(self.features) < self.n_features:
            raise ValueError("a tree asks for a feature that there is not")
        if not set(self.missing) <= set(MISSING.values()):
            raise ValueError("a tree has an unknown kind of missing value")
        left, right = (np.array(side, dtype="int64") for side in (self.left, self.right))
        nodes = np.arange(n_nodes)
        if any(((side >= 0) & (side <= nodes)).any() for side in (left, right)):
            raise ValueError("a tree leads back to where it came from")
        reached = np.concatenate([np.array(self.roots, dtype="int64"), left, right])
        expected = np.concatenate([-1 - np.arange(n_leaves)[::-1], nodes])
        if not np.array_equal(np.sort(reached), expected):
            raise ValueError("a tree has a node or a leaf that is not reached, or reached twice")
        level = np.array(self.roots, dtype="int64")
        for _ in range(MOST_DEPTH + 1):
            level = level[level >= 0]
            level = np.concatenate([left[level], right[level]])
        if len(level):
            raise ValueError(f"a tree is more than {MOST_DEPTH} splits deep")

    def predict(self, values: Floats) -> Floats:
        """Return the sum over all trees of each row's leaf; values are finite, or NaN = missing: (rows, features).

        Raises:
            ValueError: another number of features.
        """
        checked, total = self._checked(values), np.zeros(len(values))
        loops()("walk", total, checked, *checked.shape, *self._arrays)
        return total

    def contributions(self, values: Floats, groups: Ints, n_groups: int) -> Floats:
        """Return what each group of features adds to the prediction, and last what all rows begin with: (rows, G + 1).

        By the path through each tree (Saabas 2014): a split adds, to the group of its feature, how the mean of what was
        trained on changes from the node to the one below. The columns add up to the prediction. `groups` (features,)
        has each feature's group, 0 to n_groups - 1.

        Raises:
            ValueError: another number of features.
        """
        means, places = np.array(self.means, dtype="float64"), np.ascontiguousarray(groups, dtype="int64")
        checked, total = self._checked(values), np.zeros((len(values), n_groups + 1))
        loops()("walk_adding", total, places, n_groups, means, checked, *checked.shape, *self._arrays)
        return total

    def _checked(self, values: Floats) -> Floats:
        if values.ndim != 2 or values.shape[1] != self.n_features:
            raise ValueError(f"{self.n_features} features expected, found an array of shape {values.shape}")
        return np.ascontiguousarray(values, dtype="float64")

    @cached_property
    def _arrays(self) -> tuple[int | np.ndarray, ...]:
        """The trees as the loops read them."""
        return (
            np.array(self.roots, dtype="int64"),
            len(self.roots),
            np.array(self.leaves, dtype="float64"),
            np.array(self.features, dtype="int64"),
            np.array(self.thresholds, dtype="float64"),
            np.column_stack([self.left, self.right]).astype("int64").ravel(),
            np.array(self.missing_left, dtype="uint8"),
            np.array(self.missing, dtype="int64"),
        )


def warm_up() -> None:
    """Compile the loops."""
    stump = Forest(1, (0,), (0,), (0.0,), (-1,), (-2,), (False,), (0,), (0.5,), (0.0, 1.0))
    stump.predict(np.zeros((1, 1)))
    stump.contributions(np.zeros((1, 1)), np.zeros(1, dtype="int64"), 1)


def forest_of(model: Mapping[str, Any]) -> Forest:
    """Return the trees of LightGBM's `Booster.dump_model()`.

    Raises:
        ValueError: a split that is no comparison of a number, or trees whose mean is taken.
    """
    if model.get("average_output"):
        raise ValueError("trees whose mean is taken are not boosted")
    names = ("features", "thresholds", "left", "right", "missing_left", "missing", "means", "leaves")
    lists: dict[str, list[Any]] = {name: [] for name in names}
    roots = [_add(tree["tree_structure"], lists).reference for tree in model["tree_info"]]
    columns = {name: tuple(values) for name, values in lists.items()}
    return Forest(n_features=int(model["max_feature_idx"]) + 1, roots=tuple(roots), **columns)


class _Added(NamedTuple):
    """The reference to what was added, the mean of its leaves and how many rows were trained on below it."""

    reference: int
    mean: float
    n_rows: float


def _add(part: Mapping[str, Any], lists: dict[str, list[Any]]) -> _Added:
    """Add a node with all below it, or a leaf."""
    if "split_index" not in part:
        lists["leaves"].append(float(part["leaf_value"]))
        return _Added(-len(lists["leaves"]), lists["leaves"][-1], float(part.get("leaf_count", 1)))
    if part["decision_type"] != "<=":
        raise ValueError(f"a split by {part['decision_type']!r} is no comparison of a number")
    node = len(lists["features"])
    lists["features"].append(int(part["split_feature"]))
    lists["thresholds"].append(float(part["threshold"]))
    lists["missing_left"].append(bool(part["default_left"]))
    lists["missing"].append(MISSING[part["missing_type"]])
    for name, nothing in (("left", 0), ("right", 0), ("means", 0.0)):
        lists[name].append(nothing)
    left, right = _add(part["left_child"], lists), _add(part["right_child"], lists)
    n_rows = left.n_rows + right.n_rows
    mean = (left.mean * left.n_rows + right.mean * right.n_rows) / n_rows
    lists["left"][node], lists["right"][node], lists["means"][node] = left.reference, right.reference, mean
    return _Added(node, mean, n_rows)
