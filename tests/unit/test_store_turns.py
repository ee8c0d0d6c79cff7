"""Who changes model files takes turns: a process that keeps its turn is named, and waited for a minute at most."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from skucast.backends import waiting
from skucast.backends.store import local
from skucast.backends.store.local import LocalStore
from skucast.core.errors import StoreError

HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_stopped_process_does_not_stop_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is waited for and at the end: its number, its command, that it is stopped; then others go on."""
    monkeypatch.setattr(local, "LOCK_PATIENCE_S", 0.2)
    monkeypatch.setattr(waiting, "SAID_AFTER_S", 0.0)
    store = LocalStore(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        holder.send_signal(signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        said = rf"held by another process, {holder.pid} \(.*import fcntl.*\), started 20.* UTC, which is stopped"
        with caplog.at_level(logging.WARNING, "skucast"), pytest.raises(StoreError, match=said), store._lock():
            pass
        holder.send_signal(signal.SIGCONT)
        holder.communicate("\n")
    assert [each.getMessage().startswith(f"waiting for {tmp_path}, held by") for each in caplog.records] == [True]
    with store._lock():
        pass
