"""Addresses of services and paths of files, as far as they can be judged without asking anybody."""

from __future__ import annotations

import os
import re
from ipaddress import IPv6Address
from urllib.parse import urlsplit

MAX_NAME, MAX_PATH = 255, 4_000
"""Bytes of a file's or folder's name, and of a whole path, that systems take."""

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_UNUSUAL = re.compile(r"[\s\x00-\x1f\x7f\\]")


def is_web_address(text: str) -> bool:
    """Return whether it is http(s)://HOST[:PORT][/PATH] with a host and a port that there can be."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or _UNUSUAL.search(text) or parts.netloc.endswith(":") or port == 0:
        return False
    is_one = parts.netloc.count("@") <= 1
    return is_one and is_host(parts.hostname or "", in_brackets="[" in parts.netloc)


def is_host_and_port(text: str) -> bool:
    """Return whether it is HOST:PORT, as there can be."""
    return "/" not in text and "@" not in text and text.count(":") == 1 and is_web_address(f"http://{text}")


def is_host(name: str, *, in_brackets: bool = False) -> bool:
    """Return whether a host can have the name, which may be written in any alphabet."""
    if in_brackets:
        try:
            IPv6Address(name.partition("%")[0])
        except ValueError:
            return False
        return True
    try:
        plain = name.removesuffix(".").encode("idna").decode("ascii")
    except UnicodeError:  # an empty part, one that is too long, or letters that no host has
        return False
    return len(plain) <= 253 and all(_LABEL.fullmatch(part) for part in plain.split("."))


def path_problem(path: str) -> str:
    """Return why no file can have the path, in words that go behind what was expected; empty if one can."""
    size = len(os.fsencode(path))
    longest = max((len(os.fsencode(part)) for part in path.split("/")), default=0)
    if size > MAX_PATH:
        return f"; a path has no more than {MAX_PATH:,} bytes, this one has {size:,}"
    if longest > MAX_NAME:
        return f"; a name in a path has no more than {MAX_NAME} bytes, one has {longest:,}"
    return ""
