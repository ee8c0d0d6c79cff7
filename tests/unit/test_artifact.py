"""The stored form: what goes in comes out, and nothing in a file can run, hang or crash what reads it."""

from __future__ import annotations

import contextlib
import copyreg
import dataclasses
import hashlib
import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from models import coming
from stubs import card, stub_model

from skucast.core.errors import ModelError
from skucast.forecast import artifact, plain
from skucast.forecast.artifact import dumps, loads
from skucast.forecast.prophet.model import Holiday
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.spec import ModelSpec

MODEL = dataclasses.replace(
    stub_model(),
    yearly=(0.1, -0.2),
    holidays=(
        Holiday("День Победы", 0.3, "2026-05-10 2027-05-09"),
        Holiday("Новый год", -0.2, "2026-01-04*4 2026-01-11*4"),
    ),
    delta=(0.1, -0.05),
    changepoints=(0.25, 0.5),
)
FILE = dumps([MODEL], card()).payload
PLAIN = pickle.loads(FILE)
CONTENT = json.loads(PLAIN["content"])

PLANTED = b"planted"
"""A file that hostile pickles would make in the working folder, which is each test's own."""


def refused(payload: bytes, reason: str | None = None) -> None:
    """Check that the bytes are refused with one clear line, and that nothing was planted."""
    with pytest.raises(ModelError, match=reason) as caught:
        loads(payload)
    line = str(caught.value)
    assert line
    assert "\n" not in line
    assert not Path(PLANTED.decode()).exists()


def sealed(change: Callable[[dict[str, Any]], object], format_number: int = plain.FORMAT) -> bytes:
    """Return a model file with changed content and a checksum that fits it."""
    content = json.loads(PLAIN["content"])
    change(content)
    return wrapped(json.dumps(content, sort_keys=True, ensure_ascii=False), format_number)


