"""The views for Looker Studio on BigQuery: each gives what pandas computes from the same forecasts and sales."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from pandas.testing import assert_frame_equal
from places import CLOUDS, Cloud
from stand_ins.servers import PROJECT, new_dataset
from stand_ins.shared import Address

from skucast.backends.cloud_bigquery import bigquery_client
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.combination import KEY
from skucast.core.places import Endpoints
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.tables.scorecard import BASELINES, METRICS
from skucast.core.tables.validation import empty
from skucast.dashboard.looker import PLANNER_VIEWS, READ, VIEWS, views_sql

NAMES = {table.label: f"{table.label}_of_ours" for table in TABLES}
"""Not the default ones: the views follow the settings."""

A1, A2, B1 = ("Пермь", "KA", "A1"), ("Пермь", "ON TRADE", "A2"), ("Казань", "KA", "B1")
GONE = ("Казань", "TF", "GONE")
"""Sold and forecast two weeks ago, and never after."""

NEW = ("Казань", "TF", "NEW")
"""Forecast in the last two weeks, its sales not known yet."""

SCORED_WEEKS = [sunday(3), sunday(2), sunday(1), sunday(0)]
CLASSES = {A1: ("A", "X"), A2: ("B", "Y"), B1: ("C", None), GONE: ("C", "Z"), NEW: (None, None)}
CLASSES_BEFORE = {**CLASSES, A1: ("B", "Y")}
STOCKOUT = (A2, sunday(1))
BASELINE_ERRORS = {"last_week": 1.5, "mean_4": 0.9, "last_year": 1.2}
"""Of each baseline, as a share of ours."""

DOCS = Path(__file__).parents[2] / "docs" / "looker.md"


@dataclass(frozen=True)
class Looked:
    """What every view gives, and the forecasts with their sales that are behind it."""

    views: dict[str, pd.DataFrame]
    matched: pd.DataFrame
    """One row per forecast of every cutoff; y is NaN where nothing is scored."""

    @property
    def scored(self) -> pd.DataFrame:
        """The forecasts that are scored, with e, abs_e and abs_y."""
        rows = self.matched[self.matched["y"].notna()]
        return rows.assign(abs_e=(rows["yhat"] - rows["y"]).abs(), e=rows["yhat"] - rows["y"], abs_y=rows["y"].abs())


# --- What is in the tables ------------------------------------------------------------------------------------------


def sold(names: tuple[str, str, str], ds: date) -> float:
    """Return the sales of a week: A1 some 200, A2 some 50, B1 nothing every other week, none of what is to come."""
    number = SCORED_WEEKS.index(ds) if ds in SCORED_WEEKS else None
    if number is None or (names, ds) == STOCKOUT:
        return float("nan")
    known = {A1: 200.0 + 10 * number, A2: 50.0 - number, B1: 7.0 * (number % 2), GONE: 30.0}
    return known.get(names, float("nan"))


def matched_rows() -> pd.DataFrame:
    """Return the forecasts of every combination at nine cutoffs, four weeks each, with the sales of their weeks."""
    rows = []
    for names in (A1, A2, B1, GONE, NEW):
        for back in range(8, -1, -1):
            for step in range(1, 5):
                ds = sunday(back) + timedelta(weeks=step)
                if (names == GONE and ds > sunday(2)) or (names == NEW and back > 1):
                    continue
                yhat = {A1: 180.0, A2: 60.0, B1: 6.0, GONE: 33.0, NEW: 20.0}[names] + 3 * step + back
                rows.append(
                    {**dict(zip(KEY, names, strict=True)), "cutoff": sunday(back), "ds": ds, "step": step}
                    | {"y": sold(names, ds), "yhat": yhat, "yhat_lower": max(yhat - 15, 0.0), "yhat_upper": yhat + 15}
                )
    return pd.DataFrame(rows).astype({"cutoff": "datetime64[us]", "ds": "datetime64[us]"})


def forecast_rows(matched: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts as they are stored."""
    return matched.drop(columns="y").assign(
        **{name: matched["yhat"] if name == "level" else 0.0 for name in COMPONENTS},
        is_open_week=matched["step"] == 1,
        method="prophet",
        status="ok",
        promo_source="none",
        weather_source="none",
        data_cutoff=matched["cutoff"],
        run_id="predict-1",
        created_at=matched["cutoff"],
    )


