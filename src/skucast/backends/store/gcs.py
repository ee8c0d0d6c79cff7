"""Models in Cloud Storage: readable object names, immutable versions, live objects replaced by generation."""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage.exceptions import DataCorruption

from skucast.backends.cloud import (
    POOL_SIZE,
    no_bucket,
    refuse_not_stored,
    storage_client,
    storage_errors,
    storage_retry,
)
from skucast.backends.deadline import BodyTooLarge, files_of
from skucast.backends.downloads import AtMost, TooLarge
from skucast.backends.store.protocol import Live
from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound, ObjectKept, StoreConflict, StoreError
from skucast.core.model_files import VERSIONS, ModelFile, most_bytes, version_path, versions_folder
from skucast.core.parallel import in_parallel
from skucast.core.places import Endpoints

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket

DEFAULT_TIMEOUT_S = 20.0
"""Silence on one connection after which a request counts as lost; the client alone would wait for minutes."""

DEFAULT_DEADLINE_S = 120.0
"""Time for one call of a method with all its retries; the last one may outlast it by its timeout."""

CHECKSUM_ATTEMPTS = 3

_NEVER = 1
"""A generation that no object has: they are microseconds since 1970."""

_AFTER_VERSIONS = f"{VERSIONS}0"
"""`0` follows `/`: the first name after all of `_versions/`."""


