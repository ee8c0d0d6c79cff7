"""Alerts from week to week: what opens, stays and is over, what is kept quiet, and what the digest lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from pandas.testing import assert_frame_equal

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.validation import empty
from skucast.core.texts import Percent, Text, said
from skucast.core.weeks import WeekClock
from skucast.jobs import alerting
from skucast.scorecard.alerts import (
    LISTED,
    is_quiet,
    listed,
    next_alerts,
)
from skucast.scorecard.rules import FINDING_COLUMNS

A, B = ("Пермь", "KA", "A1"), ("Пермь", "TF", "B2")


# --- from week to week ----------------------------------------------------------------------------------------------


def finding(verdict: str, combination: tuple[str, str, str] = A, rule: str = "wape", **other: Any) -> dict[str, Any]:
    """Return one finding."""
    names = dict(zip(KEY, combination, strict=True))
    return {"rule": rule, **names, "verdict": verdict, "value": 0.9, "value_limit": 0.7, "message": verdict, **other}


class Weeks:
    """The alerts table over the weeks: each call is the run of one more week."""

    def __init__(self) -> None:
        self.stored = empty(ALERTS)
        self._weeks = count()

    def __call__(self, *findings: dict[str, Any], active: tuple[tuple[str, str, str], ...] = (A, B)) -> pd.DataFrame:
        """Judge the next week, store its alerts, and return them."""
        cutoff = CUTOFF + next(self._weeks) * timedelta(weeks=1)
        rows = self.judge(cutoff, *findings, active=active)
        self.keep(rows, cutoff)
        return rows

    def judge(
        self, cutoff: date, *findings: dict[str, Any], active: tuple[tuple[str, str, str], ...] = (A, B)
    ) -> pd.DataFrame:
        """Return the alerts of a week, given what is stored."""
        found = pd.DataFrame(list(findings), columns=FINDING_COLUMNS)
        return next_alerts(found, self.stored, pd.DataFrame(list(active), columns=KEY), cutoff)

    def keep(self, rows: pd.DataFrame, cutoff: date) -> None:
        """Replace the week's rows."""
        others = self.stored[self.stored["cutoff"] != pd.Timestamp(cutoff)]
        parts = [part for part in (others, rows.reindex(columns=ALERTS.column_names)) if len(part)]
        self.stored = pd.concat(parts, ignore_index=True) if parts else empty(ALERTS)


def states(rows: pd.DataFrame) -> list[str]:
    return rows["state"].tolist()


def test_an_alert_opens_stays_and_is_over() -> None:
    """Breach, breach, neither, calm, calm: open, still open twice, resolved once, then nothing; one name all along."""
    run = Weeks()
    seen = [run(finding(each)) for each in ("breach", "breach", "between", "calm", "calm")]
    assert [states(rows) for rows in seen] == [["open"], ["still_open"], ["still_open"], ["resolved"], []]
    alerts = pd.concat(seen)
    assert alerts["alert_id"].nunique() == 1
    assert alerts["n_open_weeks"].tolist() == [1, 2, 3, 4]
    assert set(alerts["opened"].dt.date) == {CUTOFF}


def test_what_lies_between_the_limits_opens_nothing() -> None:
    """Neither between the two limits nor unknown."""
    run = Weeks()
    assert [states(run(finding(each))) for each in ("between", "unknown", "calm")] == [[], [], []]


def test_a_second_time_is_another_alert() -> None:
    """Over, and broken again: a new name, opened anew."""
    run = Weeks()
    first, _, again = (run(finding(each)) for each in ("breach", "calm", "breach"))
    assert states(again) == ["open"]
    assert first["alert_id"].item() != again["alert_id"].item()


def test_a_week_that_says_nothing_ends_nothing() -> None:
    """Unknown, or no finding at all: still open, with message and value of the week that last judged it."""
    run = Weeks()
    run(finding("breach", value=0.9))
    unknown, missing = run(finding("unknown", value=0.4)), run()
    assert states(unknown) == states(missing) == ["still_open"]
    said = f"breach (as of week {CUTOFF}; too little to judge it by since)"
    assert unknown["message"].item() == missing["message"].item() == said
    assert unknown["value"].item() == missing["value"].item() == 0.9
    assert missing["value_limit"].item() == 0.7
    assert run(finding("between", value=0.6))["message"].item() == "between"


