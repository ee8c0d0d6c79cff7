"""Names as people type them: plans and targets find the names of the sales, or name their neighbours."""

from __future__ import annotations

import pytest
from plans import CLOCK, HEADER, KNOWN, RUN_AT, line, plan, promotions, reasons

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.targets import nearest, parse_targets, resolve_targets
from skucast.regressors.promotion_files import read_plan


@pytest.mark.parametrize(
    "cells",
    [
        {"channel": "КА"},
        {"SKU_ID": "А1"},
        {"unit": "ПЕРМЬ", "channel": "ka", "SKU_ID": "a1"},
        {"SKU_ID": "A1\u200b"},
        {"channel": "KA\u00a0"},
    ],
)
def test_a_plan_finds_a_name_in_another_safe_spelling(cells: dict[str, str]) -> None:
    """Cyrillic КА, small letters, blanks and invisible characters: the row is that of the article of the sales."""
    found = plan(line(**cells))
    assert found.rejected.empty
    assert promotions(found) == [("Пермь/KA/A1", "2026-11-30", "2026-12-06", 30.0)]


@pytest.mark.parametrize("sku_id", ["9752.0", "9752,0", "9752.000000000"])
def test_a_plan_finds_an_article_that_a_program_wrote_as_a_decimal(sku_id: str) -> None:
    """9752.0 is the article 9752."""
    found = plan(line(unit="Чайковский", channel="TF", SKU_ID=sku_id))
    assert promotions(found)[0][0] == "Чайковский/TF/9752"


def test_two_spellings_in_a_plan_are_the_same_names() -> None:
    """The second row says the same of the same article: a duplicate, not a second promotion."""
    assert reasons(line(), line(channel="КА")) == ["the same as line 2"]


def test_a_plan_names_the_neighbour_that_it_may_mean() -> None:
    """A lost zero or swapped digits may be another article: the row is refused, and says which one is near."""
    assert reasons(line(unit="Чайковский", channel="TF", SKU_ID="09752")) == [
        "SKU_ID '09752' is unknown (did you mean 9752?)"
    ]
    assert reasons(line(unit="Чайковский", channel="TF", SKU_ID="9725")) == [
        "SKU_ID '9725' is unknown (did you mean 9752?)"
    ]


def test_a_plan_takes_no_shortened_number() -> None:
    """Whatever is near it: the digits that tell the article are lost."""
    (reason,) = reasons(line(SKU_ID="4.60701E+12"))
    assert reason.startswith("SKU_ID '4.60701E+12': looks like a number that a spreadsheet shortened")


def test_a_plan_finds_a_name_that_was_merged() -> None:
    """What was decided for the sales holds for the plan: the old name is the new one, in every safe spelling."""
    content = "\n".join([HEADER, line(SKU_ID="01"), line(SKU_ID="02", unit="*")]).encode()
    found = read_plan("plan.csv", content, KNOWN, RUN_AT, CLOCK, {"SKU_ID": {"01": "A1", "02": "B2"}})
    assert [name for name, *_ in promotions(found)] == ["Пермь/KA/A1", "*/KA/B2"]


KA, TF = Combination("Север", "KA", "АРТ00101"), Combination("Север", "TF", "АРТ00101")


@pytest.mark.parametrize(
    "item", ["Север/КА/АРТ00101", "север/ka/AРT00101", "Север/KA/АРТ00101\u200b", "СЕВЕР/К*/арт*", "*/ka/*"]
)
def test_targets_find_names_in_another_safe_spelling(item: str) -> None:
    """Cyrillic КА for KA, Latin letters in the article, case: with stars as well."""
    assert resolve_targets(parse_targets(item), [KA, TF]) == [KA]


def test_a_target_as_it_is_spelt_comes_first() -> None:
    """Where two names were decided to be two, each is found by its own spelling, and neither by a third."""
    small = Combination("Север", "KA", "арт00101")
    assert resolve_targets(["Север/KA/АРТ00101"], [KA, small]) == [KA]
    assert resolve_targets(["Север/KA/арт00101"], [KA, small]) == [small]


def test_targets_find_a_merged_name() -> None:
    """The old name of a merge stands for the new one."""
    assert resolve_targets(["Север/KA/Арт101"], [KA, TF], {"SKU_ID": {"apt101": "АРТ00101"}}) == [KA]


def test_the_nearest_names_are_compared_without_their_spelling() -> None:
    """In the wrong alphabet or case, KA is nearer to КА than TF is; one without its zeros comes first."""
    assert nearest("Север/КА/АРТ0010", ["Север/TF/АРТ00101", "Север/KA/АРТ00101"])[0] == "Север/KA/АРТ00101"
    assert nearest("75", ["7501", "0075", "753"])[0] == "0075"


def test_an_unknown_target_names_its_neighbour() -> None:
    """Doubtful ones are not taken for the known one; they are the first that is named."""
    with pytest.raises(InputError, match=r"unknown 'Север/KA/АРТ101' \(closest: Север/KA/АРТ00101"):
        resolve_targets(["Север/KA/АРТ101"], [KA, TF])