def metric_rows(matched: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of each scored week and of two windows of three weeks, at every level and step."""
    weeks = [scores(matched, [ds], "week", CLASSES_BEFORE) for ds in SCORED_WEEKS]
    before = scores(matched, SCORED_WEEKS[:3], "rolling", CLASSES_BEFORE)
    newest = scores(matched, SCORED_WEEKS[1:], "rolling", CLASSES)
    newest = newest[newest["SKU_ID"] != "GONE"]  # it has left the business
    return pd.concat([*weeks, before, newest], ignore_index=True)


def scores(matched: pd.DataFrame, weeks: Sequence[date], window: str, classes: dict[Any, Any]) -> pd.DataFrame:
    """Return the rows of one window: each combination, each unit, the total; each step, and 0 for all steps."""
    inside = matched[matched["ds"].isin(pd.to_datetime(weeks))]
    rows = []
    for step in range(5):
        at_step = inside if step == 0 else inside[inside["step"] == step]
        for level, kept in (("combination", KEY), ("unit", ["unit"]), ("total", [])):
            for group, forecasts in at_step.groupby(kept) if kept else [((), at_step)]:
                names = {**dict.fromkeys(KEY, ALL), **dict(zip(kept, group, strict=True))}
                abc, xyz = classes[tuple(names.values())] if level == "combination" else (None, None)
                rows.append(
                    {"window": window, "level": level, **names, "step": step, "abc_class": abc, "xyz_class": xyz}
                    | sums_of(forecasts)
                )
    made = pd.DataFrame(rows).assign(
        window_start=min(weeks), window_end=max(weeks), actuals_through=CUTOFF, run_id="monitor-1", created_at=CUTOFF
    )
    unused = [column.name for column in METRICS.columns if not column.nullable and column.name not in made]
    return made.assign(**dict.fromkeys(unused, 0))


def sums_of(forecasts: pd.DataFrame) -> dict[str, float]:
    """Return the sums over these forecasts and the ratios of them."""
    known = forecasts[forecasts["y"].notna()]
    y, yhat = known["y"], known["yhat"]
    e, n = yhat - y, len(known)
    sums = {
        "n": n,
        "n_weeks": known["ds"].nunique(),
        "n_left_out": len(forecasts) - n,
        "n_unpublished": 2 * len(known),  # any number that adds up
        "sum_actual": y.sum(),
        "sum_abs_actual": y.abs().sum(),
        "sum_forecast": yhat.sum(),
        "sum_error": e.sum(),
        "sum_abs_error": e.abs().sum(),
        "sum_smape": (2 * e.abs() / (y.abs() + yhat.abs())).sum(),
        "n_covered": int(y.between(known["yhat_lower"], known["yhat_upper"]).sum()),
        **{f"sum_abs_error_{name}": e.abs().sum() * BASELINE_ERRORS[name] for name in BASELINES},
    }
    below, over_n = sums["sum_abs_actual"] or float("nan"), n or float("nan")
    return sums | {
        "wape": sums["sum_abs_error"] / below,
        "smape": sums["sum_smape"] / over_n,
        "mae": sums["sum_abs_error"] / over_n,
        "bias_ratio": sums["sum_error"] / below,
        "coverage": sums["n_covered"] / over_n,
        **{f"wape_{name}": sums[f"sum_abs_error_{name}"] / below for name in BASELINES},
        "fva": (sums["sum_abs_error_last_year"] - sums["sum_abs_error"]) / below,
    }


def alert(names: Sequence[str], rule: str, state: str, n_open_weeks: int, cutoff: date, reason: str | None) -> Any:
    """Return one alert of that week."""
    return {
        **dict(zip(KEY, names, strict=True)),
        "cutoff": cutoff,
        "alert_id": "/".join([rule, *names]),
        "state": state,
        "rule": rule,
        "opened": cutoff - timedelta(weeks=n_open_weeks - 1),
        "n_open_weeks": n_open_weeks,
        "value": 0.9,
        "value_limit": 0.7,
        "message": "too far off",
        "reason": reason,
        "evidence": None if reason is None else f"evidence of {reason}",
        "command": None if reason is None else f"retrain {names[-1]}",
        "is_listed": True,
        "run_id": "monitor-1",
        "created_at": cutoff,
    }


ALERT_ROWS = [
    alert(A1, "wape", "still_open", 3, CUTOFF, "stale_model"),
    alert(A1, "bias", "open", 1, CUTOFF, "level_shift"),
    alert(A2, "wape", "resolved", 4, CUTOFF, "stockout"),
    alert((ALL, ALL, ALL), "sales_late", "open", 1, CUTOFF, None),
    alert(A1, "wape", "still_open", 2, sunday(1), "new_sku"),
    alert(B1, "wape", "open", 1, sunday(1), "low_volume"),
]


@pytest.fixture(scope="module")
def looked(bigquery_server: Address) -> Looked:
    """Return the rows of all views, made twice, over tables that hold forecasts, their metrics and alerts."""
    with new_dataset(bigquery_server) as dataset:
        cloud = Cloud(PROJECT, dataset, "", "", Endpoints(bigquery_server.url, bigquery_server.grpc))
        matched = matched_rows()
        fill(
            cloud, {FORECASTS: forecast_rows(matched), METRICS: metric_rows(matched), ALERTS: pd.DataFrame(ALERT_ROWS)}
        )
        make_views(cloud)
        first = read_views(cloud)
        make_views(cloud)
        second = read_views(cloud)
    for name in (*VIEWS, *PLANNER_VIEWS):
        assert_frame_equal(first[name], second[name])
    return Looked(second, matched)


def fill(cloud: Cloud, rows: dict[Table, pd.DataFrame]) -> None:
    """Make the tables with these rows, the others without any."""
    warehouse = BigQueryWarehouse(cloud.project, cloud.dataset, NAMES, endpoints=cloud.endpoints)
    run = Run("monitor", "monitor-1", datetime.fromisoformat("2026-11-27T00:00:00"), date(2026, 11, 27), CUTOFF)
    for table in READ:
        warehouse.append_once(table, rows.get(table, empty(table)), batch_id=table.label, source="test", run=run)


def make_views(cloud: Cloud) -> None:
    """Run the statements as they are printed."""
    client = bigquery_client(cloud.project, cloud.endpoints, timeout_s=60, deadline_s=300)
    client.query_and_wait(views_sql(f"bigquery://{cloud.project}/{cloud.dataset}", NAMES))


def read_views(cloud: Cloud) -> dict[str, pd.DataFrame]:
    """Return the rows of every view, in the order of what names a row."""
    client = bigquery_client(cloud.project, cloud.endpoints, timeout_s=60, deadline_s=300)
    found = {}
    for name in (*VIEWS, *PLANNER_VIEWS):
        answer = client.query_and_wait(f"SELECT * FROM `{cloud.project}.{cloud.dataset}.{name}`")
        rows = pd.DataFrame([dict(row) for row in answer], columns=[field.name for field in answer.schema])
        found[name] = rows.sort_values([n for n in ("ds", "cutoff", *KEY, "step") if n in rows], ignore_index=True)
    return found


def by(rows: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return the rows with these columns as their index, dates as days."""
    days = {name: pd.to_datetime(rows[name]).dt.date for name in ("ds", "cutoff") if name in rows}
    return rows.assign(**days).set_index(list(names)).sort_index()


def same(found: pd.Series, expected: pd.Series) -> None:
    """Compare two columns by index, to 1e-9; undefined is equal to undefined."""
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found.astype("float64"), expected.astype("float64"), rtol=1e-9, atol=1e-9)


