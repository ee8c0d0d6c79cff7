"""Files of people, such as the dashboard and the planners' plans: in a folder or in Cloud Storage, written whole."""

from __future__ import annotations

import base64
import contextlib
import errno
import filecmp
import hashlib
import mimetypes
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skucast.backends.cloud import no_bucket, refuse_not_stored, storage_client, storage_errors, storage_retry
from skucast.core.errors import FileRefused, InputError, NoRoom, ObjectKept, StoreError
from skucast.core.places import Endpoints, parse_gs
from skucast.core.writing import is_being_written

if TYPE_CHECKING:
    from google.cloud.storage import Blob

TIMEOUT_S = 20.0
DEADLINE_S = 120.0
READ_ATTEMPTS = 3
"""Downloads of one object that may arrive damaged, or of another version than the one that was found."""


@dataclass(frozen=True)
class Content:
    """A file as it was read.

    `version` is what `move` wants to find, `changed_at` (naive UTC) when the file came to this place as it is. It is
    not whole if somebody writes to it while it is read.
    """

    data: bytes
    version: str
    changed_at: datetime
    is_whole: bool = True


def list_files(place: str, folder: str, endpoints: Endpoints) -> list[str]:
    """Return the names of the files in the folder below the place, sorted; none where there is no such folder.

    Sub-folders and what starts with `.` or `~$`, as hidden files and the locks of spreadsheets do, are passed over.

    Raises:
        InputError: the bucket is missing, or the identity may not list it.
        StoreError: Cloud Storage gave no usable answer.
    """
    return sorted(list_versions(place, folder, endpoints))


def list_versions(place: str, folder: str, endpoints: Endpoints) -> dict[str, str]:
    """Return the files as `list_files` does, each with its version as it is now."""
    found = _at(place, endpoints).versions(folder)
    return {name: version for name, version in found.items() if not name.startswith((".", "~$"))}


def read_bytes(place: str, relative_path: str, endpoints: Endpoints, *, limit: int | None = None) -> Content | None:
    """Return the file at the path below the place, no more than its first `limit` bytes; None if it is not there.

    Raises:
        InputError: the identity may not read it; FileRefused where others may be fine.
        StoreError: Cloud Storage gave no usable answer.
    """
    return _at(place, endpoints).read(relative_path, limit)


def write_text(place: str, relative_path: str, text: str, endpoints: Endpoints) -> str:
    """Put the text at the path below the place as UTF-8, whole or not at all, and return where that is.

    Raises:
        InputError: the bucket is missing, or the identity may not write there.
        ObjectKept: another content is there, under a retention policy or a hold.
        StoreError: Cloud Storage gave no usable answer.
    """
    return write_bytes(place, relative_path, text.encode(), endpoints)


def write_bytes(place: str, relative_path: str, data: bytes, endpoints: Endpoints) -> str:
    """Put the bytes at the path below the place, whole or not at all, and return where that is; raises as `write_text`.

    The kind of file, which browsers go by, follows from its suffix.
    """
    return _at(place, endpoints).write(relative_path, data)


def move(place: str, source: str, target: str, endpoints: Endpoints, *, version: str) -> bool:
    """Move a file below the place if it still is the version that was read; return False, and leave it, if not.

    It is fine if somebody has moved it already. What is at the target is never replaced.

    Raises:
        InputError: the target is there with another content, or the identity may not move the file; FileRefused
            where others may be fine.
        ObjectKept: it is copied to the target, and stays besides, under a retention policy or a hold.
        StoreError: Cloud Storage gave no usable answer.
    """
    return _at(place, endpoints).move(source, target, version)


def _at(place: str, endpoints: Endpoints) -> _Folder | _Bucket:
    return _Bucket(*parse_gs(place), endpoints) if place.startswith("gs://") else _Folder(Path(place))


def _other_content(target: str, source: str) -> InputError:
    return InputError(f"STAGING: {target} is there with another content than {source}; move one of them away")


