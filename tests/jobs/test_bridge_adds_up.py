"""Parts of changes add up for every combination and sum: on the tests' own sales, and on real ones where there are any.

Between two forecasts of a week all happens at once that has a part: sales, a week delivered again, a plan, a training,
an override; and between two runs of one week a rollback. `DATA` names the folder of the real sales, as in `make bench`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF
from business import TRAINED, Business, sold
from test_changes import sell_a_week

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.changes import CHANGES, PARTS, REVISIONS
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.tables.totals import TOTAL_LEVELS, TOTALS
from skucast.core.tables.validation import validate
from skucast.entry import cli

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("DATA") or ROOT.parent / "shared" / "data")
REAL = {"breakfast": ("WED", date(2011, 11, 30)), "walmart": ("FRI", date(2012, 9, 21))}
"""The day that ends a week of the two, and the last week of the first forecast."""

N_SERIES = 6
SEED = 17


@dataclass(frozen=True)
class Told:
    """Sales that are forecast twice: the last weeks known to the two forecasts, and the combinations to speak of."""

    business: Business
    cutoffs: tuple[date, date]
    names: list[tuple[str, ...]]

    def append(self, table: Table, rows: list[dict[str, object]], batch: str) -> None:
        """Add rows to a table, as a delivery of its own."""
        stamp = Run("test", "test", pd.Timestamp(self.cutoffs[0]).to_pydatetime(), *self.cutoffs)
        frame = validate(
            table, pd.DataFrame(rows).reindex(columns=table.column_names).drop(columns="batch_id", errors="ignore")
        )
        self.business.steps = None
        self.business.warehouse.append_once(table, frame, batch_id=batch, source="test", run=stamp)

    def sell_more(self, parts: Sequence[str], week: date, batch: str) -> None:
        """Deliver a week again, with 70 pieces more."""
        self.append(SALES, [{**dict(zip(KEY, parts, strict=True)), "date": week, "quantity": 70.0}], batch)

    def plan(self, parts: Sequence[str], known_on: date, batch: str) -> None:
        """Say a promotion of two weeks after the second forecast."""
        begin = self.cutoffs[1] + timedelta(days=1)
        row = dict(zip(KEY, parts, strict=True)) | {"plan_id": batch, "discount_perc": 30.0}
        row |= {"starts_on": begin, "ends_on": begin + timedelta(days=13), "known_from": pd.Timestamp(known_on)}
        self.append(PROMOTIONS, [row], batch)

    def say(self, scope: Sequence[str], value: float, known_on: date, batch: str) -> None:
        """Change the two weeks after the second forecast by percent."""
        weeks = {"ds_from": self.cutoffs[1] + timedelta(weeks=1), "ds_to": self.cutoffs[1] + timedelta(weeks=2)}
        said = {"override_id": batch, "kind": "%", "value": value, "reason": "event", "author": "Anna"}
        row = {**dict(zip(KEY, scope, strict=True)), **weeks, **said}
        self.append(OVERRIDES, [row | {"known_from": pd.Timestamp(known_on), "cancelled": False}], batch)

    def __call__(self, job: str, day: date, *flags: str) -> None:
        """Run a job about a day."""
        assert self.business(job, "--as-of", str(day), *flags) == 0  # type: ignore[arg-type]


@pytest.fixture(params=["own", *REAL])
def told(request: pytest.FixtureRequest, kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Return sales of six combinations that nothing has been made of yet."""
    monkeypatch.setenv("TUNE", "off")
    if request.param == "own":
        business = sold(tmp_path / "own", kept)
        sell_a_week(business)
        return Told(business, (CUTOFF, CUTOFF + timedelta(weeks=1)), [*TRAINED])
    path = DATA / f"{request.param}_weekly.parquet"
    if not path.is_file():
        pytest.skip(f"DATA names no folder with {path.name}")
    anchor, first = REAL[request.param]
    monkeypatch.setenv("WEEK_ANCHOR", anchor)
    monkeypatch.setenv("SALES_GRAIN", "week")
    monkeypatch.setenv("HOLIDAY_COUNTRY", "US")
    monkeypatch.setenv("HOLIDAY_SUBDIVISION", "")
    business = Business(tmp_path / "real")
    sales, names = real_sales(path, first)
    made = Told(business, (first, first + timedelta(weeks=1)), names)
    made.append(SALES, sales.to_dict("records"), "all")
    return made


def real_sales(path: Path, first: date) -> tuple[pd.DataFrame, list[tuple[str, ...]]]:
    """Return the sales of a seeded choice of combinations that sold in the weeks around the first forecast."""
    sales = pd.read_parquet(path, columns=["date", *KEY, "quantity", "Promo_discount_perc", "is_promo"])
    days = pd.to_datetime(sales["date"]).dt.date
    near = sales[days.between(first - timedelta(weeks=8), first + timedelta(weeks=1))].groupby(KEY).size()
    names = near[near >= 8].reset_index()[KEY].sample(N_SERIES, random_state=SEED).sort_values(KEY)
    rows = (
        sales[days <= first + timedelta(weeks=1)].merge(names, on=KEY).assign(date=lambda found: found["date"].dt.date)
    )
    rows = rows.astype({"quantity": "float64", "Promo_discount_perc": "float64"})
    return rows.assign(is_promo=rows["is_promo"] == 1), list(names.itertuples(index=False, name=None))


