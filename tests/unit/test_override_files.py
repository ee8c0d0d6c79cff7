"""Files of overrides: what becomes a row, what comes back and why, what is said already."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from builders import excel

from skucast.core.combination import Combination
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import empty
from skucast.core.weeks import WeekClock
from skucast.regressors.override_checks import Rules, Why
from skucast.regressors.override_files import WHY_NOT, read_overrides
from skucast.regressors.promotion_files import PlanFile, rejected_csv

CLOCK = WeekClock()
KNOWN = [Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2"), Combination("Чайковский", "TF", "B2")]
RUN_AT = pd.Timestamp("2026-11-25 19:00").to_pydatetime()
HEADER = "unit,channel,SKU_ID,ds_from,ds_to,kind,value,reason,author,expires_on,cancelled,override_id,known_from,note"
ANY_TIME = Rules(("event", "stock", "late"))
LOCKED = Rules(("event", "stock", "late"), freeze_weeks=2)
NOTHING = empty(OVERRIDES)


def read(*lines: str, held: pd.DataFrame = NOTHING, rules: Rules = ANY_TIME, header: str = HEADER) -> PlanFile:
    """Return what a CSV of these lines says on Wednesday evening."""
    content = "\n".join([header, *lines]).encode()
    return read_overrides("words.csv", content, KNOWN, held, RUN_AT, CLOCK, rules)


def why(*lines: str, held: pd.DataFrame = NOTHING, rules: Rules = ANY_TIME) -> list[str]:
    """Return the reasons of the lines that come back."""
    return read(*lines, held=held, rules=rules).rejected[WHY_NOT].tolist()


def test_a_line_becomes_a_row_in_the_names_and_weeks_of_the_business() -> None:
    """Any day names its week, without a last one there is one week; names and numbers in any usual spelling."""
    found = read(
        "пермь,KA,a1,2026-12-02,12.12.2026,%,-15%,Event,  Anna  Petrova ,2026-12-31,,,,because",
        'Пермь,*,*,30.11.2026,,=,"1 200,5",stock,Boris,,,,,',
    )
    one, group = found.rows.to_dict("records")
    assert [one[name] for name in ("unit", "channel", "SKU_ID")] == ["Пермь", "KA", "A1"]
    assert (one["ds_from"], one["ds_to"]) == (pd.Timestamp("2026-12-06"), pd.Timestamp("2026-12-13"))
    assert (one["kind"], one["value"], one["reason"], one["author"]) == ("%", -15.0, "event", "Anna Petrova")
    assert (one["expires_on"], one["note"], one["known_from"]) == (pd.Timestamp("2026-12-31"), "because", RUN_AT)
    assert (group["unit"], group["channel"], group["value"]) == ("Пермь", "*", 1200.5)
    assert group["ds_from"] == group["ds_to"] == pd.Timestamp("2026-12-06")
    assert one["override_id"] != group["override_id"]
    assert not len(found.rejected)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Пермь,KA,none,2026-12-02,,=,5,event,Anna", "SKU_ID 'none' is unknown"),
        ("Чайковский,KA,B2,2026-12-02,,=,5,event,Anna", "Чайковский/KA/B2 has no sales"),
        ("Пермь,K*,A1,2026-12-02,,=,5,event,Anna", "channel 'K*': only a * alone stands for all"),
        ("Пермь,KA,A1,,,=,5,event,Anna", Why.EMPTY.format(column="ds_from")),
        ("Пермь,KA,A1,12/02/2026,,=,5,event,Anna", Why.NOT_A_DAY.format(column="ds_from", found="'12/02/2026'")),
        ("Пермь,KA,A1,2026-12-12,2026-12-02,=,5,event,Anna", "ds_to 2026-12-02 is before ds_from 2026-12-12"),
        ("Пермь,KA,A1,2029-12-02,,=,5,event,Anna", Why.TOO_FAR.format(column="ds_from", day="2029-12-02")),
        ("Пермь,KA,A1,2026-11-10,,=,5,event,Anna", Why.OVER.format(last="2026-11-15")),
        ("Пермь,KA,A1,2026-12-02,,x,5,event,Anna", Why.NOT_A_KIND.format(found="'x'")),
        ("Пермь,KA,A1,2026-12-02,,=,five,event,Anna", Why.NOT_A_NUMBER.format(found="'five'")),
        ("Пермь,KA,A1,2026-12-02,,=,20%,event,Anna", Why.NOT_A_NUMBER.format(found="'20%'")),
        ('Пермь,KA,A1,2026-12-02,,=,"1,200",event,Anna', Why.TWO_NUMBERS.format(found="'1,200'")),
        ("Пермь,KA,A1,2026-12-02,,=,,event,Anna", Why.EMPTY.format(column="value")),
        ("Пермь,KA,A1,2026-12-02,,=,-5,event,Anna", Why.NEGATIVE.format(found="-5")),
        ("Пермь,KA,A1,2026-12-02,,%,-150,event,Anna", Why.TOO_LOW.format(found="-150")),
        ("Пермь,KA,A1,2026-12-02,,%,0.2,event,Anna", Why.FRACTION.format(found="0.2", percent="20")),
        ("Пермь,KA,A1,2026-12-02,,+,9999999999999,event,Anna", Why.TOO_LARGE.format(found="9999999999999")),
        ("Пермь,KA,A1,2026-12-02,,=,5,mood,Anna", "reason 'mood' is none of event, stock, late"),
        ("Пермь,KA,A1,2026-12-02,,=,5,,Anna", Why.EMPTY.format(column="reason")),
        ("Пермь,KA,A1,2026-12-02,,=,5,event,", Why.EMPTY.format(column="author")),
        (f"Пермь,KA,A1,2026-12-02,,=,5,event,{'x' * 101}", Why.TOO_LONG.format(column="author", limit=100)),
        ("Пермь,KA,A1,2026-12-02,,=,5,event,Anna,2026-11-24", Why.EXPIRED.format(day="2026-11-24")),
        ("Пермь,KA,A1,2026-12-02,,=,5,event,Anna,,perhaps", Why.NOT_YES_OR_NO.format(found="'perhaps'")),
        ("Пермь,KA,A1,2026-12-02,,=,5,event,Anna,,,77", Why.UNKNOWN_ID.format(found="'77'")),
        ("Пермь,KA,A1,2026-12-02,,=,5,event,Anna,,,,2026-11-20", Why.NOT_OVER.format(last="2026-12-06")),
        ("Пермь,KA,A1,2026-11-11,,=,5,event,Anna,,,,2026-11-26", Why.KNOWN_LATER.format(found="2026-11-26")),
        ("Пермь,KA,A1,2026-11-11,,=,5,event,Anna,,,,soon", Why.NOT_AN_INSTANT.format(found="'soon'")),
        ("Пермь,KA,A1,2026-12-02,,=,#N/A,event,Anna", Why.UNREADABLE.format(column="value", found="'#N/A'")),
        ("Пермь,KA,A1,2026-12-02,,=,5,event,Anna,,,,,note,more", Why.MORE_CELLS.value),
    ],
)
def test_a_line_that_cannot_be_used_comes_back_with_one_reason(line: str, reason: str) -> None:
    """It says what was found and what to write; the lines beside it are taken."""
    found = read(line, "Пермь,KA,B2,2026-12-02,,+,5,event,Anna")
    (said,) = found.rejected[WHY_NOT]
    assert said.startswith(reason)
    assert found.rows["SKU_ID"].tolist() == ["B2"]


def test_a_minus_of_any_kind_is_one() -> None:
    """As programs and phones write it: a hyphen, a dash, the sign of arithmetic."""
    days = zip(("02", "09", "16"), "-\u2013\u2212", strict=True)
    lines = [f"Пермь,KA,A1,2026-12-{day},,+,{minus}30,event,Anna" for day, minus in days]
    assert read(*lines).rows["value"].tolist() == [-30.0] * 3


def test_what_is_refused_can_be_corrected_and_sent_again() -> None:
    """Excel opens the file of rejected lines without running anything, and = is read again."""
    refused = read("Пермь,KA,A1,2026-12-02,,=,5,mood,Anna")
    text = rejected_csv(refused).decode("utf-8-sig")
    assert "'=" in text
    again = read_overrides("again.csv", text.replace("mood", "event").encode(), KNOWN, NOTHING, RUN_AT, CLOCK, ANY_TIME)
    assert (again.rows["kind"].tolist(), again.rows["value"].tolist()) == (["="], [5.0])


def test_a_file_without_a_column_comes_back_as_a_whole() -> None:
    """Each line says which one."""
    found = read("Пермь,KA,A1,2026-12-02,=,5,event", header="unit,channel,SKU_ID,ds_from,kind,value,reason")
    assert found.rejected[WHY_NOT].tolist() == [Why.NO_COLUMN.format(columns="author")]


def test_two_lines_of_a_file_about_the_same_names_and_week_are_one_too_many() -> None:
    """The second comes back; other weeks or a wider scope contradict nothing."""
    found = read(
        "Пермь,KA,A1,2026-12-01,2026-12-13,=,5,event,Anna",
        "Пермь,KA,A1,2026-12-13,,=,6,event,Anna",
        "Пермь,KA,A1,2026-12-14,,=,6,event,Anna",
        "Пермь,KA,*,2026-12-14,,=,6,event,Anna",
        "Пермь,KA,A1,2026-12-01,2026-12-13,=,5,stock,Boris",
    )
    assert found.rejected[WHY_NOT].tolist() == [
        Why.TWICE.format(line=2, week="2026-12-13"),
        Why.DUPLICATE.format(line=2),
    ]
    assert (len(found.rows), found.n_repeated) == (3, 1)


def test_an_override_is_changed_and_called_off_by_its_name() -> None:
    """A line that calls off need not say the rest again; one that says all as it is changes nothing."""
    held = read("Пермь,KA,A1,2026-12-02,,=,5,event,Anna").rows
    (name,) = held["override_id"]
    held = held.assign(known_from=RUN_AT - timedelta(hours=1))
    changed = read(f"Пермь,KA,B2,2026-12-02,,=,7,event,Anna,,,{name},", held=held).rows
    assert changed[["override_id", "SKU_ID", "value"]].to_numpy().tolist() == [[name, "B2", 7.0]]
    off = read(f",,,,,,,event,Boris,,yes,{name},", held=held).rows
    assert off[["override_id", "SKU_ID", "value", "cancelled"]].to_numpy().tolist() == [[name, "A1", 5.0, True]]
    same = read(f"Пермь,KA,A1,2026-12-02,,=,5,event,Anna,,,{name},", held=held, rules=LOCKED)
    assert (len(same.rows), len(same.rejected), same.notes) == (0, 0, ["1 line as before, so nothing was changed"])
    gone = off.assign(known_from=RUN_AT)
    assert why(f",,,,,,,event,Boris,,yes,{name},", held=gone) == [Why.GONE.format(found=repr(name))]
    twice = [f",,,,,,,event,Boris,,yes,{name},", f"Пермь,KA,A1,2026-12-02,,=,6,event,Anna,,,{name},"]
    assert why(*twice, held=held) == [Why.TWICE_ID.format(line=2)]
    replaced = read(f",,,,,,,event,Boris,,yes,{name},", "Пермь,KA,A1,2026-12-02,,=,6,event,Boris", held=held)
    assert len(replaced.rows) == 2


def test_near_weeks_change_for_a_late_reason_alone() -> None:
    """The running week is the first of them; moving an override out of them, or calling it off, is a change too."""
    frozen = Why.FROZEN.format(frozen="2026-12-06", n_weeks=2)
    assert why("Пермь,KA,A1,2026-12-02,2026-12-20,=,5,event,Anna", rules=LOCKED) == [frozen]
    assert not why("Пермь,KA,A1,2026-12-02,,=,5,late,Anna", rules=LOCKED)
    assert not why("Пермь,KA,A1,2026-12-07,,=,5,event,Anna", rules=LOCKED)
    held = read("Пермь,KA,A1,2026-11-25,,=,5,event,Anna").rows
    (name,) = held["override_id"]
    assert why(f"Пермь,KA,A1,2026-12-07,,=,5,event,Anna,,,{name},", held=held, rules=LOCKED) == [frozen]
    assert why(f",,,,,,,event,Boris,,yes,{name},", held=held, rules=LOCKED) == [frozen]
    assert not why(f",,,,,,,late,Boris,,yes,{name},", held=held, rules=LOCKED)


def test_weeks_that_are_over_may_be_kept_as_an_archive() -> None:
    """With the moment from which they were known, which is not in the future."""
    found = read("Пермь,KA,A1,2026-11-09,,=,5,event,Anna,,,,2026-11-05 10:00,").rows
    assert found["known_from"].tolist() == [pd.Timestamp("2026-11-05 07:00")]
    assert found["ds_from"].tolist() == [pd.Timestamp("2026-11-15")]


def test_a_workbook_is_read_as_a_csv_is() -> None:
    """Days, numbers and percent of a sheet too."""
    rows = [HEADER.split(",")[:9], ["Пермь", "KA", "*", date(2026, 12, 2), None, "+", 12.5, "event", "Anna"]]
    found = read_overrides("words.xlsx", excel(*rows), KNOWN, NOTHING, RUN_AT, CLOCK, ANY_TIME)
    assert found.rows[["kind", "value"]].to_numpy().tolist() == [["+", 12.5]]


def test_every_reason_is_on_the_page() -> None:
    """docs/overrides.md lists each, word for word but for what it names."""
    page = (Path(__file__).parents[2] / "docs" / "overrides.md").read_text(encoding="utf-8")
    missing = [each.value for each in Why if any(piece not in page for piece in re.split(r"\{\w+\}", each.value))]
    assert not missing
