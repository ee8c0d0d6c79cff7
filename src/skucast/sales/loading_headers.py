"""A header that lacks columns: what is missing, what is there, and which of it may be meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches

from skucast.core.errors import InputError
from skucast.core.quoting import listed

SHOWN = 20
"""Names of a file that are shown."""

ALIKE = 0.7
"""How alike, from 0 to 1, a name must be to be a slip of the pen."""

_KNOWN_AS = {
    "date": "day week sale_date order_date ds дата день неделя период datum",
    "unit": "branch store shop region business_unit site юнит бизнес_юнит подразделение филиал магазин склад регион "
    "точка filiale",
    "channel": "sales_channel segment канал сегмент канал_сбыта kanal",
    "SKU_ID": "sku article item product product_id item_id code артикул номенклатура товар код sku_код artikel",
    "quantity": "qty amount sales sold units pieces volume y количество кол-во кол продажи продано объем шт menge",
    "Promo_discount_perc": "discount discount_perc promo_discount скидка скидка_% rabatt",
    "stock": "inventory on_hand остаток остатки запас bestand",
    "latitude": "lat широта",
    "longitude": "lon lng long долгота",
}
"""What people call our columns."""

_IS_VALUE = re.compile(r"[-+]?\d[\d.,:/ -]*%?")


def missing_columns(file: str, missing: Mapping[str, str], used: Mapping[str, str], found: Sequence[str]) -> InputError:
    """Return the error for a file without these columns: the file's name by ours, as `used` has it of the others."""
    names = ", ".join(ours if ours == theirs else f"{theirs} ({ours})" for ours, theirs in missing.items())
    if not used and any(map(_IS_VALUE.fullmatch, found)):
        return InputError(
            f"{file}: the first line is no header but {listed(found[:SHOWN])}; write the columns' names above it: "
            f"{', '.join(missing.values())}; nothing was loaded"
        )
    guessed = guessed_columns(missing, [name for name in found if name not in used.values()])
    how = "name them with --columns ours=theirs;..."
    if guessed:
        pairs = {ours: theirs for ours, theirs in used.items() if ours != theirs} | guessed
        given = shlex.quote(";".join(f"{ours}={theirs}" for ours, theirs in pairs.items()))
        how += f", perhaps --columns {given}"
    return InputError(f"{file}: no column {names}; found {listed(found, SHOWN)}; {how}")


def guessed_columns(missing: Mapping[str, str], found: Collection[str]) -> dict[str, str]:
    """Return which of the found columns may be the missing ones, by ours, each at most once."""
    left = {_plain(name): name for name in found if not set(name) & set("=;")}
    guessed = {}
    for ours, theirs in missing.items():
        words = {_plain(theirs), _plain(ours), *_KNOWN_AS.get(ours, "").split()}
        known = next((plain for plain in left if plain in words), None)
        close = known or next(iter(get_close_matches(_plain(theirs), left, n=1, cutoff=ALIKE)), None)
        if close is not None:
            guessed[ours] = left.pop(close)
    return guessed


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", "_", name.casefold().replace("ё", "е").strip(" .:,№"))
