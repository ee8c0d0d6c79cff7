"""Declarations of regressors: TOML by hand, read key by key; whatever does not fit is one clear line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from skucast.core.declared import CHANGE, FILE, NOTHING, OWN_KINDS, TABLE, USES, Regressor, Rule, Source, Unknown
from skucast.core.declared import SALES as FROM_SALES
from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES

TABLE_OF = "regressor"
"""What a declaration is headed by in the file: `[[regressor]]`."""

KEYS = ("name", "kind", "history", "ahead", "week", "unknown")
MOST_NAME = 40
_NAME = re.compile(r"[a-z][a-z0-9_]*")

_CHOICES: Mapping[str, tuple[str, ...]] = {"week": get_args(Rule), "unknown": get_args(Unknown)}


@dataclass(frozen=True)
class Form:
    """What declarations may say: the kinds there are, and names that mean something else.

    `is_ours`: whether values may come from the columns and tables that are there anyway.
    """

    kinds: tuple[str, ...] = OWN_KINDS
    taken: frozenset[str] = frozenset()
    is_ours: bool = False


def read_declarations(text: str, where: str, folder: Path, form: Form) -> tuple[Regressor, ...]:
    """Return the declarations of a TOML text; files that it names lie in the folder.

    Raises:
        InputError: it is no TOML, or a declaration does not fit; the first fault is named.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where}: no TOML: {error}") from None
    except RecursionError:
        raise InputError(f"{where}: no TOML that is meant: too many brackets in each other") from None
    for key in found:
        if key != TABLE_OF:
            raise InputError(f"{where}: {key!r}: expected [[{TABLE_OF}]], one for each{_meant(key, [TABLE_OF])}")
    tables = found.get(TABLE_OF, [])
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise InputError(f"{where}: expected [[{TABLE_OF}]] in two brackets, one for each")
    if not tables:
        raise InputError(f"{where}: no [[{TABLE_OF}]]; declare one, or leave REGRESSORS empty")
    declared: dict[str, Regressor] = {}
    for number, table in enumerate(tables, start=1):
        try:
            one = _regressor(table, folder, form)
            if one.name in declared:
                raise ValueError("is there twice; keep one")
        except ValueError as error:
            name = f" ({table['name']})" if isinstance(table.get("name"), str) else ""
            raise InputError(f"{where}: {TABLE_OF} {number}{name}: {error}") from None
        declared[one.name] = one
    return tuple(declared.values())


def _regressor(table: Mapping[str, Any], folder: Path, form: Form) -> Regressor:
    """The declaration of one table; ValueError says what does not fit."""
    for key, value in table.items():
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}; expected {', '.join(KEYS)}{_meant(key, KEYS)}")
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{key} {value!r}: expected a text in quotes")
    for key in ("name", "kind"):
        if key not in table:
            raise ValueError(f"{key} is missing")
    name, kind = _name(table["name"], form), _kind(table["kind"], form)
    chosen = {key: _one_of(key, table[key], allowed) for key, allowed in _CHOICES.items() if key in table}
    history = _source("history", table.get("history", f"{FROM_SALES}:{name}"), folder, form)
    ahead = _source("ahead", table["ahead"], folder, form) if "ahead" in table else _ahead_of(history)
    stands_in = {"unknown": "zero" if kind == "event" else "last"}
    return Regressor(name, kind, history, ahead, **{**stands_in, **chosen})  # type: ignore[arg-type]


def _name(name: str, form: Form) -> str:
    if not _NAME.fullmatch(name) or len(name) > MOST_NAME:
        raise ValueError(f"name {name!r}: expected up to {MOST_NAME} small letters, digits and _, a letter first")
    if name in form.taken:
        raise ValueError(f"name {name!r} means something else to the models; choose another")
    if name.endswith(CHANGE):
        raise ValueError(f"name {name!r}: {CHANGE} at its end is the change of a price; choose another")
    return name


def _kind(kind: str, form: Form) -> str:
    if kind in USES and kind not in form.kinds:
        raise ValueError(f"kind {kind!r} is built in; expected {', '.join(form.kinds)}")
    return _one_of("kind", kind, form.kinds)


def _one_of(key: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{key} {value!r}: expected {', '.join(allowed)}{_meant(value, allowed)}")
    return value


def _source(key: str, value: str, folder: Path, form: Form) -> Source:
    kind, _, name = (part.strip() for part in value.partition(":"))
    kinds = (FROM_SALES, TABLE, FILE) if key == "history" else (TABLE, FILE, NOTHING)
    if kind not in kinds:
        raise ValueError(f"{key} {value!r}: expected {', '.join(map(_SAID.get, kinds))}{_meant(kind, kinds)}")  # type: ignore[arg-type]
    if form.is_ours:
        return Source(kind, name)
    if (kind in (FROM_SALES, FILE)) != bool(name):
        raise ValueError(f"{key} {value!r}: expected {_SAID[kind]}")
    if kind == FROM_SALES and name.casefold() in {each.casefold() for each in SALES.column_names}:
        raise ValueError(f"{key} {value!r}: {name} is a column that the sales are made of; name another one")
    return Source(kind, str(folder / name) if kind == FILE else name)


_SAID = {FROM_SALES: "sales:COLUMN", TABLE: "table", FILE: "file:PATH", NOTHING: "none"}


def _ahead_of(history: Source) -> Source:
    """Where the weeks to come are looked up unless said otherwise: where a history of days is, else in the table."""
    return history if history.kind == FILE else Source(TABLE)


def _meant(name: str, known: Sequence[str]) -> str:
    closest = get_close_matches(name.casefold(), known, n=1)
    return f"; did you mean {closest[0]}?" if closest else ""
