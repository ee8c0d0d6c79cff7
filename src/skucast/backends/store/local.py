"""The embedded model store: one folder, files replaced atomically under a lock."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from skucast.backends.store.protocol import Live
from skucast.backends.store.twins import refuse_twin
from skucast.backends.waiting import Waiting, pid_of_lock
from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound, StoreConflict, StoreError
from skucast.core.model_files import VERSIONS, ModelFile, most_bytes, version_path, versions_folder

LOCK_PATIENCE_S = 60.0
"""How long to wait for another process that changes files; each does so for milliseconds."""

PAUSE_S = 0.01
"""Between two looks whether it is done."""


class LocalStore:
    """Model files under `root`; a file's generation is the SHA-256 of its bytes."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def stored(self) -> list[Combination]:
        """Return the combinations that have a live model, sorted; files that are no model's are passed over."""
        found = []
        for path in self.root.glob("*/*/*.pkl"):
            relative = path.relative_to(self.root)
            if relative.parts[0] != VERSIONS:
                with contextlib.suppress(InputError):
                    found.append(Combination.from_path(relative.as_posix()))
        return sorted(found)

    def load(self, combination: ModelFile) -> Live:
        """Return the live file, or raise ModelNotFound or ModelError."""
        payload = self._read(combination.path, f"no model of {combination}", most_bytes(combination))
        return Live(payload, _generation(payload))

    def load_many(self, combinations: Sequence[Combination]) -> dict[Combination, Live | ModelError]:
        """Return each combination's live file, or why there is none."""
        return {combination: self._load_or_error(combination) for combination in combinations}

    def save(self, combination: ModelFile, payload: bytes, version: str, *, expected: str | None) -> str:
        """Keep the version, make it live, return its generation; raise StoreConflict if the live file is another."""
        with self._lock():
            self._keep(combination, payload, version)
            live = self.root / combination.path
            refuse_twin(self.root, combination.path)
            found = self.load(combination).generation if live.exists() else None
            mine = _generation(payload)
            if found not in (expected, mine):
                raise StoreConflict(f"{combination}: another run replaced the model meanwhile; its model stays live")
            if found != mine:
                _write(live, payload)
        return mine

    def keep(self, combination: ModelFile, payload: bytes, version: str) -> None:
        """Keep the version beside the live file, which stays as it is."""
        with self._lock():
            self._keep(combination, payload, version)

    def versions(self, combination: ModelFile) -> list[str]:
        """Return the kept versions, in the order they were first saved."""
        with contextlib.suppress(ModelError):
            refuse_twin(self.root, versions_folder(combination).rstrip("/"))
            return self._versions(combination)
        return []

    def _versions(self, combination: ModelFile) -> list[str]:
        folder = self.root / versions_folder(combination)
        files = sorted(folder.glob("*.pkl"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [path.stem for path in files]

    def with_versions(self) -> list[Combination]:
        """Return the combinations that have a kept version, sorted."""
        found = set()
        for path in self.root.glob(f"{VERSIONS}/*/*/*/*.pkl"):
            relative = path.parent.relative_to(self.root / VERSIONS)
            with contextlib.suppress(InputError):
                found.add(Combination.from_path(f"{relative.as_posix()}.pkl"))
        return sorted(found)

    def delete_versions(self, combination: ModelFile, versions: Sequence[str], *, expected: str) -> None:
        """Delete kept versions if the live file still is the one that was read; else raise StoreConflict."""
        with self._lock():
            if self.load(combination).generation != expected:
                raise StoreConflict(f"{combination}: another run replaced the model meanwhile; no version was deleted")
            for version in versions:
                (self.root / version_path(combination, version)).unlink(missing_ok=True)

    def probe(self) -> None:
        """Write a marker and remove it, or raise InputError."""
        marker = self.root / f".probe-{uuid.uuid4().hex}"
        try:
            _put(marker, b"")
            marker.unlink()
        except OSError as error:
            raise InputError(
                f"{self.root}: cannot be written to ({error.strerror}); give the folder to this user"
            ) from None

    def load_version(self, combination: ModelFile, version: str) -> bytes:
        """Return a kept version's file, or raise ModelNotFound."""
        missing = f"no version {version} of {combination}"
        return self._read(version_path(combination, version), missing, most_bytes(combination))

    def _holds(self, kept: Path, payload: bytes) -> bool:
        """Whether a version is whole; also where it cannot be read, and so not replaced: a folder, a pipe."""
        try:
            return self._read(kept.relative_to(self.root).as_posix(), "", len(payload)) == payload
        except ModelNotFound:
            return False
        except ModelError:
            return True

    def _keep(self, combination: ModelFile, payload: bytes, version: str) -> None:
        kept = self.root / version_path(combination, version)
        refuse_twin(self.root, version_path(combination, version))
        if not self._holds(kept, payload):
            _write(kept, payload)

    def _load_or_error(self, combination: ModelFile) -> Live | ModelError:
        try:
            return self.load(combination)
        except ModelError as error:
            return error

    def _read(self, relative: str, missing: str, most: int) -> bytes:
        """Return the bytes of an ordinary file, of one too large for a model no more than shows that."""
        path = self.root / relative
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever, a device never end
                raise ModelError(f"{path}: cannot be read (not an ordinary file); move it away and retrain")
            self._refuse_twin(relative, missing)
            with path.open("rb") as file:
                return file.read(most + 1)
        except FileNotFoundError:
            raise ModelNotFound(f"{missing} in {self.root}; train it") from None
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({error.strerror})") from None

    def _refuse_twin(self, relative: str, missing: str) -> None:
        """Take a file that the disk gives instead of this one for none: it is of another combination."""
        try:
            refuse_twin(self.root, relative)
        except ModelError as error:
            raise ModelNotFound(f"{missing}: {error}") from None

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = (self.root / ".lock").open("w")
        except OSError as error:
            raise InputError(f"{self.root}: cannot be written to ({error.strerror})") from None
        with handle:
            self._take_turn(handle)
            yield

    def _take_turn(self, handle: IO[str]) -> None:
        """Wait until nobody else changes files here; say who it is, and come to an end."""
        waiting = Waiting(self.root, LOCK_PATIENCE_S)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = pid_of_lock(handle)
                if waiting.is_over:
                    raise StoreError(waiting.over(pid)) from None
                waiting.say(pid)
                time.sleep(PAUSE_S)
            else:
                return


def _generation(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def _write(path: Path, payload: bytes) -> None:
    """Put the bytes at the path, whole or not at all, even if the machine stops.

    Raises:
        StoreError: the disk takes no more, or fails; what was there stays.
    """
    try:
        _put(path, payload)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror}); what was there stays") from None


def _put(path: Path, payload: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
