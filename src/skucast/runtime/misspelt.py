"""Lines of `.env` and variables that are meant for us and would be passed over: no setting, or set anew below."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

ALIKE_IN_FILE = 0.8
"""How alike, from 0 to 1, a name in `.env` must be to a setting to be taken for a slip of the pen."""

ALIKE_IN_ENVIRONMENT = 0.9
"""The same in the environment, where most variables are others': one letter wrong in ten."""

ALIKE_WORDS = 0.5
"""How alike each word must be: GCS_ENDPOINT is no slip for OSS_ENDPOINT, though most letters are the same."""

OTHERS = frozenset({"LOGLEVEL", "ECS_ENDPOINT", "GCP_ENDPOINT", "TRAIN_JOB"})
"""Well-known names of other programs, and of our own deployment, that are a letter or two away from a setting."""

_PREFIX = "SKUCAST_"


def misspelt_in_file(path: Path, encoding: str, settings: Collection[str]) -> Iterator[str]:
    """Yield one line per name in a file such as `.env` that is meant for a setting and sets none, or sets it anew.

    Names that look like no setting are other programs'. `settings` are the names in capitals.
    """
    from dotenv.parser import parse_stream

    if not path.is_file():
        return
    with path.open(encoding=encoding) as lines:
        entries = list(parse_stream(lines))
    first: dict[str, tuple[int, str]] = {}
    for entry in entries:
        text = entry.key or (entry.original.string if entry.error else "")
        if not text:
            continue
        found = entry.original.string
        line = entry.original.line + found[: len(found) - len(found.lstrip())].count("\n")
        if entry.value is not None and text.upper() in settings:
            at, value = first.setdefault(text.upper(), (line, entry.value))
            if value != entry.value:
                yield f"{text.upper()}: set twice ({path}, lines {at} and {line}), to two values: leave one of them"
            continue
        meant = _meant(text, tuple(settings), ALIKE_IN_FILE)
        if meant or _plain(text).startswith(_PREFIX):
            yield _said(text, f"{path}, line {line}", meant)


def misspelt_in_environment(variables: Mapping[str, str], settings: Collection[str]) -> Iterator[str]:
    """Yield one line per variable that is all but the name of a setting of several words."""
    settings = tuple(settings)
    long = tuple(name for name in settings if "_" in name)
    for name in variables:
        if name.upper() not in settings:
            own = _plain(name).startswith(_PREFIX)
            meant = _meant(name, settings if own else long, ALIKE_IN_FILE if own else ALIKE_IN_ENVIRONMENT)
            if meant:
                yield _said(name, "environment", meant)


def _said(text: str, where: str, meant: str | None) -> str:
    name = _name(text)
    if meant == name.upper():
        return f"{name}: sets nothing ({where}): expected {meant}=VALUE"
    return f"{name}: no setting has this name ({where})" + (f"; did you mean {meant}?" if meant else "")


@functools.lru_cache(maxsize=1_024)  # a process that starts several jobs asks for the same variables each time
def _meant(text: str, settings: tuple[str, ...], alike: float) -> str | None:
    """Return the setting that was meant, or None where the name is somebody else's."""
    name = _plain(text)
    if name in OTHERS or name.startswith("CLOUD_RUN_"):
        return None
    name = name.removeprefix(_PREFIX)
    closest = get_close_matches(name, settings, cutoff=alike)
    return next((setting for setting in closest if _words_are_alike(name, setting)), None)


def _name(text: str) -> str:
    """Return what stands before `=` or `:`, or is the first word: of `set HORIZON_WEEKS 2` as of `HORIZON_WEEKS: 2`."""
    text = re.sub(r"^\s*(export\s|set\s|\$?env:)", "", text, flags=re.IGNORECASE).strip()
    return re.split(r"[=:]" if re.search(r"[=:]", text) else r"\s", text, maxsplit=1)[0].strip()


def _plain(text: str) -> str:
    """Return the name as variables are written: `horizon-weeks` is HORIZON_WEEKS."""
    return re.sub(r"\W+", "_", _name(text)).strip("_").upper()


def _words_are_alike(name: str, setting: str) -> bool:
    ours, theirs = setting.split("_"), name.split("_")
    if len(ours) != len(theirs):
        return True
    return all(SequenceMatcher(None, *pair).ratio() >= ALIKE_WORDS for pair in zip(ours, theirs, strict=True))
