"""Start and finish of every script: settings, logging, warehouse and store, the job, its record, the exit code."""

from __future__ import annotations

import gc
import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from errno import EDQUOT, EFBIG, ENOSPC
from typing import TYPE_CHECKING

from skucast.core.errors import InputError, NothingToDo, SkucastError
from skucast.core.quoting import one_line
from skucast.core.run import BAD_INPUT, DONE, FAILED, INTERRUPTED, TERMINATED, Begun, Run
from skucast.runtime.groups.field import FORECASTING, TRAINING, Job
from skucast.runtime.logs import log, setup_logging
from skucast.runtime.reading import load_settings
from skucast.runtime.settings import Settings, local_path
from skucast.runtime.stopping import Stopped, stop_goes_through, stops_on_sigterm
from skucast.runtime.supervising import open_streams

if TYPE_CHECKING:
    from skucast.backends.store.protocol import ModelStore
    from skucast.backends.warehouse.protocol import Warehouse
    from skucast.runtime.outcome import RunReport

COLLECTED_AFTER = 100_000
"""New objects after which Python looks for unused circles of them, a hundred times what is usual: hardly any are made,
and looking through all modules each time took a tenth of a prediction."""

JobFunction = Callable[[Settings, "Warehouse", "ModelStore", Run, "RunReport"], None]


def main(job: Job, description: str, argv: Sequence[str] | None = None) -> int:
    """Run one job from its flags and return the exit code: 0 done, 1 failed, 2 bad settings or input.

    130 and 143: Ctrl-C or SIGTERM has stopped it.
    """
    return until_interrupted(lambda: _main(job, description, sys.argv[1:] if argv is None else argv))


def until_interrupted(start: Callable[[], int]) -> int:
    """Return the exit code of what is started, 130 after one line if Ctrl-C ends it, 143 if SIGTERM does."""
    open_streams()
    gc.set_threshold(COLLECTED_AFTER)
    try:
        with stops_on_sigterm(), stop_goes_through():
            return start()
    except KeyboardInterrupt:
        _say(f"stopped by Ctrl-C; {_KEPT}")
        return INTERRUPTED
    except Stopped:
        _say(f"stopped by SIGTERM; {_KEPT}")
        return TERMINATED


_KEPT = "what was finished is kept, run it again to go on"


def _say(line: str) -> None:
    """Show the line where the run's lines go: the log once there is one, so that Cloud Logging has its severity."""
    if log.handlers:
        log.error("%s", line)
    else:
        with suppress(OSError):  # where it goes may be full: the exit code says it too
            print(line, file=sys.stderr)


def _main(job: Job, description: str, argv: Sequence[str]) -> int:
    try:
        settings = load_settings(job, argv, description)
        run = start_run(job, settings)
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    setup_logging(settings, run_id=run.run_id, job=job)
    return run_job(_job_function(job, settings), settings, run)


def start_run(job: str, settings: Settings) -> Run:
    """Return the run that starts now: the one place where the clock is read.

    Raises:
        InputError: it should be about a day that has not come, of which nothing is known.
    """
    now = datetime.now(UTC)
    today, newest = settings.as_of or settings.clock.today(now), newest_day(settings, now)
    if today > newest:
        raise InputError(
            f"AS_OF: found {today}, which has not come: expected {newest}, today in {settings.business_tz}, "
            "or an earlier day"
        )
    name = settings.cloud_run_execution or f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    return Run(
        job=job,
        run_id=f"{job}-{name}",
        run_at=now.replace(tzinfo=None),
        today=today,
        cutoff=settings.clock.cutoff(today),
        task_index=settings.cloud_run_task_index,
        task_count=settings.cloud_run_task_count,
        started=now.timestamp(),
        begun=Begun(),
        is_forced=settings.force,
    )


def newest_day(settings: Settings, now: datetime) -> date:
    """Return the last day that a run can be about: the day of the business at that moment."""
    return settings.clock.today(now)


