"""A question about each of many files, many asked at the same time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Asked = TypeVar("Asked", bound=Hashable)
Answer = TypeVar("Answer")

THREADS = 16
"""Questions at the same time, unless who asks says another number."""


def in_parallel(
    ask: Callable[[Asked], Answer], files: Sequence[Asked], n_threads: int = THREADS
) -> dict[Asked, Answer]:
    """Return what is answered about each of the files.

    Once a question has failed no thread asks another one, and an error of those that were asked is raised.
    """
    failures: list[BaseException] = []

    def asked(file: Asked) -> Answer:
        if failures:
            raise failures[0]
        try:
            return ask(file)
        except BaseException as error:
            failures.append(error)
            raise

    with ThreadPoolExecutor(n_threads) as pool:
        return dict(zip(files, pool.map(asked, files), strict=True))
