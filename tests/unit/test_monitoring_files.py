"""Files for Cloud Monitoring: what they look for in the log is what is written there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from test_alert_texts import alerts

from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.validation import empty
from skucast.jobs.alerting import gauges
from skucast.jobs.freshness import Age
from skucast.scorecard.alert_texts import alert_fields, digest_fields, health_fields

FOLDER = Path(__file__).parents[2] / "deploy" / "monitoring"
METRIC_FILES, POLICY_FILES, DASHBOARD_FILES = (
    sorted((FOLDER / kind).glob("*.yaml")) for kind in ("metrics", "alerts", "dashboards")
)
LONGEST_ABSENCE_S = 84_600
"""23.5 hours: what Cloud Monitoring waits for a metric at most."""


def entries() -> dict[str, dict[str, Any]]:
    """Return an entry of each event that the policies may look for, as the code makes it."""
    from test_alerts import FACTS

    ages = [Age("forecasts", date(2026, 11, 22), date(2026, 11, day), "script") for day in (15, 22)]
    found = [
        *(alert_fields(row) for row in alerts().to_dict("records")),
        digest_fields(alerts(), 0),
        health_fields(empty(METRICS), gauges(FACTS, alerts())),
        *(age.fields() for age in ages),
    ]
    return {fields["event"]: fields for fields in found}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("path", [*METRIC_FILES, *POLICY_FILES], ids=lambda path: path.stem)
def test_events_and_fields_are_those_of_the_log(path: Path) -> None:
    """Every event that is looked for is written, and every field that is used is a field of such an event."""
    text = text_of(path)
    events = re.findall(r'jsonPayload\.event = "(\w+)"', text)
    fields = set(re.findall(r"jsonPayload\.(\w+)", text))
    known = entries()
    assert set(events) <= set(known)
    for event in events:
        assert fields <= set(known[event]), event
    for name, value in re.findall(r'jsonPayload\.(\w+) = "(\w+)"', text):
        assert value in {fields.get(name) for fields in known.values()} | {"forecast_fresh", "forecast_stale"}


@pytest.mark.parametrize("path", POLICY_FILES, ids=lambda path: path.stem)
def test_policies_name_metrics_that_there_are(path: Path) -> None:
    """With the labels that their files extract."""
    names = {metric.stem: yaml.safe_load(text_of(metric)) for metric in METRIC_FILES}
    policy = yaml.safe_load(text_of(path).replace("${CHANNELS}", "[]"))
    for metric in re.findall(r"logging\.googleapis\.com/user/(\w+)", text_of(path)):
        labels = set(names[metric].get("labelExtractors", {}))
        assert set(re.findall(r"metric\.labels?\.(\w+)", text_of(path))) <= labels
    assert len(policy["conditions"]) == 1
    assert policy["displayName"].startswith("skucast: ")
    assert len(
        {yaml.safe_load(text_of(each).replace("${CHANNELS}", "[]"))["displayName"] for each in POLICY_FILES}
    ) == len(POLICY_FILES)


@pytest.mark.parametrize("path", DASHBOARD_FILES, ids=lambda path: path.stem)
def test_dashboards_show_metrics_that_there_are(path: Path) -> None:
    """Each chart's metric is extracted, with the labels that it is grouped by, and no two tiles overlap."""
    metrics = {metric.stem: yaml.safe_load(text_of(metric)) for metric in METRIC_FILES}
    tiles = yaml.safe_load(text_of(path))["mosaicLayout"]["tiles"]
    charts = [chart for tile in tiles for chart in tile["widget"].get("xyChart", {}).get("dataSets", [])]
    shown = set()
    for query in (chart["timeSeriesQuery"]["timeSeriesFilter"] for chart in charts):
        groups = set(query["aggregation"].get("groupByFields", []))
        for name in re.findall(r"logging\.googleapis\.com/user/(\w+)", query["filter"]):
            shown.add(name)
            assert {group.removeprefix("metric.labels.") for group in groups} <= set(
                metrics[name].get("labelExtractors", {})
            )
    assert shown == set(metrics)
    cells = [
        (tile.get("xPos", 0) + x, tile.get("yPos", 0) + y)
        for tile in tiles
        for x in range(tile["width"])
        for y in range(tile["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < yaml.safe_load(text_of(path))["mosaicLayout"]["columns"]


@pytest.mark.parametrize("path", METRIC_FILES, ids=lambda path: path.stem)
def test_metrics_describe_the_labels_they_extract(path: Path) -> None:
    """A label without extractor is refused, and one without description is text of nobody."""
    metric = yaml.safe_load(text_of(path))
    described = {label["key"] for label in metric["metricDescriptor"].get("labels", [])}
    assert described == set(metric.get("labelExtractors", {}))
    assert ("valueExtractor" in metric) == (metric["metricDescriptor"]["valueType"] == "DISTRIBUTION")


def test_absence_reaches_no_further_than_it_may() -> None:
    """The one policy of an absence asks for 23.5 hours."""
    durations = [
        condition["conditionAbsent"]["duration"]
        for path in POLICY_FILES
        for condition in yaml.safe_load(text_of(path).replace("${CHANNELS}", "[]"))["conditions"]
        if "conditionAbsent" in condition
    ]
    assert durations == [f"{LONGEST_ABSENCE_S}s"]


def test_entries_of_a_run_without_metrics_are_there_all_the_same() -> None:
    """Nothing scored yet: the gauges are unknown, not missing."""
    fields = entries()["forecast_health"]
    assert fields["wape"] is None
    assert fields["forecast_coverage"] == pytest.approx(0.99)
    assert pd.notna(fields["n_alerts"])
