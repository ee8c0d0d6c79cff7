"""What somebody else has written stands in messages on one line, and no longer than people read."""

from __future__ import annotations

import json
import logging

import pytest

from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelNotFound, StoreError
from skucast.core.model_files import SharedFile, version_path
from skucast.core.quoting import MOST, Lines, one_line, quoted
from skucast.core.run import Run
from skucast.core.targets import parse_targets
from skucast.core.texts import Text, kept
from skucast.jobs.runs import run_row
from skucast.runtime.flags import Parser
from skucast.runtime.logs import setup_logging
from skucast.runtime.outcome import RunReport, run_each
from skucast.runtime.reading import settings_of

FORGED = "plan.csv\n12:00:00 ERROR   all is lost\r\x1b[2J\u2028\x85\u202eend\udcff"
PLAIN = r"plan.csv\n12:00:00 ERROR   all is lost\r\x1b[2J\u2028\x85\u202eend\udcff"
LONG = "x" * 389_000


@pytest.mark.parametrize("kind", [InputError, StoreError])
def test_an_error_is_one_line_whatever_it_quotes(kind: type[Exception]) -> None:
    """Breaks of lines are escaped, of what is too long the beginning and the end are shown."""
    assert str(kind(f"{FORGED}: cannot be read")) == f"{PLAIN}: cannot be read"
    said = str(kind(f"NAME: found {LONG}: expected a number"))
    assert said.startswith("NAME: found xxx")
    assert said.endswith("xxx: expected a number")
    assert len(said) < MOST
    assert "characters) ..." in said


def test_several_mistakes_are_several_lines() -> None:
    """Each of them one."""
    assert str(InputError(Lines(["A: 1", f"B: {FORGED}"]))).split("\n") == ["A: 1", f"B: {PLAIN}"]


def test_a_sentence_keeps_what_it_quotes_in_short() -> None:
    """Also where it is stored for another reader, and in other languages."""
    text = Text("{name}: refused: {reason}", name=FORGED, reason=LONG)
    assert text.startswith(f"{PLAIN}: refused: xxx")
    assert max(map(len, (text, text.said_in("ru"), text.stored()))) < MOST + 200
    assert kept(text.stored()) == text


