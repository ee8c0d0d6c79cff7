"""What stores and readers of model files agree on: where a version lies, how large a file may be."""

from __future__ import annotations

from dataclasses import dataclass

from skucast.core.combination import Combination

MAX_BYTES = 4 * 1024 * 1024
"""Largest file that is read as a model: a hundred times a usual one."""

MAX_SHARED_BYTES = 128 * 1024 * 1024
"""Largest file that is read as one of what all combinations share."""

SHARED = "_panel"
"""Folder of what all combinations share; no unit can have this name."""

VERSIONS = "_versions"
"""Folder of the immutable versions: `_versions/Unit/Channel/SKU_ID/VERSION.pkl`; no unit can have this name."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A model file that all combinations share, `_panel/NAME.pkl`, stored as the model of a combination is."""

    name: str

    def __str__(self) -> str:
        return f"{SHARED}/{self.name}"

    @property
    def path(self) -> str:
        """Relative path of the live file."""
        return f"{SHARED}/{self.name}.pkl"


ModelFile = Combination | SharedFile


def most_bytes(file: ModelFile) -> int:
    """Return how large the file may be."""
    return MAX_SHARED_BYTES if isinstance(file, SharedFile) else MAX_BYTES


def version_path(file: ModelFile, version: str) -> str:
    """Return the relative path of one kept version."""
    return f"{VERSIONS}/{file.path.removesuffix('.pkl')}/{version}.pkl"
