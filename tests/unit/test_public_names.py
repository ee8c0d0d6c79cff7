"""The library's public names: few, documented, with examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys

import pytest

import skucast as sk

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
def test_importing_the_package_loads_the_standard_library_alone() -> None:
    """Whoever starts a job does not wait for what the library needs."""
    loaded = "import sys, skucast; print(sorted({'numpy', 'pandas', 'prophet', 'numba', 'plotly'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