# --- The views ------------------------------------------------------------------------------------------------------


def test_the_trend_is_that_of_all_forecasts_together(looked: Looked) -> None:
    """Per week and step WAPE and sMAPE of the forecasts themselves; sums of its rows give those of any period."""
    trend = by(looked.views["skucast_trend"], "ds", "step")
    groups = by(looked.scored, "ds", "step").groupby(["ds", "step"])
    assert len(trend) == 4 * 4
    same(trend["wape"], groups["abs_e"].sum() / groups["abs_y"].sum())
    same(trend["n"], groups["y"].count())
    smape = groups.apply(lambda rows: (2 * rows["abs_e"] / (rows["y"] + rows["yhat"])).mean())
    same(trend["smape"], smape)

    pooled = trend["sum_abs_error"].sum() / trend["sum_abs_actual"].sum()
    assert pooled == pytest.approx(looked.scored["abs_e"].sum() / looked.scored["abs_y"].sum())
    assert trend["sum_smape"].sum() / trend["n"].sum() == pytest.approx(
        (2 * looked.scored["abs_e"] / (looked.scored["y"] + looked.scored["yhat"])).mean()
    )


def test_the_detail_adds_up_to_the_trend(looked: Looked) -> None:
    """Whatever is left by a filter may be summed; the average of ratios would say something else."""
    detail, trend = looked.views["skucast_detail"], looked.views["skucast_trend"]
    sums = [name for name in detail if name.startswith(("sum_", "n"))]
    added = by(detail, "ds", "step").groupby(["ds", "step"])[sums].sum()
    for name in sums:
        same(added[name], by(trend, "ds", "step")[name])
    assert detail["n_left_out"].sum() == 5
    same(detail["n_unpublished"], 2 * detail["n"])

    small = detail[(detail["channel"] == "KA") & (detail["ds"] > sunday(2))]
    raw = looked.scored[(looked.scored["channel"] == "KA") & (looked.scored["ds"] > pd.Timestamp(sunday(2)))]
    wape = raw["abs_e"].sum() / raw["abs_y"].sum()
    assert small["sum_abs_error"].sum() / small["sum_abs_actual"].sum() == pytest.approx(wape)
    each = small[small["sum_abs_actual"] > 0]
    assert (each["sum_abs_error"] / each["sum_abs_actual"]).mean() > 2 * wape


