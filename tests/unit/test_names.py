"""Names of the sales: spellings that are joined, what a joined week is, which one is shown, totals, decisions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, deliver, line, series, sunday, week
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY, Combination
from skucast.core.run import Run
from skucast.core.tables.names import NAMES
from skucast.core.tables.validation import validate
from skucast.core.weeks import SOLD_BY_WEEKDAY, WeekClock
from skucast.sales.history import History, build_history
from skucast.sales.names import NO_NAMES, Names, with_names

CYRILLIC, LATIN = "АРТ00101", "AРT00101"
MONDAY = CUTOFF - timedelta(days=6)
DAYS = [MONDAY + timedelta(days=n) for n in range(7)]


def decisions(*made: tuple[str, str, str, str]) -> pd.DataFrame:
    """Return rows of the table of decisions: part, name, other, decision."""
    rows = pd.DataFrame(made, columns=["part", "name", "other", "decision"])
    return validate(NAMES, rows.assign(decided_at=pd.Timestamp("2026-11-25")))


def named(
    warehouse: DuckDBWarehouse, lines: list[dict[str, Any]], run: Run, decided: pd.DataFrame | None = None
) -> tuple[History, Names]:
    """Return the history of these sales with one name for all spellings of it, and the names."""
    deliver(warehouse, lines, run)
    weekly, names = with_names(warehouse.weekly_sales(WeekClock(), CUTOFF), decided)
    return build_history(weekly, WeekClock(), CUTOFF, names=names), names


# --- Joining --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "old", "new"),
    [
        ("SKU_ID", CYRILLIC, LATIN),
        ("SKU_ID", CYRILLIC, "арт00101"),
        ("channel", "ON TRADE", "ON\u00a0TRADE"),
        ("channel", "KA", "КА"),
        ("unit", "Пермь", "пермь\u200b"),
        ("SKU_ID", "Тёмный шоколад", "Темный шоколад"),
        ("SKU_ID", "9752", "9752.0"),
    ],
)
def test_a_name_that_is_written_otherwise_from_some_week_on_is_one_series(
    warehouse: DuckDBWarehouse, run: Run, column: str, old: str, new: str
) -> None:
    """Six weeks in one spelling and two in another are eight weeks of the first, and one line says so."""
    lines = [each for n in range(8) for each in week(sunday(7 - n), 10 + n, **{column: old if n < 6 else new})]
    history, names = named(warehouse, lines, run)
    (combination,) = history.combinations
    assert getattr(combination, column.lower()) == old
    assert series(history, **{column: old}) == [10.0 + n for n in range(8)]
    (text,) = names.joined
    assert text.startswith(f"{column} {old!r} is also written {new!r} (")
    assert history.report.joined_names == names.joined
    assert names.doubtful == []


def test_a_week_in_two_spellings_is_their_sum(warehouse: DuckDBWarehouse, run: Run) -> None:
    """3 + 4 on one day and 5 on another, with a return of 2: y is 10, and the day counts once."""
    lines = [
        line(DAYS[0], 3, SKU_ID=CYRILLIC),
        line(DAYS[0], 4, SKU_ID=LATIN, promo=20),
        line(DAYS[1], 5, SKU_ID=LATIN),
        line(DAYS[2], -2, SKU_ID=CYRILLIC),
    ]
    history, _ = named(warehouse, lines, run)
    shown = history.combinations[0].sku_id
    assert series(history, SKU_ID=shown) == [10.0]
    assert series(history, "returns_quantity", SKU_ID=shown) == [2.0]
    assert series(history, "promo_days", SKU_ID=shown) == [1.0]


def test_a_day_is_out_of_stock_only_if_every_spelling_is(warehouse: DuckDBWarehouse, run: Run) -> None:
    """The old name stands at stock 0 and sells nothing any more; the new one sells every day: nothing is missing."""
    old = [line(day, 0, SKU_ID=CYRILLIC, stock=0) for day in DAYS]
    new = [line(day, 5, SKU_ID=LATIN, stock=9) for day in DAYS]
    history, _ = named(warehouse, [*week(sunday(1), 30, SKU_ID=CYRILLIC, stock=5), *old, *new], run)
    shown = history.combinations[0].sku_id
    assert series(history, SKU_ID=shown) == [30.0, 35.0]
    assert series(history, "is_stockout", SKU_ID=shown) == [False, False]


SPELT = {LATIN: CYRILLIC, "Пepмь": "Пермь"}
SOLD = st.fixed_dictionaries(
    {
        "day": st.sampled_from([day - timedelta(weeks=n) for day in DAYS for n in range(2)]),
        "unit": st.sampled_from(["Пермь", "Пepмь", "Чайковский"]),
        "SKU_ID": st.sampled_from([CYRILLIC, LATIN, "B2"]),
        "quantity": st.sampled_from([-2.0, 0.0, 1.0, 3.0, None]),
        "promo": st.sampled_from([None, 0.0, 30.0]),
        "stock": st.sampled_from([None, 0.0, 4.0]),
    }
)
MERGED = [("SKU_ID", LATIN, CYRILLIC, "merge"), ("unit", "Пepмь", "Пермь", "merge")]


@pytest.mark.slow
@bounded(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(SOLD, min_size=1, max_size=25))
def test_joined_weeks_are_those_of_one_spelling(
    tmp_path_factory: pytest.TempPathFactory, table_names: dict[str, str], run: Run, lines: list[dict[str, Any]]
) -> None:
    """Summed by spelling and joined, counts and sums are those that the warehouse makes of the lines in one."""
    found = []
    for renamed in (SPELT, {}):
        warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("names") / "w.duckdb", table_names)
        rows = [{name: renamed.get(str(value), value) for name, value in each.items()} for each in lines]
        deliver(warehouse, [line(each.pop("day"), each.pop("quantity"), **each) for each in rows], run)
        weekly, _ = with_names(warehouse.weekly_sales(WeekClock(), CUTOFF), decisions(*MERGED))
        found.append(weekly.sort_values([*KEY, "ds"], ignore_index=True))
    one, joined = found
    exact = [name for name in one if not name.startswith(("spelling", "promo_discount"))]
    pd.testing.assert_frame_equal(joined[exact], one[exact])


# --- Properties of weekly sums --------------------------------------------------------------------------------------

UNITS, CHANNELS = ("Север", "север", "Cевер", "Юг"), ("KA", "КА", "TF")
ARTICLES = (CYRILLIC, LATIN, "арт00101", "9752", "9752.0", "0975")


def weekly_sums(keys: list[tuple[str, str, str, int]], seed: int) -> pd.DataFrame:
    """Return weekly sums of these combinations and weeks, with numbers drawn from the seed."""
    random = np.random.default_rng(seed)
    n = len(keys)
    rows = pd.DataFrame(keys, columns=[*KEY, "week"]).astype(dict.fromkeys(KEY, "str"))
    ds = pd.Timestamp(CUTOFF) - pd.to_timedelta(7 * rows.pop("week"), unit="D")
    bits = {name: random.integers(0, 128, n) for name in ("selling", "promo", "stock", "stockout", "left")}
    spelling = rows["unit"] + "/" + rows["channel"] + "/" + rows["SKU_ID"]
    return rows.assign(
        ds=ds.astype("datetime64[us]"),
        quantity=random.normal(50, 30, n),
        returns_quantity=random.random(n),
        promo_discount_perc=random.uniform(0, 100, n),
        least_discount=np.full(n, 10.0),
        most_discount=np.full(n, 30.0),
        promo_days=np.bitwise_count(bits["promo"]).astype("int64"),
        **{f"{name}_weekdays": values for name, values in bits.items()},
        stock_days=np.bitwise_count(bits["stock"]).astype("int64"),
        stockout_days=np.bitwise_count(bits["stockout"]).astype("int64"),
        **{name: random.random(n) for name in SOLD_BY_WEEKDAY},
        first_date=(ds - pd.Timedelta(days=6)).astype("datetime64[us]"),
        last_date=ds.astype("datetime64[us]"),
        n_lines=random.integers(1, 9, n),
        n_bad_quantity=random.integers(0, 2, n),
        n_bad_discount=random.integers(0, 2, n),
        n_bad_flag=random.integers(0, 2, n),
        no_depth_share=random.uniform(0, 1, n),
        spelling_min=spelling,
        spelling_max=spelling,
        promo_types=random.choice(["a", "b\na", None], n),
    )


KEYS = st.lists(
    st.tuples(st.sampled_from(UNITS), st.sampled_from(CHANNELS), st.sampled_from(ARTICLES), st.integers(0, 9)),
    min_size=1,
    max_size=40,
    unique=True,
)
SEEDS = st.integers(0, 999)
few = bounded(max_examples=15, deadline=None)


@pytest.mark.slow
@few
@given(keys=KEYS, seed=SEEDS)
def test_joining_changes_no_total(keys: list[tuple[str, str, str, int]], seed: int) -> None:
    """Sales, returns and lines of every week stay, whatever is joined, and no name is left twice."""
    weekly = weekly_sums(keys, seed)
    rows, names = with_names(weekly)
    sums = ["quantity", "returns_quantity", "n_lines", "n_bad_quantity", "n_bad_discount", "n_bad_flag"]
    before, after = (each.groupby("ds")[sums].sum() for each in (weekly, rows))
    pd.testing.assert_frame_equal(before, after)
    assert not rows.duplicated([*KEY, "ds"]).any()
    assert set(rows["unit"]) <= set(weekly["unit"])
    assert names.left_out == []


@pytest.mark.slow
@few
@given(keys=KEYS, seed=SEEDS)
def test_joining_twice_joins_nothing_more(keys: list[tuple[str, str, str, int]], seed: int) -> None:
    """What was joined is found in one spelling, and stays as it is."""
    rows, _ = with_names(weekly_sums(keys, seed))
    again, names = with_names(rows)
    pd.testing.assert_frame_equal(again, rows)
    assert names.joined == []


@pytest.mark.slow
@few
@given(keys=KEYS, seed=SEEDS, order=st.randoms(use_true_random=False))
def test_joining_does_not_depend_on_the_order_of_rows(
    keys: list[tuple[str, str, str, int]], seed: int, order: Any
) -> None:
    """Not even in the last digit of a sum, nor does the spelling that is shown."""
    weekly = weekly_sums(keys, seed)
    shuffled = weekly.iloc[order.sample(range(len(weekly)), len(weekly))].reset_index(drop=True)
    by_name = [with_names(each)[0].sort_values([*KEY, "ds"], ignore_index=True) for each in (weekly, shuffled)]
    pd.testing.assert_frame_equal(*by_name)


@pytest.mark.slow
@few
@given(keys=KEYS, seed=SEEDS)
def test_a_week_depends_on_no_other_unit(keys: list[tuple[str, str, str, int]], seed: int) -> None:
    """Without the lines of another unit, the sums of each article are what they were, under whichever spelling."""
    weekly = weekly_sums(keys, seed)
    alone, _ = with_names(weekly[weekly["unit"] != "Юг"].reset_index(drop=True))
    together, names = with_names(weekly)
    mine = together[together["unit"] != "Юг"]
    sums = ["quantity", "returns_quantity", "stockout_days", "promo_days", "promo_discount_perc"]
    theirs = names.renamed(alone).sort_values([*KEY, "ds"], ignore_index=True)
    mine = mine.sort_values([*KEY, "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(mine[["ds", *sums]], theirs[["ds", *sums]])


# --- Which spelling is shown ----------------------------------------------------------------------------------------


def weeks_of(*sold: tuple[str, float]) -> pd.DataFrame:
    """Return one week of these articles."""
    rows = weekly_sums([("Север", "KA", name, 0) for name, _ in sold], 0)
    return rows.assign(quantity=[quantity for _, quantity in sold], returns_quantity=0.0)


def published(*names: tuple[str, str]) -> pd.DataFrame:
    """Return the articles of forecasts, with their cutoffs."""
    rows = pd.DataFrame(names, columns=["SKU_ID", "cutoff"]).assign(unit="Север", channel="KA")
    return rows.astype({"cutoff": "datetime64[us]"})


def test_the_spelling_that_sells_most_is_shown() -> None:
    """Before anything is published, whichever comes first in the alphabet."""
    assert set(with_names(weeks_of((CYRILLIC, 5), (LATIN, 9)))[0]["SKU_ID"]) == {LATIN}
    assert set(with_names(weeks_of((CYRILLIC, 9), (LATIN, 5)))[0]["SKU_ID"]) == {CYRILLIC}


def test_what_only_a_program_writes_is_not_shown() -> None:
    """However much more was sold under 9752.0 or with two blanks: the plain spelling is the name."""
    assert set(with_names(weeks_of(("9752", 1), ("9752.0", 9)))[0]["SKU_ID"]) == {"9752"}
    assert set(with_names(weeks_of(("Сок 1л", 1), ("Сок  1л", 9), ("Сок\u00a01л", 9)))[0]["SKU_ID"]) == {"Сок 1л"}


def test_the_spelling_that_was_published_last_stays() -> None:
    """However much the other one sells by now: models and earlier forecasts keep their names."""
    ledger = published((LATIN, "2026-11-01"), (CYRILLIC, "2026-11-15"), (LATIN, "2026-11-08"))
    rows, _ = with_names(weeks_of((CYRILLIC, 1), (LATIN, 99)), None, lambda: ledger)
    assert set(rows["SKU_ID"]) == {CYRILLIC}


def test_what_was_published_is_not_asked_for_in_vain() -> None:
    """Sound names need no look at the forecasts."""

    def never() -> pd.DataFrame:
        raise AssertionError

    rows, names = with_names(weeks_of((CYRILLIC, 1), ("B2", 2)), None, never)
    assert (len(rows), names.joined, names.doubtful, names.left_out) == (2, [], [], [])


def test_an_invisible_character_is_not_shown() -> None:
    """Where a name has no other spelling, it is shown without it; until now its sales were left out."""
    rows, names = with_names(weeks_of(("B2\u200b", 3)))
    assert rows["SKU_ID"].tolist() == ["B2"]
    assert names.joined == ["SKU_ID 'B2' is also written 'B2\\u200b' (U+200B for nothing)"]


# --- Decisions ------------------------------------------------------------------------------------------------------


def test_a_merge_holds_for_every_spelling_of_the_name() -> None:
    """75 is 0075 from now on, and so is 75.0; the total is the same, and no doubt is left."""
    weekly = weeks_of(("75", 1), ("75.0", 2), ("0075", 4))
    assert len(with_names(weekly)[1].doubtful) == 1
    rows, names = with_names(weekly, decisions(("SKU_ID", "75", "0075", "merge")))
    assert rows[["SKU_ID", "quantity"]].to_numpy().tolist() == [["0075", 7.0]]
    assert names.doubtful == []
    assert names.of("SKU_ID", "75") == names.of("SKU_ID", "75.0") == "0075"


def test_merges_follow_each_other() -> None:
    """A is B and B is C: all is C; a circle ends somewhere, and loses nothing."""
    weekly = weeks_of(("A", 1), ("B", 2), ("C", 4))
    chain = decisions(("SKU_ID", "A", "B", "merge"), ("SKU_ID", "B", "C", "merge"))
    assert with_names(weekly, chain)[0][["SKU_ID", "quantity"]].to_numpy().tolist() == [["C", 7.0]]
    circle = decisions(("SKU_ID", "A", "B", "merge"), ("SKU_ID", "B", "A", "merge"))
    assert with_names(weekly, circle)[0]["quantity"].sum() == 7.0


def test_a_merge_of_two_spellings_says_which_one_is_shown() -> None:
    """However much the other sells; what was decided needs no warning any more."""
    rows, names = with_names(weeks_of((CYRILLIC, 1), (LATIN, 99)), decisions(("SKU_ID", LATIN, CYRILLIC, "merge")))
    assert set(rows["SKU_ID"]) == {CYRILLIC}
    assert names.joined == []


def test_names_that_were_split_stay_two() -> None:
    """Each is found by its own spelling, in the plan as well; a third spelling is neither's."""
    rows, names = with_names(weeks_of(("ka", 1), ("KA", 2)), decisions(("SKU_ID", "ka", "KA", "split")))
    assert sorted(rows["SKU_ID"]) == ["KA", "ka"]
    assert (names.of("SKU_ID", "ka"), names.of("SKU_ID", "KA"), names.of("SKU_ID", "Ka")) == ("ka", "KA", "Ka")


