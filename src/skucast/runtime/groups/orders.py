"""What is ordered by the forecast: how safely, how long it takes, how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import field_validator

from skucast.core.errors import InputError
from skucast.core.tables.contract import ALL
from skucast.core.tables.orders import LEAST_LEVEL, MAX_WEEKS, MOST_LEVEL
from skucast.core.tables.scorecard import VOLUME_CLASSES
from skucast.runtime.groups.field import Group, field, parsed

OFF = "off"

ByClass = Mapping[str, float]
"""A value for each of the classes A, B and C, or one for all, `*`."""


def levels_of_classes(text: str) -> ByClass:
    """Return SERVICE_LEVEL by class; nothing where it is off.

    Raises:
        InputError: one is no ratio between 0.5 and 0.999, or a class has none.
    """
    expected = f"a ratio from {LEAST_LEVEL:g} to {MOST_LEVEL:g}, such as 0.95"
    return {} if text.strip().lower() == OFF else _by_class(text, LEAST_LEVEL, MOST_LEVEL, expected)


def weeks_of_classes(text: str, least: int) -> ByClass:
    """Return LEAD_TIME_WEEKS or REVIEW_WEEKS by class.

    Raises:
        InputError: one is no whole number from `least` to 52, or a class has none.
    """
    found = _by_class(text, least, MAX_WEEKS, f"whole weeks from {least} to {MAX_WEEKS}")
    if any(value != int(value) for value in found.values()):
        raise InputError("expected whole weeks")
    return found


def _by_class(text: str, least: float, most: float, expected: str) -> ByClass:
    found = {}
    parts = text.split(",")
    for part in parts:
        name, separator, number = part.partition("=")
        name, number = (name.strip().upper(), number) if separator else (ALL, name)
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        if not least <= value <= most or name in found:
            which = f", not {part.strip()!r}" if len(parts) > 1 else ""  # else it is the whole, which is named
            raise InputError(f"expected {expected}{which}, for all or as A=...,B=...,C=...")
        found[name] = value
    if set(found) not in ({ALL}, set(VOLUME_CLASSES)):
        raise InputError("expected one value for all, or one for each class: A=...,B=...,C=...")
    return found


class Orders(Group):
    """How safely stock lasts, and for how long."""

    title: ClassVar[str] = "orders"

    service_level: str = field(
        "0.95",
        "share of orders whose stock lasts until the next one, 0.5 to 0.999, or by class: A=0.98,B=0.95,C=0.9; off = "
        "no orders are worked out",
        ["predict"],
    )
    lead_time_weeks: str = field("1", "weeks from order to arrival, 0 to 52, or by class: A=1,B=2,C=2", ["predict"])
    review_weeks: str = field("1", "weeks from order to order, 1 to 52, or by class: A=1,B=2,C=4", ["predict"])

    @field_validator("service_level")
    @classmethod
    def _level(cls, value: str) -> str:
        return parsed(levels_of_classes, value)

    @field_validator("lead_time_weeks")
    @classmethod
    def _lead_time(cls, value: str) -> str:
        return parsed(lambda text: weeks_of_classes(text, 0), value)

    @field_validator("review_weeks")
    @classmethod
    def _review(cls, value: str) -> str:
        return parsed(lambda text: weeks_of_classes(text, 1), value)
