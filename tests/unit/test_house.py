"""The house: who may import whom is held by import-linter; packages say what they are for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skucast

ROOT = Path(__file__).parents[2]
PACKAGE = Path(skucast.__file__).parent

MAX_LINES = 400
CODE = {".py", ".js", ".css", ".sh", ".sql", ".j2"}

PLANTED = {
    "core knows sales": ("core/weeks.py", "from skucast.sales import history"),
    "a pure module knows settings": ("scorecard/metrics.py", "from skucast.runtime import settings"),
    "forecasts know a backend": ("forecast/training.py", "from skucast.backends import files"),
    "a job knows DuckDB's home": ("jobs/predict.py", "from skucast.backends.warehouse import duckdb"),
    "a second home of Prophet": ("forecast/backtest.py", "import prophet"),
    "siblings": ("dashboard/data.py", "from skucast.forecast import backtest"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the project's contracts on the package in that folder."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    seen = {"PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=seen, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(("place", "line"), PLANTED.values(), ids=PLANTED)
@pytest.mark.slow
def test_an_import_against_the_rules_is_found(tmp_path: Path, place: str, line: str) -> None:
    """One planted line breaks a contract, and the report names the file that it is in."""
    shutil.copytree(PACKAGE, tmp_path / "skucast", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / "skucast" / place
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    found = lint(tmp_path)
    assert found.returncode == 1, found.stdout + found.stderr
    assert "skucast." + place.removesuffix(".py").replace("/", ".") in found.stdout


def test_every_package_says_in_a_sentence_what_it_is_for() -> None:
    """An `__init__.py` holds its docstring of one line, and nothing hangs at the top of the package."""
    for package in sorted(PACKAGE.rglob("__init__.py")):
        if package.parent != PACKAGE:
            [line] = package.read_text(encoding="utf-8").splitlines()
            assert line.startswith('"""'), package
            assert line.endswith('."""'), package
    assert {file.name for file in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_no_file_is_longer_than_a_reader_takes_in() -> None:
    """At most 400 lines in every file of the package, of the deployment, of tests and of benchmarks."""
    folders = ("src", "deploy", "tests", "benchmarks")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*") if file.suffix in CODE]
    assert len(files) > 100
    sizes = {str(file.relative_to(ROOT)): len(file.read_bytes().splitlines()) for file in files}
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}


def test_no_two_test_files_have_the_same_name() -> None:
    """They are imported by their names alone: the second of two would stop all tests."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
