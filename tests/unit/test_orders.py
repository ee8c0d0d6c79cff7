"""Forecast to order: terms from settings and rules, the stock that lasts, what to order and how long it covers."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.tables.orders import ORDER_RULES, ORDERS
from skucast.core.tables.validation import empty, validate
from skucast.forecast.joint.correlations import FACTORS, Correlations
from skucast.forecast.joint.marginals import rows_of
from skucast.forecast.joint.order_rules import faults_of, sensible
from skucast.forecast.joint.orders import Protection
from skucast.forecast.joint.sums import totals_of
from skucast.forecast.joint.terms import Defaults, idle_rules, terms_of
from skucast.runtime.groups.orders import levels_of_classes, weeks_of_classes

CUTOFF = pd.Timestamp("2026-11-22")
KEYS = pd.DataFrame([("u", "c", "a"), ("v", "c", "a"), ("u", "c", "b"), ("v", "d", "b")], columns=KEY)
INDEPENDENT = Correlations(6, dict.fromkeys(FACTORS, 0.0), dict.fromkeys((*FACTORS, "own"), 0.0))
END = NormalDist().inv_cdf(0.9)
DEFAULTS = Defaults({"*": 0.95}, {"*": 1.0}, {"*": 2.0})


def rules(*lines: dict[str, object]) -> pd.DataFrame:
    """Return rows of the rules' table; what a line does not name is for all."""
    found = [{**dict.fromkeys(KEY, "*"), **each} for each in lines]
    return validate(ORDER_RULES, pd.DataFrame(found, columns=ORDER_RULES.column_names)) if found else empty(ORDER_RULES)


# --- Terms ----------------------------------------------------------------------------------------------------------


def test_settings_hold_for_all_or_by_class() -> None:
    """0.95 for all; or 0.98, 0.95 and 0.9 by class, where who has none is C."""
    assert levels_of_classes("0.95") == {"*": 0.95}
    assert levels_of_classes("a=0.98, B=0.95,C=0.9") == {"A": 0.98, "B": 0.95, "C": 0.9}
    assert levels_of_classes("Off") == {}
    by_class = Defaults(levels_of_classes("A=0.98,B=0.95,C=0.9"), {"*": 1.0}, weeks_of_classes("A=1,B=2,C=4", 1))
    found = terms_of(KEYS, by_class, pd.Series(["A", "B", None, "C"], dtype="object"), rules())
    assert found["service_level"].tolist() == [0.98, 0.95, 0.9, 0.9]
    assert found["review_weeks"].tolist() == [1, 2, 4, 4]
    assert found["lead_time_weeks"].tolist() == [1] * 4
    assert set(found["service_level_source"]) == {"class"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("95", "a ratio from 0.5 to 0.999"),
        ("A=0.98", "one for each class"),
        ("A=0.9,A=0.8,C=0.9", "A=0.8"),
        ("A=0.9,B=high,C=0.9", "not 'B=high'"),
        ("high", "a ratio"),
        ("", "a ratio"),
    ],
)
def test_a_service_level_that_cannot_be_meant_is_refused(text: str, said: str) -> None:
    """Percent instead of a ratio, a class without a value or with two, words."""
    with pytest.raises(InputError, match=said):
        levels_of_classes(text)


@pytest.mark.parametrize("text", ["0", "1.5", "53", "-1"])
def test_reviews_are_whole_weeks_of_at_least_one(text: str) -> None:
    """A lead time of 0 is one that arrives at once; a review of 0 is none."""
    assert weeks_of_classes("0", 0) == {"*": 0.0}
    with pytest.raises(InputError):
        weeks_of_classes(text, 1)


