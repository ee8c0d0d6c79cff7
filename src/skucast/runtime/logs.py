"""Logs: readable lines for people, JSON with severity and fields for Cloud Logging; progress for long loops."""

from __future__ import annotations

import io
import logging
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO, TypeVar
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from skucast.runtime.settings import Settings

T = TypeVar("T")

log = logging.getLogger("skucast")

_SECONDS_BETWEEN_LINES = 10.0


_RESERVED = ("message", "severity", "time", "timestamp", "httpRequest")
"""What Cloud Logging takes for its own; a field of that name is shown as `field_NAME`."""

_MAX_DEPTH = 8
_TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")
"""Loggers of the library that write down whole addresses: of every request, and of every one that it tries again."""

_MISSING = ("NAType", "NaTType")
"""pandas' missing values, by the names of their types: this module does not import it."""


class _Fields(logging.Filter):
    """Gives every record the run's fields, and its own (`extra={"fields": {...}}`), for either format.

    It never raises, whatever the fields hold: an error here would end the run.
    """

    def __init__(self, run_fields: dict[str, Any]) -> None:
        super().__init__()
        self.run_fields = run_fields

    def filter(self, record: logging.LogRecord) -> bool:
        given = getattr(record, "fields", None) or {}
        fields = given if isinstance(given, dict) else {"fields": given}
        record.json_fields = {**self.run_fields, **{_free(name): _plain(value) for name, value in fields.items()}}
        shown = {name: value for name, value in fields.items() if name != "data_report"}
        record.shown = "".join(f"  {_text(name)}={_text(value)}" for name, value in shown.items())
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

    handler: logging.Handler = StructuredLogHandler(labels=labels, stream=_lenient(sys.stdout))
    return handler


def _lenient(stream: TextIO) -> TextIO:
    """The stream, which shows what it cannot encode (half a character of a file's name) instead of raising."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _text_handler() -> logging.Handler:
    handler = logging.StreamHandler(_lenient(sys.stderr))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s%(shown)s", "%H:%M:%S"))
    return handler


def _plain(value: Any, depth: int = 0) -> Any:
    """A value that JSON can hold; what is missing or infinite is None, what is too deep or too long a text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth < _MAX_DEPTH and isinstance(value, dict):
        return {_text(name): _plain(item, depth + 1) for name, item in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a number of numpy's
        return _plain(value.item(), _MAX_DEPTH)
    if type(value).__name__ in _MISSING or (isinstance(value, Decimal) and not value.is_finite()):
        return None
    return _text(value)


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a value that cannot be shown must not end the run
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


def _free(name: Any) -> str:
    text = _text(name)
    return f"field_{text}" if text in _RESERVED or text.startswith("logging.googleapis.com/") else text


@contextmanager
def kept_out_of_logs(*secrets: str | None) -> Iterator[None]:
    """Replace the secrets in whatever the library for HTTP logs meanwhile."""
    given = [secret for secret in secrets if secret]
    loggers = [logging.getLogger(name) for name in _TALKATIVE] if given else []
    redact = _Redact(given)
    for logger in loggers:
        logger.addFilter(redact)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(redact)


class _Redact(logging.Filter):
    """Let every record pass, without the secrets."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._written = {form for each in secrets for form in (each, quote(each, safe=""), quote_plus(each))}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for form in sorted(self._written, key=len, reverse=True):
            text = text.replace(form, "***")
        record.msg, record.args = text, ()
        return True


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
