"""Who trains: this machine or a Dask cluster, our solver or the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from business import Business

from skucast.backends.store.local import LocalStore
from skucast.runtime import outcome


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a local cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    import dask

    source = Path(__file__).resolve().parents[2] / "src"
    monkeypatch.setenv("PYTHONPATH", str(source))
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.mark.filterwarnings("ignore")  # of the cluster's own processes and sockets
def test_a_cluster_trains_the_same_models(untrained: Business, business: Business, scheduler: str) -> None:
    """Two workers of a cluster: exit 0, and every stored file is, to the last byte, what this machine trained."""
    assert untrained("train", "--joblib-backend", "dask", "--dask-scheduler", scheduler) == 0
    here, there = LocalStore(business.models), LocalStore(untrained.models)
    assert there.stored() == here.stored()
    for combination in here.stored():
        assert there.load(combination).payload == here.load(combination).payload


def test_a_cluster_that_does_not_answer_is_one_line(
    untrained: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens there: exit 2, the address and what to do, no model."""
    monkeypatch.setattr(outcome, "CLUSTER_TIMEOUT_S", 1.0)
    assert untrained("train", "--joblib-backend", "dask", "--dask-scheduler", "tcp://127.0.0.1:1") == 2
    assert "DASK_SCHEDULER: tcp://127.0.0.1:1: no answer" in shown()
    assert LocalStore(untrained.models).stored() == []


def test_a_cluster_needs_an_address(untrained: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and what to set."""
    assert untrained("train", "--joblib-backend", "dask") == 2
    assert "DASK_SCHEDULER: found '': expected tcp://HOST:PORT with JOBLIB_BACKEND=dask" in capsys.readouterr().err


def test_cmdstan_trains_without_tuning(untrained: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """With tuning it is refused, exit 2; without, Prophet's own optimiser trains the same combinations."""
    assert untrained("train", "--engine", "cmdstan") == 2
    assert "TUNE: found 'fast': expected off with ENGINE=cmdstan" in capsys.readouterr().err
    target = ["--target-combinations", "Пермь/KA/A1"]
    assert untrained("train", "--engine", "cmdstan", "--tune", "off", *target) == 0
    assert [combination.sku_id for combination in LocalStore(untrained.models).stored()] == ["A1"]
