"""The doctor: every check has a line, and what fails says what to do."""

import pandas as pd
import pytest
from builders import deliver, sunday, week
from stand_ins.open_meteo import OpenMeteoStandIn

from skucast.backends import weather_api
from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.run import BAD_INPUT, DONE
from skucast.core.tables.contract import ALL
from skucast.core.tables.every import WRITTEN
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS
from skucast.core.tables.validation import empty
from skucast.entry import cli
from skucast.entry.doctor import Finding, doctor, examine, show


@pytest.mark.slow
def test_a_healthy_place_is_all_ok(settings, warehouse, run):
    """Sales up to the cutoff, a model, folders that can be written to: every line is ok, exit code 0."""
    deliver(warehouse, [line for back in range(3) for line in week(sunday(back), 5.0)], run)
    made = settings()
    LocalStore(made.model_store).save(Combination("U", "C", "S"), b"x", "v", expected=None)
    found = examine(made, warehouse, LocalStore(made.model_store), run)
    assert [finding.what for finding in found if not finding.is_ok] == []
    assert doctor(made, run) == DONE
    assert not list(LocalStore(made.model_store).root.glob(".probe*"))


def test_what_is_missing_is_named_and_hides_nothing_else(settings, warehouse, run):
    """No sales and no model: two lines to fix, the write checks still run, exit code 2; no warehouse is made."""
    made = settings()
    found = examine(made, warehouse, LocalStore(made.model_store), run)
    broken = {finding.what: finding.text for finding in found if not finding.is_ok}
    assert set(broken) == {"sales", "models"}
    assert "python -m skucast load" in broken["sales"]
    assert "run_all_skus.py" in broken["models"]
    assert doctor(made, run) == BAD_INPUT
    assert not warehouse.path.exists()


@pytest.mark.slow
def test_tables_that_are_not_there_yet_are_fine_and_stay_so(settings, warehouse, run):
    """Sales are loaded, nothing has run: the forecasts table is named as made by the first run, and is not made."""
    deliver(warehouse, week(sunday(0), 5.0), run)
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    texts = {finding.what: finding.text for finding in found}
    assert texts["table forecasts"] == "distributor_forecasts_weekly: not there yet; made by the first run"
    assert texts["table loads"] == "distributor_loads: there"
    written = {f"table {table.label}" for tables in WRITTEN.values() for table in tables}
    assert written | {"table scenarios", "table overrides", "table names", "table weather"} <= set(texts)
    assert "table sales" not in texts  # what others deliver has checks of its own
    assert texts["sales"].startswith("1 combination, 2026-11-22 to 2026-11-22")
    assert not warehouse.exists(FORECASTS)


def test_a_place_that_cannot_be_written_to_is_something_to_fix(settings, warehouse, run):
    """The warehouse's folder is a file."""
    warehouse.path = warehouse.path / "no folder" / "warehouse.duckdb"
    warehouse.path.parents[1].write_text("a file")
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    (text,) = [finding.text for finding in found if finding.what == "writing to the warehouse" and not finding.is_ok]
    assert "cannot be made in" in text


@pytest.mark.slow
def test_late_sales_are_something_to_fix(settings, warehouse, run):
    """The newest complete week is two weeks older than the cutoff."""
    deliver(warehouse, week(sunday(3), 5.0) + week(sunday(2), 5.0), run)
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    assert [f.text for f in found if f.what == "sales"] == [
        "2 weeks late: complete through 2026-11-08, expected 2026-11-22"
    ]


@pytest.mark.slow
def test_sales_as_late_as_allowed_are_ok(settings, warehouse, run):
    """One week late, and one is allowed: it is said, and nothing is to fix."""
    deliver(warehouse, week(sunday(2), 5.0) + week(sunday(1), 5.0), run)
    found = {f.what: f for f in examine(settings(), warehouse, LocalStore(settings().model_store), run)}
    assert found["sales"].is_ok
    assert found["sales"].text == (
        "1 week late: complete through 2026-11-15, expected 2026-11-22; ALLOWED_LATE_WEEKS=1 allows it"
    )


@pytest.mark.slow
def test_a_lost_table_is_something_to_fix(settings, warehouse, run):
    """Its rows were published and somebody dropped it: no run will make it anew."""
    warehouse.replace(FORECASTS, empty(FORECASTS), run.cutoff, run=run)
    with warehouse._file.transaction() as connection:
        connection.execute(f"DROP TABLE {FORECASTS.name}")
    found = {f.what: f for f in examine(settings(), warehouse, LocalStore(settings().model_store), run)}
    assert not found["table forecasts"].is_ok
    assert "is gone, but was published to" in found["table forecasts"].text


@pytest.mark.slow
def test_weather_says_how_many_units_have_a_place_and_whether_it_comes(settings, warehouse, run, monkeypatch):
    """Off; on without locations; on with one of two; the service down: the last two are told apart."""
    monkeypatch.setattr(weather_api, "_SHORTEST_PAUSE_S", 0.001)
    deliver(warehouse, week(sunday(0), 5.0) + week(sunday(0), 5.0, unit="Казань"), run)
    server = OpenMeteoStandIn(run.today)

    def weather(**given) -> tuple[bool, str]:
        made = settings(**given)
        found = examine(made, warehouse, LocalStore(made.model_store), run)
        return next((f.is_ok, f.text) for f in found if f.what == "weather")

    assert weather() == (True, "off; WEATHER=true switches it on")
    is_ok, text = weather(**server.settings)
    assert not is_ok
    assert text.startswith("0 of 2 units have a location; load them with")
    place = pd.DataFrame({"unit": ["Пермь"], "latitude": [58.0], "longitude": [56.2]})
    warehouse.replace(LOCATIONS, place, ALL, run=run)
    assert weather(**server.settings) == (True, "1 of 2 units have a location; Open-Meteo answers")
    server.close()
    is_ok, text = weather(**server.settings)
    assert not is_ok
    assert text.startswith("127.0.0.1: no answer about Пермь (no connection")


