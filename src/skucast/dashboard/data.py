"""The page's data: what it shows of each combination, and the sums of those too many to show one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.kept_json import kept_object
from skucast.core.tables.alerts import WRONG_VOLUME
from skucast.core.tables.contract import ALL
from skucast.core.tables.scorecard import POOLED_STEP
from skucast.dashboard.backtests import backtests_data
from skucast.dashboard.changes import changes_data, revisions_data
from skucast.dashboard.columns import (
    NUMBER,
    Columns,
    coded,
    iso,
    numbered,
    numbers_of,
    only,
    rows_by_name,
    rows_of,
    values,
    week_numbers,
    weeks_in,
    whole,
)
from skucast.dashboard.forecast_columns import (
    BOUNDS,
    CLASSES,
    FINAL,
    FORECAST_COLUMNS,
    ORIGIN,
    REST_BY,
    SUMMED,
    Forecasts,
    Rest,
    earlier_columns,
    scored_columns,
)
from skucast.dashboard.orders import orders_data, served_data, sums_scored
from skucast.dashboard.overrides import overrides_data
from skucast.dashboard.promotions import promotions_data
from skucast.dashboard.work import work_data

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt
    from pandas import DataFrame, Index

    from skucast.dashboard.board import Board, Due

MAX_DETAILED = 1500
"""Combinations with a history and single forecasts on the page; of the others it has the newest forecast and sums."""

_LEFT_OUT = ["n_left_out", "n_unpublished"]
_FAILED = ["sum_actual_failed", "sum_abs_error_failed"]
_MEASURES = ["mase", "rmsse", "tracking_signal", "churn", "volume_share"]
"""Of the stored metrics, those that the page cannot sum up by itself from the forecasts it holds."""

_PROMOTION = ["promo_discount_perc", "promo_days"]
_HISTORY_VALUES = ["y", *_PROMOTION]
_MODEL_TEXTS = ["model_version", "outcome", "backtest_promotions", "run_id"]
_MODEL_JSON = ["hyperparameters", "tuning", "backtest_by_step"]
_MODEL_VALUES = ["n_weeks", "backtest_origins", "backtest_wape", "backtest_wape_last_year"]
MODELS_SHOWN = [*KEY, "cutoff", "is_converged", *_MODEL_TEXTS, *_MODEL_JSON, *_MODEL_VALUES]
_ALERT_TEXTS = ["alert_id", "state", "rule", "reason", "message", "evidence", "command", "gcloud_command"]
_ALERT_SAID = ["message_json", "evidence_json"]
_ALERT_WEEKS = ["opened", "acknowledged_until"]
_ALERT_VALUES = ["value", "value_limit", WRONG_VOLUME]
_ALERT_COLUMNS = [*KEY, *_ALERT_TEXTS, *_ALERT_WEEKS, *_ALERT_VALUES, "n_open_weeks"]
_RUN_COUNTS = ["n_combinations", "n_failed", "n_rows"]
RUN_COLUMNS_SHOWN = [
    "run_id",
    "job",
    "run_at",
    "cutoff",
    "exit_code",
    "error",
    *_RUN_COUNTS,
    "counts",
    "seconds",
    "sources",
]


def page_data(board: Board, max_detailed: int = MAX_DETAILED) -> dict[str, Any]:
    """Return what the page's script reads, as plain lists and texts.

    `combinations` and `weeks` are the lists that numbers refer to. A table's rows are sorted by combination, `ds`
    and `step`; its `rows` says how many belong to each combination. Beyond `max_detailed` combinations only those
    that sell most, or have an alert, have all their rows here; the scores of the others are summed up in `rest`.
    """
    return PageData(board).of(max_detailed)


class PageData:
    """The data of a board's page, however many combinations it shows one by one: the rest is worked out once."""

    def __init__(self, board: Board) -> None:
        self._board = board
        scored = rows_of(board.scored, [*KEY, *ORIGIN, *SUMMED, *BOUNDS])
        forecasts = rows_of(_with_final(board.forecasts), FORECAST_COLUMNS)
        is_newest = forecasts["cutoff"] == forecasts["cutoff"].max()
        newest, earlier = forecasts[is_newest], forecasts[~is_newest]
        history = rows_of(board.history, [*KEY, "ds", *_HISTORY_VALUES])
        plan = rows_of(board.plan, [*KEY, "ds", *_PROMOTION])
        alerts = rows_of(board.alerts.reindex(columns=[*_ALERT_COLUMNS, *_ALERT_SAID]), _ALERT_COLUMNS + _ALERT_SAID)
        names = _combinations([scored, newest, history])
        earlier = earlier[~_is_in(earlier, scored, names)]
        metrics = only(_pooled(board.metrics), names)
        self._names = _with_kinds(_with_classes(names, metrics), board)
        self._most_shown = _most_shown(self._names, history, alerts)
        self._weeks = {week for frame in (scored, newest, earlier, history) for week in weeks_in(frame)}
        self._origin = max(iso(newest["cutoff"]), default=None)
        self._ever_promoted = bool((history["promo_discount_perc"] != 0).any())
        self._scored_names = scored[KEY].drop_duplicates()
        self._rest = Rest(scored, self._names)
        self._forecasts = Forecasts(numbered(newest, names))
        self._scored, self._earlier = numbered(scored, names), numbered(earlier, names)
        self._history, self._plan = numbered(history, names), numbered(plan, names)
        self._models = numbered(rows_of(board.models, MODELS_SHOWN), names)
        self._measures = numbered(metrics, names)
        shown = numbered(alerts, names)
        self._totals = board.sums
        self._same = {
            "served": served_data(board),
            "sums_scored": sums_scored(board),
            "due": _due(board.due),
            "overrides": overrides_data(board.overrides),
            "promotions": promotions_data(board.promotions),
            "work": work_data(board.work, self._names),
            "orders": orders_data(board, self._names),
            "left_out": rows_by_name(numbered(_left_out(board.metrics), names), names, _left_out_columns),
            "alerts": rows_by_name(shown, names, _alert_columns),
            "system_alerts": _alert_columns(alerts[(alerts[KEY] == ALL).all(axis=1)]),
            "runs": _runs(rows_of(board.runs, RUN_COLUMNS_SHOWN)),
        }

    def of(self, max_detailed: int) -> dict[str, Any]:
        """Return the data that shows so many combinations one by one."""
        board, same = self._board, self._same
        is_detailed = self._names.index.isin(self._most_shown[:max_detailed])
        names = self._names.assign(is_detailed=is_detailed)
        one_by_one = names[is_detailed]

        def mine(rows: DataFrame, columns: Callable[[DataFrame], Columns]) -> Columns:
            return rows_by_name(rows[is_detailed[rows[NUMBER]]], names, columns)

        plan = self._plan[is_detailed[self._plan[NUMBER]]]
        weeks = sorted({*self._weeks, *weeks_in(plan)})
        return {
            "cutoff": board.run.cutoff.isoformat(),
            "today": board.run.today.isoformat(),
            "origin": self._origin,
            "made_at": _made_at(board.forecasts),
            "weeks": weeks,
            "has_promotions": bool(len(plan) or self._ever_promoted),
            "window": _window(board.metrics),
            "totals": self._totals,
            "changes": changes_data(board, one_by_one),
            "revisions": revisions_data(board, one_by_one),
            "orders": same["orders"],
            "served": same["served"],
            "sums_scored": same["sums_scored"],
            "backtests": backtests_data(board, self._scored_names, names, REST_BY),
            "due": same["due"],
            "overrides": same["overrides"],
            "promotions": same["promotions"],
            "work": same["work"],
            "work_lines": board.work_lines,
            "combinations": _combination_columns(names),
            "measures": mine(self._measures, lambda rows: values(rows, _MEASURES)),
            "left_out": same["left_out"],
            "scored": mine(self._scored, lambda rows: scored_columns(rows, weeks)),
            "rest": self._rest.columns(~is_detailed, weeks),
            "forecasts": rows_by_name(
                self._forecasts.rows, names, lambda _: self._forecasts.columns(is_detailed, weeks)
            ),
            "earlier": mine(self._earlier, lambda rows: earlier_columns(rows, weeks)),
            "history": mine(self._history, lambda rows: _history_columns(rows, weeks)),
            "plan": mine(plan, lambda rows: _plan_columns(rows, weeks)),
            "models": mine(self._models, _model_columns),
            "alerts": same["alerts"],
            "system_alerts": same["system_alerts"],
            "retrain": dict(zip(("command", "gcloud_command"), board.retrain or ("", ""), strict=True)),
            "holidays": _holidays(board.holidays, weeks),
            "runs": same["runs"],
        }


