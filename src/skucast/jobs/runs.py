"""The row that an execution leaves of itself in the runs table."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from skucast import __version__
from skucast.core.quoting import MOST, all_shortened, shortened
from skucast.core.run import Run
from skucast.core.texts import packed
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


def run_row(settings: Settings, run: Run, report: RunReport, exit_code: int, error: str | None) -> pd.DataFrame:
    """Return the run's row of `tables.RUNS`."""
    row = {
        "task_id": run.task_id,
        "run_id": run.run_id,
        "job": run.job,
        "run_at": run.run_at,
        "cutoff": pd.Timestamp(run.cutoff),
        "exit_code": exit_code,
        "error": None if error is None else shortened(error, 2 * MOST),
        "n_combinations": report.n_combinations,
        "n_failed": len(report.failures),
        "n_rows": report.n_rows,
        "counts": json.dumps(report.counts, ensure_ascii=False),
        "seconds": json.dumps(report.seconds),
        "data_report": None
        if report.data_report is None
        else json.dumps(all_shortened(report.data_report), ensure_ascii=False),
        "sources": json.dumps(report.sources) if report.sources else None,
        "version": __version__,
        "plan_files": _plan_files(report.plan_files),
        "scope": "scenario" if settings.scenario is not None else "all" if settings.targets is None else "targets",
    }
    return pd.DataFrame([row])


def _plan_files(files: Mapping[str, str | None]) -> str | None:
    """What was refused of each file: its sentence and places, so that every reader gets it in their language."""
    if not files:
        return None
    said = {file: None if said is None else packed(said) for file, said in files.items()}
    return json.dumps(said, ensure_ascii=False)