@pytest.mark.slow
def test_rows_of_the_plan_that_mean_nothing_are_something_to_fix(settings, warehouse, run):
    """A fraction is named with its row; one about an article that has no sales yet is said, and fine."""
    deliver(warehouse, week(sunday(0), 5.0), run)
    names = {"unit": "Пермь", "channel": "KA", "SKU_ID": "A1"}
    days = {"starts_on": pd.Timestamp("2026-12-07"), "ends_on": pd.Timestamp("2026-12-13"), "known_from": run.run_at}

    def plan(number: int, **given) -> tuple[bool, str]:
        rows = pd.DataFrame([{**names, **days, "discount_perc": 30.0, **given}])
        warehouse.append_once(PROMOTIONS, rows, batch_id=str(number), source="plan", run=run)
        found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
        return next((f.is_ok, f.text) for f in found if f.what == "promotion plan")

    assert plan(1)[0]
    is_ok, text = plan(2, SKU_ID="A2")
    assert is_ok
    assert text.endswith("; 1 row of names without sales not used")
    is_ok, text = plan(3, discount_perc=0.3)
    assert not is_ok
    assert text == (
        "3 rows, of which not used: 1 (discount_perc is a fraction (0.3 for 30)); the first: "
        "Пермь/KA/A1, 2026-12-07 to 2026-12-13, discount_perc 0.3; correct them in distributor_promotions"
    )


@pytest.mark.slow
@pytest.mark.parametrize("promo", [None, 20])
def test_without_a_promotion_in_the_sales_no_plan_is_missed(settings, warehouse, run, promo):
    """With one the doctor says what stands in for a plan, and where to read on."""
    deliver(warehouse, week(sunday(0), 5.0, promo=promo), run)
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    text = next(each.text for each in found if each.what == "promotion plan")
    assert text == (
        "empty: a promotion to come counts as the recent average; see docs/promotions.md"
        if promo
        else "empty, as the sales have no promotion"
    )


def test_a_check_that_breaks_hides_no_other(settings, warehouse, run, monkeypatch):
    """Something nobody foresaw is one line to fix; every other check has its line."""
    store = LocalStore(settings().model_store)
    whole = [finding.what for finding in examine(settings(), warehouse, store, run)]
    monkeypatch.setattr(store, "stored", lambda: 1 / 0)
    found = examine(settings(), warehouse, store, run)
    assert [finding.what for finding in found] == whole
    assert {f.what: f.text for f in found}["models"] == "ZeroDivisionError: division by zero"


def test_brackets_in_what_is_found_are_shown_as_they_are(capsys):
    """They are no instructions for the table: neither lost nor an error."""
    assert show([Finding("table [x]", is_ok=False, text="found [/oops] and [red]")], "[title]") == BAD_INPUT
    shown = capsys.readouterr().out
    for text in ("table [x]", "[/oops]", "[red]", "[title]"):
        assert text in shown


def test_wrong_settings_are_findings_too(capsys):
    """All mistakes in the doctor's own table, exit code 2."""
    assert cli.main(["doctor", "--business-tz", "Mars", "--week-anchor", "XYZ"]) == BAD_INPUT
    shown = capsys.readouterr().out
    assert "BUSINESS_TZ" in shown
    assert "WEEK_ANCHOR" in shown
    assert shown.count("fix this") == 2


def test_credentials_are_asked_for_where_they_are_needed(settings, warehouse, run, monkeypatch, tmp_path):
    """Not on this machine, nor for stand-ins; for a real bucket those that are missing are something to fix."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    monkeypatch.setattr("skucast.entry.doctor.store_at", lambda *_: LocalStore(tmp_path))

    def credentials(**given):
        found = examine(settings(**given), warehouse, LocalStore(tmp_path / "models"), run)
        return next((f.is_ok, f.text) for f in found if f.what == "credentials")

    assert credentials() == (True, "none are needed: everything is on this machine")
    stand_in = {"staging": "gs://some-bucket", "gcs_endpoint": "http://127.0.0.1:1"}
    assert credentials(**stand_in) == (True, "none are needed: the services are stand-ins")
    is_ok, text = credentials(staging="gs://some-bucket")
    assert not is_ok
    assert text.startswith("no Google Cloud credentials (")


@pytest.mark.slow
def test_what_is_declared_is_listed_with_what_is_built_in(settings, warehouse, run):
    """Promotions always, weather off, a price by evidence, each with its rules; a wrong declaration is to be fixed."""

    def regressors(toml: str) -> Finding:
        made = settings(regressors=toml)
        found = examine(made, warehouse, LocalStore(made.model_store), run)
        return next(each for each in found if each.what == "regressors")

    promotions, weather, price = regressors('[[regressor]]\nname = "price"\nkind = "price"\n').text.splitlines()
    assert promotions == (
        "promotions, always: promo_discount_perc (week mean, unknown recent), promo_days (week sum, unknown recent)"
    )
    assert weather.startswith("weather, off: weather_temperature (week mean, unknown climate), weather_precipitation (")
    assert price == "price, where it pays: price (week mean, unknown last)"
    assert not regressors('[[regressor]]\nname = "weather"\nkind = "price"\n').is_ok