_DAYS = 1 << 20
"""More than there are days from 1970 to any week."""


# --- Which combinations and weeks -----------------------------------------------------------------------------------


def _is_in(forecasts: DataFrame, scored: DataFrame, names: DataFrame) -> npt.NDArray[np.bool_]:
    """Which of the forecasts are among the scored ones, whose combinations are all in `names`: each row is a number."""
    import pandas as pd

    def rows(frame: DataFrame) -> Index:
        cutoff, ds = (frame[name].to_numpy().astype("datetime64[D]").astype("int64") for name in ("cutoff", "ds"))
        found: Index = pd.Index((numbers_of(frame, names) * _DAYS + cutoff) * _DAYS + ds)
        return found

    return rows(forecasts).isin(rows(scored))


def _made_at(forecasts: DataFrame) -> str | None:
    """When the newest forecasts were made: the moment in UTC; None where nobody has kept it."""
    if "created_at" not in forecasts or forecasts.empty:
        return None
    moment = forecasts.loc[forecasts["cutoff"] == forecasts["cutoff"].max(), "created_at"].max()
    return None if moment != moment else f"{moment.isoformat()}Z"  # NaT is not itself


def _with_final(forecasts: DataFrame) -> DataFrame:
    """The forecasts, with what counts of them as not known where they are from before."""
    return forecasts.reindex(columns=[*forecasts.columns, *(name for name in FINAL if name not in forecasts)])


