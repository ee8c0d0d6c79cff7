"""What the program imports of the packages of an image, and a finder that finds only what an image holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from struct import iter_unpack

import image_parts
from symbol_tables import HEADER, KIND, SEGMENT, Header, Segment

SCRIPT = """
import sys
from importlib import import_module

for line in open(sys.argv[1], encoding="utf-8"):
    module, _, name = line.strip().partition(" ")
    found = import_module(module)
    if name and not hasattr(found, name):
        import_module(f"{module}.{name}")
"""
"""Import what the lines of a file name: a module, or a module and what is taken from it."""

ONLY = """
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

tree, listed, *sys.argv[1:] = sys.argv[1:]
held = set(Path(listed).read_text(encoding="utf-8").splitlines())

class Held(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target)
        origin = spec.origin if spec else None
        if origin and origin.startswith(tree) and origin[len(tree) + 1:] not in held:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)

sys.meta_path.insert(0, Held())
"""
"""Before SCRIPT: of the installed packages nothing can be imported but the files that a list names."""


def files_of(known: Mapping[str, Distribution], direct: set[str], parts: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """Return the files of an image's requirements, and those of them that the image holds."""
    divided = image_parts.divided(known, direct)
    every: set[str] = set()
    unused: set[str] = set()
    for name in (name for part in parts for name in divided[part]):
        paths = list(image_parts.files_of(known[name], Path(str(known[name].locate_file("")))))
        every |= set(paths)
        unused |= image_parts.unused(name, paths)
    return every, every - unused


@cache
def imported(source: Path) -> frozenset[tuple[str, str]]:
    """Return each module that the sources import, at whatever moment, and the name that is taken from it, or none."""
    found: set[tuple[str, str]] = set()
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(each.name, "") for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {(node.module, each.name) for each in node.names}
    return frozenset(found)


def imports_of(source: Path, files: Iterable[str]) -> list[str]:
    """Return what the sources import of the requirements that have these files, as SCRIPT reads it."""
    modules = {_module(path) for path in files if path.endswith((".py", ".so"))}
    named = {(module, name): {module, f"{module}.{name}"} for module, name in imported(source)}
    return sorted(f"{module} {name}".strip() for module, name in imported(source) if named[module, name] & modules)


def _module(path: str) -> str:
    return path.partition(".")[0].removesuffix("/__init__").replace("/", ".")


def libraries_needed(content: bytes) -> set[str]:
    """Return the libraries that the loader looks for before it loads this library or program; none for other files."""
    if not content.startswith(KIND):
        return set()
    header = Header._make(HEADER.unpack_from(content))
    listed = header.segments + header.segment_count * SEGMENT.size
    segments = [Segment._make(each) for each in SEGMENT.iter_unpack(content[header.segments : listed])]
    dynamic = [content[each.start : each.start + each.size] for each in segments if each.type == 2]
    entries = [entry for each in dynamic for entry in iter_unpack("<QQ", each)]
    names = next((value for tag, value in entries if tag == 5), 0)
    [start] = [each.start + names - each.address for each in segments if each.type == 1 and _holds(each, names)] or [0]
    places = [start + value for tag, value in entries if tag == 1]
    return {content[place : content.index(b"\0", place)].decode() for place in places}


def _holds(segment: Segment, address: int) -> bool:
    return segment.address <= address < segment.address + segment.size
