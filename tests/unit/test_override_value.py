"""What overrides have brought: planted good and bad planners are told apart, and few overrides judge nobody."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from skucast.core.combination import KEY
from skucast.core.tables.overrides import OVERRIDE_VALUE
from skucast.core.tables.validation import validate
from skucast.scorecard.override_value import override_value, remarks

UNTIL = pd.Timestamp("2026-11-22")
NAMES = dict(zip(KEY, ("Пермь", "KA", "A1"), strict=True))


def ledger(*planners: tuple[str, float, int], noise: float = 0.0, seed: int = 1) -> tuple[pd.DataFrame, ...]:
    """Return scored rows, forecasts and overrides of planners: name, share of the truth they know, how many overrides.

    What sells differs from the model by 20 % of 100 a week and article; a planner who knows share 1 of it says it, one
    who knows -1 says the opposite. Each override is about one article and one of twelve weeks, at two steps; `noise`
    is a shock that all articles of a week share.
    """
    random = np.random.default_rng(seed)
    shocks = random.normal(0, 1, 12)
    rows, words = [], []
    for author, knows, n_overrides in planners:
        for number in range(n_overrides):
            week = number % 12
            truth = 20 * random.normal() + noise * shocks[week]
            name = f"{author}-{number}"
            ds = UNTIL - timedelta(weeks=week)
            said = knows * truth + 4 * random.normal()
            words.append({"override_id": name, "author": author, "reason": "event", "cancelled": False})
            about = {**NAMES, "SKU_ID": name, "ds": ds, "override_id": name}
            numbers = {"yhat": 100.0, "final": 100.0 + said, "y": 100.0 + truth}
            made = [ds - timedelta(weeks=step) for step in (1, 2)]
            rows += [{"cutoff": day, "created_at": day, **about, **numbers} for day in made]
    found = pd.DataFrame(rows)
    said_at = UNTIL - timedelta(weeks=30)
    return found[["cutoff", *KEY, "ds", "y"]], found.drop(columns="y"), pd.DataFrame(words).assign(known_from=said_at)


def judged(*planners: tuple[str, float, int], noise: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Return the rows of the table, by group and name."""
    found = override_value(*ledger(*planners, noise=noise, seed=seed), UNTIL.date())
    rows = validate(OVERRIDE_VALUE, found.assign(run_id="r", created_at=UNTIL))
    return rows.set_index(["grouped_by", "name"])


def test_a_good_planner_a_bad_one_and_one_of_whom_little_is_known() -> None:
    """The good one's interval lies above 0, the bad one's below, and three overrides are no verdict."""
    found = judged(("Good", 1.0, 36), ("Bad", -0.7, 36), ("New", 1.0, 3))
    good, bad, new = (found.loc[("author", name)] for name in ("Good", "Bad", "New"))
    assert (good["verdict"], bad["verdict"], new["verdict"]) == ("better", "worse", "too few")
    assert 0 < good["value_lower"] < good["value"] < good["value_upper"]
    assert bad["value_lower"] < bad["value"] < bad["value_upper"] < 0
    assert good["fva"] == pytest.approx(good["wape_model"] - good["wape_final"])
    assert good["value"] == pytest.approx(good["sum_abs_error_model"] - good["sum_abs_error_final"])
    assert found.loc[("all", "*"), "n_overrides"] == 75
    assert found.loc["author"]["value"].sum() == pytest.approx(found.loc[("all", "*"), "value"])
    assert found.loc["direction"]["n"].sum() == found.loc["size"]["n"].sum() == found.loc[("all", "*"), "n"]


def test_direction_and_size_are_those_of_the_override() -> None:
    """A tenth is small, a half is medium; of a forecast of 0 any is large; one that changes nothing has none."""
    up = {"small": (100.0, 110.0), "large": (100.0, 151.0), "new": (0.0, 1.0)}
    finals = {**up, "medium": (100.0, 50.0), "none": (9.0, 9.0)}
    rows = pd.DataFrame(
        [
            {"cutoff": UNTIL, **NAMES, "SKU_ID": name, "ds": UNTIL, "created_at": UNTIL, "yhat": yhat, "final": final,
             "override_id": name, "y": 100.0}
            for name, (yhat, final) in finals.items()
        ]
    )  # fmt: skip
    said = pd.DataFrame({"override_id": list(finals), "author": "A", "reason": "x", "cancelled": False})
    found = override_value(rows, rows.drop(columns="y"), said.assign(known_from=UNTIL), UNTIL.date())
    n_of = found.set_index(["grouped_by", "name"])["n"]
    assert n_of.loc["size"].to_dict() == {"large": 2, "medium": 1, "small": 2}
    assert n_of.loc["direction"].to_dict() == {"down": 1, "up": 3}
    assert set(found["verdict"]) == {"too few"}


def test_whoever_said_it_when_the_forecast_was_made_is_judged() -> None:
    """A correction by somebody else is theirs from then on."""
    scored, forecasts, said = ledger(("Anna", 1.0, 1))
    other = said.assign(author="Boris", known_from=forecasts["created_at"].max())
    found = override_value(scored, forecasts, pd.concat([said, other]), UNTIL.date())
    n_of = found[found["grouped_by"] == "author"].set_index("name")["n"]
    assert n_of.to_dict() == {"Anna": 1, "Boris": 1}


def test_without_overrides_or_sales_there_is_nothing_to_say() -> None:
    """No row, no remark; weeks that are not scored do not count."""
    scored, forecasts, said = ledger(("Anna", 1.0, 2))
    for rows in (scored.assign(y=np.nan), scored.iloc[:0]):
        assert not len(override_value(rows, forecasts, said, UNTIL.date()))
    found = override_value(scored, forecasts.assign(override_id=None), said, UNTIL.date())
    assert not len(found)
    assert remarks(validate(OVERRIDE_VALUE, found.assign(run_id="r", created_at=UNTIL))) == []


def test_remarks_name_what_helped_what_did_not_and_nobody_that_too_few_judge() -> None:
    """In whole sentences, the largest first, politely."""
    said = remarks(judged(("Good", 1.0, 36), ("Bad", -0.7, 36), ("New", -1.0, 3)).reset_index())
    text = "\n".join(said)
    assert "overrides by Good: nearer than the model over 36 overrides and 12 weeks" in text
    assert "overrides by Bad: the model alone was nearer" in text
    assert "New" not in text
    small = remarks(judged(("Tiny", 0.0, 24)).reset_index())
    assert any(each.startswith("overrides of up to a tenth of the model's number: 2") for each in small)


@pytest.mark.slow
def test_planners_who_know_nothing_are_seldom_called_good_or_bad() -> None:
    """Whose overrides are as often right as wrong, also where a week's surprise hits them all."""
    verdicts = []
    for seed in range(25):
        random = np.random.default_rng(seed)
        scored, forecasts, said = ledger(("Half", 0.0, 24), noise=15.0, seed=seed)
        y = forecasts["SKU_ID"].map(dict(zip(scored["SKU_ID"], scored["y"], strict=True)))
        signs = dict(zip(forecasts["SKU_ID"].unique(), random.choice([-0.5, 0.5], 24), strict=True))
        # the same distance nearer or further: no gain in the mean
        final = forecasts["yhat"] + forecasts["SKU_ID"].map(signs) * (y - 100).abs() * np.sign(y - 100)
        found = override_value(scored, forecasts.assign(final=final), said, UNTIL.date())
        verdicts.append(found.set_index("grouped_by").loc["all", "verdict"])
    assert verdicts.count("no difference") >= 20