# --- A folder -------------------------------------------------------------------------------------------------------


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def versions(self, folder: str) -> dict[str, str]:
        path, found = self._root / folder, {}
        with _may_be("read", path), contextlib.suppress(FileNotFoundError):
            for each in path.iterdir():
                with contextlib.suppress(FileNotFoundError):  # it was moved since
                    if each.is_file():
                        found[each.name] = _version(each.stat())
        return found

    def read(self, relative_path: str, limit: int | None) -> Content | None:
        path = self._root / relative_path
        refused = _may_be("read", path, FileRefused)
        with refused, contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            found = os.fstat(file.fileno())
            changed_at = datetime.fromtimestamp(found.st_ctime, UTC).replace(tzinfo=None)  # a copy keeps st_mtime
            data = file.read(-1 if limit is None else limit)
            is_whole = not is_being_written(file.fileno()) and _version(os.fstat(file.fileno())) == _version(found)
            return Content(data, _version(found), changed_at, is_whole)
        return None

    def write(self, relative_path: str, data: bytes) -> str:
        path = self._root / relative_path
        with _may_be("written to", path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with _may_be("written to", path.parent):
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(name).chmod(0o644)
                Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return str(path)

    def move(self, source: str, target: str, version: str) -> bool:
        old, new = self._root / source, self._root / target
        refused = _may_be("written to", new.parent, FileRefused)
        with refused, contextlib.suppress(FileNotFoundError):  # somebody has moved it already
            if _version(old.stat()) != version:
                return False
            new.parent.mkdir(parents=True, exist_ok=True)
            if new.exists() and not filecmp.cmp(old, new, shallow=False):
                raise _other_content(str(new), str(old))
            old.replace(new)
        return True


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


@contextlib.contextmanager
def _may_be(done: str, path: Path, refused: type[InputError] = InputError) -> Iterator[None]:
    """Turn what the system says into one line: the path cannot be read, or written to."""
    try:
        yield
    except OSError as error:
        kind = NoRoom if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else refused
        raise kind(f"STAGING: {path} cannot be {done} ({error.strerror})") from None


# --- A bucket -------------------------------------------------------------------------------------------------------


class _Bucket:
    def __init__(self, name: str, prefix: str, endpoints: Endpoints) -> None:
        self._name = name
        self._prefix = prefix
        self._bucket = storage_client(endpoints).bucket(name)

    def versions(self, folder: str) -> dict[str, str]:
        from google.api_core.exceptions import NotFound

        start = f"{self._prefix}{folder.strip('/')}/"
        try:
            with storage_errors(self._name, "storage.objects.list", _until()):
                blobs = list(self._bucket.list_blobs(prefix=start, delimiter="/", **_patience()))
        except NotFound:
            raise no_bucket(self._name) from None
        named = {blob.name.removeprefix(start): str(blob.generation) for blob in blobs}
        return {name: version for name, version in named.items() if name}  # itself: made by the console

    def read(self, relative_path: str, limit: int | None) -> Content | None:
        from google.api_core.exceptions import NotFound, PreconditionFailed
        from google.cloud.storage.exceptions import DataCorruption

        for _ in range(READ_ATTEMPTS):
            blob = self._found(relative_path)
            if blob is None:
                return None
            with contextlib.suppress(NotFound, PreconditionFailed, DataCorruption):
                changed_at = blob.updated.astimezone(UTC).replace(tzinfo=None)
                return Content(self._downloaded(blob, limit), str(blob.generation), changed_at)
        raise StoreError(f"{self._uri(relative_path)}: arrived damaged or changed {READ_ATTEMPTS} times; run again")

    def _found(self, relative_path: str) -> Blob | None:
        with storage_errors(self._name, "storage.objects.get", _until()):
            blob = self._bucket.get_blob(self._prefix + relative_path, **_patience())
            if blob is not None and None in (blob.updated, blob.size, blob.generation):
                raise ValueError("an object without a size or a time")
            return blob

    def _downloaded(self, blob: Blob, limit: int | None) -> bytes:
        is_cut = limit is not None and blob.size > limit
        with storage_errors(self._name, "storage.objects.get", _until()):
            found: bytes = blob.download_as_bytes(
                end=limit - 1 if is_cut and limit is not None else None,
                if_generation_match=blob.generation,
                single_shot_download=not is_cut,  # in one piece the checksum of the whole is compared
                **_patience(),
            )
        return found

    def write(self, relative_path: str, data: bytes) -> str:
        from google.api_core.exceptions import NotFound

        blob = self._bucket.blob(self._prefix + relative_path)
        blob.cache_control = "no-cache"  # readers see the newest, not an hour-old copy
        kind = mimetypes.guess_type(relative_path)[0] or "application/octet-stream"
        try:
            with storage_errors(self._name, "storage.objects.create", _until()):
                blob.upload_from_string(
                    data,
                    content_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
                    checksum="crc32c",
                    **_patience(),  # the newest content wins: sent twice, it is the same
                )
                refuse_not_stored(blob)
        except NotFound:
            raise no_bucket(self._name) from None
        except ObjectKept:
            there = self._found(relative_path)
            if there is None or there.md5_hash != _md5(data):
                raise
        return self._uri(relative_path)

    def move(self, source: str, target: str, version: str) -> bool:
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self._found(source)
        if blob is None:
            return True  # somebody has moved it already
        if str(blob.generation) != version:
            return False
        try:
            self._copy(blob, target)
            with storage_errors(self._name, "storage.objects.delete", _until()):
                blob.delete(if_generation_match=blob.generation, **_patience())
        except (NotFound, PreconditionFailed):  # an answer that was lost, somebody else's move, or a newer version
            return self._found(source) is None
        return True

    def _copy(self, blob: Blob, target: str) -> None:
        """Copy this generation of the object to a name that is free, or has the same content already."""
        from google.api_core.exceptions import PreconditionFailed

        try:
            with storage_errors(self._name, "storage.objects.create", _until()):
                self._bucket.copy_blob(
                    blob,
                    self._bucket,
                    self._prefix + target,
                    source_generation=blob.generation,
                    if_generation_match=0,
                    **_patience(),
                )
        except (PreconditionFailed, ObjectKept):  # a move that was interrupted, an answer that was lost
            there = self._found(target)
            if there is not None and there.crc32c != blob.crc32c:
                raise _other_content(self._uri(target), self._uri(blob.name.removeprefix(self._prefix))) from None

    def _uri(self, relative_path: str) -> str:
        return f"gs://{self._name}/{self._prefix}{relative_path}"


def _md5(data: bytes) -> str:
    """The digest of the bytes as Cloud Storage writes it."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _patience() -> dict[str, Any]:
    return {"timeout": TIMEOUT_S, "retry": storage_retry(DEADLINE_S)}


def _until() -> float:
    return time.monotonic() + DEADLINE_S
