"""Looker Studio without a service: the address of a new report, the names in the SQL, the formulas of the page."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from skucast.core.errors import InputError
from skucast.core.tables.scorecard import BASELINES
from skucast.dashboard import looker
from skucast.dashboard.looker import PLANNER_VIEWS, VIEWS, report_url, views_sql
from skucast.entry import cli
from skucast.runtime.reading import settings_from

DATASET = "bigquery://my-project/my_dataset"
REPORT = "0aB1cD2e-f34a-4b5c-8d6e-7f8091a2b3c4"
PAGE = Path(__file__).parents[2] / "docs" / "looker.md"


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of the address, each of which is there once."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query, strict_parsing=True).items()}


def columns() -> dict[str, list[str]]:
    """Return the columns of every view, as its statement declares them."""
    sql = views_sql(DATASET, settings_from({}).table_names)
    declared = re.findall(
        r"CREATE OR REPLACE VIEW `my-project\.my_dataset\.(\w+)` \(\n(.*?)\n\) OPTIONS", sql, re.DOTALL
    )
    return {name: re.findall(r"^ +(\w+) OPTIONS", part, re.MULTILINE) for name, part in declared}


def test_the_address_opens_a_report_on_the_four_views(capsys):
    """An empty report in the editor, named, with one BigQuery data source per view."""
    assert cli.main(["looker-url", "--warehouse", DATASET]) == 0
    url = capsys.readouterr().out.strip()
    assert url.startswith("https://lookerstudio.google.com/reporting/create?c.mode=edit&")
    found = parameters(url)
    assert found.pop("c.mode") == "edit"
    assert found.pop("r.reportName") == "Sales forecast accuracy"
    expected = {}
    for number, view in enumerate(["skucast_trend", "skucast_worst", "skucast_detail", "skucast_series"]):
        expected |= {
            f"ds.ds{number}.connector": "bigQuery",
            f"ds.ds{number}.datasourceName": view,
            f"ds.ds{number}.type": "TABLE",
            f"ds.ds{number}.projectId": "my-project",
            f"ds.ds{number}.datasetId": "my_dataset",
            f"ds.ds{number}.tableId": view,
        }
    assert found == expected


def test_the_views_know_every_baseline():
    """Sums of each to add up, and the best of all of them beside the model."""
    for name in BASELINES:
        for view in ("skucast_trend", "skucast_detail"):
            assert f"sum_abs_error_{name}" in columns()[view]
    wapes = ", ".join(f"newest.wape_{name}" for name in BASELINES)
    sql = views_sql(DATASET, settings_from({}).table_names)
    assert f"LEAST({wapes}) - newest.wape AS fva_best" in sql


def test_a_template_is_copied_and_its_own_aliases_are_replaced(capsys):
    """The report's ID is passed on, and each view goes to the alias in its place."""
    flags = ["--template", REPORT, "--aliases", "ds7, ds0,ds3,ds4"]
    assert cli.main(["looker-url", "--warehouse", DATASET, *flags]) == 0
    found = parameters(capsys.readouterr().out.strip())
    assert found["c.reportId"] == REPORT
    assert [found[f"ds.{alias}.tableId"] for alias in ("ds7", "ds0", "ds3", "ds4")] == list(VIEWS)
    assert not [name for name in found if name.startswith("ds.ds1.")]


@pytest.mark.parametrize(
    ("report_id", "aliases", "said"),
    [
        (f"https://lookerstudio.google.com/reporting/{REPORT}", looker.ALIASES, "--template: found 'https"),
        (REPORT, ["ds0", "ds1", "ds2"], "--aliases: found 'ds0,ds1,ds2', expected 4 different ones"),
        (REPORT, ["ds0", "ds1", "ds2", "ds2"], "expected 4 different ones"),
        (REPORT, ["ds0", "ds1", "ds2", "ds2", "ds3"], "expected 4 different ones"),
        (REPORT, ["ds0", "ds1", "ds2", "ds.3"], "expected 4 different ones, for skucast_trend"),
    ],
)
def test_what_looker_studio_would_not_understand_is_refused(report_id, aliases, said):
    """A whole address instead of the ID, and aliases that are too few, repeated, too many or no names."""
    with pytest.raises(InputError, match=re.escape(said)):
        report_url(DATASET, report_id, aliases)


