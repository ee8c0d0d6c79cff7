"""Alerts and words of people for the tests of the work list."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
from builders import CUTOFF, WEDNESDAY

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import RETRAININGS
from skucast.core.tables.validation import empty
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.core.texts import stored
from skucast.dashboard.board import Board
from skucast.scorecard.work_list import Matters, lines_of
from skucast.scorecard.work_memory import remembered

PERM = ("Пермь", "KA", "A1")
KAZAN = ("Казань", "KA", "B2")


def alert(names: tuple[str, str, str], rule: str = "wape", weeks: int = 1, **changed: Any) -> dict[str, Any]:
    """Return an alert that has been open for so many weeks, 400 pieces forecast wrongly."""
    return {
        "cutoff": pd.Timestamp(CUTOFF),
        **dict(zip(KEY, names, strict=True)),
        "alert_id": f"{rule}-{names[2]}",
        "state": "open" if weeks == 1 else "still_open",
        "rule": rule,
        "opened": pd.Timestamp(CUTOFF - timedelta(weeks=weeks - 1)),
        "value": 0.9,
        "value_limit": 0.7,
        "message": "wrong by 90 % of what was sold",
        "reason": "level_shift",
        "evidence": "the last 4 weeks sold 50.0 a week",
        "lost_volume": 400.0,
        "command": "python retrain_models.py --target 'it'",
        "gcloud_command": "gcloud run jobs execute it",
        "acknowledged_until": pd.NaT,
    } | changed


def of_system(rule: str, message: str, **changed: Any) -> dict[str, Any]:
    """Return an alert of the system, which has no reason."""
    nothing = {"reason": None, "evidence": None, "lost_volume": float("nan"), "command": None, "gcloud_command": None}
    return alert((ALL, ALL, ALL), rule, message=message, **{**nothing, **changed})


def refused(*files: tuple[str, str, date]) -> pd.DataFrame:
    """Return what was refused of these files: name, in words, on which day."""
    rows = pd.DataFrame(
        [(file, said, stored(said), day, " refused" in said) for file, said, day in files],
        columns=["file", "said", "said_json", "refused_on", "is_partly"],
    )
    return rows.astype({"refused_on": "datetime64[us]", "is_partly": "bool"})


def trained(names: tuple[str, str, str], cutoff: date) -> pd.DataFrame:
    """Return the registry's word that this was trained on the sales up to a week, three days after it."""
    row = {**dict(zip(KEY, names, strict=True)), "cutoff": pd.Timestamp(cutoff)}
    return pd.DataFrame([{**row, "created_at": row["cutoff"] + pd.Timedelta(days=3)}])


def lines(*alerts: dict[str, Any], **other: Any) -> pd.DataFrame:
    """Return the lines of these alerts; of files, trainings, requests and plans there are none but those given."""
    stamped = {"cutoff": "datetime64[us]", "opened": "datetime64[us]", "acknowledged_until": "datetime64[us]"}
    columns = list(alert(PERM))
    nothing = pd.DataFrame({name: [] for name in [*KEY, "ds", "cutoff", "created_at"]})
    known: dict[str, Any] = {
        "refused": refused(),
        "trained": nothing,
        "asked": empty(RETRAININGS),
        "planned": nothing,
        "forecast": nothing,
        "today": WEDNESDAY,
        "lookback_weeks": 4,
    }
    return lines_of(Matters(pd.DataFrame(list(alerts), columns=columns).astype(stamped), **{**known, **other}))


def with_work(board: Board, *said: dict[str, Any]) -> Board:
    """Return the board with the work list of its alerts and refused files, and what was said of its lines."""
    day = board.run.today
    stamped = dict.fromkeys(("cutoff", "opened", "acknowledged_until"), "datetime64[us]")
    alerts = board.alerts.assign(cutoff=pd.Timestamp(board.run.cutoff)).astype(stamped)
    files = refused(*((text.split()[-2], text, day) for text in board.refused))
    nothing = pd.DataFrame({name: [] for name in [*KEY, "ds", "cutoff", "created_at"]})
    matters = Matters(alerts, files, nothing, empty(RETRAININGS), nothing, nothing, day, 4)
    now = pd.Timestamp(day).to_pydatetime() + timedelta(days=1)
    return replace(board, work=remembered(lines_of(matters), notes(*said), now, day, board.work_lines))


def note(line_id: str, state: str | None = "done", day: int = 0, **changed: Any) -> dict[str, Any]:
    """Return what somebody has said of a line, so many days after the cutoff; it was of 400 pieces then."""
    return {
        "line_id": line_id,
        "about": "it",
        **dict(zip(KEY, PERM, strict=True)),
        "state": state,
        "snoozed_until": pd.NaT,
        "owner": None,
        "comment": None,
        "author": "Anna",
        "known_from": pd.Timestamp(CUTOFF) + pd.Timedelta(days=day, hours=10),
        "seen_through": pd.Timestamp(CUTOFF),
        "size": 400.0,
    } | changed


def notes(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return the rows of the table of notes."""
    if not rows:
        return empty(WORK_NOTES)
    stamped = dict.fromkeys(("snoozed_until", "known_from", "seen_through"), "datetime64[us]")
    return pd.DataFrame(list(rows)).astype(stamped)
