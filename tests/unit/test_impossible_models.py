"""Model files with a checksum that fits and a content that cannot be: refused before anything is made of them."""

from __future__ import annotations

import json
import pickle
import pickletools
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_artifact import CONTENT, MODEL, PLAIN, refused, sealed, set_model, wrapped

from skucast.core.errors import ModelError
from skucast.core.model_files import MAX_BYTES
from skucast.forecast import plain
from skucast.forecast.artifact import dumps, loads
from skucast.forecast.cards import ModelCard

Change = Callable[[dict[str, Any]], object]

HUGE = "9" * 400
"""An integer too large for a float."""


def set_card(name: str, value: object) -> Change:
    """Return a change of one part of the card."""
    return lambda content: content["card"].update({name: value})


def set_spec(name: str, value: object) -> Change:
    """Return a change of one setting of the model."""
    return lambda content: content["models"][0]["spec"].update({name: value})


REGRESSOR = {"name": "y_lag1", "beta": 0.5, "mu": 100.0, "std": 100.0}
HOLIDAY = {"name": "A", "beta": 0.1, "weeks": "2026-05-10"}
IMPOSSIBLE = {
    "a week for a day": set_model("start", "2026-W01-1"),
    "a day without lines": set_model("start", "20260101"),
    "a day of the year 9999": set_model("start", "9999-12-31"),
    "a largest week below 0": set_model("y_max", -5),
    "a largest week beyond all sales": set_model("y_max", 1e300),
    "a scale beyond all sales": set_model("y_scale", 1e300),
    "a scale of hardly anything": set_model("y_scale", 1e-300),
    "weeks that take no time": set_model("t_scale_days", 1e-300),
    "noise below 0": set_model("sigma_obs", -0.1),
    "an interval turned round": set_model("interval_scale", -1.0),
    "an interval beyond everything": set_model("interval_scale", 1e200),
    "an interval that explodes": set_model("interval_growth", 400.0),
    "weeks below 0": set_model("n_weeks", -1),
    "a year of a thousand waves": set_model("yearly", [0.0, 0.0] * 1000),
    "a regressor without a scale": set_model("regressors", [REGRESSOR | {"std": 0.0}]),
    "a regressor of a negative scale": set_model("regressors", [REGRESSOR | {"std": -1.0}]),
    "a regressor twice": set_model("regressors", [REGRESSOR, REGRESSOR]),
    "a regressor without a name": set_model("regressors", [REGRESSOR | {"name": ""}]),
    "a name without an end": set_model("dropped_regressors", ["x" * 100_000]),
    "a holiday in a thirteenth month": set_model("holidays", [HOLIDAY | {"weeks": "2026-13-01"}]),
    "a holiday without an end": set_model("holidays", [HOLIDAY | {"weeks": " ".join(["2026-05-10"] * 90_000)}]),
    "a history without an end": set_model("history", json.dumps({"y": [1.0] * 500_000})),
    "a million changepoints to place": set_spec("n_changepoints", 1_000_000),
    "a season of a million waves": set_spec("yearly_order", 1_000_000),
    "a prior of nothing": set_spec("changepoint_prior_scale", 0.0),
    "a cutoff as a week": set_card("cutoff", "2026-W47-7"),
    "a cutoff of the year 9999": set_card("cutoff", "9999-12-31"),
    "a first week that is none": set_card("first_week", "soon"),
    "a card of no combination": set_card("combination", ""),
    "a card of half a combination": set_card("combination", "Perm/KA"),
    "a combination of many lines": set_card("combination", "Perm/KA/A\n1"),
    "evidence of no origin": set_card("evidence", {"origin": [1.0]}),
    "evidence beyond all sales": set_card("evidence", {"2026-05-24": [1e300] * 4}),
    "a naive method of another kind": set_card("naive", {"is_better": True, "method": ["ses"]}),
    "a naive method without a name": set_card("naive", {"is_better": True}),
    "a score as a text": set_card("backtest", {"pooled": "0.2"}),
    "a step's score as a list": set_card("backtest", {"1": [0.2]}),
    "regressors as a list": set_card("backtest", {"regressors": []}),
    "a regressor that came to nothing": set_card("backtest", {"regressors": {"temperature": {}}}),
    "a recipe with an engine of another kind": set_card("recipe", {"engine": ["map"]}),
    "a recipe that is too deep": set_card("recipe", {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}}),
    "a recipe that is too long": set_card("recipe", {str(n): n for n in range(100_000)}),
    "settings without an end": set_card("hyperparameters", [{}] * 9_000),
    "a model too many": lambda content: content.update(models=content["models"] * 21),
    "nothing but lists": set_card("tuning", {"a": [[]] * 1_000_000}),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_content_with_a_fitting_checksum_is_refused(change: Change) -> None:
    """In one line that ends: what is wrong, and what to do."""
    with pytest.raises(ModelError, match="retrain") as caught:
        loads(sealed(change))
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["k", "y_max", "n_weeks", "recipe", "pooled", "evidence"])
def test_an_integer_too_large_for_a_number_is_refused(place: str) -> None:
    """Wherever it stands, also where a part may be of any kind."""
    changes: dict[str, Change] = {
        "recipe": set_card("recipe", {"tune_origins": "HUGE"}),
        "pooled": set_card("backtest", {"pooled": "HUGE"}),
        "evidence": set_card("evidence", {"2026-05-24": ["HUGE"]}),
    }
    content = json.loads(json.dumps(CONTENT))
    changes.get(place, set_model(place, "HUGE"))(content)
    refused(wrapped(json.dumps(content).replace('"HUGE"', HUGE)), "retrain")


