"""The page's data of overrides: what holds, what it changes, what it has brought, and what a new one may say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.dashboard.columns import iso, values
from skucast.regressors.overrides import in_order

if TYPE_CHECKING:
    from pandas import DataFrame

_HELD_TEXTS = [*KEY, "kind", "reason", "author", "override_id", "note"]
_HELD_DAYS = ["ds_from", "ds_to", "expires_on", "known_from"]
_VALUE_TEXTS = ["grouped_by", "name", "verdict"]
_VALUE_NUMBERS = ["n_overrides", "n_weeks", "value", "value_lower", "value_upper", "fva"]


@dataclass(frozen=True)
class Words:
    """What planners have said.

    `held` has the rows of `tables.OVERRIDES` that hold, with their `effect` on the newest forecast and the `model`'s
    number; `said` one row per names and week of it, as `regressors.overrides.said_of`; `value` rows of
    `tables.OVERRIDE_VALUE` of one window. `reasons` are those that an override may give;
    overrides of weeks up to `frozen_through` change for the reason `late` alone, None = no week is.
    """

    held: DataFrame
    said: DataFrame
    value: DataFrame
    reasons: tuple[str, ...]
    frozen_through: date | None


def overrides_data(words: Words | None) -> dict[str, Any] | None:
    """Return what the page shows of overrides, as plain lists by name; None where nothing is known of them."""
    if words is None:
        return None
    held = words.held.sort_values(["ds_from", "override_id"])
    said = in_order(words.said)
    return {
        "reasons": list(words.reasons),
        "frozen_through": words.frozen_through.isoformat() if words.frozen_through else "",
        "held": {
            **{name: _texts(held, name) for name in _HELD_TEXTS},
            **{name: iso(held[name]) for name in _HELD_DAYS},
            "value": held["value"].tolist(),
            **values(held, ["effect", "model"]),
        },
        "said": {
            **{name: _texts(said, name) for name in [*KEY, "kind", "override_id"]},
            "ds": iso(said["ds"]),
            "value": said["value"].tolist(),
        },
        "value": {
            **{name: _texts(words.value, name) for name in _VALUE_TEXTS},
            **values(words.value, _VALUE_NUMBERS),
        },
    }


def _texts(rows: DataFrame, name: str) -> list[str]:
    return [str(text) for text in rows[name].fillna("")]
