"""Lists of targets and going back in the cloud mode: files and models in a bucket, the registry in BigQuery."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stubs import card, stub_model

from skucast.backends.files import write_bytes
from skucast.backends.store.opening import open_store
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.forecast.artifact import dumps
from skucast.jobs.rollback import Wanted, roll_back
from skucast.jobs.stored_models import models_named
from skucast.jobs.targets import asked_for
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")


def test_a_list_in_a_bucket_names_its_combinations(in_the_cloud: Settings) -> None:
    """As Excel saves it, of thousands of names; one that is not there says where it was looked for."""
    lines = "".join(f"Пермь;ON TRADE;ЦУП{number:08}\r\n;;\r\n" for number in range(2000))
    content = f"unit;channel;SKU_ID\r\n{lines}".encode("cp1251")
    write_bytes(in_the_cloud.staging, "lists/bad.csv", content, in_the_cloud.endpoints)
    asked = asked_for(in_the_cloud, f"{in_the_cloud.staging}/lists/bad.csv; @alerts")
    assert (len(asked.names), asked.names[1], asked.words) == (2000, "Пермь/ON TRADE/ЦУП00000001", [("alerts", 0)])
    with pytest.raises(InputError, match=r"none\.csv: there is no such object"):
        asked_for(in_the_cloud, f"@{in_the_cloud.staging}/lists/none.csv")


def test_a_model_goes_back_and_is_healed(in_the_cloud: Settings, run: Run) -> None:
    """Each step is a row of the registry, and by it the damaged file becomes what was live, not what is newest."""
    store, warehouse = open_store(in_the_cloud), open_warehouse(in_the_cloud)
    expected, made = None, []
    for n_weeks in (1, 2, 3):
        made.append(dumps([stub_model()], replace(card(str(ARTICLE)), n_weeks=n_weeks)))
        expected = store.save(ARTICLE, made[-1].payload, made[-1].version, expected=expected)
    assert models_named(in_the_cloud, store, "Пермь/*/*") == [ARTICLE]
    roll_back([ARTICLE], Wanted(), warehouse, store, replace(run, run_id="back-1"), RunReport())
    assert store.load(ARTICLE).payload == made[1].payload
    store.save(ARTICLE, b"garbage", "garbage", expected=store.load(ARTICLE).generation)
    healing = replace(run, run_id="heal-2")
    roll_back([ARTICLE], Wanted(only_damaged=True), warehouse, store, healing, RunReport())
    assert store.load(ARTICLE).payload == made[1].payload
    rows = warehouse.read(REGISTRY).sort_values("run_id")
    assert rows["model_version"].tolist() == [made[1].version] * 2
    assert rows["previous_version"].tolist()[0] == made[2].version
    assert rows["outcome"].tolist() == ["rolled_back"] * 2
