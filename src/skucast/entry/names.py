"""What is to be known of names, as tables for people."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from skucast.jobs.names import Listed


def show_names(listed: Listed) -> None:
    """Print the decisions, then what the sales show: spellings that are joined, names in doubt, those left out."""
    console = Console()
    decided = Grid(title="decided", title_justify="left")
    for heading in ("part", "name", "", "other", "when (UTC)"):
        decided.add_column(heading, overflow="fold")
    for part, name, other, decision, decided_at in listed.decisions.itertuples(index=False, name=None):
        how = "is" if decision == "merge" else "is not"
        decided.add_row(part, escape(name), how, escape(other), f"{decided_at:%Y-%m-%d %H:%M}")
    console.print(decided)
    for title, texts in {
        "joined, being one name in several spellings": listed.names.joined,
        "in doubt": listed.names.doubtful,
        "left out, being no names": listed.names.left_out,
    }.items():
        if not texts:
            console.print(f"{title}: none")
            continue
        grid = Grid(title=f"{title}: {len(texts)}", title_justify="left", show_header=False)
        grid.add_column(overflow="fold")
        for text in texts:
            grid.add_row(escape(text))
        console.print(grid)
