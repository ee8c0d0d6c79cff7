"""Who holds a file that another process waits for: named in the log and in the line that ends the waiting."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from skucast.runtime.logs import log

SAID_AFTER_S = 2.0
"""How long to wait in silence: most operations take less."""

_PROCESS = re.compile(r"PID (\d+)")
_STATES = {"T": "is stopped (kill -CONT {pid} lets it go on)", "Z": "has ended", "D": "waits for its disk"}


class Waiting:
    """One operation's waiting for its turn, said once it takes long and at its end."""

    def __init__(self, path: Path, patience_s: float) -> None:
        self._path, self._patience_s = path, patience_s
        self._since = time.monotonic()
        self._is_said = False

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._since

    @property
    def is_over(self) -> bool:
        """Whether patience has come to its end."""
        return self.seconds > self._patience_s

    def over(self, pid: int | None) -> str:
        """Return the line that ends the waiting: for what, for whom, and what to do."""
        return f"{self._path}: {held_by(pid)}, for over {self._patience_s:.0f} s; end it and run again"

    def say(self, pid: int | None) -> None:
        """Log once who is waited for, when it takes longer than usual."""
        if self._is_said or self.seconds < min(SAID_AFTER_S, self._patience_s / 2):
            return
        self._is_said = True
        log.warning("waiting for %s, %s; at most %.0f s", self._path, held_by(pid), self._patience_s)


def pid_in(text: str) -> int | None:
    """Return the number of the process that DuckDB names as the one that holds its lock."""
    found = _PROCESS.search(text)
    return None if found is None or int(found[1]) == os.getpid() else int(found[1])


def pid_of_lock(file: IO[str]) -> int | None:
    """Return the number of the process that holds the lock of this file, None where the system does not tell."""
    inode = str(os.fstat(file.fileno()).st_ino)
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/locks").read_text().splitlines():
            _, kind, _, _, pid, place, *_ = line.split()
            if kind == "FLOCK" and place.split(":")[2] == inode and int(pid) > 0:
                return int(pid)
    return None


def held_by(pid: int | None) -> str:
    """Return who holds a file: the process's number, command, start and state, as far as they are known."""
    if pid is None:
        return "held by another process"
    said = f"held by another process, {pid}"
    with suppress(OSError, ValueError, IndexError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        command = " ".join(" ".join(words).split())[:80]
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        booted = float(re.findall(r"btime (\d+)", Path("/proc/stat").read_text())[0])
        started = datetime.fromtimestamp(booted + int(rest[18]) / os.sysconf("SC_CLK_TCK"), UTC)
        said += f" ({command}), started {started:%Y-%m-%d %H:%M:%S} UTC"
        if state in _STATES:
            said += f", which {_STATES[state].format(pid=pid)}"
    return said
