"""Declared regressors through the jobs: from columns and files to forecasts that say what a price adds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import WEDNESDAY, sunday
from business import Business

import skucast as sk
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS, SCENARIOS
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.tables.sales import sales_with
from skucast.entry.app import start_run
from skucast.entry.cli import main
from skucast.jobs.inputs import read_history
from skucast.runtime.groups.field import Job
from skucast.runtime.reading import settings_of

PRICE = """
[[regressor]]
name = "price"
kind = "price"
history = "sales:PRICE"
"""
N_WEEKS = 80


def lines() -> pd.DataFrame:
    """Return weekly sales of two articles, the first of which sells 60 of 200 less in weeks at 12 instead of 10."""
    random = np.random.default_rng(3)
    rows = []
    for sku, effect in (("A1", 60.0), ("B2", 0.0)):
        price = np.where(np.repeat(random.random(N_WEEKS) < 0.5, 3)[:N_WEEKS], 12.0, 10.0)
        sold = 200 - effect * (price - 10) / 2 + random.normal(0, 5, N_WEEKS)
        rows += [
            {
                "date": sunday(N_WEEKS - 1 - week),
                "unit": "U",
                "channel": "KA",
                "SKU_ID": sku,
                "quantity": round(sold[week]),
                "PRICE": price[week],
            }
            for week in range(N_WEEKS)
        ]
    return pd.DataFrame(rows).astype({"quantity": "float64"})


@pytest.fixture
def priced(tmp_path: Path, kept: Path, run, monkeypatch: pytest.MonkeyPatch) -> Business:
    """Return a business whose sales have a price, which is declared, with trained models."""
    monkeypatch.setenv("REGRESSORS", PRICE)
    monkeypatch.setenv("SALES_GRAIN", "week")
    business = Business(tmp_path / "priced", kept)

    def sell(priced: Business) -> None:
        priced.warehouse.append_once(sales_with(["PRICE"]), lines(), batch_id="x", source="test", run=run)

    business.once("priced", sell)
    business.already("train")
    return business


HEADER = "name,unit,channel,SKU_ID,starts_on,ends_on,value,known_from"


def load(business: Business, *rows: str, header: str = HEADER) -> int:
    """Load values of regressors."""
    path = business.folder / "values.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return main(["load", str(path), "--table", "regressors", "--warehouse", f"duckdb:{business.warehouse.path}"])


def forecasts(business: Business, job: Job = "predict", *flags: str) -> pd.DataFrame:
    """Predict, and return the forecasts of the article that follows its price."""
    assert business(job, *flags) == 0
    rows = business.rows(FORECASTS)
    assert rows[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(rows["yhat"].tolist())
    return rows[rows["SKU_ID"] == "A1"]


def test_two_values_of_the_same_days_are_said_when_they_are_loaded(priced: Business, shown) -> None:
    """Whoever sends them hears it at once, and not on Thursday; a correction, known later, is none of them."""
    of_days = "price,U,*,A1,2026-11-30,2026-12-06"
    assert load(priced, f"{of_days},12,2026-11-20", f"{of_days},11,2026-11-20", f"{of_days},10,2026-11-21") == 0
    assert (
        "1 row says another value than a row of the same names, days and known_from, first row 3: the larger" in shown()
    )
    day = "price,U,*,A1,2026-12-07"
    assert load(priced, f"{day},,10,2026-11-20", f"{day},2026-12-07,12,2026-11-20", f"{day},,14,2026-11-20") == 0
    assert "2 rows say another value" in shown()
    assert load(priced, f"{day},,15,2026-11-20", f"{day},,15,2026-11-20", f"{day},,15,2026-11-21") == 0
    assert "another value" not in shown()


FAR_OUTSIDE = "price: values to come far outside what their article ever had"


@pytest.mark.parametrize(
    ("value", "is_said"), [("12", False), ("14", False), ("5", False), ("120", True), ("1.2", True), ("0", True)]
)
def test_a_value_far_outside_the_history_is_said(priced: Business, shown, value: str, is_said: bool) -> None:
    """An article sold at 10 and 12 has no model of what happens at 120: its forecast rests on a doubt."""
    assert load(priced, f"price,U,*,A1,2026-11-30,2026-12-06,{value},2026-11-20") == 0
    assert priced("predict") == 0
    said = shown()
    assert (
        f"{FAR_OUTSIDE}, where no model has learnt anything: U/KA/A1: {value}, 10 to 12 until now;" in said
    ) == is_said
    assert (FAR_OUTSIDE in said) == is_said


def test_a_price_that_is_known_ahead_moves_the_forecast(priced: Business, shown) -> None:
    """Loaded for all articles, `*`: two weeks at 12, then 10 again; the forecast says what the price adds.

    Withdrawn it is as it was before, and what will be said tomorrow is not known today.
    """
    blind = forecasts(priced)
    assert "price: known in 0 % of the weeks to come; elsewhere the last value stands in" in shown()
    assert (
        load(
            priced,
            "price,*,*,*,2026-11-23,2026-12-06,12,2026-11-20",
            "price,U,*,A1,2026-12-07,2026-12-20,10,2026-11-20",
        )
        == 0
    )
    rows = forecasts(priced)
    assert "price: known in 75 % of the weeks to come" in shown()
    assert rows["yhat"].tolist() == pytest.approx([140, 140, 200, 200], abs=25)
    effects = [json.loads(text)["price"] for text in rows["regressor_effects"]]
    assert effects == pytest.approx(rows["regressors"].tolist(), abs=1e-5)
    assert blind["yhat"].iloc[-1] < rows["yhat"].iloc[-1] - 30
    assert load(priced, "price,*,*,*,2026-11-23,2026-12-20,,2026-11-24") == 0
    assert forecasts(priced)["yhat"].tolist() == pytest.approx(blind["yhat"].tolist())
    assert load(priced, "price,*,*,*,2026-11-23,2026-12-20,10,2026-11-26") == 0
    assert forecasts(priced)["yhat"].tolist() == pytest.approx(blind["yhat"].tolist())


def test_a_scenario_may_be_one_of_prices(priced: Business, shown) -> None:
    """10 instead of 12 gives some 60 more a week; nothing is published, and a name that nobody declared is refused."""
    path = priced.folder / "cheaper.csv"
    path.write_text(f"{HEADER}\nprice,*,*,*,2026-11-23,2026-12-20,10,2027-01-01\n", encoding="utf-8")
    what_if = ["--scenario", "cheaper", "--promotions", str(path)]
    assert priced("predict", *what_if) == 0
    rows = priced.rows(SCENARIOS)
    followed = rows[rows["SKU_ID"] == "A1"]
    assert followed["difference"].tolist() == pytest.approx([60.0] * 4, abs=20)
    assert rows[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(rows["yhat"].tolist())
    assert not len(priced.warehouse.read(FORECASTS))
    path.write_text(f"{HEADER}\nprise,*,*,*,2026-11-23,2026-12-20,10,\n", encoding="utf-8")
    assert priced("predict", *what_if) == 2
    assert "no regressor 'prise' is declared; did you mean price?" in shown()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            "prise,*,*,*,2026-11-23,,12,",
            "row 4: name 'prise': expected a regressor of REGRESSORS (price); did you mean price?",
        ),
        ("price,*,*,*,,,12,", "row 4: starts_on is empty"),
        ("price,*,*,*,2026-11-23,,dear,", "column value"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(priced: Business, shown, row: str, said: str) -> None:
    """A name that nobody declared, no day, no number: one line, and nothing is loaded."""
    assert load(priced, "price,*,*,*,2026-11-23,,12,", "", row) == 2
    assert said in shown()
    assert not len(priced.warehouse.read(REGRESSORS))


def test_a_file_says_since_when_a_value_was_known(priced: Business) -> None:
    """A day, from whose beginning on it counts; without one it counts from when it was loaded."""
    assert load(priced, "price,*,*,*,2026-11-23,,12,2026-11-01", "price,*,*,*,2026-11-24,,12,") == 0
    first, second = priced.warehouse.read(REGRESSORS).sort_values("starts_on")["known_from"]
    assert pd.Timestamp("2026-10-31 20:59") < first <= pd.Timestamp("2026-10-31 21:00")
    assert second > first


def test_rows_of_nobody_are_said_and_stop_nothing(priced: Business, shown) -> None:
    """An article that is not sold: a warning that counts it."""
    assert load(priced, "price,U,KA,C3,2026-11-23,,12,2026-11-20") == 0
    assert priced("predict") == 0
    assert "that are not used: 1 (unknown unit, channel or SKU_ID)" in shown()


def test_blend_and_panel_know_the_price_too(priced: Business, monkeypatch: pytest.MonkeyPatch, shown) -> None:
    """Published by all components, each says what the price adds; without the declaration the panel is not asked."""
    monkeypatch.setenv("FORECASTER", "blend")
    assert priced("train") == 0
    assert load(priced, "price,*,*,*,2026-11-23,2026-12-06,12,2026-11-20", "price,*,*,*,2026-12-07,,10,2026-11-20") == 0
    rows = forecasts(priced)
    assert set(rows["method"]) == {"blend"}
    effects = [json.loads(text)["price"] for text in rows["regressor_effects"]]
    assert effects == pytest.approx(rows["regressors"].tolist(), abs=1e-5)
    assert min(effects[2:]) > max(effects[:2])
    monkeypatch.setenv("REGRESSORS", "")
    shown()
    assert priced("predict", "--max-failed-share", "1") == 0
    said = shown()
    assert "the panel asks for other features than there are" in said
    assert "declared_price" in said
    monkeypatch.setenv("FORECASTER", "prophet")
    assert priced("train") == 0
    assert set(forecasts(priced)["status"]) == {"ok"}


def test_the_library_takes_a_price_with_the_sales_and_some_ahead(tmp_path: Path) -> None:
    """A file's column by its name; values ahead are rows with a name; `explain` has the component."""
    path = tmp_path / "sales.parquet"
    lines().rename(columns={"PRICE": "Preis"}).to_parquet(path)
    sales = sk.read_sales(path, columns={"PRICE": "Preis"})
    days = {"starts_on": ["2026-11-23", "2026-11-30"], "ends_on": ["2026-11-29", "2026-12-06"]}
    prices = pd.DataFrame({"name": "price", **days, "value": [10.0, 12.0]})
    forecaster = sk.Forecaster(regressors=PRICE, forecaster="prophet", tune="off", workers=1).fit(sales, prices)
    found = forecaster.predict(h=2, known=prices.assign(value=[12.0, 10.0]))
    dear, cheap = found.loc[found["SKU_ID"] == "A1", "skucast"]
    assert cheap - dear == pytest.approx(60, abs=20)
    told = sk.explain(found).groupby("component")["value"].sum()
    assert told.sum() == pytest.approx(found["skucast"].sum())
    assert told["regressors"] != 0


