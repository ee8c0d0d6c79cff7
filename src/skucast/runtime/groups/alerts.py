"""What is scored and shown, and what is an alert."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, field_validator

from skucast.runtime.groups.addresses import is_web_address
from skucast.runtime.groups.field import Group, field

CLOUD_JOB = re.compile(r"[a-z][a-z0-9-]{0,48}( --(region|project)[ =][a-z][a-z0-9-]+)*")


class Alerts(Group):
    """What is scored and shown, what is an alert, and when a run is late."""

    title: ClassVar[str] = "scorecard and alerts"

    lookback_weeks: int = field(5, "weeks to score", ["predict", "monitor", "alerts"], ge=1, le=104)
    dashboard_weeks: int = field(26, "weeks of accuracy shown on the dashboard", ["predict", "monitor"], ge=1, le=104)
    alert_wape: float = field(
        0.7,
        "WAPE of a week above which a combination is an alert, if ALERT_WEEKS weeks in a row have it",
        ["monitor"],
        gt=0,
    )
    alert_weeks: int = field(
        2,
        "scored weeks in a row that must be above ALERT_WAPE; weeks without a score do not count",
        ["monitor"],
        ge=1,
        le=26,
    )
    alert_bias: float = field(
        0.3,
        "bias of the window, in shares of sales, beyond which either way a combination is an alert",
        ["monitor"],
        gt=0,
    )
    alert_coverage: Annotated[float, Field(ge=0, le=0.8)] = field(
        0.6, "share of actuals inside the 80 % interval below which a combination is an alert, 0 to 0.8", ["monitor"]
    )
    alert_min_volume: float = field(
        10, "mean weekly sales of a year that a combination needs to be an alert", ["monitor"], ge=0
    )
    alert_fva: float = field(
        0.1, "a combination is an alert only if a naive forecast was better by so much WAPE", ["monitor"], ge=0
    )
    alert_forecast_coverage: Annotated[float, Field(ge=0, le=1)] = field(
        0.95, "share of the active combinations that must be forecast, 0 to 1", ["monitor", "freshness"]
    )
    max_model_age_weeks: int = field(
        26,
        "weeks that a model that forecasts may be old, refreshed or not, before it is an alert",
        ["monitor"],
        ge=1,
        le=520,
    )
    work_list_lines: int = field(
        20, "lines of the work list: what needs a person this week", ["predict", "monitor", "alerts"], ge=1, le=200
    )
    alert_webhook_url: SecretStr | None = field(
        None,
        "address that takes the digest of alerts, and what stops a forecast, as Slack does; a variable only, no flag",
        ["predict", "monitor"],
    )
    retrain_job: str = field(
        "retrain-models",
        "Cloud Run job that an alert's command starts: NAME [--region REGION] [--project PROJECT]",
        ["monitor", "alerts"],
    )
    retrain_alerts: int = field(
        0,
        "weeks that the alert of a combination may be open before monitoring has it trained anew; 0 = never",
        ["monitor"],
        ge=0,
        le=52,
    )
    retrain_limit: int = field(
        20, "combinations that RETRAIN_ALERTS has trained anew in one week at the most", ["monitor"], ge=1, le=200
    )
    retrain_cool_down_weeks: int = field(
        8, "weeks before RETRAIN_ALERTS may have the same combination trained anew again", ["monitor"], ge=1, le=104
    )
    forecast_due_days: int = field(
        4, "days after the end of a week by which its forecast must be there", ["freshness", "override"], ge=1, le=13
    )
    scorecard_due_days: int = field(
        6, "days after the end of a week by which its scorecard must be there", ["freshness"], ge=1, le=13
    )

    @field_validator("alert_webhook_url")
    @classmethod
    def _web_address(cls, value: SecretStr | None) -> SecretStr | None:
        url = "" if value is None else value.get_secret_value().strip()
        if url and not is_web_address(url):
            raise ValueError("expected https://HOST/PATH")
        return SecretStr(url) if url else None

    @field_validator("retrain_job")
    @classmethod
    def _job_for_gcloud(cls, value: str) -> str:
        if not CLOUD_JOB.fullmatch(value):
            raise ValueError("expected NAME [--region REGION] [--project PROJECT]")
        return value
