"""Files of predecessors: what becomes a row, what comes back, and which articles are like which in the end."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from skucast.core.combination import Combination
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.tables.validation import validate
from skucast.core.weeks import WeekClock
from skucast.regressors.predecessor_files import read_predecessors
from skucast.regressors.predecessors import Link, links_of, usable_links
from skucast.regressors.promotion_files import PlanFile

NOW = datetime.fromisoformat("2026-11-25 06:00")
OLD, OLD_TRADE, OTHER = (
    Combination("Пермь", "KA", "OLD"),
    Combination("Пермь", "TT", "OLD"),
    Combination("Уфа", "KA", "X"),
)
KNOWN = [OLD, OLD_TRADE, OTHER]
HEADER = "unit,channel,SKU_ID,like_unit,like_channel,like_SKU_ID,weight,scale,phase_out_from"


def read(*lines: str, header: str = HEADER) -> PlanFile:
    """Return what a file of these lines says."""
    return read_predecessors("new.csv", "\n".join([header, *lines]).encode(), KNOWN, NOW, WeekClock())


def test_a_line_becomes_a_row_known_from_now() -> None:
    """With a decimal comma, percent and a Russian day; names in the spelling of the sales; the rest stays empty."""
    header = HEADER.replace(",", ";")
    found = read("Пермь;KA;NEW;;;old;0,5;50%;01.12.2026", "*;*;NEW;;;OLD;;;", header=header)
    assert found.rejected.empty
    first, second = found.rows.to_dict("records")
    assert (first["like_SKU_ID"], first["weight"], first["scale"]) == ("OLD", 0.5, 0.5)
    assert first["phase_out_from"] == pd.Timestamp("2026-12-01")
    assert first["known_from"] == pd.Timestamp(NOW)
    assert pd.isna(second["weight"])
    assert pd.isna(second["like_unit"])
    assert found.separator == ";"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Пермь,KA,,,,OLD,,,", "SKU_ID is empty"),
        ("Пермь,KA,NEW,,,,,,", "like_SKU_ID is empty"),
        ("Пермь,KA,NEW,,,NONE,,,", "Пермь/KA/NONE has no sales to be like (closest: "),
        ("Пермь,KA,OLD,,,OLD,,,", "an article cannot be like itself"),
        ("Пермь,KA,NE*,,,OLD,,,", "SKU_ID 'NE*': only a * alone stands for all"),
        ("Пермь,KA,NEW,,,OLD,many,,", "weight 'many' is no number such as 0.5 or 0,5"),
        ("Пермь,KA,NEW,,,OLD,-1,,", "weight -1 is not 0 or more"),
        ("Пермь,KA,NEW,,,OLD,,0,", "scale 0 is not above 0"),
        ("Пермь,KA,NEW,,,OLD,,,soon", "phase_out_from 'soon' is no day such as 2026-11-25 or 25.11.2026"),
        ("Пермь,KA,NEW,,,OLD,,,2031-01-01", "phase_out_from 2031-01-01 is more than 2 years away"),
        ("Пермь,KA,NEW,,,OLD,#N/A,,", "weight holds '#N/A', an error or a formula without a result"),
        ("Пермь,KA,NEW,,,OLD,,,,1", "more cells than columns"),
    ],
)
def test_a_row_that_cannot_be_used_comes_back_with_its_reason(line: str, reason: str) -> None:
    """The other rows are taken."""
    found = read(line, "Пермь,TT,NEW,,,OLD,,,")
    assert len(found.rows) == 1
    assert found.rejected["line"].tolist() == ["2"]
    assert found.rejected["reason"].iloc[0].startswith(reason)


def test_two_rows_about_the_same_two_articles_are_one_too_many() -> None:
    """The same again is a duplicate, something else a contradiction; without a needed column nothing is read."""
    found = read(*["Пермь,KA,NEW,,,OLD,1,,"] * 2, "Пермь,KA,NEW,,,OLD,2,,")
    assert found.rejected["reason"].tolist() == [
        "the same as line 2",
        "says of the same two articles something else than line 2",
    ]
    assert found.n_repeated == 1
    nothing = read("Пермь,KA", header="unit,channel")
    assert nothing.rejected["reason"].tolist() == ["the file has no column SKU_ID, like_SKU_ID"]


def test_what_is_known_may_be_older_than_the_file() -> None:
    """Not younger than now."""
    header = f"{HEADER},known_from"
    found = read("Пермь,KA,NEW,,,OLD,,,,2026-11-01", "Пермь,KA,B,,,OLD,,,,2026-12-01", header=header)
    assert found.rows["known_from"].tolist() == [pd.Timestamp("2026-10-31 21:00")]
    assert found.rejected["reason"].tolist() == ["known_from 2026-12-01 is in the future"]


# --- Which articles are like which ------------------------------------------------------------------------------------


def said(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return rows of the table, as they are by default one about NEW in Пермь/KA."""
    usual = {"unit": "Пермь", "channel": "KA", "SKU_ID": "NEW", "like_SKU_ID": "OLD", "known_from": NOW}
    return validate(PREDECESSORS, pd.DataFrame([usual | row for row in rows]))


