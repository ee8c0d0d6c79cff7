"""The inbox of predecessors: taken in as promotions are, each file once, what is wrong comes back."""

from __future__ import annotations

from folders import KNOWN, Inbox

from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs.predecessors import ingest_predecessors

HEADER = "unit,channel,SKU_ID,like_SKU_ID,phase_out_from"


def test_a_file_is_added_once_and_moved_and_its_bad_rows_come_back(inbox: Inbox) -> None:
    """Beside the folders of promotions, which it leaves alone; the same bytes again add nothing."""
    folder = inbox.folder.parent / "predecessors"

    def send(name: str) -> None:
        path = folder / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEADER}\nПермь,KA,NEW,A1,2026-12-01\nПермь,KA,NEW,none,\n", encoding="utf-8")

    def take_in() -> int:
        given = inbox.settings, inbox.warehouse, inbox.run, inbox.report, KNOWN
        return ingest_predecessors(*given, by_hand=True)

    send("new.csv")
    assert take_in() == 1
    send("again.csv")
    assert take_in() == 0
    assert len(inbox.warehouse.read(PREDECESSORS)) == 1
    names = {each: [path.name[27:] for path in (folder / each).glob("*")] for each in ("inbox", "done", "rejected")}
    assert names["inbox"] == []
    assert sorted(names["done"]) == ["again.csv", "new.csv"]
    assert sorted(names["rejected"]) == ["again.csv", "new.csv"]
    assert "predecessors: new.csv: 1 predecessor added, 1 of them with a phase-out" in inbox.report.notes[0]
    assert not len(inbox.warehouse.read(PROMOTIONS))
