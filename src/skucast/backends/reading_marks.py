"""Marks of files that are being read: what a run leaves behind that was killed while it read one, and no living run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from skucast.backends.cloud import no_bucket, storage_client, storage_errors, storage_retry
from skucast.core.errors import InputError, ObjectKept, StoreError
from skucast.core.places import Endpoints, parse_gs
from skucast.runtime.stopping import on_sigterm

BEAT_S = 5.0
"""So often a run that reads a file of a bucket says that it lives."""

SILENT_S = 30.0
"""After this time without a word it does not: only who finds its mark waits so long, and only then."""

_TIMEOUT_S, _DEADLINE_S = 10.0, 30.0
_NEW = ".new-"
_OVER = ".over"


@contextlib.contextmanager
def being_read(place: str, folder: str, key: str, text: str, endpoints: Endpoints) -> Iterator[None]:
    """Mark the file of this key as being read, until the block ends: by an error or a signal as well.

    The mark stays, with its text, if the process is killed or runs out of memory.

    Raises:
        InputError, StoreError: it cannot be marked.
    """
    mark = _at(place, endpoints).mark(f"{folder}/{key}.{uuid.uuid4().hex}", text)
    is_over = True
    try:
        with on_sigterm(
            mark.remove
        ):  # an orderly stop, also where the block is so deep in a library that it never ends
            yield
    except MemoryError:
        is_over = False
        raise
    finally:
        mark.close(is_over=is_over)


def left_by_the_dead(place: str, folder: str, key: str, endpoints: Endpoints) -> dict[str, str]:
    """Return the marks of the key whose runs live no more, each with its text; a run that may live is waited for.

    Raises:
        InputError, StoreError: they cannot be read.
    """
    return _at(place, endpoints).dead(folder, key)


def forget(place: str, marks: dict[str, str], endpoints: Endpoints) -> None:
    """Remove marks of the dead.

    Raises:
        InputError, StoreError: they cannot be removed.
    """
    for path in marks:
        _at(place, endpoints).remove(path)


def _at(place: str, endpoints: Endpoints) -> _Folder | _Bucket:
    return _Bucket(*parse_gs(place), endpoints) if place.startswith("gs://") else _Folder(Path(place))


# --- A folder: who lives holds a lock, which the system opens when it dies -------------------------------------------


class _Lock:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        new = path.with_name(f"{_NEW}{path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = new.open("x", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._file.write(text)
        self._file.flush()
        new.rename(path)  # nobody sees it before it is locked

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def close(self, *, is_over: bool) -> None:
        if is_over:
            with contextlib.suppress(OSError):
                self.remove()
        self._file.close()


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def mark(self, path: str, text: str) -> _Lock:
        try:
            return _Lock(self._root / path, text)
        except OSError as error:
            raise InputError(f"STAGING: {self._root / path} cannot be written to ({error.strerror})") from None

    def dead(self, folder: str, key: str) -> dict[str, str]:
        found = {}
        for path in sorted((self._root / folder).glob(f"{key}.*")):
            with contextlib.suppress(OSError), path.open("rb") as file:  # it is locked, or gone: somebody lives
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                if os.fstat(file.fileno()).st_nlink:
                    found[str(path.relative_to(self._root))] = file.read(10_000).decode(errors="replace")
        return found

    def remove(self, path: str) -> None:
        with contextlib.suppress(OSError):
            (self._root / path).unlink(missing_ok=True)


# --- A bucket: who lives writes its mark again and again --------------------------------------------------------------


class _Beat:
    def __init__(self, bucket: _Bucket, path: str, text: str) -> None:
        self._bucket, self._path, self._text = bucket, path, text
        self._is_over = threading.Event()
        self._generation = bucket.write(path, text)
        threading.Thread(target=self._go_on, name="being-read", daemon=True).start()

    def _go_on(self) -> None:
        while not self._is_over.wait(BEAT_S):
            with contextlib.suppress(InputError, StoreError):
                # A beat that comes late, after the mark was removed, makes none.
                self._generation = self._bucket.write(self._path, self._text, generation=self._generation)

    def remove(self) -> None:
        self._is_over.set()
        self._bucket.remove(self._path)

    def close(self, *, is_over: bool) -> None:
        self._is_over.set()
        if is_over:
            with contextlib.suppress(InputError, StoreError):
                self.remove()


class _Bucket:
    def __init__(self, name: str, prefix: str, endpoints: Endpoints) -> None:
        self._name, self._prefix = name, prefix
        self._bucket = storage_client(endpoints).bucket(name)

    def mark(self, path: str, text: str) -> _Beat:
        return _Beat(self, path, text)

    def dead(self, folder: str, key: str) -> dict[str, str]:
        found = self._generations(folder, key)
        until = time.monotonic() + SILENT_S
        while found and time.monotonic() < until:
            time.sleep(min(BEAT_S / 5, max(until - time.monotonic(), 0)))
            now = self._generations(folder, key)
            found = {path: generation for path, generation in found.items() if now.get(path) == generation}
        return {path: self._text(path) for path in found}

    def write(self, path: str, text: str, generation: int | None = None) -> int:
        """Write the mark, or write it again where it still is what was written last; return what it is now."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self._bucket.blob(self._prefix + path)
        limits: dict[str, Any] = {} if generation is None else {"if_generation_match": generation}
        try:
            with storage_errors(self._name, "storage.objects.create", _until()):
                blob.upload_from_string(text, content_type="application/json", **limits, **_patience())
        except PreconditionFailed:  # removed, or a beat whose answer was lost
            there = self._bucket.get_blob(self._prefix + path, **_patience())
            return int(there.generation) if there is not None else generation or 0
        except NotFound:
            raise no_bucket(self._name) from None
        return int(blob.generation)

    def remove(self, path: str) -> None:
        """Remove the mark; where the bucket keeps it, say beside it that it says nothing any more."""
        from google.api_core.exceptions import NotFound

        try:
            with contextlib.suppress(NotFound), storage_errors(self._name, "storage.objects.delete", _until()):
                self._bucket.blob(self._prefix + path).delete(**_patience())
        except ObjectKept:
            self.write(f"{path}{_OVER}", "")

    def _generations(self, folder: str, key: str) -> dict[str, int]:
        from google.api_core.exceptions import NotFound

        try:
            with storage_errors(self._name, "storage.objects.list", _until()):
                blobs = list(self._bucket.list_blobs(prefix=f"{self._prefix}{folder}/{key}.", **_patience()))
        except NotFound:
            raise no_bucket(self._name) from None
        found = {blob.name.removeprefix(self._prefix): int(blob.generation) for blob in blobs}
        return {path: one for path, one in found.items() if f"{path}{_OVER}" not in found and not path.endswith(_OVER)}

    def _text(self, path: str) -> str:
        from google.api_core.exceptions import NotFound

        with contextlib.suppress(NotFound), storage_errors(self._name, "storage.objects.get", _until()):
            found: bytes = self._bucket.blob(self._prefix + path).download_as_bytes(end=10_000, **_patience())
            return found.decode(errors="replace")
        return ""


def _patience() -> dict[str, Any]:
    return {"timeout": _TIMEOUT_S, "retry": storage_retry(_DEADLINE_S)}


def _until() -> float:
    return time.monotonic() + _DEADLINE_S
