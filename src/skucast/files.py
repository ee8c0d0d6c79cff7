"""Files for people, such as the dashboard: written whole, to a folder or to Cloud Storage."""

from __future__ import annotations

import mimetypes
import os
import tempfile
from pathlib import Path

from skucast.cloud import Endpoints, no_bucket, parse_gs, storage_client, storage_errors, storage_retry
from skucast.errors import InputError

TIMEOUT_S = 20.0
DEADLINE_S = 120.0


def write_text(place: str, relative_path: str, text: str, endpoints: Endpoints) -> str:
    """Put the text at the path below the place, whole or not at all, and return where that is.

    Raises:
        InputError: the bucket is missing, or the identity may not write there.
        StoreError: Cloud Storage gave no usable answer.
    """
    if place.startswith("gs://"):
        return _write_object(*parse_gs(place), relative_path, text, endpoints)
    return _write_file(Path(place) / relative_path, text)


def _write_file(path: Path, text: str) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    except OSError as error:
        raise InputError(f"STAGING: {path.parent} cannot be written to ({error.strerror})") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return str(path)


def _write_object(bucket: str, prefix: str, relative_path: str, text: str, endpoints: Endpoints) -> str:
    from google.api_core.exceptions import NotFound

    blob = storage_client(endpoints).bucket(bucket).blob(prefix + relative_path)
    blob.cache_control = "no-cache"  # readers see the newest, not an hour-old copy
    kind = mimetypes.guess_type(relative_path)[0] or "text/plain"
    try:
        with storage_errors(bucket, "storage.objects.create"):
            blob.upload_from_string(
                text.encode(),
                content_type=f"{kind}; charset=utf-8",
                checksum="crc32c",
                timeout=TIMEOUT_S,
                retry=storage_retry(DEADLINE_S),  # the newest text wins: sent twice, it is the same
            )
    except NotFound:
        raise no_bucket(bucket) from None
    return f"gs://{bucket}/{prefix}{relative_path}"
