"""What overrides have brought: the model's error against that of the number that counted, and whom that may judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.overrides import OVERRIDE_VALUE, SIZES
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.scorecard.student import quantile

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MIN_OVERRIDES, MIN_WEEKS = 8, 4
"""With fewer nobody is judged."""

CONFIDENCE = 0.9

SMALL, MEDIUM = 0.1, 0.5
"""Shares of the model's number up to which an override is small, and medium."""

SHOWN = 5
"""Groups that the remarks name."""

WORSE = (
    "overrides{whose}: the model alone was nearer over {overrides} and {weeks}, by {value:,.0f} pieces "
    "({least:,.0f} to {most:,.0f}); it may be worth a talk what they know that the model does not"
)
BETTER = (
    "overrides{whose}: nearer than the model over {overrides} and {weeks}, by {value:,.0f} pieces "
    "({least:,.0f} to {most:,.0f})"
)
USELESS = (
    "overrides of up to a tenth of the model's number: {overrides} in {weeks}, and no difference can be told; "
    "they may be left to the model"
)
_WHOSE = {
    "all": " in all",
    "author": " by {name}",
    "reason": " for the reason {name}",
    "direction": " {name}wards",
    "size": " of {name} size",
}


def override_value(scored: DataFrame, forecasts: DataFrame, said: DataFrame, until: date) -> DataFrame:
    """Return rows of `tables.OVERRIDE_VALUE` but for the run's own columns, none if no override is scored yet.

    Args:
        scored: of `tables.SCORED`, the weeks to judge by; rows without `y` are left out.
        forecasts: of `tables.FORECASTS`, those that were scored.
        said: of `tables.OVERRIDES`.
        until: last week scored.
    """
    rows = _rows(scored, forecasts, said)
    if not len(rows):
        return empty(OVERRIDE_VALUE).drop(columns=["run_id", "created_at"])
    found = [
        {"window_end": until, "window_start": rows["ds"].min(), "grouped_by": by, "name": name, **_summed(group)}
        for by, name, group in _groups(rows)
    ]
    return pd.DataFrame(found)


def remarks(value: DataFrame) -> list[str]:
    """Return what is worth saying of rows of `tables.OVERRIDE_VALUE`, the largest first; nobody that too few judge."""
    told = value[value["verdict"].isin(["better", "worse"]) & value["grouped_by"].isin(["all", "author", "reason"])]
    largest = told.reindex(told["value"].abs().sort_values(ascending=False, kind="stable").index)
    small = value[(value["name"] == SIZES[0]) & (value["grouped_by"] == "size")]
    useless = small[small["verdict"].isin(["no difference", "worse"])]
    texts = {"worse": WORSE, "better": BETTER}
    return [
        *(_remark(row, texts[row["verdict"]]) for row in largest.head(SHOWN).to_dict("records")),
        *(_remark(row, USELESS) for row in useless.to_dict("records")),
    ]


def _remark(row: dict[Any, Any], text: str) -> str:
    ends = sorted(abs(row[name]) for name in ("value_lower", "value_upper"))
    return text.format(
        whose=_WHOSE[row["grouped_by"]].format(name=row["name"]),
        overrides=counted(int(row["n_overrides"]), "override"),
        weeks=counted(int(row["n_weeks"]), "week"),
        value=abs(row["value"]),
        least=ends[0],
        most=ends[1],
    )


