"""Whatever is wrong with one unit's sales, another unit's weeks are what they would be without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, history_of, line
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

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


FAULTS: list[Callable[[Lines], Lines]] = [
    without_newest,
    without_some,
    huge,
    never_in_stock,
    in_fractions,
    priced,
    twice,
    years_ago,
    out_of_number,
]


@pytest.mark.slow
@hypothesis_settings(
    max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32), rate=st.sampled_from([0.3, 2, 40]), faults=st.lists(st.sampled_from(FAULTS), max_size=3)
)
def test_a_week_depends_on_no_other_unit_s_lines(
    tmp_path_factory: pytest.TempPathFactory,
    table_names: dict[str, str],
    run: Run,
    seed: int,
    rate: float,
    faults: list[Callable[[Lines], Lines]],
) -> None:
    """Neither y nor what is known of a promotion nor a mark changes when another unit comes in, with any faults."""
    mine, others = bought(seed, "Пермь", 3.0), bought(seed + 1, "Юг", rate)
    for fault in faults:
        others = fault(others)
    folder = tmp_path_factory.mktemp("units")
    alone, beside = (
        weeks_of_mine(folder / name, table_names, lines, run)
        for name, lines in (("alone", mine), ("beside", [*mine, *others]))
    )
    pd.testing.assert_frame_equal(alone, beside)


def weeks_of_mine(path: Path, table_names: dict[str, str], lines: Lines, run: Run) -> pd.DataFrame:
    history = history_of(DuckDBWarehouse(path, table_names), lines, run)
    weeks: pd.DataFrame = history.weeks[history.weeks["unit"] == "Пермь"]
    return weeks.reset_index(drop=True)
