"""Files without end, which people may name by a slip of the hand, are refused after their first bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skucast.core.errors import InputError
from skucast.core.first_bytes import first_bytes
from skucast.regressors.declared import declared_of

ENDLESS = Path("/dev/zero")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such file")


def test_one_byte_more_shows_that_a_file_is_too_large(tmp_path: Path) -> None:
    """Of three bytes all, where three are allowed, and also where more are."""
    file = tmp_path / "three"
    file.write_bytes(b"abc")
    assert [first_bytes(file, most) for most in (1, 2, 3, 9)] == [b"ab", b"abc", b"abc", b"abc"]
    assert first_bytes(ENDLESS, 4) == bytes(5)


def test_declarations_without_end_are_refused() -> None:
    """They were read until the memory was full."""
    with pytest.raises(InputError, match="REGRESSORS: /dev/zero has more than 1,000,000 bytes"):
        declared_of(str(ENDLESS))
