"""Processes that need not import what they run: forked by one that has, and that has done nothing else.

Each is a process of its own, with its own variables, that can be killed; only that its interpreter starts is not shown.
Whatever is about the scripts starts true ones.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import skucast

PATHS = (Path(skucast.__file__).parents[1], Path(__file__).parent, Path(__file__).parent / "cloud" / "bigquery")
"""Where they find modules, besides the installed ones: the source, the tests, the writers of a week."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["writers"])


class Forked:
    """A function that runs in a process of its own, with these variables."""

    def __init__(self, run: Callable[..., object], *given: object, variables: Mapping[str, str]) -> None:
        handle, name = tempfile.mkstemp(prefix="said-by-a-test-")
        os.close(handle)
        self._said = Path(name)
        self._text, self._wait = "", threading.Lock()
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = ":".join(map(str, PATHS))  # the first one starts the process that forks all
        try:
            self._process: ForkServerProcess = FORKS.Process(target=_be, args=(run, given, self._said, dict(variables)))
            self._process.start()
        finally:
            if before is None:
                del os.environ["PYTHONPATH"]
            else:
                os.environ["PYTHONPATH"] = before

    def kill(self) -> None:
        """Send it SIGKILL."""
        self._process.kill()

    def ended(self) -> tuple[int | None, str]:
        """Wait until it has ended; return its exit code, or minus the signal that ended it, and what it has said."""
        with self._wait:  # the code can be read once
            self._process.join()
            if self._said.exists():
                self._text = self._said.read_text(encoding="utf-8")
                self._said.unlink()
        return self._process.exitcode, self._text


def _be(run: Callable[..., object], given: tuple[Any, ...], said: Path, variables: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    with said.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    run(*given)