def test_the_plan_is_read_in_the_names_of_the_sales() -> None:
    """Rows of any table: merged and other spellings become the name, stars, NULL and strangers stay."""
    _, names = with_names(weeks_of((CYRILLIC, 9), ("0075", 4)), decisions(("SKU_ID", "75", "0075", "merge")))
    plan = pd.DataFrame({"SKU_ID": [LATIN, "75", "*", None, "unknown"], "note": list("abcde")})
    renamed = names.renamed(plan)
    assert renamed["SKU_ID"].tolist()[:3] == [CYRILLIC, "0075", "*"]
    assert renamed["SKU_ID"].isna().tolist() == [False, False, False, True, False]
    assert renamed["SKU_ID"].iloc[4] == "unknown"
    assert NO_NAMES.renamed(plan)["SKU_ID"].iloc[1] == "75"


# --- What is no name ------------------------------------------------------------------------------------------------


def test_rows_of_totals_are_left_out_and_named() -> None:
    """An article Итого and the total of a unit are no articles; Colgate Total is one."""
    weekly = weeks_of(("B2", 3), ("Итого", 3), ("Север Итог", 3), ("#Н/Д", 1), ("Colgate Total", 2))
    rows, names = with_names(weekly.assign(n_lines=2))
    assert rows["SKU_ID"].tolist() == ["B2", "Colgate Total"]
    assert names.is_left_out(Combination("Север", "KA", "Итого"))
    assert not any(names.is_left_out(Combination("Север", "KA", each)) for each in ("B2", "unknown"))
    assert names.left_out == [
        "SKU_ID '#Н/Д' (2 lines)",
        "SKU_ID 'Итого' (2 lines)",
        "SKU_ID 'Север Итог' (2 lines)",
    ]


