"""Settings of a run: flags over environment over `.env` over defaults. The only reader of the environment."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from skucast.core.combination import parse_targets
from skucast.core.errors import InputError
from skucast.core.places import Endpoints
from skucast.core.pool import Pool
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS, SCENARIOS
from skucast.core.tables.records import LOADS, PUBLISHES, REGISTRY, RUNS
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS, SALES, WEATHER
from skucast.core.tables.scorecard import METRICS
from skucast.core.weeks import Anchor, WeekClock

Job = Literal[
    "train",
    "retrain",
    "predict",
    "monitor",
    "load",
    "rollback",
    "promotions",
    "alerts",
    "freshness",
    "doctor",
    "demo",
    "looker-views",
    "looker-url",
]

SALES_JOBS: tuple[Job, ...] = ("train", "retrain", "predict", "monitor")
EVERY_JOB: tuple[Job, ...] = (*SALES_JOBS, "load", "rollback", "promotions", "alerts", "freshness", "doctor", "demo")
CALENDAR: tuple[Job, ...] = (*SALES_JOBS, "promotions", "alerts", "freshness", "doctor", "demo")
CLOUD: tuple[Job, ...] = (*SALES_JOBS, "rollback", "promotions", "alerts", "freshness", "doctor")
LOGGING: tuple[Job, ...] = (*SALES_JOBS, "load", "rollback", "promotions", "alerts", "freshness", "demo")
TRAINING: tuple[Job, ...] = ("train", "retrain")
FORECASTING: tuple[Job, ...] = ("train", "retrain", "predict")
HOLIDAYS: tuple[Job, ...] = (*TRAINING, "monitor")
WITH_WEATHER: tuple[Job, ...] = (*FORECASTING, "doctor")

MAX_HORIZON_WEEKS = 26

_BIGQUERY = re.compile(r"bigquery://[a-z][a-z0-9-]{4,61}[a-z0-9]/[A-Za-z_][A-Za-z0-9_]{0,199}")
_BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/(?!\.{1,2}(/|$))[\w. -]+)*/?")
_HTTP_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?")
_HTTP_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[\w./-]*)?")
_GRPC_ENDPOINT = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}")
_CLOUD_JOB = re.compile(r"[a-z][a-z0-9-]{0,48}( --(region|project)[ =][a-z][a-z0-9-]+)*")
_TABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


def _field(default: Any, description: str, jobs: Sequence[Job] = EVERY_JOB, **rules: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"jobs": list(jobs)}, **rules)


def _table(table: Table, jobs: Sequence[Job] = EVERY_JOB) -> Any:
    return _field(table.name, f"name of the {table.label} table", jobs)


class Settings(BaseSettings):
    """Every setting of every job; each is a flag (`--business-tz`), a variable (`BUSINESS_TZ`) and has a default.

    A secret is no flag: whoever lists a machine's processes reads their command lines.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",  # with or without the mark that some editors put first
        extra="ignore",
        frozen=True,
        validate_default=True,
        env_ignore_empty=False,
    )

    warehouse: str = _field(
        "duckdb:local/warehouse.duckdb",
        "where the tables are: duckdb:FILE or bigquery://PROJECT/DATASET",
        [*EVERY_JOB, "looker-views", "looker-url"],
    )
    model_store: str = _field(
        "local/models",
        "where the models are: a folder or gs://BUCKET[/PREFIX]",
        [*SALES_JOBS, "rollback", "doctor", "demo"],
    )
    staging: str = _field(
        "local/staging",
        "where the dashboard is written and planners' files are read: a folder or gs://BUCKET[/PREFIX]",
        ["predict", "monitor", "promotions", "doctor", "demo"],
    )
    as_of: date | None = _field(None, "business date to run for, YYYY-MM-DD (default: today)", CALENDAR)

    business_tz: str = _field("Europe/Moscow", "time zone of the business day", CALENDAR)
    week_anchor: Anchor = _field("SUN", "day that ends a week: MON to SUN", CALENDAR)
    sales_grain: Literal["day", "week"] = _field(
        "day", "what one sales row covers: a day, or a whole week", [*SALES_JOBS, "promotions", "doctor"]
    )
    sales_columns: str = _field(
        "",
        "columns of the sales table, or of a file to load, named otherwise: ours=theirs;..., e.g. quantity=qty",
        [*SALES_JOBS, "promotions", "doctor"],
    )
    target_combinations: str | None = _field(
        None,
        "only these: Unit/Channel/SKU_ID separated by ; or , (* within a part), a JSON list, or @file.csv",
        FORECASTING,
    )

    horizon_weeks: int = _field(
        4, f"weeks to forecast, 1 to {MAX_HORIZON_WEEKS}", [*FORECASTING, "promotions"], ge=1, le=MAX_HORIZON_WEEKS
    )
    interval_paths: int = _field(
        500, "simulated paths behind the 80 % interval, 100 to 10000", ["predict"], ge=100, le=10_000
    )
    inactive_after_weeks: int = _field(
        13, "weeks without a sale until a combination is inactive", SALES_JOBS, ge=1, le=520
    )
    min_history_weeks: int = _field(26, "known weeks that a model needs", FORECASTING, ge=13, le=520)
    allowed_late_weeks: int = _field(
        1, "weeks that sales may be late before LATE_SALES applies", ["predict", "doctor"], ge=0, le=52
    )
    late_sales: Literal["bridge", "stop"] = _field(
        "bridge", "sales later than allowed: forecast through, or stop", ["predict"]
    )
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = _field(
        0.05, "share of combinations that may fail before nothing is published, 0 to 1", SALES_JOBS
    )

    scenario: str | None = _field(
        None, "name of a what-if: forecast with the plan of PROMOTIONS into the scenarios table alone", ["predict"]
    )
    promotions: str | None = _field(
        None,
        "file of promotions, CSV or xlsx: SCENARIO is the forecast as if it were sent now, in place of the plan of the "
        "names and days that it covers",
        ["predict"],
    )
    min_promo_coverage: Annotated[float, Field(ge=0, le=1)] = _field(
        0.5,
        "share of forecast weeks that the promotions plan must cover, else the run warns; 0 to 1",
        ["predict", "monitor"],
    )

    holiday_country: str = _field("RU", "ISO code of the holiday calendar; empty = none", HOLIDAYS)
    holiday_subdivision: str = _field(
        "", "part of the country with holidays of its own, such as CA in the US; empty = none", HOLIDAYS
    )
    holiday_calendar: str = _field(
        "", "CSV file of local events, name,date,days_before,days_after: a path on this machine", HOLIDAYS
    )
    engine: Literal["map", "cmdstan"] = _field(
        "map", "map solves Prophet's model directly, cmdstan asks Prophet's own optimiser (needs TUNE=off)", TRAINING
    )
    tune: Literal["off", "fast", "full"] = _field(
        "fast", "settings tried per combination: none but the default, 44, or 900", TRAINING
    )
    tune_average: int = _field(
        3,
        "most settings whose forecasts are averaged, where that backtests better than the best",
        TRAINING,
        ge=1,
        le=20,
    )
    tune_origins: int = _field(
        3, "rolling origins that choose settings, before those of the backtest", TRAINING, ge=2, le=52
    )
    backtest_origins: int = _field(3, "rolling origins of the backtest", TRAINING, ge=3, le=52)
    seasonality_mode: Literal["additive", "multiplicative"] = _field(
        "additive", "how season and regressors act in the default setting", TRAINING
    )
    changepoint_prior_scale: float = _field(
        0.1, "how freely the trend may bend in the default setting", TRAINING, gt=0, le=10
    )
    force: bool = _field(False, "train again even if the model of this cutoff exists", ["train"])
    verify: bool = _field(
        False, "train nothing: compare expected with stored models, exit 1 if any is missing", ["train"]
    )

    lookback_weeks: int = _field(5, "weeks to score", ["monitor"], ge=1, le=104)
    dashboard_weeks: int = _field(26, "weeks of accuracy shown on the dashboard", ["monitor"], ge=1, le=104)

    alert_wape: float = _field(
        0.7,
        "WAPE of a week above which a combination is an alert, if ALERT_WEEKS weeks in a row have it",
        ["monitor"],
        gt=0,
    )
    alert_weeks: int = _field(
        2,
        "scored weeks in a row that must be above ALERT_WAPE; weeks without a score do not count",
        ["monitor"],
        ge=1,
        le=26,
    )
    alert_bias: float = _field(
        0.3,
        "bias of the window, in shares of sales, beyond which either way a combination is an alert",
        ["monitor"],
        gt=0,
    )
    alert_coverage: Annotated[float, Field(ge=0, le=0.8)] = _field(
        0.6, "share of actuals inside the 80 % interval below which a combination is an alert, 0 to 0.8", ["monitor"]
    )
    alert_min_volume: float = _field(
        10, "mean weekly sales of a year that a combination needs to be an alert", ["monitor"], ge=0
    )
    alert_fva: float = _field(
        0.1, "a combination is an alert only if a naive forecast was better by so much WAPE", ["monitor"], ge=0
    )
    alert_forecast_coverage: Annotated[float, Field(ge=0, le=1)] = _field(
        0.95, "share of the active combinations that must be forecast, 0 to 1", ["monitor"]
    )
    alert_webhook_url: SecretStr | None = _field(
        None, "address that takes the digest of alerts, as Slack does; a variable only, no flag", ["monitor"]
    )
    retrain_job: str = _field(
        "retrain-models",
        "Cloud Run job that an alert's command starts: NAME [--region REGION] [--project PROJECT]",
        ["monitor"],
    )
    forecast_due_days: int = _field(
        4, "days after the end of a week by which its forecast must be there", ["freshness"], ge=1, le=13
    )
    scorecard_due_days: int = _field(
        6, "days after the end of a week by which its scorecard must be there", ["freshness"], ge=1, le=13
    )

    workers: int = _field(0, "processes for training; 0 = one per core", TRAINING, ge=0, le=256)
    joblib_backend: Literal["loky", "dask"] = _field(
        "loky", "who runs the training processes: this machine, or a Dask cluster", TRAINING
    )
    dask_scheduler: str = _field("", "address of the Dask cluster's scheduler, tcp://HOST:PORT", TRAINING)
    log_format: Literal["auto", "text", "json"] = _field(
        "auto", "text for people, json for Cloud Logging; auto = by place", LOGGING
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = _field("INFO", "least severity that is logged", LOGGING)

    weather: bool = _field(False, "use the weather at the units' locations (docs/weather.md)", WITH_WEATHER)
    weather_climate_years: int = _field(
        10, "years of observed weather behind the usual weather of a unit and day of the year", FORECASTING, ge=1, le=80
    )
    open_meteo_api_key: SecretStr | None = _field(
        None, "key of Open-Meteo, for commercial use; a variable only, no flag", WITH_WEATHER
    )
    open_meteo_forecast_url: str = _field(
        "https://api.open-meteo.com/v1/forecast", "address of the forecast API", WITH_WEATHER
    )
    open_meteo_archive_url: str = _field(
        "https://archive-api.open-meteo.com/v1/archive", "address of the archive of observed weather", WITH_WEATHER
    )

    sales_table: str = _table(SALES, [*SALES_JOBS, "load", "promotions", "doctor", "demo"])
    promotions_table: str = _table(PROMOTIONS, [*SALES_JOBS, "promotions", "doctor", "demo"])
    locations_table: str = _table(LOCATIONS, [*FORECASTING, "load", "doctor"])
    weather_table: str = _table(WEATHER, [*FORECASTING, "doctor"])
    forecasts_table: str = _table(FORECASTS, ["predict", "monitor", "freshness", "doctor", "demo", "looker-views"])
    scenarios_table: str = _table(SCENARIOS, ["predict"])
    metrics_table: str = _table(METRICS, ["monitor", "doctor", "demo", "looker-views"])
    alerts_table: str = _table(ALERTS, ["monitor", "alerts", "freshness", "doctor", "demo", "looker-views"])
    registry_table: str = _table(REGISTRY, [*TRAINING, "monitor", "doctor", "demo"])
    runs_table: str = _table(RUNS)
    publishes_table: str = _table(PUBLISHES)
    loads_table: str = _table(LOADS, [*FORECASTING, "load", "promotions", "doctor", "demo"])

    gcs_endpoint: str | None = _field(
        None, "stand-in for Cloud Storage, http://HOST:PORT; none = the real service", CLOUD
    )
    bigquery_endpoint: str | None = _field(
        None, "stand-in for BigQuery, http://HOST:PORT; none = the real service", CLOUD
    )
    bigquery_storage_endpoint: str | None = _field(
        None, "stand-in for the BigQuery Storage API, HOST:PORT; none = that of BIGQUERY_ENDPOINT has none", CLOUD
    )

    cloud_run_job: str | None = _field(None, "set by Cloud Run: name of the job", [])
    cloud_run_execution: str | None = _field(None, "set by Cloud Run: name of the execution", [])
    cloud_run_task_index: int = _field(0, "set by Cloud Run: number of this task", [], ge=0)
    cloud_run_task_count: int = _field(1, "set by Cloud Run: tasks of the execution", [], ge=1, le=10_000)
    cloud_run_task_attempt: int = _field(0, "set by Cloud Run: tries of this task before", [], ge=0)

    @field_validator("as_of", mode="before")
    @classmethod
    def _calendar_date(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            day = date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("expected a date of the calendar, YYYY-MM-DD") from None
        if not 1990 <= day.year <= 2099:
            raise ValueError("expected a date from 1990 to 2099")
        return day

    @field_validator("business_tz")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # what zoneinfo raises for unknown, malformed and folder names
            raise ValueError("expected a time zone name such as Europe/Moscow") from None
        return value

    @field_validator("warehouse")
    @classmethod
    def _known_warehouse(cls, value: str) -> str:
        if not re.fullmatch(r"duckdb:(?!:|md:).+", value) and not _BIGQUERY.fullmatch(value):
            raise ValueError("expected duckdb:FILE or bigquery://PROJECT/DATASET")
        return value

    @field_validator("model_store", "staging")
    @classmethod
    def _known_place(cls, value: str) -> str:
        is_uri = value.startswith("gs:") or "://" in value
        if not value.strip() or (is_uri and not _BUCKET.fullmatch(value)):
            raise ValueError("expected a folder or gs://BUCKET[/PREFIX]")
        return value

    @field_validator("gcs_endpoint", "bigquery_endpoint")
    @classmethod
    def _http_address(cls, value: str | None) -> str | None:
        if value is not None and not _HTTP_ENDPOINT.fullmatch(value):
            raise ValueError("expected http://HOST:PORT, or no such variable for the real service")
        return value

    @field_validator("open_meteo_forecast_url", "open_meteo_archive_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        if not _HTTP_URL.fullmatch(value):
            raise ValueError("expected http(s)://HOST[:PORT]/PATH")
        return value

    @field_validator("open_meteo_api_key")
    @classmethod
    def _trimmed_key(cls, value: SecretStr | None) -> SecretStr | None:
        key = "" if value is None else value.get_secret_value().strip()  # secrets are often stored with a line break
        return SecretStr(key) if key else None

    @field_validator("alert_webhook_url")
    @classmethod
    def _web_address(cls, value: SecretStr | None) -> SecretStr | None:
        url = "" if value is None else value.get_secret_value().strip()
        if url and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
            raise ValueError("expected https://HOST/PATH")
        return SecretStr(url) if url else None

    @field_validator("retrain_job")
    @classmethod
    def _job_for_gcloud(cls, value: str) -> str:
        if not _CLOUD_JOB.fullmatch(value):
            raise ValueError("expected NAME [--region REGION] [--project PROJECT]")
        return value

    @field_validator("bigquery_storage_endpoint")
    @classmethod
    def _grpc_address(cls, value: str | None) -> str | None:
        if value is not None and not _GRPC_ENDPOINT.fullmatch(value):
            raise ValueError("expected HOST:PORT, or no such variable for the real service")
        return value

    @field_validator("holiday_country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        import holidays

        if value and value not in holidays.list_supported_countries():
            raise ValueError("expected an ISO country code such as RU, or nothing")
        return value

    @field_validator("holiday_subdivision")
    @classmethod
    def _part_of_the_country(cls, value: str, others: ValidationInfo) -> str:
        import holidays

        country = others.data.get("holiday_country")
        if not value or country is None:  # a wrong country is a mistake of its own
            return value
        known = holidays.list_supported_countries().get(country, [])
        if not known:
            why = f"HOLIDAY_COUNTRY={country} has no such parts" if country else "HOLIDAY_COUNTRY is empty"
            raise ValueError(f"expected nothing, {why}")
        if value not in known:
            raise ValueError(f"expected a part of {country} such as {', '.join(known[:5])}, or nothing")
        return value

    @field_validator("holiday_calendar")
    @classmethod
    def _local_csv(cls, value: str) -> str:
        if value and ("://" in value or not value.lower().endswith(".csv")):
            raise ValueError("expected the path of a .csv file on this machine (no gs://), or nothing")
        return value

    @field_validator("target_combinations")
    @classmethod
    def _target_list(cls, value: str | None) -> str | None:
        if value is not None:
            _as_value_error(parse_targets, value)
        return value

    @field_validator("sales_columns")
    @classmethod
    def _column_map(cls, value: str) -> str:
        _as_value_error(parse_column_map, value)
        return value

    @field_validator(*(f"{table.label}_table" for table in TABLES))
    @classmethod
    def _safe_table_name(cls, value: str) -> str:
        if not _TABLE_NAME.fullmatch(value):
            raise ValueError("expected a table name of letters, digits and _")
        return value

    @field_validator("scenario")
    @classmethod
    def _scenario_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"\w[\w .-]{0,59}", value):
            raise ValueError("expected a name of up to 60 letters, digits, blanks, dots and dashes")
        return value

    @field_validator("promotions")
    @classmethod
    def _scenario_has_a_file(cls, value: str | None, others: ValidationInfo) -> str | None:
        if (value is None) != (others.data.get("scenario") is None):
            raise ValueError("expected a file together with SCENARIO, which names what it is for")
        return value

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
        return value

    @field_validator("cloud_run_task_count")
    @classmethod
    def _tasks_of_one_execution(cls, count: int, others: ValidationInfo) -> int:
        index = others.data.get("cloud_run_task_index", 0)
        if index >= count:
            raise ValueError(f"expected more than CLOUD_RUN_TASK_INDEX={index}")
        if count > 1 and not others.data.get("cloud_run_execution"):
            raise ValueError("expected CLOUD_RUN_EXECUTION too: the tasks of one execution share its name")
        return count

    @property
    def clock(self) -> WeekClock:
        """The week clock of this business."""
        return WeekClock(self.week_anchor, self.business_tz)

    @property
    def targets(self) -> list[str] | None:
        """Unresolved target items, or None for all combinations."""
        return None if self.target_combinations is None else parse_targets(self.target_combinations)

    @property
    def table_names(self) -> dict[str, str]:
        """Physical table name by label of the contract."""
        return {table.label: getattr(self, f"{table.label}_table") for table in TABLES}

    @property
    def endpoints(self) -> Endpoints:
        """Where the cloud services are: the real ones, or stand-ins."""
        return Endpoints(self.bigquery_endpoint, self.bigquery_storage_endpoint, self.gcs_endpoint)

    @property
    def pool(self) -> Pool:
        """Who trains: `workers` processes, or one per core this process may use (affinity, container limits count)."""
        import joblib

        return Pool(
            self.workers or int(joblib.cpu_count()), self.dask_scheduler if self.joblib_backend == "dask" else None
        )

    @property
    def on_cloud_run(self) -> bool:
        """Whether this process is a Cloud Run task."""
        return self.cloud_run_execution is not None


class _Targeted(Settings):
    """Settings of the retrain script, which must be told what it is about: neither unset nor empty means all."""

    target_combinations: str


def parse_column_map(text: str, table: Table = SALES) -> dict[str, str]:
    """Return the source's column name by ours, from `ours=theirs;...`.

    Raises:
        InputError: an item without `=`, or a name on the left that the table does not have or that was given before.
    """
    known = table.column_names
    mapping: dict[str, str] = {}
    for item in filter(None, (piece.strip() for piece in text.split(";"))):
        ours, equals, theirs = (piece.strip() for piece in item.partition("="))
        if not equals or ours not in known or not theirs:
            raise InputError(f"{item!r}: expected ours=theirs with ours one of {', '.join(known)}")
        if ours in mapping:
            raise InputError(f"{item!r}: expected ours=theirs once for each of ours, {ours} has {mapping[ours]!r}")
        mapping[ours] = theirs
    return mapping


def _as_value_error(parse: Any, value: str) -> None:
    try:
        parse(value)
    except InputError as error:
        raise ValueError(str(error)) from None


# --- Reading them ---------------------------------------------------------------------------------------------------


def load_settings(job: Job, argv: Sequence[str], description: str) -> Settings:
    """Return the settings of one script from its flags, the environment and `.env`.

    Raises:
        InputError: naming all mistakes, one line each: variable, what was found, what was expected.
        SystemExit: after `--help` (0) or an unknown flag (2).
    """
    flags = vars(_parser(job, description).parse_args(argv))
    return settings_from(flags, _Targeted if job == "retrain" else Settings)


def settings_from(flags: Mapping[str, object], kind: type[Settings] = Settings) -> Settings:
    """Return the settings given as flags (None = not given), completed from environment, `.env` and defaults.

    Raises:
        InputError: naming all mistakes, one line each.
    """
    try:
        return kind(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise InputError("\n".join(_mistakes(error))) from None
    except UnicodeDecodeError as error:
        raise InputError(f".env: cannot be read ({error}); save it as UTF-8") from None


def add_flags(parser: argparse.ArgumentParser, job: Job) -> None:
    """Add one flag per setting that the job reads; each says its variable and default."""
    for name, field in Settings.model_fields.items():
        if job in _jobs(field) and not _is_secret(field):
            _add_flag(parser, name, field)


def _parser(job: Job, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=description,
        epilog="A flag wins over its variable, a variable over the file .env, .env over the default. "
        "Exit codes: 0 done, 1 failed, 2 bad settings or input.",
        allow_abbrev=False,
    )
    add_flags(parser, job)
    if job == "retrain":
        parser.add_argument("--target", dest="target_combinations", help="short for --target-combinations")
    return parser


def _jobs(field: FieldInfo) -> list[str]:
    extra = field.json_schema_extra
    return list(extra["jobs"]) if isinstance(extra, dict) else []  # type: ignore[arg-type]


def _add_flag(parser: argparse.ArgumentParser, name: str, field: FieldInfo) -> None:
    shown = _shown_default(field)
    text = f"{field.description} [{name.upper()}; default: {shown}]".replace("%", "%%")
    flag = "--" + name.replace("_", "-")
    if field.annotation is bool:
        parser.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        parser.add_argument(flag, dest=name, default=None, metavar="VALUE", help=text)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _shown_default(field: FieldInfo) -> str:
    if field.default in (None, ""):
        return "none"
    return str(field.default).lower() if field.annotation is bool else str(field.default)


def _mistakes(error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors(include_url=False):
        name = str(mistake["loc"][0])
        if mistake["type"] == "missing":
            lines.append(_NO_TARGETS)
            continue
        text = mistake["msg"].removeprefix("Value error, ")
        field = Settings.model_fields[name]
        found = "a secret that is not shown" if _is_secret(field) else repr(mistake["input"])
        lines.append(f"{name.upper()}: found {found}: {text} ({field.description})")
    return lines


_NO_TARGETS = (
    "TARGET_COMBINATIONS: not set, but retraining needs it; give --target 'Unit/Channel/SKU_ID' (* within a part), "
    "or use run_all_skus.py for all"
)


def reference() -> str:
    """Return the page of all settings, Markdown."""
    lines = [_HEAD, "| variable | default | scripts | meaning |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        jobs = _jobs(field)
        scripts = "all" if set(SALES_JOBS) <= set(jobs) else ", ".join(_SCRIPT_NAMES.get(job, job) for job in jobs)
        if jobs:
            lines.append(f"| `{name.upper()}` | {_shown_default(field)} | {scripts} | {field.description} |")
    return "\n".join(lines) + "\n"


_HEAD = """# Settings

Made from `src/skucast/runtime/settings.py` by `make docs`; edit that, not this page. A flag wins over its variable, a
variable over the file `.env`, `.env` over the default. All mistakes are reported together.
"""
_SCRIPT_NAMES = {"train": "run_all"}


def only_for(job: Job, settings: Settings) -> Settings:
    """Return the settings that the job reads as they are, and all others at their defaults."""
    others = {name: field.default for name, field in Settings.model_fields.items() if job not in _jobs(field)}
    return settings.model_copy(update=others)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment in which a script has these settings, whatever `.env` says; None is what nobody sets."""
    others = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    given = {name.upper(): _plain(value) for name, value in settings if value is not None}
    return others | given


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def local_path(place: str) -> Path:
    """Return the folder or file of a local URI such as `duckdb:local/warehouse.duckdb` or `local/models`."""
    return Path(place.removeprefix("duckdb:"))
