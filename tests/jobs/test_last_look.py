"""The last look before publishing, in the whole job: what stops a run, what is kept of it, how it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from business import Business, business_lines

from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import RUNS
from skucast.core.weeks import WEEK
from skucast.jobs import gate

NEXT = ("--as-of", str(WEDNESDAY + timedelta(days=7)))
NEXT_CUTOFF = CUTOFF + WEEK
DOUBLED = {"Пермь": 1.0, "Чайковский": 2.5}


@pytest.fixture
def a_week_later(business: Business) -> Callable[[Mapping[str, float]], Business]:
    """Return a function that gives the business one week after a sound run, its units having sold times these."""

    def sold(times: Mapping[str, float]) -> Business:
        business.already("predict")
        lines = business_lines()
        last = lines[lines["date"] > CUTOFF - WEEK]
        factor = last["unit"].map(times).to_numpy()
        later = last.assign(date=last["date"] + pd.Timedelta(weeks=1), quantity=last["quantity"] * factor)
        business.sell(later, "next week")
        return business

    return sold


def published(business: Business) -> pd.DataFrame:
    """Return the forecasts of the next week's cutoff."""
    return business.rows(FORECASTS).query("cutoff == @pd.Timestamp(@NEXT_CUTOFF)")


def test_a_sound_week_is_published_and_says_nothing(a_week_later, shown: Callable[[], str]) -> None:
    """Sales as the week before: exit 0, 24 rows, no word of a jump."""
    business = a_week_later({"Пермь": 1.0, "Чайковский": 1.0})
    shown()
    assert business("predict", *NEXT) == 0
    assert len(published(business)) == 24
    assert "jump" not in shown()


def test_a_jump_stops_the_run_is_recorded_and_published_when_accepted(a_week_later, shown: Callable[[], str]) -> None:
    """One unit's week 2.5 times: exit 1, nothing written, the row says why; accepted it stands, and a blind re-run."""
    business = a_week_later(DOUBLED)
    before = business.rows(FORECASTS)
    shown()
    assert business("predict", *NEXT) == 1
    said = shown()
    assert "beyond MAX_JUMP=0.5, nothing is published for 2026-11-29: unit Чайковский: sales of the newest week" in said
    assert "--accept-jump" in said
    assert business.rows(FORECASTS).equals(before)
    row = business.warehouse.read(RUNS).sort_values("run_at", kind="stable").iloc[-1]
    assert (row["job"], row["exit_code"], row["n_rows"]) == ("predict", 1, 0)
    assert "unit Чайковский" in row["error"]
    assert business("predict", *NEXT, "--accept-jump") == 0
    accepted = published(business)
    assert len(accepted) == 24
    assert business("predict", *NEXT) == 0
    assert published(business).equals(accepted)


def test_without_a_gate_everything_is_published(a_week_later) -> None:
    """MAX_JUMP=off: the same week passes."""
    assert a_week_later(DOUBLED)("predict", *NEXT, "--max-jump", "off") == 0


def test_a_targeted_run_is_judged_with_the_week_that_is_published(a_week_later) -> None:
    """After an accepted jump the unit's own article is forecast again: no second question."""
    business = a_week_later(DOUBLED)
    assert business("predict", *NEXT, "--accept-jump") == 0
    assert business("predict", *NEXT, "--target-combinations", "Чайковский/TF/B2") == 0
    assert business("predict", *NEXT, "--target-combinations", "Пермь/KA/A1") == 0


def test_of_several_tasks_the_last_one_judges_the_whole(
    a_week_later, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Three tasks: two stage their rows, the third stops the run; nothing is published until it is accepted."""
    business = a_week_later(DOUBLED)
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "3")

    def tasks(execution: str, *flags: str) -> list[int]:
        monkeypatch.setenv("CLOUD_RUN_EXECUTION", execution)
        codes = []
        for index in range(3):
            monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", str(index))
            codes.append(business("predict", *NEXT, *flags))
        return codes

    assert tasks("first") == [0, 0, 1]
    assert not len(published(business))
    assert tasks("second", "--accept-jump") == [0, 0, 0]
    assert len(published(business)) == 24


def test_the_webhook_hears_of_a_stopped_run(a_week_later, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message: which run, which totals, what to do."""
    posted: list[str] = []
    monkeypatch.setattr(gate, "post", lambda url, text: posted.append(text))
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "https://hooks.example.com/SECRET")
    assert a_week_later(DOUBLED)("predict", *NEXT) == 1
    (text,) = posted
    assert text.startswith("skucast predict was stopped: ")
    assert "unit Чайковский" in text
