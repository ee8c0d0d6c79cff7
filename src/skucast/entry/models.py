"""The tools about stored models: what they print, and which job does what they ask for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skucast.core.errors import InputError
from skucast.entry.arguments_of_models import ALL_MODELS

if TYPE_CHECKING:
    from skucast.backends.store.protocol import ModelStore
    from skucast.backends.warehouse.protocol import Warehouse
    from skucast.core.combination import Combination
    from skucast.core.run import Run
    from skucast.forecast.artifact import StoredModel
    from skucast.jobs.stored_models import Kept, Stored
    from skucast.runtime.outcome import RunReport
    from skucast.runtime.settings import Settings

LOOKED_AT = ("list", "show", "diff")
"""Actions that change nothing and leave no row of a run."""

WIDE = 240
"""Characters of a line that nobody looks at on a screen."""

Own = dict[str, object]


def change_models(
    own: Own, settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport
) -> None:
    """Roll back, heal or convert, as the arguments say."""
    from skucast.forecast.evidence import EVIDENCE
    from skucast.forecast.learnt import BLEND
    from skucast.forecast.panel.model import PANEL
    from skucast.jobs.rollback import Wanted, heal, roll_back
    from skucast.jobs.stored_models import models_named

    if own["action"] == "convert":
        from skucast.jobs.convert import convert

        target = None if own["target"] is None else str(own["target"])
        regressors = None if own["regressors"] is None else str(own["regressors"])
        is_trusted = bool(own["trusted"])
        convert(Path(str(own["path"])), target, regressors, settings, warehouse, store, run, report, trusted=is_trusted)
        return
    version, until = own.get("version"), own.get("until")
    wanted = Wanted(
        version=None if version is None else str(version),
        until=until if isinstance(until, date) else None,
    )
    _refuse_to_come(wanted.until, settings, run)
    these = models_named(settings, store, str(own["target"]))
    if wanted.version is not None and len(these) > 1:
        raise InputError("--version names a version of one model; of several give --until YYYY-MM-DD")
    if own["action"] == "heal":
        heal(these, [PANEL, EVIDENCE, BLEND] if own["target"] == ALL_MODELS else [], warehouse, store, run, report)
    else:
        roll_back(these, wanted, warehouse, store, run, report)


def _refuse_to_come(until: date | None, settings: Settings, run: Run) -> None:
    """Refuse a day that has not come, as AS_OF does: it is a slip of the pen, and every version would do.

    Raises:
        InputError: it has not come.
    """
    from skucast.entry.app import newest_day

    newest = newest_day(settings, run.run_at.replace(tzinfo=UTC))
    if until is not None and until > newest:
        raise InputError(f"--until: found {until}, which has not come: expected {newest}, today, or an earlier day")


def show_models(own: Own, settings: Settings, run: Run) -> None:
    """Print the list, the models or the differences that the arguments ask for.

    Raises:
        InputError: they name no stored model, or no version of it.
    """
    from skucast.backends.store.opening import open_store
    from skucast.jobs.stored_models import kept_versions, models_named, stored_models

    store = open_store(settings)
    these = models_named(settings, store, str(own["target"]))
    if own["action"] == "list":
        _print_list(stored_models(store, these), run.cutoff)
    for stored in stored_models(store, these) if own["action"] == "show" else []:
        _print_model(stored, kept_versions(store, stored.combination), run.cutoff)
    for each in these if own["action"] == "diff" else []:
        versions = [None if own[name] is None else str(own[name]) for name in ("version", "other")]
        _print_differences(each, *_pair(store, each, *versions))


def _pair(
    store: ModelStore, combination: Combination, version: str | None, other: str | None
) -> tuple[StoredModel, StoredModel]:
    """The two versions to compare, the older one first."""
    from skucast.core.errors import ModelError
    from skucast.jobs.stored_models import kept_version, stored_models

    [stored] = stored_models(store, [combination])
    new = stored.live if version is None else kept_version(store, combination, version)
    if isinstance(new, ModelError):
        whole = "" if "models show" in str(new) else f"; the whole ones: python -m skucast models show '{combination}'"
        raise InputError(f"{combination}: {new}{whole}")
    kept = stored.versions
    earlier = kept[: kept.index(new.version)] if new.version in kept else []
    others = earlier or [each for each in kept if each != new.version]
    if other is None and not others:
        raise InputError(f"{combination}: {new.version} is the only version kept: there is nothing to compare it with")
    old = kept_version(store, combination, others[-1] if other is None else other)
    if isinstance(old, ModelError):
        raise InputError(f"{combination}: {old}")
    return old, new


# --- What is printed ------------------------------------------------------------------------------------------------


def _print_list(models: list[Stored], cutoff: date) -> None:
    rows = []
    for each in models:
        told = _told(each.live, cutoff)
        rows.append((str(each.combination), *told, str(len(each.versions))))
    headings = ("model", "live version", "weeks old", "backtest WAPE", "kept")
    _print_grid(f"{len(models)} models, week {cutoff}", headings, rows)


def _told(found: Any, cutoff: date) -> tuple[str, str, str]:
    """The version, age in weeks and accuracy of a model; why there is none instead of its version."""
    from skucast.core.errors import ModelError
    from skucast.core.weeks import weeks_between

    if isinstance(found, ModelError):
        return f"none: {found}", "", ""
    wape = found.card.backtest.get("pooled")
    return found.version, str(weeks_between(found.card.cutoff_date, cutoff)), "" if wape is None else f"{wape:.3f}"


def _print_model(stored: Stored, kept: list[Kept], cutoff: date) -> None:
    from skucast.core.errors import ModelError

    live = None if isinstance(stored.live, ModelError) else stored.live
    if live is None:
        _print_grid(str(stored.combination), ("live", ""), [("", _told(stored.live, cutoff)[0])])
    else:
        card = live.card
        steps = {name: value for name, value in card.backtest.items() if name.isdigit()}
        facts = {
            "live version": live.version,
            "trained on": f"{card.n_weeks} known weeks, {card.first_week} to {card.cutoff}",
            "settings": json.dumps(card.hyperparameters, ensure_ascii=False),
            "backtest WAPE": _told(live, cutoff)[2] or "not known",
            "by weeks ahead": json.dumps(steps),
            "of the baseline": str(card.backtest.get("baseline")),
            "without effect, left out": ", ".join(card.dropped_regressors) or "nothing",
            "fit has converged": str(card.is_converged).lower(),
            "asked for": json.dumps(card.recipe, ensure_ascii=False),
            "made by": json.dumps(card.versions),
        }
        _print_grid(str(stored.combination), ("", ""), list(facts.items()))
    rows = [
        (*_told(each.model, cutoff), "live" if live is not None and live.version == each.version else "")
        if not isinstance(each.model, ModelError)
        else (each.version, "", "", str(each.model))
        for each in kept
    ]
    _print_grid("versions, in the order they were saved", ("version", "weeks old", "backtest WAPE", ""), rows)


def _print_differences(combination: Combination, old: StoredModel, new: StoredModel) -> None:
    from skucast.jobs.stored_models import differences

    rows = [(name, _short(one), _short(other)) for name, one, other in differences(old, new)]
    _print_grid(str(combination), ("", old.version, new.version), rows or [("nothing differs", "", "")])


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list) and all(isinstance(part, float) for part in value):
        return ", ".join(f"{part:.3g}" for part in value)
    return str(value)


def _print_grid(title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    grid = Grid(title=escape(title), title_justify="left", show_header=any(headings))
    for heading in headings:
        grid.add_column(escape(heading), overflow="fold")
    for row in rows:
        grid.add_row(*map(escape, row))
    console = Console()
    if not console.is_terminal:  # a file or another program, which folds nothing
        console.width = WIDE
    console.print(grid)
