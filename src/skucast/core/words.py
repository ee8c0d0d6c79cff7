"""Words of messages that depend on a number."""

from __future__ import annotations

import math


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: `1 week`, `2 weeks`, `1,500 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Return the share in percent: `7 %`, `1200 %`; `?` where it is not known."""
    return f"{100 * share:.0f} %" if math.isfinite(share) else "?"
