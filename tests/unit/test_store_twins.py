"""Names that differ in case alone on a disk that takes them for the same: kept apart, or refused, never mixed up."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from skucast.backends.store import local, twins
from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.errors import ModelError, ModelNotFound

ONE = Combination("Пермь", "KA", "A1")
TWINS = [
    Combination("Пермь", "KA", "a1"),
    Combination("Пермь", "Ka", "A1"),
    Combination("ПЕРМЬ", "KA", "A1"),
]


@pytest.fixture
def folding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every disk take for the same what differs in case alone."""
    monkeypatch.setattr(twins, "takes_for_same", lambda _: True)


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.usefixtures("folding")
def test_a_model_never_takes_the_place_of_another_one_s(twin: Combination, tmp_path: Path) -> None:
    """It is refused with one line before anything of it is written, whichever part of the name is alike."""
    store = LocalStore(tmp_path)
    generation = store.save(ONE, b"one", "2026-11-22-1", expected=None)
    for write in (
        lambda: store.save(twin, b"other", "2026-11-22-2", expected=None),
        lambda: store.save(twin, b"other", "2026-11-22-1", expected=generation),
        lambda: store.keep(twin, b"other", "2026-11-22-2"),
    ):
        with pytest.raises(ModelError, match=r"this disk takes .* for it, a name that differs in case alone") as caught:
            write()
        assert len(str(caught.value).splitlines()) == 1
    assert store.load(ONE).payload == b"one"
    assert store.versions(ONE) == ["2026-11-22-1"]
    assert store.stored() == [ONE]
    assert store.save(ONE, b"new", "2026-11-22-3", expected=generation)


@pytest.mark.usefixtures("folding")
def test_a_letter_may_be_composed_in_two_ways(tmp_path: Path) -> None:
    """A disk that keeps names in the other form gives them back so: no folder is made beside it."""
    (tmp_path / unicodedata.normalize("NFD", "Йошкар")).mkdir()
    with pytest.raises(ModelError, match="how its letters are composed"):
        LocalStore(tmp_path).save(Combination("Йошкар", "KA", "A1"), b"x", "2026-11-22-1", expected=None)


@pytest.mark.parametrize("twin", TWINS)
def test_another_one_s_model_is_not_read(twin: Combination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the disk gives under this name is none of this combination: it has no model, and no versions."""
    store = LocalStore(tmp_path)
    store.save(ONE, b"one", "2026-11-22-1", expected=None)
    of_one = {twin.path: ONE.path, f"_versions/{twin.path[:-4]}": f"_versions/{ONE.path[:-4]}"}
    for name, other in of_one.items():  # as such a disk would: the twin's path leads to the file of the other
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tmp_path / other)
    assert store.load(twin).payload == b"one"  # it would be taken for its own
    monkeypatch.setattr(twins, "takes_for_same", lambda _: True)
    real = twins._names_in
    ours = {*ONE.path.split("/"), *ONE.parts}
    monkeypatch.setattr(
        twins,
        "_names_in",
        lambda folder: {
            name for name in real(folder) if name in ours or name not in {*twin.path.split("/"), *twin.parts}
        },
    )
    with pytest.raises(ModelNotFound, match=r"no model of .*this disk takes"):
        store.load(twin)
    with pytest.raises(ModelNotFound, match="this disk takes"):
        store.load_version(twin, "2026-11-22-1")
    assert store.versions(twin) == []
    assert isinstance(store.load_many([ONE, twin])[twin], ModelNotFound)
    assert store.load(ONE).payload == b"one"


def test_on_a_disk_that_tells_case_apart_both_are_kept(tmp_path: Path) -> None:
    """As before: nothing is looked for there."""
    if twins.takes_for_same(tmp_path):
        pytest.skip("this disk takes names that differ in case alone for the same")
    store = LocalStore(tmp_path)
    for each in (ONE, *TWINS):
        store.save(each, str(each).encode(), "2026-11-22-1", expected=None)
    assert [store.load(each).payload.decode() for each in TWINS] == list(map(str, TWINS))
    assert local.LocalStore(tmp_path).stored() == sorted([ONE, *TWINS])
