"""Overrides on forecasts: which one counts, what it makes of a number, how a group's total is spread."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.core.combination import KEY
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import empty, validate
from skucast.forecast.overriding import Overridden, overridden
from skucast.regressors.overrides import holding, said_of, still_said

SAID_AT = pd.Timestamp("2026-11-25 09:00").to_pydatetime()
TODAY = date(2026, 11, 26)
WEEKS = [pd.Timestamp("2026-11-29"), pd.Timestamp("2026-12-06")]
NAMES = [("Пермь", "KA", "A1"), ("Пермь", "KA", "B2"), ("Пермь", "TF", "A1"), ("Чайковский", "KA", "A1")]


def word(scope: str, kind: str | None = "=", value: float | None = 0.0, **other: object) -> dict[str, object]:
    """Return a row of the overrides about the first week, said by Anna on Wednesday."""
    usual: dict[str, object] = {
        "override_id": f"{scope} {kind} {value}",
        **dict(zip(KEY, scope.split("/"), strict=True)),
        "ds_from": WEEKS[0],
        "ds_to": WEEKS[0],
        "kind": kind,
        "value": value,
        "reason": "event",
        "author": "Anna",
        "known_from": SAID_AT,
        "cancelled": False,
    }
    return usual | other


def table(*words: dict[str, object]) -> pd.DataFrame:
    """Return the words as rows of their table."""
    return validate(OVERRIDES, pd.DataFrame(list(words))) if words else empty(OVERRIDES)


def forecasts(yhat: Sequence[float] = (10, 20, 30, 40), status: str | Sequence[str] = "ok") -> pd.DataFrame:
    """Return a forecast of two weeks of the four combinations, the same in both."""
    first = pd.DataFrame(NAMES, columns=KEY).assign(yhat=np.array(yhat, dtype="float64"), status=status)
    rows = pd.concat([first.assign(ds=week) for week in WEEKS], ignore_index=True)
    return rows.assign(yhat_lower=rows["yhat"] * 0.5, yhat_upper=rows["yhat"] * 2)


def made(*words: dict[str, object], rows: pd.DataFrame | None = None, today: date = TODAY) -> Overridden:
    """Return what the words make of the forecast at the end of a day."""
    held = holding(table(*words), datetime.combine(today, datetime.max.time()), today)
    return overridden(forecasts() if rows is None else rows, said_of(held, WEEKS))


def first_week(found: Overridden) -> list[float]:
    """Return the numbers that count in the first week, by combination."""
    return found.rows.loc[found.rows["ds"] == WEEKS[0], "final"].round(6).tolist()


def test_without_an_override_the_model_s_number_counts() -> None:
    """`final` is yhat with its interval, and no override is named."""
    rows = made().rows
    assert rows["final"].tolist() == rows["yhat"].tolist()
    assert rows["final_upper"].tolist() == rows["yhat_upper"].tolist()
    assert rows["override_id"].isna().all()
    assert rows["override_effect"].isna().all()


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [("=", 25, 25), ("+", 5, 15), ("+", -4, 6), ("+", -40, 0), ("%", 50, 15), ("%", -100, 0), ("=", 0, 0)],
)
def test_a_word_about_one_combination(kind: str, value: float, wanted: float) -> None:
    """It changes its week alone, never to less than 0; the model's number stays, the interval keeps its ratio to it."""
    rows = made(word("Пермь/KA/A1", kind, value, override_id="mine")).rows
    own = rows.iloc[0]
    assert (own["final"], own["yhat"], own["override_id"]) == (wanted, 10, "mine")
    assert own["override_effect"] == wanted - 10
    assert (own["final_lower"], own["final_upper"]) == (wanted / 2, wanted * 2)
    assert rows["final"].tolist()[1:] == rows["yhat"].tolist()[1:]


@pytest.mark.parametrize(
    ("scope", "kind", "value", "wanted"),
    [
        ("Пермь/*/*", "=", 120, [20, 40, 60, 40]),
        ("Пермь/KA/*", "+", 15, [15, 30, 30, 40]),
        ("*/*/A1", "%", -50, [5, 20, 15, 20]),
        ("*/*/*", "=", 50, [5, 10, 15, 20]),
        ("*/KA/*", "+", -1000, [0, 0, 30, 0]),
    ],
)
def test_a_group_s_word_is_spread_by_forecast_share(scope: str, kind: str, value: float, wanted: list[float]) -> None:
    """The group's total becomes the value, gains it, or so many percent; each keeps its share."""
    assert first_week(made(word(scope, kind, value))) == wanted


