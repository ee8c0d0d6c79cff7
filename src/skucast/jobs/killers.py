"""Files that kill whoever reads them: a run that was killed has left a mark, and the file is not read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from skucast.backends.reading_marks import being_read, forget, left_by_the_dead
from skucast.core.run import Run
from skucast.core.texts import Text
from skucast.runtime.settings import Settings


@dataclass(frozen=True)
class Marked:
    """A file that may be marked as being read: `folder` is where the marks are, `digest` what it holds."""

    name: str
    folder: str
    digest: str
    settings: Settings

    def left(self) -> dict[str, str]:
        """Return the marks of runs that were killed while they read it; one that may live is waited for."""
        return left_by_the_dead(self.settings.staging, self.folder, self.digest, self.settings.endpoints)

    def being_read(self, run: Run) -> AbstractContextManager[None]:
        """Return the time during which this run reads it."""
        told = {"file": self.name, "run": run.task_id, "at": f"{run.now():%Y-%m-%d %H:%M:%S}"}
        place, endpoints = self.settings.staging, self.settings.endpoints
        return being_read(place, self.folder, self.digest, json.dumps(told, ensure_ascii=False), endpoints)

    def forget(self, marks: Mapping[str, str]) -> None:
        """Remove these marks: the file is put aside."""
        forget(self.settings.staging, dict(marks), self.settings.endpoints)

    def why(self, marks: Mapping[str, str]) -> Text:
        """Return why it is not read any more: by the last mark of a run that was killed."""
        told: dict[str, str] = {}
        with suppress(ValueError, RecursionError):
            told = json.loads(list(marks.values())[-1])
        return Text(
            "{name}: a run was killed, or ran out of memory, while it read this file ({run}, {at} UTC), so it is not "
            "read again; if that was by chance, put it back into the inbox, else save it anew in a smaller one",
            name=self.name,
            run=str(told.get("run", "?")),
            at=str(told.get("at", "?")),
        )