def add_up(rows: pd.DataFrame) -> None:
    """Every row's parts are its change, and each sum is that of what it is made of: of units, channels, articles."""
    numbers = ["change", *PARTS]
    off = (rows[list(PARTS)].sum(axis=1) - rows["change"]).abs()
    assert (off <= 1e-9 * (1 + rows[["final", "final_before"]].abs().max(axis=1))).all()
    assert (rows["final"] - rows["final_before"] - rows["change"]).abs().max() < 1e-6
    finest = rows[rows["level"] == "unit_channel"]
    for level in ("total", "unit", "channel"):
        found = rows[rows["level"] == level].set_index([*TOTAL_LEVELS[level], "ds"])[numbers]
        summed = finest.groupby([*TOTAL_LEVELS[level], "ds"])[numbers].sum().reindex(found.index)
        pd.testing.assert_frame_equal(found, summed, atol=1e-6, rtol=1e-9)
    singles = rows[rows["level"] == "combination"]
    whole = ["n_combinations", *numbers] if "previous_cutoff" in rows else numbers
    without_mean = [name for name in whole if name not in ("bounds", "change")]
    for level, names in TOTAL_LEVELS.items():
        found = rows[rows["level"] == level].set_index([*names, "ds"])[without_mean]
        summed = singles.groupby([*names, "ds"])[without_mean].sum().reindex(found.index).fillna(0.0)
        pd.testing.assert_frame_equal(found, summed, check_dtype=False, atol=1e-6, rtol=1e-9)


def is_of_the_ledger(rows: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame, totals: pd.DataFrame) -> None:
    """Both ends of each combination are what was published, and the newer end of each sum is the totals' number."""
    one = rows[rows["level"] == "combination"].set_index([*KEY, "ds"])
    for name, side in (("final_before", before), ("final", after)):
        published = side.set_index([*KEY, "ds"])
        expected = published["final"].fillna(published["yhat"]).reindex(one.index)
        assert one[name].tolist() == pytest.approx(expected.tolist(), abs=1e-6, rel=1e-6)
    stored = totals[totals["step"] > 0].set_index(["level", *KEY, "ds"])
    sums = rows[rows["level"] != "combination"].set_index(["level", *KEY, "ds"])
    counts = stored["final"].fillna(stored["yhat"]).reindex(sums.index)
    assert sums["final"].tolist() == pytest.approx(counts.tolist(), abs=1e-2, rel=1e-6)


def newest(told: Told, table: Table) -> pd.DataFrame:
    rows = told.business.warehouse.read(table)
    return rows[rows["cutoff"] == rows["cutoff"].max()]


@pytest.mark.slow
@pytest.mark.parametrize("forecaster", ["prophet", "blend"])
def test_all_parts_add_up_when_all_happens_at_once(told: Told, forecaster: str) -> None:
    """For the week, and for a further run of it: sales, corrected sales, plan, training, rollback and override."""
    flags = ("--forecaster", forecaster)
    first, second = (cutoff + timedelta(days=1) for cutoff in told.cutoffs)
    told("train", first, *flags)
    told("predict", first, *flags)
    before = newest(told, FORECASTS)
    a, b, c = told.names[:3]
    told.sell_more(a, told.cutoffs[0], "corrected")
    told.plan(b, second, "planned")
    told.say((ALL, ALL, c[2]), 25.0, second, "said")
    told("train", second, *flags, "--force")
    told("predict", second, *flags)
    after, rows = newest(told, FORECASTS), newest(told, CHANGES)
    add_up(rows)
    is_of_the_ledger(rows, before, after, newest(told, TOTALS))
    happened(rows, ["data_restated", "new_sales", "plan", "model", "override"])
    if forecaster == "blend":
        happened(rows, ["level_and_trend", "panel", "blend"])

    by_models = after.loc[after["status"] == "ok", KEY].drop_duplicates()
    c, d = [each for each in told.names if each in set(by_models.itertuples(index=False, name=None))][-2:]
    told.sell_more(b, told.cutoffs[1], "late")
    told.plan(c, second + timedelta(days=1), "replanned")
    told.say((ALL, a[1], ALL), -10.0, second + timedelta(days=1), "said again")
    store = ["--warehouse", f"duckdb:{told.business.warehouse.path}", "--model-store", str(told.business.models)]
    assert cli.main(["models", "rollback", "/".join(d), *store]) == 0
    told("predict", second + timedelta(days=1), *flags, "--accept-jump")
    rows = newest(told, REVISIONS)
    add_up(rows)
    is_of_the_ledger(rows, after, newest(told, FORECASTS), newest(told, TOTALS))
    happened(rows, ["data_restated", "plan", "model", "override"])
    back = rows[(rows["level"] == "combination") & (rows[KEY] == list(d)).all(axis=1)]
    assert set(back["model_change"]) == {"rolled_back"}
    of_it = back["model"] + back["other_method"]  # a model that backtests worse than a naive method does not forecast
    assert of_it.abs().max() > 1e-6
    if forecaster == "prophet":
        assert (back["change"] - of_it - back["override"] - back["plan"]).abs().max() < 1e-6


def happened(rows: pd.DataFrame, parts: list[str]) -> None:
    """Each of these parts is somewhere."""
    missing = [part for part in parts if rows[part].abs().max() < 1e-6]
    assert not missing
