"""What stores and readers of model files agree on: where a version lies, how large a file may be."""

from __future__ import annotations

from skucast.core.combination import Combination

MAX_BYTES = 4 * 1024 * 1024
"""Largest file that is read as a model: a hundred times a usual one."""

VERSIONS = "_versions"
"""Folder of the immutable versions: `_versions/Unit/Channel/SKU_ID/VERSION.pkl`; no unit can have this name."""


def version_path(combination: Combination, version: str) -> str:
    """Return the relative path of one kept version."""
    return f"{VERSIONS}/{combination.path.removesuffix('.pkl')}/{version}.pkl"
