"""What every model store promises, whatever is behind it."""

from __future__ import annotations

import pytest
from rigs import StoreRig

from skucast.backends.store.protocol import Live, ModelStore
from skucast.core.combination import Combination
from skucast.core.errors import ModelError, ModelNotFound, StoreConflict
from skucast.core.model_files import MAX_BYTES, SharedFile

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")
QUOTED = Combination('O\'Neil "North"', "A/B: 50%?", "_x.")
"""Every character that a path or an object name cannot hold as it is."""


def save(store: ModelStore, text: str, *, combination: Combination = ARTICLE, expected: str | None = None) -> str:
    """Save the text as the model of version `text`; return its generation."""
    return store.save(combination, text.encode(), text, expected=expected)


def test_an_empty_store_has_nothing(store: ModelStore) -> None:
    """Nothing is stored, no version is kept, and loading says so by name."""
    assert store.stored() == []
    assert store.versions(ARTICLE) == []
    with pytest.raises(ModelNotFound, match="Пермь/ON TRADE/ЦУП00009752"):
        store.load(ARTICLE)


@pytest.mark.parametrize("combination", [ARTICLE, QUOTED], ids=["readable", "unsafe"])
def test_what_is_saved_is_loaded(store: ModelStore, combination: Combination) -> None:
    """Any bytes come back as they were, with the generation that `save` returned."""
    payload = bytes(range(256)) * 300
    generation = store.save(combination, payload, "2026-11-22-abc", expected=None)
    assert store.load(combination) == Live(payload, generation)


def test_the_live_file_has_a_readable_path(rig: StoreRig) -> None:
    """Cyrillic and spaces stay in `Unit/Channel/SKU_ID.pkl`."""
    save(rig.store, "v1")
    assert rig.live_paths() == ["Пермь/ON TRADE/ЦУП00009752.pkl"]


def test_stored_lists_the_combinations_of_live_files(store: ModelStore) -> None:
    """Every combination once, sorted, whatever characters its name has and however many versions it has."""
    generation = save(store, "v1")
    save(store, "v2", expected=generation)
    save(store, "v1", combination=QUOTED)
    assert store.stored() == [QUOTED, ARTICLE]


def test_combinations_with_versions_are_listed_also_without_a_live_file(rig: StoreRig) -> None:
    """Each once; what all share is no combination, nor is a live file without a version."""
    save(rig.store, "v1")
    save(rig.store, "v2", expected=rig.store.load(ARTICLE).generation)
    save(rig.store, "v1", combination=QUOTED)
    rig.store.save(SharedFile("panel"), b"x", "v1", expected=None)
    assert rig.store.with_versions() == [QUOTED, ARTICLE]


def test_versions_are_deleted_while_the_live_file_is_the_one_that_was_read(store: ModelStore) -> None:
    """The others stay; one that is gone already is fine; after another's save none is deleted."""
    first = save(store, "v1")
    second = save(store, "v2", expected=first)
    third = save(store, "v3", expected=second)
    store.delete_versions(ARTICLE, ["v1", "never"], expected=third)
    assert store.versions(ARTICLE) == ["v2", "v3"]
    save(store, "v4", expected=third)
    with pytest.raises(StoreConflict, match="Пермь/ON TRADE/ЦУП00009752"):
        store.delete_versions(ARTICLE, ["v2"], expected=third)
    assert store.versions(ARTICLE) == ["v2", "v3", "v4"]


def test_what_all_share_lies_beside_them_and_is_no_combination(rig: StoreRig) -> None:
    """`_panel/panel.pkl`, larger than a model may be, with versions of its own; a unit of that name is another file."""
    shared, payload = SharedFile("panel"), b"x" * (MAX_BYTES + 10)
    generation = rig.store.save(shared, payload, "2026-11-22-abc", expected=None)
    unit = Combination("_panel", "KA", "A1")
    save(rig.store, "v1", combination=unit)
    assert rig.store.load(shared) == Live(payload, generation)
    assert rig.store.stored() == [unit]
    assert rig.store.versions(shared) == ["2026-11-22-abc"]
    assert rig.store.load_version(shared, "2026-11-22-abc") == payload
    with pytest.raises(ModelNotFound, match="_panel/blend"):
        rig.store.load(SharedFile("blend"))


def test_a_model_is_replaced_by_who_read_it(store: ModelStore) -> None:
    """With the generation that is live, the new file replaces the old one and has another generation."""
    first = save(store, "v1")
    second = save(store, "v2", expected=first)
    assert store.load(ARTICLE) == Live(b"v2", second)
    assert second != first


@pytest.mark.parametrize("read", ["nothing", "an older one"])
def test_a_model_replaced_meanwhile_stays(store: ModelStore, read: str) -> None:
    """Whoever read no model, or an older one, gets a conflict; the other's model stays live, the version is kept."""
    first = save(store, "v1")
    save(store, "theirs", expected=first)
    with pytest.raises(StoreConflict, match="Пермь/ON TRADE/ЦУП00009752"):
        save(store, "mine", expected=None if read == "nothing" else first)
    assert store.load(ARTICLE).payload == b"theirs"
    assert store.load_version(ARTICLE, "mine") == b"mine"


