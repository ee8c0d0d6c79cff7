"""The catalogues brought up to date with the sources: what `make texts` does."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from skucast.language.catalogue import LANGUAGES, SOURCE

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

PACKAGE = Path(__file__).parents[1]

Keywords = dict[str, tuple[int, ...] | None]

_SOURCES: list[tuple[str, str, Keywords]] = [
    ("**.py", "python", {"Text": None, "Count": (1, 2), "wording": None}),
    ("**.js", "javascript", {"t": None, "tn": (1, 2)}),
    ("**.j2", "jinja2.ext:babel_extract", {"_": None}),
]
"""Where texts are, how they are found, and the functions whose first argument is one, or first two its forms."""


def template(package: Path = PACKAGE) -> Catalog:
    """Return all texts of the sources, each with the files that it is in."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_dir

    texts = Catalog(fuzzy=False)
    for pattern, method, keywords in _SOURCES:
        options = {pattern: {"silent": "false"}}
        for name, _, message, _, _ in extract_from_dir(package, [(pattern, method)], options, keywords):
            texts.add(message, locations=[(Path(name).as_posix(), 1)])
    return texts


def updated(language: str, sources: Catalog, folder: Path) -> Catalog:
    """Return the language's catalogue with the texts of the sources: new ones empty, those gone left out."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po

    file = folder / f"{language}.po"
    found = Catalog(locale=language)
    if file.is_file():
        with file.open("rb") as lines:
            found = read_po(lines, locale=language)
    found.update(sources, no_fuzzy_matching=True, update_header_comment=False)
    found.obsolete.clear()
    for message in found:
        message.flags.clear()  # a % of ours is no place of a number
    return found


def written(catalogue: Catalog) -> str:
    """Return the catalogue as text: in the order of its texts, with the names of their files, and no moment."""
    from babel.messages.pofile import write_po

    file = io.BytesIO()
    write_po(file, catalogue, width=120, sort_output=True, include_lineno=False, omit_header=True)
    return f"{_header(catalogue)}{file.getvalue().decode('utf-8')}"


def _header(catalogue: Catalog) -> str:
    """What a catalogue must say of itself; Babel's own names the moment of the writing."""
    lines = [
        f"Language: {catalogue.locale}",
        f"Plural-Forms: {catalogue.plural_forms}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    said = "\n".join(f'"{line}\\n"' for line in lines)
    about = "# Texts of skucast: `make texts` adds new ones and drops those gone; the translations are written here."
    return f'{about}\nmsgid ""\nmsgstr ""\n{said}\n\n'


def refresh(folder: Path = Path(__file__).parent) -> dict[str, list[str]]:
    """Write the catalogues anew and return by language the texts that are not translated yet."""
    sources = template()
    untranslated: dict[str, list[str]] = {}
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        catalogue = updated(language, sources, folder)
        (folder / f"{language}.po").write_text(written(catalogue), encoding="utf-8", newline="\n")
        untranslated[language] = [str(message.id) for message in catalogue if message.id and not message.string]
    return untranslated


def main() -> None:
    """Write the catalogues and name what is left to translate."""
    for language, texts in refresh().items():
        left = "".join(f"\n  {text}" for text in texts)
        print(f"{language}: {len(texts)} texts to translate{left}")  # noqa: T201 - a tool of the developers


if __name__ == "__main__":
    main()
