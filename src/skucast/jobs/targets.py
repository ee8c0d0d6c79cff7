"""What a run is about: its targets become combinations, by name and pattern, from files, and by what is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from skucast.backends.files import read_bytes
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError, ModelError, NothingToDo, StoreError
from skucast.core.first_bytes import first_bytes
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import ALL
from skucast.core.tables.scorecard import METRICS, POOLED_STEP
from skucast.core.targets import IN_BUCKET, file_of, parse_targets, resolve_targets, word_of
from skucast.core.weeks import WEEK, weeks_between
from skucast.core.words import counted
from skucast.forecast.trainable import skip_reason
from skucast.jobs.models import Models, load_models
from skucast.runtime.column_map import parse_column_map
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings
from skucast.runtime.target_files import MAX_BYTES, targets_in
from skucast.sales.history import History

REMEMBERED_WEEKS = 52
"""How old the newest alerts and the newest scorecard may be."""


@dataclass(frozen=True)
class Asked:
    """The items of a list of targets: names and patterns, those of its files among them, and words."""

    names: list[str]
    words: list[tuple[str, int]]


def asked_for(settings: Settings, text: str) -> Asked:
    """Return what a list of targets asks for, its files read.

    Raises:
        InputError: a file cannot be read, or names nothing.
    """
    names: list[str] = []
    words: list[tuple[str, int]] = []
    for item in parse_targets(text):
        word, file = word_of(item), file_of(item)
        if word is not None:
            words.append(word)
        elif file is not None:
            found, notes = targets_in(file, _content(file, settings), parse_column_map(settings.sales_columns))
            names.extend(found)
            for note in notes:
                log.warning("%s", note)
            log.info("%s names %s", file, counted(len(found), "target"))
        else:
            names.append(item)
    return Asked(names, words)


def accepted_missing(settings: Settings) -> list[str]:
    """Return the unresolved names and patterns of what is closed or renamed for good.

    Raises:
        InputError: a file of them cannot be read, or names nothing.
    """
    return [] if settings.accept_missing is None else asked_for(settings, settings.accept_missing).names


def chosen(
    settings: Settings,
    asked: Asked,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    history: History,
    beside: Callable[[History], Sequence[Combination]] = lambda _: (),
) -> tuple[list[Combination], frozenset[Combination]]:
    """Return the combinations of the sales, and those beside them, that are asked for, and those for words alone.

    The former are sorted, each once.

    Raises:
        InputError: a name or pattern that fits none.
        NothingToDo: words alone were given, and no combination is what they say; not in a run of several tasks, in
            which a task that finds nothing left for itself still says so to the others.
    """
    named = resolve_targets(asked.names, [*history.combinations, *beside(history)], history.names.aliases)
    found = set(named)
    nothing = []
    for word, number in asked.words:
        these, of_what = _WORDS[word](_Known(settings, warehouse, store, run, history), number)
        found.update(these)
        text = f"@{word}: {counted(len(these), 'combination') if these else 'no combination'} {of_what}"
        if these:
            log.info("%s", text)
        else:
            nothing.append(text)
    if not found and run.task_count == 1:
        raise NothingToDo(f"{'; '.join(nothing)}; nothing is to be done")
    for text in nothing:
        log.info("%s", text)
    return sorted(found), frozenset(found - set(named))


def tasks_part(run: Run, asked: Asked, only: Sequence[Combination], known: Sequence[Combination]) -> list[Combination]:
    """Return this task's part of what is asked for.

    What a word stands for changes while the tasks work: a model that was made is not missing any more. So its tasks
    share out all that is known, which stays, and none takes what is another's.
    """
    if not asked.words:
        return run.shard(only)
    wanted = set(only)
    return [each for each in run.shard(known) if each in wanted]


def _content(file: str, settings: Settings) -> bytes:
    if not file.startswith(IN_BUCKET):
        path = Path(file).expanduser()
        try:
            return first_bytes(path, MAX_BYTES)
        except OSError as error:
            raise InputError(f"file {file}: cannot be read ({error.strerror})") from None
    place, _, name = file.rpartition("/")
    found = read_bytes(place, name, settings.endpoints, limit=MAX_BYTES + 1)
    if found is None:
        raise InputError(f"file {file}: there is no such object; look with: gcloud storage ls {place}/")
    return found.data


# --- What words stand for -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    """All that a word may look at."""

    settings: Settings
    warehouse: Warehouse
    store: ModelStore
    run: Run
    history: History


_Found = tuple[list[Combination], str]
"""The combinations, and of what they are, in words that follow upon their number."""


def _with_alert(known: _Known, _: int) -> _Found:
    cutoff = known.run.cutoff
    rows = known.warehouse.read(ALERTS, since={"cutoff": cutoff - REMEMBERED_WEEKS * WEEK}, until={"cutoff": cutoff})
    if rows.empty:
        return [], "(no week has been monitored yet: run monitor_performance.py)"
    newest = rows["cutoff"].max()
    still = rows[(rows["cutoff"] == newest) & (rows["state"] != "resolved") & (rows["unit"] != ALL)]
    return _in_the_sales(known.history, still), f"with an alert open in week {newest.date()}"


def _worst(known: _Known, number: int) -> _Found:
    cutoff = known.run.cutoff
    of_windows = {"window": "rolling", "level": "combination", "step": POOLED_STEP}
    rows = known.warehouse.read(
        METRICS,
        since={"window_end": cutoff - REMEMBERED_WEEKS * WEEK, **of_windows},
        until={"window_end": cutoff, **of_windows},
    )
    if rows.empty:
        return [], "(nothing has been scored yet: run monitor_performance.py)"
    newest = rows["window_end"].max()
    scored = rows[(rows["window_end"] == newest) & (rows["sum_abs_error"] > 0)]
    scored = scored.sort_values(["sum_abs_error", *KEY], ascending=[False, True, True, True], kind="stable")
    there = set(known.history.combinations)
    ranked = [each for each in _combinations(known.history, scored) if each in there]
    first = rows.loc[rows["window_end"] == newest, "window_start"].min()
    return ranked[:number], f"most wrongly forecast in the weeks {first.date()} to {newest.date()}"


def _stale(known: _Known, _: int) -> _Found:
    limit, newest = known.settings.refresh_after_weeks, known.history.data_cutoff
    old = [
        each
        for each, stored in _models(known).items()
        if not isinstance(stored, ModelError) and weeks_between(stored.card.cutoff_date, newest) > limit
    ]
    return old, f"with a model older than {counted(limit, 'week')} (REFRESH_AFTER_WEEKS)"


def _missing(known: _Known, _: int) -> _Found:
    """Those that training would make a model of and that have none that prediction could use."""
    without = [each for each, stored in _models(known).items() if isinstance(stored, ModelError)]
    return without, "that is active, has enough history and no usable model"


_WORDS: dict[str, Callable[[_Known, int], _Found]] = {
    "alerts": _with_alert,
    "stale": _stale,
    "missing": _missing,
    "worst": _worst,
}


def _models(known: _Known) -> Models:
    """The models of those that training would make one of, or why there is none.

    Raises:
        StoreError: one could not be looked at, and need not be missing.
    """
    models = load_models(known.store, _trainable(known), known.run.cutoff)
    for stored in models.values():
        if isinstance(stored, StoreError):
            raise stored
    return models


def _trainable(known: _Known) -> list[Combination]:
    """The combinations that training would make a model of."""
    settings, history = known.settings, known.history
    return [
        each
        for each, weeks in history.split(history.combinations)
        if skip_reason(weeks, settings.min_history_weeks, settings.inactive_after_weeks) is None
    ]


def _in_the_sales(history: History, rows: pd.DataFrame) -> list[Combination]:
    """The combinations of these rows that the sales still have; the others are said."""
    there = set(history.combinations)
    found = list(dict.fromkeys(_combinations(history, rows)))
    gone = [str(each) for each in found if each not in there]
    if gone:
        log.warning("not in the sales, and passed over: %s", listed(gone))
    return [each for each in found if each in there]


def _combinations(history: History, rows: pd.DataFrame) -> Iterable[Combination]:
    """The combinations of rows of a table, under the names that the sales have today, in their order."""
    today = history.names.renamed(rows[KEY])
    return (Combination(*names) for names in today.itertuples(index=False, name=None))