def run_job(function: JobFunction, settings: Settings, run: Run) -> int:
    """Run the job, store its row in the runs table, show its summary, and return the exit code."""
    from skucast.backends.store.opening import open_store
    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.runtime.outcome import RunReport

    report = RunReport()
    warehouse = open_warehouse(settings)
    exit_code, error = DONE, None
    try:
        with report.timed("all"), stop_goes_through():
            _see_to_tables(settings, warehouse, run)
            function(settings, warehouse, open_store(settings), run, report)
    except NothingToDo as nothing:
        report.notes.append(str(nothing))
    except InputError as wrong:
        exit_code, error = BAD_INPUT, str(wrong)
        log.error("%s", error, extra={"has_lines": True})
    except SkucastError as failed:
        exit_code, error = FAILED, str(failed)
        log.error("%s", error)
    except OSError as error_of_system:
        exit_code, error = FAILED, f"{type(error_of_system).__name__}: {error_of_system}"
        if error_of_system.errno in (ENOSPC, EDQUOT, EFBIG):
            error = f"no room left on a disk ({error_of_system}); make room and run again"
            log.error("%s", error)
        else:
            log.exception("the run failed unexpectedly")
    except Exception as bug:
        exit_code, error = FAILED, one_line(f"{type(bug).__name__}: {bug}")
        log.exception("the run failed unexpectedly")
    if exit_code == BAD_INPUT:  # one line was shown; of the run there is its row, where there is a place for it
        if _is_there(settings) and not settings.dry_run:
            _store_run(settings, warehouse, run, report, exit_code, error)
        return exit_code
    if not settings.dry_run:
        exit_code = max(exit_code, _store_run(settings, warehouse, run, report, exit_code, error))
    _summarise(run, report, exit_code)
    return exit_code


def _see_to_tables(settings: Settings, warehouse: Warehouse, run: Run) -> None:
    """Look at all tables that the run will write, or read for its page, before it does what cannot be taken back.

    Raises:
        TableError: one is not as its contract says; nothing is written.
        LostTable: one is gone that was published to.
    """
    from skucast.core.tables.backtests import BACKTESTS
    from skucast.core.tables.every import READ, WRITTEN
    from skucast.core.tables.forecasts import SCENARIOS
    from skucast.core.tables.records import PUBLISHES, RUNS
    from skucast.core.tables.sales import WEATHER

    written = (SCENARIOS,) if settings.scenario is not None else WRITTEN.get(run.job, ())
    weather = (WEATHER,) if settings.weather and run.job in FORECASTING else ()
    backtests = (BACKTESTS,) if settings.backtests and run.job in TRAINING else ()
    if written:
        read = () if settings.scenario is not None else READ.get(run.job, ())
        warehouse.look_at((RUNS, PUBLISHES, *weather, *backtests, *written), read)


def _is_there(settings: Settings) -> bool:
    """Whether the warehouse is there: a run that was asked for nonsense does not make one."""
    return "://" in settings.warehouse or local_path(settings.warehouse).is_file()


def _store_run(
    settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, exit_code: int, error: str | None
) -> int:
    """Write the run's row; return what that makes of the exit code.

    A run that has refused its input says nothing more where its row cannot be stored: one line was shown.
    """
    from skucast.core.tables.records import RUNS
    from skucast.jobs.runs import run_row

    try:
        warehouse.replace(RUNS, run_row(settings, run, report, exit_code, error), run.task_id, run=run)
    except Exception as failed:
        if exit_code == BAD_INPUT:
            log.debug("the run's own record could not be stored: %s", failed)
            return BAD_INPUT
        log.error("the run's own record could not be stored: %s", failed)
        return FAILED
    return DONE


def _summarise(run: Run, report: RunReport, exit_code: int) -> None:
    """One line per run: what was asked, what came out, how long it took; then the notes."""
    for note in report.unsaid():
        log.info("%s", note)
    n_refused = sum(said is not None for said in report.plan_files.values())
    fields = {
        "cutoff": str(run.cutoff),
        "exit_code": exit_code,
        "combinations": report.n_combinations,
        "failed": len(report.failures),
        "rows": report.n_rows,
        **({"files_refused": n_refused} if n_refused else {}),
        **{label.replace(" ", "_"): count for label, count in sorted(report.counts.items())},
        "duration_s": report.seconds.get("all", 0.0),
    }
    log.info("%s %s", run.job, {DONE: "done", FAILED: "failed"}[exit_code], extra={"fields": fields})


def _job_function(job: Job, settings: Settings) -> JobFunction:
    if settings.scenario is not None:
        from skucast.jobs.scenario import play

        return play
    if job == "predict":
        from skucast.jobs.predict import predict

        return predict
    if job == "monitor":
        from skucast.jobs.monitor import monitor

        return monitor
    from skucast.jobs import train

    return train.train_all if job == "train" else train.retrain
