"""Files whose names differ in case alone, or in how a letter is composed: some disks take one for the other."""

from __future__ import annotations

import contextlib
import tempfile
import unicodedata
from functools import lru_cache
from pathlib import Path

from skucast.core.errors import ModelError


def refuse_twin(root: Path, path: str) -> None:
    """Refuse a path below the root if the disk has a file or folder on it under another spelling, and takes it for it.

    Raises:
        ModelError: there is one.
    """
    if not takes_for_same(root):
        return
    folder = root
    for part in path.split("/"):
        names = _names_in(folder)
        twin = next((name for name in names if name != part and _alike(name) == _alike(part)), None)
        if twin is not None and part not in names:
            raise ModelError(
                f"{folder / part}: this disk takes {twin!r} for it, a name that differs in case alone, or in how its "
                "letters are composed; keep the models in another place (MODEL_STORE: a disk that tells case apart, or gs://)"
            )
        folder = folder / part


def takes_for_same(root: Path) -> bool:
    """Return whether the disk of this folder takes names that differ in case alone for the same; False if none is."""
    with contextlib.suppress(OSError):
        return _is_folding(root, root.stat().st_dev)
    return False


@lru_cache(maxsize=100)
def _is_folding(root: Path, device: int) -> bool:
    del device  # another disk may come to lie under this name
    with tempfile.NamedTemporaryFile(dir=root, prefix=".case-a") as file:
        path = Path(file.name)
        return path.with_name(path.name.swapcase()).exists()


def _names_in(folder: Path) -> set[str]:
    with contextlib.suppress(OSError):
        return {each.name for each in folder.iterdir()}
    return set()


def _alike(name: str) -> str:
    return unicodedata.normalize("NFD", unicodedata.normalize("NFKD", name).casefold())
