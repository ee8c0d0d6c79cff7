"""Alerts: what each rule finds, and what keeps the list short."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import KEY
from skucast.core.tables.alerts import SYSTEM_RULES
from skucast.core.tables.scorecard import BASELINES, SCORED
from skucast.scorecard.alerts import (
    combination_findings,
    context,
)
from skucast.scorecard.metrics import with_ratios
from skucast.scorecard.monitoring import over_weeks, sums_of_weeks
from skucast.scorecard.rules import Rules
from skucast.scorecard.system_rules import SystemFacts, system_findings

A, B = ("Пермь", "KA", "A1"), ("Пермь", "TF", "B2")
RULES = Rules(
    wape=0.7,
    n_weeks=2,
    bias=0.3,
    interval_coverage=0.6,
    min_volume=10,
    fva_best=0.1,
    forecast_share=0.95,
    plan_share=0.5,
    failed_share=0.05,
)
FACTS = SystemFacts(
    cutoff=CUTOFF,
    data_cutoff=CUTOFF,
    newest_cutoff=CUTOFF,
    n_active=100,
    n_forecast=99,
    plan_share=0.8,
    failed_share=0.01,
    job="predict",
)
NO_FIRST = pd.DataFrame({name: [] for name in [*KEY, "ds", "actual_first"]}).astype(
    {**dict.fromkeys(KEY, "str"), "ds": "datetime64[us]", "actual_first": "float64"}
)


def scored(
    errors: list[float], combination: tuple[str, str, str] = A, sold: float = 100.0, naive: float = 0.0
) -> pd.DataFrame:
    """Return one forecast a week up to the cutoff, each `sold` pieces sold and so much too high; NaN is not scored.

    Every naive forecast is `naive` too high. The interval reaches 10 to either side.
    """
    n = len(errors)
    y = pd.Series(sold, index=range(n), dtype="float64").where(pd.Series(errors).notna())
    yhat = (sold + pd.Series(errors)).fillna(0.0)
    ds = pd.to_datetime([sunday(n - 1 - week) for week in range(n)]).astype("datetime64[us]")
    frame = pd.DataFrame(
        {
            **dict(zip(KEY, combination, strict=True)),
            "ds": ds,
            "cutoff": ds - pd.Timedelta(weeks=1),
            "step": 1,
            "y": y,
            "yhat": yhat,
            "yhat_lower": yhat - 10,
            "yhat_upper": yhat + 10,
            **{f"baseline_{name}": sold + naive for name in BASELINES},
            "left_out": pd.Series("stockout", index=range(n)).where(y.isna(), None),
        }
    )
    return frame.reindex(columns=SCORED.column_names).astype(
        {"scale": "float64", "sq_scale": "float64", "previous_yhat": "float64"}
    )


def rolling(rows: pd.DataFrame, volume: float = 100.0, lookback: int = 5) -> pd.DataFrame:
    """Return the combinations' pooled metrics of the window up to the cutoff."""
    inside = rows[rows["ds"] > pd.Timestamp(sunday(lookback))]
    sums = with_ratios(over_weeks(sums_of_weeks(inside, NO_FIRST)))
    pooled = sums[(sums["level"] == "combination") & (sums["step"] == 0)]
    ends = {"window_start": pd.Timestamp(sunday(lookback - 1)), "window_end": pd.Timestamp(CUTOFF)}
    return pooled.assign(volume=volume, abc_class="A", xyz_class="X", **ends)


def verdict(rule: str, rows: pd.DataFrame, volume: float = 100.0, rules: Rules = RULES) -> str:
    """Return what the rule finds of the one combination."""
    found = combination_findings(rows, rolling(rows, volume), rules).set_index("rule")
    return str(found.loc[rule, "verdict"])


# --- rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_bad_weeks_in_a_row_are_a_breach() -> None:
    """71 % wrong twice; once is not enough, and neither is 70 %."""
    assert verdict("wape", scored([0, 0, 0, 71, 71])) == "breach"
    assert verdict("wape", scored([0, 0, 0, 0, 71])) == "between"
    assert verdict("wape", scored([0, 0, 0, 71, 70])) == "between"


@pytest.mark.slow
def test_a_week_without_a_score_neither_counts_nor_resets() -> None:
    """Bad, unknown, bad: two bad weeks in a row. Bad, good, bad is not. A single scored week is not judged."""
    assert verdict("wape", scored([0, 0, 71, nan, 71])) == "breach"
    assert verdict("wape", scored([0, 0, 71, 0, 71])) == "between"
    assert verdict("wape", scored([0, 0, 71, 71, nan])) == "breach"
    assert verdict("wape", scored([nan, nan, nan, nan, 71])) == "unknown"


def test_weeks_in_a_row_may_reach_back_before_the_window() -> None:
    """The last scored week but one lies seven weeks back: it still is the one before."""
    assert verdict("wape", scored([71, nan, nan, nan, nan, nan, 71])) == "breach"


