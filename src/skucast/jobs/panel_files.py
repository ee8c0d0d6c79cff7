"""The files that all combinations share, read for a forecast, and the grid that the panel is asked on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import ModelError, ModelNotFound
from skucast.core.model_files import SharedFile, newest_until
from skucast.core.weeks import WEEK, weeks_between
from skucast.forecast import evidence, learnt
from skucast.forecast.evidence import EVIDENCE
from skucast.forecast.learnt import BLEND, BlendModel
from skucast.forecast.panel import model as panel_model
from skucast.forecast.panel.grid import Grid, grid_of
from skucast.forecast.panel.model import PANEL, PanelModel
from skucast.forecast.plain import C, Read
from skucast.jobs.calendars import calendars_of
from skucast.regressors.declared import declared_of
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History

READERS: Mapping[SharedFile, Callable[[bytes], Read[Any]]] = {
    PANEL: panel_model.loads,
    EVIDENCE: evidence.loads,
    BLEND: learnt.loads,
}
"""How each of the files is read, and with that checked."""

MAX_AGE_WEEKS = 13
"""An older panel does not know what sells now, and is not asked."""


@dataclass(frozen=True)
class Files:
    """The panel and what was learnt of the blend, as a forecast reads them; `blend` is None where there is none."""

    panel: Read[PanelModel]
    blend: BlendModel | None
    blend_version: str | None = None


def load_files(store: ModelStore, cutoff: date, report: RunReport) -> Files | None:
    """Return the files that had not seen past the cutoff; None, and one line, where there is no usable panel."""
    try:
        panel = read_shared(store, PANEL, panel_model.loads, cutoff)
        age = weeks_between(panel.content.cutoff, cutoff)
        if age > MAX_AGE_WEEKS:
            raise ModelError(f"{age} weeks old; run run_all_skus.py")
    except ModelNotFound as error:
        report.notes.append(f"no panel model ({error}): Prophet forecasts alone; run run_all_skus.py")
        return None
    except ModelError as error:
        report.warn(f"{PANEL}: {error}; Prophet forecasts alone")
        return None
    try:
        blend = read_shared(store, BLEND, learnt.loads, cutoff)
        return Files(panel, blend.content, blend.version)
    except ModelError as error:
        report.warn(f"{BLEND}: {error}; the panel forecasts alone")
        return Files(panel, None)


def load_blend(store: ModelStore, cutoff: date) -> BlendModel | None:
    """Return what was learnt of the blend, of a file that had not seen past the cutoff; None without a usable one."""
    try:
        return read_shared(store, BLEND, learnt.loads, cutoff).content
    except ModelError:
        return None


def read_shared(store: ModelStore, file: SharedFile, loads: Callable[[bytes], Read[C]], cutoff: date) -> Read[C]:
    """Return the live file, or the newest version of it that had not seen past the cutoff.

    Raises:
        ModelNotFound: there is none.
        ModelError: it cannot be read.
    """
    live = loads(store.load(file).payload)
    if live.content.cutoff <= cutoff:
        return live
    newest = newest_until(store.versions(file), cutoff)
    if newest is None:
        raise ModelNotFound(f"{file}: every version has seen weeks after {cutoff}")
    return loads(store.load_version(file, newest))


def panel_grid(settings: Settings, warehouse: Warehouse, history: History, weeks_ahead: int) -> Grid:
    """Return the grid of all combinations of a history, with the holidays of its weeks and those ahead.

    Raises:
        InputError: HOLIDAY_CALENDAR or a location cannot be understood.
    """
    first, last = history.weeks["ds"].min().date(), history.weeks["ds"].max().date() + (weeks_ahead + 1) * WEEK
    units = sorted(history.weeks["unit"].unique())
    calendars = calendars_of(settings, warehouse, units)
    frames = {each: each.holidays(first, last, settings.clock) for each in {calendars.of(unit) for unit in units}}
    declared = declared_of(settings.regressors)
    return grid_of(history.weeks, {unit: frames[calendars.of(unit)] for unit in units}, weeks_ahead, declared)
