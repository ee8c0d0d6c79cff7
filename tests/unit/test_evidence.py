"""Evidence of past origins: a lattice that stays, what is kept, and damage that is refused."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import pytest

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.forecast.evidence import ORIGINS, dumps, evidence_origins, kept_evidence, loads
from skucast.forecast.panel.model import PanelForecast

CUTOFF = date(2026, 11, 22)
A, B, C = (Combination("U", "K", name) for name in "ABC")


def test_a_week_later_the_origins_are_the_same_or_one_is_new() -> None:
    """Six, four weeks apart; in four weeks each is new once, and all weeks of each have passed."""
    new = 0
    for week in range(52):
        cutoff = CUTOFF + timedelta(weeks=week)
        found = evidence_origins(cutoff, 4)
        assert len(found) == ORIGINS
        assert {(later - earlier).days for earlier, later in itertools.pairwise(found)} == {28}
        assert 28 <= (cutoff - found[-1]).days < 56
        before = evidence_origins(cutoff - timedelta(weeks=1), 4)
        assert set(found) - set(before) <= {found[-1]}
        new += found[-1] not in before
    assert new == 13


def forecast(seed: int = 0) -> PanelForecast:
    values = np.random.default_rng(seed).uniform(0, 100, (4, 2, 4))
    values[:, 1] = np.nan
    return PanelForecast(*values)


def test_what_is_kept_is_read_again_for_the_combinations_of_then() -> None:
    """To six digits; of a combination that was not there, or of which nothing was said, there is no number."""
    kept = loads(dumps(kept_evidence(CUTOFF, {"a": 1}, (A, B), {CUTOFF: forecast()})).payload).content
    found = kept.forecast(CUTOFF, [C, B, A], 4)
    assert found is not None
    np.testing.assert_allclose(found.log[2], forecast().log[0], rtol=1e-5)
    assert np.isnan(found.log[:2]).all()
    assert kept.forecast(CUTOFF - timedelta(weeks=4), [A], 4) is None
    assert kept.recipe == {"a": 1}


def test_damage_is_refused() -> None:
    """One byte changed anywhere is found by the checksum, parts that do not fit by the reader."""
    kept = kept_evidence(CUTOFF, {}, (A, B), {CUTOFF: forecast()})
    payload = bytearray(dumps(kept).payload)
    payload[len(payload) // 2] ^= 1
    with pytest.raises(ModelError, match=r"run run_all_skus\.py"):
        loads(bytes(payload))
    other = kept_evidence(CUTOFF, {}, (A, B, C), {CUTOFF: forecast()})
    with pytest.raises(ModelError, match="other combinations"):
        loads(dumps(other).payload)
