"""The notebooks: each runs as a script, and what is rendered beside it is of these cells."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import joblib
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "docs/notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.py") if "# %%" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first cell to the last, on the sales that `sample` makes; in one process, as on one core."""
    monkeypatch.setattr(joblib, "cpu_count", lambda: 1)
    monkeypatch.syspath_prepend(FOLDER)
    runpy.run_path(str(FOLDER / f"{name}.py"))
    pd.reset_option("display.")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_is_rendered_is_of_these_cells(name: str) -> None:
    """Text and code; if not: `make notebooks`. The folder's page leads to it."""
    cells = re.split(r"^# %%.*$", (FOLDER / f"{name}.py").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    rendered = words(re.sub(r"^# ?", "", (FOLDER / f"{name}.md").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for cell in cells:
        assert words(re.sub(r"^# ?", "", cell, flags=re.MULTILINE).strip().lstrip("# ")) in rendered
    assert f"({name}.md)" in (FOLDER / "README.md").read_text(encoding="utf-8")


def words(text: str) -> str:
    """Return the text with every gap a blank."""
    return " ".join(text.split())
