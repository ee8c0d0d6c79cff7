"""Holidays and local events by unit: whose country, which events, and what becomes of the others' models."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, history_of, line, sunday
from stubs import plan

from skucast.core.errors import InputError
from skucast.core.tables.contract import ALL
from skucast.core.tables.sales import LOCATIONS
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock
from skucast.forecast.training import make_recipe
from skucast.jobs.calendars import calendars_of
from skucast.jobs.load import load_locations
from skucast.regressors.calendars import Calendar, Calendars, calendars_of_units, events_of_nobody
from skucast.regressors.events import read_events
from skucast.regressors.holidays import Event, calendar_digest
from skucast.runtime.outcome import RunReport
from skucast.sales.history import build_history
from skucast.sales.outliers import outliers

CLOCK = WeekClock()
RU = Calendar("RU")
CITY_DAY = Event("City Day", date(2026, 6, 12))
UNITS = ["Алматы", "Пермь", "Уфа"]
FIRST, LAST = date(2026, 1, 4), date(2026, 12, 27)


def places(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Return locations: unit, country, subdivision."""
    columns = ["unit", "country", "subdivision"]
    return validate(LOCATIONS, pd.DataFrame(rows, columns=columns).assign(latitude=55.0, longitude=60.0))


def of(*rows: tuple[Any, ...], events: tuple[Event, ...] = (), usual: Calendar = RU) -> Calendars:
    """Return the calendars of the three units."""
    return calendars_of_units(usual, events, places(*rows) if rows else empty(LOCATIONS), UNITS)


def holidays_of(calendar: Calendar) -> set[str]:
    """Return the names of its holidays and events."""
    return set(calendar.holidays(FIRST, LAST, CLOCK)["holiday"])


# --- Countries --------------------------------------------------------------------------------------------------------


def test_without_countries_all_have_the_usual_calendar() -> None:
    """Also where locations say where the units are, or what the settings say anyway."""
    for found in (of(), of(("Уфа", None, None)), of(("Уфа", "RU", None), ("Пермь", "", " "))):
        assert found == Calendars(RU)


def test_a_unit_has_the_holidays_of_its_country() -> None:
    """The others keep theirs; a name is found in another spelling."""
    found = of((" АЛМАТЫ", "kz", None))
    assert found == Calendars(RU, {"Алматы": Calendar("KZ")})
    assert "Nowruz" in " ".join(holidays_of(found.of("Алматы"))) or "Nauryz" in " ".join(
        holidays_of(found.of("Алматы"))
    )
    assert holidays_of(found.of("Уфа")) == holidays_of(RU)


def test_a_part_of_a_country() -> None:
    """Without a country it is one of the usual one's; a country alone has no part, whatever is usual."""
    found = of(("Уфа", None, "BY"), ("Пермь", "DE", None), usual=Calendar("DE", "BE"))
    assert found.of("Уфа") == Calendar("DE", "BY")
    assert found.of("Пермь") == Calendar("DE")
    assert found.of("Алматы") == Calendar("DE", "BE")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("Уфа", "XX", None), "unit Уфа: country 'XX' is no ISO code such as RU or KZ"),
        (("Уфа", "KZ", "BA"), "unit Уфа: subdivision 'BA' is no part of KZ"),
        (("Уфа", None, "QQ"), "unit Уфа: subdivision 'QQ' is no part of RU, such as nothing"),
    ],
)
def test_a_country_that_nobody_knows(row, said, settings, warehouse, run, tmp_path) -> None:
    """Such a file is not loaded, and such a table stops the run."""
    with pytest.raises(InputError, match=f"^locations, {said}.*; correct the locations"):
        of(row)
    path = tmp_path / "locations.csv"
    cells = ",".join("" if each is None else each for each in row)
    path.write_text(f"unit,country,subdivision,latitude,longitude\n{cells},55.5,56.5\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{said}.*; nothing was loaded"):
        load_locations(path, None, settings(), warehouse, run, RunReport())
    assert not warehouse.exists(LOCATIONS)


def test_locations_of_a_table_from_before_have_no_country(settings, warehouse, run) -> None:
    """They are read as they are, and are those of the settings."""
    old = {"unit": ["Уфа"], "latitude": [55.0], "longitude": [56.0]}
    warehouse.replace(LOCATIONS, pd.DataFrame(old), ALL, run=run)
    assert calendars_of(settings(), warehouse, UNITS) == Calendars(RU)
    warehouse.replace(LOCATIONS, places(("Уфа", "KZ", None)), ALL, run=run)
    assert calendars_of(settings(), warehouse, UNITS).by_unit == {"Уфа": Calendar("KZ")}


# --- Local events -----------------------------------------------------------------------------------------------------


def test_an_event_of_one_unit_touches_that_unit_only() -> None:
    """Beside those of all; of one name and day its own counts. A unit without sales is named."""
    longer = Event("City Day", CITY_DAY.day, 1, 1, unit="уфа")
    own = Event("Fair", date(2026, 9, 1), unit="Уфа")
    found = of(events=(CITY_DAY, longer, own, Event("Fair", date(2026, 9, 1), unit="Омск")))
    assert found.usual == Calendar("RU", "", (CITY_DAY,))
    assert found.by_unit == {"Уфа": Calendar("RU", "", (Event("City Day", CITY_DAY.day, 1, 1), Event("Fair", own.day)))}
    assert events_of_nobody((own, Event("Fair", own.day, unit="Омск")), UNITS) == ["Омск"]