def test_a_business_that_is_one_total_is_kept() -> None:
    """Where every row has the unit Total, there is nothing that it would be the total of."""
    weekly = weeks_of(("B2", 3), ("C3", 4)).assign(unit="Total")
    assert with_names(weekly)[0]["quantity"].sum() == 7.0


def test_a_name_that_is_one_by_decision_is_kept() -> None:
    """The yoghurt Total is an article where somebody says so."""
    rows, names = with_names(weeks_of(("B2", 3), ("Total", 4)), decisions(("SKU_ID", "Total", "*", "split")))
    assert (sorted(rows["SKU_ID"]), names.left_out) == (["B2", "Total"], [])


def test_a_combination_knows_its_other_spellings() -> None:
    """All that its rows may have been published under; not what cannot be a combination, nor what was split."""
    weekly = pd.concat([weeks_of(("0075", 4), ("75", 1), ("75\u200b", 1)), weeks_of(("0075", 1)).assign(channel="КА")])
    _, names = with_names(weekly, decisions(("SKU_ID", "75", "0075", "merge"), ("channel", "КА", "KA", "merge")))
    assert names.other_spellings(Combination("Север", "KA", "0075")) == [
        Combination("Север", "KA", "75"),
        Combination("Север", "КА", "0075"),
        Combination("Север", "КА", "75"),
    ]
    assert names.other_spellings(Combination("Север", "KA", "B2")) == [Combination("Север", "КА", "B2")]
    assert NO_NAMES.other_spellings(Combination("Север", "KA", "0075")) == []


def test_names_of_no_sales_are_none() -> None:
    """Placeholders stay as they are, and an empty delivery has no names."""
    weekly = weeks_of(("B2", 3), ("C3", 4))
    weekly.loc[1, "SKU_ID"] = None
    rows, _ = with_names(weekly)
    assert rows["SKU_ID"].isna().tolist() == [False, True]
    assert with_names(weekly.head(0))[0].empty
    assert Combination("Север", "KA", "B2").parts == tuple(rows.loc[0, KEY])