class CloudStore:
    """Model files in a bucket, under a prefix that ends in `/` or is empty; a generation is Cloud Storage's.

    Every method raises InputError when the bucket is missing or the identity may not use it.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        endpoints: Endpoints | None = None,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        deadline_s: float = DEFAULT_DEADLINE_S,
    ) -> None:
        self._bucket_name = bucket
        self._prefix = prefix
        self._endpoints = endpoints or Endpoints()
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._cached_bucket: Bucket | None = None
        self._bucket_seen = False

    def stored(self) -> list[Combination]:
        """Return the combinations that have a live model, sorted; objects that are no model's are passed over."""
        found = []
        before, after = f"{self._prefix}{VERSIONS}/", f"{self._prefix}{_AFTER_VERSIONS}"
        for blob in [*self._list(end_offset=before), *self._list(start_offset=after)]:  # no version is ever listed
            with contextlib.suppress(InputError):
                found.append(Combination.from_path(blob.name.removeprefix(self._prefix)))
        return sorted(found)

    def load(self, combination: ModelFile) -> Live:
        """Return the live file, or raise ModelNotFound or ModelError."""
        return self._load(combination, self._until())

    def load_many(self, combinations: Sequence[Combination]) -> dict[Combination, Live | ModelError]:
        """Return each combination's live file, or why there is none; all are read in parallel, within one deadline.

        One request alone comes first: it signs in once, not in every thread, and finds out whether we may read at all.
        """
        until = self._until()
        self._see_bucket(until)
        return in_parallel(partial(self._load_or_error, until=until), combinations, POOL_SIZE)

    def save(self, combination: ModelFile, payload: bytes, version: str, *, expected: str | None) -> str:
        """Keep the version, make it live, return its generation; raise StoreConflict if the live file is another.

        Under a retention policy or a hold the first model can be made live, but none after it: raises ObjectKept.
        """
        marks = _marks(payload, version)
        self._keep(version_path(combination, version), payload, marks)
        try:
            live = self._upload(combination.path, payload, marks, _generation(expected))
        except (PreconditionFailed, ObjectKept) as error:
            found = self._reload(combination.path)
            if found is None or (found.metadata or {}).get("sha256") != marks["sha256"]:
                if isinstance(error, ObjectKept):
                    raise ObjectKept(
                        f"{combination}: its model stays live, the new version is beside it: {error}"
                    ) from None
                raise StoreConflict(
                    f"{combination}: another run replaced the model meanwhile; its model stays live"
                ) from None
            live = found  # our own upload, whose answer was lost, or the same model of another run
        return str(live.generation)

    def keep(self, combination: ModelFile, payload: bytes, version: str) -> None:
        """Keep the version beside the live object, which stays as it is."""
        self._keep(version_path(combination, version), payload, _marks(payload, version))

    def versions(self, combination: ModelFile) -> list[str]:
        """Return the kept versions, in the order they were first saved."""
        folder = versions_folder(combination)
        blobs = sorted(self._list(folder), key=lambda blob: (blob.time_created, blob.generation))
        return [blob.name.removeprefix(self._prefix + folder).removesuffix(".pkl") for blob in blobs]

    def with_versions(self) -> list[Combination]:
        """Return the combinations that have a kept version, sorted."""
        folder, found = f"{VERSIONS}/", set()
        for blob in self._list(folder):
            path, _, _ = blob.name.removeprefix(self._prefix + folder).rpartition("/")
            with contextlib.suppress(InputError):
                found.add(Combination.from_path(f"{path}.pkl"))
        return sorted(found)

    def delete_versions(self, combination: ModelFile, versions: Sequence[str], *, expected: str) -> None:
        """Delete kept versions if the live object still is the one that was read; else raise StoreConflict."""
        self._refuse_replaced(combination, expected)
        for version in versions:
            kept = self._bucket.blob(self._prefix + version_path(combination, version))
            with (
                contextlib.suppress(NotFound),
                storage_errors(self._bucket_name, "storage.objects.delete", self._until()),
            ):
                kept.delete(**self._patience(self._until()))
        try:
            self._refuse_replaced(combination, expected)
        except StoreConflict:  # what came back meanwhile may be one of those that were deleted
            live = self._reload(combination.path)
            name = str((live.metadata or {}).get("version")) if live is not None else ""
            if name in versions:
                payload = self.load(combination).payload
                if len(payload) <= most_bytes(combination):  # else it is no model, and was not read
                    with contextlib.suppress(PreconditionFailed):
                        self._upload(version_path(combination, name), payload, _marks(payload, name), 0)
            raise

    def probe(self) -> None:
        """Write a marker and remove it, or raise InputError."""
        path = f"_probe/{uuid.uuid4().hex}"
        with contextlib.suppress(PreconditionFailed):  # nobody else has this name: ours, whose answer was lost
            self._upload(path, b"", {}, 0)
        marker = self._bucket.blob(self._prefix + path)
        with contextlib.suppress(NotFound), storage_errors(self._bucket_name, "storage.objects.delete", self._until()):
            marker.delete(**self._patience(self._until()))  # not found: removed, the answer was lost

    def load_version(self, combination: ModelFile, version: str) -> bytes:
        """Return a kept version's file, or raise ModelNotFound."""
        path, missing = version_path(combination, version), f"no version {version} of {combination}"
        return self._download(path, missing, most_bytes(combination), self._until()).payload

    def _refuse_replaced(self, combination: ModelFile, expected: str) -> None:
        live = self._reload(combination.path)
        if live is None or str(live.generation) != expected:
            raise StoreConflict(f"{combination}: another run replaced the model meanwhile; it and its version stay")

    # --- objects --------------------------------------------------------------------------------------------------

    def _load(self, combination: ModelFile, until: float) -> Live:
        return self._download(combination.path, f"no model of {combination}", most_bytes(combination), until)

    def _load_or_error(self, combination: ModelFile, until: float) -> Live | ModelError:
        try:
            return self._load(combination, until)
        except ModelError as error:
            return error

    def _download(self, path: str, missing: str, most: int, until: float) -> Live:
        """The object; of one that is larger than so many bytes no more than shows that."""
        for _ in range(CHECKSUM_ATTEMPTS):
            with contextlib.suppress(DataCorruption):
                found = self._download_once(path, missing, most, until)
                if found is not None:
                    return found
        raise ModelError(
            f"{self._uri(path)}: arrived damaged {CHECKSUM_ATTEMPTS} times; run again, or roll this combination back"
        )

    def _download_once(self, path: str, missing: str, most: int, until: float) -> Live | None:
        """The object, or its beginning; None where what was too large has been replaced meanwhile."""
        patience = self._patience(until)
        read: Any = patience["retry"](partial(self._read, path, most, patience["timeout"]))
        try:
            with storage_errors(self._bucket_name, "storage.objects.get", until):
                payload, generation = read()
        except NotFound:
            self._see_bucket(until)
            raise ModelNotFound(f"{missing} in gs://{self._bucket_name}/{self._prefix}; train it") from None
        if generation is not None:
            return Live(payload, generation)
        found = self._reload(path)
        return Live(payload, str(found.generation)) if found is not None and (found.size or 0) > most else None

    def _read(self, path: str, most: int, timeout: float) -> tuple[bytes, str | None]:
        """The object and its generation; of one that is too large one byte too many, and no generation; asked for once.

        The answer announces its size, so nobody asks for that before, and nothing of what is too large is read: zeros
        stand for it, as readers look at their number. Where no size is announced its beginning is read.
        Whoever asks again begins anew: the client would resume a broken one without checking the checksum of the whole.
        """
        blob, buffer = self._bucket.blob(self._prefix + path), AtMost(most)
        try:
            with files_of(most):
                blob.download_to_file(buffer, timeout=timeout, retry=None)
        except BodyTooLarge:
            return bytes(most + 1), None
        except TooLarge:
            return buffer.getvalue(), None
        return buffer.getvalue(), str(blob.generation)

    def _upload(self, path: str, payload: bytes, marks: dict[str, str], if_generation_match: int) -> Blob:
        """Create the object (generation 0), or replace the one of this generation; raise PreconditionFailed if not."""
        blob = self._bucket.blob(self._prefix + path)
        blob.metadata = marks
        try:
            with storage_errors(self._bucket_name, "storage.objects.create", self._until()):
                blob.upload_from_string(
                    payload,
                    content_type="application/octet-stream",
                    if_generation_match=if_generation_match,
                    checksum="crc32c",
                    **self._patience(self._until()),
                )
                refuse_not_stored(blob)
        except NotFound:
            raise no_bucket(self._bucket_name) from None
        return blob

    def _keep(self, path: str, payload: bytes, marks: dict[str, str]) -> None:
        """Keep a version; what is there under its name and holds anything else is damaged, and replaced."""
        try:
            self._upload(path, payload, marks, 0)
        except (PreconditionFailed, ObjectKept):
            with contextlib.suppress(ModelError, PreconditionFailed):  # another run was faster; it is held, or gone
                found = self._download(path, f"no {path}", len(payload), self._until())
                if found.payload != payload:
                    self._upload(path, payload, marks, int(found.generation))

    def _reload(self, path: str) -> Blob | None:
        with storage_errors(self._bucket_name, "storage.objects.get", self._until()):
            return self._bucket.get_blob(self._prefix + path, **self._patience(self._until()))

    def _list(self, folder: str = "", *, until: float | None = None, **limits: Any) -> list[Blob]:
        """Return the objects below the folder in the order of their names; there is such a bucket."""
        try:
            with storage_errors(self._bucket_name, "storage.objects.list", until or self._until()):
                blobs = self._bucket.list_blobs(
                    prefix=self._prefix + folder or None,
                    fields="items(name,generation,timeCreated),nextPageToken",
                    **limits,
                    **self._patience(until or self._until()),
                )
                found = list(blobs)
        except NotFound:
            raise no_bucket(self._bucket_name) from None
        self._bucket_seen = True
        return found

    def _see_bucket(self, until: float) -> None:
        """Find out once whether there is such a bucket: a missing object and a missing bucket are the same 404."""
        if not self._bucket_seen:
            self._list(until=until, max_results=1)

    def _until(self) -> float:
        return time.monotonic() + self._deadline_s

    def _patience(self, until: float) -> dict[str, Any]:
        """Return the timeout of one try and how to try again, until that moment.

        Raises:
            StoreError: it has passed.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise StoreError(f"gs://{self._bucket_name}: no usable answer within {self._deadline_s:g} s")
        return {"timeout": self._timeout_s, "retry": storage_retry(left)}

    def _uri(self, path: str) -> str:
        return f"gs://{self._bucket_name}/{self._prefix}{path}"

    @property
    def _bucket(self) -> Bucket:
        if self._cached_bucket is None:
            self._cached_bucket = storage_client(self._endpoints).bucket(self._bucket_name)
        return self._cached_bucket


def _generation(expected: str | None) -> int:
    """The generation to replace, 0 = none; one of another kind of store is none that was ever live here."""
    if expected is None:
        return 0
    return int(expected) if expected.isdecimal() else _NEVER


def _marks(payload: bytes, version: str) -> dict[str, str]:
    """Metadata by which a writer recognises its own content."""
    return {"sha256": hashlib.sha256(payload).hexdigest(), "version": version}
