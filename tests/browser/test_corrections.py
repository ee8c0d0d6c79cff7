"""A number is corrected on the page: its effect is seen, and the file that it saves is one that the job takes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from boards import CUTOFF, named, week
from chromium import Open
from fifteen import EVERYBODY, FORMULA, OTHERS
from playwright.sync_api import Page, expect

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY, Combination
from skucast.core.run import Run
from skucast.core.tables.overrides import OVERRIDE_VALUE, OVERRIDES
from skucast.core.tables.validation import validate
from skucast.dashboard.board import Board
from skucast.dashboard.overrides import Words
from skucast.forecast.overriding import effects, overridden
from skucast.jobs import intake
from skucast.jobs.override_intake import ingest_overrides
from skucast.regressors.override_checks import Rules
from skucast.regressors.overrides import holding, said_of
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

RULES = Rules(("event", "stock", "late"), freeze_weeks=1)
RUN_AT = pd.Timestamp("2026-11-18 09:00")


def corrected(board: Board) -> Board:
    """Return the board with an override of one article, which holds for both weeks, and what overrides were worth."""
    one: dict[str, Any] = {
        **named(OTHERS[0]),
        "override_id": "held-1",
        "ds_from": week(1),
        "ds_to": week(2),
        "kind": "=",
        "value": 150.0,
        "reason": "event",
        "author": "Boris",
        "known_from": CUTOFF,
        "cancelled": False,
    }
    held = holding(validate(OVERRIDES, pd.DataFrame([one])), RUN_AT.to_pydatetime(), RUN_AT.date())
    newest = board.forecasts[board.forecasts["cutoff"] == CUTOFF]
    said = said_of(held, newest["ds"].unique())
    sums = {"n": 9, "n_overrides": 9, "n_weeks": 4, "sum_actual": 1000.0, "sum_abs_actual": 1000.0}
    errors = {"sum_abs_error_model": 100.0, "sum_abs_error_final": 60.0, "value": 40.0}
    about = {"window_start": CUTOFF, "window_end": CUTOFF, "run_id": "monitor", "created_at": CUTOFF}
    rest = {"value_lower": 10.0, "value_upper": 70.0, "fva": 0.04, "verdict": "better"}
    value = validate(
        OVERRIDE_VALUE, pd.DataFrame([{**about, **sums, **errors, **rest, "grouped_by": "author", "name": "Boris"}])
    )
    words = Words(effects(held, newest, said), said, value, RULES.reasons, week(1).date())
    return replace(board, forecasts=overridden(newest, said).rows, overrides=words)


WHOLE, UNIT, CHANNEL, ONE = "*/*/*", f"{EVERYBODY[2][0]}/*/*", f"*/{EVERYBODY[2][1]}/*", "/".join(EVERYBODY[2])
PLANTED = (
    [(WHOLE, "=", 900.0)],
    [(WHOLE, "%", 50.0), (UNIT, "+", -5000.0)],
    [(UNIT, "=", 70.0), (CHANNEL, "=", 40.0)],  # equally narrow, and they overlap
    [(CHANNEL, "=", 40.0), (UNIT, "%", 12.5)],
    [(CHANNEL, "+", 30.0), (WHOLE, "=", 10.0), (ONE, "=", 5.0)],
    [(UNIT, "%", 1.0), *[(CHANNEL, "+", float(n)) for n in range(1, 0, -1)], (f"*/*/{EVERYBODY[2][2]}", "=", 9.0)],
    [(f"*/*/{OTHERS[1][2]}", "=", 80.0), (CHANNEL, "%", -100.0), (ONE, "%", 33.0)],
)
"""Lines of a file about the second week; what Boris has said before holds beside them."""


def page_and_job_agree(page: Page, board: Board) -> None:
    """Hold the page's effect to the job's number of every row: some forecast nothing, some are not sold any more."""
    whole = corrected(board)
    assert whole.overrides is not None
    rows = whole.forecasts.sort_values([*KEY, "ds"], ignore_index=True)
    places = rows.index.to_series()
    rows["yhat"] = (places % 5 * 25.0).where(rows["unit"] != EVERYBODY[2][0], 0.0).where(places % 7 > 0, 60.0)
    rows["status"] = rows["status"].where(places % 3 > 0, "inactive")
    page.evaluate(
        "([yhat, status]) => { window.kept = { ...data.forecasts }; Object.assign(data.forecasts, { yhat, status }); }",
        [rows["yhat"].tolist(), rows["status"].tolist()],
    )
    for lines in PLANTED:
        file = [dict(zip(KEY, names.split("/"), strict=True)) | {"kind": k, "value": v} for names, k, v in lines]
        given = [{**line, "sku": line["SKU_ID"], "first": "2026-11-29", "last": "2026-11-29"} for line in file]
        mine = pd.DataFrame([{**line, "ds": week(2), "known_from": RUN_AT} for line in file])
        mine["override_id"] = [
            f"0a-{number}" for number in range(9, 9 + len(mine))
        ]  # in a file's order, not in the text's
        said = pd.concat([whole.overrides.said, mine], ignore_index=True)
        job = overridden(rows, said).rows["final"].tolist()
        assert page.evaluate("applied", given) == pytest.approx(job), lines
    page.evaluate("Object.assign(data.forecasts, kept)")


def test_a_number_is_corrected_and_its_file_is_taken_in(
    board: Board,
    open_page: Open,
    warehouse: DuckDBWarehouse,
    settings: Callable[..., Settings],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fifteen articles are forecast 100 in each of two weeks, one of them corrected to 150 by Boris.

    The form begins with the first week that is free. A group's number leaves that one as it is; near weeks ask for the
    reason; a name that begins like a formula is read again as it is; what holds is called off in the same file. What
    the job would refuse is no line of the file, and the effect is what the job makes of the lines.
    """
    monkeypatch.setattr(intake, "SETTLE_S", 0.0)
    page = open_page(corrected(board), view="planner")
    page_and_job_agree(page, board)
    section = page.locator("#overrides")
    expect(section.locator("#held-overrides")).to_contain_text("+100")
    expect(section.locator("#override-value")).to_contain_text("nearer than the model")
    form = section.locator("form")

    def fill(**given: str) -> None:
        for name, text in given.items():
            field = form.locator(f"[name={name}]")
            if field.evaluate("each => each.tagName") == "SELECT":
                field.select_option(text)
            else:
                field.fill(text)

    expect(form.locator("[name=first]")).to_have_value("2026-11-29")  # the one before is frozen
    expect(form.locator("[name=last]")).to_have_value("2026-11-29")
    fill(unit="Казань", channel="*", sku="", first="2026-11-22", last="2026-11-29", kind="=", value="2600")
    effect = section.locator("#word-effect")
    # 13 articles of Kazan: 2 x 1,300 by the model, 100 more count; all of it is 3,000 and 100 more
    expect(effect).to_contain_text("the model says 2,600, 2,700 counts, with this 5,200")
    expect(effect).to_contain_text("Total of all: 5,600 instead of 3,100 (+80.6%)")
    expect(effect).to_contain_text("are frozen")
    fill(first="2026-11-29", reason="event", author="Anna")
    expect(effect).not_to_contain_text("frozen")
    for refused in (
        {"value": "-1"},
        {"value": "1e13"},
        {"expires": "2026-11-17"},
        {"expires": "2029-01-01"},
        {"author": ""},
    ):
        before = {"value": "2600", "expires": "", "author": "Anna"}
        fill(**refused)
        expect(form.locator("#add-word")).to_have_attribute("aria-disabled", "true")
        fill(**before)
        expect(form.locator("#add-word")).to_have_attribute("aria-disabled", "false")
    fill(expires="2026-12-31")
    section.get_by_role("button", name="Add to the file").click()
    fill(unit=FORMULA[0], channel=FORMULA[1], sku=FORMULA[2], kind="+", value="-12.5", note="fair; perhaps")
    section.get_by_role("button", name="Add to the file").click()
    section.get_by_role("button", name="Call off").click()
    expect(effect).to_contain_text("are frozen")  # for that one is about a frozen week too
    fill(reason="late")
    section.get_by_role("button", name="Call off").click()
    with page.expect_download() as download:
        section.get_by_role("button", name="Save the file").click()
    name = download.value.suggested_filename
    assert name == "overrides-2026-11-15.csv"
    ours = settings(override_reasons="event,stock", freeze_weeks=1)
    download.value.save_as(Path(ours.staging) / "overrides" / "inbox" / name)
    words = corrected(board).overrides
    assert words is not None
    held = validate(OVERRIDES, words.held.drop(columns=["effect", "model"]))
    warehouse.append_once(OVERRIDES, held, batch_id="before", source="before.csv", run=run)
    report, at = RunReport(), replace(run, run_at=RUN_AT.to_pydatetime(), today=RUN_AT.date(), cutoff=CUTOFF.date())
    known = [Combination(*names) for names in EVERYBODY]
    assert ingest_overrides(ours, warehouse, at, report, known, by_hand=True) == 3
    rows = (
        warehouse.read(OVERRIDES).query("author == 'Anna'").sort_values(["cancelled", "kind"], ascending=[True, False])
    )
    group, one, off = rows.to_dict("records")
    assert (off["override_id"], off["cancelled"], off["reason"]) == ("held-1", True, "late")
    assert group["expires_on"] == pd.Timestamp("2026-12-31")
    assert [group[name] for name in (*KEY, "kind", "value")] == ["Казань", "*", "*", "=", 2600.0]
    assert (group["ds_from"], group["ds_to"]) == (week(2), week(2))
    assert [one[name] for name in (*KEY, "kind", "value", "note")] == [*FORMULA, "+", -12.5, "fair; perhaps"]
