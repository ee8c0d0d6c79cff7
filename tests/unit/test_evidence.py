"""Evidence of past origins: a lattice that stays, what is kept, and damage that is refused."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
import pytest

from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.forecast.evidence import ORIGINS, dumps, evidence_origins, kept_evidence, loads
from skucast.forecast.panel.model import PanelForecast
from skucast.forecast.plain import written

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


def test_what_others_said_is_kept_beside_the_panel() -> None:
    """By name and recipe; without others the file is the one that was written before there were any, to the byte."""
    said = {"ets": ({"model": "AutoETS"}, {CUTOFF: np.array([[1.0, 2.0], [np.nan, np.nan]])})}
    kept = loads(dumps(kept_evidence(CUTOFF, {}, (A, B), {}, said)).payload).content
    assert kept.has_model("ets", CUTOFF, 2, {"model": "AutoETS"})
    assert not kept.has_model("ets", CUTOFF, 2, {"model": "AutoTheta"})
    assert not kept.has_model("ets", CUTOFF, 4, {"model": "AutoETS"})
    np.testing.assert_array_equal(kept.of_model("ets", CUTOFF, [B, C, A], 2), [[np.nan] * 2, [np.nan] * 2, [1.0, 2.0]])
    assert np.isnan(kept.of_model("theta", CUTOFF, [A], 2)).all()
    alone = kept_evidence(CUTOFF, {"a": 1}, (A, B), {CUTOFF: forecast()})
    before = {name: value for name, value in asdict(alone).items() if name != "others"}
    assert dumps(alone).payload == written(before, str(CUTOFF)).payload
    broken = kept_evidence(CUTOFF, {}, (A, B, C), {}, said)
    with pytest.raises(ModelError, match="other combinations"):
        loads(dumps(broken).payload)
