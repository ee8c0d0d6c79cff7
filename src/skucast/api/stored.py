"""What is stored, for whoever wants to look inside: models, and the backtests that trainings have kept."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from skucast.backends.store.opening import store_at
from skucast.core.errors import InputError, ModelError
from skucast.core.places import Endpoints
from skucast.core.series import combination_named
from skucast.forecast.artifact import StoredModel, loads
from skucast.runtime.reading import settings_of

if TYPE_CHECKING:
    from skucast.forecast.prophet.as_published import MeanOfProphets, SalesProphet


def load_model(store: str | Path, unique_id: str, version: str | None = None) -> StoredModel:
    """Return a stored model: `.models` (those whose forecasts are averaged), `.card` (trained on what, how, how well).

    Args:
        store: a folder of models, or `gs://BUCKET[/PREFIX]`.
        unique_id: whose model: `unit/channel/SKU_ID`.
        version: one that is kept (default: the live one).

    Raises:
        ModelNotFound: there is none.
        ModelError: the file is damaged, hostile, of another format or another combination's; nothing in it can run
            code.

    Examples:
        >>> import skucast as sk
        >>> sk.load_model("no-such-folder", "Perm/KA/Tea")
        Traceback (most recent call last):
        ...
        skucast.core.errors.ModelNotFound: no model of Perm/KA/Tea in no-such-folder; train it
    """
    place, combination = store_at(str(store), Endpoints()), combination_named(unique_id)
    payload = place.load(combination).payload if version is None else place.load_version(combination, version)
    found = loads(payload)
    if found.card.combination != str(combination):
        raise ModelError(f"{combination.path}: the file holds the model of {found.card.combination}")
    return found


def to_prophet(model: StoredModel) -> SalesProphet | MeanOfProphets:
    """Return a stored model as objects that say their scale, and hold real `prophet.Prophet` objects.

    Of one model it is a `SalesProphet`: `.predict(future)` gives the published number of this model, in sales, each
    prediction fed back as the next week's lag; `.scale` says on which scale it was fitted, "sales" or "log1p", and
    `.prophet` is the real one on that scale, with its own plots and its own interval. Of several that are averaged it
    is a `MeanOfProphets`: `.predict` is their mean, `.members` are they. What panel and blend add is not in it.

    Args:
        model: of `load_model`, or `Forecaster.model`.

    Raises:
        InputError: it is no stored model.
        ModuleNotFoundError: Prophet is not installed, as in the images that only forecast.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> days = pd.date_range("2025-11-24", "2026-11-22")
        >>> sales = pd.DataFrame({"unique_id": "Perm/KA/Tea", "ds": days, "y": [5 + day.weekday() for day in days]})
        >>> forecaster = sk.Forecaster(forecaster="prophet", tune="off", workers=1).fit(sales)
        >>> ours = sk.to_prophet(forecaster.model("Perm/KA/Tea"))
        >>> ours
        SalesProphet of Perm/KA/Tea, on the scale sales, fitted to 51 weeks
        >>> coming = ours.predict(pd.DataFrame({"ds": pd.date_range("2026-11-29", periods=2, freq="W")}))
        >>> coming["yhat"].round().tolist()
        [56.0, 56.0]
    """
    if not isinstance(model, StoredModel):
        raise InputError(
            f"to_prophet: found {type(model).__name__}: expected a model of load_model or Forecaster.model"
        )
    from skucast.forecast.prophet.prophet_object import to_prophet as made

    return made(model)


def read_backtests(
    warehouse: str, *, kind: Literal["evidence", "backtest"] = "evidence", until: date | None = None
) -> pd.DataFrame:
    """Return the newest backtests that trainings have kept, as a long frame: `evaluate` and `compare` take it as it is.

    Args:
        warehouse: `duckdb:FILE` or `bigquery://PROJECT/DATASET`.
        kind: `evidence`, what every component and the blend would have forecast at the six past origins that all share;
            `backtest`, what each combination's own model would have, at the last origins of its own.
        until: the newest training that counts (default: the newest of all).

    Returns:
        `unique_id, unit, channel, SKU_ID, ds, cutoff` (the origin), `step`, `y` and a column per model, sales per week.
        Empty where none are kept.

    Raises:
        InputError: the place cannot be understood, or the table is not as its contract says.

    Examples:
        >>> import skucast as sk
        >>> len(sk.read_backtests("duckdb:no-such-file.duckdb"))
        0
    """
    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.jobs.backtests import newest_backtests, side_by_side

    return side_by_side(newest_backtests(open_warehouse(settings_of(warehouse=warehouse)), kind, until=until))
