"""Declarations of further regressors: what they say, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF, line
from sales_files import csv

from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.declared import Regressor, Source, as_text, name_of
from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES, sales_with
from skucast.core.weeks import WeekClock
from skucast.entry.cli import main
from skucast.regressors.declared import declared_of
from skucast.sales.history import build_history
from skucast.sales.names import with_names

PRICE = """
[[regressor]]
name = "price"
kind = "price"
history = "sales:PRICE"
"""


def test_a_declaration_needs_a_name_and_a_kind_alone() -> None:
    """Else it is a column of the sales of its own name, known ahead by the table, a mean, carried on."""
    [found] = declared_of('[[regressor]]\nname = "shelf"\nkind = "distribution"\n')
    assert found == Regressor("shelf", "distribution", Source("sales", "shelf"), Source("table"), "mean", "last")
    [event] = declared_of('[[regressor]]\nname = "fair"\nkind = "event"\nhistory = "table"\n')
    assert (event.unknown, event.columns) == ("zero", ("declared_fair",))


def test_one_line_is_enough_where_no_file_can_be_named() -> None:
    """As a variable of a service has it; the same as several lines."""
    one_line = 'regressor = [{name = "price", kind = "price", history = "sales:PRICE"}]'
    assert declared_of(one_line) == declared_of(PRICE)


def test_a_price_is_two_regressors() -> None:
    """The price, and how it is against its last 13 weeks; both are told to be of the price."""
    [price] = declared_of(PRICE)
    assert price.columns == ("declared_price", "declared_price_change_13")
    assert {name_of(column) for column in price.columns} == {"price"}
    assert name_of("promo_days") is None


def test_files_lie_beside_the_declarations(tmp_path: Path) -> None:
    """A file that is named is looked for in the folder of the TOML; models do not depend on where that is."""
    texts = []
    for folder in ("a", "b"):
        path = tmp_path / folder / "regressors.toml"
        path.parent.mkdir()
        path.write_text('[[regressor]]\nname = "rival"\nkind = "competitor"\nhistory = "file:rival.csv"\n', "utf-8")
        found = declared_of(str(path))
        assert found[0].history == found[0].ahead == Source("file", str(path.parent / "rival.csv"))
        texts.append(as_text(found))
    assert texts[0] == texts[1] != ""
    assert declared_of("") == ()
    assert as_text(()) == ""


@pytest.mark.parametrize(
    ("toml", "said"),
    {
        "key": ('knid = "price"', "unknown key 'knid'; expected name, kind, .*; did you mean kind?"),
        "kind": ('kind = "prices"', "kind 'prices': expected price, distribution, .*; did you mean price?"),
        "rule": ('kind = "price"\nweek = "avg"', "week 'avg': expected mean, sum, max, last"),
        "stand-in": ('kind = "price"\nunknown = "averge"', "did you mean average?"),
        "source": ('kind = "price"\nhistory = "sale:PRICE"', "history 'sale:PRICE': .*; did you mean sales?"),
        "no column": ('kind = "price"\nhistory = "sales"', "expected sales:COLUMN"),
        "future from sales": ('kind = "price"\nahead = "sales:X"', "ahead 'sales:X': expected table, file:PATH, none"),
        "own column": ('kind = "price"\nhistory = "sales:Quantity"', "Quantity is a column that the sales are made of"),
        "no text": ("kind = 7", "kind 7: expected a text in quotes"),
        "no kind": ('week = "mean"', "kind is missing"),
        "twice": ('kind = "event"\n[[regressor]]\nname = "x"\nkind = "event"', "is there twice"),
    }.values(),
)
def test_a_wrong_declaration_is_one_line_that_says_where(toml: str, said: str) -> None:
    """The regressor, the key, what was expected, and the closest that is known."""
    with pytest.raises(InputError, match=f"^REGRESSORS: regressor [12] .*{said.replace('?', '.')}") as error:
        declared_of(f'[[regressor]]\nname = "x"\n{toml}\n')
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[[regressor]\nname", "no TOML"),
        ('[[regresor]]\nname = "x"\n', r"did you mean regressor\?"),
        ('[regressor]\nname = "x"\n', "in two brackets"),
        ("\n", "no .*declare one"),
        ('[[regressor]]\nname = "Цена"\nkind = "price"\n', "small letters"),
        ("nowhere.toml", "nowhere.toml cannot be read"),
    ],
)
def test_what_is_no_declaration_is_said(toml: str, said: str) -> None:
    """No TOML, another table, a name that is none, no file."""
    if toml == "\n":
        assert declared_of(toml) == ()
        toml = "# nothing yet\n"
    with pytest.raises(InputError, match=said):
        declared_of(toml)


def test_load_keeps_the_columns_that_are_declared(warehouse, settings, capsys, monkeypatch) -> None:
    """A price with a decimal comma; a file without one is loaded with a word; the weeks have its mean."""
    monkeypatch.setenv("REGRESSORS", PRICE)
    flags = ["--table", "sales", "--warehouse", f"duckdb:{warehouse.path}"]
    header = "date;unit;channel;SKU_ID;quantity;Promo_discount_perc;Price"
    priced = csv("2026-11-16;U;C;S;1;;10,5", "2026-11-17;U;C;S;3;;11,5", header=header, name="priced.csv")
    assert main(["load", str(priced), *flags]) == 0
    assert "no column" not in capsys.readouterr().err
    assert main(["load", str(csv("2026-11-09,U,C,S,5,")), *flags]) == 0
    assert "no column PRICE (price), from which REGRESSORS takes a regressor" in capsys.readouterr().err
    assert main(["load", str(priced), *flags, "--replace"]) == 0
    weeks = open_warehouse(settings(warehouse=f"duckdb:{warehouse.path}", regressors=PRICE)).weekly_sales(
        WeekClock(), CUTOFF
    )
    assert weeks["mean:price"].isna().tolist() == [True, False]
    assert weeks["mean:price"].iloc[-1] == 11.0


def test_sales_of_before_are_read_once_a_column_is_declared(warehouse, settings, run) -> None:
    """A table that `load` made has the column from the next file on: until then the value is not known."""
    rows = pd.DataFrame([line("2026-11-16", 5.0)]).astype({"Promo_discount_perc": "float64", "stock": "float64"})
    warehouse.append_once(SALES, rows, batch_id="x", source="test", run=run)
    mine = open_warehouse(settings(warehouse=f"duckdb:{warehouse.path}", regressors=PRICE))
    assert mine.weekly_sales(WeekClock(), CUTOFF)["mean:price"].isna().all()


def test_a_wrong_declaration_ends_a_run_with_exit_code_2(warehouse, capsys, monkeypatch) -> None:
    """One line, and nothing is loaded."""
    monkeypatch.setenv("REGRESSORS", '[[regressor]]\nname = "x"\nkid = "price"\n')
    assert (
        main(["load", str(csv("2026-11-09,U,C,S,5,")), "--table", "sales", "--warehouse", f"duckdb:{warehouse.path}"])
        == 2
    )
    assert "did you mean kind?" in capsys.readouterr().err


def test_spellings_of_one_name_have_one_price(warehouse, run) -> None:
    """A mean is by days of sale: 10 on two days and 16 on one make 12. The last is that of the last day."""
    declared = [
        Regressor(rule, "price", Source("sales", "P"), Source("none"), rule) for rule in ("mean", "last", "max")
    ]
    warehouse._declared = lambda: declared
    days = [("2026-11-16", "S", 10.0), ("2026-11-17", "S", 10.0), ("2026-11-18", "s", 16.0)]
    rows = pd.DataFrame([line(day, 1.0, SKU_ID=sku) | {"P": price} for day, sku, price in days])
    rows = rows.astype({"Promo_discount_perc": "float64", "stock": "float64"})
    warehouse.append_once(sales_with(["P"]), rows, batch_id="x", source="test", run=run)
    weekly, names = with_names(warehouse.weekly_sales(WeekClock(), CUTOFF))
    [week] = weekly.to_dict("records")
    assert (week["mean:mean"], week["last:last"], week["max:max"]) == (pytest.approx(12.0), 16.0, 16.0)
    history = build_history(weekly, WeekClock(), CUTOFF, names=names)
    assert history.weeks["declared_mean"].tolist() == [pytest.approx(12.0)]