@pytest.mark.slow
def test_a_week_in_which_nothing_sold_is_wrong_if_anything_was_forecast() -> None:
    """Forecast 20 where nothing sold: worse than any limit; forecast nothing: right."""
    assert verdict("wape", scored([20.0] * 5, sold=0.0)) == "breach"
    assert verdict("wape", scored([0.0] * 5, sold=0.0)) == "calm"


@pytest.mark.slow
def test_small_combinations_are_no_alert() -> None:
    """Nine pieces a week, whatever the error."""
    assert verdict("wape", scored([90] * 5), volume=9.9) == "between"
    assert verdict("bias", scored([90] * 5), volume=9.9) == "between"
    assert verdict("coverage", scored([90] * 5), volume=9.9) == "between"


@pytest.mark.slow
def test_what_naive_forecasts_cannot_do_either_is_no_alert() -> None:
    """All naive forecasts are 85 % wrong, ours 90 %: hard to forecast, not a bad model. At 79 % they are better."""
    assert verdict("wape", scored([90] * 5, naive=85)) == "between"
    assert verdict("wape", scored([90] * 5, naive=79)) == "breach"
    assert verdict("bias", scored([90] * 5, naive=85)) == "between"
    assert verdict("bias", scored([90] * 5, naive=79)) == "breach"
    assert verdict("coverage", scored([90] * 5, naive=85)) == "between"
    assert verdict("coverage", scored([90] * 5, naive=79)) == "breach"


def test_a_model_that_beats_every_naive_forecast_is_calm_however_wrong() -> None:
    """90 % wrong, the best naive forecast 95 %: nothing that training would mend."""
    assert verdict("wape", scored([90] * 5, naive=95)) == "calm"


@pytest.mark.slow
def test_an_alert_is_calm_only_well_below_its_limit() -> None:
    """0.8 x 0.7 = 56 %: 55 % in both weeks is calm; in between nothing is decided."""
    assert verdict("wape", scored([90, 90, 90, 55, 55])) == "calm"
    assert verdict("wape", scored([90, 90, 90, 57, 55])) == "between"


@pytest.mark.slow
def test_bias_either_way() -> None:
    """Sums lean by more than 30 %; errors that even out do not; 24 % is calm."""
    assert verdict("bias", scored([31] * 5)) == "breach"
    assert verdict("bias", scored([-31] * 5)) == "breach"
    assert verdict("bias", scored([90, -90, 90, -90, 0])) == "calm"
    assert verdict("bias", scored([24] * 5)) == "calm"
    assert verdict("bias", scored([28] * 5)) == "between"


@pytest.mark.slow
def test_bias_is_what_every_week_has() -> None:
    """One week that leans the window is no bias, nor is one without any; a week without a score is not asked."""
    assert verdict("bias", scored([-1, -1, -1, -300, 1])) == "between"
    assert verdict("bias", scored([-100, -100, 0, -100, -100])) == "between"
    assert verdict("bias", scored([-100, -100, nan, -100, -100])) == "breach"


@pytest.mark.slow
def test_coverage_of_the_interval() -> None:
    """Two of five inside is below 60 %, three is not, four is calm again (60 % / 0.8 = 75 %)."""
    assert verdict("coverage", scored([30, 30, 30, 0, 0])) == "breach"
    assert verdict("coverage", scored([40, 40, 0, 0, 0])) == "between"
    assert verdict("coverage", scored([90, 0, 0, 0, 0])) == "calm"
    assert verdict("coverage", scored([30, 30, 30, 0, 0], naive=31)) == "calm"


@pytest.mark.slow
def test_windows_with_few_scored_weeks_are_not_judged() -> None:
    """Three of five weeks: neither bias nor coverage says anything."""
    rows = scored([90, 90, 90, nan, nan])
    assert (verdict("bias", rows), verdict("coverage", rows)) == ("unknown", "unknown")


def test_findings_say_value_limit_and_numbers() -> None:
    """One row per rule and combination, with what was found in words."""
    rows = pd.concat([scored([0, 0, 0, 80, 90]), scored([0] * 5, B)], ignore_index=True)
    found = combination_findings(rows, rolling(rows), RULES)
    assert found.groupby("rule").size().to_dict() == {"wape": 2, "bias": 2, "coverage": 2}
    wape = found[(found["rule"] == "wape") & (found["SKU_ID"] == "A1")].iloc[0]
    assert (wape["value"], wape["value_limit"]) == (pytest.approx(0.85), 0.7)
    weeks = f"80 % (week {sunday(1)}), 90 % (week {sunday(0)})"
    assert wape["message"] == f"wrong by {weeks} of what was sold; the limit is 70 %"
    bias = found[(found["rule"] == "bias") & (found["SKU_ID"] == "A1")].iloc[0]
    assert bias["message"].startswith("forecast 670 where 500 was sold in the window, all steps together: 34 % more;")


def test_findings_in_words_where_nothing_was_sold() -> None:
    """No share of nothing; large numbers have no separator, which another language would read as a decimal."""
    rows = scored([1250.0] * 5, sold=0.0)
    found = combination_findings(rows, rolling(rows), RULES).set_index("rule")["message"]
    assert found["bias"] == "forecast 6250 where nothing was sold in the window, all steps together; the limit is 30 %"
    assert found["wape"].startswith(f"wrong by all (week {sunday(1)}, nothing sold), all (week")


