"""Names that are meant for us but are no setting: named with what was meant, and nothing is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from skucast.core.errors import InputError
from skucast.entry import app
from skucast.runtime.reading import settings_from
from skucast.runtime.settings import Settings

ROOT = Path(__file__).parents[2]


def write(text: str, encoding: str = "utf-8") -> None:
    """Write the `.env` of the working folder."""
    Path(".env").write_text(text, encoding=encoding)


def mistakes() -> list[str]:
    """Return the lines that say what is wrong."""
    with pytest.raises(InputError) as caught:
        settings_from({})
    return str(caught.value).splitlines()


@pytest.mark.parametrize("again", ["HORIZON_WEEKS=3", "horizon_weeks=4", "export HORIZON_WEEKS='3'"])
def test_a_setting_that_is_set_twice_is_a_mistake(again):
    """The last line would hold, and whoever changes the first would see nothing of it; other programs' names may."""
    write(f"HORIZON_WEEKS=2\nOTHER=1\nOTHER=2\n\n{again}\n")
    assert mistakes() == ["HORIZON_WEEKS: set twice (.env, lines 1 and 5), to two values: leave one of them"]


# --- .env -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found", "meant"),
    [
        ("HORIZON_WEEKZ=2", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("HORIZON_WEEK=2", "HORIZON_WEEK", "HORIZON_WEEKS"),
        ("HORIZONWEEKS=2", "HORIZONWEEKS", "HORIZON_WEEKS"),
        ("horizon_weekz=2", "horizon_weekz", "HORIZON_WEEKS"),
        ("export HORIZON_WEEKZ=2", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("HORIZON_WEEKZ = '2'", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("'HORIZON_WEEKZ'=\"2\"", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("HORIZON_WEEKZ=", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("HОRIZON_WEEKS=2", "HОRIZON_WEEKS", "HORIZON_WEEKS"),  # a Cyrillic О
        ("FORSE=1", "FORSE", "FORCE"),
        ("WARHOUSE=duckdb:x", "WARHOUSE", "WAREHOUSE"),
        ("OPEN_METEO_APIKEY=s3cret", "OPEN_METEO_APIKEY", "OPEN_METEO_API_KEY"),
        ("SKUCAST_HORIZON_WEEKS=2", "SKUCAST_HORIZON_WEEKS", "HORIZON_WEEKS"),
        ("SKUCAST_FORSE=2", "SKUCAST_FORSE", "FORCE"),
        ("horizon-weeks=2", "horizon-weeks", "HORIZON_WEEKS"),
        ("$env:HORIZON_WEEKZ=2", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("HORIZON_WEEKZ: 2", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("HORIZON WEEKS=2", "HORIZON WEEKS", "HORIZON_WEEKS"),
        ("set HORIZON_WEEKZ=2", "HORIZON_WEEKZ", "HORIZON_WEEKS"),
    ],
)
def test_a_name_that_looks_like_a_setting_is_a_mistake(line, found, meant):
    """However the line is written: the name, the line's number and the closest setting; never the value."""
    write(f"# ours\n\n{line}\n")
    assert mistakes() == [f"{found}: no setting has this name (.env, line 3); did you mean {meant}?"]


@pytest.mark.parametrize(
    "line",
    [
        "HORIZON_WEEKS",
        "HORIZON_WEEKS: 2",
        "HORIZON_WEEKS 2",
        'HORIZON_WEEKS="2',
        "set HORIZON_WEEKS=2",
        "$env:HORIZON_WEEKS=2",
    ],
)
def test_a_line_that_sets_nothing_is_a_mistake(line):
    """The name is right, but the line is not written as `.env` is, and nobody would hear of it."""
    write(f"{line}\n")
    assert mistakes() == ["HORIZON_WEEKS: sets nothing (.env, line 1): expected HORIZON_WEEKS=VALUE"]


def test_our_prefix_is_ours_even_if_nothing_is_like_it():
    """A name that begins with SKUCAST_ is for nobody else."""
    write("SKUCAST_COLOUR=red\n")
    assert mistakes() == ["SKUCAST_COLOUR: no setting has this name (.env, line 1)"]


def test_all_mistakes_are_said_at_once(monkeypatch):
    """Mistyped names and wrong values, of the file and of the environment, in one answer."""
    write("HORIZON_WEEKZ=2\nBUSINESS_TZ=Mars\n")
    monkeypatch.setenv("MODEL_STORES", "x")
    assert [line.partition(":")[0] for line in mistakes()] == ["HORIZON_WEEKZ", "MODEL_STORES", "BUSINESS_TZ"]


def test_nothing_is_run(capsys, tmp_path):
    """The script says the line and exits with 2; nothing is written."""
    write("HORIZON_WEEKZ=2\n")
    assert app.main("predict", "test", []) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("HORIZON_WEEKZ: no setting has this name")
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD",
        "COMPOSE_PROJECT_NAME",
        "OPENAI_API_KEY",
        "AWS_ENDPOINT",
        "S3_ENDPOINT",
        "OSS_ENDPOINT",
        "LOGLEVEL",
        "DEBUG",
        "TZ",
        "STAGE",
        "CLOUD_RUN_TASK_TIMEOUT",
        "GOOGLE_CLOUD_PROJECT",
        "HORIZON",
    ],
)
def test_names_of_other_programs_are_left_alone(name, monkeypatch):
    """They are no settings and look like none, or are known to be others'; in the file as in the environment."""
    write(f"{name}=1\n")
    monkeypatch.setenv(name, "1")
    assert settings_from({}).horizon_weeks == 4


def test_the_deployments_own_settings_are_left_alone(monkeypatch):
    """Whoever exports or copies deploy/settings.env can still run a job."""
    text = (ROOT / "deploy" / "settings.env").read_text(encoding="utf-8")
    names = [line.partition("=")[0] for line in text.splitlines() if "=" in line and not line.startswith("#")]
    assert len(names) > 10
    theirs = [name for name in names if name.lower() not in Settings.model_fields]
    write("".join(f"{name}=\n" for name in theirs))
    for name in theirs:
        monkeypatch.setenv(name, "")
    assert settings_from({}).horizon_weeks == 4


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("horizon_weeks=5\n", "utf-8"),
        ("export HORIZON_WEEKS=5\n", "utf-8"),
        ("HORIZON_WEEKS = '5'  # weeks\n", "utf-8"),
        ("HORIZON_WEEKS=5\r\n", "utf-8"),
        ("HORIZON_WEEKS=5\n", "utf-8-sig"),
        ("HORIZON_WEEKS\u00a0=5\n", "utf-8"),
        ("HORIZON_WEEKS=5\nhorizon_weeks=5\n", "utf-8"),
        ('OTHER="a\nHORIZON_WEEKZ=2\n"\nHORIZON_WEEKS=5\n', "utf-8"),
        ("# HORIZON_WEEKZ=2\nHORIZON_WEEKS=5\n", "utf-8"),
    ],
)
def test_a_setting_may_be_written_in_many_ways(text, encoding):
    """Case, `export`, blanks, quotes, a comment, a mark of the encoding; twice the same; within a value: no name."""
    write(text, encoding)
    assert settings_from({}).horizon_weeks == 5


def test_a_folder_in_the_file_s_place_is_no_file(tmp_path):
    """Some images mount one where the file is missing."""
    (tmp_path / ".env").mkdir()
    assert settings_from({}).horizon_weeks == 4


# --- Environment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HORIZON_WEEKZ", "HORIZON_WEEKS"),
        ("horizon_weekz", "HORIZON_WEEKS"),
        ("MODEL_STORES", "MODEL_STORE"),
        ("TARGET_COMBINATION", "TARGET_COMBINATIONS"),
        ("SKUCAST_HORIZON_WEEKS", "HORIZON_WEEKS"),
        ("SKUCAST_FORSE", "FORCE"),
    ],
)
def test_a_variable_that_is_all_but_a_setting_is_a_mistake(monkeypatch, name, meant):
    """A job whose variable is mistyped must not run as if nothing had been set."""
    monkeypatch.setenv(name, "2")
    assert mistakes() == [f"{name}: no setting has this name (environment); did you mean {meant}?"]


@pytest.mark.parametrize(
    "name",
    [
        "FORSE",
        "WORKER",
        "ENGINES",
        "STAGING_DIR",
        "HORIZON_DAYS",
        "DASK_SCHEDULER_PORT",
        "ALERT_WEBHOOK_SECRET",
        "SKUCAST_COLOUR",
        "LOG_LEVEL_ROOT",
    ],
)
def test_variables_that_are_less_alike_are_others(monkeypatch, name):
    """The environment is everybody's: single words and names further from a setting are left alone."""
    monkeypatch.setenv(name, "2")
    assert settings_from({}).horizon_weeks == 4
