"""The planners' template: today's plan, of which only what is changed says something when it comes back."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from plans import CLOCK, KNOWN, RUN_AT, line, nothing_else, plan

from skucast.core.tables.contract import ALL
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty
from skucast.regressors.promotion_files import PlanFile, read_plan
from skucast.regressors.promotion_holding import Holding, holding, within
from skucast.regressors.promotion_template import template_rows, write_template
from skucast.regressors.promotions import Pattern, Plan

EVERYONE: Pattern = (ALL, ALL, ALL)
LATER = RUN_AT + timedelta(hours=5)
WEEKS = [date(2026, 11, 29) + timedelta(weeks=week) for week in range(8)]


def stored(*files: PlanFile) -> pd.DataFrame:
    """Return the table after these files."""
    parts = [each.rows for each in files if len(each.rows)]
    return pd.concat(parts, ignore_index=True) if parts else empty(PROMOTIONS)


def template(rows: pd.DataFrame, at: datetime = RUN_AT, wanted: Pattern = EVERYONE) -> list[dict[str, object]]:
    """Return the template of a plan as it holds at a moment."""
    found = holding(rows, KNOWN, at, CLOCK.start(CLOCK.label(CLOCK.day_of(at))))
    held = Holding(within(found.promotions, wanted), within(found.coverage, wanted))
    return template_rows(held, at, wanted, KNOWN, CLOCK, date(2026, 12, 20))


def sent_back(
    lines: Sequence[dict[str, object]], rows: pd.DataFrame, at: datetime = LATER, name: str = "t.csv"
) -> PlanFile:
    """Return what a template of these lines says, read against a plan."""
    path = Path(name)
    path.unlink(missing_ok=True)
    write_template(path, lines)
    return read_plan(name, path.read_bytes(), KNOWN, at, CLOCK, held=lambda: rows)


def state(rows: pd.DataFrame, at: datetime) -> list[list[object]]:
    """Return what a plan says at a moment, by combination and week."""
    usual = dict.fromkeys(KNOWN, 17.0)
    found = Plan(rows, KNOWN, usual=usual).as_of(at, WEEKS)
    return [
        [each.discount.round(9).tolist(), each.days.tolist(), each.is_covered.tolist(), str(each.types)]
        for each in found.values()
    ]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def planned() -> pd.DataFrame:
    """A plan of two files: two units, a running promotion, one of all, one without a depth."""
    first = plan(
        line(plan_id="BF-1", note="Black week"),
        line(SKU_ID="*", channel="*", starts_on="2026-12-14", ends_on="2026-12-18", discount_perc="12,5"),
        nothing_else("Пермь"),
        run_at=RUN_AT - timedelta(days=3),
    )
    second = plan(
        line(unit="Чайковский", channel="TF", SKU_ID="9752", starts_on="2026-11-18", covers_through="2026-12-20"),
        line(
            unit="Чайковский",
            channel="TF",
            SKU_ID="*",
            starts_on="2026-12-12",
            ends_on="2026-12-13",
            discount_perc="",
            covers_through="",
        ),
        run_at=RUN_AT - timedelta(days=1),
    )
    return stored(first, second)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_a_template_sent_back_unchanged_says_nothing(planned: pd.DataFrame, name: str) -> None:
    """Whatever the plan is: no row is added, and none is refused."""
    found = sent_back(template(planned), planned, name=name)
    assert found.says_nothing
    assert found.edits is not None
    assert found.edits.n_unchanged == len(template(planned)) == 6
    assert found.unused == []


def test_the_template_has_depth_and_days_as_they_were_typed(planned: pd.DataFrame) -> None:
    """12.5 % of five days is no weekly mean; a running promotion keeps its first day; our own plan_ids stay out."""
    rows = [row for row in template(planned) if row["starts_on"]]
    said = [
        (row["unit"], row["SKU_ID"], str(row["starts_on"]), str(row["ends_on"]), row["discount_perc"]) for row in rows
    ]
    assert said == [
        ("Чайковский", "9752", "2026-11-18", "2026-12-06", 30),
        ("Пермь", "A1", "2026-11-30", "2026-12-06", 30),
        ("Чайковский", "*", "2026-12-12", "2026-12-13", None),
        ("Пермь", "*", "2026-12-14", "2026-12-18", 12.5),
    ]
    assert [row["plan_id"] for row in rows] == [None, "BF-1", None, None]
    assert [row["is_promo"] for row in rows] == [None, None, "yes", None]
    write_template(Path("t.csv"), template(planned))
    assert ";2026-12-14;2026-12-18;12,5;" in Path("t.csv").read_text(encoding="utf-8-sig")


def test_an_excel_template_is_the_same_after_excel_has_saved_it(planned: pd.DataFrame) -> None:
    """Saved by a program that writes days with a time and numbers as floats, with a column of the planner's own."""
    write_template(Path("t.xlsx"), template(planned))
    book = openpyxl.load_workbook("t.xlsx")
    sheet = book["plan"]
    for cells in sheet.iter_rows(min_row=2):
        for cell in cells:
            if isinstance(cell.value, int):
                cell.value = float(cell.value)
    sheet.insert_cols(1)
    sheet["A1"] = "мои заметки"
    sheet["A3"] = "спросить"
    book.save("saved.xlsx")
    found = read_plan("saved.xlsx", Path("saved.xlsx").read_bytes(), KNOWN, LATER, CLOCK, held=lambda: planned)
    assert found.says_nothing
    assert found.unused == ["мои заметки"]