def test_what_an_alert_says_is_kept_for_other_languages() -> None:
    """As text and places, also of the week that last judged it; an alert of before, kept as English alone, stays it."""
    run = Weeks()
    message = Text("wrong by {weeks} of what was sold; the limit is {limit}", weeks=("9 %",), limit=Percent(0.5))
    opened = run(finding("breach", message=str(message), message_json=message.stored()))
    assert said("en", opened["message_json"].item()) == opened["message"].item() == message
    unknown = run(finding("unknown"))
    assert said("en", unknown["message_json"].item()) == unknown["message"].item()
    russian = said("ru", unknown["message_json"].item())
    assert russian.startswith("ошибка относительно продаж: 9 %; предел 50")
    assert CUTOFF.strftime("%d.%m.%Y") in russian
    before = Weeks()
    before(finding("breach"))
    before.stored["message_json"] = None
    later = before(finding("unknown"))
    assert said("ru", later["message_json"].item()).startswith("breach (на неделю по ")
    gone = run(active=())
    assert said("ru", gone["message_json"].item()) == "больше не продаётся"


def test_an_article_that_sells_no_more_is_no_alert() -> None:
    """An open alert of it is over, a new one is not opened; the system's alerts know no articles."""
    run = Weeks()
    run(finding("breach"), finding("breach", ("*", "*", "*"), "no_run"))
    rows = run(finding("breach"), finding("breach", B), finding("breach", ("*", "*", "*"), "no_run"), active=())
    assert rows.set_index("rule")["state"].to_dict() == {"wape": "resolved", "no_run": "still_open"}
    assert rows.set_index("rule")["message"].to_dict() == {"wape": "no longer sold", "no_run": "breach"}


def test_rules_and_combinations_are_kept_apart() -> None:
    """Two combinations and two rules, each with a life of its own."""
    run = Weeks()
    run(finding("breach"), finding("calm", B), finding("breach", A, "bias"))
    rows = run(finding("calm"), finding("breach", B), finding("breach", A, "bias"))
    found = {(row["rule"], row["SKU_ID"]): row["state"] for row in rows.to_dict("records")}
    assert found == {("wape", "A1"): "resolved", ("wape", "B2"): "open", ("bias", "A1"): "still_open"}


def test_a_run_that_is_repeated_changes_nothing() -> None:
    """Judged again with its own rows stored: the same alerts, also where it opened or resolved them."""
    run = Weeks()
    run(finding("breach"))
    rows = run(finding("calm"), finding("breach", B))
    again = run.judge(CUTOFF + timedelta(weeks=1), finding("calm"), finding("breach", B))
    assert_frame_equal(again, rows)


@pytest.mark.slow
def test_weeks_played_again_in_order_give_what_they_gave() -> None:
    """A backfill knows the weeks before it, and not those after."""
    random = np.random.default_rng(2)
    plays = [
        [finding(str(random.choice(["breach", "between", "calm", "unknown"])), each) for each in (A, B)]
        for _ in range(18)
    ]
    run = Weeks()
    seen = [run(*findings) for findings in plays]
    for week, findings in enumerate(plays):
        cutoff = CUTOFF + week * timedelta(weeks=1)
        again = run.judge(cutoff, *findings)
        assert_frame_equal(again, seen[week])
        run.keep(again, cutoff)
    everything = pd.concat(seen)
    lives = everything.groupby("alert_id")["state"].agg(list)
    assert all(life[0] == "open" and set(life[1:-1]) <= {"still_open"} for life in lives)
    assert sum(life[-1] == "resolved" for life in lives) >= 3


def test_weeks_nobody_monitored_are_bridged() -> None:
    """The newest earlier week counts, however far back it lies."""
    run = Weeks()
    run(finding("breach"))
    rows = run.judge(CUTOFF + timedelta(weeks=5), finding("breach"))
    assert (states(rows), rows["n_open_weeks"].item()) == (["still_open"], 6)


# --- quiet and listed -----------------------------------------------------------------------------------------------


def acknowledge(run: Weeks, until: date) -> None:
    """Set the day in the newest rows, as the tool does."""
    is_newest = run.stored["cutoff"] == run.stored["cutoff"].max()
    run.stored["acknowledged_until"] = run.stored["acknowledged_until"].mask(is_newest, pd.Timestamp(until))


