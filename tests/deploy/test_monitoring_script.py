"""deploy/monitoring.sh: channels, policies, dashboards, made once and then updated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playing import ROOT, Step, once, play

pytestmark = pytest.mark.usefixtures("gcloud")


@pytest.fixture(scope="module")
def alerts(tools: Path, gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """Make them, again, for another address, and for none."""
    steps = {
        "alerts": "ALERT_EMAIL=ops@example.com deploy/monitoring.sh",
        "alerts again": "ALERT_EMAIL=ops@example.com deploy/monitoring.sh",
        "alerts of another": "ALERT_EMAIL=s@example.com deploy/monitoring.sh",
        "alerts of nobody": "deploy/monitoring.sh",
    }

    def played(folder: Path) -> list[Step]:
        return play(tools, folder, list(steps.values()))

    return dict(zip(steps, once("alerts", tmp_path_factory, played), strict=True))


def test_alerts_are_made_once_and_then_updated(alerts: dict[str, Step]) -> None:
    """One channel, one policy per file that goes there; the second run makes none."""
    made = [each["path"].rsplit("/", 1)[-1] for each in alerts["alerts"].sent("POST")]
    files = len(list((ROOT / "deploy" / "monitoring" / "alerts").glob("*.yaml")))
    assert made.count("notificationChannels") == 1
    assert made.count("alertPolicies") == files >= 1
    policies = [each["body"] for each in alerts["alerts"].sent("POST") if each["path"].endswith("/alertPolicies")]
    assert all(len(policy["notificationChannels"]) == 1 for policy in policies)
    assert made.count("dashboards") == 1
    [failed] = [policy for policy in policies if policy["displayName"] == "skucast: a job has failed"]
    assert "run.googleapis.com/job/completed_execution_count" in failed["conditions"][0]["conditionThreshold"]["filter"]
    again = alerts["alerts again"]
    assert again.code == 0, again.said
    assert not [
        each for each in again.sent("POST") if re.search(r"(Channels|Policies|dashboards|metrics)$", each["path"])
    ]
    assert len([each for each in again.sent("PATCH") if "/alertPolicies/" in each["path"]]) == files


def test_channels_of_policies_are_kept(alerts: dict[str, Step]) -> None:
    """An address that is a part of another is another; a run without an address takes nobody's away."""
    another, nobody = alerts["alerts of another"], alerts["alerts of nobody"]
    assert [each["path"].rsplit("/", 1)[-1] for each in another.sent("POST")].count("notificationChannels") == 1

    def n_channels(step: Step) -> set[int]:
        updates = [each["body"] for each in step.sent("PATCH") if "/alertPolicies/" in each["path"]]
        return {len(set(body["notificationChannels"])) for body in updates}

    assert n_channels(alerts["alerts again"]) == {1}
    assert n_channels(another) == n_channels(nobody) == {2}


def test_a_policy_waits_for_its_metric(tools: Path, tmp_path: Path) -> None:
    """Google does not know a new log metric at once, and says so; any other refusal stops the script."""
    unknown = "Cannot find metric(s) that match type = logging.googleapis.com/user/x; it could take up to 10 minutes"
    refused = "POST /alertPolicies$ 404"
    [waited] = play(tools, tmp_path, ["POLICY_PAUSE_S=0 deploy/monitoring.sh"], fail_once=refused, saying=unknown)
    assert waited.code == 0, waited.said
    assert "its metric is not known yet; once more in 0 s" in waited.said
    [stopped] = play(tools, tmp_path, ["deploy/monitoring.sh"], fail_once=refused.replace("404", "403"))
    assert stopped.code == 1
    assert "monitoring.sh stopped at: creating the policy" in stopped.said
