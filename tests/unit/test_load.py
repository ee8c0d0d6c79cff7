"""`python -m skucast load`: a file is added once, or nothing of it, and what was wrong is said in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import CUTOFF
from sales_files import GOOD, HEADER, csv

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.tables.records import LOADS, RUNS
from skucast.core.tables.sales import LOCATIONS, SALES
from skucast.core.weeks import WeekClock
from skucast.entry.cli import main


@pytest.fixture
def load(warehouse, capsys):
    """Return a function that runs `python -m skucast load` into the fixture's warehouse: exit code, what it said."""

    def call(path: str | Path, *flags: str) -> tuple[int, str]:
        code = main(["load", str(path), "--table", "sales", "--warehouse", f"duckdb:{warehouse.path}", *flags])
        return code, capsys.readouterr().err

    return call


@pytest.fixture
def loads(warehouse, capsys):
    """Return a function that runs `python -m skucast loads`: exit code, what it showed."""

    def call(*arguments: str) -> tuple[int, str]:
        code = main(["loads", *arguments, "--warehouse", f"duckdb:{warehouse.path}"])
        return code, "".join(capsys.readouterr())

    return call


@pytest.mark.slow
def test_load_adds_the_file_to_the_warehouse(load, warehouse):
    """Exit code 0, the rows are there, and the run has its row."""
    code, said = load(csv(GOOD, GOOD))
    assert code == 0
    assert "2 rows added to distributor_sales_frozen_sample_1" in said
    assert warehouse.read(SALES)["quantity"].tolist() == [12.0, 12.0]
    assert warehouse.read(RUNS)[["job", "exit_code", "n_rows"]].to_numpy().tolist() == [["load", 0, 2]]


def test_load_maps_columns_and_says_which_it_left(load, warehouse):
    """`--columns ours=theirs` names them on the command line."""
    path = csv("2026-11-16,U,C,S,5,x", header="day,unit,channel,SKU_ID,qty,manager")
    code, said = load(path, "--columns", "date=day;quantity=qty")
    assert code == 0
    assert "columns not used: manager" in said
    assert warehouse.read(SALES)["quantity"].tolist() == [5.0]


@pytest.mark.slow
def test_sales_columns_name_the_file_s_columns_and_the_jobs_go_on(load, warehouse, monkeypatch, settings):
    """SALES_COLUMNS=quantity=qty loads qty into quantity, and the loaded table is read by its own names."""
    monkeypatch.setenv("SALES_COLUMNS", "quantity=qty")
    path = csv("2026-11-16,U,C,S,5", header="date,unit,channel,SKU_ID,qty")
    assert load(path)[0] == 0
    assert warehouse.read(SALES)["quantity"].tolist() == [5.0]
    weeks = open_warehouse(settings()).weekly_sales(WeekClock(), CUTOFF)
    assert weeks["quantity"].tolist() == [5.0]
    assert load(csv(GOOD, name="ours.csv"), "--columns", "", "--add")[0] == 0


@pytest.mark.slow
def test_the_same_file_is_never_loaded_twice(load, warehouse):
    """The second load, under whatever name, exits 2, says when the first was, and adds nothing."""
    assert load(csv(GOOD))[0] == 0
    for name in ("sales.csv", "copy.csv"):
        code, said = load(csv(GOOD, name=name))
        assert code == 2
        assert f"{name}: the same content was loaded on 2" in said
        assert "as sales.csv; nothing was added" in said
    assert len(warehouse.read(SALES)) == 1
    assert len(warehouse.read(LOADS)) == 1
    assert sorted(warehouse.read(RUNS)["exit_code"]) == [0, 2, 2]


@pytest.mark.slow
def test_another_file_of_the_same_days_is_refused_or_added(load, warehouse):
    """The same rows saved again are refused and shown; corrections are added where that is said."""
    assert load(csv(GOOD))[0] == 0
    saved_again = csv(GOOD + ",", header=HEADER + ",note", name="again.csv")
    code, said = load(saved_again)
    assert code == 2
    assert "sales of 1 of its days x combinations already, 2026-11-16 to 2026-11-16, with the same quantity" in said
    assert "Пермь/ON TRADE/ЦУП00009752 on 2026-11-16 (12 there, 12 in the file)" in said
    assert warehouse.read(SALES)["quantity"].tolist() == [12.0]
    assert load(csv(GOOD.replace(",12,", ",-2,"), name="restated.csv"), "--add")[0] == 0
    assert sorted(warehouse.read(SALES)["quantity"]) == [-2.0, 12.0]


DAYS = [f"2026-11-{day},{unit},KA,A1,{quantity}," for day in (9, 16) for unit, quantity in (("Пермь", 4), ("Юг", 5))]
DAYS = [day.replace("-11-9,", "-11-09,") for day in DAYS]