def test_a_combination_has_one_class_in_all_its_weeks(looked: Looked) -> None:
    """That of the newest window, so that a filter by class shows the same combinations in every week."""
    for name in ("skucast_detail", "skucast_series"):
        found = looked.views[name].groupby(KEY)[["abc_class", "xyz_class"]].agg(lambda values: "".join(set(values)))
        assert {names: tuple(row) for names, *row in found.itertuples(name=None)} == {
            A1: ("A", "X"),
            A2: ("B", "Y"),
            B1: ("C", "-"),
            GONE: ("-", "-"),
            NEW: ("-", "-"),
        }


def test_the_worst_models_are_those_of_the_newest_window(looked: Looked) -> None:
    """Missed volume is mean error times weeks, the share is of all; who has left or was never scored is not listed."""
    worst = by(looked.views["skucast_worst"], *KEY)
    inside = looked.scored[(looked.scored["ds"] >= pd.Timestamp(sunday(2))) & (looked.scored["SKU_ID"] != "GONE")]
    groups = inside.groupby(KEY)
    lost = groups["abs_e"].mean() * groups["ds"].nunique()
    same(worst["lost_volume"], lost)
    same(worst["lost_share"], lost / lost.sum())
    same(worst["wape"], groups["abs_e"].sum() / groups["abs_y"].sum())
    same(worst["bias_ratio"], groups["e"].sum() / groups["abs_y"].sum())
    same(worst["fva_best"], -0.1 * groups["abs_e"].sum() / groups["abs_y"].sum())
    assert (worst["window_start"] == sunday(2)).all()
    assert (worst["window_end"] == sunday(0)).all()
    assert list(worst["combination"]) == ["/".join(names) for names in worst.index]


