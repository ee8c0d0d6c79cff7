"""Checks of the data: what was found, of whom, with examples; what would stop a run is serious."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF, deliver, line, sunday

from skucast.core.run import BAD_INPUT, DONE
from skucast.core.tables.records import RUNS
from skucast.entry.doctor import doctor_of_data
from skucast.jobs.data_checks import CHECKS, DataFinding, Facts, examine_data
from skucast.jobs.inputs import read_history

N_WEEKS = 20


def lines_of(unit: str, newest: float = 1.0, last: int = 0, **other: object) -> list[dict[str, object]]:
    """Return 20 weeks of one unit's six articles, 10 pieces each on every day; the newest week times a factor."""
    return [
        line(
            sunday(back) - timedelta(days=day),
            10.0 * (newest if back == 0 else 1.0),
            unit=unit,
            SKU_ID=f"A{article}",
            **other,
        )
        for back in range(N_WEEKS - 1, last - 1, -1)
        for day in range(7)
        for article in range(6)
    ]


@pytest.fixture
def found_in(settings, warehouse, run):
    """Return a function that gives what is found in these lines, by check."""

    def found(lines: list[dict[str, object]]) -> dict[str, list[DataFinding]]:
        deliver(warehouse, lines, run)
        made = settings()
        every = examine_data(Facts(made, warehouse, run, read_history(made, warehouse, run)))
        return {what: [finding for name, finding in every if name == what] for what, _ in every}

    return found


@pytest.mark.slow
def test_sound_data_have_no_finding(settings, warehouse, run, capsys) -> None:
    """Two units as ever: one line says so, exit code 0."""
    deliver(warehouse, [*lines_of("Пермь"), *lines_of("Кунгур")], run)
    assert doctor_of_data(settings(), run) == DONE
    assert "nothing was found in the data" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_a_newest_week_that_jumps_is_serious_before_any_forecast(settings, warehouse, run, capsys) -> None:
    """One unit sold three times as much: its articles are the examples, no last run is claimed, exit code 2."""
    deliver(warehouse, [*lines_of("Пермь", newest=3.0), *lines_of("Кунгур")], run)
    made = settings()
    every = examine_data(Facts(made, warehouse, run, read_history(made, warehouse, run)))
    (unit,) = [finding for what, finding in every if what == "newest week" and finding.unit == "Пермь"]
    assert unit.is_serious
    assert unit.text.startswith("unit Пермь: sales of the newest week 1,260 a week (recent weeks 420); ")
    assert unit.text.endswith("is the week loaded twice?")
    assert unit.examples[0] == "Пермь/KA/A0 70 to 210"
    assert doctor_of_data(made, run) == BAD_INPUT
    assert "fix this" in capsys.readouterr().out


@pytest.mark.slow
def test_a_late_unit_is_found_under_its_name_and_is_not_serious(found_in) -> None:
    """Its newest week is missing; it is bridged."""
    found = found_in([*lines_of("Пермь", last=1), *lines_of("Кунгур")])
    (late,) = found["deliveries"]
    assert (late.unit, late.is_serious) == ("Пермь", False)
    assert late.text.startswith(f"Пермь is delivered through {sunday(1)}, others through {CUTOFF}")


@pytest.mark.slow
def test_refused_plan_files_are_named_until_they_come_right(found_in, settings, warehouse, run) -> None:
    """As the page and the doctor know them: what lies in the folder of the rejected is only what once came back."""
    folder = Path(settings().staging) / "promotions" / "rejected"
    folder.mkdir(parents=True)
    for name, days, said in (("plan", 3, "7 of 8 rows refused"), ("other", 3, "refused"), ("other", 1, None)):
        (folder / f"2026-11-20T080000-0123abcd-{name}.csv").touch()
        files = json.dumps({f"{name}.csv": said and f"{said} in {name}.csv"})
        row = {"task_id": f"{name} {days}", "run_id": name, "job": "predict", "counts": "{}", "seconds": "{}"}
        numbers = dict.fromkeys(("exit_code", "n_combinations", "n_failed", "n_rows"), 0)
        at = {"run_at": run.run_at - timedelta(days=days), "version": "1", "plan_files": files}
        warehouse.replace(RUNS, pd.DataFrame([{**row, **numbers, **at}]), row["task_id"], run=run)
    (plan,) = found_in([*lines_of("Пермь"), *lines_of("Кунгур")])["promotion plan"]
    assert plan.examples == ("7 of 8 rows refused in plan.csv (2026-11-22)",)


def test_every_check_has_a_name_of_its_own() -> None:
    """A check is added by one line."""
    assert len({what for what, _ in CHECKS}) == len(CHECKS)


@pytest.mark.slow
def test_names_are_found_in_every_way_that_they_can_be_wrong(found_in):
    """Another alphabet's letter is joined, a lost zero is in doubt, a row of totals is left out."""
    spelt = [line(CUTOFF, 5.0, unit="Пермь", SKU_ID=name) for name in ("A0", "А0", "075", "75", "Итого")]
    found = {each.text: each.examples for each in found_in([*lines_of("Пермь"), *spelt])["names"]}
    assert [text.partition(",")[0] for text in found] == [
        "names written in several ways",
        "names that may be others",
        "rows of totals or of nobody",
    ]
    assert "U+0410" in found["names written in several ways, joined"][0]
    assert "names merge" in found["names that may be others, or none"][0]
    assert found["rows of totals or of nobody, left out"] == ("SKU_ID 'Итого' (1 line)",)
