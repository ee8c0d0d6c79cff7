"""The folders of the plan as planners and the job see them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs import promotions
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

KNOWN = [Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2"), Combination("Чайковский", "TF", "B2")]
HEADER = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through"
GOOD = "Пермь,KA,A1,2026-11-30,2026-12-06,30,2026-12-31"
BAD = "Пермь,KA,B2,2026-11-30,2026-12-06,0.3,2026-12-31"


class Inbox:
    """The folders of the plan, the table, and the job; `report` is that of the last run."""

    def __init__(self, folder: Path, warehouse: DuckDBWarehouse, settings: Settings, run: Run) -> None:
        self.folder = folder
        self.warehouse = warehouse
        self.settings = settings
        self.run = run
        self.report = RunReport()

    def send(self, name: str, *lines: str, header: str = HEADER) -> Path:
        """Put a file into the inbox."""
        path = self.folder / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *lines]), encoding="utf-8")
        return path

    def ingest(self, hours: float = 0, known: Sequence[Combination] = KNOWN) -> int:
        """Read the inbox, so many hours later, and return how many rows were added."""
        later = replace(self.run, run_id=f"later-{hours}", run_at=self.run.run_at + timedelta(hours=hours))
        self.report = RunReport()
        return promotions.ingest_inbox(self.settings, self.warehouse, later, self.report, known)

    def plan(self) -> list[tuple[str, float | None]]:
        """Return names and discount of all rows of the plan."""
        rows = self.warehouse.read(PROMOTIONS)
        said = rows["discount_perc"].astype(object).where(rows["discount_perc"].notna(), None)
        names = rows[["unit", "channel", "SKU_ID"]].agg("/".join, axis=1)
        return sorted(zip(names, said, strict=True), key=str)

    def files(self) -> dict[str, list[str]]:
        """Return the names in each folder, without their stamps."""
        return {
            folder: sorted(
                path.name[27:] if folder != "inbox" else path.name for path in (self.folder / folder).glob("*")
            )
            for folder in ("inbox", "done", "rejected")
        }

    def rejected(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a file of rejected ones."""
        (path,) = (self.folder / "rejected").glob(f"*-{name}")
        return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


PLAN_OF_GOOD = [("Пермь/KA/A1", 30.0), ("Пермь/KA/A1", None)]
