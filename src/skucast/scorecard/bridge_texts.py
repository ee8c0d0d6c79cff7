"""A change in words: its largest parts, each a whole clause with named places.

The largest that goes the way of the change is first; what goes against it stands behind.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from skucast.core.tables.changes import PARTS
from skucast.core.texts import wording

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 4
"""Parts that a sentence names."""

LEAST_SHARE = 0.1
"""A part that is less than this share of the largest one is not named."""

LEAST, LEAST_OF_NUMBER = 0.05, 0.005
"""Parts below this many pieces, or this share of the number, are no change at all."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Clause:
    """One reason: a text with named places and what stands in them, numbers and days (ISO) as such.

    An `effect` that has no place in the text stands behind it.
    """

    text: str
    values: dict[str, float | str]

    def __str__(self) -> str:
        shown = {name: _shown(name, value) for name, value in self.values.items()}
        said = self.text.format(**shown)
        return said if "effect" not in shown or "{effect}" in self.text else f"{said} ({shown['effect']})"


def why_of(rows: pd.DataFrame) -> list[str]:
    """Return the sentence of each row of changes."""
    return [why(row) for row in facts_of(rows)]


def facts_of(rows: pd.DataFrame) -> Iterator[Row]:
    """Yield all that a sentence tells of each row."""
    names = [*PARTS, *_FACTS]
    rows = rows if "blend_change" in rows else rows.assign(blend_change=None)
    floats = rows.astype({"new_weeks": "float64"})  # a table's missing whole number is neither equal to 0 nor not
    columns = [floats[name].tolist() for name in names]
    return (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))


def why(row: Row) -> str:
    """Return one sentence: the change, and its largest parts."""
    clauses = clauses_of(row)
    head = signed(row["change"])
    return f"{head}: {', '.join(map(str, clauses))}" if clauses else f"{head}: nothing has changed"


def clauses_of(row: Row) -> list[Clause]:
    """Return the reasons of a change in their order; none where nothing has changed."""
    largest = max(abs(row[name]) for name in PARTS)
    least = max(LEAST, LEAST_OF_NUMBER * max(row["final"], row["final_before"]))
    late = [Clause(_LATE, {})] if row["new_weeks"] == 0 else []
    if largest < least:
        return late
    named = [name for name in PARTS if abs(row[name]) >= max(LEAST_SHARE * largest, LEAST)]
    named.sort(key=lambda name: (row[name] * row["change"] < 0, -abs(row[name])))
    return [*(clause for name in named[:SHOWN] for clause in _clauses(name, row)), *late]


def signed(number: float) -> str:
    """Return a change as a planner reads it: whole from ten on, else with one decimal, with its sign."""
    if abs(number) < LEAST:
        return "0"
    return f"{number:+.0f}" if abs(number) >= 9.95 else f"{number:+.1f}"


def _shown(name: str, value: float | str) -> str:
    if name == "effect":
        return signed(float(value))
    if isinstance(value, str):
        return day(value) if name.startswith("day") else value
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}".removesuffix(".0")


def day(iso: str) -> str:
    """Return a day as it is said: 30 November."""
    found = date.fromisoformat(iso)
    return f"{found.day} {found:%B}"


_FACTS = (
    *(
        "change",
        "final",
        "final_before",
        "level",
        "sales_surprise",
        "n_weeks",
        "new_weeks",
        "plan_change",
        "model_change",
        "blend_change",
    ),
    *("method", "method_before", "status", "status_before"),
)
"""What a sentence tells beside the parts; `n_weeks` have passed between the runs."""


# --- What each part is called ---------------------------------------------------------------------------------------


def _clauses(name: str, row: Row) -> list[Clause]:
    effect = float(row[name])
    special = _SPECIAL.get(name)
    found = special(row, effect) if special else None
    return found or [Clause(_PLAIN[name][0 if effect < 0 else 1], {"effect": effect})]


