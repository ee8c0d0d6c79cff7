"""`python -m skucast names`: what is said of names, what is decided of them, and what a decision does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import deliver, sunday, week

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.tables.names import NAMES
from skucast.entry.cli import main
from skucast.entry.doctor import examine
from skucast.jobs.inputs import read_history
from skucast.jobs.names import decide
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

Decide = Callable[..., str]


@pytest.fixture
def sold(warehouse: DuckDBWarehouse, run: Run) -> DuckDBWarehouse:
    """Return a warehouse in which 0075 became 75 four weeks ago; beside it B2, and a channel and an article KA."""
    names = ["0075"] * 4 + ["75"] * 4
    lines = [each for n, name in enumerate(names) for each in week(sunday(7 - n), 10.0, SKU_ID=name)]
    lines += [each for n in range(8) for sku_id in ("B2", "KA") for each in week(sunday(n), 5.0, SKU_ID=sku_id)]
    deliver(warehouse, lines, run)
    return warehouse


@pytest.fixture
def decided(sold: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]) -> Decide:
    """Return a function that decides of names, and returns what it said."""

    def call(decision: str, name: str, other: str | None = None, part: str | None = None) -> str:
        report = RunReport()
        decide(settings(), sold, run, report, decision, name, other, part)  # type: ignore[arg-type]
        return report.notes[-1]

    return call


def rows(warehouse: DuckDBWarehouse) -> list[list[str]]:
    """Return what is kept."""
    kept: list[list[str]] = warehouse.read(NAMES)[["part", "name", "other", "decision"]].to_numpy().tolist()
    return kept


@pytest.mark.slow
def test_a_merge_holds_from_the_next_run_on(
    decided: Decide, sold: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]
) -> None:
    """Until it is decided, two articles and a doubt; then one with all its weeks, and none."""
    before = read_history(settings(), sold, run)
    assert sorted({each.sku_id for each in before.combinations}) == ["0075", "75", "B2", "KA"]
    (doubt,) = before.report.doubtful_names
    assert doubt.startswith(
        "SKU_ID '75' may be '0075', but for leading zeros (nothing for 00 U+0030 U+0030); it begins"
    )
    assert "`python -m skucast names merge 75 0075` joins them" in doubt
    assert decided("merge", "75", "0075").startswith("SKU_ID '75' is '0075' from the next run on")
    after = read_history(settings(), sold, run)
    assert sorted({each.sku_id for each in after.combinations}) == ["0075", "B2", "KA"]
    assert after.report.doubtful_names == []
    assert after.weeks["y"].sum() == before.weeks["y"].sum()


@pytest.mark.slow
def test_a_split_takes_the_merge_back_and_ends_the_doubt(
    decided: Decide, sold: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]
) -> None:
    """One row for the pair, whatever was decided of it before and in which order it is named."""
    decided("merge", "75", "0075")
    assert decided("split", "0075", "75") == "SKU_ID '0075' is not '75' from the next run on"
    assert rows(sold) == [["SKU_ID", "0075", "75", "split"]]
    history = read_history(settings(), sold, run)
    assert len(history.combinations) == 4
    assert history.report.doubtful_names == []


@pytest.mark.slow
def test_a_name_is_merged_into_one_other(decided: Decide, sold: DuckDBWarehouse) -> None:
    """A second merge of a name takes the place of the first; deciding twice keeps one row."""
    decided("merge", "75", "B2")
    decided("merge", "75", "0075")
    decided("merge", "75", "0075")
    assert rows(sold) == [["SKU_ID", "75", "0075", "merge"]]


@pytest.mark.slow
def test_a_circle_of_merges_is_refused(decided: Decide, sold: DuckDBWarehouse) -> None:
    """75 is 0075 and 0075 is B2: B2 cannot be 75."""
    decided("merge", "75", "0075")
    decided("merge", "0075", "B2")
    with pytest.raises(InputError, match="'75' is merged into 'B2': split them first"):
        decided("merge", "B2", "75")
    assert len(rows(sold)) == 2


@pytest.mark.slow
def test_an_unknown_name_is_refused_with_its_neighbours(decided: Decide, sold: DuckDBWarehouse) -> None:
    """Nothing is kept of a name that the sales do not have."""
    with pytest.raises(InputError, match=r"'075' is not in the sales \(closest: '0075', '75'"):
        decided("merge", "075", "0075")
    with pytest.raises(InputError, match="'75' is one name already"):
        decided("merge", "75", "75")
    with pytest.raises(InputError, match="not in the same column"):
        decided("merge", "Пермь", "0075")
    assert rows(sold) == []


@pytest.mark.slow
def test_a_spelling_can_be_split_before_it_comes(decided: Decide, sold: DuckDBWarehouse) -> None:
    """What is loaded under it afterwards is not taken for the other name."""
    assert decided("split", "b2", "B2") == "SKU_ID 'b2' is not 'B2' from the next run on"
    assert rows(sold) == [["SKU_ID", "b2", "B2", "split"]]


@pytest.mark.slow
def test_a_name_of_two_columns_asks_which(decided: Decide, sold: DuckDBWarehouse) -> None:
    """KA is a channel and an article."""
    with pytest.raises(InputError, match="'KA' is in the columns channel and SKU_ID: say which with --part"):
        decided("split", "KA")
    assert decided("split", "KA", part="SKU_ID") == "SKU_ID 'KA' is a name of its own from the next run on"
    assert rows(sold) == [["SKU_ID", "KA", "*", "split"]]


@pytest.mark.slow
def test_the_tool_decides_and_lists(sold: DuckDBWarehouse, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0 and the row of the run; the list shows the doubt, then the decision; a typo is one line and 2."""
    flags = ["--warehouse", f"duckdb:{sold.path}", "--as-of", "2026-11-25"]
    assert main(["names", "list", *flags]) == 0
    assert "in doubt: 1" in capsys.readouterr().out
    assert main(["names", "merge", "75", "0075", *flags]) == 0
    assert main(["names", "list", *flags]) == 0
    shown = capsys.readouterr().out
    assert "in doubt: none" in shown
    assert "0075" in shown
    assert main(["names", "merge", "75", "0O75", *flags]) == 2
    assert "'0O75' is not in the sales" in capsys.readouterr().err


@pytest.mark.slow
def test_doctor_finds_names_in_doubt(
    decided: Decide, sold: DuckDBWarehouse, run: Run, settings: Callable[..., Settings]
) -> None:
    """To be fixed until it is decided; then every name has one spelling."""
    from skucast.backends.store.opening import open_store

    def found() -> tuple[bool, str]:
        findings = examine(settings(), sold, open_store(settings()), run)
        (names,) = [each for each in findings if each.what == "names"]
        return names.is_ok, names.text

    assert found()[0] is False
    assert "SKU_ID '75' may be '0075'" in found()[1]
    decided("split", "75", "0075")
    assert found() == (True, "one spelling each")