def wrapped(text: str, format_number: int = plain.FORMAT) -> bytes:
    """Return a model file with this text as its content."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return pickle.dumps({"format": format_number, "sha256": digest, "content": text}, protocol=5)


# --- What goes in comes out -----------------------------------------------------------------------------------------


def test_model_and_card_come_back_equal() -> None:
    """Numbers to the last bit, tuples as tuples, Cyrillic names; the version is cutoff and content."""
    stored = loads(FILE)
    assert stored.models == (MODEL,)
    assert stored.card == card()
    assert stored.version == dumps([MODEL], card()).version
    assert stored.version.startswith("2026-11-22-")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_nobody_could_read_are_not_written(value: float) -> None:
    """A fit that gave no number is a failure of its combination; the live model stays."""
    with pytest.raises(ModelError, match="not finite"):
        dumps([dataclasses.replace(MODEL, k=value)], card())


def test_equal_models_have_equal_files() -> None:
    """Saved again or loaded and saved, the bytes and the version are the same; another number makes another version."""
    again = loads(FILE)
    assert dumps(again.models, again.card).payload == FILE
    other = dumps([dataclasses.replace(MODEL, k=0.001)], card())
    assert other.version != again.version


@pytest.mark.parametrize("read", [joblib.load, lambda path: pickle.loads(path.read_bytes())], ids=["joblib", "pickle"])
def test_the_file_is_a_pickle_of_plain_values(tmp_path: Path, read: Callable[[Path], dict[str, Any]]) -> None:
    """Anybody can read it with joblib or pickle, and finds a number, a checksum and JSON."""
    path = tmp_path / "model.pkl"
    path.write_bytes(FILE)
    found = read(path)
    assert {name: type(value) for name, value in found.items()} == {"format": int, "sha256": str, "content": str}
    assert found["format"] == 1
    assert json.loads(found["content"])["models"][0]["holidays"][0]["name"] == "День Победы"


def test_the_helper_of_these_tests_makes_good_files() -> None:
    """With nothing changed, `sealed` makes a file that loads."""
    assert loads(sealed(lambda content: None)).models == (MODEL,)


def test_a_file_from_before_there_were_shares_forecasts_as_it_did() -> None:
    """Its holidays are labels alone, its recipe knows no calendar of events: 30 more in the week of 29 November."""
    weeks = {"name": "Fair", "beta": 0.3, "weeks": "2025-11-30 2026-11-29"}
    recipe = {"holiday_country": "RU"}
    old = loads(
        sealed(lambda content: (set_model("holidays", [weeks])(content), content["card"].update(recipe=recipe)))
    )
    assert old.models[0].holidays[0].shares == {"2025-11-30": 1.0, "2026-11-29": 1.0}
    rows = roll_forward(old.models[0], coming(2), 100.0, seed=1, n_paths=0)
    assert rows["holidays"].tolist() == pytest.approx([0.3 * MODEL.y_scale, 0.0])


# --- Damaged files --------------------------------------------------------------------------------------------------


def test_an_empty_file_is_refused() -> None:
    """By that name."""
    refused(b"", "empty file")


def test_every_truncated_file_is_refused() -> None:
    """Every length up to 300 bytes, then every 7th, and the file without its last byte."""
    for length in [*range(1, 300), *range(300, len(FILE), 7), len(FILE) - 1]:
        refused(FILE[:length])


def test_a_flipped_bit_is_noticed() -> None:
    """2000 single flips, anywhere: refused, or (in a byte that means nothing) the same model."""
    choose = random.Random(7)
    for _ in range(2000):
        damaged = bytearray(FILE)
        damaged[choose.randrange(len(FILE))] ^= 1 << choose.randrange(8)
        with contextlib.suppress(ModelError):
            assert loads(bytes(damaged)).models == (MODEL,)


@pytest.mark.parametrize("payload", [b"PK\x03\x04" + bytes(99), b"\x80\x05", b"{}", "не модель".encode(), bytes(1000)])
def test_another_kind_of_file_is_refused(payload: bytes) -> None:
    """A zip, a pickle that stops at once, JSON, text, zeros."""
    refused(payload)


def test_a_huge_file_is_refused_unread() -> None:
    """Nothing of it is unpickled."""
    refused(FILE + bytes(artifact.MAX_BYTES), "larger than")


@pytest.mark.parametrize(
    "content", [None, 1, "text", [], {}, {"format": 1}, {"format": 1, "sha256": "0", "model": {}, "card": {}}]
)
def test_plain_values_that_are_no_model_are_refused(content: object) -> None:
    """Readable, but not a model file."""
    refused(pickle.dumps(content))


def test_another_format_is_named() -> None:
    """A file of a later program says which format was expected."""
    refused(sealed(lambda content: None, format_number=2), r"format 1; retrain")


def test_a_changed_number_does_not_fit_its_checksum() -> None:
    """Content changed by hand is refused, however well-formed."""
    refused(pickle.dumps(PLAIN | {"content": json.dumps(CONTENT | {"models": []})}), "checksum")


def set_model(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """Return a change of one part of the model."""
    return lambda content: content["models"][0].update({name: value})


WRONG = {
    "infinite": set_model("k", float("inf")),
    "nan inside": set_model("delta", [0.1, float("nan")]),
    "text for a number": set_model("m", "1.0"),
    "null for a number": set_model("y_max", None),
    "flag for a number": set_model("k", True),
    "fraction for a count": set_model("n_weeks", 1.5),
    "number for a text": set_model("history", 3),
    "text for a list": set_model("changepoints", "ab"),
    "text in a season": set_model("yearly", [0.1, "additive"]),
    "half a pair in a season": set_model("yearly", [0.1, 0.2, 0.3]),
    "a holiday's week is no date": set_model("holidays", [{"name": "A", "beta": 0.1, "weeks": "2026-05-10 soon"}]),
    "a holiday of eight days in a week": set_model("holidays", [{"name": "A", "beta": 0.1, "weeks": "2026-05-10*8"}]),
    "unknown mode": set_model("spec", ModelSpec().as_dict() | {"seasonality_mode": "logistic"}),
    "unknown target": set_model("spec", ModelSpec().as_dict() | {"target": "sqrt"}),
    "no models": lambda content: content.update(models=[]),
    "spec of another kind": set_model("spec", 5),
    "no scale": set_model("y_scale", 0.0),
    "one change too many": set_model("delta", [0.1]),
    "start is no date": set_model("start", "yesterday"),
    "unknown part": set_model("extra", 1),
    "missing part": lambda content: content["models"][0].pop("sigma_obs"),
    "card of another kind": lambda content: content.update(card=[]),
    "card without a cutoff": lambda content: content["card"].pop("cutoff"),
    "cutoff is no date": lambda content: content["card"].update(cutoff="2026-02-29"),
    "cutoff is a number": lambda content: content["card"].update(cutoff=20261122),
    "settings are no list": lambda content: content["card"].update(hyperparameters="none"),
}


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"models": [], "card": NaN}', "[" * 100_000, '{"card": {}}'])
def test_content_that_is_no_model_is_refused(text: str) -> None:
    """No JSON, another kind of JSON, or endless brackets, with a checksum that fits."""
    refused(wrapped(text), "retrain")


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_wrong_content_with_a_fitting_checksum_is_refused(change: Callable[[dict[str, Any]], object]) -> None:
    """Types, numbers and dates are checked: a model that loads can forecast."""
    refused(sealed(change), "retrain")


# --- Hostile files --------------------------------------------------------------------------------------------------


class Plants:
    """Unpickled by anything that follows globals, it makes the planted file."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, (f"touch {PLANTED.decode()}",))


