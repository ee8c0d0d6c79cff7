"""Holidays moved to the label of their week: on weekly data Prophet silently ignores any other day."""

from __future__ import annotations

import re
from datetime import date

import pandas as pd

from skucast.weeks import WeekClock

_VARIANT = re.compile(r"\s*\((?:observed|estimated|substituted)[^)]*\)")


def holiday_weeks(country: str, first: date, last: date, clock: WeekClock) -> pd.DataFrame:
    """Return the holidays from week `first` to week `last`: one row per name and week, columns `holiday`, `ds`.

    An empty country has none. Variants ("(observed)", "(substituted from ...)") share one name.
    """
    if not country:
        return pd.DataFrame({"holiday": pd.Series([], dtype="str"), "ds": pd.Series([], dtype="datetime64[us]")})
    import holidays

    years = range(clock.start(first).year, last.year + 1)
    calendar = holidays.country_holidays(country, years=years, language=_language(country))
    days = [(_VARIANT.sub("", name), clock.label(day)) for day, names in calendar.items() for name in names.split("; ")]
    weeks = pd.DataFrame(sorted(set(days)), columns=["holiday", "ds"])
    weeks["ds"] = pd.to_datetime(weeks["ds"]).astype("datetime64[us]")
    return weeks[weeks["ds"].between(pd.Timestamp(first), pd.Timestamp(last))].reset_index(drop=True)


def _language(country: str) -> str | None:
    import holidays

    languages = holidays.list_localized_countries().get(country, [])
    return "en_US" if "en_US" in languages else None
