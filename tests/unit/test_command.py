"""The command `skucast` that an installation gives: the tools of `python -m skucast`, with all that they need."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import skucast
from skucast.entry import cli

ROOT = Path(__file__).parents[2]


def test_the_command_is_the_tools():
    """The project declares one command, and it is what `python -m skucast` runs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"skucast": "skucast.entry.cli:main"}
    (entry,) = importlib.metadata.EntryPoints(
        importlib.metadata.EntryPoint(name, value, "console_scripts") for name, value in project["scripts"].items()
    )
    assert entry.load() is cli.main


@pytest.fixture
def installed(tmp_path):
    """Return the folder into which a copy of the project was installed, without its dependencies and the network."""
    pytest.importorskip("setuptools", "80", reason="this Python brings no setuptools, which builds the package")
    copy = tmp_path / "copy"
    for part in ("src", "requirements"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--no-compile"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *options]
    subprocess.run([*pip, "--target", str(tmp_path / "there"), str(copy)], check=True, capture_output=True)
    shutil.rmtree(copy)
    return tmp_path / "there"


@pytest.mark.slow
def test_an_installed_command_runs(installed):
    """`skucast --version` and a tool, from an installation with no clone beside it; every file of the page is there."""

    def run(*words):
        command = [sys.executable, str(installed / "bin" / "skucast"), *words]
        return subprocess.run(command, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True, check=False)

    assert run("--version").stdout == f"skucast {skucast.__version__}\n"
    assert run("docter").stderr.startswith("unknown command docter; did you mean doctor? (skucast --help shows all)")
    files = ("src/skucast", "skucast")
    ours, theirs = (
        {
            path.relative_to(root).as_posix()
            for path in root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        for root in (ROOT / files[0], installed / files[1])
    )
    assert theirs == ours
