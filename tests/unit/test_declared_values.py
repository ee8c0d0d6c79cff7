"""Values of declared regressors: what stands in for unknown ones, and what was known of them when."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import Combination
from skucast.core.declared import Regressor, Source, Unknown
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.tables.validation import validate
from skucast.regressors.declared_plan import DeclaredPlan, usable_values
from skucast.regressors.declared_values import DeclaredWeeks, columns_of, declared_ahead, filled, is_far_outside

A1, A2, B1 = Combination("U", "KA", "A1"), Combination("U", "TT", "A1"), Combination("V", "KA", "B1")
PRICE = Regressor("price", "price", Source("table"), Source("table"))
RIVAL = Regressor("rival", "competitor", Source("table"), Source("table"), "max", "last")
NAN = float("nan")
LAST = "2026-11-22"


@pytest.mark.parametrize(
    ("unknown", "found"),
    [
        ("last", [10.0, 10.0, 10.0, 10.0, 40.0, 40.0]),
        ("average", [10.0, 10.0, 10.0, 10.0, 40.0, 25.0]),
        ("zero", [0.0, 10.0, 0.0, 0.0, 40.0, 0.0]),
    ],
)
def test_what_is_not_known_has_a_stand_in(unknown: Unknown, found: list[float]) -> None:
    """The last value, the average until then, or 0; before the first the first stands for all."""
    raw = np.array([NAN, 10.0, NAN, NAN, 40.0, NAN])
    assert filled(raw, unknown).tolist() == found
    assert filled(np.full(3, NAN), unknown).tolist() == [0.0, 0.0, 0.0]


def test_climate_is_the_same_week_of_earlier_years() -> None:
    """The mean of 52 and 104 weeks before; else the average."""
    raw = np.full(110, NAN)
    raw[[1, 53, 100]] = 10.0, 30.0, 50.0
    found = filled(raw, "climate")
    assert (found[105], found[106]) == (20.0, pytest.approx(30.0))


def test_the_change_of_a_price_is_against_its_last_thirteen_weeks() -> None:
    """12 after thirteen weeks of 10 is a fifth more; the first week has nothing to change from."""
    values = columns_of(PRICE, np.array([5.0, *[10.0] * 13, 12.0, 0.0]))
    assert values["declared_price"][-2:].tolist() == [12.0, 0.0]
    assert values["declared_price_change_13"][[0, 14, 15]].tolist() == pytest.approx([0.0, 0.2, -1.0])


def test_all_rows_of_a_table_are_worked_out_at_once() -> None:
    """What holds for one combination holds for it among others."""
    random = np.random.default_rng(1)
    raw = np.where(random.random((3, 120)) < 0.4, NAN, random.random((3, 120)))
    for unknown in ("last", "average", "climate", "zero"):
        together = filled(raw, unknown)
        assert all(np.array_equal(filled(one, unknown), found) for one, found in zip(raw, together, strict=True))


def test_nothing_later_moves_anything_before() -> None:
    """Values of later weeks shuffled or deleted: those of the weeks before them stay as they are."""
    random = np.random.default_rng(2)
    raw = np.where(random.random(80) < 0.3, NAN, random.random(80))
    for regressor in (PRICE, *(Regressor("x", "price", Source("table"), Source("table"), "mean", how) for how in HOWS)):
        known = columns_of(regressor, raw)
        for later in (random.permutation(raw[60:]), np.full(20, NAN), raw[60:] * 100):
            changed = columns_of(regressor, np.concatenate([raw[:60], later]))
            assert all(np.array_equal(changed[name][:60], values[:60]) for name, values in known.items())


HOWS: tuple[Unknown, ...] = ("average", "climate", "zero")


def test_weeks_ahead_follow_upon_the_history() -> None:
    """A price of 10, then 8 that is known, then nothing: it stays 8, and its change is against the weeks before."""
    weeks = pd.DataFrame({"declared_price": [10.0] * 20})
    found = declared_ahead(weeks, DeclaredWeeks((PRICE,), {"price": np.array([8.0, NAN])}))
    assert found["declared_price"].tolist() == [8.0, 8.0]
    assert found["declared_price_change_13"].tolist() == pytest.approx([-0.2, 8.0 / (128.0 / 13) - 1])


# --- As of a moment -------------------------------------------------------------------------------------------------


def row(
    value: float | None,
    known: str,
    *,
    name: str = "price",
    days: tuple[str, str | None] = ("2026-11-16", LAST),
    **names: str,
):
    """Return one row: of all combinations unless some are named."""
    who = {"unit": "*", "channel": "*", "SKU_ID": "*"} | names
    return {"name": name, **who, "starts_on": days[0], "ends_on": days[1], "value": value, "known_from": known}


def plan(*rows: dict[str, object]) -> DeclaredPlan:
    """Return the plan of these rows."""
    frame = validate(
        REGRESSORS,
        pd.DataFrame(rows).assign(
            **{day: lambda frame, day=day: pd.to_datetime(frame[day]) for day in ("starts_on", "ends_on", "known_from")}
        ),
    )
    usable, wrong = usable_values(frame, [PRICE, RIVAL], [A1, A2, B1])
    assert not wrong
    return DeclaredPlan([PRICE, RIVAL], usable, [A1, A2, B1])


def prices(found: DeclaredPlan, known_at: str) -> list[float]:
    """Return the price of the newest week of each combination."""
    values = found(datetime.fromisoformat(known_at), [sunday(1), CUTOFF])
    return [each.values["price"][-1] for each in values]


def test_a_value_counts_from_when_it_was_known() -> None:
    """For all, then corrected for a channel, then withdrawn; before it was known nothing was said."""
    found = plan(row(10.0, "2026-11-01"), row(9.0, "2026-11-05", channel="KA"), row(None, "2026-11-09", SKU_ID="B1"))
    assert prices(found, "2026-11-01") == [10.0, 10.0, 10.0]
    assert prices(found, "2026-11-05") == [9.0, 10.0, 9.0]
    assert prices(found, "2026-11-09") == pytest.approx([9.0, 10.0, NAN], nan_ok=True)
    before = found(datetime.fromisoformat("2026-10-31"), [CUTOFF])
    assert [each.said for each in before] == [frozenset()] * 3
    assert not before[0].known
    earlier = found(datetime.fromisoformat("2026-11-09"), [sunday(2), sunday(1)])
    assert [each.said for each in earlier] == [frozenset()] * 3, "all that was said is about later weeks"


def test_of_rows_of_one_moment_the_one_that_names_more_counts() -> None:
    """However they are sorted."""
    rows = [row(9.0, "2026-11-01", unit="U", SKU_ID="A1"), row(10.0, "2026-11-01")]
    assert prices(plan(*rows), "2026-11-02") == prices(plan(*rows[::-1]), "2026-11-02") == [9.0, 9.0, 10.0]


def test_a_week_is_made_of_its_days_by_the_rule() -> None:
    """Two days of 10 and one of 40 are a mean of 20; the largest is 40. A row without a last day is of one day."""
    rows = [(10.0, ("2026-11-16", "2026-11-17")), (40.0, ("2026-11-18", None))]
    found = plan(
        *(row(value, "2026-11-01", name=name, days=days) for value, days in rows for name in ("price", "rival"))
    )
    [known, *_] = found(datetime.fromisoformat("2026-11-20"), [CUTOFF])
    assert (known.values["price"][0], known.values["rival"][0]) == (20.0, 40.0)


def test_rows_that_mean_nothing_are_counted_by_what_is_wrong() -> None:
    """An unknown article, days the wrong way round, no day, a regressor that nobody declared."""
    rows = pd.DataFrame(
        [
            row(1.0, "2026-11-01", SKU_ID="C3"),
            row(1.0, "2026-11-01", days=("2026-11-16", "2026-11-10")),
            row(1.0, "2026-11-01", name="prise"),
            row(1.0, "2026-11-01"),
        ]
    )
    days = {day: pd.to_datetime(rows[day]) for day in ("starts_on", "ends_on", "known_from")}
    usable, wrong = usable_values(validate(REGRESSORS, rows.assign(**days)), [PRICE], [A1])
    assert len(usable["price"]) == 1
    assert wrong == {
        "ends before it starts": 1,
        "unknown unit, channel or SKU_ID": 1,
        "no regressor 'prise' is declared; did you mean price?": 1,
    }


def test_of_what_nobody_has_said_anything_nothing_is_known() -> None:
    """No row at all, in an empty table, is no fault: neither of one regressor alone nor of all beside each other."""
    nobody = DeclaredPlan([PRICE, RIVAL], {}, [A1, A2, B1])
    moment = datetime.fromisoformat("2026-11-20")
    assert np.isnan(nobody.values("price", moment, [sunday(1), CUTOFF])).tolist() == [[True, True]] * 3
    for each in nobody(moment, [CUTOFF]):
        assert not each.known
        assert not each.said


def test_two_values_of_the_same_days_are_counted() -> None:
    """A correction with the `known_from` of what it corrects says nothing newer; what is said twice alike is one."""
    rows = [row(90.0, "2026-11-01"), row(85.0, "2026-11-01"), row(85.0, "2026-11-02"), row(85.0, "2026-11-02")]
    frame = pd.DataFrame([*rows, row(80.0, "2026-11-01", SKU_ID="A1")])
    days = {day: pd.to_datetime(frame[day]) for day in ("starts_on", "ends_on", "known_from")}
    usable, wrong = usable_values(validate(REGRESSORS, frame.assign(**days)), [PRICE], [A1])
    assert wrong == {"another value is said of the same days at the same moment, the larger counts": 1}
    assert sorted(usable["price"]["value"]) == [80.0, 85.0, 85.0, 90.0]
    assert prices(DeclaredPlan([PRICE], usable, [A1]), "2026-11-01") == [80.0]


@pytest.mark.parametrize(
    ("low", "high", "values", "far"),
    [
        (10.0, 12.0, [4.0, 3.9, 18.0, 18.1, NAN], [False, True, False, True, False]),
        (0.0, 90.0, [-90.0, 180.0, 181.0], [False, False, True]),
        (7.0, 7.0, [3.5, 10.5, 10.6, 0.7], [False, False, True, True]),
        (-20.0, -10.0, [0.0, 1.0, -31.0], [False, True, True]),
        (0.0, 0.0, [1.0, -1.0], [False, False]),
        (NAN, NAN, [1.0, NAN], [False, False]),
    ],
    ids=["a price", "a share in percent", "always the same", "frost", "never anything", "nothing known"],
)
def test_values_are_far_outside_beyond_a_range_more(
    low: float, high: float, values: list[float], far: list[bool]
) -> None:
    """Further away than the values of before lie apart, or than half of the largest of them."""
    assert is_far_outside(np.array(values), low, high).tolist() == far