def links(*rows: dict[str, Any], at: datetime = NOW, active: list[Combination] = KNOWN) -> list[Link]:
    """Return what these rows say at a moment."""
    return links_of(usable_links(said(*rows), KNOWN)[0], KNOWN, at, active)


def pairs(found: list[Link]) -> list[tuple[str, str, float]]:
    return [(str(each.successor), str(each.reference), each.weight) for each in found]


def test_what_is_not_said_of_the_other_article_is_as_of_the_new_one() -> None:
    """Unit and channel are those of the successor; weight and scale are 1; no phase-out."""
    (found,) = links({})
    assert found == Link(Combination("Пермь", "KA", "NEW"), OLD, known_from=NOW)


def test_a_star_is_every_unit_and_channel_that_has_the_other_article() -> None:
    """A new article wherever the old one sells; a new unit with all that another one sells; like all of them."""
    star = {"unit": "*", "channel": "*"}
    assert pairs(links(star)) == [("Пермь/KA/NEW", "Пермь/KA/OLD", 1.0), ("Пермь/TT/NEW", "Пермь/TT/OLD", 1.0)]
    opened = {"unit": "Казань", "channel": "*", "SKU_ID": "*", "like_unit": "Пермь", "like_SKU_ID": "*"}
    assert pairs(links(opened)) == [("Казань/KA/OLD", "Пермь/KA/OLD", 1.0), ("Казань/TT/OLD", "Пермь/TT/OLD", 1.0)]
    assert pairs(links({"like_channel": "*"})) == [
        ("Пермь/KA/NEW", "Пермь/KA/OLD", 1.0),
        ("Пермь/KA/NEW", "Пермь/TT/OLD", 1.0),
    ]


def test_a_star_makes_nothing_new_of_what_is_not_sold_any_more() -> None:
    """A line that names all may: somebody knows."""
    assert pairs(links({"unit": "*", "channel": "*"}, active=[OLD_TRADE])) == [("Пермь/TT/NEW", "Пермь/TT/OLD", 1.0)]
    assert len(links({}, active=[])) == 1


def test_the_newest_statement_counts_and_a_name_before_a_star() -> None:
    """Weight 0 withdraws; nothing counts before it was said."""
    later, earlier = NOW + timedelta(days=1), NOW - timedelta(days=1)
    assert pairs(links({"weight": 2.0}, {"weight": 3.0, "known_from": later}, at=later))[0][2] == 3.0
    assert pairs(links({"weight": 2.0}, {"weight": 3.0, "known_from": later}))[0][2] == 2.0
    assert links({"known_from": earlier}, {"weight": 0.0}) == []
    assert links({"known_from": later}) == []
    named = pairs(links({"weight": 5.0}, {"unit": "*", "channel": "*", "weight": 2.0}))
    assert named == [("Пермь/KA/NEW", "Пермь/KA/OLD", 5.0), ("Пермь/TT/NEW", "Пермь/TT/OLD", 2.0)]


def test_rows_that_mean_nothing_are_counted_and_passed_over() -> None:
    """A table that people keep may have anything in it."""
    rows = said(
        {"unit": None},
        {"weight": -1.0},
        {"scale": 0.0},
        {"like_SKU_ID": "NONE"},
        {"known_from": None},
        {"phase_out_from": date(2026, 12, 1)},
    )
    usable, wrong = usable_links(rows, KNOWN)
    assert len(usable) == 1
    assert wrong == {
        "names or known_from missing": 2,
        "weight below 0": 1,
        "scale not above 0": 1,
        "like an article without sales": 1,
    }
    assert links_of(usable.head(0), KNOWN, NOW, KNOWN) == []
    assert usable_links(rows.head(0), KNOWN)[1] == {}
    (found,) = links_of(usable, KNOWN, NOW, KNOWN)
    assert found.phase_out_from == date(2026, 12, 1)
