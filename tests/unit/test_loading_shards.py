"""A folder whose files overlap is not counted twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sales_files import csv

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.errors import Overlap
from skucast.core.run import Run
from skucast.core.tables.sales import SALES
from skucast.jobs.load import Rule, load_sales
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


@pytest.fixture
def load(
    warehouse: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]
) -> Callable[[Rule, dict[str, str]], float]:
    """Return a function that loads a folder: what is in the table then."""

    def call(rule: Rule, files: dict[str, str]) -> float:
        Path("shards").mkdir(exist_ok=True)
        for name, lines in files.items():
            csv(*lines.split(), name=f"shards/{name}.csv")
        load_sales(Path("shards"), None, rule, settings(), warehouse, run, RunReport())
        return float(warehouse.read(SALES)["quantity"].sum())

    return call


DAYS = [f"2026-11-{day},Пермь,KA,Сок,1," for day in range(10, 20)]


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["refuse", "replace"])
@pytest.mark.parametrize("name", ["Сок", "СОК"])
def test_files_of_a_folder_that_share_days_are_refused(
    load: Callable[[Rule, dict[str, str]], float], rule: Rule, name: str
) -> None:
    """Also in another spelling; the days and files are named. Added, where that is said."""
    files = {"a": "\n".join(DAYS[:6]), "b": "\n".join(DAYS[4:]).replace("Сок", name)}
    with pytest.raises(Overlap, match=r"share 2 days x combinations.* on 2026-11-14 \(in a.csv and b.csv\)"):
        load(rule, files)
    assert load("add", files) == 12.0


def test_files_of_a_folder_that_share_none_are_loaded(load: Callable[[Rule, dict[str, str]], float]) -> None:
    """Several lines of a day within one file are its own matter."""
    assert load("refuse", {"a": "\n".join([*DAYS[:5], DAYS[4]]), "b": "\n".join(DAYS[5:])}) == 11.0