COMMAND = b"touch " + PLANTED
HOSTILE = {
    **{f"REDUCE, protocol {number}": pickle.dumps(Plants(), protocol=number) for number in range(6)},
    "REDUCE inside a model": pickle.dumps(PLAIN | {"model": Plants()}),
    "GLOBAL": b"cos\nsystem\n(S'" + COMMAND + b"'\ntR.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(COMMAND)]) + COMMAND + b"\x85R.",
    "INST": b"(S'" + COMMAND + b"'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'" + COMMAND + b"'\no.",
    "NEWOBJ": b"\x80\x02cposix\nsystem\n\x8c" + bytes([len(COMMAND)]) + COMMAND + b"\x85\x81.",
    "BUILD": b"\x80\x02cbuiltins\nobject\n)\x81}X\x04\x00\x00\x00evilcos\nsystem\nsb.",
    "PERSID": b"Psomebody's\n.",
    "EXT1": b"\x80\x02\x82\xf0(S'" + COMMAND + b"'\ntR.",
    "numpy": pickle.dumps(np.arange(3)),
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_pickle_runs_nothing(payload: bytes) -> None:
    """Whatever opcode names code, it is refused before anything is looked up, and nothing is planted."""
    copyreg.add_extension("os", "system", 0xF0)
    try:
        refused(payload, "refused, a model file holds plain values only")
    finally:
        copyreg.remove_extension("os", "system", 0xF0)


def test_these_pickles_are_hostile() -> None:
    """With the ordinary reader the planted file appears: the tests above test something."""
    for name in ("REDUCE, protocol 5", "GLOBAL", "STACK_GLOBAL", "INST", "OBJ"):
        pickle.loads(HOSTILE[name])
        Path(PLANTED.decode()).unlink()


def test_a_joblib_file_of_an_object_is_refused(tmp_path: Path) -> None:
    """What older programs stored: an array or a model as such, compressed or not."""
    for compress in (0, 3):
        path = tmp_path / "model.pkl"
        joblib.dump({"model": np.arange(3)}, path, compress=compress)
        refused(path.read_bytes())


def bomb(leaf: bytes) -> bytes:
    """Return a list of two references to a list of two references ... 40 deep: 2 ** 40 leaves in 300 bytes."""
    layers = b"".join(b"](h" + bytes([n]) + b"h" + bytes([n]) + b"e\x94" for n in range(40))
    return b"\x80\x05" + leaf + b"\x94" + layers + b"."


EXHAUSTING = {
    "doubling lists": bomb(b"]"),
    "doubling texts": bomb(b"\x8c\x01x"),
    "nested too deep": b"\x80\x05" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a list in itself": b"\x80\x05]\x94h\x00a.",
    "memo number 2 ** 27": b"\x80\x05}r\xff\xff\xff\x07.",
    "a buffer of 2 ** 40 bytes": b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".",
    "a text of 2 ** 40 bytes": b"\x80\x05\x8d" + (2**40).to_bytes(8, "little") + b".",
    "a frame of 2 ** 40 bytes": b"\x80\x05\x95" + (2**40).to_bytes(8, "little") + b".",
}


@pytest.mark.slow
@pytest.mark.parametrize("payload", EXHAUSTING.values(), ids=EXHAUSTING)
@pytest.mark.parametrize("wrap", [False, True], ids=["alone", "as a model"])
def test_a_small_file_cannot_exhaust_the_machine(payload: bytes, wrap: bool) -> None:
    """A few bytes that ask for endless memory are refused at once."""
    if wrap:
        head = pickle.dumps({"format": 1, "sha256": "0", "card": {}}, protocol=2)[:-1]
        payload = head + b"X\x05\x00\x00\x00model" + payload[2:-1] + b"s."
    refused(payload)
