"""What people said of the work list: what is done stays away, what is snoozed comes on its day, and who said it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from builders import WEDNESDAY
from work_lines import KAZAN, PERM, alert, lines, note, notes, of_system, refused

from skucast.scorecard.work_list import line_id
from skucast.scorecard.work_memory import remembered, resting_alerts, tally, tally_text

NOW = pd.Timestamp("2026-11-25 21:00").to_pydatetime()
IT = line_id("combination", "Пермь/KA/A1")


def one(*said: dict[str, Any], today: date = WEDNESDAY, **of_alert: Any) -> dict[str, Any]:
    """Return the line of one alert with what was said of it."""
    (found,) = remembered(lines(alert(PERM, **of_alert)), notes(*said), NOW, today, 20).to_dict("records")
    return {str(name): value for name, value in found.items()}


def test_without_a_word_every_line_is_open() -> None:
    """Twenty at the most are listed, the largest; ranks count the open ones."""
    many = lines(*(alert(("Пермь", "KA", f"A{number}"), lost_volume=100.0 + number) for number in range(25)))
    found = remembered(many, notes(), NOW, WEDNESDAY, 20)
    assert found.loc[found["is_listed"], "about"].tolist() == [f"Пермь/KA/A{number}" for number in range(24, 4, -1)]
    assert found["rank"].tolist() == list(range(1, 26))
    assert tally(found) == {"n_open": 25, "n_listed": 20, "n_new": 25, "n_back": 0, "n_done": 0, "n_snoozed": 0}
    assert tally_text(tally(found)) == (
        "work list: 20 lines (25 open), 25 new since last week, 0 back; 0 done, 0 snoozed"
    )


@pytest.mark.parametrize(
    ("now", "back"),
    [
        ({"lost_volume": 400.0}, ""),
        ({"lost_volume": 599.0}, ""),
        ({"lost_volume": 600.0}, "clearly worse: 400 when it was done on 2026-11-22, 600 now"),
    ],
)
def test_what_is_done_comes_back_when_it_is_half_as_large_again(now: dict[str, Any], back: str) -> None:
    """Until then it is not on the list."""
    found = one(note(IT), weeks=2, **now)
    assert (found["state"], found["back_why"]) == ("open" if back else "done", back)
    assert found["is_listed"] == bool(back)


def test_what_is_done_comes_back_when_a_part_of_it_opens_anew() -> None:
    """An alert that was opened after the day up to which the author could know."""
    found = one(note(IT, seen_through=pd.Timestamp("2026-11-15")))
    assert found["back_why"] == "opened anew on 2026-11-22, done on 2026-11-22"
    assert one(note(IT, seen_through=pd.Timestamp("2026-11-22")))["state"] == "done"


def test_what_is_snoozed_is_back_on_its_day() -> None:
    """Not before, however large it has become; the list says until when it was."""
    said = note(IT, "snoozed", snoozed_until=pd.Timestamp("2026-11-26"))
    assert one(said, lost_volume=9000.0)["state"] == "snoozed"
    found = one(said, today=date(2026, 11, 26))
    assert (found["state"], found["back"], found["back_why"]) == ("open", "its_day", "snoozed until 2026-11-26")


def test_the_newest_state_counts_and_owner_and_comment_stay() -> None:
    """Each with the last word about it; who said what is known."""
    found = one(
        note(IT, "done", 0),
        note(IT, None, 1, owner="Boris", author="Clara"),
        note(IT, "open", 2, comment="not yet", author="Dina"),
        note(IT, "done", 9),  # after this moment
    )
    assert (found["state"], found["owner"], found["comment"]) == ("open", "Boris", "not yet")
    assert (found["said"], found["said_by"]) == ("open", "Dina")
    assert found["said_at"] == pd.Timestamp("2026-11-24 10:00")


def test_an_acknowledged_alert_is_a_snoozed_line_if_all_of_its_alerts_are() -> None:
    """It is back on the day after its last quiet one; one that speaks alone is named."""
    quiet = {"acknowledged_until": pd.Timestamp("2026-11-30")}
    found = one(**quiet)
    assert (found["state"], found["snoozed_until"]) == ("snoozed", pd.Timestamp("2026-12-01"))
    both = remembered(lines(alert(PERM, **quiet), alert(PERM, "bias")), notes(), NOW, WEDNESDAY, 20)
    assert (both["state"].item(), both["rules"].item()) == ("open", "bias")


def test_lines_of_the_whole_and_of_files_are_remembered_too() -> None:
    """Late sales are back when they are later than half as much again; a file when it is refused on another day."""
    late = of_system("sales_late", "late", weeks=3, value=3.0, value_limit=0.0)
    files = refused(("plan.xlsx", "7 of 8 rows refused", date(2026, 11, 24)))
    said = [
        note(line_id("system", "sales_late"), size=2.0),
        note(line_id("file", "promotions"), size=None, seen_through=pd.Timestamp("2026-11-24")),
    ]
    found = remembered(lines(late, refused=files), notes(*said), NOW, WEDNESDAY, 20).set_index("kind")
    assert found["state"].to_dict() == {"system": "open", "file": "done"}
    assert found.loc["system", "back_why"] == "clearly worse: 2 when it was done on 2026-11-22, 3 now"


def test_alerts_of_lines_that_rest_are_known_and_all_is_counted() -> None:
    """One done, one snoozed, one open and new."""
    other = ("Казань", "TF", "C3")
    said = [note(IT), note(line_id("combination", "Казань/KA/B2"), "snoozed", snoozed_until=pd.Timestamp("2026-12-24"))]
    found = remembered(lines(alert(PERM), alert(KAZAN), alert(other)), notes(*said), NOW, WEDNESDAY, 20)
    assert resting_alerts(found) == {"wape-A1", "wape-B2"}
    assert tally(found) == {"n_open": 1, "n_listed": 1, "n_new": 1, "n_back": 0, "n_done": 1, "n_snoozed": 1}


def test_a_list_without_lines() -> None:
    """Words about what is over change nothing."""
    found = remembered(lines(), notes(note(IT)), NOW, WEDNESDAY, 20)
    assert found.empty
    assert tally_text(tally(found)) == "work list: 0 lines, 0 new since last week, 0 back; 0 done, 0 snoozed"
