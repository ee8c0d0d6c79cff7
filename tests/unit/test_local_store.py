"""What is the local folder's own: a process that is killed, two that save at once, files of other kinds."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.errors import ModelError, StoreError
from skucast.core.model_files import MAX_BYTES
from skucast.forecast.artifact import loads

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")

CHILD = """
import os, signal, sys
from skucast.core.combination import Combination
from skucast.core.errors import StoreConflict
from skucast.backends.store.local import LocalStore

article = Combination("Пермь", "ON TRADE", "ЦУП00009752")
store = LocalStore(sys.argv[1])
expected = store.load(article).generation
"""

DIE_WRITING = """
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

writes = iter(range(9))
sync = os.fsync
os.fsync = lambda file: die() if next(writes) == int(sys.argv[2]) else sync(file)
store.save(article, b"new" * 1000, "v2", expected=expected)
"""

SAVE_SLOWLY = """
import time
from skucast.backends.store import local

write = local._write
local._write = lambda *file: (time.sleep(0.2), write(*file))
print("ready", flush=True)
sys.stdin.readline()
try:
    store.save(article, sys.argv[2].encode(), sys.argv[2], expected=expected)
    print("saved")
except StoreConflict:
    print("conflict")
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """Return a store that holds one model, version `v1`."""
    store = LocalStore(tmp_path / "models")
    store.save(ARTICLE, b"old", "v1", expected=None)
    return store


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that has read the live model of the store."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )


@pytest.mark.parametrize(("killed_in_write", "versions"), [(0, ["v1"]), (1, ["v1", "v2"])], ids=["version", "live"])
def test_a_process_killed_while_writing_leaves_the_old_file(
    store: LocalStore, killed_in_write: int, versions: list[str]
) -> None:
    """Killed in the middle of either file: the old model is live and whole, no half version is kept, saving goes on."""
    killed = child(DIE_WRITING, store.root, killed_in_write)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    live = store.load(ARTICLE)
    assert live.payload == b"old"
    assert store.versions(ARTICLE) == versions
    assert store.stored() == [ARTICLE]
    store.save(ARTICLE, b"new", "v3", expected=live.generation)
    assert store.load(ARTICLE).payload == b"new"


@pytest.mark.slow
def test_of_two_that_save_at_once_one_wins(store: LocalStore) -> None:
    """Both read the same model: one is saved, the other gets a conflict, both versions are kept."""
    savers = [child(SAVE_SLOWLY, store.root, name) for name in ("v2", "v3")]
    for saver in savers:
        assert saver.stdout is not None
        assert saver.stdout.readline() == "ready\n"
    for saver in savers:
        assert saver.stdin is not None
        print(file=saver.stdin, flush=True)
    said = {name: saver.communicate()[0].strip() for saver, name in zip(savers, ("v2", "v3"), strict=True)}
    winner = next(name for name, word in said.items() if word == "saved")
    assert sorted(said.values()) == ["conflict", "saved"]
    assert store.load(ARTICLE).payload == winner.encode()
    assert sorted(store.versions(ARTICLE)) == ["v1", "v2", "v3"]


def test_other_files_in_the_folder_are_passed_over(store: LocalStore) -> None:
    """Notes, files of another depth and half-written ones are no models; the folder of versions is no unit."""
    for name in ("README.md", "Пермь/ON TRADE/notes.txt", "Пермь/x.pkl", "Пермь/ON TRADE/.new-abc", "a/b/...pkl"):
        path = store.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert store.stored() == [ARTICLE]


def test_a_saved_file_can_be_read_by_others(store: LocalStore) -> None:
    """Its mode is that of ordinary files, not that of temporary ones, and nothing temporary is left."""
    path = store.root / ARTICLE.path
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_special_file_is_a_model_error_at_once(store: LocalStore, kind: str) -> None:
    """A pipe would be waited for, /dev/zero never ends: neither is opened, and no model is saved over it."""
    path = store.root / ARTICLE.path
    path.unlink()
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="not an ordinary file"):
        store.load(ARTICLE)
    with pytest.raises(ModelError, match="not an ordinary file"):
        store.save(ARTICLE, b"new", "v2", expected=None)


def test_a_huge_file_is_read_no_further_than_shows_it(store: LocalStore) -> None:
    """Of a file of 1 GiB one byte more than a model may have is read; it is refused as larger than that."""
    with (store.root / ARTICLE.path).open("wb") as file:
        file.truncate(2**30)
    payload = store.load(ARTICLE).payload
    assert len(payload) == MAX_BYTES + 1
    with pytest.raises(ModelError, match="larger than 4 MiB"):
        loads(payload)


def test_a_store_that_is_no_folder_is_a_model_error(tmp_path: Path) -> None:
    """The file's path is in the message."""
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ModelError, match="models"):
        LocalStore(tmp_path / "models").load(ARTICLE)


def test_a_disk_that_takes_no_more_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which file, and why; the model of before stays live, and nothing half-written beside it."""
    store = LocalStore(tmp_path)
    before = store.save(ARTICLE, b"the model of before", "v1", expected=None)

    def is_full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", is_full)
    with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\); what was there stays"):
        store.save(ARTICLE, b"another model", "v2", expected=before)
    assert store.load(ARTICLE).payload == b"the model of before"
    assert not list(tmp_path.rglob(".new-*"))