def test_where_a_group_s_forecasts_are_all_0_it_is_spread_evenly_over_what_is_sold() -> None:
    """Over all of them where nothing is; there is no interval then."""
    rows = forecasts([0, 0, 0, 40], ["ok", "inactive", "ok", "ok"])
    found = made(word("Пермь/*/*", "=", 30), rows=rows)
    assert first_week(found) == [15, 0, 15, 40]
    assert np.isnan(found.rows["final_upper"].iloc[0])
    assert first_week(made(word("Пермь/*/*", "+", 30), rows=forecasts([0, 0, 0, 40], "inactive"))) == [10, 10, 10, 40]
    assert first_week(made(word("Пермь/*/*", "%", 30), rows=rows)) == [0, 0, 0, 40]


def test_a_narrower_scope_beats_a_wider_one_whenever_it_was_said() -> None:
    """The group's total counts what the narrower one has settled; + and % are about the rest of the group."""
    one = word("Пермь/KA/A1", "=", 60)
    later = SAID_AT + timedelta(hours=1)
    assert first_week(made(one, word("Пермь/*/*", "=", 120, known_from=later))) == [60, 24, 36, 40]
    assert first_week(made(one, word("Пермь/*/*", "+", 50, known_from=later))) == [60, 40, 60, 40]
    assert first_week(made(one, word("Пермь/*/*", "%", 100, known_from=later))) == [60, 40, 60, 40]
    assert first_week(made(word("Пермь/KA/*", "=", 90), word("*/*/*", "=", 160, known_from=later))) == [30, 60, 30, 40]


def test_of_equally_narrow_scopes_the_one_known_last_counts() -> None:
    """Where they meet; the other one keeps the rest of its combinations."""
    unit, article = word("Пермь/*/*", "%", 100), word("*/*/A1", "=", 8, known_from=SAID_AT + timedelta(hours=1))
    assert first_week(made(unit, article)) == [1, 40, 3, 4]


def test_of_the_same_scope_the_newest_statement_counts_week_by_week() -> None:
    """An older one holds in the weeks that the newer one does not speak of; one that cancels leaves its weeks free."""
    both = word("Пермь/KA/A1", "=", 50, ds_to=WEEKS[1], override_id="old")
    newer = word("Пермь/KA/A1", "=", 70, known_from=SAID_AT + timedelta(hours=1), override_id="new")
    rows = made(both, newer).rows
    assert rows["override_id"].dropna().tolist() == ["new", "old"]
    cleared = {**newer, "cancelled": True, "known_from": SAID_AT + timedelta(hours=2)}
    assert made(both, newer, cleared).rows["override_id"].dropna().tolist() == ["old"]
    assert first_week(made(both, newer, cleared)) == [10, 20, 30, 40]


def test_a_row_of_the_same_name_takes_the_place_of_the_one_before() -> None:
    """Also if it is about other weeks or names."""
    old = word("Пермь/KA/A1", "=", 50, override_id="x")
    new = word("Пермь/KA/B2", "=", 60, override_id="x", known_from=SAID_AT + timedelta(hours=1))
    assert first_week(made(old, new)) == [10, 60, 30, 40]


def test_a_day_of_the_past_knows_what_was_said_by_then() -> None:
    """Neither an override nor its cancellation of a later day; one that expires on a day holds on it."""
    until = word("Пермь/KA/A1", "=", 50, expires_on=TODAY)
    assert first_week(made(until))[0] == 50
    assert first_week(made(until, today=TODAY + timedelta(days=1)))[0] == 10
    assert first_week(made(until, today=date(2026, 11, 24)))[0] == 10
    cleared = {**until, "cancelled": True, "known_from": SAID_AT + timedelta(days=2)}
    assert first_week(made(until, cleared))[0] == 50


