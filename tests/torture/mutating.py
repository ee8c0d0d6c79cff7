"""How inputs are changed at random: bytes, values under a checksum that fits, the parts of a workbook."""

from __future__ import annotations

import io
import json
import pickle
import random
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from skucast.forecast.plain import written

Mutate = Callable[[random.Random, Sequence[bytes]], bytes]
"""Makes one input of those that are good."""

TOKENS = [
    *(each.encode() for each in ("\0", "\r", "\n", "\n\n", '"', '""', "'", ";", ",", "\t", "|", "*", "@", "=cmd|1")),
    *(each.encode() for each in ("[" * 300, "[", "{", "}", "]", "-", "--", "-1", "0", "1e308", "1e999", "NaN", "inf")),
    *(each.encode() for each in ("9" * 400, "2026-W01-1", "9999-12-31", "0001-01-01", "2026-13-45", "30.11.2026")),
    *(each.encode() for each in ("\ufeff", "\u202e", "\u0301", "\u0663", "Пермь", "🙂", "%", "ß", "İ", "/", "../..")),
    *(b"\xff", b"\xfe\xff", b"\xc3", b"\xed\xa0\x80", b"\x80\x05", b"PK\x03\x04", b"%s%s%n", b"\x1a", b"x" * 5000),
    *(b"<a>" * 200, b"&x;", b"<!DOCTYPE a [<!ENTITY x 'y'>]>", b"1" * 40, b"0.3", b"1,5", b" ", b"\xc2\xa0"),
]

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, 0.0, -0.0, 1e-320, 1e300, 1.7e308, -5, 0.5, "", "NaN", "\0"),
    *("2026-W01-1", "9999-12-31", "0001-01-01", "x" * 5000, [], {}, [[]], [0.0] * 3000, [None], {"a": 1}, "../../x"),
    *([1e300] * 5, ["2026-01-04"] * 4, "2026-01-04*99999", "[" * 500, "\ud800", -(10**30), 3.0, "3", "🙂"),
]


def of_bytes(chance: random.Random, good: Sequence[bytes]) -> bytes:
    """Return a good input with one to five changes of its bytes."""
    data = bytearray(chance.choice(good))
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(data) + 1)
        size = min(len(data) - place, int(chance.expovariate(1 / 12)))
        kind = chance.randrange(8)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1 and place < len(data):
            data[place] = chance.randrange(256)
        elif kind == 2:
            del data[place : place + size]
        elif kind == 3:
            data[place:place] = data[place : place + size] * chance.randint(1, 30)
        elif kind in (4, 5):
            data[place : place + (size if kind == 5 else 0)] = chance.choice(TOKENS)
        elif kind == 6 and chance.random() < 0.3:
            del data[place:]
        elif kind == 7:
            other = chance.choice(good)
            start = chance.randrange(len(other) + 1)
            data[place : place + size] = other[start : start + size + 8]
    return bytes(data)


def of_fields(chance: random.Random, good: Sequence[bytes]) -> bytes:
    """Return a good table as text with one to four of its cells, or lines, changed."""
    lines = [line.split(b",") for line in chance.choice(good).split(b"\n")]
    for _ in range(chance.randint(1, 4)):
        line = chance.choice(lines)
        kind = chance.randrange(6)
        if kind <= 2 and line:
            line[chance.randrange(len(line))] = chance.choice(TOKENS)
        elif kind == 3 and line:
            del line[chance.randrange(len(line))]
        elif kind == 4:
            lines.insert(chance.randrange(len(lines) + 1), list(chance.choice(lines)))
        elif line:
            chance.shuffle(line)
    return b"\n".join(b",".join(line) for line in lines)


def of_sealed(chance: random.Random, good: Sequence[bytes]) -> bytes:
    """Return a stored file with one to three of its values changed, and a checksum that fits them."""
    content = json.loads(pickle.loads(chance.choice(good))["content"])
    for _ in range(chance.randint(1, 3)):
        _change(chance, content)
    try:
        return written(content, "2026-11-22").payload
    except Exception:  # noqa: BLE001 - what cannot be written down is no file: other bytes instead
        return of_bytes(chance, good)


def _change(chance: random.Random, content: Any) -> None:
    """Change one value somewhere in nested lists and dicts."""
    place = content
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        inside = place[key]
        if isinstance(inside, dict | list) and inside and chance.random() < 0.85:
            place = inside
            continue
        kind = chance.randrange(6)
        if kind == 0:
            del place[key]
        elif kind == 1 and isinstance(place, dict):
            place[chance.choice(["x", "", "\0", str(key).upper()])] = chance.choice(VALUES)
        elif kind == 2 and isinstance(inside, list) and inside:
            place[key] = (inside * 50)[: 50 * 40]
        elif kind == 3 and isinstance(inside, int | float) and not isinstance(inside, bool):
            place[key] = inside * chance.choice([-1, 0, 10**6, 10**150, 3])
        else:
            place[key] = chance.choice(VALUES)
        return


def of_workbook(chance: random.Random, good: Sequence[bytes]) -> bytes:
    """Return a workbook with one of its parts changed, or its own bytes."""
    if chance.random() < 0.3:
        return of_bytes(chance, good)
    try:
        book = zipfile.ZipFile(io.BytesIO(chance.choice(good)))
    except zipfile.BadZipFile:
        return of_bytes(chance, good)
    changed = chance.choice(book.namelist())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for name in book.namelist():
            part = book.read(name)
            new.writestr(name, of_bytes(chance, [part]) if name == changed and part else part)
    return content.getvalue()


def any_of(*ways: Mutate) -> Mutate:
    """Return what changes an input in one of these ways."""
    return lambda chance, good: chance.choice(ways)(chance, good)
