"""A model that was trained long ago is an alert, whether it is refreshed or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from builders import CUTOFF

from skucast.scorecard.rules import Rules
from skucast.scorecard.system_rules import ModelAges, SystemFacts, age_reason, mending_of_age, system_findings

RULES = Rules(0.7, 2, 0.3, 0.6, 10, 0.1, 0.95, 0.5, 0.05, max_model_age=26)
FACTS = SystemFacts(CUTOFF, CUTOFF, CUTOFF, 100, 99, 0.8, 0.01, "predict")


def found(ages: ModelAges) -> dict[str, Any]:
    """Return what the rule finds."""
    rows = system_findings(replace(FACTS, models=ages), RULES).set_index("rule")
    return {str(name): value for name, value in rows.loc["model_age"].items()}


def test_a_model_may_be_as_old_as_the_limit() -> None:
    """26 weeks are calm; 27 are a breach that names the oldest model and what trains it."""
    assert found(ModelAges({"Пермь/KA/A1": 26, "Пермь/KA/B2": 3}, 26))["verdict"] == "calm"
    old = found(ModelAges({"Пермь/KA/A1": 27, "Пермь/KA/B2": 61, "Пермь/KA/C3": 3}, 3))
    assert (old["verdict"], old["value"], old["value_limit"]) == ("breach", 61.0, 26.0)
    assert old["message"] == (
        "2 of 3 models trained more than 26 weeks ago, the oldest, 61 weeks, that of Пермь/KA/B2; "
        "run python retrain_models.py --target '@stale'"
    )


def test_the_panel_has_an_age_too() -> None:
    """Only a training of all combinations makes it anew."""
    old = found(ModelAges({"Пермь/KA/A1": 3}, 30))
    assert (old["verdict"], old["value"]) == ("breach", 30.0)
    assert old["message"] == "the panel was trained 30 weeks ago; run python run_all_skus.py"


def test_without_any_model_nothing_is_known() -> None:
    """Before the first training, and where nothing was forecast, no model is too old."""
    assert found(ModelAges())["verdict"] == "calm"
    assert age_reason(ModelAges(), 26) == ""


@pytest.mark.parametrize(
    ("ages", "job", "expected"),
    [
        (
            ModelAges({"a": 30}, 3),
            "retrain-models --region asia-south1",
            (
                "gcloud run jobs execute retrain-models --region asia-south1 "
                "--update-env-vars 'TARGET_COMBINATIONS=@stale'"
            ),
        ),
        (
            ModelAges({"a": 30}, 30),
            "retrain-models --region asia-south1",
            "gcloud run jobs execute train-all-models --region asia-south1",
        ),
    ],
)  # fmt: skip
def test_the_command_of_cloud_run(ages: ModelAges, job: str, expected: str) -> None:
    """The job of the settings, with its place; that of all combinations where the panel is old."""
    assert mending_of_age(ages, 26, job)[1] == expected
