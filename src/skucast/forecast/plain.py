"""The stored form of what is learnt: a pickle of plain builtins, read without ever importing or running anything.

It is one dict: `format`, the `sha256` of the content, and the `content`, JSON.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import pickle
import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from skucast.core.errors import ModelError

FORMAT = 1

_DIGITS = 12
"""Digits of the content's digest in a version."""

_PLAIN_OPCODES = frozenset(
    name
    for names in (
        "PROTO FRAME STOP MARK MEMOIZE BINGET LONG_BINGET",
        "EMPTY_DICT SETITEM SETITEMS EMPTY_LIST APPEND APPENDS SHORT_BINUNICODE BINUNICODE",
        "NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT",
    )
    for name in names.split()
)
"""All that a pickle of dicts, lists, texts, numbers, flags and None is made of."""


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
    text = found.get("content") if isinstance(found, dict) else None
    if not isinstance(text, str) or _digest(text) != found.get("sha256"):
        raise ModelError("damaged, or not a model file; make it anew")
    return _digest(text)[:_DIGITS]


def written(content: Mapping[str, Any], cutoff: str) -> StoredPayload:
    """Return the bytes of a file of plain builtins, and their version.

    Raises:
        ModelError: a number is not finite, so that nobody could read the file.
    """
    try:
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise ModelError("the fit gave numbers that are not finite; check the sales of this combination") from None
    digest = _digest(text)
    payload = pickle.dumps({"format": FORMAT, "sha256": digest, "content": text}, protocol=5)
    return StoredPayload(payload, _version(cutoff, digest))


def read(payload: bytes, kind: type[C], *, most_bytes: int, again: str) -> Read[C]:
    """Return the content of a file; nothing in the bytes can run code.

    Args:
        payload: the bytes.
        kind: the dataclass that the JSON is of; its annotations validate it.
        most_bytes: larger files are refused.
        again: how such a file is made anew, as the errors say it.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    found = _read_plain(payload, most_bytes, again)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ModelError(f"not a model file of format {FORMAT}; {again}")
    try:
        digest = _digest(found["content"])
        if digest != found["sha256"]:
            raise ModelError(f"damaged: its checksum does not fit its content; {again}")
        content: C = _reader(kind).validate_json(found["content"])
        content.check()
        version = _version(str(content.cutoff), digest)
    except ValidationError as error:
        raise ModelError(f"incomplete or wrong content ({_first(error)}); {again}") from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"incomplete or wrong content ({error}); {again}") from None
    return Read(content, version)


@functools.cache
def _reader(kind: type[Any]) -> TypeAdapter[Any]:
    """The reader of such JSON, made by the dataclass's annotations on the first read: 35 ms that no other job pays."""
    return TypeAdapter(kind)


def _first(error: ValidationError) -> str:
    """The first of the mistakes, in one line: where it is and what is wrong."""
    mistake = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in mistake["loc"])
    return f"{where}: {mistake['msg']}" if where else mistake["msg"]


class _PlainUnpickler(pickle.Unpickler):
    """Reads builtins only; any global, and so any call, is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _read_plain(payload: bytes, most_bytes: int, again: str) -> Any:
    if not payload:
        raise ModelError(f"empty file; {again}")
    if len(payload) > most_bytes:
        raise ModelError(f"larger than {most_bytes // 2**20} MiB, not a model file")
    try:
        _check_opcodes(payload)
        return _PlainUnpickler(io.BytesIO(payload)).load()
    except pickle.UnpicklingError as error:
        raise ModelError(f"refused, a model file holds plain values only ({error}); {again}") from None
    except (EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError):
        raise ModelError(f"truncated or not a model file; {again}") from None


def _check_opcodes(payload: bytes) -> None:
    """Read over the pickle without running it: nothing but plain values, and no value twice but short texts.

    Else a few bytes could ask for endless memory: lists of twice the same list, a memo or a buffer of any size.
    """
    memo = []
    previous = ""
    for opcode, argument, _ in pickletools.genops(payload):
        if opcode.name not in _PLAIN_OPCODES:
            raise pickle.UnpicklingError(f"it uses {opcode.name}")
        if opcode.name == "MEMOIZE":
            memo.append(previous)
        elif opcode.name in {"BINGET", "LONG_BINGET"} and memo[int(argument or 0)] != "SHORT_BINUNICODE":
            raise pickle.UnpicklingError("it uses one value twice")
        previous = opcode.name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _version(cutoff: str, digest: str) -> str:
    return f"{cutoff}-{digest[:_DIGITS]}"