def test_history_may_come_from_the_table_or_a_file(priced: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival's price of rows, and a fair of a file beside the declarations, stand beside the sales of their weeks."""
    folder = priced.folder / "declared"
    folder.mkdir()
    (folder / "fairs.csv").write_text(
        "name,unit,channel,SKU_ID,starts_on,ends_on,value\n,*,*,B2,2026-11-17,,1\n", "utf-8"
    )
    (folder / "regressors.toml").write_text(
        '[[regressor]]\nname = "rival"\nkind = "competitor"\nhistory = "table"\n'
        '[[regressor]]\nname = "fair"\nkind = "event"\nhistory = "file:fairs.csv"\nweek = "max"\n',
        "utf-8",
    )
    monkeypatch.setenv("REGRESSORS", str(folder / "regressors.toml"))
    assert load(priced, "rival,*,*,*,2026-11-09,2026-11-22,5,2026-11-01", "rival,U,*,A1,2026-11-16,,8,2026-11-10") == 0
    settings = settings_of(warehouse=f"duckdb:{priced.warehouse.path}", regressors=str(folder / "regressors.toml"))
    run = start_run("predict", settings.model_copy(update={"as_of": WEDNESDAY}))
    weeks = read_history(settings, open_warehouse(settings), run).weeks
    last = weeks[weeks["ds"] >= pd.Timestamp(sunday(1))].sort_values(["SKU_ID", "ds"])
    assert last["declared_rival"].tolist() == pytest.approx([5.0, (8 + 6 * 5) / 7, 5.0, 5.0])
    assert last["declared_fair"].fillna(0).tolist() == [0.0, 0.0, 0.0, 1.0]
    assert weeks["declared_rival"].notna().sum() == 4


RIVAL_OF_TABLE = '[[regressor]]\nname = "rival"\nkind = "competitor"\nhistory = "table"\n'
FAIR_OF_FILE = '[[regressor]]\nname = "fair"\nkind = "event"\nhistory = "file:fairs.csv"\n'


@pytest.mark.parametrize(
    ("declared", "row", "said"),
    [
        (RIVAL_OF_TABLE, "", "no week has a value of rival"),
        (FAIR_OF_FILE, "fare,*,*,*,2026-11-17,,1", "1 (no regressor 'fare' is declared; did you mean fair?)"),
        (FAIR_OF_FILE, "fair,*,*,*,2026-11-17,2026-11-10,1", "1 (ends before it starts)"),
        (FAIR_OF_FILE, "fair,*,*,C3,2026-11-17,,1", "1 (unknown unit, channel or SKU_ID)"),
    ],
)
def test_a_source_that_says_nothing_usable_stops_nothing(
    priced: Business, monkeypatch: pytest.MonkeyPatch, shown, declared: str, row: str, said: str
) -> None:
    """An empty table, a file of which no row counts: a warning, and forecasts without it."""
    (priced.folder / "fairs.csv").write_text(f"{HEADER.removesuffix(',known_from')}\n{row}\n", "utf-8")
    (priced.folder / "regressors.toml").write_text(PRICE + declared, "utf-8")
    monkeypatch.setenv("REGRESSORS", str(priced.folder / "regressors.toml"))
    assert priced("predict") == 0
    assert said in shown()


def test_a_column_of_a_file_that_means_nothing_is_said(
    priced: Business, monkeypatch: pytest.MonkeyPatch, shown
) -> None:
    """A misspelt `known_from` would make a value known all along; without a column of values there is nothing."""
    (priced.folder / "regressors.toml").write_text(PRICE + FAIR_OF_FILE, "utf-8")
    monkeypatch.setenv("REGRESSORS", str(priced.folder / "regressors.toml"))
    fairs = priced.folder / "fairs.csv"
    fairs.write_text("unit,channel,SKU_ID,starts_on,value,known_form\n*,*,*,2026-11-17,1,2026-11-10\n", "utf-8")
    assert priced("predict") == 0
    assert "fairs.csv: columns not used: known_form" in shown()
    fairs.write_text("unit,channel,SKU_ID,starts_on,wert\n*,*,*,2026-11-17,1\n", "utf-8")
    assert priced("predict") == 2
    assert "fairs.csv: no column value, found wert beside those that are known" in shown()
