"""Whatever is wrong with one unit's sales, another unit's weeks are what they would be without it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, history_of, line

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.run import Run

WEEKS = 30
DAYS = [CUTOFF - timedelta(days=number) for number in range(7 * WEEKS)]
Lines = list[dict[str, Any]]


def bought(seed: int, unit: str, rate: float) -> Lines:
    """Return the lines of three articles that are bought at random, now and then with a promotion; stock is kept."""
    chance = np.random.default_rng(seed)
    promoted = chance.random(WEEKS) < 0.2
    return [
        line(day, int(chance.poisson(rate * (2 if promoted[n // 7] else 1))), unit=unit, SKU_ID=sku, **of_day)
        for sku in ("A1", "B2", "C3")
        for n, day in enumerate(DAYS)
        for of_day in [{"stock": int(chance.integers(0, 9)), "promo": 30.0 if promoted[n // 7] else None}]
    ]


def without_newest(lines: Lines) -> Lines:
    return [each for each in lines if each["date"] <= CUTOFF - timedelta(days=7)]


def without_some(lines: Lines) -> Lines:
    return [each for each in lines if (CUTOFF - each["date"]).days not in range(60, 90)]


def huge(lines: Lines) -> Lines:
    return [*lines, lines[40] | {"quantity": 1e6}, lines[80] | {"quantity": -1e5}]


def never_in_stock(lines: Lines) -> Lines:
    return [each | {"stock": 0} for each in lines]


def in_fractions(lines: Lines) -> Lines:
    return [each | {"Promo_discount_perc": 0.3 if each["Promo_discount_perc"] else None} for each in lines]


def priced(lines: Lines) -> Lines:
    return [each | {"Promo_discount_perc": 89.9 if each["Promo_discount_perc"] else None} for each in lines]


def twice(lines: Lines) -> Lines:
    return [*lines, *lines]


def years_ago(lines: Lines) -> Lines:
    return [*lines, lines[0] | {"date": CUTOFF - timedelta(days=3650)}]


def out_of_number(lines: Lines) -> Lines:
    return [
        each | {"quantity": float("nan") if number % 5 == 0 else each["quantity"]} for number, each in enumerate(lines)
    ]


TOGETHER = [
    (without_newest, huge, priced),
    (without_some, never_in_stock, twice),
    (in_fractions, years_ago, out_of_number),
]
"""Each fault once, beside others that do not hide it."""


@pytest.mark.slow
def test_a_week_depends_on_no_other_unit_s_lines(tmp_path: Path, table_names: dict[str, str], run: Run) -> None:
    """Neither y nor what is known of a promotion nor a mark changes when another unit comes in, with any faults.

    Be it one that sells little, as much or far more.
    """
    mine = bought(1, "Пермь", 3.0)
    alone = weeks_of_mine(tmp_path / "alone", table_names, mine, run)
    cases = [((), 2.0), *product(TOGETHER, (0.3, 40.0))]
    for number, (faults, rate) in enumerate(cases):
        others = bought(2 + number, "Юг", rate)
        for fault in faults:
            others = fault(others)
        beside = weeks_of_mine(tmp_path / str(number), table_names, [*mine, *others], run)
        pd.testing.assert_frame_equal(alone, beside)


def weeks_of_mine(path: Path, table_names: dict[str, str], lines: Lines, run: Run) -> pd.DataFrame:
    history = history_of(DuckDBWarehouse(path, table_names), lines, run)
    weeks: pd.DataFrame = history.weeks[history.weeks["unit"] == "Пермь"]
    return weeks.reset_index(drop=True)