def _sales(row: Row, effect: float) -> list[Clause] | None:
    """How far sales lay from their forecast, where that points the same way as what they do."""
    surprise = _number(row["sales_surprise"])
    if surprise is None or surprise * effect <= 0:
        return None
    n_weeks = _number(row["new_weeks"]) if row["level"] == "combination" else row["n_weeks"]
    texts = _OF_LAST_WEEK if n_weeks == 1 else _OF_WEEKS
    return [Clause(texts[0 if surprise < 0 else 1], {"amount": abs(surprise), "effect": effect})]


_LATE = wording("no newer sales have been delivered")
_OF_LAST_WEEK = (
    wording("last week's sales were {amount} below the forecast ({effect})"),
    wording("last week's sales were {amount} above the forecast ({effect})"),
)
_OF_WEEKS = (
    wording("the sales of the weeks since were {amount} below the forecast ({effect})"),
    wording("the sales of the weeks since were {amount} above the forecast ({effect})"),
)


def _plan(row: Row, effect: float) -> list[Clause] | None:
    """Each change of the plan that touches the week; the effect stands with the last one, of all together."""
    text = row["plan_change"]
    if not isinstance(text, str):
        return None
    changes = json.loads(text)
    found = [Clause(_OF_PLAN[each["kind"]], _plan_values(each)) for each in changes]
    found[-1].values["effect"] = effect
    return found


def _plan_values(change: Mapping[str, Any]) -> dict[str, float | str]:
    return {_PLACES[name]: value for name, value in change.items() if name in _PLACES}


_PLACES = {
    "depth": "depth",
    "starts_on": "day_from",
    "ends_on": "day_to",
    "depth_before": "depth_before",
    "starts_on_before": "day_from_before",
    "ends_on_before": "day_to_before",
}

_OF_PLAN = {
    "added": wording("a promotion of {depth} % from {day_from} to {day_to} was added"),
    "added_without_depth": wording("a promotion from {day_from} to {day_to} was added"),
    "withdrawn": wording("the promotion of {depth_before} % from {day_from_before} to {day_to_before} was withdrawn"),
    "withdrawn_without_depth": wording("the promotion from {day_from_before} to {day_to_before} was withdrawn"),
    "deeper": wording("the promotion from {day_from} to {day_to} is {depth} % instead of {depth_before} %"),
    "shallower": wording("the promotion from {day_from} to {day_to} is only {depth} % instead of {depth_before} %"),
    "moved": wording(
        "the promotion of {depth} % from {day_from_before} to {day_to_before} is now from {day_from} to {day_to}"
    ),
    "moved_and_changed": wording(
        "the promotion of {depth_before} % from {day_from_before} to {day_to_before} is now {depth} % "
        "from {day_from} to {day_to}"
    ),
    "changed_without_depth": wording(
        "the promotion from {day_from_before} to {day_to_before} is now from {day_from} to {day_to}"
    ),
    "none_planned": wording("the plan now says that there is no promotion"),
    "not_planned": wording("the plan says nothing of the week any more"),
}


def _model(row: Row, effect: float) -> list[Clause] | None:
    text = _OF_MODEL.get(row["model_change"])
    return [Clause(text, {"effect": effect})] if text else None


_OF_MODEL = {
    "retrained": wording("its model was retrained ({effect})"),
    "refreshed": wording("its model was fitted anew to the newest sales ({effect})"),
    "rolled_back": wording("its model was rolled back to an earlier version ({effect})"),
}


def _blend(row: Row, effect: float) -> list[Clause] | None:
    """Which models joined the blend, or left it; what else its weights have become is in the effect too."""
    text = row.get("blend_change")  # rows of before have none
    if not isinstance(text, str):
        return None
    change = json.loads(text)
    joined, left = (", ".join(change.get(name, [])) for name in ("joined", "left"))
    if joined and left:
        return [Clause(_JOINED_AND_LEFT, {"names": joined, "names_left": left, "effect": effect})]
    return [Clause(_JOINED if joined else _LEFT, {"names": joined or left, "effect": effect})]


_JOINED = wording("now in the blend: {names} ({effect})")
_LEFT = wording("no longer in the blend: {names} ({effect})")
_JOINED_AND_LEFT = wording("now in the blend: {names}, no longer: {names_left} ({effect})")


