"""What was decided of names: which are one, which are two."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import Table, instant, text

NAMES = Table(
    label="names",
    name="distributor_names",
    meaning="What was decided of names that look alike, by `python -m skucast names`; it holds for sales, plan and "
    "targets from the next run on.",
    columns=(
        text("part", "what is named so", allowed=tuple(KEY)),
        text("name", "the name that was decided of"),
        text("other", "merge: the name that it is; split: the name that it is not, `*` = any: a name of its own"),
        text("decision", "merge or split", allowed=("merge", "split")),
        instant("decided_at", "when"),
    ),
    key=("part", "name", "other"),
    is_whole=True,
)