@pytest.mark.parametrize("tool", ["looker-url", "looker-views"])
def test_a_local_warehouse_is_one_line(tool, capsys, tmp_path):
    """Looker Studio cannot read a DuckDB file: exit code 2, and nothing is made."""
    assert cli.main([tool]) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert "WAREHOUSE: found 'duckdb:local/warehouse.duckdb'" in line
    assert "expected bigquery://PROJECT/DATASET" in line
    assert not shown.out
    assert not list(tmp_path.iterdir())


def test_the_sql_reads_the_tables_of_the_settings(capsys):
    """Each of the names is a setting; no other table is read, and no placeholder is left."""
    tables = ("forecasts", "metrics", "alerts", "totals", "orders", "changes")
    names = [part for table in tables for part in (f"--{table}-table", f"our_{table}")]
    assert cli.main(["looker-views", "--warehouse", DATASET, *names]) == 0
    sql = capsys.readouterr().out
    made = re.findall(r"^CREATE OR REPLACE VIEW `my-project\.my_dataset\.(\w+)`", sql, re.MULTILINE)
    assert made == [*VIEWS, *PLANNER_VIEWS]
    assert set(re.findall(r"FROM `([^`]+)`", sql)) == {f"my-project.my_dataset.our_{table}" for table in tables}
    assert "$" not in sql


def test_a_table_that_is_called_like_a_view_is_refused(capsys):
    """The view would read itself."""
    assert cli.main(["looker-views", "--warehouse", DATASET, "--metrics-table", "skucast_trend"]) == 2
    assert "METRICS_TABLE: found 'skucast_trend', the name of a view" in capsys.readouterr().err


def test_a_copy_of_the_program_without_the_template_says_so(monkeypatch, tmp_path, capsys):
    """Such as an image, which has no deploy folder: one line, exit code 2."""
    monkeypatch.setattr(looker, "_TEMPLATE", tmp_path / "views.sql")
    assert cli.main(["looker-views", "--warehouse", DATASET]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("deploy/looker/views.sql is not beside the program")


def test_the_tools_offer_only_what_they_read(capsys):
    """The address needs the dataset alone, the SQL the names of the tables it reads as well."""
    flags = {}
    for tool in ("looker-url", "looker-views"):
        with pytest.raises(SystemExit):
            cli.main([tool, "--help"])
        flags[tool] = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert flags["looker-url"] == {"--warehouse", "--template", "--aliases"}
    tables = ("forecasts", "totals", "changes", "orders", "metrics", "alerts")
    assert flags["looker-views"] == {"--warehouse", *(f"--{table}-table" for table in tables)}


def test_the_fields_of_the_page_are_made_of_columns_that_are_there():
    """Every formula divides sums by sums, of columns that each view it is meant for has."""
    rows = re.findall(r"^\| (\w+) \| `(.+)` \| (?:Percent|Number) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [name for name, _, _ in rows] == ["WAPE", "sMAPE", "Bias", "Coverage", "FVA"]
    for _, formula, where in rows:
        views = list(VIEWS) if where == "all four" else re.findall(r"`(\w+)`", where)
        assert re.fullmatch(r"[( ]*SUM\(\w+\)( - SUM\(\w+\)\))? / SUM\(\w+\)", formula)
        for view in views:
            assert set(re.findall(r"SUM\((\w+)\)", formula)) <= set(columns()[view])


def test_the_charts_of_the_page_use_columns_that_are_there():
    """Whatever the settings of a chart name is a column of a view."""
    charts = PAGE.read_text("utf-8").partition("## 4. The four charts")[2].partition("\n## 5.")[0]
    settings = [row for row in charts.splitlines() if row.startswith("| ")]
    named = {name for row in settings for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 15
    assert named - set(VIEWS) <= {column for of_view in columns().values() for column in of_view}
