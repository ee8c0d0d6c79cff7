"""Models that tests of Cloud Storage save, and what requests about them look like."""

from __future__ import annotations

import pytest

from skucast.core.combination import Combination

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")
OTHER = Combination("Пермь", "KA", "A1")
PAYLOAD = bytes(range(256)) * 120
"""30 KB, as a model."""

# What the proxy's patterns look at: a download's path, and a path followed by the object's name for an upload.
DOWNLOAD = "/download/"
LIVE_UPLOAD = r" Пермь/ON TRADE/ЦУП00009752\.pkl$"
VERSION_UPLOAD = " _versions/"
LIST = r"/o\?"
EVERYTHING = ".*"


def many(count: int) -> list[Combination]:
    """Return so many combinations."""
    return [Combination("Пермь", "KA", f"ЦУП{number:08}") for number in range(count)]


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    """Return the error's text, which is one line."""
    text = str(error.value)
    assert "\n" not in text
    return text
