"""Many questions at the same time: answers in order, and no further question once one has failed."""

from __future__ import annotations

import pytest

from skucast.core.parallel import in_parallel


def test_each_has_its_answer_in_the_order_of_the_files() -> None:
    """However many are asked at once; nobody is asked where there is nothing."""
    assert list(in_parallel(lambda number: number**2, range(50), 4).items()) == [(n, n**2) for n in range(50)]
    assert in_parallel(str, []) == {}


@pytest.mark.parametrize("n_threads", [1, 7])
def test_after_a_failure_no_thread_asks_again(n_threads: int) -> None:
    """Each has asked at most once, whatever the others have heard by then; what is raised is an error that was met."""
    asked = []

    def refuse(number: int) -> None:
        asked.append(number)
        raise PermissionError(number)

    with pytest.raises(PermissionError, match=r"^\d+$"):
        in_parallel(refuse, range(500), n_threads)
    assert 1 <= len(asked) <= n_threads
