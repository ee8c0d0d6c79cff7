"""How numba compiles a loop and where it keeps the result, also in an image whose files nobody may write to.

May import numba and the standard library.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile on first use and keep the result on disk; only in memory where there is no place to keep it.

    Kept until a file of loops beside it changes: numba looks at its own alone, and compiles in what it calls.
    """
    try:
        kept: Any = njit(cache=True)(function)
    except RuntimeError:  # a read-only image without NUMBA_CACHE_DIR
        kept = njit(function)
    else:
        index: Any = kept._cache._cache_file  # noqa: SLF001 - numba has no other way to say it
        index._source_stamp = _stamps(Path(function.__code__.co_filename))  # noqa: SLF001
    found: F = kept
    return found


def _stamps(file: Path) -> tuple[tuple[float, int], ...]:
    """When each file of loops was changed, and how long it is."""
    found = (each.stat() for each in sorted({file, *file.parent.glob("*_loops.py")}))
    return tuple((each.st_mtime, each.st_size) for each in found)


def make_cache_usable() -> None:
    """Let numba use what NUMBA_CACHE_DIR holds if that folder cannot be written to: on a copy, gone with the process.

    Numba takes no folder that it cannot write to, and would compile for 15 s at every start of every worker.
    """
    config: Any = numba.config  # reads its variables into attributes
    kept = config.CACHE_DIR
    if not kept or not Path(kept).is_dir() or os.access(kept, os.W_OK):
        return
    copy = tempfile.mkdtemp(prefix="skucast-compiled-")
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(kept, copy, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(copy):
        Path(folder).chmod(0o700)  # copied too: that nobody may write
    config.CACHE_DIR = copy


make_cache_usable()  # before anything is compiled: numba looks at its folder once