@pytest.mark.parametrize("read", ["nothing", "an older one", "another store's"])
def test_the_same_model_saved_by_two_is_no_conflict(store: ModelStore, read: str) -> None:
    """Two runs on the same sales train the same model: the second save is done, and returns what is live."""
    first = save(store, "v1")
    theirs = save(store, "v2", expected=first)
    expected = {"nothing": None, "an older one": first, "another store's": "a generation of long ago"}[read]
    assert save(store, "v2", expected=expected) == theirs
    assert store.load(ARTICLE) == Live(b"v2", theirs)


def test_a_model_removed_meanwhile_is_a_conflict(store: ModelStore) -> None:
    """A generation is expected where there is no file at all."""
    with pytest.raises(StoreConflict):
        save(store, "v1", expected="a generation of long ago")
    assert store.stored() == []


def test_versions_are_kept_in_the_order_they_were_saved(store: ModelStore) -> None:
    """Not in the order of their names; another combination's versions are its own."""
    first = save(store, "v9")
    second = save(store, "v1", expected=first)
    save(store, "v5", expected=second)
    save(store, "v7", combination=QUOTED)
    assert store.versions(ARTICLE) == ["v9", "v1", "v5"]
    assert [store.load_version(ARTICLE, version) for version in ("v9", "v1", "v5")] == [b"v9", b"v1", b"v5"]


def test_a_version_that_is_kept_leaves_the_live_file(store: ModelStore) -> None:
    """It can be read, also where nothing is live, and what is live can be replaced by who had read it."""
    store.keep(QUOTED, b"v0", "v0")
    assert store.stored() == []
    first = save(store, "v1")
    store.keep(ARTICLE, b"v2", "v2")
    assert (store.load(ARTICLE).payload, store.load_version(ARTICLE, "v2")) == (b"v1", b"v2")
    assert store.versions(ARTICLE) == ["v1", "v2"]
    save(store, "v3", expected=first)


def test_a_version_that_comes_back_is_no_new_one(store: ModelStore) -> None:
    """A rollback makes it live again; it keeps its place among the versions."""
    first = save(store, "v1")
    second = save(store, "v2", expected=first)
    save(store, "v1", expected=second)
    assert store.load(ARTICLE).payload == b"v1"
    assert store.versions(ARTICLE) == ["v1", "v2"]


@pytest.mark.parametrize("damaged", [b"", b"x1", b"longer than it was"], ids=["empty", "changed", "longer"])
def test_a_damaged_version_is_whole_again_when_it_is_saved_again(store: ModelStore, damaged: bytes) -> None:
    """Its name is its content's: what holds other bytes under it would be of no use to whoever goes back to it."""
    generation = store.save(ARTICLE, damaged, "v1", expected=None)
    assert store.load_version(ARTICLE, "v1") == damaged
    save(store, "v1", expected=generation)
    assert store.load_version(ARTICLE, "v1") == b"v1"
    assert store.versions(ARTICLE) == ["v1"]


def test_an_unknown_version_is_not_found(store: ModelStore) -> None:
    """Also when the combination has others."""
    save(store, "v1")
    with pytest.raises(ModelNotFound, match="v2"):
        store.load_version(ARTICLE, "v2")


def test_a_live_file_that_cannot_be_read_is_not_replaced(rig: StoreRig) -> None:
    """Whose it is cannot be told; the error is the combination's own, and the version is kept."""
    generation = save(rig.store, "v1")
    rig.make_unreadable(ARTICLE)
    with pytest.raises(ModelError):
        save(rig.store, "v2", expected=generation)
    assert rig.store.load_version(ARTICLE, "v2") == b"v2"


def test_loading_many_reports_each_on_its_own(rig: StoreRig) -> None:
    """A good one, one that is not there, and one that cannot be read: one answer each."""
    missing, unreadable = Combination("a", "b", "missing"), Combination("a", "b", "unreadable")
    generation = save(rig.store, "v1")
    save(rig.store, "v1", combination=unreadable)
    rig.make_unreadable(unreadable)

    found = rig.store.load_many([ARTICLE, missing, unreadable])

    assert list(found) == [ARTICLE, missing, unreadable]
    assert found[ARTICLE] == Live(b"v1", generation)
    assert isinstance(found[missing], ModelNotFound)
    assert isinstance(found[unreadable], ModelError)
    assert not isinstance(found[unreadable], ModelNotFound)


def test_a_file_of_any_size_is_read_no_further_than_shows_it(store: ModelStore) -> None:
    """40 MiB where 4 are read as a model: a byte too many, which readers refuse, and replaced by who read it."""
    store.save(ARTICLE, bytes(40 * 2**20), "v1", expected=None)
    found = store.load(ARTICLE)
    assert len(found.payload) == len(store.load_version(ARTICLE, "v1")) == MAX_BYTES + 1
    save(store, "v2", expected=found.generation)
    assert store.load(ARTICLE).payload == b"v2"
