"""Groups on the work list: what is wrong alike is one line, with the volume of all; files of an inbox are one."""

from __future__ import annotations

from datetime import date

import pandas as pd
from builders import CUTOFF, WEDNESDAY
from work_lines import alert, lines, note, notes, refused, trained

from skucast.core.combination import KEY
from skucast.scorecard.work_list import names_of
from skucast.scorecard.work_memory import mended_by_training, remembered, resting_alerts

NOW = pd.Timestamp(WEDNESDAY) + pd.Timedelta(hours=20)
UNITS = ("Пермь", "Казань", "Уфа", "Самара", "Омск")
ARTICLES = ("A1", "B2", "C3", "D4", "E5", "F6")
FORECAST = pd.DataFrame([(unit, "KA", sku) for unit in UNITS for sku in ARTICLES], columns=KEY)


def one(unit: str, sku: str, volume: float = 100.0, **changed: object) -> dict[str, object]:
    """Return an alert of an article in a unit."""
    return alert((unit, "KA", sku), lost_volume=volume, alert_id=f"wape-{unit}-{sku}", **changed)


def test_an_article_that_is_wrong_in_nearly_all_units_is_one_line() -> None:
    """Four of five: with the volume of all, the largest first, and all names by which people may call it."""
    wrong = [one(unit, "A1", 100.0 + number) for number, unit in enumerate(UNITS[:4])]
    found = lines(*wrong, one("Омск", "B2", 350.0), forecast=FORECAST)
    assert found["about"].tolist() == ["*/*/A1", "Омск/KA/B2"]
    group = found.iloc[0]
    assert (group["kind"], group["at_stake"], group["size"]) == ("group", 406.0, 406.0)
    assert group[KEY].tolist() == ["*", "*", "A1"]
    assert group["why"] == (
        "the article is wrong in 4 of its 5 units and channels, most in "
        "Самара/KA/A1 (103), Уфа/KA/A1 (102), Казань/KA/A1 (101)"
    )
    assert group["command"].startswith("python retrain_models.py --target 'Самара/KA/A1, Уфа/KA/A1")
    every = lines(*(one(unit, "A1") for unit in UNITS), forecast=FORECAST)
    assert every["command"].tolist() == ["python retrain_models.py --target '*/*/A1'"]
    assert {"*/*/A1", "Пермь/KA/A1", "wape-Уфа-A1", group["line_id"]} <= names_of(group)


def test_a_unit_that_is_wrong_in_nearly_all_articles_is_one_line() -> None:
    """And an article that is wrong elsewhere too stays a line of its own where two are left."""
    wrong = [one("Пермь", sku) for sku in ARTICLES[:5]]
    also = [one("Казань", "A1"), one("Уфа", "A1")]
    found = lines(*wrong, *also, forecast=FORECAST)
    assert set(found["about"]) == {"Пермь/*/*", "Казань/KA/A1", "Уфа/KA/A1"}
    assert found.iloc[0]["why"].startswith("5 of 6 forecasts of the unit are wrong, most ")


def test_what_is_wrong_here_and_there_is_no_group() -> None:
    """Three of five articles' units, two of two, and where nobody knows what is forecast."""
    here = [one(unit, "A1") for unit in UNITS[:3]]
    assert set(lines(*here, forecast=FORECAST)["kind"]) == {"combination"}
    two = pd.DataFrame([("Пермь", "KA", "A1"), ("Казань", "KA", "A1")], columns=KEY)
    assert set(lines(*here[:2], forecast=two)["kind"]) == {"combination"}
    assert set(lines(*here)["kind"]) == {"combination"}


def test_a_group_keeps_its_name_and_what_was_said_of_it() -> None:
    """While its parts come and go; it is back when it is clearly worse, not for one that joins."""
    first = lines(*(one(unit, "A1", weeks=3) for unit in UNITS[:4]), forecast=FORECAST)
    (line_id,) = first["line_id"]
    said = notes(note(line_id, size=400.0, owner="Boris"))
    more = lines(*(one(unit, "A1", weeks=3) for unit in UNITS[:4]), one("Омск", "A1"), forecast=FORECAST)
    assert more["line_id"].tolist() == [line_id]
    found = remembered(more, said, NOW, WEDNESDAY, 20).iloc[0]
    assert (found["state"], found["owner"]) == ("done", "Boris")
    assert resting_alerts(remembered(more, said, NOW, WEDNESDAY, 20)) == {f"wape-{unit}-A1" for unit in UNITS}
    worse = lines(*(one(unit, "A1", 200.0, weeks=3) for unit in UNITS), forecast=FORECAST)
    assert remembered(worse, said, NOW, WEDNESDAY, 20).iloc[0]["back"] == "worse"


def test_of_a_group_only_what_may_be_mended_is_trained() -> None:
    """One that was trained since its alert is not in the command, nor among those that training mends."""
    wrong = [one(unit, "A1") for unit in UNITS]
    found = lines(*wrong, forecast=FORECAST, trained=trained(("Пермь", "KA", "A1"), CUTOFF))
    command = found["command"].item()
    assert "Казань/KA/A1" in command
    assert "Пермь/KA/A1" not in command
    known = remembered(found, notes(), NOW, WEDNESDAY, 20)
    assert mended_by_training(known) == {f"{unit}/KA/A1" for unit in UNITS[1:]}


def test_refused_files_of_an_inbox_are_one_line_after_what_has_volume() -> None:
    """With their number and the newest names; they stay on a list that has no room, and hide only what is last."""
    ten = [(f"overrides/{number}.xlsx", "1 of 2 rows refused", date(2026, 11, 14 + number)) for number in range(10)]
    plan = ("plan.doc", "plan.doc: no line below a header", date(2026, 11, 20))
    wrong = [one(unit, sku, 10.0 * number) for number, sku in enumerate(ARTICLES[:2], 1) for unit in UNITS[:3]]
    found = lines(*wrong, forecast=FORECAST, refused=refused(*ten, plan))
    assert found["kind"].tolist() == [*["combination"] * 6, "file", "file"]
    overrides, promotions = found[found["kind"] == "file"].to_dict("records")
    assert overrides["why"] == (
        "10 files were refused, the newest: 9.xlsx, 8.xlsx, 7.xlsx; of the newest: 1 of 2 rows refused"
    )
    assert overrides["to_do"] == "Correct the rows that came back, and send them again."
    assert {"overrides/0.xlsx", "overrides/rejected"} <= names_of(overrides)
    assert (promotions["about"], promotions["why"]) == ("plan.doc", "plan.doc: no line below a header")
    assert promotions["to_do"] == "Nothing of it could be read: correct the file, and send it again."
    short = remembered(found, notes(), NOW, WEDNESDAY, 4)
    assert short.loc[short["is_listed"], "kind"].tolist() == ["combination", "combination", "file", "file"]
    assert short["rank"].tolist() == list(range(1, 9))
