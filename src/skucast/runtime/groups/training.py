"""How models are trained, and by whom."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ValidationInfo, field_validator

from skucast.runtime.groups.addresses import is_host_and_port
from skucast.runtime.groups.field import FORECASTING, TRAINING, Group, field


class Training(Group):
    """How models are trained, and by whom."""

    title: ClassVar[str] = "training"

    engine: Literal["map", "cmdstan"] = field(
        "map", "map solves Prophet's model directly, cmdstan asks Prophet's own optimiser (needs TUNE=off)", TRAINING
    )
    tune: Literal["off", "fast", "full"] = field(
        "fast", "settings tried per combination: none but the default, 44, or 900", TRAINING
    )
    tune_average: int = field(
        3,
        "most settings whose forecasts are averaged, where that backtests better than the best",
        TRAINING,
        ge=1,
        le=20,
    )
    tune_origins: int = field(
        3, "rolling origins that choose settings, before those of the backtest", TRAINING, ge=2, le=52
    )
    backtest_origins: int = field(3, "rolling origins of the backtest", TRAINING, ge=3, le=52)
    seasonality_mode: Literal["additive", "multiplicative"] = field(
        "additive", "how season and regressors act in the default setting", TRAINING
    )
    changepoint_prior_scale: float = field(
        0.1, "how freely the trend may bend in the default setting", TRAINING, gt=0, le=10
    )
    max_worse: float = field(
        0.05,
        "how much worse than the stored model's settings new ones may backtest and still replace them, 0.05 = 5 % of "
        "WAPE; by more, at 3 origins or more, the stored model stays",
        TRAINING,
        ge=0,
        le=100,
    )
    only_if_better: bool = field(
        False, "replace a stored model only by settings that backtest better at 3 origins or more", TRAINING
    )
    naive_evidence: float = field(
        3.0,
        "standard errors by which the best naive method must backtest better than a model to forecast where the model "
        "would alone; 0 = whenever it is better, which is mostly luck",
        TRAINING,
        ge=0,
        le=1000,
    )
    backtests: bool = field(
        True, "keep what training has forecast at past origins, row by row, in the table of that name", TRAINING
    )
    dry_run: bool = field(
        False, "write nothing: show how stored and new settings backtest, and what a training would do", TRAINING
    )
    verify: bool = field(
        False,
        "train nothing: compare expected models, stored ones and the registry, exit 1 if they do not agree",
        ["train"],
    )
    refresh_after_weeks: int = field(
        4,
        "weeks that a model may be old; an older one is stale, as `--target @stale` names them, and refreshed to "
        "forecast",
        FORECASTING,
        ge=1,
        le=520,
    )
    refresh: bool = field(
        True,
        "fit stale models anew in memory, by their own settings on the newest sales, when they forecast",
        ["predict"],
    )
    keep_versions: int = field(
        26,
        "versions kept of each model, the live one among them; older ones are deleted when a new one is saved; 0 = all",
        TRAINING,
        ge=0,
        le=10_000,
    )
    workers: int = field(0, "processes for training; 0 = one per core", TRAINING, ge=0, le=256)
    joblib_backend: Literal["loky", "dask"] = field(
        "loky", "who runs the training processes: this machine, or a Dask cluster", TRAINING
    )
    dask_scheduler: str = field("", "address of the Dask cluster's scheduler, tcp://HOST:PORT", TRAINING)

    @field_validator("tune")
    @classmethod
    def _tuning_needs_our_solver(cls, value: str, others: ValidationInfo) -> str:
        if value != "off" and others.data.get("engine") == "cmdstan":
            raise ValueError("expected off with ENGINE=cmdstan, which would take days")
        return value

    @field_validator("dask_scheduler")
    @classmethod
    def _cluster_has_an_address(cls, value: str, others: ValidationInfo) -> str:
        if not value and others.data.get("joblib_backend") == "dask":
            raise ValueError("expected tcp://HOST:PORT with JOBLIB_BACKEND=dask")
        kind, _, place = value.partition("://")
        if value and not (kind in {"tcp", "tls", "ucx", "ws", "wss"} and is_host_and_port(place)):
            raise ValueError("expected tcp://HOST:PORT")
        return value
