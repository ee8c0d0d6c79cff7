"""What a setting may be, in words."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

_NUMBERS = {int: "a whole number", float: "a number"}


def expected(setting: FieldInfo, found: object) -> str | None:
    """Return what the setting may be, such as `a whole number from 1 to 26`; None where its own check says it."""
    kind = setting.annotation
    if kind is bool:
        return "expected true or false"
    if get_origin(kind) is Literal:
        *others, last = (repr(value) for value in get_args(kind))
        return f"expected {', '.join(others)} or {last}"
    if kind not in _NUMBERS:
        return None
    point = ", with a decimal point" if kind is float and "," in str(found) else ""
    return f"expected {_NUMBERS[kind]}{_limits(setting)}{point}"


def _limits(setting: FieldInfo) -> str:
    names = ("ge", "gt", "le")
    limits = {name: getattr(rule, name) for rule in setting.metadata for name in names if hasattr(rule, name)}
    if "gt" in limits:
        return f" above {limits['gt']}" + (f", at most {limits['le']}" if "le" in limits else "")
    if "ge" in limits:
        return f" from {limits['ge']} " + (f"to {limits['le']}" if "le" in limits else "on")
    return ""