def test_once_the_newer_one_has_expired_the_older_one_holds_again() -> None:
    """But a newer version of the same override is no other one: with it, it is over."""
    older = word("Пермь/KA/A1", "=", 50, override_id="older")
    newer = word("Пермь/KA/A1", "=", 70, override_id="newer", known_from=SAID_AT + timedelta(hours=1), expires_on=TODAY)
    tomorrow = TODAY + timedelta(days=1)
    assert first_week(made(older, newer, today=tomorrow))[0] == 50
    assert first_week(made(older, {**newer, "override_id": "older"}, today=tomorrow))[0] == 10


def test_what_an_override_cannot_do_is_named() -> None:
    """It is about nothing that is forecast; narrower ones have settled all of it; its total is less than they take."""
    one, group = word("Чайковский/KA/A1", "=", 60, override_id="one"), word("Чайковский/*/*", "+", 5, override_id="all")
    found = made(one, group, word("Пермь/KA/none", "=", 5, override_id="none"))
    assert (found.unmet, found.overruled, found.short) == (["none"], ["all"], [])
    found = made(one, word("*/KA/*", "=", 50, override_id="less"), word("Пермь/TF/A1", "+", -31, override_id="below"))
    assert first_week(found) == [0, 0, 0, 60]
    assert sorted(found.short) == ["below", "less"]


MASKS = list(product([True, False], repeat=3))
SCOPES = st.sampled_from(
    ["/".join(part if kept else "*" for part, kept in zip(each, mask, strict=True)) for each in NAMES for mask in MASKS]
)
NUMBERS = st.floats(0, 1e6)


@settings(max_examples=40, deadline=None)
@given(scope=SCOPES, total=NUMBERS, yhat=st.lists(NUMBERS, min_size=4, max_size=4))
def test_a_group_s_numbers_add_up_to_its_value(scope: str, total: float, yhat: list[float]) -> None:
    """Whatever is forecast: each is 0 or more, and those outside the group keep theirs."""
    rows = made(word(scope, "=", total), rows=forecasts(yhat)).rows.iloc[:4]
    mine = rows["override_id"].notna()
    assert rows.loc[mine, "final"].sum() == pytest.approx(total, rel=1e-9, abs=1e-9)
    assert (rows["final"] >= 0).all()
    assert (rows.loc[~mine, "final"] == rows.loc[~mine, "yhat"]).all()


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.tuples(SCOPES, st.sampled_from("=+%"), st.floats(-100, 1000), st.integers(0, 9)), max_size=8),
    yhat=st.lists(NUMBERS, min_size=4, max_size=4),
)
def test_the_order_in_which_rows_stand_makes_no_difference(
    words: list[tuple[str, str, float, int]], yhat: list[float]
) -> None:
    """Nor do several overrides at once ever give less than 0, or what is no number."""
    said = [
        word(scope, kind, abs(value) if kind == "=" else value, override_id=str(place),
             known_from=SAID_AT + timedelta(minutes=minutes))
        for place, (scope, kind, value, minutes) in enumerate(words)
    ]  # fmt: skip
    rows = made(*said, rows=forecasts(yhat)).rows
    again = made(*reversed(said), rows=forecasts(yhat)).rows
    assert again["final"].tolist() == pytest.approx(rows["final"].tolist())
    assert np.isfinite(rows["final"]).all()
    assert (rows["final"] >= 0).all()


def test_what_newer_words_say_holds_no_longer() -> None:
    """A word that a newer one of the same names replaces in all its weeks is none; one that has a week left is."""
    newer = word("Пермь/*/*", "=", 9, known_from=SAID_AT + timedelta(hours=1))
    longer = word("Пермь/*/*", "=", 5, ds_to=WEEKS[1])
    over = word("*/*/*", "=", 7, ds_from=WEEKS[0] - timedelta(weeks=2), ds_to=WEEKS[0] - timedelta(weeks=1))

    def ids(*words: dict[str, object]) -> list[object]:
        held = holding(table(*words), datetime.combine(TODAY, datetime.max.time()), TODAY)
        return list(still_said(held, WEEKS[0] - timedelta(weeks=1))["override_id"])

    assert ids(word("Пермь/*/*", "=", 4), newer, over) == [newer["override_id"]]
    assert ids(longer, newer) == [longer["override_id"], newer["override_id"]]
    assert ids() == []
