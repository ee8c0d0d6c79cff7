"""Logs: readable lines for people, JSON with severity and fields for Cloud Logging; progress for long loops."""

from __future__ import annotations

import io
import json
import logging
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO, TypeVar
from urllib.parse import quote, quote_plus

from skucast.core.quoting import one_line, shortened
from skucast.runtime.supervising import KILLED, tell

if TYPE_CHECKING:
    from skucast.runtime.settings import Settings

T = TypeVar("T")

MOST_STORED = 20_000
"""Characters of a text in an entry of Cloud Logging, which takes 256 KB of all."""

MOST_ITEMS = 1_000
"""Items of a list or of fields in an entry; the others are counted."""

MOST_LINES = 200
"""Lines below one of the log, such as a traceback's; of more the first and the last are shown."""

log = logging.getLogger("skucast")

_SECONDS_BETWEEN_LINES = 10.0
_MAX_DEPTH = 9
"""Levels of a line that are shown, the line itself included; what is deeper, or holds itself, is a text."""

_TALKATIVE = ("urllib3.connectionpool", "urllib3.util.retry")
"""Loggers of the library that write down whole addresses: of every request, and of every one that it tries again."""

_MISSING = ("NAType", "NaTType")
"""pandas' missing values, by the names of their types: this module does not import it."""


def setup_logging(settings: Settings, **run_fields: Any) -> None:
    """Attach one handler: JSON on stdout on Cloud Run (or by LOG_FORMAT), else text on stderr."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and settings.on_cloud_run)
    handler = _json_handler(_labels(settings), run_fields) if as_json else _text_handler()
    for logger in (log, logging.getLogger("py.warnings")):
        logger.handlers = [handler]
        logger.propagate = False
    log.setLevel(settings.log_level)
    logging.captureWarnings(True)
    tell(_last_words(handler) if as_json else "text")


def _last_words(handler: logging.Handler) -> str:
    """The line of the log that is written if the job must be killed."""
    record = log.makeRecord(log.name, logging.ERROR, "", 0, KILLED, (), None)
    handler.filter(record)
    return handler.format(record)


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


def _json_handler(labels: dict[str, str], run_fields: dict[str, Any]) -> logging.Handler:
    # Attached by hand: the client's own setup picks a network handler on Cloud Run jobs and loses records at exit.
    from google.cloud.logging_v2.handlers import StructuredLogHandler
    from google.cloud.logging_v2.handlers.structured_log import GCP_STRUCTURED_LOGGING_FIELDS as RESERVED

    def add_fields(record: logging.LogRecord) -> bool:
        """Give the handler the run's fields and the record's own; under other names where it would drop them."""
        fields = {_text(name): value for name, value in _fields(record).items()}
        free = {f"field_{name}" if name in {*RESERVED, "message"} else name: value for name, value in fields.items()}
        record.json_fields = {**run_fields, **free}
        if len(text := record.getMessage()) > MOST_STORED:
            record.msg, record.args = shortened(text, MOST_STORED), ()
        return True

    handler: logging.Handler = StructuredLogHandler(
        labels=labels, stream=_lenient(sys.stdout), json_encoder_cls=_PlainEncoder
    )
    handler.addFilter(add_fields)
    return handler


class _PlainEncoder(json.JSONEncoder):
    """Encodes a line, whatever its fields hold, as JSON that every reader takes.

    It never raises: the line would be lost. The library's own writes NaN, which is no JSON, and ends at other objects.
    """

    def encode(self, o: Any) -> str:
        return super().encode(_plain(o))


def _lenient(stream: TextIO) -> TextIO:
    """The stream, which shows what it cannot encode (half a character of a file's name) instead of raising."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def _text_handler() -> logging.Handler:
    def add_shown(record: logging.LogRecord) -> bool:
        """Write the record's own fields behind its message, but for the long report."""
        fields = {name: value for name, value in _fields(record).items() if name != "data_report"}
        shown = (f"  {_text(name)}={_text(_short(value))}" for name, value in fields.items())
        record.shown = "".join(map(one_line, shown))
        return True

    handler = logging.StreamHandler(_lenient(sys.stderr))
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)-7s %(message)s%(shown)s", "%H:%M:%S"))
    handler.addFilter(add_shown)
    return handler


class _OneLine(logging.Formatter):
    """One line for each record, whatever stands in it; what has more, such as a traceback, is indented below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return the line."""
        first, *others = record.message.split("\n") if _has_lines(record) else [record.message]
        record.message = one_line(first)
        return "\n".join([super().formatMessage(record), *_indented(others)])

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        """Return the traceback, below the line."""
        return "\n".join(_indented(super().formatException(ei).split("\n")))


def _indented(lines: list[str]) -> list[str]:
    """Return what stands below a line, of very many the first and the last."""
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2
        lines = [*lines[:half], f"... ({len(lines) - 2 * half:,} lines) ...", *lines[-half:]]
    return [f"    {one_line(each)}" for each in lines]


def _has_lines(record: logging.LogRecord) -> bool:
    """Whether the record has several lines on purpose: mistakes of a file, a traceback, a library's warning."""
    return bool(getattr(record, "has_lines", False)) or record.name == "py.warnings"


def _fields(record: logging.LogRecord) -> dict[Any, Any]:
    """The record's own fields (`extra={"fields": {...}}`), whatever was given as such."""
    given = getattr(record, "fields", None) or {}
    return given if isinstance(given, dict) else {"fields": given}


def _plain(value: Any, depth: int = 0) -> Any:
    """A value that JSON can hold; what is missing or infinite is None, what is too deep or too long a text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return shortened(value, MOST_STORED)
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else _text(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if depth < _MAX_DEPTH and isinstance(value, dict):
        some = {_text(name): _plain(item, depth + 1) for name, item in islice(value.items(), MOST_ITEMS)}
        return {**some, **({"more": len(value) - MOST_ITEMS} if len(value) > MOST_ITEMS else {})}
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        first = [_plain(item, depth + 1) for item in islice(value, MOST_ITEMS)]
        return [*first, *([f"and {len(value) - MOST_ITEMS:,} more"] if len(value) > MOST_ITEMS else [])]
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):  # a number of numpy's
        return _plain(value.item(), _MAX_DEPTH)
    if type(value).__name__ in _MISSING or (isinstance(value, Decimal) and not value.is_finite()):
        return None
    return _text(value)


def _short(value: Any) -> Any:
    """A number as people read it: not more than 4 digits behind the point, or 4 in all where it is small."""
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    return round(float(value), 4) if abs(value) >= 0.1 else float(f"{value:.4g}")


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a value that cannot be shown must not end the run
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


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
