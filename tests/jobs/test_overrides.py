"""Overrides in a forecast: beside the model's number, known as of the day, whole in a targeted run and in tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from business import TRAINED, Business

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, OVERRIDDEN
from skucast.core.tables.overrides import OVERRIDE_VALUE, OVERRIDES
from skucast.core.tables.validation import validate

FIRST, LAST = date(2026, 11, 29), date(2026, 12, 6)
MADE = [column.name for column in OVERRIDDEN]


def say(business: Business, scope: str, kind: str, value: float, **other: object) -> None:
    """Put a word of Anna's about the first two weeks to come into the table."""
    known_from = pd.Timestamp(WEDNESDAY) - pd.Timedelta(days=1)
    row: dict[str, object] = {
        "override_id": f"{scope} {kind}{value:g}",
        **dict(zip(KEY, scope.split("/"), strict=True)),
        "ds_from": FIRST,
        "ds_to": LAST,
        "kind": kind,
        "value": value,
        "reason": "event",
        "author": "Anna",
        "known_from": known_from,
        "cancelled": False,
    }
    rows = validate(OVERRIDES, pd.DataFrame([row | other]))
    stamp = Run("test", "test", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
    business.warehouse.append_once(OVERRIDES, rows, batch_id=str(row["override_id"]), source="test", run=stamp)
    business.steps = None


def published(business: Business) -> pd.DataFrame:
    """Return the newest forecasts."""
    rows = business.warehouse.read(FORECASTS)
    return rows[rows["cutoff"] == rows["cutoff"].max()].reset_index(drop=True)


def test_the_number_that_counts_stands_beside_the_model_s(untrained: Business, shown: Callable[[], str]) -> None:
    """The group's total is the planner's in its weeks, what else is forecast stays as it is, and one line says so."""
    untrained.already("predict")
    before = published(untrained)
    assert before["final"].tolist() == before["yhat"].tolist()
    say(untrained, "Пермь/KA/*", "=", 1000)
    say(untrained, "Пермь/KA/A1", "%", 10)
    say(untrained, "Тула/KA/*", "=", 7)
    assert untrained("predict") == 0
    rows = published(untrained)
    kept = [name for name in before.columns if name not in {*MADE, "run_id", "created_at"}]
    pd.testing.assert_frame_equal(rows[kept], before[kept])
    mine = (rows["unit"] == "Пермь") & (rows["channel"] == "KA")
    totals = rows[mine].groupby("ds")[["final", "yhat"]].sum()
    assert totals["final"].tolist() == pytest.approx([1000, 1000, *totals["yhat"].tolist()[2:]])
    single = rows[mine & (rows["SKU_ID"] == "A1")]
    assert (single["final"] / single["yhat"]).tolist() == pytest.approx([1.1, 1.1, 1, 1])
    assert rows.loc[~mine, "override_id"].isna().all()
    log = shown()
    assert "2 overrides: " in log
    assert "1 override about nothing that is forecast: correct or clear them: Тула/KA/* =7 (Тула/KA/*)" in log


def test_a_run_for_a_past_day_knows_what_was_known_then(untrained: Business) -> None:
    """The override of Tuesday is none on the Wednesday before."""
    say(untrained, "Пермь/*/*", "+", 100, ds_from=CUTOFF)
    assert untrained("predict", "--as-of", str(WEDNESDAY - timedelta(weeks=1))) == 0
    assert published(untrained)["override_id"].isna().all()


def test_a_targeted_run_keeps_a_group_s_total(untrained: Business) -> None:
    """What the total leaves the others of the group is published with the run's own rows; nobody else is touched."""
    untrained.already("predict")
    before = published(untrained)
    say(untrained, "*/KA/*", "=", 500)
    target = "/".join(TRAINED[0])
    assert untrained("predict", "--target-combinations", target) == 0
    rows = published(untrained)
    assert len(rows) == len(before)
    of_group = rows[(rows["channel"] == "KA") & (rows["ds"] <= pd.Timestamp(LAST))]
    assert of_group.groupby("ds")["final"].sum().tolist() == pytest.approx([500, 500])
    others = rows["channel"] != "KA"
    pd.testing.assert_frame_equal(rows[others], before[others])


def test_tasks_publish_what_one_would(untrained: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is spread over the rows of all tasks."""
    say(untrained, "*/*/*", "=", 900)
    assert untrained("predict") == 0
    alone = published(untrained)
    for index in (0, 1):
        with monkeypatch.context() as environment:
            environment.setenv("CLOUD_RUN_EXECUTION", "two")
            environment.setenv("CLOUD_RUN_TASK_INDEX", str(index))
            environment.setenv("CLOUD_RUN_TASK_COUNT", "2")
            assert untrained("predict") == 0
    pd.testing.assert_frame_equal(published(untrained)[[*KEY, "ds", *MADE]], alone[[*KEY, "ds", *MADE]])


def test_monitoring_says_what_overrides_have_brought(untrained: Business) -> None:
    """Of the weeks that were scored, by author, reason, direction and size; a second run changes nothing."""
    said_at = pd.Timestamp("2026-10-27")
    weeks = {"ds_from": date(2026, 11, 1), "ds_to": date(2026, 11, 22)}
    say(untrained, "Пермь/KA/A1", "%", 300, known_from=said_at, **weeks)
    say(untrained, "Пермь/KA/B2", "%", -2, known_from=said_at, author="Boris", reason="stock", **weeks)
    assert untrained("predict", "--as-of", "2026-10-28") == 0
    assert untrained("monitor") == 0
    found = untrained.rows(OVERRIDE_VALUE)
    n_of = found.set_index(["grouped_by", "name"])["n"]
    assert n_of.loc["author"].to_dict() == {"Anna": 4, "Boris": 4}
    assert n_of.loc["reason"].to_dict() == {"event": 4, "stock": 4}
    assert n_of.loc["direction"].to_dict() == {"up": 4, "down": 4}
    assert n_of.loc["size"].to_dict() == {"large": 4, "small": 4}
    assert n_of["all", "*"] == 8
    assert set(found["verdict"]) == {"too few"}
    assert found.set_index("name").loc["Anna", "value"] < -100
    assert untrained("monitor") == 0
    pd.testing.assert_frame_equal(untrained.rows(OVERRIDE_VALUE), found)


def test_where_nobody_says_anything_no_table_is_made(untrained: Business) -> None:
    """A forecast and its monitoring without overrides leave the tables as they were."""
    untrained.already("predict", "--as-of", "2026-10-28")
    assert untrained("monitor") == 0
    assert not untrained.warehouse.exists(OVERRIDE_VALUE)
    assert not untrained.warehouse.exists(OVERRIDES)


def test_a_slip_is_called_to_attention(untrained: Business, shown: Callable[[], str]) -> None:
    """Overrides that change more than a tenth of all are a warning that names the largest; smaller ones a note."""
    say(untrained, "Пермь/KA/A1", "+", 1)
    assert untrained("predict") == 0
    assert "is a slip" not in shown()
    say(untrained, "*/*/*", "=", 100)
    assert untrained("predict") == 0
    assert "most by */*/* =100: see whether it is a slip" in shown()