def _combinations(frames: list[DataFrame]) -> DataFrame:
    """The names of every combination on the page, sorted; one row each, columns of `KEY`."""
    import pandas as pd

    names = pd.concat([frame[KEY].drop_duplicates() for frame in frames])
    return names.drop_duplicates().sort_values(KEY, ignore_index=True)


def _pooled(metrics: DataFrame) -> DataFrame:
    """The stored metrics of the combinations, all steps pooled: `KEY`, classes, measures."""
    rows = rows_of(metrics, ["level", *KEY, "step"])
    mine = metrics.loc[rows.index[(rows["level"] == "combination") & (rows["step"] == POOLED_STEP)]]
    return rows_of(mine.reindex(columns=[*KEY, *CLASSES, *_MEASURES]), [*KEY, *CLASSES, *_MEASURES])


def _with_classes(names: DataFrame, metrics: DataFrame) -> DataFrame:
    classes = metrics[[*KEY, *CLASSES]].astype(dict.fromkeys(CLASSES, "str"))
    found = names.merge(classes, on=KEY, how="left")
    return found.assign(**{name: found[name].fillna("") for name in CLASSES})


def _with_kinds(names: DataFrame, board: Board) -> DataFrame:
    if board.kinds is None:
        return names.assign(demand_class="")
    found = names.merge(rows_of(board.kinds, [*KEY, "demand_class"]), on=KEY, how="left")
    return found.assign(demand_class=found["demand_class"].astype("str").where(found["demand_class"].notna(), ""))


def _most_shown(names: DataFrame, history: DataFrame, alerts: DataFrame) -> Index:
    """Which of the names are shown one by one, first first: those with an alert, then those that sold most."""
    sold = history.groupby(KEY, as_index=False)["y"].sum()
    volume = names.merge(sold, on=KEY, how="left")["y"].astype("float64").fillna(0.0)
    alerted = names.merge(alerts[KEY].drop_duplicates(), on=KEY, how="left", indicator="_found")["_found"] == "both"
    order = names.assign(alerted=alerted, volume=volume).sort_values(
        ["alerted", "volume"], ascending=False, kind="stable"
    )
    return order.index


def _window(metrics: DataFrame) -> dict[str, str] | None:
    """The first and last week the stored metrics cover, None when there are none."""
    if metrics.empty:
        return None
    return {"start": iso(metrics["window_start"])[0], "end": iso(metrics["window_end"])[0]}