def test_the_narrowest_rule_that_says_something_counts() -> None:
    """A rule for all, one for an article, one for a unit's article; each says what the narrower ones leave open."""
    said = rules(
        {"lead_time_weeks": 3},
        {"SKU_ID": "a", "service_level": 0.8, "review_weeks": 1},
        {"unit": "v", "SKU_ID": "a", "cost_under": 9.0, "cost_over": 1.0},
        {"channel": "d", "service_level": 0.7},
        {"unit": "v", "service_level": 0.6},
    )
    found = terms_of(KEYS, DEFAULTS, None, said)
    assert found["lead_time_weeks"].tolist() == [3, 3, 3, 3]
    assert found["review_weeks"].tolist() == [1, 1, 2, 2]
    assert found["service_level"].tolist() == [0.8, 0.9, 0.95, 0.6]
    assert found["service_level_source"].tolist() == ["rule", "costs", "setting", "rule"]
    assert found["abc_class"].isna().all()


def test_rules_about_nothing_are_named() -> None:
    """A unit that is not forecast, an article in a channel that does not have it; a rule for all is about all."""
    said = rules({"unit": "w"}, {"channel": "d", "SKU_ID": "a"}, {"unit": "v"}, {})
    assert idle_rules(KEYS, said) == ["*/d/a", "w/*/*"]


@pytest.mark.parametrize(
    "line",
    [{"service_level": 95.0}, {"cost_under": 1.0}, {"cost_under": 1.0, "cost_over": 0.0}, {"review_weeks": 0}],
)
def test_rules_that_cannot_be_meant_are_refused(line: dict[str, object]) -> None:
    """Percent, one cost without the other, a cost of 0, no review: the table's contract says so."""
    with pytest.raises(Exception, match="order_rules"):
        rules(line)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"service_level": 0.3}, "rule u/*/*: service_level 0.3 is not from 0.5 to 0.999"),
        ({"service_level": 0.9999}, "rule u/*/*: service_level 0.9999 is not"),
        ({"cost_under": 0.1, "cost_over": 5.0}, "cost_under 0.1 and cost_over 5 make a level of 0.0196 (under / "),
        ({"cost_under": 1e6, "cost_over": 1e-4}, "make a level of 1 (under / (under + over)), which is not from 0.5"),
        ({"lead_time_weeks": 60}, "rule u/*/*: lead_time_weeks 60 is more than 52"),
        ({"review_weeks": 99}, "rule u/*/*: review_weeks 99 is more than 52"),
        ({"service_level": 0.9, "cost_under": 0.1, "cost_over": 5.0, "review_weeks": 52}, None),  # the level counts
    ],
)
def test_rules_say_no_more_than_the_settings_may(line: dict[str, object], said: str | None) -> None:
    """A level beyond those of SERVICE_LEVEL, given or by its costs, and years until the next order are named."""
    wrong = rules({"unit": "u", **line}, {"unit": "v", "service_level": 0.95})
    found = faults_of(wrong)
    assert len(found) == (said is not None)
    assert (said or "") in "".join(found)
    terms = terms_of(KEYS, DEFAULTS, None, sensible(wrong))
    assert terms["service_level"].between(0.5, 0.999).all()
    assert terms[["lead_time_weeks", "review_weeks"]].max().max() <= 52
    assert terms["service_level_source"].tolist()[1] == "rule"


# --- What to order --------------------------------------------------------------------------------------------------


def forecasts(level: float = 100.0, sd: float = 20.0, steps: int = 4) -> pd.DataFrame:
    """Return normal weeks of the combinations, each by its interval alone."""
    at = KEYS.merge(pd.DataFrame({"step": range(1, steps + 1)}), how="cross")
    numbers = {"yhat": level, "yhat_mean": level, "yhat_lower": level - END * sd, "yhat_upper": level + END * sd}
    return at.assign(cutoff=CUTOFF, quantiles=None, final=level, override_id=None, **numbers)


