"""The engine finds what was planted in the sample distributor: promotions and carry-over."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from models import CLOCK
from stubs import future_frame, plan

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.every import TABLES
from skucast.core.tables.sales import SALES
from skucast.entry.demo.planted import Truth, level
from skucast.entry.demo.sample import sample_lines
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.training import fitter, make_recipe
from skucast.sales.history import History, build_history

TRUTH = Truth(CUTOFF)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return the history of the four greatest ordinary combinations of the sample."""
    chosen = {combination.parts for combination in TRUTH.ordinary[:4]}
    lines = sample_lines(CUTOFF)
    lines = lines[[parts in chosen for parts in lines[KEY].itertuples(index=False, name=None)]]
    names = {table.label: table.name for table in TABLES}
    warehouse = DuckDBWarehouse(tmp_path_factory.mktemp("sample") / "w.duckdb", names)
    run = Run("test", "test", pd.Timestamp(CUTOFF).to_pydatetime(), CUTOFF, CUTOFF)
    warehouse.append_once(SALES, lines, batch_id="sample", source="sample", run=run)
    return build_history(warehouse.weekly_sales(CLOCK, CUTOFF), CLOCK, CUTOFF)


def effects(history: History) -> Iterator[tuple[float, float]]:
    """Yield what a week of 25 % adds in shares of the typical week, and the carry-over, per combination."""
    recipe = make_recipe(plan(), CLOCK, history.weeks["ds"].min().date(), CUTOFF)
    for combination, weeks in history.split():
        [model] = fitter(recipe, [ModelSpec()])(weeks)
        without, with_promo = (
            roll_forward(
                model, future_frame(weeks, [sunday(-1)]).assign(**values), weeks["y"].iloc[-1], seed=1, n_paths=0
            )["yhat"].iloc[0]
            for values in (
                {"promo_discount_perc": 0.0, "promo_days": 0.0},
                {"promo_discount_perc": 25.0, "promo_days": 7.0},
            )
        )
        assert model.lag is not None
        yield (with_promo - without) / level(combination), model.lag.beta * model.y_scale / model.lag.std


@pytest.mark.slow
def test_the_engine_finds_the_planted_promotion_and_carry_over(sample: History) -> None:
    """15 % per 10 points makes 37.5 % of a week of 25 %; each of four models within 5 points, their mean within 3."""
    promo, carry_over = np.array(list(effects(sample))).T
    planted = 2.5 * TRUTH.promo_uplift_per_10pp
    assert len(promo) == 4
    assert np.abs(promo - planted).max() < 0.05
    assert promo.mean() == pytest.approx(planted, abs=0.03)
    assert carry_over.mean() == pytest.approx(TRUTH.phi, abs=0.1)
