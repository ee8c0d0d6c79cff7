"""Settings: flags over environment over `.env` over defaults, and every mistake named at once."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import pytest

from skucast.core.errors import InputError
from skucast.core.places import Endpoints
from skucast.core.tables.every import TABLES
from skucast.core.weeks import WeekClock
from skucast.runtime.column_map import parse_column_map
from skucast.runtime.reading import environment_of, load_settings, only_for, settings_from
from skucast.runtime.settings import Settings, local_path
from skucast.runtime.settings_reference import reference

PAGE = Path(__file__).parents[2] / "docs/reference/settings.md"
SCRIPTS = ("train", "retrain", "predict", "monitor")


def mistakes(**given: object) -> list[str]:
    """Return the lines that say what is wrong with these settings."""
    with pytest.raises(InputError) as caught:
        settings_from(given)
    return str(caught.value).splitlines()


def shown_help(job: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the script's `--help` on one line."""
    monkeypatch.setenv("COLUMNS", "500")
    with pytest.raises(SystemExit) as stop:
        load_settings(job, ["--help"], "What it does.")
    assert stop.value.code == 0
    return " ".join(capsys.readouterr().out.split())


# --- Precedence -----------------------------------------------------------------------------------------------------


def test_a_flag_wins_over_the_environment_over_env_file_over_default(monkeypatch):
    """Each level is used only where the ones above it say nothing."""
    assert load_settings("predict", [], "").horizon_weeks == 4
    Path(".env").write_text("HORIZON_WEEKS=5\nBUSINESS_TZ=Asia/Yekaterinburg\nUNRELATED=1\n")
    assert load_settings("predict", [], "").horizon_weeks == 5
    monkeypatch.setenv("HORIZON_WEEKS", "6")
    assert load_settings("predict", [], "").horizon_weeks == 6
    chosen = load_settings("predict", ["--horizon-weeks", "7"], "")
    assert (chosen.horizon_weeks, chosen.business_tz, chosen.week_anchor) == (7, "Asia/Yekaterinburg", "SUN")


def test_an_env_file_may_start_with_a_byte_order_mark():
    """Some editors put a mark before the first line; its setting counts all the same."""
    Path(".env").write_text("HORIZON_WEEKS=5\n", encoding="utf-8-sig")
    assert settings_from({}).horizon_weeks == 5


def test_a_switch_can_be_turned_off_by_its_flag(monkeypatch):
    """`--no-force` wins over FORCE=1, and a switch that is not given leaves the variable alone."""
    monkeypatch.setenv("FORCE", "1")
    assert load_settings("train", [], "").force
    assert not load_settings("train", ["--no-force"], "").force


def test_the_defaults_run_without_any_setting():
    """No flag, no variable, no file: embedded warehouse and folder, Moscow time, weeks that end on Sunday."""
    settings = load_settings("predict", [], "")
    assert settings.warehouse == "duckdb:local/warehouse.duckdb"
    assert local_path(settings.warehouse) == Path("local/warehouse.duckdb")
    assert settings.clock == WeekClock("SUN", "Europe/Moscow")
    assert settings.targets is None
    assert settings.table_names == {table.label: table.name for table in TABLES}
    assert settings.pool.workers >= 1


def test_values_arrive_in_their_types(monkeypatch):
    """Texts of the environment become dates, numbers and lists of targets."""
    monkeypatch.setenv("AS_OF", "2026-11-25")
    monkeypatch.setenv("TARGET_COMBINATIONS", "Пермь/*/*; Казань/KA/A1")
    monkeypatch.setenv("WEEK_ANCHOR", "FRI")
    settings = load_settings("retrain", ["--max-failed-share", "0.5", "--workers", "3"], "")
    assert settings.as_of == date(2026, 11, 25)
    assert settings.targets == ["Пермь/*/*", "Казань/KA/A1"]
    assert settings.clock.frequency == "W-FRI"
    assert (settings.max_failed_share, settings.pool.workers) == (0.5, 3)


@pytest.mark.parametrize(
    "place", ["local/models", "C:/models", "gs://abc", "gs://my-models.example.com/", "gs://models-1/Пермь/v 2.0"]
)
def test_models_and_dashboard_live_in_a_folder_or_a_bucket(place):
    """Any folder, a bucket, or a prefix in one."""
    assert settings_from({"model_store": place, "staging": place}).model_store == place


