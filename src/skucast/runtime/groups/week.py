"""Which week a run is about, and what a week is."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import field_validator

from skucast.core.weeks import Anchor
from skucast.runtime.groups.field import CALENDAR, SALES_JOBS, Group, field


class Week(Group):
    """Which week a run is about, what a week is, and how late its sales may be."""

    title: ClassVar[str] = "week"

    as_of: date | None = field(None, "business date to run for, YYYY-MM-DD (default: today)", CALENDAR)
    business_tz: str = field("Europe/Moscow", "time zone of the business day", CALENDAR)
    week_anchor: Anchor = field("SUN", "day that ends a week: MON to SUN", CALENDAR)
    sales_grain: Literal["day", "week"] = field(
        "day",
        "what one sales row covers: a day, or a whole week",
        [*SALES_JOBS, "load", "names", "promotions", "override", "doctor"],
    )
    correct_stockouts: bool = field(
        True,
        "raise the sales of a week with days out of stock to what the other days tell of a whole week",
        [*SALES_JOBS, "names", "promotions", "override", "doctor"],
    )
    censor_outliers: bool = field(
        True,
        "count a week as unknown whose sales are far beyond all that its article ever sold, with nothing that explains "
        "them",
        [*SALES_JOBS, "names", "promotions", "override", "doctor"],
    )
    missing_weeks: Literal["zero", "unknown"] = field(
        "zero",
        "what a week without a row counts as, of a combination that otherwise sells every week and has sold since",
        [*SALES_JOBS, "names", "promotions", "override", "doctor"],
    )
    allowed_late_weeks: int = field(
        1, "weeks that sales may be late before LATE_SALES applies", ["predict", "doctor"], ge=0, le=52
    )
    late_sales: Literal["bridge", "stop"] = field(
        "bridge", "sales later than allowed: forecast through, or stop", ["predict"]
    )
    force: bool = field(
        False,
        "train again even if the model of this cutoff exists, and replace the stored one whatever it is; every job: "
        "publish although a run that read its inputs later has published the same week",
        SALES_JOBS,
    )

    @field_validator("as_of", mode="before")
    @classmethod
    def _calendar_date(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            day = date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("expected a date of the calendar, YYYY-MM-DD") from None
        if not 1990 <= day.year <= 2099:
            raise ValueError("expected a date from 1990 to 2099")
        return day

    @field_validator("business_tz")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # what zoneinfo raises for unknown, malformed and folder names
            raise ValueError("expected a time zone name such as Europe/Moscow") from None
        return value