def _rows(scored: DataFrame, forecasts: DataFrame, said: DataFrame) -> DataFrame:
    """Scored forecasts with an override: its author and reason, direction and size, and `gain`, the error it saved."""
    key = ["cutoff", *KEY, "ds"]
    mine = forecasts.loc[forecasts["override_id"].notna(), [*key, "created_at", "yhat", "final", "override_id"]]
    known = scored.loc[scored["y"].notna(), [*key, "y"]]
    both = mine.merge(known, on=key)
    if not len(both):
        return both
    rows = _with_author(both.astype({"override_id": "str"}), said.astype({"override_id": "str"}))
    rows["gain"] = (rows["yhat"] - rows["y"]).abs() - (rows["final"] - rows["y"]).abs()
    effect = rows["final"] - rows["yhat"]
    by_override = rows.assign(effect=effect, change=effect.abs()).groupby("override_id")
    sums = by_override[["effect", "change", "yhat"]].sum()
    share = sums["change"] / sums["yhat"].where(sums["yhat"] > 0)
    size = np.select([sums["change"] == 0, share <= SMALL, share <= MEDIUM], [SIZES[0], SIZES[0], SIZES[1]], SIZES[2])
    direction = np.select([sums["effect"] > 0, sums["effect"] < 0], ["up", "down"], "")
    rows["size"] = rows["override_id"].map(pd.Series(size, index=sums.index))
    rows["direction"] = rows["override_id"].map(pd.Series(direction, index=sums.index))
    return rows


def _with_author(rows: DataFrame, said: DataFrame) -> DataFrame:
    """The rows with author and reason as they were when the forecast was made, if need be as they were said first."""
    words = said.loc[~said["cancelled"], ["override_id", "known_from", "author", "reason"]]
    words = words.sort_values("known_from", kind="stable")
    rows = rows.sort_values("created_at", kind="stable")
    found = pd.merge_asof(rows, words, left_on="created_at", right_on="known_from", by="override_id")
    first = words.drop_duplicates("override_id").set_index("override_id")
    for name in ("author", "reason"):
        found[name] = found[name].fillna(found["override_id"].map(first[name]))
    return found


def _groups(rows: DataFrame) -> Iterator[tuple[str, str, DataFrame]]:
    yield "all", ALL, rows
    for by in ("author", "reason", "direction", "size"):
        for name, group in rows[rows[by].notna() & (rows[by] != "")].groupby(by):
            yield by, str(name), group


def _summed(rows: DataFrame) -> dict[str, Any]:
    sums = {
        "sum_actual": float(rows["y"].sum()),
        "sum_abs_actual": float(rows["y"].abs().sum()),
        "sum_abs_error_model": float((rows["yhat"] - rows["y"]).abs().sum()),
        "sum_abs_error_final": float((rows["final"] - rows["y"]).abs().sum()),
    }
    sold = sums["sum_abs_actual"] or np.nan
    wapes = {f"wape_{which}": sums[f"sum_abs_error_{which}"] / sold for which in ("model", "final")}
    value = sums["sum_abs_error_model"] - sums["sum_abs_error_final"]
    n_overrides, n_weeks = rows["override_id"].nunique(), rows["ds"].nunique()
    reach = max(_reach(rows.groupby(case)["gain"].sum()) for case in ("override_id", "ds"))
    lower, upper = value - reach, value + reach
    return {
        "n": len(rows),
        "n_overrides": n_overrides,
        "n_weeks": n_weeks,
        **sums,
        "value": value,
        "value_lower": lower if np.isfinite(lower) else np.nan,
        "value_upper": upper if np.isfinite(upper) else np.nan,
        **wapes,
        "fva": wapes["wape_model"] - wapes["wape_final"],
        "verdict": _verdict(n_overrides, n_weeks, lower, upper),
    }


def _reach(gains: Series) -> float:
    """How far the interval of a sum of so many independent gains reaches to either side; infinite for one alone."""
    if len(gains) < 2:
        return float("inf")
    return float(quantile((1 + CONFIDENCE) / 2, len(gains) - 1) * np.sqrt(len(gains)) * gains.std(ddof=1))


def _verdict(n_overrides: int, n_weeks: int, lower: float, upper: float) -> str:
    if n_overrides < MIN_OVERRIDES or n_weeks < MIN_WEEKS:
        return "too few"
    return "better" if lower > 0 else "worse" if upper < 0 else "no difference"
