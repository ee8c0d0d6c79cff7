"""The page's library is packed once for all processes of a machine."""

from __future__ import annotations

import errno
import gzip
from base64 import b64decode, b64encode
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from skucast.core import kept_files
from skucast.core.kept_files import keep
from skucast.dashboard import packing


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the library kept in a folder of the test's own."""
    monkeypatch.setattr(packing, "__file__", str(tmp_path / "packing.py"))
    return tmp_path / "__pycache__"


def packed_anew(monkeypatch: pytest.MonkeyPatch) -> tuple[packing.Library, int]:
    """Return the library as a new process has it, and how often it was packed for that."""
    calls = []
    with monkeypatch.context() as patched:
        real = packing.packed
        patched.setattr(packing, "packed", lambda content: calls.append(1) or real(content))
        return packing.library.__wrapped__(), len(calls)


def test_the_library_is_packed_once(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It and the hash of the page's policy are those of plotly's file; a damaged one is made anew."""
    first, n_packed = packed_anew(monkeypatch)
    script = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    assert gzip.decompress(b64decode(first.packed)) == script
    assert first.policy_hash == f"sha256-{b64encode(sha256(script).digest()).decode()}"
    assert n_packed == 1
    assert packed_anew(monkeypatch) == (first, 0)
    (file,) = beside.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert packed_anew(monkeypatch) == (first, 1)


def test_where_nothing_can_be_kept_it_is_packed_each_time(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a package that nobody may write to."""
    beside.write_bytes(b"")
    first, _ = packed_anew(monkeypatch)
    assert packed_anew(monkeypatch) == (first, 1)


def test_what_cannot_be_put_in_place_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else is there already, or the disk is full: no file of half a library for each page that is made."""
    taken = tmp_path / "taken"
    taken.mkdir()
    keep(taken, b"content")
    assert list(tmp_path.iterdir()) == [taken]

    def full(*_: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_files, "sha256", full)
    keep(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == [taken]