def test_a_csv_template_is_the_same_after_a_russian_excel_has_saved_it(planned: pd.DataFrame) -> None:
    """It turns the days into 14.12.2026, and saves in Windows-1251."""
    write_template(Path("t.csv"), template(planned))
    text = Path("t.csv").read_text(encoding="utf-8-sig")
    lines = [
        row | {name: _russian(row[name]) for name in ("starts_on", "ends_on", "covers_through")}
        for row in csv.DictReader(io.StringIO(text), delimiter=";")
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, lines[0], delimiter=";")
    writer.writeheader()
    writer.writerows(lines)
    found = read_plan("t.csv", out.getvalue().encode("cp1251"), KNOWN, LATER, CLOCK, held=lambda: planned)
    assert found.says_nothing


def _russian(day: str) -> str:
    return ".".join(reversed(day.split("-")))


def test_one_line_changed_changes_one_promotion(planned: pd.DataFrame) -> None:
    """30 becomes 25, and all else is as it was."""
    lines = template(planned)
    changed = next(row for row in lines if row["plan_id"] == "BF-1")
    changed["discount_perc"] = 25
    found = sent_back(lines, planned)
    assert found.edits is not None
    assert (found.edits.n_added, found.edits.n_ended, found.edits.n_unchanged) == (1, 0, 5)
    before, after = state(planned, RUN_AT), state(stored(_as_file(planned), found), LATER)
    assert after[0][0] == [*before[0][0][:1], 25.0, *before[0][0][2:]]
    assert after[0][1:] == before[0][1:]
    assert after[1:] == before[1:]


def _as_file(rows: pd.DataFrame) -> PlanFile:
    return PlanFile(rows, pd.DataFrame(), None, [], ",", 0, [])


def test_a_line_deleted_ends_its_promotion(planned: pd.DataFrame) -> None:
    """Because its unit's row says that nothing else is planned; the unit's other promotions stay."""
    lines = [row for row in template(planned) if row["plan_id"] != "BF-1"]
    found = sent_back(lines, planned)
    after = state(stored(_as_file(planned), found), LATER)
    assert after[0][0] == [0, 0, 0, pytest.approx(12.5 * 5 / 7), 0, 0, 0, 0]
    assert after[1:] == state(planned, RUN_AT)[1:]


def test_a_line_called_off_ends_its_promotion_alone(planned: pd.DataFrame) -> None:
    """`yes` in cancelled, also where no row covers its names."""
    lines = [row for row in template(planned) if row["starts_on"]]
    next(row for row in lines if row["plan_id"] == "BF-1")["cancelled"] = "yes"
    found = sent_back(lines, planned)
    after = state(stored(_as_file(planned), found), LATER)
    assert after[0][0] == [0, 0, 0, pytest.approx(12.5 * 5 / 7), 0, 0, 0, 0]
    assert after[1:] == state(planned, RUN_AT)[1:]


