"""What the page says of backtests: how far off the published number was at past origins, beside what is scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.rows import is_about
from skucast.dashboard.columns import SUMMED_DIGITS, Columns, coded, iso, only, rows_of, table, values, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from skucast.dashboard.board import Board

_SUMS = ["actual", "abs_error"]


def backtests_data(board: Board, scored: DataFrame, names: DataFrame, groups: Sequence[str]) -> dict[str, Any] | None:
    """Return the sums of sales and absolute errors by step of those that are scored too; None where nothing is kept.

    Of combinations that are shown one by one each has rows; `rest` has the sums of the others by these columns of the
    names. `cutoff` is that of the newest training behind them.
    """
    if board.backtests is None or board.backtests.empty:
        return None
    found = rows_of(board.backtests, [*KEY, "cutoff", "step", *_SUMS])
    found = found[is_about(found, scored)]
    if found.empty:
        return None
    one_by_one, in_sum = names[names["is_detailed"]], names[~names["is_detailed"]]
    rest = found.merge(in_sum[[*KEY, *(name for name in groups if name not in KEY)]], on=KEY)
    rest = rest.groupby([*groups, "step"], as_index=False)[_SUMS].sum()
    return {
        "cutoff": max(iso(found["cutoff"])),
        **table(only(found, one_by_one), names, _columns),
        "rest": {**{name: coded(rest[name]) for name in groups}, **_columns(rest)},
    }


def _columns(rows: DataFrame) -> Columns:
    return {"step": whole(rows["step"]), **values(rows, _SUMS, SUMMED_DIGITS)}
