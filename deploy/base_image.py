#!/usr/bin/env python3
"""The base of the images by digest, as deploy/base.lock has it; standard library only.

    base_image.py show         the base with its digest; exit 2 if it has none
    base_image.py refresh      ask the registry what the tag is now, and write deploy/base.lock; commit it

A tag is moved every few weeks, for repairs of the system below Python: refresh, build, look at what the scan says.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

LOCK = Path(__file__).resolve().with_name("base.lock")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
KINDS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
TIMEOUT_S, MOST_BYTES = 30, 4 << 20


class Refused(Exception):
    """There is no digest, and why."""


def locked(text: str) -> str:
    """Return the image that a lock file names."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1:
        raise Refused(f"expected one image, found {len(lines)}")
    return lines[0]


def pinned(image: str) -> str:
    """Return the image, or raise what to do about one without a digest."""
    _, at, digest = image.partition("@")
    if not at or not DIGEST.fullmatch(digest):
        raise Refused(f"{image} has no digest: run deploy/base_image.py refresh, and commit deploy/base.lock")
    return image


def place_of(image: str) -> tuple[str, str, str]:
    """Return the address of an image's registry, its repository there and its tag."""
    name, _, tag = image.partition("@")[0].rpartition(":")
    if not name or "/" in tag:
        raise Refused(f"{image}: expected NAME:TAG")
    host, slash, rest = name.partition("/")
    if slash and (re.search(r"[.:]", host) or host == "localhost"):
        is_here = re.fullmatch(r"(localhost|127\.0\.0\.1)(:\d+)?", host)
        return f"{'http' if is_here else 'https'}://{host}", rest, tag
    return "https://registry-1.docker.io", name if slash else f"library/{name}", tag


def asked(image: str) -> str:
    """Return the digest that the registry gives for the tag: that of the bytes which it sends, and which it names.

    Raises:
        Refused: it does not answer, or names another digest than that of its bytes.
    """
    registry, repository, tag = place_of(image)
    address = f"{registry}/v2/{repository}/manifests/{tag}"
    try:
        try:
            body, named = _get(address, {"Accept": KINDS})
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            token = _token(error.headers.get("WWW-Authenticate", ""))
            body, named = _get(address, {"Accept": KINDS, "Authorization": f"Bearer {token}"})
    except (OSError, ValueError, KeyError) as error:
        raise Refused(f"{address}: no answer to be used ({type(error).__name__}: {error})") from None
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if named not in ("", digest):
        raise Refused(f"{address}: names {named}, and its bytes are {digest}")
    return digest


def _token(challenge: str) -> str:
    parts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    body, _ = _get(f"{parts.pop('realm')}?{urlencode(parts)}", {})
    answer = json.loads(body)
    return str(answer.get("token") or answer["access_token"])


def _get(address: str, headers: dict[str, str]) -> tuple[bytes, str]:
    if not address.startswith(("https://", "http://localhost", "http://127.0.0.1")):
        raise ValueError(f"{address} is no address of the web")
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - its scheme is checked
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        body = answer.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes")
        return body, answer.headers.get("Docker-Content-Digest", "")


def refresh(lock: Path, today: str) -> str:
    """Ask the registry, write the lock file and return the image by digest."""
    name = locked(lock.read_text(encoding="utf-8")).partition("@")[0]
    image = f"{name}@{asked(name)}"
    lock.write_text(
        "# The base of the three images, by digest. `deploy/base_image.py refresh` asks its registry and writes this "
        f"file; commit it.\n# Asked on {today}.\n{image}\n",
        encoding="utf-8",
    )
    return image


def main(argv: list[str], lock: Path = LOCK) -> int:
    """Run one command and return the exit code."""
    try:
        match argv:
            case ["show"]:
                print(pinned(locked(lock.read_text(encoding="utf-8"))))
            case ["refresh"]:
                print(refresh(lock, datetime.now(UTC).date().isoformat()))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (Refused, OSError) as error:
        print(f"deploy/base.lock: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
