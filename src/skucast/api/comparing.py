"""Models side by side, with how sure one can be of the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.api.frames import PUBLISHED, asked_models
from skucast.core.errors import InputError
from skucast.core.series import ID

Floats = npt.NDArray[np.float64]

DRAWS = 2_000
SURE = 0.95


def compare(
    forecasts: pd.DataFrame,
    models: Sequence[str] | None = None,
    *,
    against: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return models side by side on the rows that all of them forecast, the best first.

    A window is one series at one origin. The paired test is a bootstrap that draws series and origins at once (Owen
    2007, the pigeonhole bootstrap): weeks of one series, and series of one origin, err together, and a test that took
    them for independent would be sure of noise.

    Args:
        forecasts: a long frame of `cross_validation`, or one with `unique_id`, `ds`, `cutoff`, `y` and a column per
            model.
        models: columns (default: all models of the frame).
        against: the model that the others are held against (default: `skucast`, else the first).
        seed: equal seeds give equal intervals.

    Returns:
        One row per model: `model`, `wape`, `bias_ratio`, `windows_won` (share of windows with a smaller absolute error
        than `against`, ties count half), `difference` (WAPE minus that of `against`), `difference_lo`,
        `difference_hi` (95 %), `p_value` (two-sided), `n_windows`, `n_rows`.

    Raises:
        InputError: a model is not in the frame, or no row has a number of all of them.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> weeks = pd.date_range("2026-09-06", periods=8, freq="W")
        >>> frame = pd.DataFrame({"unique_id": "a", "ds": weeks, "cutoff": weeks - pd.Timedelta(weeks=1), "y": 10.0})
        >>> told = sk.compare(frame.assign(ours=11.0, naive=13.0), against="ours")
        >>> told[["model", "wape", "windows_won", "difference", "p_value"]]
           model  wape  windows_won  difference  p_value
        0   ours   0.1          0.5         0.0      1.0
        1  naive   0.3          0.0         0.2      0.0
    """
    columns = asked_models(forecasts, models)
    if "cutoff" not in forecasts:
        raise InputError("compare: no column cutoff; expected a frame of cross_validation")
    reference = against or (PUBLISHED if PUBLISHED in columns else columns[0])
    columns = list(dict.fromkeys([*columns, *asked_models(forecasts, [reference])]))
    rows = forecasts.dropna(subset=["y", *columns])
    if not len(rows):
        raise InputError("compare: no row has what was sold and a number of every model; name fewer by models=[...]")
    sold, error = _by_window(rows, columns)
    series, origins = (sold.index.get_level_values(name) for name in (ID, "cutoff"))
    weights = _drawn(series, origins, seed)
    mine = error[reference].to_numpy()
    told = []
    for name in columns:
        theirs = error[name].to_numpy()
        wape = theirs.sum() / sold.sum() if sold.sum() else np.nan
        drawn = weights @ (theirs - mine) / np.maximum(weights @ sold.to_numpy(), 1e-300)
        told.append(
            {
                "model": name,
                "wape": wape,
                "bias_ratio": (rows[name] - rows["y"]).sum() / sold.sum() if sold.sum() else np.nan,
                "windows_won": ((theirs < mine) + (theirs == mine) / 2).mean(),
                "difference": wape - mine.sum() / sold.sum() if sold.sum() else np.nan,
                "difference_lo": np.quantile(drawn, (1 - SURE) / 2),
                "difference_hi": np.quantile(drawn, (1 + SURE) / 2),
                "p_value": min(1.0, 2 * min((drawn <= 0).mean(), (drawn >= 0).mean())),
                "n_windows": len(sold),
                "n_rows": len(rows),
            }
        )
    return pd.DataFrame(told).sort_values("wape", kind="stable", ignore_index=True)


def _by_window(rows: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.Series, pd.DataFrame]:
    """What was sold in each window, and the absolute errors of each model; index: series, origin."""
    apart = rows[columns].sub(rows["y"], axis=0).abs().assign(sold=rows["y"].abs())
    sums = apart.groupby([rows[ID], rows["cutoff"]]).sum()
    return sums["sold"], sums[list(columns)]


def _drawn(series: pd.Index, origins: pd.Index, seed: int) -> Floats:
    """How often each window is in each draw: how often its series is, times how often its origin; shape (DRAWS, N)."""
    generator = np.random.default_rng(seed)
    weights = np.ones((DRAWS, len(series)))
    for names in (series, origins):
        codes, found = pd.factorize(names)
        if len(found) > 1:  # of one alone nothing can be drawn
            n = len(found)
            weights *= generator.multinomial(n, np.full(n, 1 / n), size=DRAWS)[:, codes]
    return weights