def ordered(made: pd.DataFrame, defaults: Defaults = DEFAULTS, stock: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return what to order, by the contract, in the order of KEYS."""
    rows = rows_of(made)
    protection = Protection(rows, terms_of(rows.keys, defaults, None, rules()))
    totals_of(rows, INDEPENDENT, protection.take)
    valid = validate(ORDERS, protection.orders(stock).assign(run_id="r", created_at=pd.Timestamp.now("UTC")))
    return KEYS.merge(valid, on=KEY, how="left")


def test_the_stock_lasts_for_lead_time_and_review_at_the_wanted_level() -> None:
    """Three independent weeks of 100 with 20: 300 + 1.645 * 20 * root of 3 = 357 at 95 %, 344 at 90 %."""
    found = ordered(forecasts())
    assert found["expected_demand"].tolist() == pytest.approx([300.0] * 4)
    assert found["order_up_to"].tolist() == pytest.approx([357.0] * 4, abs=3)
    assert found["safety_stock"].tolist() == pytest.approx((found["order_up_to"] - 300).tolist())
    assert (found["ds_from"].iloc[0], found["ds"].iloc[0]) == (
        CUTOFF + pd.Timedelta(weeks=1),
        CUTOFF + pd.Timedelta(weeks=3),
    )
    assert not found["is_extended"].any()
    assert found["proposed_order"].isna().all()
    less = ordered(forecasts(), Defaults({"*": 0.9}, {"*": 1.0}, {"*": 2.0}))
    assert less["order_up_to"].tolist() == pytest.approx([344.4] * 4, abs=3)


def test_weeks_beyond_the_forecast_count_as_its_mean_and_are_said() -> None:
    """Two weeks are forecast, six are to be lasted for: three times both, as uncertain as three times both."""
    found = ordered(forecasts(steps=2), Defaults({"*": 0.9}, {"*": 2.0}, {"*": 4.0}))
    assert found["expected_demand"].tolist() == pytest.approx([600.0] * 4)
    assert found["order_up_to"].tolist() == pytest.approx([3 * (200 + END * 20 * np.sqrt(2))] * 4, abs=7)
    assert found["is_extended"].all()


def test_planners_corrections_are_ordered_for() -> None:
    """Twice the number means twice the stock; where 0 was forecast it is the number itself; 0 needs none."""
    made = forecasts()
    u_b, v_b = ((made["unit"] == unit) & (made["SKU_ID"] == "b") for unit in "uv")
    made.loc[u_b, "final"] = 200.0
    made.loc[v_b, ["yhat", "yhat_mean", "yhat_lower", "yhat_upper"]] = 0.0
    made.loc[v_b, "final"] = 10.0
    made.loc[(made["unit"] == "v") & (made["SKU_ID"] == "a"), "final"] = 0.0
    found = ordered(made)
    assert found["expected_demand"].tolist() == pytest.approx([300.0, 0.0, 600.0, 30.0])
    assert found["order_up_to"].tolist() == pytest.approx([357.0, 0.0, 714.0, 30.0], abs=6)


def test_what_is_left_makes_the_order_and_the_days_of_cover() -> None:
    """150 last for a week and a half; 1,000 for ten weeks at the mean rate, and nothing is ordered; 0 for no day."""
    day = CUTOFF - pd.Timedelta(days=1)
    stock = KEYS.head(3).assign(on_hand=[150.0, 1000.0, 0.0], on_hand_day=day)
    found = ordered(forecasts(), stock=stock)
    assert found["days_of_cover"].tolist() == pytest.approx([10.5, 70.0, 0.0, np.nan], nan_ok=True)
    missing = found["order_up_to"] - found["on_hand"]
    assert found["proposed_order"].tolist() == pytest.approx([missing[0], 0.0, missing[2], np.nan], nan_ok=True)
    assert found["on_hand_day"].iloc[0] == day
    nothing = ordered(forecasts(level=0.0, sd=0.0), stock=stock)
    assert nothing["days_of_cover"].isna().all()
    assert nothing["proposed_order"].iloc[0] == 0.0