@pytest.mark.slow
def test_replace_puts_an_export_in_the_place_of_its_days(load, warehouse):
    """An overlapping export, twice: its days of its combinations are as it says, and what has gone is said."""
    assert load(csv(*DAYS))[0] == 0
    new = csv("2026-11-16,Пермь,KA,A1,40,", "2026-11-16,Юг,KA,A1,50,", "2026-11-17,Юг,KA,A1,1,", name="new.csv")
    for _ in range(2):
        code, said = load(new, "--replace")
        assert code == 0
        assert "days x combinations were replaced" in said
        assert sorted(warehouse.read(SALES)["quantity"]) == [1.0, 4.0, 5.0, 40.0, 50.0]


@pytest.mark.slow
def test_replace_does_not_lose_what_a_file_of_corrections_is_not_about(load, warehouse):
    """Each of two lines is of another day and unit: most of what their days and units have is not in the file."""
    more = [day.replace("KA", "TF") for day in DAYS]
    assert load(csv(*DAYS, *more, "2026-11-10,Юг,KA,A1,5,"))[0] == 0
    code, said = load(csv(DAYS[0], DAYS[3], "2026-11-10,Пермь,KA,A1,5,", name="two.csv"), "--replace")
    assert code == 2
    assert "--replace would remove 3 of 5 days x combinations for which the file has no line" in said
    assert len(warehouse.read(SALES)) == 9


@pytest.mark.slow
def test_a_load_can_be_listed_and_undone(load, loads, warehouse):
    """By the beginning of its id; the list shows both files, and what is no load is refused."""
    assert load(csv(*DAYS))[0] == 0
    assert load(csv("2026-11-23,Пермь,KA,A1,7,", name="wrong.csv"))[0] == 0
    code, shown = loads("list")
    assert code == 0
    assert "sales.csv" in shown
    wrong = warehouse.read(LOADS).set_index("source").at["wrong.csv", "batch_id"]
    assert wrong[:12] in shown
    assert loads("undo", wrong[:8])[0] == 0
    assert warehouse.read(LOADS)["source"].tolist() == ["sales.csv"]
    assert sorted(warehouse.read(SALES)["quantity"]) == [4.0, 4.0, 5.0, 5.0]
    code, said = loads("undo", wrong[:8])
    assert code == 2
    assert f"'{wrong[:8]}': the load of wrong.csv was taken back on " in said


@pytest.mark.slow
def test_what_is_no_load_is_said_with_what_there_is(load, loads):
    """Nothing loaded, an id that is none or too short, a file's name: one line each, exit code 2."""
    assert "'abcdef': nothing is loaded; nothing was removed" in loads("undo", "abcdef")[1]
    assert load(csv(*DAYS))[0] == 0
    for wanted, why in {
        "": "too short, at least 4 characters",
        "abcdef": "no such load; the newest of 1 is ",
        "sales.csv": "a file's name; give the id of its load: ",
    }.items():
        code, said = loads("undo", wanted)
        assert code == 2
        assert f"{wanted!r}: {why}" in said


@pytest.mark.slow
def test_a_load_is_summed_up(load):
    """Period, combinations, total, names that are new, and the last weeks of each unit as the table has them now."""
    assert load(csv(*DAYS))[0] == 0
    code, said = load(csv("2026-11-16,Юг,KA,B2,1.5,", "2026-11-17,Урал,KA,B2,-2,", name="new.csv"))
    assert code == 0
    assert "2026-11-16 to 2026-11-17: 2 combinations (2 units, 1 channel, 1 article), 1.5 sold, 2 returned" in said
    assert "new units: Урал" in said
    assert "new articles: B2" in said
    assert "new channels" not in said
    assert "in the weeks that end on 2026-11-01, 2026-11-08, 2026-11-15, 2026-11-22" in said
    assert "  Юг: nothing, nothing, 5, 6.5" in said


@pytest.mark.parametrize("line", ["2026-11-16,U,C,S,many,", "2026-11-16,U,C,..,1,", "2026-11-16,U,C,S,1,140"])
def test_a_bad_file_exits_2_and_writes_nothing(load, warehouse, line):
    """One clear line, no warehouse file."""
    code, said = load(csv(GOOD, line))
    assert code == 2
    assert said.count("\n") == 1
    assert "sales.csv: " in said
    assert not warehouse.path.exists()


def test_a_file_of_which_nothing_would_count_is_refused(load, warehouse):
    """No line has a unit: exit code 2, nothing written."""
    code, said = load(csv("2026-11-16,,KA,A1,5,", ",Пермь,KA,A1,5,"))
    assert code == 2
    assert "sales.csv: no line has a day and all names" in said
    assert not warehouse.path.exists()


def test_a_bad_mapping_exits_2_and_writes_nothing(load, warehouse):
    """A mapping of a column that sales do not have is refused."""
    code, said = load(csv(GOOD), "--columns", "menge=qty")
    assert code == 2
    assert "'menge=qty': expected ours=theirs" in said
    assert not warehouse.path.exists()


