"""What comes in from outside is held in memory up to a size, and no further, whatever was said of it before."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class TooLarge(Exception):
    """More arrives than was to be kept; what had come by then is in the buffer."""


class AtMost(io.BytesIO):
    """A buffer that refuses to hold more than so many bytes and one that shows it: the sender is left there."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, content: ReadableBuffer, /) -> int:
        """Keep the bytes, and return how many they are.

        Raises:
            TooLarge: they are more than was to be kept.
        """
        view = memoryview(content)
        left = self._most + 1 - self.tell()
        if len(view) >= left:
            super().write(view[:left])
            raise TooLarge
        return super().write(view)
