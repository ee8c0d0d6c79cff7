"""Build `.stand-ins/`: the environment of the servers that stand in for BigQuery and Cloud Storage under test.

Standard library only; any Python from 3.11 on runs it. The environment needs Python 3.13, as `local-bigquery` does.
Where it cannot be built, `.stand-ins/unavailable` says why and the tests that need it are skipped with that reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".stand-ins"
REQUIREMENTS = ROOT / "requirements" / "stand-ins.txt"
NEEDED = (3, 13)

IMPORT_EXTENSIONS = """
import duckdb, duckdb_extensions
connection = duckdb.connect()
for name in ("icu", "spatial", "ducklake", "httpfs"):
    duckdb_extensions.import_extension(name, con=connection, force_install=True)
"""
"""The emulator loads these at its start; DuckDB finds them below HOME, which is a folder of ours."""


class Unavailable(Exception):
    """There is no such environment on this machine; the text is the reason."""


def main() -> None:
    """Build the environment anew, or write down why there is none."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    try:
        build(find_python())
    except Unavailable as reason:
        (FOLDER / "unavailable").write_text(f"{reason}\n", encoding="utf-8")
        sys.stderr.write(f"stand-ins for the cloud services: {reason}; the tests that need them are skipped\n")
    else:
        (FOLDER / "ready").touch()


def build(python: str) -> None:
    """Install the locked packages and unpack the DuckDB extensions."""
    venv, home = FOLDER / "venv", FOLDER / "home"
    home.mkdir()
    _run(python, "-m", "venv", str(venv))
    pip = (str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--require-hashes", "-r", str(REQUIREMENTS))
    _run(str(venv / "bin" / "python"), "-c", IMPORT_EXTENSIONS, HOME=str(home))


def find_python() -> str:
    """Return a Python 3.13.

    Raises:
        Unavailable: there is none.
    """
    for python in candidates():
        if version_of(python) == NEEDED:
            return python
    raise Unavailable("no Python 3.13 found (as python3.13, below pyenv's versions, or as the running one)")


def candidates() -> Iterator[str]:
    """Yield the places where a Python 3.13 may be, best first."""
    on_path = shutil.which("python3.13")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted((str(path) for path in pyenv.glob("versions/3.13*/bin/python3.13")), reverse=True)
    yield sys.executable


def version_of(python: str) -> tuple[int, int] | None:
    """Return major and minor version; None for what does not run, such as pyenv's shim of a version not chosen."""
    try:
        shown = _run(python, "-c", "import sys; print(*sys.version_info[:2])")
        major, minor = shown.split()
    except (Unavailable, ValueError):
        return None
    return int(major), int(minor)


def _run(*command: str, **environment: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)
    except OSError as error:
        raise Unavailable(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"`{Path(command[0]).name} {' '.join(command[1:3])} ...` failed: {last}")
    return done.stdout


if __name__ == "__main__":
    main()
