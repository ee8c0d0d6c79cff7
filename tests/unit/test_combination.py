"""Combinations: equal names are equal text, every name has one safe file, targets name what was meant."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.core.combination import (
    MAX_PART_BYTES,
    Combination,
    clean_name,
    name_problem,
    parse_targets,
    resolve_targets,
)
from skucast.core.errors import InputError

PERM = Combination("Пермь", "ON TRADE", "ЦУП00009752")
PERM_KA = Combination("Пермь", "KA", "ЦУП00009752")
KAZAN = Combination("Казань", "KA", "ЦУП00009753")
KNOWN = [PERM, PERM_KA, KAZAN]

UNSAFE = st.sampled_from([*'%/\\:*?"<>|#[]._ -', "ё", "й", "e\u0301", "%2F", "%5F"])
PARTS = (
    st.lists(UNSAFE | st.characters(exclude_categories=["Cc", "Cf", "Cs"]), min_size=1, max_size=12)
    .map("".join)
    .map(clean_name)
    .filter(lambda part: name_problem(part) is None)
)
COMBINATIONS = st.builds(Combination, PARTS, PARTS, PARTS)


# --- Names ----------------------------------------------------------------------------------------------------------


def test_two_spellings_of_one_name_are_one_combination():
    """White space around a part and decomposed letters do not matter: й typed as и + breve is й."""
    decomposed = unicodedata.normalize("NFD", "Йошкар-Ола")
    assert Combination.clean(f"  {decomposed}\t", "KA\u00a0", " A1") == Combination("Йошкар-Ола", "KA", "A1")


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ("", "empty"),
        (".", "means a folder"),
        ("..", "means a folder"),
        ("A\x00B", "control character"),
        ("A\nB", "control character"),
        ("A\x7fB", "control character"),
        ("A\u200bB", r"invisible character, U\+200B"),
        ("\u202eAB", r"invisible character, U\+202E"),
        (" A", "not trimmed"),
        (unicodedata.normalize("NFD", "Ё"), "not NFC"),
        ("Ц" * (MAX_PART_BYTES // 2 + 1), f"longer than {MAX_PART_BYTES} bytes"),
        ("/" * (MAX_PART_BYTES // 2), f"longer than {MAX_PART_BYTES} bytes"),
    ],
)
def test_unusable_names_are_refused_with_the_reason(part, problem):
    """A part that is empty, a folder, unprintable, unclean or too long for a file name says so, with its column."""
    with pytest.raises(InputError, match=f"^SKU_ID .*{problem}"):
        Combination("Пермь", "KA", part)


def test_names_may_hold_slashes_and_spaces_and_dots():
    """Characters that only files dislike are fine in a name, and its text is still read back."""
    combination = Combination("А/Б", "ON TRADE", "50% off.")
    assert str(combination) == "А%2FБ/ON TRADE/50%25 off."
    assert Combination.parse(str(combination)) == combination


def test_combinations_sort_by_unit_channel_and_sku():
    """The order of combinations is the order of their columns."""
    assert sorted(KNOWN) == [KAZAN, PERM_KA, PERM]


# --- File names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("combination", "path"),
    [
        (PERM, "Пермь/ON TRADE/ЦУП00009752.pkl"),
        (Combination("А/Б", "KA", "A1"), "А%2FБ/KA/A1.pkl"),
        (Combination("А%2FБ", "KA", "A1"), "А%252FБ/KA/A1.pkl"),
        (Combination("_versions", "KA", "A1"), "%5Fversions/KA/A1.pkl"),
        (Combination(".git", "KA.", "A1."), "%2Egit/KA%2E/A1%2E.pkl"),
        (Combination("Пермь", "...", "A.pkl"), "Пермь/%2E.%2E/A.pkl.pkl"),
        (Combination("a\\b", 'c:"d"', "e*?<f>|#[g]"), "a%5Cb/c%3A%22d%22/e%2A%3F%3Cf%3E%7C%23%5Bg%5D.pkl"),
    ],
)
def test_paths_stay_readable_and_escape_only_what_is_unsafe(combination, path):
    """Cyrillic and spaces stay; separators, wildcards, hidden names, `_versions` and a dot at the end are encoded."""
    assert combination.path == path
    assert Combination.from_path(path) == combination


@pytest.mark.slow
@given(COMBINATIONS)
def test_every_path_leads_back_to_its_combination(combination):
    """Path and text are reversible, so no two combinations share a file."""
    assert Combination.from_path(combination.path) == combination
    assert Combination.parse(str(combination)) == combination


@pytest.mark.slow
@given(COMBINATIONS)
def test_every_path_is_three_safe_names(combination):
    """No part leaves its folder, hides itself, collides with `_versions`, or is longer than a file name may be."""
    parts = combination.path.split("/")
    assert len(parts) == 3
    for part in parts:
        assert part[0] not in "._"
        assert part.removesuffix(".pkl")[-1] != "."
        assert len(part.encode()) <= 255
        assert not set(part) & set('\\:*?"<>|#[]')


@pytest.mark.parametrize("path", ["Пермь/KA.pkl", "a/b/c/d.pkl", "Пермь/KA/A1.json", "Пермь/%2E%2E/A1.pkl", ""])
def test_foreign_files_are_no_combination(path):
    """A file that is not `Unit/Channel/SKU_ID.pkl`, or hides a folder name, is refused."""
    with pytest.raises(InputError):
        Combination.from_path(path)


# --- Targets --------------------------------------------------------------------------------------------------------


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
    "content",
    [
        "unit,channel,SKU_ID\nПермь,KA,ЦУП00009752\nКазань,KA,ЦУП00009753\n",
        "\ufeffSKU_ID,note, unit ,channel\r\nЦУП00009752,bad,Пермь,KA\r\n\r\nЦУП00009753,,Казань,KA\r\n",
        "Пермь/KA/ЦУП00009752\n\n  Казань/KA/ЦУП00009753\n",
    ],
)
def test_targets_come_from_a_file_of_either_kind(content):
    """`@file.csv` has the columns unit, channel, SKU_ID in any order, or one item a line; Excel's BOM is fine."""
    Path("bad.csv").write_text(content, encoding="utf-8")
    assert resolve_targets(parse_targets("@bad.csv"), KNOWN) == [KAZAN, PERM_KA]


def test_a_file_of_columns_may_hold_names_with_separators():
    """In a file's columns a slash, a comma and a percent sign are part of the name."""
    odd = Combination("А/Б", "KA, TF", "50%25")
    Path("bad.csv").write_text('unit,channel,SKU_ID\nА/Б,"KA, TF",50%25\n', encoding="utf-8")
    assert resolve_targets(parse_targets("@bad.csv"), [*KNOWN, odd]) == [odd]


@pytest.mark.slow
@given(COMBINATIONS, st.lists(COMBINATIONS, max_size=5))
def test_a_json_list_reaches_any_name(wanted, others):
    """The text of a combination in a JSON list names that combination and no other."""
    assert resolve_targets(parse_targets(json.dumps([str(wanted)])), [wanted, *others]) == [wanted]


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


def test_an_empty_file_is_an_error_never_all():
    """Nor does an empty file, or one with a header only."""
    for content in ("", "unit,channel,SKU_ID\n"):
        Path("none.csv").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="set but empty"):
            parse_targets("@none.csv")


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


def test_a_file_in_another_encoding_is_refused():
    """A file that is not UTF-8 is named, with what is expected."""
    Path("old.csv").write_bytes("Пермь/KA/A1".encode("cp1251"))
    with pytest.raises(InputError, match=r"old\.csv: cannot be read .* UTF-8"):
        parse_targets("@old.csv")
