"""Types of promotions: of a week as it was sold, of a week as it is planned, in one spelling."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, history_of, line, series, sunday
from plans import CLOCK, KNOWN, RUN_AT, plan

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.tables.validation import validate
from skucast.regressors.promotion_files import read_plan
from skucast.regressors.promotions import Plan
from skucast.sales.joining import joined
from skucast.sales.loading import read_file
from skucast.sales.promo_types import one_spelling, types_of_weeks

A1 = Combination("Пермь", "KA", "A1")
WEEKS = [date(2026, 12, 6), date(2026, 12, 13)]
HEADER = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through,promo_type"


def of_week(*days: tuple[str | None, dict[str, Any]], back: int = 0) -> list[dict[str, Any]]:
    """Return the lines of one week, a day each from its Sunday backwards: type and what else a line has."""
    return [line(sunday(back) - timedelta(days=n), 5, promo_type=kind, **more) for n, (kind, more) in enumerate(days)]


def test_a_week_has_the_type_of_most_of_its_promoted_days(warehouse, run):
    """Spellings are joined, the most frequent is shown; what is not promoted, or returned, says nothing."""
    deal, flag = {"promo": 20}, {"is_promo": True}
    lines = [
        *of_week(("Leaflet", deal), ("leaflet ", deal), ("display", flag), back=2),
        *of_week(("Leaflet", flag), ("deal", {}), ("deal", {}), ("Leaflet", deal), back=1),
        *of_week(("display", {"is_promo": False}), (None, deal)),
        *[line(sunday(back), 5) for back in range(3, 6)],
    ]
    history = history_of(warehouse, lines, run)
    assert [kind if isinstance(kind, str) else None for kind in series(history, "promo_type")][-3:] == [
        "Leaflet",
        "Leaflet",
        None,
    ]


def test_without_types_every_week_has_none(warehouse, run):
    """As before there was such a column."""
    history = history_of(warehouse, [line(sunday(back), 5, promo=20) for back in range(5)], run)
    assert history.weeks["promo_type"].isna().all()


def test_types_of_weeks():
    """Of several with as many days the first by the alphabet counts; the index stays."""
    found = types_of_weeks(pd.Series(["b\na", None, "B\nb\na", "c"], index=[3, 5, 7, 9]))
    assert found.dropna().to_dict() == {3: "a", 7: "b", 9: "c"}
    assert types_of_weeks(pd.Series([None, None], dtype="object")).isna().all()


def test_a_type_is_shown_as_the_sales_spell_it():
    """Known spellings first, else the first one."""
    assert one_spelling(["DEAL", "deal", "tv", "TV "], ["Deal"]) == {
        "DEAL": "Deal",
        "deal": "Deal",
        "tv": "tv",
        "TV ": "tv",
    }


def test_the_types_of_two_spellings_of_an_article_are_added(warehouse, run):
    """As their days are."""
    lines = of_week(("a", {"promo": 20}), ("b", {"promo": 20})) + of_week(("b", {"promo": 20}))[:1]
    lines[-1] |= {"SKU_ID": "a1"}
    history_of(warehouse, lines, run)
    weekly = warehouse.weekly_sales(CLOCK, CUTOFF)
    (text,) = joined(weekly, {"SKU_ID": {"a1": "A1"}})["promo_types"]
    assert sorted(text.split("\n")) == ["a", "b", "b"]


def test_a_file_of_sales_keeps_it_as_delivered(tmp_path):
    """Free text of up to 100 characters."""
    path = tmp_path / "sales.csv"
    header = "date,unit,channel,SKU_ID,quantity,is_promo,promo_type"
    path.write_text(f"{header}\n2026-11-16,P,KA,A,1,1,2 for 1\n2026-11-17,P,KA,A,1,0,\n", encoding="utf-8")
    assert read_file(path, SALES, {})[0]["promo_type"].tolist()[0] == "2 for 1"
    path.write_text(f"{header}\n2026-11-16,P,KA,A,1,1,{'x' * 101}\n", encoding="utf-8")
    with pytest.raises(InputError, match="promo_type has at most 100 characters"):
        read_file(path, SALES, {})


# --- The plan ---------------------------------------------------------------------------------------------------------


def types_of(rows: pd.DataFrame, known: tuple[str, ...] = ()) -> list[str | None] | None:
    """Return the types of the two weeks, as a plan with these rows has them."""
    found = Plan(rows, [A1], types=known).as_of(RUN_AT + timedelta(days=1), WEEKS)[A1].types
    return None if found is None else found.tolist()


def test_a_plan_says_the_type_of_its_weeks():
    """Of a promotion with a discount and of one without; as the sales spell it; a part of the weeks keeps its own."""
    rows = ["Пермь,KA,A1,2026-11-30,2026-12-04,30,2026-12-31, leaflet", "Пермь,KA,A1,2026-12-05,2026-12-06,,,display"]
    found = plan(*rows, "Пермь,*,*,2026-12-08,2026-12-09,20,,tv", header=HEADER)
    assert not len(found.rejected)
    assert types_of(found.rows, ("Leaflet",)) == ["Leaflet", "tv"]
    weeks = Plan(found.rows, [A1]).as_of(RUN_AT, WEEKS)[A1]
    assert [weeks.first(1).types.tolist(), weeks.last(1).types.tolist()] == [["leaflet"], ["tv"]]


def test_a_plan_without_types_says_none():
    """Nothing is made for nobody; and a newer statement without one takes it away."""
    assert types_of(plan("Пермь,KA,A1,2026-11-30,2026-12-04,30,2026-12-31,", header=HEADER).rows) is None
    first = plan("Пермь,KA,A1,2026-11-30,2026-12-06,30,2026-12-31,tv", header=HEADER).rows
    later = plan("Пермь,KA,A1,2026-11-30,2026-12-06,30,2026-12-31,", header=HEADER, run_at=RUN_AT + timedelta(hours=1))
    both = validate(PROMOTIONS, pd.concat([first, later.rows], ignore_index=True))
    assert types_of(both) == [None, None]


def test_a_type_that_is_too_long_comes_back():
    """With its limit; so does what is no value."""
    rows = [f"Пермь,KA,A1,2026-11-30,2026-12-04,30,2026-12-31,{kind}" for kind in ("x" * 101, "#N/A")]
    assert plan(*rows, header=HEADER).rejected["reason"].tolist() == [
        "promo_type has more than 100 characters",
        "promo_type holds '#N/A', an error or a formula without a result",
    ]
    assert len(read_plan("p.csv", f"{HEADER}\n{rows[0][:-60]}".encode(), KNOWN, RUN_AT, CLOCK).rows) == 2
