#!/usr/bin/env python3
"""What an image holds of the locked requirements: divided by who needs it, without what no job uses.

    image_parts.py TREE RUNTIME_IN FOLDER     in the build of an image: TREE is what pip installed, RUNTIME_IN names the
                                              direct requirements, FOLDER gets a folder per part

The monitoring has `base`, the prediction `fitting` too (models that have grown old are fitted anew), the trainings all.
What is named in a table below and is not there ends the build: a list that nobody corrects would hide what comes back.
Libraries are cut behind what a process maps of them (symbol_tables.py).
Runs in the build alone; needs `packaging`, which is in TREE.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from importlib.metadata import Distribution, distributions
from pathlib import Path

from symbol_tables import cut

PARTS: dict[str, tuple[str, ...]] = {
    "base": (),
    "fitting": ("numba", "llvmlite", "scipy"),
    "training": ("prophet", "lightgbm"),
}
"""Parts in the order in which they are taken, each with the requirements that begin it; `base` has all others."""

LEFT_OUT = {
    "scikit-learn": "the reference of tests; its OpenMP alone is used",
    "matplotlib": "Prophet's own pictures, which no job draws",
    "setuptools": "asked for by pandas-gbq, which imports nothing of it",
}
"""Requirements that no image has, and why; nor has it what they alone need."""

UNUSED_NEEDS = {
    "plotly": {"narwhals": "for figures; the page has the script alone"},
    "rich": {
        "markdown-it-py": "for rich.markdown, which nobody imports",
        "pygments": "for rich.syntax and rich.traceback, which nobody imports",
    },
}
"""What a requirement asks for and does not need here, and why; it is in the images if another one asks for it."""

ANYWHERE = ("*/tests/*", "*/test/*", "*/include/*", "*.[ahco]", "*.cpp", "*.hpp", "*.pyx", "*.pxd", "*.pxi", "*.pyi")
"""Tests, headers, static libraries, sources of extensions, types for checkers."""

UNUSED = {
    "pyarrow": (
        "pyarrow/libarrow_flight*",
        "pyarrow/libarrow_python_flight*",
        "pyarrow/_flight*",
        "pyarrow/libarrow_s3*",
        "pyarrow/_s3fs*",
        "pyarrow/_azurefs*",
        "pyarrow/_hdfs*",
        "pyarrow/_pyarrow_cpp_tests*",
        "pyarrow/libarrow_python.so",
        "pyarrow/libarrow_python.so.*.*",
        "pyarrow/src/*",
    ),
    "numpy": ("numpy/_core/_simd.*", "numpy/_core/_*_tests.*"),
    "plotly": (
        "_plotly_utils/*",
        "plotly/graph_objs/*",
        "plotly/validators/*",
        "plotly/labextension/*",
        "plotly/figure_factory/*",
        "plotly/matplotlylib/*",
        "plotly/express/*",
        "plotly/validator_cache.py",
        "plotly/package_data/templates/*",
        "plotly/package_data/datasets/*",
        "plotly/package_data/widgetbundle.js",
    ),
    "google-cloud-bigquery-storage": (
        "google/cloud/bigquery_storage_v1alpha/*",
        "google/cloud/bigquery_storage_v1beta*",
    ),
    "duckdb": ("duckdb/experimental/*",),
    "babel": ("babel/locale-data/[!er]*.dat", "babel/locale-data/e[!n]*.dat", "babel/locale-data/r[!ou]*.dat"),
    "numba": ("numba/cuda/*",),
    "prophet": (
        "prophet/stan_model/cmdstan-*/bin/*",
        "prophet/stan_model/cmdstan-*/stan/*",
        "prophet/stan_model/prophet",
    ),
    "scipy": tuple(
        f"scipy/{name}/*"
        for name in (
            *("_lib/cobyqa", "_lib/pyprima"),
            *("cluster", "constants", "datasets", "differentiate", "fft", "fftpack", "integrate", "interpolate", "io"),
            *("misc", "ndimage", "odr", "optimize", "signal", "spatial", "special", "stats"),
        )
    ),
}
"""Files of a package that no job uses: remote protocols and other stores of Arrow, all of Plotly but the script that
the page has, languages that the page is not in, DuckDB's imitation of Spark, NumPy's tests, old versions of BigQuery's
protocol, Numba for graphics cards, what compiles models of Stan (Prophet's is compiled, and there twice), of SciPy what
is not linear algebra."""


class Stale(Exception):
    """A table of this file names what is not there."""


def closure(roots: set[str], known: Mapping[str, Distribution], without: set[str]) -> set[str]:
    """Return the names of the roots and of all that they ask for on this machine, but for `without` and its own."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    todo = [(name, "") for name in sorted(roots)]
    while todo:
        name, extra = todo.pop()
        if name in without or name not in known or (name, extra) in seen:
            continue
        seen.add((name, extra))
        found.add(name)
        for line in known[name].requires or ():
            asked = Requirement(line)
            if canonical(asked.name) in UNUSED_NEEDS.get(name, ()):
                continue
            if asked.marker is None or asked.marker.evaluate({"extra": extra}):
                todo += [(canonical(asked.name), each) for each in ("", *asked.extras)]
    return found


def divided(known: Mapping[str, Distribution], direct: set[str]) -> dict[str, list[str]]:
    """Return the distributions of each part; a part has none that an earlier one has.

    Raises:
        Stale: a table names a requirement that is not installed.
    """
    from packaging.requirements import Requirement

    begins = {name for names in PARTS.values() for name in names}
    if absent := sorted((begins | set(LEFT_OUT)) - set(known)):
        raise Stale(f"PARTS or LEFT_OUT names what is not installed: {', '.join(absent)}")
    for name, needs in UNUSED_NEEDS.items():
        asked = {canonical(Requirement(line).name) for line in known[name].requires or ()} if name in known else set()
        if absent := sorted(set(needs) - asked):
            raise Stale(f"UNUSED_NEEDS: {name} does not ask for {', '.join(absent)}")
    parts: dict[str, list[str]] = {}
    taken: set[str] = set()
    for part, names in PARTS.items():
        later = begins - set(names) - taken
        roots = set(names) if names else direct - begins
        parts[part] = sorted(closure(roots, known, set(LEFT_OUT) | later) - taken)
        taken |= set(parts[part])
    return parts


def files_of(distribution: Distribution, tree: Path) -> Iterator[str]:
    """Yield the paths of a distribution's files within the tree; scripts beside it are none."""
    for file in distribution.files or ():
        path = file.as_posix()
        if not path.startswith("..") and (tree / path).is_file():
            yield path


def unused(name: str, paths: list[str]) -> set[str]:
    """Return those of a distribution's files that no job uses.

    Raises:
        Stale: a pattern finds none.
    """
    dropped = {path for path in paths if any(fnmatch(path, pattern) for pattern in ANYWHERE)}
    for pattern in UNUSED.get(name, ()):
        found = {path for path in paths if fnmatch(path, pattern)}
        if not found:
            raise Stale(f"UNUSED: {name} has nothing like {pattern}")
        dropped |= found
    return dropped


def canonical(name: str) -> str:
    """Return the name as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct_of(text: str) -> set[str]:
    """Return the requirements that a file such as requirements/runtime.in names."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {canonical(re.split(r"[\s<>=!~;\[]", line)[0]) for line in lines if line and not line.startswith("-")}


def move(tree: Path, direct: set[str], folder: Path) -> Iterator[tuple[str, str, str, float]]:
    """Move each part into its folder; yield part, requirement, version and MB of what was moved.

    Raises:
        Stale: see `divided` and `unused`.
    """
    known = {canonical(each.metadata["Name"]): each for each in distributions(path=[str(tree)])}
    for part, names in divided(known, direct).items():
        (folder / part).mkdir(parents=True)
        for name in names:
            paths, version, size = list(files_of(known[name], tree)), known[name].version, 0
            for path in sorted(set(paths) - unused(name, paths)):
                cut(tree / path)
                size += (tree / path).stat().st_size
                (folder / part / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(tree / path, folder / part / path)
            yield part, name, version, size / 1e6


def main(argv: list[str]) -> int:
    """Divide the tree, print what is where, and return the exit code."""
    if len(argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    tree, runtime_in, folder = map(Path, argv)
    sys.path.insert(0, str(tree))
    try:
        for part, name, version, size in move(tree, direct_of(runtime_in.read_text(encoding="utf-8")), folder):
            print(f"{part}\t{name}\t{version}\t{size:.1f} MB")
    except Stale as error:
        print(f"deploy/image_parts.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