def test_who_plans_one_unit_says_nothing_of_the_others(planned: pd.DataFrame) -> None:
    """The lines of the others are deleted, all of them, or were never there: `--unit`."""
    for lines in (
        [row for row in template(planned) if row["unit"] == "Пермь"],
        template(planned, wanted=("Пермь", ALL, ALL)),
    ):
        found = sent_back(lines, planned)
        assert len(found.rows) == 0
        lines[0]["discount_perc"] = 40
        after = state(stored(_as_file(planned), sent_back(lines, planned)), LATER)
        assert after[0] != state(planned, RUN_AT)[0]
        assert after[3] == state(planned, RUN_AT)[3]


def test_what_others_have_changed_since_stays(planned: pd.DataFrame) -> None:
    """A template of an hour ago, in which one unit was changed, while the other unit's planner sent a file."""
    lines = template(planned)
    other = plan(
        line(unit="Чайковский", channel="TF", SKU_ID="9752", starts_on="2026-12-21", ends_on="2026-12-27"),
        run_at=RUN_AT + timedelta(hours=1),
    )
    now = stored(_as_file(planned), other)
    assert sent_back(lines, now).says_nothing
    next(row for row in lines if row["plan_id"] == "BF-1")["ends_on"] = date(2026, 12, 2)
    after = state(stored(_as_file(now), sent_back(lines, now)), LATER)
    assert after[0][1][1] == 3
    assert after[3] == state(now, LATER)[3]
    assert after[3][0][4] == 30


def test_a_template_of_last_month_changes_nothing(planned: pd.DataFrame) -> None:
    """What is over since is not refused, and what is planned since stays."""
    lines = template(planned)
    january = datetime.fromisoformat("2027-01-05T10:00:00")
    since = plan(
        line(starts_on="2027-01-11", ends_on="2027-01-17", covers_through="2027-01-31"),
        nothing_else(),
        run_at=january - timedelta(days=1),
    )
    now = stored(_as_file(planned), since)
    assert sent_back(lines, now, at=january).says_nothing


def test_the_last_day_of_a_template_can_be_moved(planned: pd.DataFrame) -> None:
    """The plan is complete for another week then, and nothing else changes."""
    lines = template(planned)
    covers = next(row for row in lines if row["unit"] == "Чайковский" and not row["starts_on"])
    assert covers["covers_through"] == date(2026, 12, 20)
    covers["covers_through"] = date(2026, 12, 27)
    found = sent_back(lines, planned)
    after, before = state(stored(_as_file(planned), found), LATER), state(planned, RUN_AT)
    assert before[3][2] == [True] * 4 + [False] * 4
    assert after[3][2] == [True] * 5 + [False] * 3
    assert after[3][:2] == before[3][:2]
    assert after[:3] == before[:3]


def test_a_promotion_added_to_a_template_is_one_more(planned: pd.DataFrame) -> None:
    """Its template cell is empty; without covers_through it says nothing of other days."""
    own: dict[str, object] = dict.fromkeys(template(planned)[0]) | {
        "unit": "Пермь",
        "channel": "KA",
        "SKU_ID": "B2",
        "starts_on": date(2026, 12, 7),
        "ends_on": date(2026, 12, 13),
        "discount_perc": 15,
    }
    found = sent_back([*template(planned), own], planned)
    assert len(found.rows) == 1
    after, before = state(stored(_as_file(planned), found), LATER), state(planned, RUN_AT)
    assert after[1][0][2] == 15
    assert [after[place] for place in (0, 2, 3)] == [before[place] for place in (0, 2, 3)]


def test_a_refused_line_ends_nothing(planned: pd.DataFrame) -> None:
    """The line that is missing may be the one that cannot be read; it is said that it stays."""
    lines = template(planned)
    next(row for row in lines if row["plan_id"] == "BF-1")["SKU_ID"] = "A-1?"
    found = sent_back(lines, planned)
    assert len(found.rejected) == 1
    assert len(found.rows) == 0
    assert found.notes[0].startswith(
        "1 promotion of the template not in the file and kept (Пермь/KA/A1 from 2026-11-30)"
    )


