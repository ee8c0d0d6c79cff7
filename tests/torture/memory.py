"""What a process takes while it does something, and what it keeps of it: Linux' own figures."""

from __future__ import annotations

import ctypes
import gc
import resource
from contextlib import suppress
from pathlib import Path

_MB = 1_000_000


def begun_mb() -> float:
    """Return what is in memory now; `peak_mb` tells the most from here on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _of("VmRSS")


def peak_mb() -> float:
    """Return the most that was in memory since `begun_mb`."""
    return _of("VmHWM")


def kept_mb() -> float:
    """Return what is in memory when nothing is held any more that nobody needs, by Python or by the allocator."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return _of("VmRSS")


def _of(name: str) -> float:
    """A line of /proc/self/status; elsewhere the most that there ever was."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / _MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MB
