"""What an image holds of the requirements: each part what its jobs import, and nothing that no job uses."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import image_parts
import pytest
from image_imports import ONLY, SCRIPT, files_of, imports_of, libraries_needed
from job_table import IMAGES
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DIRECT = image_parts.direct_of((ROOT / "requirements" / "runtime.in").read_text(encoding="utf-8"))
MODULES = {"scikit-learn": "sklearn"}
"""What a requirement is imported as, where that is not its name."""

JOBS = {
    "monitor": ["skucast.jobs.monitor", "skucast.jobs.freshness", "skucast.entry.doctor"],
    "predict": ["skucast.jobs.predict", "skucast.forecast.refreshing", "skucast.forecast.prophet.solver_loops"],
    "retrain": ["skucast.jobs.train", "skucast.jobs.loop", "skucast.forecast.prophet.prophet_object"],
}
"""What each image runs."""

NOT_A_JOBS = {"plotly.subplots make_subplots"}
"""Imported by what a notebook alone asks for (`skucast.api.plotting`)."""

BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Absent())
for each in {modules}:
    __import__(each)
"""


@pytest.fixture(scope="module")
def known() -> dict[str, Distribution]:
    """Return what is installed here, by name."""
    return {image_parts.canonical(each.metadata["Name"]): each for each in distributions()}


def test_every_requirement_is_in_one_part_or_left_out(known: dict[str, Distribution]) -> None:
    """A new one is in the base until somebody says otherwise; what is left out is in none."""
    parts = image_parts.divided(known, DIRECT)
    everywhere = [name for names in parts.values() for name in names]
    assert len(everywhere) == len(set(everywhere))
    assert set(everywhere) | set(image_parts.LEFT_OUT) >= DIRECT
    assert not set(everywhere) & set(image_parts.LEFT_OUT)
    assert {"numba", "llvmlite", "scipy"} <= set(parts["fitting"])
    assert {"prophet", "lightgbm", "cmdstanpy"} <= set(parts["training"])
    assert not {"matplotlib", "fonttools", "pillow"} & set(everywhere)


def test_a_part_finds_what_it_asks_for_in_itself_or_before(known: dict[str, Distribution]) -> None:
    """But for what is left out on purpose: an image is missing nothing by accident."""
    there: set[str] = set()
    for part, names in image_parts.divided(known, DIRECT).items():
        there |= set(names)
        for name in names:
            asked = [Requirement(line) for line in known[name].requires or ()]
            needed = {
                image_parts.canonical(each.name)
                for each in asked
                if each.marker is None or each.marker.evaluate({"extra": ""})
            }
            not_needed = set(image_parts.LEFT_OUT) | set(image_parts.UNUSED_NEEDS.get(name, ()))
            assert needed <= there | not_needed, f"{part}: {name}"


def test_what_one_does_not_need_is_there_for_another(known: dict[str, Distribution]) -> None:
    """Plotly's figures alone need narwhals, and so does LightGBM whatever it does; of pygments Rich alone asks."""
    parts = image_parts.divided(known, DIRECT)
    assert "narwhals" in parts["training"]
    assert not {"pygments", "markdown-it-py", "mdurl"} & {name for names in parts.values() for name in names}
    assert "narwhals" not in {*parts["base"], *parts["fitting"]}


def test_the_images_have_the_parts_in_their_order() -> None:
    """The monitoring the base alone, the prediction what fits, the trainings all."""
    of_images = {name: ("base", *image.parts) for name, image in IMAGES.items()}
    assert of_images["monitor"] == ("base",)
    assert of_images["predict"] == ("base", "fitting")
    assert of_images["retrain"] == tuple(image_parts.PARTS)


@pytest.mark.parametrize(
    ("image", "modules"),
    [
        ("monitor", ["skucast.jobs.monitor", "skucast.jobs.freshness", "skucast.entry.doctor"]),
        ("predict", ["skucast.jobs.predict", "skucast.forecast.refreshing"]),
    ],
)
def test_a_job_imports_nothing_that_its_image_lacks(image: str, modules: list[str]) -> None:
    """In a process of its own, in which the other parts and what is left out cannot be found."""
    there = IMAGES[image].parts
    names = [
        *image_parts.LEFT_OUT,
        *(name for part, begin in image_parts.PARTS.items() if part not in there for name in begin),
    ]
    absent = {MODULES.get(name, name) for name in names}
    code = BLOCKED.replace("{absent}", repr(absent)).replace("{modules}", repr(modules))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("image", "modules"), JOBS.items())