def _due(due: Due | None) -> dict[str, Any] | None:
    if due is None:
        return None
    scorecard = None if due.scorecard is None else due.scorecard.isoformat()
    days = {"forecast_days": due.forecast_days, "scorecard_days": due.scorecard_days}
    return {"scorecard": scorecard, **days, "time_zone": due.time_zone}


# --- Columns of the tables ------------------------------------------------------------------------------------------


def _combination_columns(names: DataFrame) -> Columns:
    return {
        **{name: coded(names[name]) for name in [*KEY, *CLASSES, "demand_class"]},
        "is_detailed": whole(names["is_detailed"]),
    }


def _left_out(metrics: DataFrame) -> DataFrame:
    """How many forecasts had no usable actual, or were never made; one row per combination and step."""
    columns = ["level", *KEY, "step", *_LEFT_OUT, *_FAILED]
    rows = rows_of(metrics.reindex(columns=columns), columns)
    return rows[(rows["level"] == "combination") & (rows[_LEFT_OUT] > 0).any(axis=1)]


def _left_out_columns(rows: DataFrame) -> Columns:
    return {
        "step": whole(rows["step"]),
        **{name: whole(rows[name]) for name in _LEFT_OUT},
        **values(rows.fillna(dict.fromkeys(_FAILED, 0.0)), _FAILED),
    }


def _history_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    return {"ds": week_numbers(rows["ds"], weeks), **values(rows, _HISTORY_VALUES)}


def _plan_columns(rows: DataFrame, weeks: list[str]) -> Columns:
    return {"ds": week_numbers(rows["ds"], weeks), **values(rows, _PROMOTION)}


def _model_columns(rows: DataFrame) -> Columns:
    return {
        "cutoff": coded(iso(rows["cutoff"])),
        "is_converged": [None if flag is None else bool(flag) for flag in rows["is_converged"].astype(object)],
        **{name: coded(rows[name]) for name in [*_MODEL_TEXTS, *_MODEL_JSON]},
        **values(rows, _MODEL_VALUES),
    }


def _alert_columns(rows: DataFrame) -> Columns:
    return {
        **{name: coded(rows[name]) for name in (*_ALERT_TEXTS, *_ALERT_SAID)},
        **{name: coded(iso(rows[name])) for name in _ALERT_WEEKS},
        **values(rows, [*_ALERT_VALUES, "n_open_weeks"]),
    }


# --- What is not about one combination ------------------------------------------------------------------------------


def _holidays(holidays: DataFrame, weeks: list[str]) -> list[dict[str, Any]]:
    """The holidays of each week on the page that has any, in the order of weeks."""
    named = rows_of(holidays, ["holiday", "ds"]).assign(week=lambda rows: iso(rows["ds"]))
    found = named[named["week"].isin(weeks)].groupby("week")["holiday"].unique()
    return [{"week": week, "names": sorted(map(str, names))} for week, names in found.items()]


def _runs(runs: DataFrame) -> list[dict[str, Any]]:
    """The executions of each job, newest first; several tasks of one are one."""
    by_run = runs.sort_values("run_at", kind="stable").groupby("run_id", sort=False)
    found = [_run(tasks) for _, tasks in by_run]
    return sorted(found, key=lambda run: (run["run_at"], run["run_id"]), reverse=True)


def _run(tasks: DataFrame) -> dict[str, Any]:
    first = tasks.iloc[0]
    errors = tasks["error"].dropna()
    counts = [kept_object(text) for text in tasks["counts"]]
    return {
        "run_id": str(first["run_id"]),
        "job": str(first["job"]),
        "run_at": f"{first['run_at'].isoformat()}Z",
        "cutoff": iso(tasks["cutoff"])[0],
        "exit_code": int(tasks["exit_code"].max()),
        "error": str(errors.iloc[0]) if len(errors) else "",
        "n_tasks": len(tasks),
        **{name: int(tasks[name].sum()) for name in _RUN_COUNTS},
        "counts": {name: sum(each.get(name, 0) for each in counts) for name in sorted(set().union(*counts))},
        "seconds": round(max(kept_object(text).get("all", 0.0) for text in tasks["seconds"]), 2),
        "sources": next((kept_object(text) for text in tasks["sources"].dropna()), {}),
    }
