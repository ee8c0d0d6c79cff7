"""deploy/schedules.sh, resume.sh and pause.sh: what starts the jobs, and when it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from playing import PROJECT, REGION, TRIGGERS, Step, once, play

pytestmark = pytest.mark.usefixtures("gcloud")


@pytest.fixture(scope="module")
def triggers(tools: Path, gcloud: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """Make them, refused in the middle; complete them, go live, change one, pause."""
    steps = {
        "triggers refused": "deploy/schedules.sh",
        "triggers": "deploy/schedules.sh",
        "live": "deploy/resume.sh",
        "triggers changed": "MONITOR_SCHEDULE='0 3 * * 5' deploy/schedules.sh",
        "live again": "deploy/resume.sh",
        "paused": "deploy/pause.sh",
        "paused again": "deploy/pause.sh",
    }

    def played(folder: Path) -> list[Step]:
        return play(tools, folder, list(steps.values()), fail_once="POST jobs/predict-weekly-trigger:pause 403")

    return dict(zip(steps, once("triggers", tmp_path_factory, played), strict=True))


def test_triggers_call_the_jobs_with_oauth_on_moscow_time(triggers: dict[str, Step]) -> None:
    """The v2 endpoint, which takes no OIDC token."""
    predict = triggers["triggers refused"].body(TRIGGERS)
    monitor, check = [each["body"] for each in triggers["triggers"].sent("POST") if each["path"] == TRIGGERS]
    assert check["schedule"] == "0 6,12,18 * * *"
    assert (predict["schedule"], monitor["schedule"]) == ("0 22 * * 3", "0 0 * * 5")
    assert predict["timeZone"] == monitor["timeZone"] == "Europe/Moscow"
    account = "rich-dist-scheduler@eztech-442521.iam.gserviceaccount.com"
    target = monitor["httpTarget"]
    assert target["oauthToken"] == {"serviceAccountEmail": account}
    assert target["httpMethod"] == "POST"
    assert target["uri"] == (
        f"https://run.googleapis.com/v2/projects/{PROJECT}/locations/{REGION}/jobs/monitor-performance:run"
    )


def test_a_new_trigger_is_paused_whatever_happens(triggers: dict[str, Step]) -> None:
    """Refused between creation and pausing, the next run pauses it; once it is live no update pauses it."""
    assert triggers["triggers refused"].code != 0
    assert triggers["triggers"].code == 0

    def actions(step: str) -> list[str]:
        paths = [each["path"] for each in triggers[step].sent("POST")]
        return [path.removeprefix(TRIGGERS) for path in paths]

    names = ["/predict-weekly-trigger", "/monitor-performance-trigger", "/check-freshness-trigger"]
    assert actions("triggers") == [f"{names[0]}:pause", "", f"{names[1]}:pause", "", f"{names[2]}:pause"]
    assert actions("live") == [f"{name}:resume" for name in names]
    assert actions("triggers changed") == []
    assert [each["body"]["schedule"] for each in triggers["triggers changed"].sent("PATCH")][1] == "0 3 * * 5"
    assert actions("paused") == [f"{name}:pause" for name in names]
    for repeated in ("live again", "paused again"):
        assert triggers[repeated].code == 0, triggers[repeated].said
        assert actions(repeated) == []
