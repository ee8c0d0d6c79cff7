"""The stored form of a model: a pickle of plain builtins, read without ever importing or running anything.

It is one dict: `format`, the `sha256` of the content, and the `content`, JSON of the models and their card.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import pickle
import pickletools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, NoReturn

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from skucast.core.errors import ModelError
from skucast.core.model_files import MAX_BYTES
from skucast.forecast.prophet.model import FittedModel

FORMAT = 1

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


@dataclass(frozen=True)
class ModelCard:
    """What a stored model is: trained on what, how, and how well it did when it could not see the answers.

    `hyperparameters` are those of each model whose forecasts are averaged, best first; `recipe` what training was asked
    for. `backtest` holds WAPE (ratio) by step as text, `pooled`, and the baseline's on the same weeks; `tuning` how the
    settings were chosen, empty without. `is_converged` is False where a final fit met a bound on its steps.
    """

    combination: str
    cutoff: str
    first_week: str
    n_weeks: int
    recipe: dict[str, Any]
    hyperparameters: list[dict[str, Any]]
    dropped_regressors: list[str]
    is_converged: bool
    backtest: dict[str, Any]
    tuning: dict[str, Any]
    versions: dict[str, str]

    @property
    def cutoff_date(self) -> date:
        """The last week the model was trained on."""
        return date.fromisoformat(self.cutoff)


@dataclass(frozen=True)
class StoredModel:
    """The models whose forecasts are averaged (mostly one), their card, and their version.

    A version is `CUTOFF-DIGEST`: equal content has an equal version.
    """

    models: tuple[FittedModel, ...]
    card: ModelCard
    version: str


def dumps(models: Sequence[FittedModel], card: ModelCard) -> StoredPayload:
    """Return the bytes of the model file and their version.

    Raises:
        ModelError: a number is not finite, so that nobody could read the file.
    """
    content = {"models": [model.as_dict() for model in models], "card": dict(vars(card))}
    try:
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise ModelError("the fit gave numbers that are not finite; check the sales of this combination") from None
    digest = _digest(text)
    payload = pickle.dumps({"format": FORMAT, "sha256": digest, "content": text}, protocol=5)
    return StoredPayload(payload, _version(card.cutoff, digest))


@dataclass(frozen=True)
class StoredPayload:
    """Bytes of a model file and the version they are."""

    payload: bytes
    version: str


def loads(payload: bytes) -> StoredModel:
    """Return the stored model; nothing in the bytes can run code.

    Raises:
        ModelError: empty, truncated, hostile, damaged or of another format; says which.
    """
    found = _read_plain(payload)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ModelError(f"not a model file of format {FORMAT}; retrain this combination")
    try:
        digest = _digest(found["content"])
        if digest != found["sha256"]:
            raise ModelError("damaged: its checksum does not fit its content; retrain or roll back this combination")
        content = _reader().validate_json(found["content"])
        for model in content.models:
            model.check()
        version = _version(str(content.card.cutoff_date), digest)
    except ValidationError as error:
        raise ModelError(f"incomplete or wrong content ({_first(error)}); retrain this combination") from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"incomplete or wrong content ({error}); retrain this combination") from None
    return StoredModel(content.models, content.card, version)


@dataclass(frozen=True)
class _Content:
    """The JSON of a model file; parts that are missing, unknown, of another type or not finite are refused."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    models: Annotated[tuple[FittedModel, ...], Field(min_length=1)]
    card: ModelCard


@functools.cache
def _reader() -> TypeAdapter[_Content]:
    """The reader of such JSON, made by the dataclasses' annotations on the first read: 35 ms that no other job pays."""
    return TypeAdapter(_Content)


def _first(error: ValidationError) -> str:
    """The first of the mistakes, in one line: where it is and what is wrong."""
    mistake = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in mistake["loc"])
    return f"{where}: {mistake['msg']}" if where else mistake["msg"]


class _PlainUnpickler(pickle.Unpickler):
    """Reads builtins only; any global, and so any call, is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _read_plain(payload: bytes) -> Any:
    if not payload:
        raise ModelError("empty file; retrain this combination")
    if len(payload) > MAX_BYTES:
        raise ModelError(f"larger than {MAX_BYTES // 2**20} MiB, not a model file")
    try:
        _check_opcodes(payload)
        return _PlainUnpickler(io.BytesIO(payload)).load()
    except pickle.UnpicklingError as error:
        raise ModelError(f"refused, a model file holds plain values only ({error}); retrain this combination") from None
    except (EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, MemoryError):
        raise ModelError("truncated or not a model file; retrain this combination") from None


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
    return f"{cutoff}-{digest[:12]}"