def test_what_is_imported_of_an_images_requirements_is_in_it(
    known: dict[str, Distribution], tmp_path: Path, image: str, modules: list[str]
) -> None:
    """At any moment, also within functions: in a process that finds the very files of the image, and no others."""
    every, there = files_of(known, DIRECT, ("base", *IMAGES[image].parts))
    used = [line for line in imports_of(ROOT / "src", every) if line not in NOT_A_JOBS]
    (tmp_path / "held").write_text("\n".join(there), encoding="utf-8")
    (tmp_path / "imports").write_text("\n".join([*modules, *used]), encoding="utf-8")
    tree = str(known["pandas"].locate_file(""))
    command = [sys.executable, "-c", ONLY + SCRIPT, tree, str(tmp_path / "held"), str(tmp_path / "imports")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"pandas", "google.cloud bigquery", "rich.table Table"} <= set(used)
    assert ("numba" in used, "lightgbm" in used) == (image != "monitor", image == "retrain")


def test_that_test_notices_a_file_that_is_missing(known: dict[str, Distribution], tmp_path: Path) -> None:
    """One module of many, deep in a package: what LightGBM imports of narwhals."""
    _, there = files_of(known, DIRECT, tuple(image_parts.PARTS))
    (tmp_path / "held").write_text("\n".join(there - {"narwhals/dependencies.py"}), encoding="utf-8")
    (tmp_path / "imports").write_text("lightgbm", encoding="utf-8")
    tree = str(known["pandas"].locate_file(""))
    command = [sys.executable, "-c", ONLY + SCRIPT, tree, str(tmp_path / "held"), str(tmp_path / "imports")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: narwhals.dependencies is not in the image" in done.stderr


@pytest.mark.parametrize("name", image_parts.UNUSED)
def test_no_library_that_stays_needs_one_that_does_not(known: dict[str, Distribution], name: str) -> None:
    """A loader would not find it, and the import of the whole package would fail."""
    tree = Path(str(known[name].locate_file("")))
    paths = list(image_parts.files_of(known[name], tree))
    gone = image_parts.unused(name, paths)
    libraries = {Path(path).name for path in gone if Path(path).name.startswith("lib") and ".so." in path}
    staying = [path for path in sorted(set(paths) - gone) if Path(path).suffix not in {".py", ".pyi"}]
    left = {Path(path).name for path in staying}
    needs = {path: libraries_needed((tree / path).read_bytes()) for path in staying}
    assert not {each for path in staying for each in needs[path] & (libraries - left)}
    known_needs = {"pyarrow": "libarrow_substrait.so.", "prophet": "libtbb-"}
    if name in known_needs:  # a reader that finds nothing would hold for whatever is left out
        assert any(each.startswith(known_needs[name]) for path in staying for each in needs[path])


def installed(tree: Path, name: str, *files: str, needs: tuple[str, ...] = ()) -> None:
    """Put a distribution into a tree as pip does."""
    about = tree / f"{name}-1.dist-info"
    about.mkdir(parents=True)
    asked = "".join(f"Requires-Dist: {each}\n" for each in needs)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{asked}", encoding="utf-8")
    for file in files:
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_text("x", encoding="utf-8")
    listed = [*files, f"{about.name}/METADATA", f"{about.name}/RECORD", "../../bin/tool"]
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in listed), encoding="utf-8")


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree of two parts: all need `common`, the trainer alone `helper`, nobody `pictures`."""
    monkeypatch.setattr(image_parts, "PARTS", {"base": (), "training": ("trainer",)})
    monkeypatch.setattr(image_parts, "LEFT_OUT", {"pictures": "never drawn"})
    monkeypatch.setattr(image_parts, "UNUSED", {"common": ("common/huge*",)})
    monkeypatch.setattr(image_parts, "UNUSED_NEEDS", {"common": {"helper": "for the trainer", "colours": "never seen"}})
    tree = tmp_path / "all"
    files = ("common/__init__.py", "common/huge.so", "common/tests/test_a.py", "common/include/a.h", "common/a.pyi")
    installed(tree, "common", *files, needs=("helper", "colours"))
    installed(tree, "colours", "colours.py")
    installed(tree, "trainer", "trainer/__init__.py", needs=("common", "helper", "pictures", "other; extra == 'x'"))
    installed(tree, "helper", "helper.py")
    installed(tree, "pictures", "pictures/__init__.py", needs=("font",))
    installed(tree, "font", "font.py")
    return tree


def test_files_are_moved_to_their_part_and_unused_ones_stay(made_up: Path, tmp_path: Path) -> None:
    """Tests, headers and what a table names stay behind, with what only they asked for, and what nobody needs."""
    lines = list(image_parts.move(made_up, {"common", "trainer"}, tmp_path / "parts"))
    assert [line[:3] for line in lines] == [
        ("base", "common", "1"),
        ("training", "helper", "1"),
        ("training", "trainer", "1"),
    ]
    found = sorted(
        path.relative_to(tmp_path / "parts").as_posix()
        for path in (tmp_path / "parts").rglob("*")
        if path.is_file() and "dist-info" not in path.as_posix()
    )
    assert found == ["base/common/__init__.py", "training/helper.py", "training/trainer/__init__.py"]


def test_a_library_is_moved_without_its_symbols(made_up: Path, tmp_path: Path) -> None:
    """And what is said of the size is what arrived."""
    [speedups] = Path(str(distribution("MarkupSafe").locate_file("markupsafe"))).glob("_speedups*.so")
    shutil.copy(speedups, made_up / "helper.py")
    shutil.copy(speedups, made_up / "trainer" / "__init__.py")
    (made_up / "trainer" / "__init__.py").rename(made_up / "trainer" / "fast.so")
    with (made_up / "trainer-1.dist-info" / "RECORD").open("a", encoding="utf-8") as record:
        record.write("trainer/fast.so,,\n")
    sizes = {name: size for _, name, _, size in image_parts.move(made_up, {"common", "trainer"}, tmp_path / "parts")}
    fast = tmp_path / "parts" / "training" / "trainer" / "fast.so"
    assert fast.stat().st_size < speedups.stat().st_size - 20_000
    assert (tmp_path / "parts" / "training" / "helper.py").read_bytes() == speedups.read_bytes()
    arrived = sum(path.stat().st_size for path in (tmp_path / "parts" / "training").rglob("*") if path.is_file())
    assert sizes["trainer"] + sizes["helper"] == pytest.approx(arrived / 1e6)


def test_a_table_that_names_what_is_not_there_ends_the_build(made_up: Path, tmp_path: Path, monkeypatch) -> None:
    """A pattern without a file, and a requirement that is gone: both would hide what comes back."""
    monkeypatch.setattr(image_parts, "UNUSED", {"common": ("common/renamed*",)})
    with pytest.raises(image_parts.Stale, match=r"common has nothing like common/renamed\*"):
        list(image_parts.move(made_up, {"common", "trainer"}, tmp_path / "parts"))
    monkeypatch.setattr(image_parts, "LEFT_OUT", {"gone": "was never asked for"})
    with pytest.raises(image_parts.Stale, match="names what is not installed: gone"):
        list(image_parts.move(made_up, {"common", "trainer"}, tmp_path / "other"))


@pytest.mark.parametrize("needs", [{"common": {"other": "is not asked for"}}, {"gone": {"helper": "was never there"}}])
def test_a_need_that_is_not_asked_for_ends_the_build(made_up: Path, tmp_path: Path, monkeypatch, needs: dict) -> None:
    """As when a package stops asking for what it did not need: the line of the table goes."""
    monkeypatch.setattr(image_parts, "UNUSED_NEEDS", needs)
    with pytest.raises(image_parts.Stale, match=r"UNUSED_NEEDS: (common|gone) does not ask for (other|helper)"):
        list(image_parts.move(made_up, {"common", "trainer"}, tmp_path / "parts"))
