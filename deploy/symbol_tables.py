"""Libraries without what only linkers and debuggers read: their symbol tables and debugging information.

A process maps the segments of a library that its program headers name; the symbols that others link to are in one of
these. Behind the last segment lie sections that nothing maps: the file is cut there, and its header says that it has no
sections. No byte before the cut moves, as it does with tools that write a library anew
(docs/decisions/0067-cut-libraries.md).

Runs in the build of an image alone; standard library only.
"""

from __future__ import annotations

import struct
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

NOT_MAPPED = (".symtab", ".strtab", ".shstrtab", ".comment", ".gnu.build.attributes*", ".annobin.*", ".debug_*")
"""The sections that may go. A file with any other behind its segments is left as it is: somebody may read it."""

KIND = b"\x7fELF\x02\x01"
"""How files begin that have addresses of 64 bits, the least byte first."""

LIBRARY, MAPPED, INTERPRETER, EMPTY, ALLOCATED = 3, 1, 3, 8, 2
"""Numbers of the format: a library; a segment that is mapped, and one that only a program has; a section without bytes,
and the flag of one that is in memory."""


class Header(NamedTuple):
    """How a file begins, in the format's order; `sections` and `segments` say where these are listed."""

    kind: bytes
    type: int
    machine: int
    version: int
    entry: int
    segments: int
    sections: int
    flags: int
    size: int
    segment_size: int
    segment_count: int
    section_size: int
    section_count: int
    names: int


class Segment(NamedTuple):
    """A part of the file that a process may map."""

    type: int
    flags: int
    start: int
    address: int
    physical: int
    size: int
    memory: int
    align: int


class Section(NamedTuple):
    """A part of the file as linkers and debuggers know it; `name` is a place among the names."""

    name: int
    type: int
    flags: int
    address: int
    start: int
    size: int
    link: int
    info: int
    align: int
    entry: int


HEADER, SEGMENT, SECTION = struct.Struct("<16sHHIQQQIHHHHHH"), struct.Struct("<IIQQQQQQ"), struct.Struct("<IIQQQQIIQQ")


def without_symbols(content: bytes) -> bytes | None:
    """Return a library's content up to the end of its segments; None where that is not plainly all that is needed."""
    try:
        header = Header._make(HEADER.unpack_from(content))
        if not content.startswith(KIND) or header.type != LIBRARY:
            return None
        end = _end_of_segments(content, header)
        is_all = _is_all_known(content, header, end)
    except (struct.error, IndexError, ValueError):  # damaged
        return None
    if not is_all:
        return None
    return HEADER.pack(*header._replace(sections=0, section_count=0, names=0)) + content[HEADER.size : end]


def _end_of_segments(content: bytes, header: Header) -> int:
    if header.segment_size != SEGMENT.size:
        raise ValueError("segments of another format")
    listed = header.segments + header.segment_count * SEGMENT.size
    segments = [Segment._make(each) for each in SEGMENT.iter_unpack(content[header.segments : listed])]
    types = [each.type for each in segments]
    if MAPPED not in types or INTERPRETER in types:
        raise ValueError("a program, or nothing to load")
    return max(HEADER.size, listed, *(each.start + each.size for each in segments))


def _is_all_known(content: bytes, header: Header, end: int) -> bool:
    """Return whether all that lies behind the segments are whole sections that may go, and the list of sections."""
    if header.section_size != SECTION.size:
        raise ValueError("sections of another format")
    listed = header.sections + header.section_count * SECTION.size
    sections = [Section._make(each) for each in SECTION.iter_unpack(content[header.sections : listed])]
    behind = [each for each in sections if each.type != EMPTY and each.start + each.size > end]
    if not behind:
        return False
    for each in behind:
        name = _name(content, sections[header.names].start + each.name)
        if each.start < end or each.flags & ALLOCATED or not any(fnmatch(name, known) for known in NOT_MAPPED):
            return False
    return header.sections >= end and len(content) == max(listed, *(each.start + each.size for each in behind))


def _name(content: bytes, start: int) -> str:
    return content[start : content.index(b"\0", start)].decode("latin-1")


def cut(path: Path) -> int:
    """Cut a library in its place and return by how many bytes; 0 for whatever is left as it is."""
    if path.is_symlink() or not any(fnmatch(path.name, each) for each in ("*.so", "*.so.*")):
        return 0
    content = path.read_bytes()
    kept = without_symbols(content)
    if kept is None:
        return 0
    with path.open("r+b") as file:  # neither its permissions nor its other names change
        file.write(kept)
        file.truncate()
    return len(content) - len(kept)