def _method(row: Row, effect: float) -> list[Clause] | None:
    """From what to what, where one row is about one combination."""
    if row["level"] != "combination":
        return None
    text = _OF_STATUS.get(row["status"])
    if text and row["status"] != row["status_before"]:
        return [Clause(text, {"effect": effect})]
    if row["method"] == row["method_before"]:
        return None
    places = {"method": row["method"], "method_before": row["method_before"], "effect": effect}
    return [Clause(_OTHER_METHOD, places)]


_OTHER_METHOD = wording("it is forecast by {method}, before by {method_before} ({effect})")


_OF_STATUS = {
    "inactive": wording("it has not sold for so long that it counts as given up ({effect})"),
    "seasonal": wording("it is forecast like its last season ({effect})"),
    "load_failed": wording("its model cannot be read ({effect})"),
    "forecast_failed": wording("its model failed ({effect})"),
    "naive_better": wording("a naive method has backtested better than its model ({effect})"),
    "phase_out": wording("it leaves sales to its successor ({effect})"),
    "successor": wording("it takes over sales of what it replaces ({effect})"),
    "sales_missing": wording("it is missing in the sales, the forecast before stands ({effect})"),
}


def _articles(row: Row, effect: float) -> list[Clause] | None:
    return None if row["level"] != "combination" else [Clause(_ONE_ARTICLE[effect > 0], {"effect": effect})]


_ONE_ARTICLE = {
    True: wording("the last run did not forecast it ({effect})"),
    False: wording("this run does not forecast it any more ({effect})"),
}


def _bounds(row: Row, effect: float) -> list[Clause] | None:
    return [Clause(_CUT, {"effect": effect})] if row["level"] == "combination" else None


_CUT = wording("it is cut at the least or the most that may be forecast ({effect})")


_SPECIAL: dict[str, Callable[[Row, float], list[Clause] | None]] = {
    "new_sales": _sales,
    "plan": _plan,
    "model": _model,
    "blend": _blend,
    "other_method": _method,
    "bounds": _bounds,
    "new_articles": _articles,
    "gone_articles": _articles,
}

_PLAIN = {
    "data_restated": (wording("sales of earlier weeks were corrected ({effect})"),) * 2,
    "new_sales": (
        wording("last week's sales pull it down ({effect})"),
        wording("last week's sales pull it up ({effect})"),
    ),
    "level_and_trend": (
        wording("the level of recent weeks is lower ({effect})"),
        wording("the level of recent weeks is higher ({effect})"),
    ),
    "season": (
        wording("the time of the year counts for less ({effect})"),
        wording("the time of the year counts for more ({effect})"),
    ),
    "holidays": (wording("holidays count for less ({effect})"), wording("holidays count for more ({effect})")),
    "promotions": (
        wording("promotions that are planned as before, or usual, count for less ({effect})"),
        wording("promotions that are planned as before, or usual, count for more ({effect})"),
    ),
    "weather": (wording("the weather as it is known now ({effect})"),) * 2,
    "regressors": (
        wording("the price or another regressor lowers it ({effect})"),
        wording("the price or another regressor raises it ({effect})"),
    ),
    "bounds": (
        wording("the expected value lies less far above the middle ({effect})"),
        wording("the expected value lies further above the middle ({effect})"),
    ),
    "plan": (
        wording("promotions were withdrawn or changed ({effect})"),
        wording("promotions were added or changed ({effect})"),
    ),
    "model": (wording("models were retrained, fitted anew or rolled back ({effect})"),) * 2,
    "panel": (wording("the panel model is another version ({effect})"),) * 2,
    "blend": (wording("the models count with other weights ({effect})"),) * 2,
    "model_and_data": (
        wording("another model forecasts from newer sales, and the version before is kept no more ({effect})"),
    )
    * 2,
    "other_method": (wording("it is made in another way than before ({effect})"),) * 2,
    "new_articles": (wording("articles that the last run did not forecast ({effect})"),) * 2,
    "gone_articles": (wording("articles that this run does not forecast any more ({effect})"),) * 2,
    "override": (wording("a correction ({effect})"),) * 2,
}
"""What each part is called where it lowers the number, and where it raises it."""


def _number(value: Any) -> float | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return float(value)
