"""Deliveries beside holidays, seasons and decline: a silence that has a reason is 0, one that has none is unknown."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from builders import CUTOFF, sunday
from delivery_frames import Pieces, judged, said, units, without

DAILY = np.full((30, 7), 10.0)
NEW_YEAR = [date(2026, 1, day) for day in range(1, 9)]
TWO_YEARS = [
    *NEW_YEAR,
    *(date(2025, 1, day) for day in range(1, 9)),
    *(date(2025, month, day) for month, day in [(2, 23), (3, 8), (5, 1), (5, 9), (6, 12), (11, 4)]),
]
IN_JANUARY = date(2026, 1, 11)
"""Two weeks later the holidays are over; the week that ends on 2026-01-04 has four days off, and New Year's Eve."""


def open_weeks(n_weeks: int, months: range, last: date = CUTOFF) -> Pieces:
    """Return 40 pieces a day in the weeks that end in these months, the newest week last."""
    labels = [last - timedelta(weeks=n_weeks - 1 - week) for week in range(n_weeks)]
    return np.array([np.full(7, 40.0 if label.month in months else 0.0) for label in labels])


# --- holidays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weeks_back", [0, 1, 3], ids=str)
def test_holidays_excuse_no_unit_alone(weeks_back: int) -> None:
    """All units but one sold in the week of New Year: its lines are missing, in the newest week or later."""
    last = date(2026, 1, 4) + timedelta(weeks=weeks_back)
    place = -1 - weeks_back
    sold = {**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=without(DAILY, place))}
    text = "is delivered through 2025-12-28" if weeks_back == 0 else "lacks week 2026-01-04"
    assert said(judged(sold, last, days_off=NEW_YEAR)) == [f"Юг {text}"]


@pytest.mark.parametrize("days", [slice(3, 7), slice(0, 4)], ids=["thu-sun", "mon-thu"])
def test_holidays_excuse_no_part_of_a_week_alone(days: slice) -> None:
    """All units always sell on holidays, and one has no lines on four days of New Year's week, the newest."""
    holidays = [*NEW_YEAR, date(2025, 11, 4), date(2025, 6, 12), date(2025, 5, 9)]
    year = np.full((60, 7), 10.0)
    sold = {**units("Север", "Запад", pieces=year), **units("Юг", pieces=without(year, -1, days))}
    assert said(judged(sold, date(2026, 1, 4), days_off=holidays)) == ["Юг is delivered through 2025-12-28"]