def test_numbers_that_are_none_are_refused_where_any_kind_may_stand() -> None:
    """JSON knows none, but its readers do: in a recipe as in a weight."""
    refused(wrapped(json.dumps(CONTENT | {"card": CONTENT["card"] | {"recipe": {"a": float("nan")}}})), "not finite")


def test_what_nobody_would_read_is_not_written() -> None:
    """The model that is live stays: a training that gave this one has failed."""
    strange = ModelCard(**CONTENT["card"] | {"n_weeks": 10**9})
    with pytest.raises(ModelError, match="nobody would read"):
        dumps([MODEL], strange)


@pytest.mark.slow
def test_a_combination_of_changepoints_takes_no_more_memory_than_the_file() -> None:
    """900,000 of them in 3.6 MB: refused at their number, before one is made."""
    content = json.loads(json.dumps(CONTENT))
    content["models"][0].update(changepoints=[0] * 900_000, delta=[0] * 900_000)
    payload = wrapped(json.dumps(content, separators=(",", ":")))
    assert len(payload) < MAX_BYTES
    assert loads_at_most(payload) < 6 * len(payload)


def loads_at_most(payload: bytes) -> int:
    """Return the peak of Python's memory while the file is refused."""
    tracemalloc.start()
    try:
        refused(payload)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


ENDLESS = {
    "lists in lists": b"\x80\x05" + b"]" * (MAX_BYTES - 3) + b".",
    "lists one after the other": b"\x80\x05](" + b"]" * (MAX_BYTES - 5) + b"e.",
    "keys that collide": pickle.dumps({n * (2**61 - 1): None for n in range(1, 5_000)}),
}


@pytest.mark.parametrize("payload", ENDLESS.values(), ids=ENDLESS)
def test_of_a_pickle_that_is_no_model_a_few_opcodes_are_looked_at(
    payload: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four million brackets, and a dict whose integers all have one hash: neither is ever made, nor read to its end."""
    looked_at = 0

    def counted(file: object) -> Iterator[Any]:
        nonlocal looked_at
        for each in pickletools.genops(file):  # type: ignore[arg-type]
            looked_at += 1
            yield each

    monkeypatch.setattr(plain, "genops", counted)
    refused(payload)
    assert looked_at < 100


def test_a_text_that_cannot_be_written_down_is_refused() -> None:
    """Half of a character, in a content or a name."""
    refused(pickle.dumps(PLAIN | {"content": "\ud800"}), "checksum")
