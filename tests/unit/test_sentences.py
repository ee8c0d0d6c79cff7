"""Sentences with named places: English as a text, other languages when asked, and as they are stored."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import date

import pytest

from skucast.core.texts import Count, Number, Percent, Text, said, said_in, stored

DAY = date(2026, 11, 18)
SINCE = Text("{state}, since {day}", state=Text("New"), day=DAY)
AHEAD = Count("{n} week ahead", "{n} weeks ahead", 3)
OFF = Text("{share} interval", share=Percent(0.1234, 1))


def test_a_sentence_is_its_english_text() -> None:
    """Wherever a text is wanted a sentence is one, filled: counts with separators, ISO days, names as they are."""
    assert SINCE == "New, since 2026-11-18"
    assert AHEAD == "3 weeks ahead"
    assert Text("{n} of {names}", n=12_345, names=("a", "b")) == "12,345 of a, b"
    assert Text("{x} and {y}", x=Number(1234.56, 1), y=Percent(float("nan"))) == "1234.6 and ?"
    assert Text("{a}", a="{b}", b="c") == "{b}"


def test_a_sentence_in_russian() -> None:
    """Its own words, forms, separators and days; what is in its places is said in the same language."""
    assert SINCE.said_in("ru") == "Новое, с 18.11.2026"
    assert AHEAD.said_in("ru") == "за 3 недели"
    assert OFF.said_in("ru") == "интервал 12,3\u00a0%"
    assert said_in("ru", "no sentence of ours") == "no sentence of ours"


def test_no_language_is_english() -> None:
    """Where LOCALE is empty a file for planners is in English."""
    assert SINCE.said_in("") == SINCE


@pytest.mark.parametrize("text", [SINCE, AHEAD, OFF, Text("{names}", names=("x", Text("New")))])
def test_a_stored_sentence_says_the_same(text: Text) -> None:
    """JSON of a sentence gives it back, in every language; so do copies, also those of another process."""
    for language in ("en", "ru"):
        assert said(language, text.stored()) == text.said_in(language)
        assert pickle.loads(pickle.dumps(text)).said_in(language) == text.said_in(language)
        assert copy.deepcopy(text).said_in(language) == text.said_in(language)


def test_what_is_no_sentence_has_nothing_to_store() -> None:
    """Only sentences of ours are kept; a share that is not known is kept as such."""
    assert stored("words of somebody else") is None
    assert stored(None) is None
    assert json.loads(Text("{p}", p=Percent(float("inf"))).stored())["places"] == {"p": {"percent": None, "digits": 0}}