PLACES = "unit,latitude,longitude"


@pytest.fixture
def load_locations(warehouse, capsys):
    """Return a function that loads a file of locations: exit code, what it said."""

    def call(path: Path, *flags: str, place: str | None = None) -> tuple[int, str]:
        where = place or f"duckdb:{warehouse.path}"
        code = main(["load", str(path), "--table", "locations", "--warehouse", where, *flags])
        return code, capsys.readouterr().err

    return call


@pytest.mark.slow
def test_locations_are_what_the_last_file_says(load_locations, warehouse):
    """A corrected file replaces the one before as a whole; the same file twice is no mistake."""
    code, said = load_locations(csv("Пермь,58.0,56.2", "Казань,55.8,49.1", header=PLACES))
    assert code == 0
    assert "distributor_locations in" in said
    assert "holds 2 locations now, those of sales.csv" in said
    corrected = csv("Пермь,58.01,56.25", header=PLACES)
    assert [load_locations(corrected)[0] for _ in range(2)] == [0, 0]
    stored = warehouse.read(LOCATIONS)
    assert stored[["unit", "latitude", "longitude"]].to_numpy().tolist() == [["Пермь", 58.01, 56.25]]
    assert stored[["country", "subdivision"]].isna().all(axis=None)


def test_columns_of_locations_may_be_named_otherwise(load_locations, warehouse, monkeypatch):
    """By `--columns`; what SALES_COLUMNS says of the sales is no matter here."""
    monkeypatch.setenv("SALES_COLUMNS", "unit=nowhere")
    path = csv("Пермь,58.0,56.2,x", header="branch,lat,lon,city")
    code, said = load_locations(path, "--columns", "unit=branch;latitude=lat;longitude=lon")
    assert code == 0
    assert "columns not used: city" in said
    assert warehouse.read(LOCATIONS)["unit"].tolist() == ["Пермь"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Пермь,91,56.2", "latitude lies in -90 to 90"),
        ("Пермь,,56.2", "column latitude, row 2: found nan, expected a value"),
        ("Пермь,58°,56.2", "column latitude, row 2: found '58°', expected a finite number"),
        ("Пермь,58,56.2\nПермь,59,56.2", "rows repeat a key"),
        (".,58,56.2", "column unit, row 2: '.' not a usable name"),
    ],
)
def test_a_wrong_location_is_named_and_nothing_is_loaded(load_locations, warehouse, line, message):
    """What does not fit is told by row and column; exit code 2."""
    code, said = load_locations(csv(line, header=PLACES))
    assert code == 2
    assert message in said
    assert not warehouse.path.exists()


def test_locations_in_the_cloud_are_their_owners_matter(load_locations):
    """As the sales there."""
    code, said = load_locations(csv("Пермь,58.0,56.2", header=PLACES), place="bigquery://some-project/some_dataset")
    assert code == 2
    assert "locations come there from their own pipeline" in said


def test_the_warehouse_may_come_from_the_environment(monkeypatch, warehouse, capsys):
    """WAREHOUSE and SALES_TABLE say where to."""
    monkeypatch.setenv("WAREHOUSE", "duckdb:other/place.duckdb")
    monkeypatch.setenv("SALES_TABLE", "my_sales")
    assert main(["load", str(csv(GOOD)), "--table", "sales"]) == 0
    assert "1 row added to my_sales in duckdb:other/place.duckdb" in capsys.readouterr().err
    assert Path("other/place.duckdb").exists()
    assert not warehouse.path.exists()


@pytest.mark.slow
def test_two_loads_at_once_are_compared_with_each_other(load, warehouse, monkeypatch):
    """What another load brings while a file is read counts: the same days in another spelling are refused.

    So are days that meet; what meets nothing is loaded, in the spelling that is there by then.
    """
    append = DuckDBWarehouse.append_once
    others = iter(["2026-11-16,ПЕРМЬ,KA,A1,5,", "2026-11-18,ПЕРМЬ,KA,A1,5,"])

    def interrupted(self, table, rows, **about):
        line = next(others, None) if about["source"] == "mine.csv" else None
        if line is not None:
            assert load(csv(line, name="theirs.csv"))[0] == 0
        return append(self, table, rows, **about)

    monkeypatch.setattr(DuckDBWarehouse, "append_once", interrupted)
    code, said = load(csv("2026-11-16,Пермь,KA,A1,7,", name="mine.csv"))
    assert code == 2
    assert "has sales of 1 of its days x combinations already" in said
    code, said = load(csv("2026-11-17,Пермь,KA,A1,7,", name="mine.csv"))
    assert code == 0
    assert warehouse.read(SALES).sort_values("date")[["unit", "quantity"]].to_numpy().tolist() == [
        ["ПЕРМЬ", 5.0],
        ["ПЕРМЬ", 7.0],
        ["ПЕРМЬ", 5.0],
    ]
