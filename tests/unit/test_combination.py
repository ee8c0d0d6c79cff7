"""Combinations: equal names are equal text, every name has one safe file, targets name what was meant."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.core.combination import MAX_PART_BYTES, Combination, clean_name, name_problem
from skucast.core.errors import InputError
from skucast.core.targets import parse_targets, resolve_targets

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


@pytest.mark.slow
@given(COMBINATIONS, st.lists(COMBINATIONS, max_size=5))
def test_a_json_list_reaches_any_name(wanted, others):
    """The text of a combination in a JSON list names that combination and no other."""
    assert resolve_targets(parse_targets(json.dumps([str(wanted)])), [wanted, *others]) == [wanted]
