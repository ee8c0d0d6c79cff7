"""What stores and readers of model files agree on: where a version lies, how large a file may be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from skucast.core.combination import Combination
from skucast.core.errors import ModelNotFound
from skucast.core.quoting import quoted

MAX_BYTES = 4 * 1024 * 1024
"""Largest file that is read as a model: a hundred times a usual one."""

MAX_SHARED_BYTES = 128 * 1024 * 1024
"""Largest file that is read as one of what all combinations share and that grows with them as evidence does."""

MAX_BYTES_OF = {"panel": 16 * 1024 * 1024, "blend": 48 * 1024 * 1024}
"""Of the shared files that a forecast reads, which takes some ten times their size. A panel has some 5 MB whatever the
business, a blend some 100 bytes a combination."""

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


_VERSION = re.compile(r"[A-Za-z0-9_][\w.+-]{0,199}", re.ASCII)

ModelFile = Combination | SharedFile


def most_bytes(file: ModelFile) -> int:
    """Return how large the file may be."""
    return MAX_BYTES_OF.get(file.name, MAX_SHARED_BYTES) if isinstance(file, SharedFile) else MAX_BYTES


def versions_folder(file: ModelFile) -> str:
    """Return the relative path of the folder of the kept versions, with a slash at its end."""
    return f"{VERSIONS}/{file.path.removesuffix('.pkl')}/"


def version_path(file: ModelFile, version: str) -> str:
    """Return the relative path of one kept version.

    Raises:
        ModelNotFound: it is no name of a version, but may be a path to anywhere.
    """
    if not _VERSION.fullmatch(version):
        raise ModelNotFound(f"no version {quoted(version)} of {file}: a version is named like 2026-11-22-1a2b3c4d5e6f")
    return f"{versions_folder(file)}{version}.pkl"


def newest_until(versions: Sequence[str], cutoff: date) -> str | None:
    """Return the newest version that has not seen past the cutoff, the last saved of those; None if there is none."""
    until = [version for version in versions if version[:10] <= str(cutoff)]
    return max(enumerate(until), key=lambda item: (item[1][:10], item[0]))[1] if until else None