def test_a_unit_that_never_sells_on_holidays_lacks_none() -> None:
    """An office is closed on holidays, when the shops are open: its week of New Year is whole."""
    holidays = [*NEW_YEAR, date(2025, 11, 4), date(2025, 6, 12), date(2025, 5, 9)]
    shop, office = np.full((60, 7), 10.0), np.full((60, 7), 10.0)
    for day in holidays:
        back = (date(2026, 1, 4) - day).days
        if back >= 0:
            office[-1 - back // 7, 6 - back % 7] = 0
    sold = {**units("Север", "Запад", pieces=shop), **units("Юг", pieces=office)}
    assert said(judged(sold, date(2026, 1, 4), days_off=holidays)) == []


def test_holidays_excuse_all_units_together() -> None:
    """Only one of four units sold anything in the week of New Year: the business was closed, nothing is missing."""
    closed = without(DAILY, -2)
    sold = {**units("Север", pieces=DAILY), **units("Запад", "Восток", "Юг", pieces=closed)}
    assert said(judged(sold, IN_JANUARY, days_off=NEW_YEAR)) == []


def test_holidays_excuse_a_unit_that_is_closed_every_year() -> None:
    """One unit sold nothing in the week of New Year, as a year before; all others did."""
    two_years = np.full((80, 7), 10.0)
    office = without(without(two_years, -1), -53)
    sold = {**units("Север", "Запад", pieces=two_years), **units("Юг", pieces=office)}
    found = judged(sold, date(2026, 1, 4), days_off=[*NEW_YEAR, *(day - timedelta(days=365) for day in NEW_YEAR)])
    assert said(found) == []
    assert found.closed == [
        "Юг has sold nothing since week 2026-01-04, as in the same weeks of another year: closed, not late"
    ]


@pytest.mark.parametrize("n_articles", [1, 6], ids=str)
@pytest.mark.parametrize("places", [[-8], [-8, -7], [-9, -8], [-9, -8, -7]], ids=str)
def test_holidays_excuse_no_business_that_sells_on_them(places: list[int], n_articles: int) -> None:
    """It sold on every holiday but in one week of New Year, with or without the weeks beside: a delivery lacks."""
    pieces = np.full((110, 7), 10.0)
    pieces[places] = 0
    found = judged({("Юг", "KA", f"A{n}"): pieces for n in range(n_articles)}, date(2026, 2, 22), days_off=TWO_YEARS)
    lacks = [date(2026, 2, 22) - timedelta(weeks=-1 - place) for place in places]
    assert said(found) == [f"nothing in {week}" for week in lacks]


def test_holidays_within_a_gap_are_a_part_of_it() -> None:
    """A business that is closed on holidays lacks the weeks before and after New Year: that between is unknown too."""
    pieces = np.full((110, 7), 10.0)
    last = date(2026, 2, 22)
    for day in TWO_YEARS:
        back = (last - day).days
        pieces[-1 - back // 7, 6 - back % 7] = 0
    pieces[-16:-2] = 0
    found = judged({("Юг", "KA", f"A{n}"): pieces for n in range(6)}, last, days_off=TWO_YEARS)
    assert said(found) == [f"nothing in {last - timedelta(weeks=back)}" for back in range(15, 1, -1)]


# --- seasons and decline ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [date(2026, 11, 8), CUTOFF, date(2027, 2, 28), date(2027, 6, 6)], ids=str)
def test_a_unit_that_closes_every_winter_is_not_late(last: date) -> None:
    """An ice-cream kiosk sells from April to October: from its second winter on no week of it is unknown."""
    kiosk = units("Киоск", pieces=open_weeks(100, range(4, 11), last))
    found = judged({**units("Север", "Запад", pieces=np.full((100, 7), 10.0)), **kiosk}, last)
    assert said(found) == []
    assert len(found.unknown) == 0
    if last == CUTOFF:
        text = "Киоск has sold nothing since week 2026-11-01, as in the same weeks of another year: closed, not late"
        assert text.replace("11-01", "11-08") in found.closed or text in found.closed


def test_a_kiosk_alone_is_closed_in_its_second_winter() -> None:
    """A business of one kiosk: its winter is no late delivery, and no gap."""
    found = judged(units("Киоск", pieces=open_weeks(100, range(4, 11))))
    assert found.data_cutoff == CUTOFF
    assert said(found) == []


@pytest.mark.parametrize("left", [(0.75, 0.5, 0.25), (0.8, 0.6, 0.4, 0.2), (0.6, 0.4, 0.2), (0.5, 0.25, 0.1)], ids=str)
def test_a_unit_that_fades_to_nothing_is_closed(left: tuple[float, ...]) -> None:
    """In its first year a unit sells less from week to week, then nothing for two weeks: its weeks are 0."""
    noise = np.random.default_rng(3).uniform(0.9, 1.1, (30, 7))
    pieces = np.round(40 * noise)
    for number, share in enumerate(reversed(left)):
        pieces[-3 - number] = np.round(40 * share * noise[-3 - number])
    pieces[-2:] = 0
    found = judged({**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=pieces)})
    assert said(found) == []
    assert found.closed == [f"Юг has sold nothing since week {sunday(1)}, after its sales had faded: closed, not late"]


def test_a_unit_that_sells_little_for_weeks_and_then_nothing_is_late() -> None:
    """It has come down to a third of what it sold and stays there: that fades no more."""
    pieces = np.full((30, 7), 40.0)
    pieces[-6:] = np.array([14, 13, 15, 14, 13, 0])[:, None]
    found = judged({**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=pieces)})
    assert said(found) == [f"Юг is delivered through {sunday(1)}"]


