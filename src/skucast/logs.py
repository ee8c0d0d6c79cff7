"""Logs: readable lines for people, JSON with severity and fields for Cloud Logging; progress for long loops."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from skucast.settings import Settings

T = TypeVar("T")

log = logging.getLogger("skucast")

_SECONDS_BETWEEN_LINES = 10.0


class _Fields(logging.Filter):
    """Gives every record the run's fields, and its own (`extra={"fields": {...}}`), for either format."""

    def __init__(self, run_fields: dict[str, Any]) -> None:
        super().__init__()
        self.run_fields = run_fields

    def filter(self, record: logging.LogRecord) -> bool:
        fields: dict[str, Any] = getattr(record, "fields", {})
        record.json_fields = {**self.run_fields, **{name: _plain(value) for name, value in fields.items()}}
        shown = {name: value for name, value in fields.items() if name != "data_report"}
        record.shown = "".join(f"  {name}={value}" for name, value in shown.items())
        return True


def setup_logging(settings: Settings, **run_fields: Any) -> None:
    """Attach one handler: JSON on stdout on Cloud Run (or by LOG_FORMAT), else text on stderr."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and settings.on_cloud_run)
    handler = _json_handler(_labels(settings)) if as_json else _text_handler()
    handler.addFilter(_Fields(run_fields))
    for logger in (log, logging.getLogger("py.warnings")):
        logger.handlers = [handler]
        logger.propagate = False
    log.setLevel(settings.log_level)
    logging.captureWarnings(True)


def _labels(settings: Settings) -> dict[str, str]:
    """What Cloud Logging can filter a task's entries by."""
    if not settings.on_cloud_run:
        return {}
    return {
        "job": str(settings.cloud_run_job),
        "execution": str(settings.cloud_run_execution),
        "task": str(settings.cloud_run_task_index),
        "attempt": str(settings.cloud_run_task_attempt),
    }


def _json_handler(labels: dict[str, str]) -> logging.Handler:
    # Attached by hand: the client's own setup picks a network handler on Cloud Run jobs and loses records at exit.
    from google.cloud.logging_v2.handlers import StructuredLogHandler

    handler: logging.Handler = StructuredLogHandler(labels=labels, stream=sys.stdout)
    return handler


def _text_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s%(shown)s", "%H:%M:%S"))
    return handler


def _plain(value: Any) -> Any:
    """A value that JSON can hold; NaN and infinities as None."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | str | type(None)) else str(value)


def progress(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Yield the items, showing how many are done: a bar in a terminal, a log line now and then elsewhere."""
    if sys.stderr.isatty():
        yield from _bar(items, total, what)
        return
    started = shown = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - shown >= _SECONDS_BETWEEN_LINES or (done == total and now - started >= _SECONDS_BETWEEN_LINES):
            log.info("%s: %d of %d", what, done, total)
            shown = now


def _bar(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        for item in items:
            yield item
            bar.advance(task)