def test_an_acknowledged_alert_stays_quiet_until_its_day() -> None:
    """The day is carried along from week to week; after it the alert speaks again."""
    run = Weeks()
    run(finding("breach"))
    acknowledge(run, WEDNESDAY + timedelta(days=7))
    run(finding("breach"))
    rows = run(finding("breach"))
    assert is_quiet(rows, WEDNESDAY + timedelta(days=7)).tolist() == [True]
    assert is_quiet(rows, WEDNESDAY + timedelta(days=8)).tolist() == [False]


def test_a_repeated_run_keeps_what_was_acknowledged_since() -> None:
    """Acknowledged after the week's run: the run again does not forget it; the alert's next life does."""
    run = Weeks()
    run(finding("breach"))
    acknowledge(run, WEDNESDAY)
    assert is_quiet(run.judge(CUTOFF, finding("breach")), WEDNESDAY).all()
    run(finding("calm"))
    assert not is_quiet(run(finding("breach")), WEDNESDAY).any()


def test_a_week_filled_in_before_keeps_what_was_acknowledged() -> None:
    """The alert then opens a week earlier, under another name; what it is about is the same."""
    run = Weeks()
    run(finding("calm"))
    run(finding("breach"))
    acknowledge(run, WEDNESDAY + timedelta(days=30))
    before = run.judge(CUTOFF, finding("breach"))
    run.keep(before, CUTOFF)
    again = run.judge(CUTOFF + timedelta(weeks=1), finding("breach"))
    assert again["alert_id"].item() == before["alert_id"].item()
    assert is_quiet(again, WEDNESDAY).all()


def test_an_acknowledged_alert_that_is_over_says_so() -> None:
    """Quiet is what is open."""
    run = Weeks()
    run(finding("breach"))
    acknowledge(run, WEDNESDAY + timedelta(days=30))
    rows = run(finding("calm"))
    assert states(rows) == ["resolved"]
    assert not is_quiet(rows, WEDNESDAY).any()


def alert_rows(*lost: float | None, state: str = "still_open") -> pd.DataFrame:
    """Return one alert each with so much forecast wrongly; None is one of the system."""
    return pd.DataFrame(
        {
            "unit": ["*" if each is None else "U" for each in lost],
            "channel": "C",
            "SKU_ID": [f"S{number:02}" for number in range(len(lost))],
            "rule": "wape",
            "state": state,
            "lost_volume": pd.Series(lost, dtype="float64"),
            "acknowledged_until": pd.Series(pd.NaT, index=range(len(lost)), dtype="datetime64[us]"),
        }
    )


def test_the_digest_lists_the_largest_and_the_system_s() -> None:
    """Thirty combinations, the first the largest, and one alert of the system: twenty and one."""
    rows = alert_rows(*[100.0 - number for number in range(30)], None)
    assert listed(rows, WEDNESDAY).tolist() == [True] * LISTED + [False] * 10 + [True]


def test_all_alerts_of_a_listed_combination_are_listed() -> None:
    """The places are those of combinations."""
    rows = alert_rows(*[100.0 - number for number in range(LISTED)])
    twice = pd.concat([rows, rows.assign(rule="bias")], ignore_index=True)
    assert listed(twice, WEDNESDAY).all()


def test_what_is_over_or_acknowledged_is_not_listed() -> None:
    """Neither takes a place from another."""
    rows = alert_rows(3.0, 2.0)
    rows.loc[0, "acknowledged_until"] = pd.Timestamp(WEDNESDAY)
    assert listed(rows, WEDNESDAY).tolist() == [False, True]
    assert not listed(alert_rows(3.0, state="resolved"), WEDNESDAY).any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("days_back", "said"),
    [
        (0, "week 2026-11-29 has been monitored although it is not over, .*: acknowledge when it is over"),
        (7, "AS_OF: found 2026-11-18, but week 2026-11-29 has been monitored too and would not know; unset it"),
    ],
)
def test_a_later_week_refuses_an_acknowledgement(warehouse, run, days_back, said):
    """The message speaks of AS_OF only where the run is not about today."""
    later = CUTOFF + timedelta(weeks=1)
    weeks = Weeks()
    weeks()
    rows = weeks(finding("breach")).assign(is_listed=True, run_id=run.run_id, created_at=run.run_at)
    warehouse.replace(ALERTS, rows, later, run=run)
    back = timedelta(days=days_back)
    asked = replace(run, today=run.today - back, cutoff=run.cutoff - back)
    with pytest.raises(InputError, match=said):
        alerting.acknowledge(warehouse, asked, "wape-1", WEDNESDAY, WeekClock())
