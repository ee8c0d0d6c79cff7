"""What was refused of the planners' files lately, as the runs table tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.kept_json import kept_object
from skucast.core.run import Run
from skucast.core.tables.records import RUNS
from skucast.core.texts import Count, Place, Text, unpacked, wording
from skucast.language.catalogue import LANGUAGES, translated

REMEMBERED = timedelta(days=14)
"""So long a refusal is shown, if the file does not come again."""

_STAMPS = re.compile(r"^(\d{4}-\d\d-\d\dT\d{6}-[0-9a-f]{8}-)+")
"""What stands before the name of a file that was moved or sent back, once or again and again."""

_END = 100
"""Bytes of a name's end that tell files apart: of a long name only the end comes back."""


def refusal(file: str, n_refused: int, n_lines: int, first: str = "", content: str = "") -> Text:
    """Return how many rows of a file were refused, in words, and why the `first` of them was.

    `content` names what the file holds: it is kept with the sentence and not said.
    """
    kept = {"content": content} if content else {}
    if not first:
        return Count(
            "{refused} of {n} row refused in {file}",
            "{refused} of {n} rows refused in {file}",
            n_lines,
            refused=n_refused,
            file=file,
            **kept,
        )
    return Count(
        "{refused} of {n} row refused in {file} ({first})",
        "{refused} of {n} rows refused in {file} ({first})",
        n_lines,
        refused=n_refused,
        file=file,
        first=first,
        **kept,
    )


WHOLE = wording("refused: {reason}")
"""What runs keep of a file that could not be read; its name is in the reason."""


@cache
def _whole() -> tuple[str, ...]:
    """What stands before such a reason, in each language; a catalogue is read where something was refused alone."""
    return tuple(translated(language, WHOLE).partition("{")[0] for language in LANGUAGES)


@dataclass(frozen=True)
class Refused:
    """What was refused of a file, in words, when it came last, and the day of the run that read it (UTC).

    `is_partly`: rows of it came back; else nothing of it could be read. `content` names what it
    holds, empty = not known.
    """

    file: str
    said: str
    on: date
    is_partly: bool = True
    content: str = ""

    @property
    def inbox(self) -> str:
        """Its folder; files of promotions have none."""
        return self.file.rpartition("/")[0]


def refusals(
    warehouse: Warehouse, run: Run, read_now: Mapping[str, str | None] = MappingProxyType({})
) -> list[Refused]:
    """Return what was refused of each file that came lately, as it came last; nothing of those that were all right.

    `read_now` are the files that this run itself has read: its row is not stored while it goes on.
    """
    since, until = {"run_at": run.run_at - REMEMBERED}, {"run_at": run.run_at}
    runs = warehouse.read(RUNS, ["run_at", "plan_files"], since=since, until=until)
    rows = runs[runs["plan_files"].notna()].sort_values("run_at", kind="stable")
    of_runs: list[tuple[Mapping[str, str | None], date]] = [
        (_files(files), at.date()) for files, at in zip(rows["plan_files"], rows["run_at"], strict=True)
    ]
    newest: dict[str, Refused | None] = {}
    for files, on in [*of_runs, (read_now, run.run_at.date())]:
        for file, said in files.items():
            newest[_plan_of(file)] = _refused(_bare(file), said, on) if said else None
    refused = [each for each in newest.values() if each is not None]
    by_content = {(each.inbox, each.content or each.file): each for each in refused}  # of identical files the newest
    return [each for each in refused if by_content[each.inbox, each.content or each.file] is each]


def refused_lately(
    warehouse: Warehouse, run: Run, read_now: Mapping[str, str | None] = MappingProxyType({})
) -> list[Text]:
    """Return the same in words."""
    return [Text("{said} ({day})", said=each.said, day=each.on) for each in refusals(warehouse, run, read_now)]


def _files(stored: str) -> dict[str, str | None]:
    """What a run keeps of its files; one of before this was kept as a sentence has what was said in LOCALE."""
    return {
        file: None if said is None else said if isinstance(said, str) else _text(unpacked(said))
        for file, said in kept_object(stored).items()
    }


def _text(place: Place) -> str:
    assert isinstance(place, str)
    return place


def _refused(file: str, said: str, on: date) -> Refused:
    """What a run has kept of a file, without the word that it was refused, which is said of it anyway."""
    if isinstance(said, Text) and said.source == WHOLE:
        return Refused(file, _text(said.places["reason"]), on, is_partly=False, content=_content_of(said))
    reason = next((said.removeprefix(each) for each in _whole() if said.startswith(each)), said)
    return Refused(file, reason, on, is_partly=reason == said, content=_content_of(said))


def _content_of(said: Place) -> str:
    """The name of what the file holds, which is kept with the sentence or one in it."""
    if not isinstance(said, Text):
        return ""
    found = said.places.get("content")
    return found if isinstance(found, str) else next(filter(None, map(_content_of, said.places.values())), "")


def _plan_of(file: str) -> str:
    """The name by which a file is known as another's correction: rows of `plan.xlsx` come back as a CSV."""
    path = PurePosixPath(_bare(file))
    return f"{path.parent}/{path.stem.encode()[-_END:].decode(errors='ignore')}"


def _bare(file: str) -> str:
    """The file, with its folder where it is not one of promotions, without what stands before a name that came back."""
    path = PurePosixPath(file)
    return str(path.with_name(_STAMPS.sub("", path.name) or path.name))
