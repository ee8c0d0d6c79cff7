"""Memory that steps of a run have needed is given back at their ends."""

from __future__ import annotations

import ctypes

import pyarrow as pa
import pytest

from skucast.runtime import outcome
from skucast.runtime.memory import give_back
from skucast.runtime.outcome import RunReport


def test_what_is_used_stays_and_a_c_library_that_cannot_give_back_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrow's memory in use is the same before and after; a system without glibc raises nothing."""
    kept = pa.array(range(1000))
    before = pa.total_allocated_bytes()
    give_back()

    def no_library(_: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", no_library)
    give_back()
    assert pa.total_allocated_bytes() == before
    assert kept[999].as_py() == 999


def test_a_step_gives_back_at_its_end_also_if_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps, the second of which fails; the seconds of both are known."""
    given: list[str] = []
    monkeypatch.setattr(outcome, "give_back", lambda: given.append("back"))
    report = RunReport()
    with report.timed("read"):
        assert given == []
    with pytest.raises(ValueError, match="wrong"), report.timed("score"):
        raise ValueError("wrong")
    assert given == ["back", "back"]
    assert set(report.seconds) == {"read", "score"}