def test_the_template_of_an_empty_plan_is_two_examples() -> None:
    """They are never promotions, whatever is changed in them but the unit's name; alone they change nothing."""
    lines = template(empty(PROMOTIONS))
    assert [row["unit"] for row in lines] == ["EXAMPLE", "EXAMPLE"]
    found = sent_back(lines, empty(PROMOTIONS))
    assert found.says_nothing
    assert found.notes == ["2 examples of the template left out"]
    lines[0] |= {"discount_perc": 35, "unit": "example ", "note": None, "starts_on": date(2026, 12, 1)}
    assert sent_back(lines, empty(PROMOTIONS)).says_nothing
    lines[0]["unit"] = "Пермь"
    assert (sent_back(lines, empty(PROMOTIONS)).rows["discount_perc"].max()) == 35


def random_file(chance: random.Random, at: datetime) -> PlanFile:
    """Return a planner's file of some promotions, some with `*`, of one unit or all, complete for some names."""
    lines = []
    for _ in range(chance.randint(1, 4)):
        each = chance.choice(KNOWN)
        unit, channel, sku_id = (part if chance.random() < 0.6 else ALL for part in each.parts)
        start = date(2026, 11, 25) + timedelta(days=chance.randint(-3, 30))
        end = start + timedelta(days=chance.randint(0, 12))
        percent = str(chance.randint(100, 9900) / 100)
        days = {"starts_on": str(start), "ends_on": str(max(end, date(2026, 11, 25)))}
        lines.append(
            line(
                unit=unit,
                channel=channel,
                SKU_ID=sku_id,
                discount_perc=percent,
                covers_through=chance.choice(["2027-01-10"]),
                **days,
            )
        )
    if chance.random() < 0.5:
        lines.append(nothing_else(chance.choice([ALL, "Пермь"])).replace("2026-12-31", "2027-01-10"))
    return plan(*lines, run_at=at)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_any_plan_comes_back_as_it_was_and_any_change_is_one(seed: int) -> None:
    """Of plans of three random files: unchanged no row; with a line deleted only that promotion's days differ."""
    chance = random.Random(seed)
    rows = stored(*(random_file(chance, RUN_AT - timedelta(days=days)) for days in (2, 1, 0)))
    lines = template(rows)
    assert sent_back(lines, rows).says_nothing
    written = [row for row in lines if row["starts_on"]]
    # the lines alone, as a file of their own, would say the same: what holds is in the template, and nothing else
    promotions_alone = sent_back(
        [row | {"template": None, "covers_through": date(2027, 1, 10)} for row in lines], empty(PROMOTIONS), RUN_AT
    )
    mine, theirs = state(promotions_alone.rows, RUN_AT), state(rows, RUN_AT)
    if not len(promotions_alone.rejected):
        assert [each[:2] for each in mine] == [each[:2] for each in theirs]
    if not written:
        return
    gone = chance.choice(written)
    gone["cancelled"] = "yes"
    after, before = cells(stored(_as_file(rows), sent_back(lines, rows)), LATER), cells(rows, RUN_AT)
    inside = np.array(
        [
            all(gone[k] in (ALL, part) for k, part in zip(("unit", "channel", "SKU_ID"), each.parts, strict=True))
            for each in KNOWN
        ]
    )
    is_other = np.ones(before.shape, dtype=bool)
    first = WEEKS[0] - timedelta(days=6)
    begin, end = ((gone[name] - first).days for name in ("starts_on", "ends_on"))  # type: ignore[operator]
    is_other[inside, max(begin, 0) : end + 1] = False
    assert np.array_equal(after[is_other], before[is_other])
    assert not (after[~is_other] == float(str(gone["discount_perc"]))).any()


def cells(rows: pd.DataFrame, at: datetime) -> np.ndarray:
    """Return the depth of every combination and day, -1 where nothing is said."""
    weeks = [[label - timedelta(days=6 - day) for day in range(7)] for label in WEEKS]
    first = weeks[0][0]
    made = Plan(rows, KNOWN, usual=dict.fromkeys(KNOWN, 17.0))
    said, *_ = made._by_day(made._known(at), first, 7 * len(WEEKS))
    return np.nan_to_num(said, nan=-1.0)