def test_the_worst_models_say_what_is_wrong(looked: Looked) -> None:
    """One row per model: all rules that are broken now, and the reason of the alert that is open longest."""
    worst = looked.views["skucast_worst"].set_index("SKU_ID")
    said = worst[["rules", "reason", "evidence", "command"]].T.to_dict("list")
    assert said == {
        "A1": ["bias, wape", "stale_model", "evidence of stale_model", "retrain A1"],
        "A2": ["-"] * 4,
        "B1": ["-"] * 4,
    }
    assert worst.loc["A1", "n_open_weeks"] == 3
    assert worst.loc["A1", "opened"] == sunday(2)
    assert worst.loc[["A2", "B1"], ["opened", "n_open_weeks"]].isna().all(axis=None)


def test_alerts_of_an_earlier_week_are_no_reasons(stand_in_cloud: Cloud) -> None:
    """Where the newest window was scored and never judged, nothing is said rather than what was true before."""
    old = pd.DataFrame([alert(A1, "wape", "open", 1, sunday(1), "stale_model")])
    fill(stand_in_cloud, {METRICS: metric_rows(matched_rows()), ALERTS: old})
    make_views(stand_in_cloud)
    worst = read_views(stand_in_cloud)["skucast_worst"]
    assert len(worst) == 3
    assert set(worst["reason"]) == set(worst["rules"]) == {"-"}


def test_a_series_has_every_forecast_beside_what_was_sold(looked: Looked) -> None:
    """One row per forecast; sales are there at every step; nothing is scored that is to come or was out of stock."""
    key = (*KEY, "ds", "step")
    series, matched = by(looked.views["skucast_series"], *key), by(looked.matched, *key)
    same(series["yhat"], matched["yhat"])
    same(series["actual"], matched["y"])
    assert series["actual"].isna().sum() > 4
    assert (series["n"] == matched["y"].notna()).all()
    error = (matched["yhat"] - matched["y"]).abs()
    same(series["sum_abs_error"], error.fillna(0.0))
    same(series["wape"], (error / matched["y"]).replace(np.inf, np.nan))
    assert not series.loc[(*B1, sunday(3))].isna().loc[1, "actual"]  # nothing was sold, which is known
    assert series.loc[(*B1, sunday(3))]["wape"].isna().all()
    same(series["level"], matched["yhat"])


def test_the_latest_forecast_of_a_week_is_one_row(looked: Looked) -> None:
    """Step 1 where the week is over, steps 1 to 4 of the newest cutoff after it: the filter that lets one add up."""
    series = looked.views["skucast_series"]
    latest = series[series["is_latest"] & (series["SKU_ID"] == "A1")]
    assert not latest["ds"].duplicated().any()
    assert list(latest[latest["ds"] > CUTOFF]["step"]) == [1, 2, 3, 4]
    assert set(latest[latest["ds"] <= CUTOFF]["step"]) == {1}
    actual = series[series["is_latest"]].groupby("ds")["actual"].sum()
    expected = looked.matched[looked.matched["step"] == 1].groupby("ds")["y"].sum()
    assert actual[sunday(0)] == expected[pd.Timestamp(sunday(0))]


@pytest.mark.parametrize("where", CLOUDS)
def test_every_column_is_described_as_the_page_says(request: pytest.FixtureRequest, where: str) -> None:
    """Columns, order, types and meanings of docs/looker.md are those of the views; tables without rows suffice."""
    cloud: Cloud = request.getfixturevalue(where)
    fill(cloud, {})
    make_views(cloud)
    assert all(rows.empty for rows in read_views(cloud).values())
    client = bigquery_client(cloud.project, cloud.endpoints, timeout_s=60, deadline_s=300)
    page = DOCS.read_text(encoding="utf-8")
    for name in (*VIEWS, *PLANNER_VIEWS):
        view = client.get_table(f"{cloud.project}.{cloud.dataset}.{name}")
        assert view.table_type == "VIEW"
        assert view.description
        _, part = page.split(f"\n### `{name}`\n")
        documented = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", part.partition("\n#")[0], re.MULTILINE)
        kinds = {"FLOAT": "FLOAT64", "INTEGER": "INT64", "BOOLEAN": "BOOL"}
        found = [(f.name, kinds.get(f.field_type, f.field_type), f.description) for f in view.schema]
        assert documented == found
