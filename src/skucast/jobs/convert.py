"""Convert: the old system's Prophet pickles become models of ours, whose forecasts are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.errors import InputError, ModelError, ModelNotFound, RunFailed, StoreConflict
from skucast.core.model_files import MAX_BYTES
from skucast.core.run import Run
from skucast.core.words import counted
from skucast.forecast.artifact import StoredModel, dumps, loads
from skucast.forecast.cards import ModelCard
from skucast.forecast.plain import StoredPayload
from skucast.forecast.prophet.model import FittedModel
from skucast.forecast.prophet.old_object import KNOWN, from_prophet, unpickled
from skucast.forecast.training import HOLIDAYS_AHEAD
from skucast.jobs.registry import Ledger, Row, details_of, registry_row
from skucast.jobs.stored_models import model_in
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

SHOWN = 3
"""Files that a line names."""

MOST_BYTES = 256 * 1024 * 1024
"""Largest pickle that is converted: with the samples of a full fit one may have a hundred megabytes."""

NOT_TRUSTED = (
    "reading a pickle runs whatever its maker put into it; if your own old system wrote it, and nobody else could, say "
    "--i-trust-these-files (docs/retraining.md)"
)


@dataclass(frozen=True)
class _Old:
    """A file of the old system and whose model it is."""

    combination: Combination
    path: Path


def convert(
    path: Path,
    target: str | None,
    regressors: str | None,
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
    *,
    trusted: bool,
) -> None:
    """Store a model for each pickle of the file or folder, and record it; a model of ours that is live stays.

    Raises:
        InputError: nobody said that the files are trusted, there are none, or nobody said whose model a file is.
        RunFailed: some could not be converted; those that could are stored.
    """
    if not trusted:
        raise InputError(f"{path}: {NOT_TRUSTED}")
    names, old = _names(regressors), _files(path, target, report)
    report.n_combinations = len(old)
    with Ledger(warehouse, run, report, run.cutoff, lambda _: None) as ledger:
        for each in old:
            row = _convert_one(each, names, settings, store, run, report)
            report.counts[str(row["outcome"])] += 1
            ledger.add(row)
    if report.failures:
        first = "; ".join(f"{name}: {why}" for name, why in list(report.failures.items())[:SHOWN])
        raise RunFailed(f"{len(report.failures)} of {counted(len(old), 'pickle')} not converted: {first}")
    report.notes.append("they forecast as they did before; train them when you can: their accuracy is not known")


def _names(text: str | None) -> dict[str, str]:
    """Our regressor by the old models' name of it.

    Raises:
        InputError: one of ours is none.
    """
    found = {}
    for item in filter(None, (piece.strip() for piece in (text or "").split(";"))):
        ours, equals, theirs = (piece.strip() for piece in item.partition("="))
        if not equals or not theirs or ours not in KNOWN:
            raise InputError(f"--regressors: {item!r}: expected ours=theirs with ours one of {', '.join(KNOWN)}")
        found[theirs] = ours
    return found


def _files(path: Path, target: str | None, report: RunReport) -> list[_Old]:
    """The pickles to convert, in the order of their combinations; what is one of ours already is passed over."""
    if "gs:" in str(path):
        raise InputError(f"{path}: pickles are read from this machine alone: gcloud storage cp -r it here first")
    if path.is_file():
        if target is None:
            raise InputError(f"{path}: say whose model it is: --target UNIT/CHANNEL/SKU_ID")
        return [_Old(Combination.parse(target), path)]
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder")
    if target is not None:
        raise InputError(f"--target is about one file; in the folder {path} each file's path says it")
    found, ours = [], 0
    for file in sorted(path.glob("*/*/*.pkl")):
        if _is_ours(file):
            ours += 1
        elif not file.relative_to(path).parts[0].startswith("_"):
            found.append(_Old(Combination.from_path(file.relative_to(path).as_posix()), file))
    if ours:
        report.notes.append(f"{counted(ours, 'file')} passed over: models of this version")
    if not found and not ours:
        raise InputError(f"{path}: no file Unit/Channel/SKU_ID.pkl below it")
    return sorted(found, key=lambda each: each.combination)


def _is_ours(file: Path) -> bool:
    try:
        loads(_read(file, MAX_BYTES))
    except ModelError:
        return False
    return True


def _read(file: Path, most: int) -> bytes:
    """The bytes of an ordinary file, of a larger one no more than shows that.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        if not file.is_file():  # a pipe would wait for ever, a device never end
            raise ModelError(f"{file}: cannot be read (not an ordinary file)")
        with file.open("rb") as opened:
            return opened.read(most + 1)
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror})") from None


def _convert_one(
    old: _Old, names: Mapping[str, str], settings: Settings, store: ModelStore, run: Run, report: RunReport
) -> Row:
    """Convert one file, make it live unless a model of ours is, and return its row of the registry."""
    combination = old.combination
    try:
        stored, card = _converted(old, names, settings, run)
        live = _live(store, combination)
        details = details_of(card, stored.version, None)
        is_live = None if live is None else model_in(combination, live)
        if isinstance(is_live, StoredModel):
            same = is_live.version == stored.version
            why = "converted before" if same else f"{is_live.version} is live, a model of this version; it stays"
            current = details_of(is_live.card, is_live.version, is_live.version)
            return registry_row(combination, is_live.card.cutoff_date, "skipped", why, current)
        expected = None if live is None else live.generation
        store.save(combination, stored.payload, stored.version, expected=expected)
    except (InputError, ModelError, StoreConflict) as error:
        report.fail(combination, str(error))
        return registry_row(combination, run.cutoff, "failed", str(error), {})
    reason = f"converted from a Prophet object, {card.recipe['converted']}"
    log.info("converted", extra={"fields": {"combination": str(combination), "version": stored.version}})
    return registry_row(combination, card.cutoff_date, "saved", reason, details)


def _live(store: ModelStore, combination: Combination) -> Live | None:
    try:
        return store.load(combination)
    except ModelNotFound:
        return None


def _converted(old: _Old, names: Mapping[str, str], settings: Settings, run: Run) -> tuple[StoredPayload, ModelCard]:
    """The model in our form and its card.

    Raises:
        ModelError: the file is no fitted Prophet, or has parts that our form has no place for.
    """
    content = _read(old.path, MOST_BYTES)
    if len(content) > MOST_BYTES:
        raise ModelError(f"{old.path}: larger than {MOST_BYTES // 2**20} MiB, no pickle of one Prophet object")
    prophet = unpickled(content)
    newest = settings.clock.label(prophet.history["ds"].max().date())
    until = max(newest, run.cutoff) + HOLIDAYS_AHEAD
    model = from_prophet(prophet, names, settings.clock.end_weekday, until)
    card = _card(old, model, newest, hashlib.sha256(content).hexdigest())
    return dumps([model], card), card


def _card(old: _Old, model: FittedModel, cutoff: date, digest: str) -> ModelCard:
    nothing_known: dict[str, Any] = dict.fromkeys(("pooled", "baseline", "perfect_plan", "promotions"))
    return ModelCard(
        combination=str(old.combination),
        cutoff=str(cutoff),
        first_week=model.start,
        n_weeks=model.n_weeks,
        recipe={"converted": f"sha256 {digest[:12]}"},
        hyperparameters=[model.spec.as_dict()],
        dropped_regressors=[],
        is_converged=True,
        backtest={"origins": 0, **nothing_known},
        tuning={},
        versions={"prophet": version_of("prophet")},
    )
