"""The stored form of what is learnt: a pickle of plain builtins, read without ever importing or running anything.

It is one dict: `format`, the `sha256` of the content, and the `content`, JSON.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pickletools import genops
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from skucast.core.errors import ModelError

FORMAT = 1

_DIGITS = 12
"""Digits of the content's digest in a version."""

_TEXTS = frozenset({"SHORT_BINUNICODE", "BINUNICODE"})
_NUMBERS = frozenset({"BININT", "BININT1", "BININT2", "LONG1"})
_SILENT = frozenset({"PROTO", "FRAME", "MEMOIZE"})
"""Opcodes that put nothing into the value."""

_OTHERS = frozenset(
    name
    for names in (
        "EMPTY_DICT MARK SETITEM SETITEMS STOP BINGET LONG_BINGET",
        "EMPTY_LIST APPEND APPENDS NONE NEWTRUE NEWFALSE BINFLOAT",
    )
    for name in names.split()
)
"""Opcodes of plain values of any shape; a file of ours is one flat dict."""

_PLAIN = _TEXTS | _NUMBERS | _SILENT | _OTHERS

_MOST_OPCODES = 64
"""Opcodes that are looked at: a file of ours has some twenty."""

_MOST_SAID = 300
"""Characters that an error says of what is wrong."""


@dataclass(frozen=True)
class Limits:
    """How much of a file is read: bytes, lists and dicts in its content, values in these.

    An empty list of two characters takes a hundred times its size while it is read.
    """

    n_bytes: int
    n_lists: int
    n_values: int


class Content(Protocol):
    """The content of a file, as its reader gives it: of the right types, not yet checked."""

    @property
    def cutoff(self) -> date:
        """The last week that it was learnt from."""

    def check(self) -> None:
        """Refuse parts that do not fit each other.

        Raises:
            ValueError: says which.
        """


C = TypeVar("C", bound=Content)


@dataclass(frozen=True)
class StoredPayload:
    """Bytes of a file and the version they are: `CUTOFF-DIGEST`; equal content has an equal version."""

    payload: bytes
    version: str


@dataclass(frozen=True)
class Read(Generic[C]):
    """The content of a file, checked, and its version."""

    content: C
    version: str


def digest_of(payload: bytes, most_bytes: int) -> str:
    """Return what the version of a whole file ends with, whatever it holds.

    Raises:
        ModelError: it is damaged, or no file of this form.
    """
    found = _read_plain(payload, most_bytes, "make it anew")
    digest = _digest(found.get("content"))
    if digest is None or digest != found.get("sha256"):
        raise ModelError("damaged, or not a model file; make it anew")
    return digest[:_DIGITS]


def written(content: Mapping[str, Any], cutoff: str, checked: Content | None = None) -> StoredPayload:
    """Return the bytes of a file of plain builtins, and their version; `checked` is what a reader will find in it.

    Raises:
        ModelError: a number is not finite, or a part is such that nobody would read the file.
    """
    try:
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise ModelError("the fit gave numbers that are not finite; check the sales of this combination") from None
    try:
        if checked is not None:
            checked.check()
        digest = hashlib.sha256(text.encode()).hexdigest()
    except _WRONG as error:
        raise ModelError(f"nobody would read what was made: {_short(error)}; check the sales behind it") from None
    payload = pickle.dumps({"format": FORMAT, "sha256": digest, "content": text}, protocol=5)
    return StoredPayload(payload, _version(cutoff, digest))


