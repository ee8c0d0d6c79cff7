"""The work list: one line per matter, the largest first, each with what a planner and an engineer can do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from builders import CUTOFF, sunday
from work_lines import KAZAN, PERM, alert, lines, of_system, refused, trained

from skucast.core.combination import KEY, Combination
from skucast.core.tables.alerts import COMBINATION_RULES, REASONS, SYSTEM_RULES
from skucast.core.tables.records import RETRAININGS
from skucast.scorecard.missing import Missing
from skucast.scorecard.rules import Rules
from skucast.scorecard.system_rules import ModelAges, SystemFacts, system_findings
from skucast.scorecard.work_actions import ACTION_OF, ACTIONS, ENGINEER, MENDED_BY_TRAINING, WHAT, for_planners
from skucast.scorecard.work_list import names_of

RULES = Rules(0.7, 2, 0.3, 0.6, 10.0, 0.1, forecast_share=0.95, plan_share=0.5, failed_share=0.05)
EVERY_RULE = {*COMBINATION_RULES, *SYSTEM_RULES}


def test_every_rule_and_reason_has_something_to_do_for_planner_and_engineer() -> None:
    """The table is complete and holds nothing else; every action is used, and says something."""
    assert set(ACTION_OF) == set(ENGINEER) == {*REASONS, *EVERY_RULE}
    assert set(WHAT) == {*EVERY_RULE, "file"}
    assert set(ACTION_OF) >= MENDED_BY_TRAINING
    assert {*ACTION_OF.values(), "send_file_again", "send_rows_again"} == set(ACTIONS)


def test_a_planner_is_told_to_run_nothing() -> None:
    """Neither by an action nor by what a rule of the system found: commands, settings and logs are the engineer's."""
    broken = SystemFacts(
        cutoff=CUTOFF,
        data_cutoff=sunday(1),
        newest_cutoff=sunday(1),
        n_active=100,
        n_forecast=50,
        plan_share=0.1,
        failed_share=0.2,
        job="predict",
        missing=Missing((Combination(*PERM),)),
        models=ModelAges({"Пермь/KA/A1": 40}, 30),
    )
    found = pd.concat([system_findings(facts, RULES) for facts in (broken, replace(broken, newest_cutoff=None))])
    found = found[found["verdict"] == "breach"]
    assert set(found["rule"]) == set(SYSTEM_RULES)
    said = [for_planners(*each) for each in found[["rule", "message"]].itertuples(index=False, name=None)]
    for text in [*said, *ACTIONS.values(), *WHAT.values()]:
        assert not any(word in text for word in ("run ", "python", ".py", "TARGET_", "ACCEPT_", " log", "@stale"))
    assert "the newest forecasts are those of 2026-11-15" in said
    assert "no forecast was ever published" in said


def test_the_whole_comes_first_then_what_most_is_at_stake_of_then_files() -> None:
    """Several alerts of a combination are one line; its volume is that of the larger one."""
    found = lines(
        alert(PERM, "wape", lost_volume=400.0),
        alert(KAZAN, "bias", lost_volume=650.0),
        alert(PERM, "bias", lost_volume=400.0),
        alert(("Казань", "TF", "C3"), state="resolved"),
        of_system("sales_late", "Пермь is delivered through 2026-11-15", value=1.0, value_limit=0.0),
        refused=refused(("plan.xlsx", "7 of 8 rows refused in plan.xlsx", date(2026, 11, 24))),
    )
    assert found["about"].tolist() == ["sales_late", "Казань/KA/B2", "Пермь/KA/A1", "plan.xlsx"]
    assert found["kind"].tolist() == ["system", "combination", "combination", "file"]
    assert found["at_stake"].fillna(-1).tolist() == [-1, 650, 400, -1]
    assert found["size"].fillna(-1).tolist() == [1, 650, 400, -1]
    (perm,) = found[found["about"] == "Пермь/KA/A1"].to_dict("records")
    assert perm["rules"] == "bias,wape"
    assert perm["what"] == "The forecast leans to one side; Large errors"
    assert perm["why"] == "sales have moved to another level: the last 4 weeks sold 50.0 a week"
    assert (perm["action"], perm["to_do"]) == ("confirm_level", ACTIONS["confirm_level"])
    assert perm["command"] == "python retrain_models.py --target 'it'"
    assert names_of(perm) == {perm["line_id"], "Пермь/KA/A1", "bias-A1", "wape-A1"}


