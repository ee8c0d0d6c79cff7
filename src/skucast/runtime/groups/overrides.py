"""What planners may say of the forecast."""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from skucast.core.errors import InputError
from skucast.core.tables.overrides import LATE
from skucast.runtime.groups.field import Group, Job, field, parsed

WITH_OVERRIDES: tuple[Job, ...] = ("predict", "monitor", "override")


def reasons_of(text: str) -> tuple[str, ...]:
    """Return the reasons of OVERRIDE_REASONS, each once, `late` among them.

    Raises:
        InputError: there is none.
    """
    found = [" ".join(part.split()) for part in text.split(",")]
    if not any(found):
        raise InputError("expected reasons separated by commas, such as promotion,event")
    return tuple(dict.fromkeys([*filter(None, found), LATE]))


class Overrides(Group):
    """What planners may say of the forecast."""

    title: ClassVar[str] = "overrides"

    override_reasons: str = field(
        "promotion,event,new listing,delisting,price,stock,competitor,customer order,correction",
        f"reasons that an override may give, separated by commas; {LATE} is always one",
        WITH_OVERRIDES,
    )
    freeze_weeks: int = field(
        0,
        f"nearest weeks, the running one first, of which overrides change for the reason {LATE} alone; 0 = none",
        WITH_OVERRIDES,
        ge=0,
        le=26,
    )

    @field_validator("override_reasons")
    @classmethod
    def _some_reasons(cls, value: str) -> str:
        return parsed(reasons_of, value)
