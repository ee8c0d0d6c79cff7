"""The images are really built and run, each as a task of a job: process 1, its own user, no network unless asked for.

`make test-images`: some minutes, root, and the tools of DEPLOY_TOOLS; skipped elsewhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import distributions
from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from image_imports import SCRIPT, files_of, imports_of
from image_parts import PARTS, canonical, direct_of
from job_table import IMAGES
from places import Cloud
from symbol_tables import without_symbols

from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.scorecard import METRICS
from skucast.entry.demo.sample import sample_lines
from skucast.forecast.artifact import loads

ROOT = Path(__file__).parents[2]
NAMES = {table.label: table.name for table in TABLES}
PAST = WEDNESDAY - timedelta(weeks=4)
TRAIN = ("retrain", "run_all_skus.py")
NOT_A_JOBS = {"plotly.subplots make_subplots"}
AT_MOST = {"monitor": 400e6, "predict": 600e6, "retrain": 625e6}
"""Bytes of an image's layers on top of the base."""

pytestmark = [
    pytest.mark.skipif("TEST_IMAGES" not in os.environ, reason="images are built by make test-images only"),
    pytest.mark.skipif(os.geteuid() != 0, reason="building images needs root"),
]


@pytest.fixture(scope="session")
def home(tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the three images in a new store, whose cache holds no label of another build, and return its folder."""
    folder = tmp_path_factory.mktemp("images")
    command = [str(tools / "build-images.sh"), str(ROOT)]
    environment = {**os.environ, "CTR_HOME": str(folder), "BUILD_ARGS": "--build-arg COMMIT=abc --build-arg VERSION=9"}
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture
def task(tools: Path, home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs an image with variables and arguments, and what it did."""

    def run(
        image: str, *arguments: str, flags: tuple[str, ...] = (), **variables: str
    ) -> subprocess.CompletedProcess[str]:
        given = [text for name, value in variables.items() for text in ("-e", f"{name}={value}")]
        entry = ("--entrypoint", "python") if arguments and arguments[0].endswith((".py", "-m")) else ()
        command = [str(tools / "run-image.sh"), *given, *flags, *entry, f"{image}:dev", *arguments]
        environment = {**os.environ, "CTR_HOME": str(home)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def deliver(warehouse: Warehouse) -> None:
    """Load the sample distributor's sales."""
    stamp = Run("load", "load", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
    warehouse.append_once(SALES, sample_lines(CUTOFF), batch_id="sample", source="sample", run=stamp)


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """Return a folder that any user may write to, with the sales in a DuckDB file."""
    folder = tmp_path / "data"
    folder.mkdir()
    deliver(DuckDBWarehouse(folder / "warehouse.duckdb", NAMES))
    for path in (folder, *folder.iterdir()):
        path.chmod(0o777)
    return folder


def local(folder: Path) -> dict[str, str]:
    """Return the variables of the local default on the folder, as it is mounted."""
    return {"WAREHOUSE": "duckdb:/data/warehouse.duckdb", "MODEL_STORE": "/data/models", "STAGING": "/data/staging"}


@pytest.mark.parametrize("image", ["predict", "monitor", "retrain"])
def test_an_image_holds_what_its_job_needs(home: Path, image: str) -> None:
    """No tests, no documents, no history, no secrets, no installer; the labels say what it is."""
    folder = home / "out" / image
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    config = json.loads((folder / manifest["config"]["digest"].split(":")[1]).read_text(encoding="utf-8"))["config"]
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.revision"] == "abc"
    assert config["Labels"]["org.opencontainers.image.version"] == "9"
    layers = [folder / layer["digest"].split(":")[1] for layer in manifest["layers"][1:]]
    names = set(names_in(layers))
    assert sum(layer.stat().st_size for layer in layers) < AT_MOST[image]
    ours = {name.removeprefix("app/") for name in names if name.startswith("app/") and name.endswith(".py")}
    scripts = {name for name in ours if "/" not in name}
    assert scripts == {"monitor": {"monitor_performance.py"}, "predict": {"predict_weekly.py"}}.get(
        image, {"retrain_models.py", "run_all_skus.py"}
    )
    assert "src/skucast/entry/app.py" in ours
    assert not any("/entry/demo/" in name for name in ours)
    parts = {part for part in PARTS if any(name.startswith(f"opt/{part}/") for name in names)}
    assert parts == set(IMAGES[image].parts)
    packages = {name.split("/")[-2] for name in names if name.endswith("/__init__.py")}
    assert ("numba" in packages, "lightgbm" in packages) == ("fitting" in parts, "training" in parts)
    assert not {"sklearn", "matplotlib", "setuptools", "pygments", "markdown_it"} & packages
    assert ("narwhals" in packages) == (image == "retrain")
    assert not list(uncut(layers))
    unwanted = (
        "/tests/",
        "/docs/",
        "/.git/",
        ".env",
        "/site-packages/pip/",
        "requirements.txt",
        "Dockerfile",
        "/deploy/",
    )
    assert not [name for name in names if any(part in f"/{name}" for part in unwanted) and name.startswith("app")]
    assert not [name for name in names if "/tests/" in name or "/site-packages/pip/" in name]
    assert not list(writable(layers))


def writable(layers: list[Path]) -> Iterator[str]:
    """Yield what the image's user could write to: a read-only root takes nothing away from the job."""
    for layer in layers:
        with tarfile.open(layer) as archive:
            yield from (
                member.name
                for member in archive
                if (member.uid or member.mode & 0o002)
                and not member.issym()
                and not member.name.startswith(("tmp", "./tmp"))
            )


def uncut(layers: list[Path]) -> Iterator[str]:
    """Yield the libraries that still have what no process maps."""
    for layer in layers:
        with tarfile.open(layer) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() and ".so" in member.name else None
                if content is not None and without_symbols(content.read()) is not None:
                    yield member.name


def names_in(layers: list[Path]) -> Iterator[str]:
    """Yield the names of the files in the layers."""
    for layer in layers:
        with tarfile.open(layer) as archive:
            yield from (member.name.removeprefix("./") for member in archive if not member.isdir())


@pytest.mark.parametrize("image", ["predict", "monitor", "retrain"])
def test_an_image_has_what_the_program_imports(task, tmp_path: Path, image: str) -> None:
    """At any moment, of the requirements that the image has parts of: all of it, in the image itself."""
    known = {canonical(each.metadata["Name"]): each for each in distributions()}
    direct = direct_of((ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8"))
    every, _ = files_of(known, direct, ("base", *IMAGES[image].parts))
    used = [line for line in imports_of(ROOT / "src", every) if line not in NOT_A_JOBS]
    folder = tmp_path / "check"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    (folder / "imports").write_text("\n".join(used), encoding="utf-8")
    done = task(image, "/check/script.py", "/check/imports", flags=("-v", f"{folder}:/check:ro"))
    assert done.returncode == 0, done.stderr
    assert "pandas" in used


def wape_of_the_newest_window(warehouse: Warehouse) -> float:
    """Return the WAPE of all steps and combinations together."""
    rows = warehouse.read(METRICS).query("window == 'rolling' and level == 'total' and step == 0")
    return float(rows[rows["window_end"] == rows["window_end"].max()]["wape"].item())


def test_the_chain_from_three_images_on_a_mounted_folder(task, mounted: Path) -> None:
    """Train, forecast four weeks ago and now, score, retrain: no network, no root, the solver compiled already."""
    mount = ("-v", f"{mounted}:/data")
    trained = task(*TRAIN, flags=mount, AS_OF=str(PAST), WORKERS="2", NUMBA_DEBUG_CACHE="1", **local(mounted))
    assert trained.returncode == 0, trained.stderr
    assert "data loaded from '/tmp/skucast-compiled-" in trained.stdout
    assert "data saved" not in trained.stdout
    for image, day in (("predict", PAST), ("predict", WEDNESDAY), ("monitor", WEDNESDAY)):
        done = task(image, flags=mount, AS_OF=str(day), **local(mounted))
        assert done.returncode == 0, done.stderr
    target = "Пермь/KA/ЦУП00009752"
    retrained = task("retrain", flags=mount, AS_OF=str(WEDNESDAY), TARGET_COMBINATIONS=target, **local(mounted))
    assert retrained.returncode == 0, retrained.stderr
    warehouse = DuckDBWarehouse(mounted / "warehouse.duckdb", NAMES)
    assert (
        warehouse.read(FORECASTS).groupby("cutoff")["method"].apply(lambda m: m.isin(["prophet", "blend"]).any()).all()
    )
    assert wape_of_the_newest_window(warehouse) < 0.2
    assert set(warehouse.read(RUNS)["exit_code"]) == {0}
    assert (mounted / "staging" / "dashboard" / "index.html").is_file()


def test_the_chain_from_three_images_on_the_stand_ins(task, stand_in_cloud: Cloud) -> None:
    """The same on BigQuery and Cloud Storage, as tasks of executions, with logs as JSON."""
    warehouse = BigQueryWarehouse(
        stand_in_cloud.project, stand_in_cloud.dataset, NAMES, endpoints=stand_in_cloud.endpoints
    )
    deliver(warehouse)
    places = {
        "WAREHOUSE": f"bigquery://{stand_in_cloud.project}/{stand_in_cloud.dataset}",
        "MODEL_STORE": stand_in_cloud.folder,
        "STAGING": stand_in_cloud.folder,
        "CLOUD_RUN_JOB": "job",
        **stand_in_cloud.variables(),
    }
    steps = [(*TRAIN, PAST), ("predict", PAST), ("predict", WEDNESDAY), ("monitor", WEDNESDAY)]
    for number, (image, *arguments, day) in enumerate(steps):
        done = task(
            image, *arguments, flags=("--network",), AS_OF=str(day), CLOUD_RUN_EXECUTION=f"job-{number}", **places
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert all(json.loads(line)["severity"] for line in done.stdout.splitlines())
    check = ("monitor", "-m", "skucast", "freshness")
    fresh = task(*check, flags=("--network",), AS_OF=str(WEDNESDAY), CLOUD_RUN_EXECUTION="check-0", **places)
    assert fresh.returncode == 0, fresh.stdout + fresh.stderr
    lines = [json.loads(line) for line in fresh.stdout.splitlines()]
    assert [line["event"] for line in lines if "event" in line] == ["forecast_fresh", "forecast_fresh"]
    assert warehouse.read(FORECASTS)["method"].isin(["prophet", "blend"]).any()
    assert wape_of_the_newest_window(warehouse) < 0.2
    assert len(CloudStore(stand_in_cloud.bucket, stand_in_cloud.prefix, stand_in_cloud.endpoints).stored()) >= 57


def test_prophets_own_optimiser_is_in_the_trainings_image(task, mounted: Path) -> None:
    """A program of its own that Prophet's library starts: one combination, fitted by it."""
    options = {"AS_OF": str(WEDNESDAY), "ENGINE": "cmdstan", "TUNE": "off", "FORECASTER": "prophet"}
    target = {"TARGET_COMBINATIONS": "Пермь/KA/ЦУП00009752"}
    done = task("retrain", flags=("-v", f"{mounted}:/data"), **options, **target, **local(mounted))
    assert done.returncode == 0, done.stderr
    registry = DuckDBWarehouse(mounted / "warehouse.duckdb", NAMES).read(REGISTRY)
    assert list(registry["outcome"]) == ["saved"]


def test_sigterm_stops_a_training_in_time(task, mounted: Path) -> None:
    """Sent to process 1 while two workers train: 143 within 8 s, whole models, and the next run goes on."""
    mount = ("-v", f"{mounted}:/data")
    wait_s = 12  # the training of the whole takes some 15 s on a quiet machine
    began = time.monotonic()
    options = {"AS_OF": str(WEDNESDAY), "WORKERS": "2", "TUNE": "full", **local(mounted)}
    stopped = task(*TRAIN, flags=(*mount, "--term-after", str(wait_s)), **options)
    assert stopped.returncode == 143, stopped.stderr
    assert time.monotonic() - began < wait_s + 8
    assert "stopped by SIGTERM" in stopped.stderr
    store = LocalStore(mounted / "models")
    before = store.stored()
    assert all(loads(store.load(combination).payload) for combination in before)
    rest = task(*TRAIN, flags=mount, **options)
    assert rest.returncode == 0, rest.stderr
    registry = DuckDBWarehouse(mounted / "warehouse.duckdb", NAMES).read(REGISTRY)
    assert registry["reason"].str.startswith("model of", na=False).sum() == len(before)
    assert len(store.stored()) >= 57


@pytest.mark.parametrize("image", ["predict", "monitor", "retrain"])
def test_an_image_says_what_is_in_it(task, home: Path, image: str) -> None:
    """By the script that the build hands to its Python: the packages of its parts, those of the system, no others."""
    script = ROOT / "deploy" / "sbom.py"
    done = task(image, "/sbom/sbom.py", image, "abc", flags=("-v", f"{script.parent}:/sbom:ro"))
    assert done.returncode == 0, done.stderr
    purls = {each["purl"].partition("@")[0] for each in json.loads(done.stdout)["components"]}
    assert {"pkg:pypi/pandas", "pkg:deb/debian/libc6"} <= purls
    assert ("pkg:pypi/prophet" in purls) == (image == "retrain")
    assert ("pkg:pypi/numba" in purls) == (image != "monitor")
    assert ("pkg:pypi/narwhals" in purls) == (image == "retrain")
    assert not {"pkg:pypi/pygments", "pkg:pypi/markdown-it-py", "pkg:pypi/scikit-learn"} & purls


def test_an_image_has_no_sample_distributor(task) -> None:
    """One line and exit code 2 where somebody asks for it."""
    done = task("predict", "-m", "skucast", "demo")
    assert done.returncode == 2
    assert "not part of this installation: run `make demo`" in done.stderr


def test_a_task_without_settings_says_so(task) -> None:
    """No sales and no place to write to: exit code 2, one line."""
    done = task("predict", WAREHOUSE="bigquery://nowhere", MODEL_STORE="gs://UPPER")
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["WAREHOUSE", "MODEL_STORE"]
