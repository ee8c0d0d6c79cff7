"""Texts in languages: every text of the sources has its translation, and the page carries what its reader may need."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from boards import small_board

from skucast.dashboard.rendering import render
from skucast.language import extraction
from skucast.language.catalogue import LANGUAGES, SOURCE, for_page, translated, translated_count
from skucast.language.extraction import PACKAGE, refresh, template, updated, written

FOLDER = Path(extraction.__file__).parent
OTHERS = [language for language in LANGUAGES if language != SOURCE]


@pytest.fixture(scope="module")
def sources() -> Any:
    """Return all texts of the sources."""
    return template()


def places(text: str) -> list[str]:
    """Return the named places of a text, each as often as it stands there."""
    return sorted(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.slow
def test_catalogue_is_what_the_sources_need(language: str, sources: Any) -> None:
    """Every text is in the catalogue and none is left over, as `make texts` writes it; nothing is untranslated."""
    catalogue = updated(language, sources, FOLDER)
    assert (FOLDER / f"{language}.po").read_text(encoding="utf-8") == written(catalogue), "run `make texts`"
    forms = {str(message.id): message.string for message in catalogue if message.id}
    assert [text for text, form in forms.items() if not form or not all(form)] == []
    assert not any(message.fuzzy for message in catalogue)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.slow
def test_translations_have_the_same_places(language: str, sources: Any) -> None:
    """A translation names the places of its text, no other and none less; the number of one thing may be left out."""
    wrong = []
    for message in updated(language, sources, FOLDER):
        if isinstance(message.id, tuple):
            expected = {*places(message.id[1]), "n"}
            wrong += [form for form in message.string if not {*places(form)} <= expected]
            wrong += [form for form in message.string[1:] if {*places(form)} != {*places(message.id[1])}]
        elif message.id and places(message.id) != places(message.string):
            wrong.append(message.string)
    assert wrong == []


@pytest.mark.slow
def test_refreshing_adds_new_texts_and_drops_those_gone(tmp_path: Path) -> None:
    """A catalogue keeps its translations; a text that no source has any more goes, a new one comes empty."""
    shutil.copy(FOLDER / "ru.po", tmp_path)
    file = tmp_path / "ru.po"
    kept = file.read_text(encoding="utf-8")
    one = '#: dashboard/page/series.js\nmsgid "Holiday"\nmsgstr "Праздник"\n'
    assert kept.count(one) == 1
    file.write_text(kept.replace(one, one.replace("Holiday", "Gone")), encoding="utf-8")
    assert "Holiday" in refresh(tmp_path)["ru"]
    assert file.read_text(encoding="utf-8") == kept.replace('msgstr "Праздник"', 'msgstr ""', 1)


def test_counts_take_the_form_of_their_language() -> None:
    """Russian has three forms, English two."""
    weeks = "{n}\u00a0week", "{n}\u00a0weeks"
    forms = [translated_count("ru", *weeks, n).partition("\u00a0")[2] for n in (1, 2, 5, 11, 21, 104, 0)]
    assert forms == ["неделя", "недели", "недель", "недель", "неделя", "недели", "недель"]
    assert [translated_count("en", *weeks, n) for n in (1, 2)] == list(weeks)


def test_a_text_without_translation_stays_as_it_is() -> None:
    """An unknown text is shown in the language of the sources, and so is every text in English."""
    assert translated("ru", "No such text") == "No such text"
    assert translated("en", "Forecast") == "Forecast"
    assert translated("ru", "Forecast") == "Прогноз"


def test_page_carries_the_language_asked_for() -> None:
    """Without LOCALE the page has all catalogues and its reader's browser chooses; else the one named, or none."""
    assert for_page("")["locale"] == ""
    assert list(for_page("")["texts"]) == OTHERS
    assert for_page("en") == {"locale": "en", "texts": {}}
    russian = for_page("ru")
    assert list(russian["texts"]) == ["ru"]
    assert russian["texts"]["ru"]["plurals"] == ["one", "few", "many"]
    assert russian["texts"]["ru"]["texts"]["Forecast"] == "Прогноз"


def test_every_noun_that_scripts_count_has_its_forms() -> None:
    """`counted(n, 'week')` in a script needs an entry among the nouns, whose forms can be translated."""
    scripts = {file.name: file.read_text(encoding="utf-8") for file in (PACKAGE / "dashboard" / "page").glob("*.js")}
    nouns = scripts["texts.js"].partition("const NOUNS = {")[2].partition("};")[0]
    known = set(re.findall(r"^\s*'?([\w ]+?)'?: \(n\)", nouns, re.MULTILINE))
    used = {noun for script in scripts.values() for noun in re.findall(r"counted\([^;]*?, '([\w ]+)'\)", script)}
    assert used
    assert used <= known


@pytest.mark.slow
def test_no_text_ends_the_script_element_that_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A translation with markup stays inside the page's block of texts."""
    hostile = {"locale": "", "texts": {"ru": {"plurals": [], "texts": {"Forecast": "</script><img>"}}}}
    monkeypatch.setattr("skucast.dashboard.rendering.for_page", lambda language: hostile)
    assert "</script><img>" not in render(small_board())
