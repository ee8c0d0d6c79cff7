"""The catalogues: gettext's files beside this one, read as they are; English is the language of the sources."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

Language = Literal["en", "ru"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
SOURCE: Language = "en"

REGIONS = {"en": "en_GB", "ru": "ru_RU"}
"""Whose dates and separators a language has, as Babel names them."""

_PAGE_NEEDS_NOT = ("dashboard/workbook", "regressors/promotion_template", "regressors/override_template", "entry/")
"""Where texts come from that stand in a file of their own and never on the page."""


@cache
def catalogue(language: str) -> Catalog:
    """Return the translations into that language; none into the language of the sources."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po

    if language == SOURCE:
        return Catalog(locale=SOURCE)
    with (files(__package__) / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, domain="skucast", ignore_obsolete=True)


def translated(language: str, text: str) -> str:
    """Return the text in that language, or as it is where there is no translation."""
    forms = _forms(language, text)
    return forms[0] if forms else text


def translated_count(language: str, one: str, other: str, number: int) -> str:
    """Return that of the texts which fits the number, in that language."""
    forms = _forms(language, one)
    if not forms:
        return one if number == 1 else other
    form: int = _plural(language)(number)
    return forms[min(form, len(forms) - 1)]


def _forms(language: str, text: str) -> tuple[str, ...]:
    if language == SOURCE or not text:
        return ()
    found = catalogue(language).get(text)
    return _strings(found.string) if found is not None and not found.fuzzy else ()


def _strings(string: Any) -> tuple[str, ...]:
    forms = (string,) if isinstance(string, str) else tuple(string or ())
    return forms if all(forms) else ()


@cache
def _plural(language: str) -> Any:
    """The number of the form that a whole number takes, as the catalogue says."""
    from gettext import c2py

    return c2py(catalogue(language).plural_expr)


@cache
def for_page(language: str) -> dict[str, Any]:
    """Return what the page's script reads: `locale`, and by language `plurals` and `texts`.

    `plurals` are the names of the forms as a browser knows them, in the catalogue's order; `texts` has the translation
    by text, or the list of its forms. Without a language the page has all of them, and its reader's browser decides.
    """
    wanted = [language] if language else LANGUAGES
    return {"locale": language, "texts": {each: _page_texts(each) for each in wanted if each != SOURCE}}


def _page_texts(language: str) -> dict[str, Any]:
    messages = [message for message in catalogue(language) if message.id and _is_for_page(message)]
    texts = {_source(message.id): _strings(message.string) for message in messages}
    return {
        "plurals": _plural_names(language),
        "texts": {text: forms if len(forms) > 1 else forms[0] for text, forms in texts.items() if forms},
    }


def _source(id_: Any) -> str:
    return id_ if isinstance(id_, str) else str(id_[0])


def _is_for_page(message: Any) -> bool:
    return not message.locations or not all(
        any(place in name for place in _PAGE_NEEDS_NOT) for name, _ in message.locations
    )


def _plural_names(language: str) -> list[str]:
    """The name of each form, told by the first numbers that take it."""
    from babel import Locale

    form = _plural(language)
    name = Locale.parse(language).plural_form
    by_form: dict[int, str] = {}
    for number in range(100):
        by_form.setdefault(form(number), name(number))
    return [by_form[each] for each in sorted(by_form)]