def read(payload: bytes, kind: type[C], *, limits: Limits, again: str) -> Read[C]:
    """Return the content of a file; nothing in the bytes can run code.

    Args:
        payload: the bytes.
        kind: the dataclass that the JSON is of; its annotations validate it.
        limits: larger files are refused before anything is made of them.
        again: how such a file is made anew, as the errors say it.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    found = _read_plain(payload, limits.n_bytes, again)
    if found.get("format") != FORMAT:
        raise ModelError(f"not a model file of format {FORMAT}; {again}")
    text = found.get("content")
    digest = _digest(text)
    if digest is None or digest != found.get("sha256"):
        raise ModelError(f"damaged: its checksum does not fit its content; {again}")
    try:
        _check_size(str(text), limits)
        content: C = _reader(kind).validate_json(str(text))
        content.check()
        version = _version(str(content.cutoff), digest)
    except ValidationError as error:
        raise ModelError(f"incomplete or wrong content ({_short(_first(error))}); {again}") from None
    except _WRONG as error:
        raise ModelError(f"incomplete or wrong content ({_short(error)}); {again}") from None
    return Read(content, version)


_WRONG = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What parts of a wrong kind, size or range make of whoever looks at them."""


def _check_size(text: str, limits: Limits) -> None:
    """Refuse a content of more lists or values than a file of its kind has, counted without making any.

    Raises:
        ValueError: it has.
    """
    if text.count("[") + text.count("{") > limits.n_lists or text.count(",") > limits.n_values:
        raise ValueError(f"more than {limits.n_lists:,} lists, or {limits.n_values:,} values")


@functools.cache
def _reader(kind: type[Any]) -> TypeAdapter[Any]:
    """The reader of such JSON, made by the dataclass's annotations on the first read: 35 ms that no other job pays."""
    return TypeAdapter(kind)


def _first(error: ValidationError) -> str:
    """The first of the mistakes, in one line: where it is and what is wrong."""
    mistake = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in mistake["loc"])
    return f"{where}: {mistake['msg']}" if where else mistake["msg"]


def _short(error: object) -> str:
    """What is wrong, in one line: names in a file may be of any length."""
    text = " ".join(str(error)[: 10 * _MOST_SAID].split())
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return shown if len(shown) <= _MOST_SAID else f"{shown[:_MOST_SAID]}..."


def _read_plain(payload: bytes, most_bytes: int, again: str) -> dict[str, Any]:
    """The flat dict of texts and whole numbers that a file is.

    Raises:
        ModelError: it is none.
    """
    if not payload:
        raise ModelError(f"empty file; {again}")
    if len(payload) > most_bytes:
        raise ModelError(f"larger than {most_bytes // 2**20} MiB, not a model file; {again}")
    try:
        return _flat_dict(payload)
    except pickle.UnpicklingError as error:
        raise ModelError(f"refused, a model file holds plain values only ({_short(error)}); {again}") from None
    except (EOFError, StopIteration, *_WRONG):
        raise ModelError(f"truncated or not a model file; {again}") from None


def _flat_dict(payload: bytes) -> dict[str, Any]:
    """The dict that the pickle writes down, by its opcodes: it is never run, so that nothing in it is ever made.

    Lists in lists, a memo of any size, keys that all collide: of such files a few opcodes are looked at.

    Raises:
        ValueError: it is no flat dict of texts and whole numbers.
        UnpicklingError: it would import, call or make anything else.
    """
    shape, values = [], []
    for name, argument in _opcodes(payload):
        if name in _TEXTS or name in _NUMBERS:
            values.append(argument)
        elif name not in _SILENT:
            shape.append(name)
    keys = values[::2]
    if shape != ["EMPTY_DICT", "MARK", "SETITEMS", "STOP"] or not all(isinstance(key, str) for key in keys):
        raise ValueError("no flat dict")
    return dict(zip(keys, values[1::2], strict=True))


def _opcodes(payload: bytes) -> Iterator[tuple[str, Any]]:
    for n, (opcode, argument, _) in enumerate(genops(io.BytesIO(payload))):
        if opcode.name not in _PLAIN:
            raise pickle.UnpicklingError(f"it uses {opcode.name}")
        if n == _MOST_OPCODES:
            raise ValueError("more than a model file has")
        yield opcode.name, argument


def _digest(text: object) -> str | None:
    """The digest of a text; None of what is none, or of one that cannot be written down."""
    try:
        return hashlib.sha256(text.encode()).hexdigest() if isinstance(text, str) else None
    except UnicodeEncodeError:
        return None


def _version(cutoff: str, digest: str) -> str:
    return f"{cutoff}-{digest[:_DIGITS]}"