def test_endpoints_are_the_real_services_unless_given():
    """A stand-in is named by its address, each service on its own."""
    assert settings_from({}).endpoints == Endpoints(bigquery=None, bigquery_storage=None, storage=None)
    chosen = {"gcs_endpoint": "http://127.0.0.1:1", "bigquery_endpoint": "http://bq:2"}
    chosen["bigquery_storage_endpoint"] = "bq:3"
    assert settings_from(chosen).endpoints == Endpoints("http://bq:2", "bq:3", "http://127.0.0.1:1")


def test_target_is_short_for_target_combinations():
    """`--target` of the retrain script says the same as the variable's own flag."""
    for flag in ("--target", "--target-combinations"):
        assert load_settings("retrain", [flag, "Пермь/*/*"], "").targets == ["Пермь/*/*"]


def test_cloud_run_is_known_by_its_execution(monkeypatch):
    """The variable that Cloud Run sets tells where the process runs."""
    assert not settings_from({}).on_cloud_run
    monkeypatch.setenv("CLOUD_RUN_EXECUTION", "predict-weekly-x7k2p")
    assert settings_from({}).on_cloud_run


# --- Mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("horizon_weeks", "0", ": expected a whole number from 1 to 26 ("),
        ("horizon_weeks", "1000", ": expected a whole number from 1 to 26 ("),
        ("horizon_weeks", "four", ": expected a whole number from 1 to 26 ("),
        ("horizon_weeks", "2.5", ": expected a whole number from 1 to 26 ("),
        ("horizon_weeks", "", ": expected a whole number from 1 to 26 ("),
        ("locale", "de", "en"),
        ("as_of", "2026-02-29", "expected a date of the calendar, YYYY-MM-DD"),
        ("as_of", "25.11.2026", "expected a date of the calendar, YYYY-MM-DD"),
        ("business_tz", "Europe/Perm", "expected a time zone name such as Europe/Moscow"),
        ("business_tz", "Europe", "expected a time zone name"),
        ("business_tz", "../etc/passwd", "expected a time zone name"),
        ("business_tz", "", "expected a time zone name"),
        ("week_anchor", "Sunday", "'SUN'"),
        ("open_meteo_forecast_url", "api.open-meteo.com", "expected http(s)://HOST[:PORT]/PATH"),
        ("open_meteo_archive_url", "https://host/x?apikey=1", "expected http(s)://HOST[:PORT]/PATH"),
        ("weather_climate_years", "0", ": expected a whole number from 1 to 80 ("),
        ("sales_grain", "month", "'day' or 'week'"),
        ("late_sales", "ignore", "'bridge' or 'stop'"),
        ("log_format", "xml", "'auto', 'text' or 'json'"),
        ("log_level", "LOUD", ": expected 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("warehouse", "postgres://x", "expected duckdb:FILE"),
        ("warehouse", "duckdb:", "expected duckdb:FILE"),
        ("warehouse", "duckdb:///tmp/w.duckdb", "DATASET; did you mean duckdb:/tmp/w.duckdb? ("),
        ("target", "Пермь/KA/A1", "expected 'median' or 'mean'; did you mean --target-combinations"),
        ("target", "@alerts", "expected 'median' or 'mean'; did you mean --target-combinations"),
        ("target", "average", "expected 'median' or 'mean' ("),
        ("warehouse", "bigquery://nope/ds", "'nope' is no project's ID: 6 to 30"),
        ("warehouse", "bigquery://My-project/ds", "'My-project' is no project's ID"),
        ("warehouse", "bigquery://my-project/my-ds", "'my-ds' is no dataset's name: letters, digits and underscores"),
        ("warehouse", "bigquery://my-project/ds.sales", "'ds.sales' is no dataset's name"),
        ("warehouse", "bigquery://my-project", "found 1 part after bigquery://"),
        ("warehouse", "bigquery://my-project/ds/sales", "found 3 parts after bigquery://"),
        ("warehouse", "bigquery://my-project/ds%2A", "%2A is none of them: nothing is escaped here"),
        ("staging", "gs://my-bucket/a%2Ab", "%2A is none of them: nothing is escaped here"),
        ("staging", "gs://My_bucket/a", "'My_bucket' is no bucket's name"),
        ("staging", "gs://my-bucket/a//b", "the prefix 'a//b' has an empty part"),
        ("model_store", "s3://bucket", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("model_store", "gs:/bucket", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("model_store", "gs://Bucket", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("model_store", "gs://-bucket", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("model_store", "gs://bucket/a//b", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("model_store", "gs://bucket/a/../b", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("model_store", "gs://bucket/a?b", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("staging", " ", "expected a folder"),
        ("staging", "gs://", "expected a folder or gs://BUCKET[/PREFIX]"),
        ("gcs_endpoint", "", "expected http://HOST:PORT, or no such variable for the real service"),
        ("bigquery_endpoint", "127.0.0.1:9050", "expected http://HOST:PORT"),
        ("bigquery_storage_endpoint", "http://127.0.0.1:9060", "expected HOST:PORT"),
        ("holiday_country", "Russia", "expected an ISO country code such as RU"),
        ("holiday_subdivision", "CA", "expected nothing, HOLIDAY_COUNTRY=RU has no such parts"),
        ("holiday_calendar", "gs://bucket/events.csv", "expected the path of a .csv file on this machine (no gs://)"),
        ("holiday_calendar", "events.xlsx", "expected the path of a .csv file on this machine"),
        ("max_failed_share", "5", ": expected a number from 0 to 1 ("),
        ("max_failed_share", "0,2", ": expected a number from 0 to 1, with a decimal point ("),
        ("max_failed_share", "nan", "0 to 1"),
        ("changepoint_prior_scale", "0", ": expected a number above 0, at most 10 ("),
        ("changepoint_prior_scale", "nan", ": expected a number above 0, at most 10 ("),
        ("alert_wape", "-1", ": expected a number above 0 ("),
        ("alert_fva", "x", ": expected a number from 0 on ("),
        ("workers", "-1", ": expected a whole number from 0 to 256 ("),
        ("backtest_origins", "2", ": expected a whole number from 3 to 52 ("),
        ("force", "perhaps", ": expected true or false ("),
        ("sales_table", "sales; drop table x", "expected a table name of letters, digits and _"),
        ("forecasts_table", "", "expected a table name"),
        ("metrics_table", '"quoted"', "expected a table name"),
        ("runs_table", "1runs", "expected a table name"),
        ("loads_table", "таблица", "expected a table name"),
        ("retrain_job", "job; rm x", "expected NAME [--region REGION] [--project PROJECT]"),
        ("sales_columns", "menge=qty", "expected ours=theirs with ours one of date, unit, channel, SKU_ID, quantity"),
        ("target_combinations", "", "set but empty"),
        ("target_combinations", "U/C/..", "SKU_ID '..': not a usable name"),
        ("target_combinations", "U/C", "expected Unit/Channel/SKU_ID, three parts, found 2"),
        ("target_combinations", "@missing.csv", "cannot be read"),
    ],
)
def test_a_wrong_value_is_one_line_with_variable_found_and_expected(monkeypatch, name, value, expected):
    """The line starts with the variable, shows what was found, and says what was expected."""
    monkeypatch.setenv(name.upper(), value)
    lines = mistakes()
    assert len(lines) == 1
    assert lines[0].startswith(f"{name.upper()}: found {value!r}: ")
    assert expected in lines[0]


@pytest.mark.parametrize("given", ["service_level=1", "review_weeks=0", "levels=abc", "sales_columns=abc"])
def test_what_was_found_is_said_once(given):
    """A value that is read part by part is not repeated where it is one part alone."""
    name, value = given.split("=")
    (line,) = mistakes(**{name: value})
    assert line.count(repr(value)) == 1


def test_all_mistakes_are_reported_together(monkeypatch):
    """Flags, variables and the file are checked at once: one line each, nothing hides behind the first."""
    Path(".env").write_text("BUSINESS_TZ=Mars/Phobos\n")
    monkeypatch.setenv("HORIZON_WEEKS", "1000")
    monkeypatch.setenv("TARGET_COMBINATIONS", "")
    lines = mistakes(as_of="2026-02-29", sales_table="a b")
    names = ["AS_OF", "BUSINESS_TZ", "HORIZON_WEEKS", "SALES_TABLE", "TARGET_COMBINATIONS"]
    assert sorted(line.partition(":")[0] for line in lines) == names


def test_mistakes_between_settings_are_reported_with_the_others(monkeypatch):
    """A task number beyond the count, tasks without an execution, no targets to retrain: beside a wrong horizon."""
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "5")
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "2")
    with pytest.raises(InputError) as caught:
        load_settings("retrain", ["--horizon-weeks", "0"], "")
    lines = sorted(str(caught.value).splitlines())
    assert [line.partition(":")[0] for line in lines] == [
        "CLOUD_RUN_TASK_COUNT",
        "HORIZON_WEEKS",
        "TARGET_COMBINATIONS",
    ]
    assert lines[0].startswith("CLOUD_RUN_TASK_COUNT: found '2': expected more than CLOUD_RUN_TASK_INDEX=5")
    assert lines[2].startswith("TARGET_COMBINATIONS: not set, but retraining needs it; give --target")
    monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", "1")
    assert mistakes()[0].startswith("CLOUD_RUN_TASK_COUNT: found '2': expected CLOUD_RUN_EXECUTION too")


def test_settings_of_one_job_pass_to_a_process_whole(monkeypatch):
    """What the demo reads arrives in its scripts, other settings are their defaults, whatever `.env` says."""
    Path(".env").write_text("HORIZON_WEEKS=9\nSALES_COLUMNS=quantity=qty\nWEEK_ANCHOR=MON\nTARGET_COMBINATIONS=a/b/c\n")
    given = settings_from({"week_anchor": "FRI", "runs_table": "my_runs", "log_level": "ERROR"})
    demo = only_for("demo", given).model_copy(update={"target_combinations": "*/*/*"})
    environment = environment_of(demo)
    for name in set(os.environ) - set(environment):
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    arrived = settings_from({})
    assert arrived == demo
    assert (arrived.week_anchor, arrived.runs_table, arrived.log_level) == ("FRI", "my_runs", "ERROR")
    assert (arrived.horizon_weeks, arrived.sales_columns, arrived.targets) == (4, "", ["*/*/*"])


@pytest.mark.parametrize(("value", "key"), [("abc", "abc"), (" abc\n", "abc"), ("", None), (" ", None)])
def test_a_secret_is_shown_to_nobody(monkeypatch, value, key):
    """The key comes from the environment, without the line break that secrets are stored with; printing masks it."""
    monkeypatch.setenv("OPEN_METEO_API_KEY", value)
    found = settings_from({})
    secret = found.open_meteo_api_key
    assert (secret.get_secret_value() if secret else None) == key
    assert "abc" not in f"{found!r} {found}"


def test_a_secret_passes_to_a_process(monkeypatch):
    """As it is, not masked."""
    monkeypatch.setenv("OPEN_METEO_API_KEY", "abc")
    assert environment_of(settings_from({}))["OPEN_METEO_API_KEY"] == "abc"


@pytest.mark.parametrize(("given", "locale"), [("", ""), ("RU", "ru"), ("ru_RU.UTF-8", "ru"), ("en-GB", "en")])
def test_a_language_is_known_by_the_names_that_systems_give_it(monkeypatch, given, locale):
    """Empty is the reader's own."""
    monkeypatch.setenv("LOCALE", given)
    assert settings_from({}).locale == locale


def test_an_empty_country_means_no_holidays():
    """The holiday calendar can be turned off."""
    assert settings_from({"holiday_country": ""}).holiday_country == ""


def test_a_subdivision_is_one_of_the_country(monkeypatch):
    """California is a part of the US; Bavaria is not, nor is anything a part of no country; all mistakes are said."""
    monkeypatch.setenv("HOLIDAY_COUNTRY", "US")
    assert settings_from({"holiday_subdivision": "CA"}).holiday_subdivision == "CA"
    assert "found 'BY': expected a part of US such as AK, AL" in mistakes(holiday_subdivision="BY")[0]
    assert "HOLIDAY_COUNTRY is empty" in mistakes(holiday_country="", holiday_subdivision="CA")[0]
    assert [line.partition(":")[0] for line in mistakes(holiday_country="XX", holiday_subdivision="CA")] == [
        "HOLIDAY_COUNTRY"
    ]


def test_an_env_file_in_another_encoding_is_one_clear_line():
    """A `.env` saved as Windows-1251 is named, not thrown."""
    Path(".env").write_bytes("TARGET_COMBINATIONS=Пермь/KA/A1".encode("cp1251"))
    assert re.match(r"\.env: .*UTF-8", mistakes()[0])


def test_unknown_flags_stop_with_code_2(capsys):
    """A flag that the script does not know, or an abbreviation of one, is refused, and the closest one offered."""
    for argv in (["--horizont", "4"], ["--horizon", "4"]):
        with pytest.raises(SystemExit) as stop:
            load_settings("predict", argv, "")
        assert stop.value.code == 2
        assert f"unknown flag {argv[0]}; did you mean --horizon-weeks?" in capsys.readouterr().err


def test_a_column_map_names_their_columns_by_ours():
    """`ours=theirs` items are separated by semicolons; theirs may hold spaces and commas."""
    assert parse_column_map("quantity=Qty, pcs; SKU_ID=item ;") == {"quantity": "Qty, pcs", "SKU_ID": "item"}
    assert parse_column_map("") == {}


@pytest.mark.parametrize("text", ["quantity", "quantity=", "=qty", "menge=qty", "quantity=a;quantity=b"])
def test_a_column_map_knows_each_of_our_columns_once(text):
    """An item without a name on both sides, of an unknown column, or given twice, is refused."""
    with pytest.raises(InputError, match="expected ours=theirs"):
        parse_column_map(text)


# --- Help and start -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", SCRIPTS)
def test_help_shows_every_flag_with_its_variable_and_default(job, capsys, monkeypatch):
    """Each setting that the script reads is in `--help`: flag, meaning, variable, default."""
    text = shown_help(job, capsys, monkeypatch)
    fields = {name: field for name, field in Settings.model_fields.items() if job in field.json_schema_extra["jobs"]}
    assert len(fields) > 10
    for name, field in fields.items():
        if "SecretStr" in str(field.annotation):  # a variable only: command lines are read by whoever lists processes
            assert f"--{name.replace('_', '-')}" not in text
            continue
        default = "none" if field.default in (None, "") else str(field.default)
        default = default.lower() if isinstance(field.default, bool) else default
        if name == "open_meteo_api_key":  # a command line is seen by everybody on the machine
            assert "--open-meteo-api-key" not in text
            continue
        assert f"--{name.replace('_', '-')}" in text
        assert f"{field.description} [{name.upper()}; default: {default}]" in text


def test_targets_that_are_given_one_by_one_are_one_list():
    """None of them is forgotten; a JSON list stands alone."""
    assert load_settings("retrain", ["--target", "U/C/1", "--target", "@alerts"], "").targets == ["U/C/1", "@alerts"]
    with pytest.raises(SystemExit):
        load_settings("retrain", ["--target", "U/C/1", "--target", '["U/C/2"]'], "")


def test_help_shows_only_what_the_script_reads(capsys, monkeypatch):
    """The monitor has no horizon, the prediction no limit of alerts; only retraining has `--target`."""
    texts = {job: shown_help(job, capsys, monkeypatch) for job in SCRIPTS}
    assert "--alert-bias" in texts["monitor"]
    assert "--horizon-weeks" not in texts["monitor"]
    assert "--alert-bias" not in texts["predict"]
    assert [job for job, text in texts.items() if "--target TARGET" in text] == ["retrain"]
    assert all("Exit codes: 0 done, 1 failed, 2 bad settings or input." in text for text in texts.values())


def test_the_page_shows_the_settings():
    """docs/reference/settings.md is what `python -m skucast reference` writes today; if not: `make docs`."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_no_mistake_is_said_in_the_words_of_a_library(monkeypatch):
    """Whatever the setting, whatever stands in it."""
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "-1.5,x")
    text = "\n".join(mistakes())
    assert "Input should" not in text
    assert "unable to" not in text


def test_every_country_that_has_holidays_can_be_set() -> None:
    """By each of its codes, as the library lists them."""
    import holidays
    from holidays.registry import COUNTRIES

    codes = {code for names in COUNTRIES.values() for code in names if code.isupper()}
    assert codes == set(holidays.list_supported_countries())