def test_a_log_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Message and fields; what has lines on purpose is indented, so that none of them looks like another entry."""
    setup_logging(settings_of(log_format="text"))
    log = logging.getLogger("skucast")
    log.warning("read %s", FORGED, extra={"fields": {"file": FORGED, "names": [FORGED]}})
    log.error("failed\nTraceback\n%s", FORGED, extra={"has_lines": True})
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("the run failed %s", LONG)
    first, second, *below = capsys.readouterr().err.splitlines()
    assert first.count(PLAIN) == 3
    assert second.endswith("ERROR   failed")
    heads = [line for line in below if not line.startswith("    ")]
    assert len(heads) == 1
    assert len(heads[0]) < 5_000


def test_an_entry_of_the_cloud_s_log_is_not_as_long_as_the_input(capsys: pytest.CaptureFixture[str]) -> None:
    """An entry that is too long is dropped there."""
    setup_logging(settings_of(log_format="json"))
    logging.getLogger("skucast").warning("found %s", LONG, extra={"fields": {"found": LONG}})
    line = capsys.readouterr().out.splitlines()[-1]
    assert len(line) < 50_000
    assert json.loads(line)["message"].startswith("found xxx")


def fails(combination: Combination, text: str) -> None:
    del combination
    raise ValueError(text)


def test_what_is_recorded_of_a_run_is_short(run: Run) -> None:
    """Of a combination's failure nobody foresaw, of the run's, of what the data told."""
    one = Combination("U", "C", "A")
    [outcome] = run_each([(one, LONG)], fails, what="test")
    report = RunReport(data_report={"names": [LONG, FORGED], "n": 1})
    report.fail(one, LONG)
    row = run_row(settings_of(), run, report, 1, LONG).iloc[0]
    for text in (outcome.error, report.failures[str(one)], row["error"], row["data_report"]):
        assert len(text) < 3 * MOST
    assert json.loads(row["data_report"])["names"][1] == PLAIN


@pytest.mark.parametrize("brackets", ["[" * 60_000, '["a/b/c", ' + "[" * 60_000])
def test_brackets_in_each_other_are_no_list_of_targets(brackets: str) -> None:
    """They are a mistake in a setting, not the end of the process."""
    with pytest.raises(InputError, match="too many lists in each other"):
        parse_targets(brackets)
    with pytest.raises(InputError) as caught:
        settings_of(target_combinations=brackets)
    assert len(str(caught.value)) < MOST
    with pytest.raises(InputError) as caught:
        settings_of(target_combinations=f"U/C/{LONG}")
    assert len(str(caught.value)) < 3 * MOST


@pytest.mark.parametrize("name", ["warehouse", "staging", "sales_table", "target_combinations", "regressors", "locale"])
def test_no_setting_holds_a_nul(name: str) -> None:
    """Of whatever kind it is."""
    with pytest.raises(InputError, match=rf"{name.upper()}: found .*control characters, found U\+0000"):
        settings_of(**{name: "a\0b"})


@pytest.mark.parametrize(
    "version", ["../../../X", "/etc/passwd", "", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "x" * 300, ".hidden", "é"]
)
@pytest.mark.parametrize("file", [Combination("U", "C", "A"), SharedFile("panel")])
def test_a_version_is_a_name_and_no_path(file: Combination | SharedFile, version: str) -> None:
    """It stays in the folder of its combination."""
    with pytest.raises(ModelNotFound, match="a version is named like") as caught:
        version_path(file, version)
    assert "\n" not in str(caught.value)
    assert version_path(file, "2026-11-22-1a2b3c").startswith("_versions/")


URLS = [
    "https://",
    "https://[::1",
    "https://[zz]/x",
    "https://host:99999/x",
    "https://host:0/x",
    "https://host:/x",
    "https://host:port/x",
    "https://.example.com/x",
    "https://a..b/x",
    f"https://{'a' * 64}.com/x",
    "https://exa mple.com/x",
    "https://-a.com",
    "https://a@b@c/x",
    "https://exam\\ple.com",
    "ftp://example.com",
    "example.com/x",
]


@pytest.mark.parametrize("url", URLS)
def test_an_address_that_there_cannot_be_is_a_mistake_in_a_setting(url: str) -> None:
    """It is found before anything runs; the webhook's is a secret and is not shown."""
    for name in ("alert_webhook_url", "open_meteo_forecast_url", "gcs_endpoint", "cloud_run_endpoint"):
        with pytest.raises(InputError, match=f"{name.upper()}: found") as caught:
            settings_of(**{name: url})
        assert name != "alert_webhook_url" or url[8:12] not in str(caught.value) or len(url) < 12
    place = url.removeprefix("https://")
    with pytest.raises(InputError, match="BIGQUERY_STORAGE_ENDPOINT: found"):
        settings_of(bigquery_storage_endpoint=place)
    with pytest.raises(InputError, match="DASK_SCHEDULER: found"):
        settings_of(dask_scheduler=f"tcp://{place}")


@pytest.mark.parametrize(
    "url",
    ["https://hooks.slack.com/services/T0/B0/x", "http://127.0.0.1:8080", "https://[::1]:9/x", "https://почта.рф/x"],
)
def test_addresses_that_there_can_be_are_taken(url: str) -> None:
    """Names, numbers, ports, other alphabets."""
    found = settings_of(alert_webhook_url=url).alert_webhook_url
    assert found is not None
    assert found.get_secret_value() == url


@pytest.mark.parametrize("name", ["warehouse", "staging", "model_store", "holiday_calendar"])
def test_a_path_that_no_file_can_have_is_a_mistake_in_a_setting(name: str) -> None:
    """A name of 256 bytes, or a path of more than the system takes."""
    for path in ("п" * 128, "a/" * 2_001):
        value = f"duckdb:{path}" if name == "warehouse" else f"{path}.csv" if name == "holiday_calendar" else path
        with pytest.raises(InputError, match=f"{name.upper()}: found .* bytes"):
            settings_of(**{name: value})


@pytest.mark.parametrize("name", ["../../x", "/x", "", "a\nb", "a b", "x" * 201])
def test_names_of_cloud_run_are_names(name: str) -> None:
    """They become parts of names of runs, tables and files."""
    for setting in ("cloud_run_execution", "cloud_run_job"):
        with pytest.raises(InputError, match="expected"):
            settings_of(**{setting: name})


def test_arguments_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    """One line and exit code 2, also where argparse itself quotes them."""
    parser = Parser(prog="skucast")
    parser.add_argument("--number", type=int)
    for given in (
        ["--number", "a\0"],
        ["--number", "a\udcff"],
        ["--number", LONG],
        ["--number", "1\n2"],
        [f"--{LONG}"],
    ):
        with pytest.raises(SystemExit) as caught:
            parser.parse_args(given)
        assert caught.value.code == 2
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert len(said) < MOST + 200


def test_what_is_quoted_is_short() -> None:
    """As Python writes it."""
    assert quoted("a\nb") == r"'a\nb'"
    assert len(quoted(LONG)) < 600
    assert one_line("plain") == "plain"
