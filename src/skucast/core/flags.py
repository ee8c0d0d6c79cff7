"""Yes and no as people write them."""

from __future__ import annotations

YES = frozenset({"yes", "y", "true", "1", "1.0", "да", "истина", "ja", "wahr"})
NO = frozenset({"no", "n", "false", "0", "0.0", "нет", "ложь", "nein", "falsch"})


def as_flag(text: str) -> bool | None:
    """Return whether the text says yes, small and capital letters alike; None if it says neither."""
    folded = text.strip().casefold()
    if folded in YES:
        return True
    return False if folded in NO else None