@pytest.mark.parametrize("days", [slice(0, 7), slice(3, 7)], ids=["nothing", "mon-wed"])
@pytest.mark.parametrize("n_weeks", [1, 2, 3, 6], ids=str)
@pytest.mark.parametrize("share", [0.2, 0.35, 0.5], ids=str)
def test_a_unit_that_has_slumped_and_lacks_its_newest_week_is_late(share: float, n_weeks: int, days: slice) -> None:
    """It came down at once, stayed there, sold on every day; nothing of the newest week, or half of it, is there."""
    pieces = np.full((30, 7), 40.0)
    pieces[-1 - n_weeks :] = 40 * share
    pieces[-1, days] = 0
    found = judged({**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=pieces)})
    assert said(found) == [f"Юг is delivered through {sunday(1)}"]


def test_a_unit_that_sells_half_and_then_nothing_is_late() -> None:
    """One weak week is no decline."""
    pieces = DAILY.copy()
    pieces[-2] /= 2
    pieces[-1] = 0
    found = judged({**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=pieces)})
    assert said(found) == [f"Юг is delivered through {sunday(1)}"]


@pytest.mark.parametrize(("n_weeks", "is_closed"), [(12, False), (13, True), (20, True)])
def test_a_long_silence_is_a_closed_unit_and_is_said(n_weeks: int, is_closed: bool) -> None:
    """After 13 weeks without a line, or INACTIVE_AFTER_WEEKS, nobody waits: the unit is closed."""
    pieces = np.full((60, 7), 10.0)
    gone = pieces.copy()
    gone[-n_weeks:] = 0
    found = judged({**units("Север", "Запад", pieces=pieces), **units("Юг", pieces=gone)})
    assert said(found) == ([] if is_closed else [f"Юг is delivered through {sunday(n_weeks)}"])
    since = f"Юг has sold nothing since week {sunday(n_weeks - 1)}, for {n_weeks} weeks: closed, not late"
    assert found.closed == ([since] if is_closed else [])


@pytest.mark.parametrize("who", ["Юг", "Юг/KA", "the business"])
def test_a_long_silence_in_the_middle_is_said(who: str) -> None:
    """Fifteen weeks without a line, then sales as before: they count as closed, and somebody may know better."""
    pieces = np.full((60, 7), 10.0)
    gone = pieces.copy()
    gone[-35:-20] = 0
    sold = units("Юг", pieces=gone)
    if who != "the business":
        sold |= units("Север", "Запад", pieces=pieces)
    if who == "Юг/KA":
        sold["Юг", "TT", "A1"] = pieces
    found = judged(sold)
    assert len(found.unknown) == 0
    text = (
        f"sold nothing from week {sunday(34)} to {sunday(20)}, for 15 weeks: closed, not missing; these weeks are 0, "
    )
    text += "or unknown of what sells in nearly all others"
    assert found.closed == [f"{who} {text}"]


@pytest.mark.parametrize("n_weeks", [1, 12, 13, 30, 170], ids=str)
def test_a_business_that_is_silent_for_long_is_late(n_weeks: int) -> None:
    """Nobody delivers for weeks: the whole business is late, however long; that alone is no closing."""
    pieces = np.full((200, 7), 10.0)
    pieces[-n_weeks:] = 0
    found = judged(units("Юг", pieces=pieces))
    assert found.data_cutoff == sunday(n_weeks)
    assert found.closed == []


def test_no_channel_of_a_late_unit_is_said_to_be_closed() -> None:
    """One channel had faded before the whole unit, which sells well, is late: that is late too, and nothing else."""
    faded = DAILY.copy()
    faded[-5:] = np.array([7, 5, 3, 1, 0])[:, None]
    late = {("Юг", "KA", "A1"): without(DAILY, -1) * 5, ("Юг", "TT", "A1"): faded}
    found = judged({**units("Север", "Запад", pieces=DAILY), **late})
    assert said(found) == [f"Юг is delivered through {sunday(1)}"]
    assert found.closed == []


