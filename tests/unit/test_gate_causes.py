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


def december(unit: str, article: str, back: int) -> float:
    """Give twice the usual in the newest week, in some articles more than in others."""
    return 1.6 + 0.1 * ARTICLES.index(article) if back == 0 else 1.0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_first_season_that_most_units_share_is_listed_and_stops_nothing(seed: int) -> None:
    """Forty weeks are known, all units sell about twice the usual: a season, with its cause."""
    found = judged(sales(december, seed=seed))
    causes = {jump.name: jump.cause for jump in found}
    assert causes["all units"] == "most units and articles moved alike, and no last year is known: a season?"
    assert stopping(found) == []


@pytest.mark.slow
@pytest.mark.parametrize("parts", [1.0, 1000.0])
def test_a_newest_week_loaded_twice_is_no_season(parts: float) -> None:
    """Every article sold an even number, of pieces or of grams: no chance, so it stops and says so."""
    weeks = sales(lambda *_: 1.0)
    weeks["y"] = weeks["y"] / parts
    weeks["y"] *= np.where(weeks["ds"] == pd.Timestamp(CUTOFF), 2.0, 1.0)
    earlier, rows = (forecasts(back).assign(yhat=LEVEL / parts) for back in (1, 0))
    found = jumps_of(Evidence(rows, earlier, weeks, CUTOFF), 0.5)
    assert "all units" in stopping(found)
    assert "is the week loaded twice?" in found[0].hint


@pytest.mark.slow
def test_weights_that_have_all_doubled_alike_are_no_season() -> None:
    """Numbers that no share of a unit divides: all at twice the usual and no farther apart than ever stops."""
    weeks = sales(lambda *_: 1.0)
    weeks["y"] *= np.random.default_rng(1).normal(1, 0.01, len(weeks))
    weeks["y"] *= np.where(weeks["ds"] == pd.Timestamp(CUTOFF), 2.0, 1.0)
    assert "all units" in stopping(judged(weeks))


@pytest.mark.slow
def test_a_rise_that_the_other_units_do_not_share_is_no_season() -> None:
    """One unit of four sells 2.4 times the usual, in all its articles and without a promotion: stops."""
    weeks = sales(lambda unit, _, back: 2.4 if unit == UNITS[0] and back == 0 else 1.0)
    assert f"unit {UNITS[0]}" in stopping(judged(weeks))


@pytest.mark.slow
def test_a_season_that_last_year_did_not_have_is_none() -> None:
    """Two years are known: about twice the usual in all units stops, as before."""
    assert "all units" in stopping(judged(sales(december, n_weeks=110)))


@pytest.mark.slow
def test_a_rise_beyond_any_season_stops() -> None:
    """Seven times the usual in all units."""
    assert "all units" in stopping(judged(sales(lambda *it: 4 * december(*it) if it[-1] == 0 else 1.0)))


@pytest.mark.slow
def test_the_fall_after_a_first_season_is_none() -> None:
    """Four weeks at twice the usual, the last run expects more of them, the newest week is an ordinary one."""
    weeks = sales(lambda _, article, back: december("", article, 0) if 1 <= back <= 4 else 1.0)
    evidence = Evidence(forecasts(0), forecasts(1).assign(yhat=2 * LEVEL), weeks, CUTOFF)
    assert stopping(jumps_of(evidence, 0.5)) == []


@pytest.mark.slow
def test_half_a_week_of_the_whole_business_is_no_season() -> None:
    """Three days of seven, in all units: less than half of the usual stops."""
    assert "all units" in stopping(judged(sales(lambda *it: 3 / 7 if it[-1] == 0 else 1.0)))


@pytest.mark.slow
@pytest.mark.parametrize("times", [15.0, 25.0])
def test_a_promotion_within_a_first_season_hides_it_not(times: float) -> None:
    """All units sell about twice the usual, and one article far more, by a promotion that rose too: nothing stops."""
    weeks = sales(lambda *it: times if one(*it) else december(*it), promoted=lambda *it: float(one(*it)))
    assert stopping(judged(weeks)) == []
