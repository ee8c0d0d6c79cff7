"""Targets: names, patterns, words and files name exactly what was meant, or are refused in one line."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.targets import file_of, parse_targets, resolve_targets, word_of

PERM = Combination("Пермь", "ON TRADE", "ЦУП00009752")
PERM_KA = Combination("Пермь", "KA", "ЦУП00009752")
KAZAN = Combination("Казань", "KA", "ЦУП00009753")
KNOWN = [PERM, PERM_KA, KAZAN]


@pytest.mark.parametrize(
    "text",
    [
        "Пермь/KA/ЦУП00009752;Казань/KA/ЦУП00009753",
        "Пермь/KA/ЦУП00009752, Казань/KA/ЦУП00009753",
        "Пермь/KA/ЦУП00009752\nКазань/KA/ЦУП00009753",
        "\r\n Пермь/KA/ЦУП00009752\r\n\r\nКазань/KA/ЦУП00009753 ;,",
        '["Пермь/KA/ЦУП00009752", "Казань/KA/ЦУП00009753"]',
    ],
)
def test_targets_are_separated_in_any_usual_way(text):
    """Semicolons, commas, new lines and a JSON list say the same; blanks between items do not matter."""
    assert resolve_targets(parse_targets(text), KNOWN) == [KAZAN, PERM_KA]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("*/*/*", [KAZAN, PERM_KA, PERM]),
        ("Пермь/*/*", [PERM_KA, PERM]),
        ("*/KA/*", [KAZAN, PERM_KA]),
        ("*/*/ЦУП*53", [KAZAN]),
        ("П*ь/ON*/*9752", [PERM]),
        ("  Пермь / KA / ЦУП00009752 ", [PERM_KA]),
    ],
)
def test_a_star_stands_for_anything_within_its_part(item, expected):
    """`*` matches inside one part only, and everything else is literal."""
    assert resolve_targets(parse_targets(item), KNOWN) == expected


def test_a_star_inside_a_name_can_be_targeted():
    """`A%2AB` is the article `A*B` and no other; its own text says so, and `A*B` stands for both."""
    star, plain = Combination("Пермь", "KA", "A*B"), Combination("Пермь", "KA", "AxB")
    assert str(star) == "Пермь/KA/A%2AB"
    assert resolve_targets(["Пермь/KA/A%2AB"], [star, plain]) == [star]
    assert resolve_targets(["Пермь/KA/A*B"], [star, plain]) == [star, plain]
    assert Combination.parse("Пермь/KA/A%2AB") == star


@pytest.mark.parametrize("target", ["%2A/%2A/%2A", "Пермь/KA/%2a"])
def test_an_escaped_star_that_names_nothing_is_explained(target):
    """Who has escaped a star that was to stand for any name is told what to write."""
    with pytest.raises(InputError, match=r"; %2A is a star inside a name, write \* for any\)"):
        resolve_targets(parse_targets(target), [Combination("Пермь", "KA", "A1")])


@pytest.mark.parametrize("odd", [Combination("Пермь", "KA, TF", "A1"), Combination("[Пермь]", "KA", "A1")])
def test_the_closest_can_be_given_as_they_are(odd):
    """A name with a comma, or like a JSON list, is listed as a JSON list: what stands after `closest:` is a target."""
    with pytest.raises(InputError) as caught:
        resolve_targets([f"{odd}2"], [odd])
    hint = str(caught.value).partition("closest: ")[2].removesuffix(")")
    assert resolve_targets(parse_targets(hint), [odd]) == [odd]


def test_other_wildcards_are_plain_characters():
    """Dots, question marks and brackets of a target match themselves only."""
    dotted = Combination("Пермь", "KA", "A.1")
    assert resolve_targets(["Пермь/KA/A.1"], [dotted, Combination("Пермь", "KA", "AB1")]) == [dotted]
    with pytest.raises(InputError, match="unknown"):
        resolve_targets(["Пермь/KA/A?1"], [dotted])


def test_overlapping_targets_name_each_combination_once():
    """A combination that several items match is chosen once."""
    assert resolve_targets(["Пермь/*/*", str(PERM), str(PERM)], KNOWN) == [PERM_KA, PERM]


def test_targets_are_compared_in_clean_spelling():
    """A decomposed letter in a target still finds its combination."""
    yoshkar = Combination("Йошкар-Ола", "KA", "A1")
    assert resolve_targets([unicodedata.normalize("NFD", "Йошкар-Ола/KA/A1")], [yoshkar]) == [yoshkar]


def test_unknown_targets_stop_and_list_the_closest():
    """Every unknown item is named in one message, with the known names most like it."""
    with pytest.raises(InputError) as caught:
        resolve_targets(["Пермь/KA/ЦУП0000975", str(PERM), "Казан/KA/ЦУП00009753"], KNOWN)
    text = str(caught.value)
    assert text.startswith("TARGET_COMBINATIONS: unknown 'Пермь/KA/ЦУП0000975' (closest: Пермь/KA/ЦУП00009752")
    assert "unknown 'Казан/KA/ЦУП00009753' (closest: Казань/KA/ЦУП00009753" in text
    assert "\n" not in text


def test_a_target_unlike_anything_says_how_many_are_known():
    """Without anything alike, the message still tells that there are combinations."""
    with pytest.raises(InputError, match="3 combinations known, none alike"):
        resolve_targets(["x/y/z"], KNOWN)


@pytest.mark.parametrize("text", ["", "  ", ";", ",\n;", "[]", '["", " "]'])
def test_set_but_empty_is_an_error_never_all(text):
    """An empty list of targets never means every combination."""
    with pytest.raises(InputError, match="set but empty"):
        parse_targets(text)


@pytest.mark.parametrize(("item", "found"), [("U/C", 2), ("U", 1), ("U/C/", 2), ("U/ /S", 2), ("U/C/S/T", 4)])
def test_a_target_has_three_parts(item, found):
    """`U/C` is not a combination; the message says what was expected and how many parts were found."""
    with pytest.raises(
        InputError, match=rf"^target '{item}': expected Unit/Channel/SKU_ID, three parts, found {found}"
    ):
        parse_targets(f"Пермь/KA/A1;{item}")


@pytest.mark.parametrize(
    ("item", "problem"),
    [("U/C/..", "SKU_ID '..': not a usable name"), ("U/%07/S", r"channel '\\x07': has a control character")],
)
def test_a_part_that_no_name_can_be_is_refused(item, problem):
    """Already where the list is read, without a look at the sales; a part with a star may be anything."""
    with pytest.raises(InputError, match=f"^target '{item}': {problem}"):
        parse_targets(item)
    assert parse_targets("U/C/..*") == ["U/C/..*"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('["U/C/S"', "not a valid JSON list"),
        ('["U/C/S", 5]', "texts only"),
        ("@missing.csv", "missing.csv: cannot be read"),
        ("@", "cannot be read"),
    ],
)
def test_a_list_that_cannot_be_read_says_why(text, problem):
    """A broken JSON list or file is one clear line, not a traceback."""
    with pytest.raises(InputError, match=problem):
        parse_targets(text)


# --- Words and files ------------------------------------------------------------------------------------------------


def test_words_patterns_and_files_stand_in_one_list() -> None:
    """Each item is what it says, in any usual list and in JSON; a word may be written in capitals."""
    Path("bad.csv").write_text("Пермь/KA/A1")
    items = parse_targets("@alerts; Пермь/*/*, @Worst:20\n@bad.csv;gs://bucket/a/b.csv;@gs://bucket/c.csv")
    assert [word_of(item) for item in items] == [("alerts", 0), None, ("worst", 20), None, None, None]
    assert [file_of(item) for item in items][3:] == ["bad.csv", "gs://bucket/a/b.csv", "gs://bucket/c.csv"]
    assert parse_targets('["@stale", "Пермь/KA/A, 1"]') == ["@stale", "Пермь/KA/A, 1"]


def test_a_name_that_begins_like_a_word_is_one_in_json() -> None:
    """What has three parts in a JSON list is a name, whatever it begins with."""
    odd = Combination("@alerts", "KA", "A1")
    assert resolve_targets(parse_targets('["@alerts/KA/A1"]'), [odd]) == [odd]


def test_a_file_whose_name_holds_a_separator_is_read_whole() -> None:
    """As a file of that name is there."""
    Path("bad, worse.csv").write_text("Пермь/KA/A1")
    assert parse_targets("@bad, worse.csv") == ["@bad, worse.csv"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("@alert", "no such word, nor a file of this name; did you mean @alerts"),
        ("@", "cannot be read"),
        ("@missed;Пермь/KA/A1", "did you mean @missing"),
        ("@xyzzy", "There are @alerts, @stale, @missing and @worst:20"),
        ("@worst", "expected how many"),
        ("@worst:0", "expected how many"),
        ("@worst:-3", "expected how many"),
        ("@worst:ten", "expected how many"),
        ("@alerts:5", "@alerts stands alone"),
        ("gs://bucket", "expected a file in a bucket"),
        ("gs://bucket/folder/", "expected a file in a bucket"),
        ("@нет.csv", r"file нет\.csv: cannot be read \(no such file\)"),
        ("@" + "x" * 300 + "/a.csv", "cannot be read"),
        ("@.", r"file \.: cannot be read \(it is a folder\); name the file in it: @\./FILE"),
        ("@U/C/S", "a name that begins with @ stands in a JSON list"),
    ],
)
def test_a_word_or_file_that_is_none_says_what_was_meant(text: str, problem: str) -> None:
    """One line, with the word that it may be, before anything is read."""
    with pytest.raises(InputError, match=problem):
        parse_targets(text)


def test_many_unknown_names_are_one_short_line() -> None:
    """Ten are named, the rest is counted."""
    with pytest.raises(InputError, match=r"; and 190 more$"):
        resolve_targets([f"Нет/KA/{number}" for number in range(200)], KNOWN)
