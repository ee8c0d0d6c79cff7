"""Words of messages that depend on a number."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: `1 week`, `2 weeks`, `1,500 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
