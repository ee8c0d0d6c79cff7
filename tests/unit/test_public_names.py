"""The library's public names: few, documented, with examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import skucast as sk
from skucast.api.reference import reference

SRC = Path(sk.__file__).parents[1]
HEAVY = {"pandas", "numpy", "prophet", "duckdb", "google", "plotly", "sklearn", "pyarrow", "joblib", "holidays"}
PAGE = Path(__file__).parents[2] / "docs/api.md"
NAMES = [name for name in sk.__all__ if name != "__version__"]


def test_there_are_few_names() -> None:
    """Fewer than 25; `dir` shows them, and a wrong one is answered with those that there are."""
    assert len(sk.__all__) < 25
    assert dir(sk) == sorted(sk.__all__)
    with pytest.raises(AttributeError, match="'forecasts'; its names: Forecaster"):
        sk.forecasts  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_every_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    """In a docstring with an example; so do the methods of a class."""
    public = getattr(sk, name)
    if not callable(public):
        return
    documented = [public]
    if inspect.isclass(public):
        documented += [each for own, each in vars(public).items() if callable(each) and not own.startswith("_")]
    for each in documented:
        said = inspect.getdoc(each) or ""
        assert "Raises:" in said, each
        assert each is not public or "Examples:" in said, each


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", sorted({getattr(sk, name).__module__ for name in NAMES if callable(getattr(sk, name))})
)
def test_examples_run(module: str) -> None:
    """As they are written."""
    found = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted
    assert not found.failed


@pytest.mark.slow
@pytest.mark.parametrize("module", ["skucast", "skucast.entry.app", "skucast.entry.cli"])
def test_importing_the_package_or_the_start_of_a_script_stays_light(module: str) -> None:
    """Neither pandas nor Prophet nor any backend is loaded before it is needed."""
    code = f"import sys, {module}; print(*({HEAVY!r} & sys.modules.keys()))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_page_shows_the_names() -> None:
    """docs/api.md is what `python -m skucast reference` writes today; if not: `make docs`."""
    assert PAGE.read_text(encoding="utf-8") == reference()
