"""What people write for the reasons and kinds of an override, in every language there is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from skucast.core.tables.overrides import KINDS, LATE
from skucast.language.catalogue import LANGUAGES, SOURCE, translated

KIND_BY_WORD = {
    **dict(zip(KINDS, KINDS, strict=True)),
    **dict.fromkeys(("set", "равно", "задать", "установить", "заменить"), "="),
    **dict.fromkeys(("add", "прибавить", "добавить", "плюс"), "+"),
    **dict.fromkeys(("percent", "процент", "проценты", "процентов", "в процентах"), "%"),
}
"""By the word in small letters."""

PIECES = re.compile(r"(?<=\d)\s*(шт\.?|штук|ед\.?|pcs\.?|pieces)$", re.IGNORECASE)
"""The measure behind a number of sales."""

_USUAL_REASONS = {
    "promotion": ("акция", "промоакция"),
    "event": ("праздник", "мероприятие", "holiday"),
    "new listing": ("новинка", "листинг", "новый листинг", "ввод"),
    "delisting": ("вывод", "делистинг"),
    "price": ("изменение цены",),
    "stock": ("остаток", "наличие", "нет в наличии", "дефицит", "out of stock"),
    "competitor": ("конкуренты",),
    "customer order": ("заказ", "клиентский заказ", "заказ покупателя"),
    "correction": ("ошибка", "корректировка", "поправка"),
    LATE: ("поздно", "поздняя правка", "позднее изменение"),
}
"""Beside what a reason is called in each language; a reason of OVERRIDE_REASONS that is written so comes first."""


def reasons_by_word(reasons: Sequence[str]) -> dict[str, str]:
    """Return which of the reasons is meant by each word, in small letters."""
    words = {
        word.casefold(): reason
        for reason in reasons
        for word in (
            *_USUAL_REASONS.get(reason, ()),
            *(translated(language, reason) for language in LANGUAGES if language != SOURCE),
        )
    }
    return words | {reason.casefold(): reason for reason in reasons}
