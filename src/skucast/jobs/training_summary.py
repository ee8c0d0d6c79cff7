"""What the summary of a training says, and the table of a rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from skucast.core.words import counted
from skucast.jobs.registry import NOT_LIVE, UNRECORDED, Row, combination_of
from skucast.jobs.training_inputs import NOT_COMPARED, SEEN_LATER
from skucast.runtime.outcome import RunReport

SHOWN = 3
"""Combinations that a note names."""


def count_rows(rows: Sequence[Row], report: RunReport) -> None:
    """Count the rows by what became of their combinations."""
    for row in rows:
        why = f": {row['reason'].split(':')[0]}" if row["outcome"] == "skipped" else ""
        report.counts[f"{row['outcome']}{why}"] += 1


def note_rows(rows: Sequence[Row], report: RunReport) -> None:
    """Say how good the new models are, and which models are not what they would be expected to be."""
    _note_accuracy(rows, report)
    _note_unrecorded(rows, report)
    _note_kept(rows, report)
    _note_later(rows, report)
    _note_uncompared(rows, report)
    _note_beaten(rows, report)
    _note_not_live(rows, report)


def show_comparison(rows: Sequence[Row]) -> None:
    """Print how stored and new settings backtest, and what a training would do; one line per combination."""
    grid = Grid(title="stored and new settings at the same origins; nothing is written", title_justify="left")
    for heading in ("combination", "stored WAPE", "new WAPE", "change", "origins", "a training would"):
        grid.add_column(heading, overflow="fold")
    for row in sorted(rows, key=_name):
        grid.add_row(escape(_name(row)), *_figures(row), escape(_would(row)))
    Console().print(grid)


def _figures(row: Row) -> list[str]:
    if row.get("compared_origins") is None:
        return ["", "", "", ""]
    stored, new = row["champion_wape"], row["challenger_wape"]
    change = f"{new / stored - 1:+.1%}" if stored else ""
    return [f"{stored:.3f}", f"{new:.3f}", change, str(row["compared_origins"])]


def _would(row: Row) -> str:
    what = {
        "saved": "replace it" if row.get("previous_version") else "store the first model",
        "unchanged": "change nothing",
        "kept": "keep it",
        "skipped": "train nothing",
        "failed": "fail",
    }[row["outcome"]]
    return f"{what}: {row['reason']}" if row["reason"] else what


def _name(row: Row) -> str:
    return str(combination_of(row))


def _note_accuracy(rows: Sequence[Row], report: RunReport) -> None:
    scores = [row["backtest_wape"] for row in rows if _is_made(row) and row.get("backtest_wape") is not None]
    if scores:
        report.notes.append(f"backtest WAPE, median of {len(scores)} models: {pd.Series(scores).median():.3f}")


def _is_made(row: Row) -> bool:
    """Whether the run has made the model that the row's figures are of."""
    return row["outcome"] not in ("skipped", "kept")


def _note_unrecorded(rows: Sequence[Row], report: RunReport) -> None:
    """Say how many models earlier runs have made without recording them."""
    n = sum(str(row["reason"]).endswith(UNRECORDED) for row in rows)
    if n:
        report.notes.append(f"{counted(n, 'model')} made by a run that was stopped, recorded now from their cards")


def _note_kept(rows: Sequence[Row], report: RunReport) -> None:
    """Say which stored models stay because the new settings are worse, or no better where that is asked for."""
    kept = sorted(
        (_name(row), str(row["reason"])) for row in rows if row["outcome"] == "kept" and not _has_seen_later(row)
    )
    if kept:
        named = "; ".join(f"{name}: {reason}" for name, reason in kept[:SHOWN])
        _say(f"{counted(len(kept), 'stored model')} kept, --force replaces them: {named}{_more(kept)}", report)


def _has_seen_later(row: Row) -> bool:
    return str(row["reason"]).startswith(SEEN_LATER)


def _note_later(rows: Sequence[Row], report: RunReport) -> None:
    """Say which live models stay because they know more than a training for a day of the past."""
    kept = sorted(_name(row) for row in rows if row["outcome"] == "kept" and _has_seen_later(row))
    if kept:
        cutoff = next(row["cutoff"] for row in rows if _has_seen_later(row))
        _say(
            f"{counted(len(kept), 'stored model')} kept, seen weeks after {cutoff:%Y-%m-%d}; new ones are beside them, "
            f"for forecasts of those days, and --force makes them live: {', '.join(kept[:SHOWN])}{_more(kept)}",
            report,
        )


def _note_uncompared(rows: Sequence[Row], report: RunReport) -> None:
    """Say which models that can be read were replaced without a comparison, and how to go back."""
    replaced = sorted(
        (_name(row), str(row["reason"]))
        for row in rows
        if row["outcome"] == "saved" and row.get("previous_version") and str(row["reason"]).startswith(NOT_COMPARED)
    )
    if replaced:
        named = "; ".join(f"{name}: {reason}" for name, reason in replaced[:SHOWN])
        _say(
            f"{counted(len(replaced), 'live model')} replaced without a comparison (skucast models rollback brings "
            f"them back): {named}{_more(replaced)}",
            report,
        )


def _note_beaten(rows: Sequence[Row], report: RunReport) -> None:
    """Say how many new models are stored and do not forecast alone, because a naive method backtests clearly better."""
    beaten = sorted(_name(row) for row in rows if _is_made(row) and row.get("is_beaten"))
    if beaten:
        report.notes.append(
            f"{counted(len(beaten), 'model')} that a naive method clearly beats, which forecasts where the model would "
            f"alone: {', '.join(beaten[:SHOWN])}{_more(beaten)}"
        )


def _note_not_live(rows: Sequence[Row], report: RunReport) -> None:
    """Say which new models forecast nothing, because the live ones may not be replaced."""
    kept = [_name(row) for row in rows if str(row["reason"]).startswith(NOT_LIVE)]
    if kept:
        _say(
            f"{counted(len(kept), 'new model')} not live, the earlier ones go on forecasting: "
            f"{', '.join(kept[:SHOWN])}{_more(kept)}; take the retention policy or the hold off, and train again",
            report,
        )


def _more(names: Sequence[object]) -> str:
    return ", ..." if len(names) > SHOWN else ""


def _say(text: str, report: RunReport) -> None:
    report.warn(text)
