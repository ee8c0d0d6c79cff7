"""A retention policy or a hold on the bucket: what cannot be moved or replaced stays, is named, and stops nothing."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from a_plan import KNOWN, PLAN
from stand_ins.truthful import StorageProxy

from skucast.backends.files import list_files, read_bytes, write_bytes
from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import Combination
from skucast.core.errors import ObjectKept
from skucast.core.run import Run
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs.page_files import DASHBOARD, PageFiles, put
from skucast.jobs.promotions import DONE, INBOX, ingest
from skucast.jobs.train import _probe
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

POLICY = "Object 'b/o' is subject to bucket's retention policy and cannot be deleted or overwritten until 2027-01-01"
HOLD = "Object 'b/o' is under active Temporary hold and cannot be deleted, overwritten or archived"


@pytest.mark.parametrize("reason", [POLICY, HOLD], ids=["policy", "hold"])
def test_a_policy_on_the_bucket_stops_no_forecast(
    in_the_cloud: Settings, run: Run, storage_proxy: StorageProxy, reason: str
) -> None:
    """All files are read although none can leave the inbox; a later run knows them, and adds nothing twice.

    That holds for a file of which more could be used by now: it is an old plan, and not the newest word again.
    """
    warehouse = open_warehouse(in_the_cloud)
    other = "unit;channel;SKU_ID;starts_on;ends_on;discount_perc;covers_through\nПермь;KA;A1;;;;31.01.2027\n"
    for name, text in (("a.csv", PLAN), ("b.csv", other), ("c.csv", "nonsense")):
        write_bytes(in_the_cloud.staging, f"{INBOX}/{name}", text.encode(), in_the_cloud.endpoints)
    storage_proxy.answer(403, "DELETE", "/o/", times=None, reason=reason)
    added = []
    for number in (1, 2):
        if number == 2:  # nor can anything be replaced that the first run has written
            storage_proxy.answer(403, "POST", "^/upload/.* promotions/", times=None, reason=reason)
        report = RunReport()
        known = [*KNOWN, Combination("Пермь", "KA", "A2")][:number]
        ingest(in_the_cloud, warehouse, replace(run, run_id=f"run-{number}"), report, known)
        added.append(len(warehouse.read(PROMOTIONS)))
        assert [note for note in report.notes if "stays in the inbox" in note]
    assert added[0] == added[1]
    assert list_files(in_the_cloud.staging, INBOX, in_the_cloud.endpoints) == ["a.csv", "b.csv", "c.csv"]
    assert len(list_files(in_the_cloud.staging, DONE, in_the_cloud.endpoints)) == 2


def test_a_page_that_may_not_be_replaced_is_a_warning(
    in_the_cloud: Settings, run: Run, storage_proxy: StorageProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """The newest one stays as it was, and the run goes on."""
    put(in_the_cloud, DASHBOARD, PageFiles("first", {"": b"1"}))
    storage_proxy.answer(403, "POST", f" {DASHBOARD}$", times=None, reason=POLICY)
    with caplog.at_level(logging.WARNING, "skucast"):
        where = put(in_the_cloud, DASHBOARD, PageFiles("second", {"": b"2"}))
    assert "of an earlier run: " in where
    assert "the dashboard cannot be replaced" in caplog.text
    found = read_bytes(in_the_cloud.staging, DASHBOARD, in_the_cloud.endpoints)
    assert found
    assert found.data == b"first"


def test_a_training_begins_although_no_model_can_be_replaced(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First models can be stored, and every version is kept; the run says what will stay as it is."""

    def probe(_: LocalStore) -> None:
        raise ObjectKept("gs://bucket: a retention policy or a hold keeps an object as it is")

    monkeypatch.setattr(LocalStore, "probe", probe)
    report = RunReport()
    _probe(LocalStore(tmp_path), report)
    [note] = report.notes
    assert note.startswith("live models cannot be replaced, new versions are kept beside them: gs://bucket: ")
