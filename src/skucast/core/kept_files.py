"""Files that are made again where they are missing or damaged: what is kept to save the time of making it."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

_DIGEST = sha256().digest_size


def kept(file: Path) -> bytes | None:
    """Return what was kept in the file, which begins with its digest; None where there is none, or a damaged one."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, found = content[:_DIGEST], content[_DIGEST:]
    return found if sha256(found).digest() == digest else None


def keep(file: Path, content: bytes) -> None:
    """Keep the content in the file, whole, if there is a place: where nobody may write it is made each time."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent)
        made = Path(name)
        try:
            with os.fdopen(handle, "wb") as written:
                written.write(sha256(content).digest() + content)
            made.chmod(0o644)  # whoever builds an image is not who runs it
            made.replace(file)
        finally:
            made.unlink(missing_ok=True)  # where there is no room for it, or something else in its place
