"""A small business: its sales, the scripts' entry point, its tables; what the tests of jobs work on."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, line, sunday

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import Combination
from skucast.core.errors import FitError
from skucast.core.run import Run
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.sales import SALES
from skucast.entry.app import main
from skucast.jobs import predict as predict_job
from skucast.jobs import train as train_job
from skucast.runtime.groups.field import Job
from skucast.runtime.settings import Settings

N_WEEKS = 70

TRAINED = [("Пермь", "KA", "A1"), ("Пермь", "ON TRADE", "A1"), ("Пермь", "KA", "B2"), ("Чайковский", "TF", "B2")]
Task = Callable[..., int]
"""Runs one task of a job: `task("predict", 1, 4)`, the second of four."""

SHIFTED = Combination(*TRAINED[0])
NEW, GONE = ("Пермь", "KA", "NEW"), ("Пермь", "KA", "GONE")


def business_lines() -> pd.DataFrame:
    """Return 70 weeks of sales of six combinations: four steady ones, a new one, one that stopped 20 weeks ago."""
    random = np.random.default_rng(7)
    lines = []
    for number, (unit, channel, sku) in enumerate([*TRAINED, NEW, GONE]):
        first = 10 if sku == "NEW" else N_WEEKS
        last = 20 if sku == "GONE" else 0
        for back in range(first - 1, last - 1, -1):
            promo = 20.0 if (back + number) % 9 == 0 else None
            level = 100 * (number + 1) * (1.3 if promo else 1.0) * random.normal(1, 0.05)
            monday = sunday(back) - pd.Timedelta(days=6)
            names = {"unit": unit, "channel": channel, "SKU_ID": sku}
            lines += [line(monday + pd.Timedelta(days=day), round(level / 7), promo=promo, **names) for day in range(7)]
    return pd.DataFrame(lines).astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})


def lines_with_a_shift() -> pd.DataFrame:
    """Return the business's sales; one combination sells five times as much in the last four weeks."""
    lines = business_lines()
    day = pd.to_datetime(lines["date"])
    is_shifted = (lines["unit"] == SHIFTED.unit) & (lines["channel"] == SHIFTED.channel) & (lines["SKU_ID"] == "A1")
    is_late = day > pd.Timestamp(WEDNESDAY) - pd.Timedelta(days=30)
    return lines.assign(quantity=lines["quantity"].where(~(is_shifted & is_late), lines["quantity"] * 5))


class Business:
    """A folder with sales and models, the scripts' entry point, and the tables as they are now.

    What many tests begin with is worked out once (`once`, `already`): `kept` is where, `steps` what was so far.
    """

    def __init__(self, folder: Path, kept: Path | None = None, steps: tuple[str, ...] | None = ()) -> None:
        self.folder = folder
        self.kept, self.steps = kept, steps
        self.models = folder / "models"
        self.warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", {table.label: table.name for table in TABLES})

    def __call__(self, job: Job, *flags: str) -> int:
        """Run a job as its script would and return the exit code."""
        self.steps = None
        places = ["--warehouse", f"duckdb:{self.warehouse.path}", "--model-store", str(self.models)]
        if job in ("predict", "monitor"):
            places += ["--staging", str(self.folder / "staging")]
        if job in ("train", "retrain"):
            places += ["--workers", "1"]
        if "--as-of" not in flags:
            places += ["--as-of", str(WEDNESDAY)]
        return main(job, "test", [*places, *flags])

    def already(self, job: Job, *flags: str) -> None:
        """Be as after this run, which ends well; what it says is heard by whoever is the first to want it."""

        def ran(business: Business) -> None:
            assert business(job, *flags) == 0

        self.once(" ".join([job, *flags]), ran)

    def once(self, step: str, do: Callable[[Business], None]) -> None:
        """Be as after this step, which follows upon other such steps only: done for the first test that wants it.

        Of all workers: the others wait, and copy what it has made. The environment's settings are part of the step:
        what a test has set is not what the next one begins with.
        """
        assert self.kept is not None
        assert self.steps is not None, f"{step} comes after something else"
        looked_at = () if predict_job.page_of_forecast is no_page else ("with pages",)
        given = [f"{name}={value}" for name, value in os.environ.items() if name.lower() in Settings.model_fields]
        step = " ".join([step, "given", *sorted(given)])
        steps = (*self.steps, *(each for each in looked_at if each not in self.steps), step)
        kept = self.kept / sha256(" then ".join(steps).encode()).hexdigest()[:16]
        with kept.with_name(f"{kept.name}.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            if kept.exists():
                shutil.rmtree(self.folder, ignore_errors=True)
                shutil.copytree(kept, self.folder)
            else:
                do(self)
                half = kept.with_name(f"{kept.name}.half")
                shutil.rmtree(half, ignore_errors=True)
                shutil.copytree(self.folder, half).rename(kept)
        self.steps = steps

    def rows(self, table: Table) -> pd.DataFrame:
        """Return all rows of a table but for the columns that name the run."""
        return self.warehouse.read(table).drop(columns=["run_id", "created_at"], errors="ignore")

    def sell(self, lines: pd.DataFrame, batch_id: str) -> None:
        """Deliver more sales."""
        self.steps = None
        stamp = Run("test", "test", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
        self.warehouse.append_once(SALES, lines, batch_id=batch_id, source="test", run=stamp)


def sold(folder: Path, kept: Path) -> Business:
    """Return the business with its sales."""
    found = Business(folder, kept)
    found.once("sold", lambda business: business.sell(business_lines(), "history"))
    return found


def fail_for(sku: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the training of this article fail, in every unit and channel."""
    real = train_job.train

    def sometimes(combination: Combination, weeks: pd.DataFrame, recipe: train_job.Recipe) -> train_job.Trained:
        if combination.sku_id == sku:
            raise FitError("no fit today")
        return real(combination, weeks, recipe)

    monkeypatch.setattr(train_job, "train", sometimes)


def of_run(business: Business, table: Table, run_id: str) -> pd.DataFrame:
    """Return what one run has written, but for when and by whom."""
    rows = business.warehouse.read(table).query("run_id == @run_id")
    return rows.drop(columns=["run_id", "created_at"]).reset_index(drop=True)


def no_page(*_: object) -> None:
    """Stand in for the page of a forecast that no test looks at."""


class Killed(BaseException):
    """The process ends here: nobody catches this."""
