"""Whoever reads model files beside the forecast: the library, convert, to_prophet, the blend's evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from stubs import card, stored, stub_model

import skucast as sk
from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.forecast.artifact import StoredModel, dumps
from skucast.forecast.prophet.as_published import history_frame
from skucast.forecast.prophet.model import Holiday, Regressor
from skucast.jobs import convert
from skucast.jobs.models import load_models
from skucast.jobs.panel import loads_evidence
from skucast.jobs.stored_models import model_in

A, B = Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2")


@pytest.fixture
def swapped(tmp_path: Path) -> LocalStore:
    """Return a store in which the file of B2 holds the model of A1, with evidence of its own."""
    store = LocalStore(tmp_path / "models")
    theirs = dumps([stub_model()], replace(card(str(A)), evidence={"2026-05-24": [7.0] * 4}))
    for each in (A, B):
        store.save(each, theirs.payload, theirs.version, expected=None)
    return store


def test_a_model_of_another_combination_is_nobodys(swapped: LocalStore) -> None:
    """Neither its forecast nor its evidence counts for whose file it is in; the other's does."""
    live = swapped.load_many([A, B])
    assert loads_evidence(A, live[A]) == {"2026-05-24": [7.0] * 4}
    assert loads_evidence(B, live[B]) == {}
    assert isinstance(model_in(B, live[B]), ModelError)
    found = load_models(swapped, [A, B], card().cutoff_date)
    assert not isinstance(found[A], ModelError)
    assert "B2.pkl: the file holds the model of Пермь/KA/A1" in str(found[B])
    assert sk.load_model(swapped.root, str(A)).card.combination == str(A)
    with pytest.raises(ModelError, match="holds the model of Пермь/KA/A1"):
        sk.load_model(swapped.root, str(B))


def test_a_forecast_keeps_of_a_model_what_it_looks_at(tmp_path: Path) -> None:
    """The fitted weeks stay where a discount was learnt, whose measure they tell; cards share what is alike."""
    store = LocalStore(tmp_path / "models")
    depth = Regressor("promo_discount_perc", 0.1, 0.0, 1.0)
    weeks = '{"promo_discount_perc": [0.0, 1.0, 0.0]}'
    learnt = {A: stub_model(history=weeks), B: stub_model(history=weeks, regressors=(depth,))}
    for each, model in learnt.items():
        theirs = dumps([model], card(str(each)))
        store.save(each, theirs.payload, theirs.version, expected=None)
    found = load_models(store, [A, B], card().cutoff_date)
    one, other = (model_in(each, live) for each, live in store.load_many([A, B]).items())
    a, b = found[A], found[B]
    assert isinstance(a, StoredModel)
    assert isinstance(b, StoredModel)
    assert isinstance(one, StoredModel)
    assert a == replace(one, models=(replace(one.models[0], history="{}"),))
    assert b == other
    assert one.models[0].history != "{}"
    assert a.card.recipe is b.card.recipe


def test_models_are_read_some_at_a_time(swapped: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are not in memory all at once: whatever their number, each is a model, or says why not, in order."""
    monkeypatch.setattr("skucast.jobs.models.AT_ONCE", 2)
    wanted = [B, A, *(Combination("Пермь", "KA", f"C{number}") for number in range(4))]
    assert list(load_models(swapped, wanted, card().cutoff_date)) == wanted


@pytest.mark.parametrize(
    "history",
    [
        "[" * 5_000,
        "5",
        '{"ds": ["2026-11-15"], "y": [1.0, 2.0]}',
        '{"ds": ["2026-11-15"], "y": ["many"]}',
        '{"ds": ["2026-11-15"], "y": [1e300]}',
        '{"ds": ["9999-99-99"], "y": [1.0]}',
        '{"ds": [7], "y": [1.0]}',
        '{"y": [1.0]}',
        "{}",
    ],
)
def test_fitted_weeks_that_are_none_are_a_typed_error(history: str) -> None:
    """They are looked at when a Prophet is made of them, and not before: a forecast needs none."""
    model = stored(stub_model(history=history)).models[0]
    with pytest.raises(ModelError, match="its fitted weeks"):
        history_frame(model)


def test_a_prophet_of_a_holiday_on_no_day_is_a_typed_error() -> None:
    """The 30th of February, which the file's form allows."""
    history = '{"ds": ["2026-11-15", "2026-11-22"], "y": [40.0, 80.0]}'
    model = stub_model(carry_over=None, history=history, holidays=(Holiday("A", 0.1, "2026-02-30"),))
    with pytest.raises(ModelError, match="no day of the calendar"):
        _ = sk.to_prophet(stored(model)).prophet


def test_the_largest_discount_of_a_damaged_history_is_a_typed_error() -> None:
    """Asked for where a plan is many times as deep as what was learnt."""
    learnt = Regressor("promo_discount_perc", beta=0.2, mu=0.1, std=0.3)
    with pytest.raises(ModelError, match="its fitted weeks"):
        stub_model(regressors=(learnt,), history="[]]").largest("promo_discount_perc")


def test_a_pickle_to_convert_is_read_no_further_than_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte more than is read as a pickle is refused; a folder of that name is one too, in words."""
    monkeypatch.setattr(convert, "MOST_BYTES", 10)
    (tmp_path / "large").write_bytes(bytes(1000))
    assert len(convert._read(tmp_path / "large", 10)) == 11
    with pytest.raises(ModelError, match="cannot be read"):
        convert._read(tmp_path, 10)
