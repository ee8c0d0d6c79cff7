"""The pages: links lead somewhere, paths and modules that they name are there, the README stays short."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import skucast
from skucast.core.tables.forecasts import METHODS, STATUSES

ROOT = Path(__file__).parents[2]
PACKAGE = Path(skucast.__file__).parent
PAGES = sorted(
    [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + list((ROOT / "docs").rglob("*.md"))
)
APART = ("decisions", "notebooks")
"""Folders of docs whose pages are led to from elsewhere."""
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
SOURCE = re.compile(r"[\w.-]+(/[\w.-]+)*\.(py|sh|js|css|j2|sql|toml|yaml|yml|env)")
FOLDER = re.compile(r"([\w-]+)(/[\w-]+)*/")
MODULE = re.compile(r"skucast(\.\w+)+")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(page: Path) -> str:
    """Return a page's text."""
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    outside_code = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", outside_code, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def words_in_code(page: Path) -> Iterator[str]:
    """Yield every word that stands in code, in the text or in a block of its own."""
    for span in CODE.findall(text_of(page)):
        yield from (word.strip("(),;:'\"") for word in span.strip("`").split())


def is_a_place(name: str) -> bool:
    """Whether a file or folder of that name is there, from the root or from the package."""
    return (ROOT / name).exists() or (PACKAGE / name).exists()


def is_importable(name: str) -> bool:
    """Whether a dotted name is a module, or a name of one."""
    parts = name.split(".")[1:]
    places = [PACKAGE.joinpath(*parts), PACKAGE.joinpath(*parts).with_suffix(".py")]
    if any(place.exists() for place in places):
        return True
    parent = PACKAGE.joinpath(*parts[:-1]).with_suffix(".py")
    return parent.exists() and re.search(rf"\b{parts[-1]}\b", parent.read_text(encoding="utf-8")) is not None


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and its anchor a heading of it."""
    for link in LINK.findall(CODE.sub("", text_of(page))):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_paths_and_modules_are_there(page: Path) -> None:
    """Sources, folders of the package and dotted names that stand in code are there under these names."""
    packages = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    for word in words_in_code(page):
        folder = FOLDER.fullmatch(word)
        if word.startswith("src/skucast/") or SOURCE.fullmatch(word):
            assert is_a_place(word) or word in {"my.env", ".env"}, word
        elif folder and folder[1] in packages | {"docs", "deploy", "tests", "benchmarks", "requirements"}:
            assert is_a_place(word), word
        elif MODULE.fullmatch(word):
            assert is_importable(word), word


def test_the_readme_stays_short_and_leads_everywhere() -> None:
    """It has fewer than 250 lines, its contents name every section; it links every page but decisions and notebooks."""
    readme = text_of(ROOT / "README.md")
    assert len(readme.splitlines()) < 250
    sections = re.findall(r"^## (.+)$", readme, flags=re.MULTILINE)
    [contents] = re.findall(r"^\*\*Contents\*\*: (.+?)\n\n", readme, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"\[([^]]+)\]", contents) == sections
    linked = {link.partition("#")[0] for link in LINK.findall(readme)}
    pages = {str(page.relative_to(ROOT)) for page in PAGES if page.parent.name not in APART}
    assert pages - linked <= {"README.md"}


def test_the_architecture_has_every_room() -> None:
    """Each package is in its table with the sentence that it says of itself; the layers are those of the contract."""
    page = text_of(ROOT / "docs/architecture.md")
    for file in PACKAGE.rglob("__init__.py"):
        if file.parent != PACKAGE:
            sentence = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
            assert f"| `{file.parent.relative_to(PACKAGE).as_posix()}/` | {sentence} |" in page
    config = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    [layers] = [each["layers"] for each in config["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    assert "\n".join(layers[1:]) in page


def test_every_status_and_method_of_a_forecast_is_explained() -> None:
    """The table "Where a number comes from" names each that a row may have: statuses first, then methods."""
    page = text_of(ROOT / "docs/jobs.md").split("## Where a number comes from")[1].split("\n### ")[0]
    cells = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    statuses, methods = (set(re.findall(r"`(\w+)`", " ".join(column))) for column in zip(*cells, strict=True))
    assert statuses == set(STATUSES)
    assert methods == set(METHODS)
