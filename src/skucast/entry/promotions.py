"""The plan of promotions on the command line: files taken in, the template."""

from __future__ import annotations

from pathlib import Path

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


def change_plan(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, _: ModelStore, run: Run, report: RunReport
) -> None:
    """Take the planners' files in, or write their template.

    Raises:
        InputError: files are to be taken in on another day than today, or a name or file is not to be used.
    """
    if own["action"] == "ingest":
        _ingest(settings, warehouse, run, report)
    else:
        _template(own, settings, warehouse, run, report)


def _ingest(settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    from skucast.jobs.predecessors import ingest_predecessors
    from skucast.jobs.promotions import ingest_inbox, known_names

    if not run.is_about_today(settings.clock):
        raise InputError("AS_OF: files are taken in on the day that it is: another one knows other articles; unset it")
    known, aliases = known_names(settings, warehouse, run)
    report.n_rows = ingest_predecessors(settings, warehouse, run, report, known, aliases, by_hand=True)
    report.n_rows += ingest_inbox(settings, warehouse, run, report, known, aliases, by_hand=True)


def _template(own: dict[str, object], settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    from skucast.jobs.promotion_plan import template, wanted_names
    from skucast.regressors.promotion_template import write_template

    path = Path(str(own["output"]))
    rows, said = template(settings, warehouse, run, wanted_names(own))
    write_template(path, rows)
    report.notes.append(f"{path}: {said}; put it into promotions/inbox/ below STAGING")