def test_a_business_that_fades_to_nothing_is_closed() -> None:
    """A business of one unit sells less from week to week, then nothing: its newest weeks are there, and 0."""
    pieces = np.full((40, 7), 40.0)
    pieces[-7:] = np.array([30, 20, 10, 4, 0, 0, 0])[:, None]
    found = judged(units("Юг", pieces=pieces))
    assert found.data_cutoff == CUTOFF
    assert found.closed == [
        f"the business has sold nothing since week {sunday(2)}, after its sales had faded: closed, not late"
    ]


def test_the_holidays_fade_no_unit() -> None:
    """Three weeks with holidays sell little, one less than the other; a unit without the week after them is late."""
    last = date(2026, 1, 25)
    pieces = np.full((40, 7), 40.0)
    pieces[-4:] = np.array([24, 14, 8, 0])[:, None]
    off = [date(2025, 12, 30), *NEW_YEAR, date(2026, 1, 13)]
    found = judged({**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=pieces)}, last, days_off=off)
    assert said(found) == ["Юг is delivered through 2026-01-18"]


# --- weeks that are there in part ------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_articles", [1, 3], ids=str)
@pytest.mark.parametrize("days", [slice(3, 7), slice(0, 4), slice(2, 5)], ids=["thu-sun", "mon-thu", "wed-fri"])
def test_a_partial_week_of_a_business_of_one_unit_is_unknown(days: slice, n_articles: int) -> None:
    """One unit, one channel: a week in the middle that lacks days on which it always sells."""
    sold = {("Юг", "KA", f"A{n}"): without(DAILY, -5, days) for n in range(n_articles)}
    found = judged(sold)
    assert said(found) == [f"the business lacks a part of week {sunday(4)}"]
    assert [str(ds.date()) for ds in found.unknown["ds"]] == [str(sunday(4))]


def test_a_partial_week_of_one_unit_of_several_is_unknown_there() -> None:
    """Units of one channel each; one lacks four days of a week."""
    sold = {**units("Север", "Запад", pieces=DAILY), **units("Юг", pieces=without(DAILY, -5, slice(3, 7)))}
    assert said(judged(sold)) == [f"Юг lacks week {sunday(4)}"]


@pytest.mark.parametrize("n_weeks", [30, 9], ids=str)
@pytest.mark.parametrize(
    ("days", "names"),
    [
        (slice(0, 4), "Monday, Tuesday, Wednesday, Thursday"),
        (slice(4, 7), "Friday, Saturday, Sunday"),
        (slice(2, 5), "Wednesday, Thursday, Friday"),
    ],
)
@pytest.mark.parametrize("who", [("Юг",), ("Север", "Запад", "Юг")], ids=["one unit", "three"])
def test_a_newest_week_that_lacks_days_everywhere_has_not_arrived(
    who: tuple[str, ...], days: slice, names: str, n_weeks: int
) -> None:
    """Nobody sold anything on days on which everybody always does: the sales are late, and it says on which."""
    found = judged(units(*who, pieces=without(DAILY, -1, days)[-n_weeks:]))
    assert found.data_cutoff == sunday(1)
    assert found.in_part == [f"week {CUTOFF} has arrived only in part: nothing on {names}"]
    assert said(found) == []


def test_a_week_of_which_most_combinations_lack_is_named() -> None:
    """Three of ten articles have a row in the newest week."""
    sold = {("Юг", "KA", f"A{n}"): DAILY if n < 3 else without(DAILY, -1) for n in range(10)}
    found = judged(sold)
    assert found.data_cutoff == sunday(1)
    assert found.in_part == [f"week {CUTOFF} has arrived only in part: far fewer combinations than usual"]


def test_two_weeks_in_part_are_both_late() -> None:
    """The newest two weeks end on Wednesday: neither has arrived."""
    pieces = without(without(DAILY, -1, slice(3, 7)), -2, slice(3, 7))
    found = judged(units("Север", "Запад", pieces=pieces))
    assert found.data_cutoff == sunday(2)
    assert len(found.in_part) == 2
