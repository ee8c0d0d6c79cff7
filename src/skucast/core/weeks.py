"""The week clock: labels, cutoffs and steps. A week is named by the day that ends it (`ds`), Sunday by default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import pandas as pd

Anchor = Literal["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]

WEEK = timedelta(days=7)
_WEEKDAYS: tuple[Anchor, ...] = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

SOLD_BY_WEEKDAY = tuple(f"sold_{day}" for day in range(1, 8))
"""What was sold on each day of a week before returns, Monday first: columns of `Warehouse.weekly_sales`."""


def anchor_of(label: date) -> Anchor:
    """Return the anchor of the weeks that this label belongs to: the weekday that they end on."""
    return _WEEKDAYS[label.weekday()]


@dataclass(frozen=True, slots=True)
class WeekClock:
    """Weeks that end on `anchor`, counted in the business time zone `tz`."""

    anchor: Anchor = "SUN"
    tz: str = "Europe/Moscow"

    @property
    def end_weekday(self) -> int:
        """Weekday of the label, Monday = 0."""
        return _WEEKDAYS.index(self.anchor)

    @property
    def frequency(self) -> str:
        """Name of this calendar in pandas, such as `W-SUN`."""
        return f"W-{self.anchor}"

    def label(self, day: date) -> date:
        """Return the label of the week that holds the day."""
        return day + timedelta(days=(self.end_weekday - day.weekday()) % 7)

    def end_of(self, day: date) -> datetime:
        """Return the moment at which the business day ends, naive UTC."""
        end = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(self.tz))
        return end.astimezone(UTC).replace(tzinfo=None) - timedelta(microseconds=1)

    def start(self, ds: date) -> date:
        """Return the first day of the week labelled `ds`."""
        return ds - timedelta(days=6)

    def today(self, instant: datetime) -> date:
        """Return the business date at an aware instant."""
        return instant.astimezone(ZoneInfo(self.tz)).date()

    def day_of(self, instant: datetime) -> date:
        """Return the business date at an instant, naive UTC."""
        return self.today(instant.replace(tzinfo=UTC))

    def cutoff(self, today: date) -> date:
        """Return the label of the last week that is complete when the business date is `today`."""
        return self.label(today) - WEEK

    def targets(self, cutoff: date, horizon_weeks: int) -> list[date]:
        """Return the labels of steps 1 to `horizon_weeks` after the cutoff."""
        return [cutoff + step * WEEK for step in range(1, horizon_weeks + 1)]

    def label_days(self, days: pd.Series) -> pd.Series:
        """Return the labels of a column of days (datetime64, no time zone), with its index."""
        import pandas as pd

        labels: pd.Series = days + pd.to_timedelta((self.end_weekday - days.dt.day_of_week) % 7, unit="D")
        return labels

    def range(self, first: date, last: date) -> pd.DatetimeIndex:
        """Return the labels from `first` to `last`, both included (datetime64, no time zone)."""
        import pandas as pd

        return pd.date_range(first, last, freq=self.frequency)


def weeks_between(earlier: date, later: date) -> int:
    """Return the number of weeks from one label to another (4 = four weeks later)."""
    return (later - earlier).days // 7
