"""`python -m skucast load --table order_rules`: what cannot be meant is refused, what is about nothing is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sales_files import csv

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.tables.orders import ORDER_RULES
from skucast.entry.cli import main

RULES = "unit,channel,SKU_ID,lead_time_weeks,service_level,cost_under,cost_over"

Load = Callable[..., tuple[int, str]]


@pytest.fixture
def load(warehouse: DuckDBWarehouse, capsys: pytest.CaptureFixture[str]) -> Load:
    """Return a function that loads lines as a table: exit code, what it said."""

    def call(table: str, *lines: str, **other: str) -> tuple[int, str]:
        path = csv(*lines, **other)
        code = main(["load", str(path), "--table", table, "--warehouse", f"duckdb:{warehouse.path}"])
        return code, capsys.readouterr().err

    return call


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Пермь,*,*,1,,0.1,5", "rule Пермь/*/*: cost_under 0.1 and cost_over 5 make a level of 0.0196"),
        ("Пермь,*,*,,0.2,,", "rule Пермь/*/*: service_level 0.2 is not from 0.5 to 0.999; nothing was loaded"),
        ("Пермь,*,*,60,,,", "rule Пермь/*/*: lead_time_weeks 60 is more than 52; nothing was loaded"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_one_line_and_nothing_is_loaded(
    load: Load, warehouse: DuckDBWarehouse, line: str, said: str
) -> None:
    """Also where another of the file is fine; what held before holds."""
    code, shown = load("order_rules", "Пермь,KA,*,1,,,", line, header=RULES)
    assert code == 2
    assert len(shown.strip().splitlines()) == 1
    assert said in shown
    assert not len(warehouse.read(ORDER_RULES))


def test_a_rule_about_nothing_that_is_sold_is_named_when_it_is_loaded(load: Load, warehouse: DuckDBWarehouse) -> None:
    """A unit, a channel, an article that the sales have not, with the closest; other spellings are the same name."""
    fine = ("ПЕРМЬ,*,*,1,,,", "*,*,*,2,,,")
    assert "about nothing" not in load("order_rules", "Пермъ,*,*,1,,,", header=RULES)[1]  # no sales yet: nobody knows
    load("sales", "2026-11-16,Пермь,KA,A1,5,", "2026-11-17,Казань,TF,B2,5,")
    code, said = load("order_rules", *fine, "Пермъ,*,*,1,,,", "*,XX,*,1,,,", "Казань,KA,*,1,,,", header=RULES)
    assert code == 0
    assert "3 order rules about nothing that is sold: Пермъ/*/* (unit 'Пермъ' " in said
    assert "closest: Пермь" in said
    assert "*/XX/* (channel 'XX' " in said
    assert "Казань/KA/*" in said
    assert len(warehouse.read(ORDER_RULES)) == 5
    assert "about nothing" not in load("order_rules", *fine, header=RULES)[1]