def test_the_file_may_have_a_column_of_units(tmp_path: Path) -> None:
    """Empty or `*` is all; the same event of two units is two events, of one it is there twice."""
    path = tmp_path / "events.csv"
    header = "name,date,days_before,days_after,unit"
    rows = ["Fair,2026-09-01,0,0,Уфа", "Fair,2026-09-01,0,0,Пермь", "City Day,2026-06-12,,,", "Day,2026-06-13,,,*"]
    path.write_text("\n".join([header, *rows]), encoding="utf-8")
    found = read_events(path)
    assert [(each.name, each.unit) for each in found] == [
        ("City Day", ""),
        ("Day", ""),
        ("Fair", "Пермь"),
        ("Fair", "Уфа"),
    ]
    path.write_text("\n".join([header, rows[0], rows[0].replace("Уфа", "УФА")]), encoding="utf-8")
    with pytest.raises(InputError, match="line 3: 'Fair' on 2026-09-01 is there twice; keep one"):
        read_events(path)


def test_the_digest_of_events_of_all_is_what_it_was() -> None:
    """Models that know nothing of units stay current; an event of a unit is another one."""
    assert calendar_digest([CITY_DAY]) == "f11dc4f26784f5c3983d7c9f221e74bf31d45d0ae6a230bd90400348ee273742"
    assert calendar_digest([Event("City Day", CITY_DAY.day, unit="Уфа")]) != calendar_digest([CITY_DAY])


# --- What training makes of it ----------------------------------------------------------------------------------------


def test_a_recipe_by_unit() -> None:
    """The unit's own holidays and plan; all others have those of the settings, and the same plan as without units."""
    found = of(("Алматы", "KZ", None), events=(CITY_DAY, Event("Fair", date(2026, 9, 1), unit="Уфа")))
    alone = make_recipe(plan(), CLOCK, FIRST, CUTOFF, [CITY_DAY])
    recipe = make_recipe(plan(), CLOCK, FIRST, CUTOFF, found.usual.events, found.by_unit)
    assert recipe.of("Пермь").plan.as_dict() == alone.plan.as_dict()
    assert recipe.of("Пермь").grid.holiday_names == alone.grid.holiday_names
    np.testing.assert_array_equal(recipe.of("Пермь").grid.holidays, alone.grid.holidays)
    almaty, ufa = recipe.of("Алматы"), recipe.of("Уфа")
    assert almaty.plan.holiday_country == "KZ"
    assert "City Day" in almaty.grid.holiday_names
    assert "Fair" in ufa.grid.holiday_names
    assert "Fair" not in recipe.grid.holiday_names + almaty.grid.holiday_names
    assert ufa.plan.holiday_calendar == calendar_digest([CITY_DAY, Event("Fair", date(2026, 9, 1))])


# --- What else goes by them -------------------------------------------------------------------------------------------


def test_the_page_names_the_units_of_a_holiday() -> None:
    """One that counts everywhere stands as it is; one calendar for all says no unit."""
    events = (CITY_DAY, Event("Fair", date(2026, 9, 1), unit="Уфа"))
    shown = set(of(events=events).holidays_shown(UNITS, FIRST, LAST, CLOCK)["holiday"])
    assert {"City Day", "Fair (Уфа)", "New Year"} <= shown
    assert not any("(" in name for name in shown - {"Fair (Уфа)"})
    abroad = set(of(("Алматы", "KZ", None)).holidays_shown(UNITS, FIRST, LAST, CLOCK)["holiday"])
    assert any(name.endswith("(Алматы)") for name in abroad)
    assert "New Year (Пермь, Уфа)" in abroad


def test_days_off_of_the_business_and_of_a_unit() -> None:
    """The business may be closed where one of its units is; a unit on its own days alone."""
    found = of(events=(Event("Fair", date(2026, 9, 2), unit="Уфа"),))
    days = date(2026, 9, 1), date(2026, 9, 3)
    assert found.all_days_off(UNITS, *days) == {date(2026, 9, 2)}
    assert found.all_days_off(["Пермь"], *days) == frozenset()
    assert found.days_off_by_unit(*days) == {"Уфа": {date(2026, 9, 2)}}


def test_a_week_that_ends_early_for_a_units_holiday_is_whole(warehouse, run) -> None:
    """Север closed on Friday to Sunday for a holiday of its own: not late. Without it, its week has not arrived."""
    last = sunday(0)
    lines = [
        line(last - timedelta(days=back), 5.0, unit=unit, SKU_ID=f"A{number}")
        for back in range(7 * 20)
        for unit in ("Юг", "Север")
        for number in range(3)
        if not (unit == "Север" and back < 3)
    ]
    closed = [last - timedelta(days=back) for back in range(3)]
    history = history_of(warehouse, lines, run, days_off_by_unit={"Север": closed})
    assert history.late == []
    weekly = warehouse.weekly_sales(CLOCK, CUTOFF)
    assert [each.unit for each in build_history(weekly, CLOCK, CUTOFF).late] == ["Север"]
    other = build_history(weekly, CLOCK, CUTOFF, days_off_by_unit={"Юг": closed})
    assert [each.unit for each in other.late] == ["Север"]


def test_an_outlier_near_a_units_holiday() -> None:
    """What its own holiday may explain is not unknown; another unit's explains nothing."""
    ds = pd.to_datetime([sunday(back) for back in range(29, -1, -1)])
    y = [10.0] * 29 + [110.0]
    rows = [pd.DataFrame({"unit": unit, "channel": "KA", "SKU_ID": "A", "ds": ds, "y": y}) for unit in ("Север", "Юг")]
    weeks = pd.concat(rows, ignore_index=True).assign(is_promo=False)
    weeks = weeks.assign(quantity=weeks["y"])
    assert outliers(weeks)["unit"].tolist() == ["Север", "Юг"]
    assert outliers(weeks, (), {"Юг": [sunday(0)]})["unit"].tolist() == ["Север"]
    assert outliers(weeks, [sunday(0)], {"Юг": []})["unit"].tolist() == ["Юг"]
