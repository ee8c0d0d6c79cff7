"""Libraries are cut behind what a process maps of them: they do what they did, and whatever else there is stays."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from symbol_tables import HEADER, SECTION, Header, Section, cut, without_symbols

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="libraries of another format")

SPEEDUPS = "markupsafe/_speedups*.so"
"""A small library with all that there is: symbols, debugging information, notes."""

LOADS = """
import hashlib
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location

name, file = sys.argv[1:]
spec = spec_from_file_location(name, file, loader=ExtensionFileLoader(name, file))
sys.modules[name] = module = module_from_spec(spec)
spec.loader.exec_module(module)
assert module.__file__ == file
if name == "markupsafe._speedups":
    print(module._escape_inner("<a href='x'> & \\u043f"))
else:
    from cryptography.hazmat.primitives import hashes
    digest = module.openssl.hashes.Hash(hashes.SHA256())
    digest.update(b"x" * 1_000_000)
    assert digest.finalize() == hashlib.sha256(b"x" * 1_000_000).digest()
    print("equal")
"""


def library(pattern: str, package: str = "MarkupSafe") -> Path:
    """Return a library of an installed package."""
    root = Path(str(distribution(package).locate_file("")))
    [found] = root.glob(pattern)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of a library that has symbols."""
    return shutil.copy(library(SPEEDUPS), tmp_path / "speedups.so")


def loaded(name: str, file: Path) -> str:
    """Return what a library does when a process of its own has loaded it."""
    done = subprocess.run([sys.executable, "-c", LOADS, name, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("name", "pattern", "package", "at_least"),
    [
        ("markupsafe._speedups", SPEEDUPS, "MarkupSafe", 20_000),
        ("cryptography.hazmat.bindings._rust", "cryptography/hazmat/bindings/_rust*.so", "cryptography", 2_000_000),
    ],
)
def test_a_library_that_is_cut_does_what_it_did(
    tmp_path: Path, name: str, pattern: str, package: str, at_least: int
) -> None:
    """Loaded from where it was cut. Of what is left three numbers of the header are others, and no byte more."""
    file = Path(shutil.copy(library(pattern, package), tmp_path / "library.so"))
    file.chmod(0o754)
    before, does = file.read_bytes(), loaded(name, file)
    saved = cut(file)
    assert saved >= at_least
    assert len(before) - saved == file.stat().st_size
    assert file.read_bytes()[HEADER.size :] == before[HEADER.size : len(before) - saved]
    assert stat.S_IMODE(file.stat().st_mode) == 0o754
    assert loaded(name, file) == does
    assert cut(file) == 0  # nothing lies behind any more


def test_large_libraries_keep_their_segments() -> None:
    """What is cut off is at the end alone, in Arrow and Numba more than 20 MB of it."""
    saved = 0
    for package in ("pyarrow", "numba"):
        for path in sorted(Path(str(distribution(package).locate_file(package))).rglob("*.so*")):
            content = path.read_bytes()
            kept = without_symbols(content) or content
            assert content[HEADER.size :].startswith(kept[HEADER.size :]), path
            saved += len(content) - len(kept)
    assert saved > 20_000_000


def test_a_library_that_was_patched_is_left_as_it_is() -> None:
    """Its own list of symbols was moved to the end of the file, into a segment: nothing lies behind."""
    [blas] = Path(str(distribution("numpy").locate_file("numpy.libs"))).glob("libscipy_openblas64*")
    assert without_symbols(blas.read_bytes()) is None


def test_links_stay_links(copy: Path) -> None:
    """A second name of the file is one of the cut file; a link is not followed, so that nothing elsewhere is cut."""
    second, link = copy.with_name("second.so"), copy.with_name("link.so.1")
    os.link(copy, second)
    link.symlink_to(copy)
    before = copy.read_bytes()
    assert cut(link) == 0
    assert copy.read_bytes() == before
    assert cut(copy) > 0
    assert link.is_symlink()
    assert copy.samefile(second)
    assert cut(second) == 0


def test_what_is_no_library_is_left_byte_for_byte(tmp_path: Path, copy: Path) -> None:
    """A program, whatever its name, a linker's script that is called as a library is, and a library of another name."""
    program = Path(shutil.copy(Path(sys.executable).resolve(), tmp_path / "program.so"))
    script = tmp_path / "libtbb.so"
    script.write_text("INPUT (libtbb.so.2)\n", encoding="ascii")
    (tmp_path / "empty.so").touch()
    renamed = copy.rename(tmp_path / "speedups.duckdb_extension")
    for path in (program, script, tmp_path / "empty.so", renamed):
        before = path.read_bytes()
        assert cut(path) == 0
        assert path.read_bytes() == before


def changed(content: bytes, **values: object) -> bytes:
    """Return a library whose header says something else."""
    header = Header._make(HEADER.unpack_from(content))._replace(**values)
    return HEADER.pack(*header) + content[HEADER.size :]


def last_section(content: bytes, **values: int) -> bytes:
    """Return a library of which the last section, its names, has another entry."""
    header = Header._make(HEADER.unpack_from(content))
    place = header.sections + header.names * SECTION.size
    entry = SECTION.pack(*Section._make(SECTION.unpack_from(content, place))._replace(**values))
    return content[:place] + entry + content[place + SECTION.size :]


def test_whatever_is_not_plain_is_left_as_it_is(copy: Path) -> None:
    """Another kind of processor, bytes that somebody has put behind, sections that somebody may read."""
    content = copy.read_bytes()
    assert without_symbols(content) is not None
    for kind in (b"\x7fELF\x01\x01", b"\x7fELF\x02\x02", b"MZ"):  # 32 bits; the highest byte first; Windows
        assert without_symbols(kind + content[len(kind) :]) is None
    for type_ in (1, 2, 4):  # an object file, a program, a core
        assert without_symbols(changed(content, type=type_)) is None
    assert without_symbols(changed(content, section_size=40)) is None
    assert without_symbols(changed(content, segment_size=32)) is None
    assert without_symbols(changed(content, segment_count=0)) is None
    assert without_symbols(content + b"appended") is None
    assert without_symbols(content[:-1]) is None
    assert without_symbols(content.replace(b"\0.comment\0", b"\0.payload\0")) is None
    assert without_symbols(last_section(content, flags=2)) is None
    assert without_symbols(last_section(content, start=1, size=len(content) - 1)) is None


def test_no_damaged_file_ends_the_build(copy: Path) -> None:
    """2,000 libraries with wrong bytes in their header and lists: cut at the end or left as they are."""
    content, draw = copy.read_bytes(), random.Random(67)
    header = Header._make(HEADER.unpack_from(content))
    places = [*range(6, HEADER.size + 500), *range(header.sections, len(content))]
    outcomes = set()
    for _ in range(2_000):
        damaged = bytearray(content)
        for place in draw.sample(places, draw.randint(1, 8)):
            damaged[place] = draw.randrange(256)
        kept = without_symbols(bytes(damaged))
        outcomes.add(kept is None)
        assert kept is None or bytes(damaged)[HEADER.size :].startswith(kept[HEADER.size :])
    assert outcomes == {True, False}
