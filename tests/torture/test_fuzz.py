"""The fuzz of every reader at a small size, and that it would notice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import fuzz
import pytest
from fuzz import fuzzed, mutated, read_one, shrunk
from mutating import of_bytes
from readers import Reader

from skucast.core.errors import InputError

HERE = Path(__file__).parent


def _reads(data: bytes) -> object:
    if b"\xff" in data:
        raise InputError("no text")
    return 1 / (len(data) - data.count(b"*"))


DIVIDES = Reader("divides", 1.0, [b"a*b*c"], of_bytes, _reads, InputError)
"""A reader with an error that is none of ours: it divides by zero where all is stars, or nothing is there."""


def test_what_is_no_error_of_ours_is_found_and_plays_again() -> None:
    """By its number; and the input made smaller is the smallest that does it: nothing at all."""
    found = fuzzed(DIVIDES, 1, range(3000))
    assert found.outcomes["untyped"] == found.outcomes["WRONG"] > 0
    assert found.outcomes["InputError"] > 0
    number = int(found.wrong[0].split()[3].rstrip(":"))
    data = mutated(DIVIDES, 1, number)
    assert read_one(DIVIDES, data)[1].startswith("ZeroDivisionError")
    assert shrunk(DIVIDES, data) == b""


def test_a_message_as_long_as_its_input_is_found() -> None:
    """Nobody reads 10,000 characters."""

    class Quotes(InputError):
        def __str__(self) -> str:
            return "x" * 10_000

    def quotes(data: bytes) -> object:
        raise Quotes

    assert fuzzed(replace(DIVIDES, read=quotes), 1, range(1)).outcomes["WRONG"] == 1


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a process takes")
def test_what_a_reading_takes_and_what_it_keeps_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The making of the input is neither: it may be as large as it likes."""
    kept: list[bytes] = []

    def takes(data: bytes) -> object:
        return len(b"x" * 60_000_000)

    def keeps(data: bytes) -> object:
        return kept.append(b"x" * 6_000_000)

    def large(chance: random.Random, good: Sequence[bytes]) -> bytes:
        return (b"x" * 60_000_000)[:5]

    monkeypatch.setattr(fuzz, "MOST_MB", 40)
    monkeypatch.setattr(fuzz, "MOST_KEPT_MB", 40)
    plain = replace(DIVIDES, read=len)
    assert fuzzed(replace(plain, mutate=large), 1, range(3)).wrong == []
    assert "for 5 bytes" in fuzzed(replace(plain, mutate=large, read=takes), 1, range(1)).wrong[0]
    assert "has kept" in fuzzed(replace(plain, mutate=large, read=keeps), 1, range(10)).wrong[-1]


@pytest.mark.slow
def test_every_reader_reads_or_says_why_not() -> None:
    """Models, panel, plans, sales, targets, settings, events, locations: 3,000 mutations, our errors only."""
    command = [sys.executable, str(HERE / "fuzz.py"), "--mutations", "3000"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "mutations of seed 1, 0 wrong" in done.stdout