def series(name: str, y: np.ndarray, yhat: float) -> pd.DataFrame:
    """Return five weeks of an article, all forecast as `yhat`; the naive forecast is the week before."""
    rows = scored([0.0] * 5, ("Пермь", "KA", name), sold=0.0)
    naive = {f"baseline_{baseline}": y[:-1] for baseline in BASELINES}
    return rows.assign(y=y[1:], yhat=yhat, yhat_lower=yhat - 10, yhat_upper=yhat + 10, **naive)


@pytest.mark.slow
def test_volume_and_naive_forecasts_keep_the_list_short() -> None:
    """A bare rule lists 38 of 141 articles, ours the one that training mends and what chance has left of the wild ones.

    100 sell 2 a week by chance, 40 are large and nobody can forecast them, and the level of one has fallen.
    """
    random = np.random.default_rng(12)
    small = [series(f"small{number}", random.poisson(2, 6).astype("float64"), 2.0) for number in range(100)]
    wild = [series(f"wild{number}", random.lognormal(4, 1.6, 6), 90.0) for number in range(40)]
    rows = pd.concat([*small, *wild, series("fallen", np.full(6, 40.0), 100.0)], ignore_index=True)
    of_window = rolling(rows)
    volume = of_window["SKU_ID"].map(lambda name: 2.0 if name.startswith("small") else 100.0)

    def names(rules: Rules) -> set[str]:
        found = combination_findings(rows, of_window.assign(volume=volume), rules)
        return set(found.loc[(found["rule"] == "wape") & (found["verdict"] == "breach"), "SKU_ID"])

    everything = replace(RULES, min_volume=0.0, fva_best=0.0)
    weeks = rows.assign(wrong=(rows["yhat"] - rows["y"]).abs()).sort_values("ds").groupby("SKU_ID").tail(2)
    bare = (weeks["wrong"] > 0.7 * weeks["y"]).groupby(weeks["SKU_ID"]).sum() == 2
    assert bare.sum() == 38
    assert len(names(everything)) == 11  # with naive forecasts alone
    assert len(names(RULES)) == 6  # and volume
    assert "fallen" in names(RULES)
    assert names(RULES) <= names(everything) <= set(bare.index[bare])


# --- the system's rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "changed", "expected"),
    [
        ("no_run", {"newest_cutoff": sunday(1)}, ("breach", 1.0)),
        ("no_run", {"newest_cutoff": None}, ("breach", nan)),
        ("forecast_coverage", {"n_forecast": 94}, ("breach", 0.94)),
        ("forecast_coverage", {"n_forecast": 95}, ("calm", 0.95)),
        ("forecast_coverage", {"newest_cutoff": None}, ("unknown", nan)),
        ("forecast_coverage", {"n_active": 0}, ("unknown", nan)),
        ("promo_plan", {"plan_share": 0.49}, ("breach", 0.49)),
        ("promo_plan", {"plan_share": None}, ("unknown", nan)),
        ("promo_plan", {"plan_share": 0.0}, ("breach", 0.0)),
        ("promo_plan", {"plan_share": 0.0, "has_promotions": False}, ("calm", 0.0)),
        ("promo_plan", {"plan_share": 0.2, "has_promotions": False}, ("calm", 0.2)),
        ("sales_late", {"data_cutoff": sunday(2)}, ("breach", 2.0)),
        ("sales_late", {"late": (("Юг", sunday(3)), ("Север/KA", sunday(1)))}, ("breach", 3.0)),
        ("failures", {"failed_share": 0.06}, ("breach", 0.06)),
        ("failures", {"failed_share": 0.05}, ("calm", 0.05)),
        ("failures", {"failed_share": None}, ("unknown", nan)),
    ],
)
def test_rules_of_the_system(rule: str, changed: dict[str, Any], expected: tuple[str, float]) -> None:
    """Each looks at one fact; the others stay calm."""
    found = system_findings(SystemFacts(**{**FACTS.__dict__, **changed}), RULES).set_index("rule")
    assert (found.loc[rule, "verdict"], found.loc[rule, "value"]) == pytest.approx(expected, nan_ok=True)
    assert list(found.index) == list(SYSTEM_RULES)
    fine = system_findings(FACTS, RULES)
    assert (fine["verdict"] == "calm").all()
    assert (
        not fine["message"].str.contains("expected 2|deliver|send|read|see|run ").any()
    )  # advice where it is due only
    assert (found[KEY] == "*").all(axis=None)


def test_the_volume_of_an_alert_is_what_was_forecast_wrongly_in_the_window() -> None:
    """Five weeks, 90 wrong each, all naive forecasts 79: 450 pieces, and 11 % of sales worse than they."""
    found = context(rolling(scored([90] * 5, naive=79)), RULES).iloc[0]
    assert found["lost_volume"] == pytest.approx(450)
    assert found["fva_best"] == pytest.approx(-0.11)