def test_a_line_keeps_its_name_and_is_new_only_in_its_first_week() -> None:
    """Whatever alerts it has: one that was open before makes it an old matter."""
    (new,) = lines(alert(PERM)).to_dict("records")
    (old,) = lines(alert(PERM), alert(PERM, "bias", weeks=3)).to_dict("records")
    assert new["line_id"] == old["line_id"]
    assert (new["is_new"], old["is_new"]) == (True, False)
    assert (new["opened"], old["opened"]) == (pd.Timestamp(CUTOFF), pd.Timestamp(CUTOFF))


def test_what_training_does_not_mend_has_no_command() -> None:
    """A plan, the stock, the delivery and small volumes; of the others there is one."""
    has_command = {reason: bool(lines(alert(PERM, reason=reason))["command"].notna().item()) for reason in REASONS}
    assert {reason for reason, has in has_command.items() if has} == {"level_shift", "stale_model", "unexplained"}


@pytest.mark.parametrize(
    ("weeks_ago", "opened_weeks", "says"),
    [
        (0, 1, "trained anew on 2026-11-25, after this was opened: up to week 2026-12-20"),
        (2, 4, "trained anew on 2026-11-11, after this was opened: up to week 2026-12-06"),
        (3, 2, None),  # what opened it came after the training
        (4, 6, None),  # its window has no week of the model before any more
    ],
)
def test_a_model_that_was_trained_since_is_not_to_be_trained_again(
    weeks_ago: int, opened_weeks: int, says: str | None
) -> None:
    """As long as the window of four weeks holds forecasts of the model before."""
    found = lines(alert(PERM, weeks=opened_weeks), trained=trained(PERM, sunday(weeks_ago)))
    assert found["command"].isna().item() == (says is not None)
    assert found["engineer"].item().startswith(says or "train it anew on the new level")


@pytest.mark.parametrize(
    ("asked_weeks_ago", "state", "says"),
    [
        ([0], "started", "its training was asked for in week 2026-11-22"),
        ([0], "failed", None),
        ([0], "refused", None),
        ([1], "started", None),  # whatever became of it, the registry knows no training
        ([9, 3], "done", "training does not mend it: 2 were tried"),
    ],
)
def test_what_was_asked_for_is_not_asked_for_again(asked_weeks_ago: list[int], state: str, says: str | None) -> None:
    """In the same week; and what two trainings have not mended no third one does."""
    names = dict(zip(KEY, PERM, strict=True))
    asked = pd.DataFrame([{**names, "cutoff": pd.Timestamp(sunday(ago)), "state": state} for ago in asked_weeks_ago])
    found = lines(alert(PERM, weeks=12), asked=asked.reindex(columns=RETRAININGS.column_names))
    assert found["command"].isna().item() == (says is not None)
    assert found["engineer"].item().startswith(says or "train it anew on the new level")


def test_promotions_to_come_are_named() -> None:
    """Whoever checks the plan sees what the forecast knew of it."""
    weeks = [pd.Timestamp(date(2026, 12, 6)), pd.Timestamp(date(2026, 11, 29))]
    planned = pd.DataFrame([{**dict(zip(KEY, PERM, strict=True)), "ds": ds} for ds in weeks])
    found = lines(alert(PERM), alert(KAZAN), planned=planned).set_index("about")["planned"]
    assert found.to_dict() == {"Пермь/KA/A1": "2026-11-29, 2026-12-06", "Казань/KA/B2": ""}


def test_nothing_is_open() -> None:
    """An empty list has its columns all the same."""
    assert lines().empty
    assert "line_id" in lines()
