"""What the page holds packed: its data, and the library that draws its charts."""

from __future__ import annotations

import gzip
import zlib
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from skucast.core.kept_files import keep, kept

_PACKING = 5
"""Level of gzip: above it packing takes up to twice the time for a hundredth of the size."""


class Library(NamedTuple):
    """The plotting library as it stands in the page."""

    policy_hash: str
    packed: str


@cache
def library() -> Library:
    """Return the plotting library, from what is kept beside the bytecode; else packed, and kept if there is a place.

    To pack it takes a thirtieth of a monitoring of 525 combinations.
    """
    spec = find_spec("plotly")  # says where it is: nothing of it is run
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly is not installed", name="plotly")
    source = Path(spec.origin).parent / "package_data" / "plotly.min.js"
    found = source.stat()
    made_of = f"{found.st_size} {int(found.st_mtime)} {_PACKING} {zlib.ZLIB_RUNTIME_VERSION}"
    file = Path(__file__).parent / "__pycache__" / f"plotly-{sha256(made_of.encode()).hexdigest()[:20]}.packed"
    content = kept(file)
    if content is None:
        script = source.read_bytes()
        content = f"{policy_hash(script)} {packed(script)}".encode()
        keep(file, content)
    return Library(*content.decode().split(" "))


def packed(content: bytes) -> str:
    """Return gzip in base64, without a time stamp, so that equal input gives equal text.

    A third of the size, and no text of the data can end a script element.
    """
    return b64encode(gzip.compress(content, _PACKING, mtime=0)).decode("ascii")


def policy_hash(script: bytes) -> str:
    """Return the script's name in the page's security policy: only scripts named there may run."""
    return f"sha256-{b64encode(sha256(script).digest()).decode('ascii')}"
