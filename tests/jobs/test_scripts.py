"""The scripts as processes, from the repository's root, as a person would start them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.scorecard import METRICS

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["predict_weekly.py", "monitor_performance.py", "retrain_models.py", "run_all_skus.py"]


def run_script(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the command and return what it did."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_and_bad_settings(script: str, tmp_path: Path) -> None:
    """`--help` works with no installation but the requirements; wrong settings exit with 2 and name all mistakes."""
    shown = run_script(str(ROOT / script), "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert "[WAREHOUSE; default: duckdb:local/warehouse.duckdb]" in " ".join(shown.stdout.split())
    wrong = run_script(str(ROOT / script), cwd=tmp_path, BUSINESS_TZ="Mars", WAREHOUSE="mysql:x")
    assert wrong.returncode == 2
    assert "WAREHOUSE: found 'mysql:x'" in wrong.stderr
    assert "BUSINESS_TZ: found 'Mars'" in wrong.stderr
    assert not list(tmp_path.iterdir())


def test_the_demo_runs_from_no_data_to_the_dashboard(tmp_path: Path) -> None:
    """All four scripts in a row; the shifted combination is found and mended; a second demo starts afresh."""
    done = run_script("-m", "skucast", "demo", cwd=tmp_path, PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 0, done.stderr
    assert "Пермь/KA/ЦУП00009752" in done.stdout
    assert (tmp_path / "local" / "staging" / "dashboard" / "index.html").is_file()
    names = {table.label: table.name for table in TABLES}
    warehouse = DuckDBWarehouse(tmp_path / "local" / "warehouse.duckdb", names)
    assert warehouse.read(FORECASTS)["cutoff"].nunique() == 5
    total = warehouse.read(METRICS).query("window == 'rolling' and level == 'total' and step == 0")
    assert total.sort_values("window_end")["wape"].iloc[-1] < 0.2
    assert len(LocalStore(tmp_path / "local" / "models").stored()) >= 57


def test_the_demo_never_touches_data_of_ones_own(tmp_path: Path) -> None:
    """A warehouse with a loaded file: exit 2, and it is still there."""
    (tmp_path / "own.csv").write_text("date,unit,channel,SKU_ID,quantity\n2026-11-16,U,C,S,5\n", encoding="utf-8")
    source = {"PYTHONPATH": str(ROOT / "src")}
    assert run_script("-m", "skucast", "load", "own.csv", "--table", "sales", cwd=tmp_path, **source).returncode == 0
    before = (tmp_path / "local" / "warehouse.duckdb").read_bytes()
    refused = run_script("-m", "skucast", "demo", cwd=tmp_path, **source)
    assert refused.returncode == 2
    assert "holds data of your own" in refused.stderr
    assert (tmp_path / "local" / "warehouse.duckdb").read_bytes() == before
