"""Causes of the gate: what promotions and a season explain of a week's sales, and what they do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import KEY
from skucast.scorecard.gate import Evidence, Jump, jumps_of

UNITS = ("Пермь", "Чайковский", "Кунгур", "Лысьва")
ARTICLES = tuple(f"A{number:02}" for number in range(10))
LEVEL = 20.0

Level = Callable[[str, str, int], float]
"""By unit, article and weeks back: how many times its usual level it sells."""


def sales(level: Level, n_weeks: int = 40, promoted: Level = lambda *_: 0.0, seed: int = 14) -> pd.DataFrame:
    """Return weeks of four units with ten articles of 20 a week each, whole pieces; `promoted` weeks are above 0."""
    random = np.random.default_rng(seed)
    rows = [
        (
            unit,
            "TF",
            article,
            pd.Timestamp(sunday(back)),
            float(random.poisson(LEVEL * level(unit, article, back))),
            promoted(unit, article, back) > 0,
        )
        for unit in UNITS
        for article in ARTICLES
        for back in range(n_weeks - 1, -1, -1)
    ]
    return pd.DataFrame(rows, columns=[*KEY, "ds", "y", "is_promo"])


def forecasts(weeks_back: int) -> pd.DataFrame:
    """Return the rows of a run that many weeks ago: every article at its level."""
    rows = [
        (unit, "TF", article, pd.Timestamp(sunday(weeks_back - step)), step, LEVEL)
        for unit in UNITS
        for article in ARTICLES
        for step in range(1, 5)
    ]
    cutoff = pd.Timestamp(sunday(weeks_back))
    frame = pd.DataFrame(rows, columns=[*KEY, "ds", "step", "yhat"])
    return frame.assign(cutoff=cutoff, data_cutoff=cutoff, promo=0.0, promo_source="expected")


def judged(weeks: pd.DataFrame) -> list[Jump]:
    """Return the jumps of a run whose forecasts have not moved beside a sound run of last week."""
    return jumps_of(Evidence(forecasts(0), forecasts(1), weeks, CUTOFF), 0.5)


def stopping(jumps: list[Jump]) -> list[str]:
    """Return the names of what stops the run."""
    return [jump.name for jump in jumps if jump.stops]


def one(unit: str, article: str, back: int) -> bool:
    """Say whether it is the first article of the first unit, in the newest week."""
    return (unit, article, back) == (UNITS[0], ARTICLES[0], 0)


@pytest.mark.slow
def test_one_promoted_article_explains_a_week_beyond_all_that_its_unit_has_sold() -> None:
    """Twenty times its usual, as another unit's article had it once; the others as ever: listed with its cause."""
    there = (UNITS[2], ARTICLES[3], 20)
    weeks = sales(
        lambda *it: 20.0 if one(*it) or it == there else 1.0, promoted=lambda *it: float(one(*it) or it == there)
    )
    found = [jump for jump in judged(weeks) if jump.name == f"unit {UNITS[0]}"]
    assert [jump.cause for jump in found] == ["explained by promotions in it"]
    assert f"unit {UNITS[0]}" in stopping(judged(weeks.assign(is_promo=False)))


@pytest.mark.slow
@pytest.mark.parametrize(("times", "stops"), [(7.0, False), (40.0, True)])
def test_a_first_promotion_explains_eight_times_the_usual_and_no_wonder(times: float, stops: bool) -> None:
    """Nobody has ever had one: an article at seven times its usual passes, one at forty times does not."""
    weeks = sales(lambda *it: times if one(*it) else 1.0, promoted=lambda *it: float(one(*it)))
    assert bool(stopping(judged(weeks))) is stops


@pytest.mark.slow
def test_a_promotion_explains_nothing_of_what_the_others_sold() -> None:
    """One article of the unit is promoted, all of them sell 2.5 times: the rest jumps too, so it stops."""
    weeks = sales(
        lambda unit, _, back: 2.5 if unit == UNITS[0] and back == 0 else 1.0, promoted=lambda *it: float(one(*it))
    )
    assert f"unit {UNITS[0]}" in stopping(judged(weeks))


@pytest.mark.slow
@pytest.mark.parametrize(("times", "stops"), [(2.2, False), (7.0, True)])
def test_a_promotion_of_a_whole_unit_explains_what_promotions_commonly_do(times: float, stops: bool) -> None:
    """All ten articles at once, at about twice their usual, pass; all at once at seven times do not."""
    weeks = sales(
        lambda unit, _, back: times if unit == UNITS[0] and back == 0 else 1.0,
        promoted=lambda unit, _, back: float(unit == UNITS[0] and back == 0),
    )
    assert bool(stopping(judged(weeks))) is stops


@pytest.mark.slow
def test_articles_that_are_always_promoted_explain_no_jump_by_it() -> None:
    """Promoted for ten weeks at the same level, then 2.5 times: the promotion is no news, so it stops."""
    weeks = sales(
        lambda unit, _, back: 2.5 if unit == UNITS[0] and back == 0 else 1.0,
        promoted=lambda unit, _, back: float(unit == UNITS[0] and back <= 10),
    )
    assert f"unit {UNITS[0]}" in stopping(judged(weeks))
