"""The work list: what needs a person this week, one line per matter, the largest first.

Alerts, refused files and what is known of trainings go in; lines come out, each with what is wrong, why, and what to
do, in the planner's terms and in the engineer's. What people have said of them is in `work_memory`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.alerts import REASONS, SYSTEM_RULES, WRONG_VOLUME
from skucast.core.tables.contract import ALL
from skucast.core.texts import Count, kept
from skucast.core.weeks import WEEK
from skucast.scorecard.alerts import is_quiet
from skucast.scorecard.retraining import MOST_TRIES, requests_of
from skucast.scorecard.work_actions import (
    ACTION_OF,
    ACTIONS,
    ENGINEER,
    MENDED_BY_TRAINING,
    WHAT,
    Action,
    for_planners,
)
from skucast.scorecard.work_groups import folded, line_id, names_in

LINE_COLUMNS = {
    "line_id": "str",
    "kind": "str",
    **dict.fromkeys(KEY, "str"),
    "about": "str",
    "alert_ids": "str",
    "rules": "str",
    "reason": "str",
    "action": "str",
    "what": "str",
    "why": "str",
    "why_json": "str",
    "to_do": "str",
    "planned": "str",
    "engineer": "str",
    "command": "str",
    "gcloud_command": "str",
    "at_stake": "float64",
    "size": "float64",
    "opened": "datetime64[us]",
    "is_new": "bool",
    "quiet_until": "datetime64[us]",
    "members": "str",
    "trainable": "str",
}
"""Columns of the lines. `kind`: system, group (its names of KEY, `*` = all), combination or file. `why_json`: sentence
and places of `why`, of groups and files. `at_stake`: sales forecast wrongly in the window, which is the volume that the
line is about; sales come without prices, so that it is no money. `size`: how large the matter is now, to be compared
with itself. `opened`: newest day on which a part of it was opened, of a group the oldest of its parts'. `planned`:
weeks to come for which the forecast knew of a promotion. `quiet_until`: last day up to which all its alerts are
acknowledged. `members`: what a group, or the line of files, holds, one a line of text; `trainable` those of its
combinations that a training may mend now."""

FIRST_FILES = 3
"""Refused files that a line names."""

_LATELY = timedelta(days=7)
"""A file that was refused since then is new on the list."""


@dataclass(frozen=True)
class Matters:
    """What the list is made of.

    `alerts` are rows of `tables.ALERTS` of the newest monitored week, `asked` of `tables.RETRAININGS`. `refused` has
    one row per file: file, said (in words), said_json (sentence and places, None where there are none), refused_on,
    is_partly (rows of it came back). `trained` says of combinations through which week their newest training knew the
    sales, and when it ended: KEY, cutoff, created_at. `planned` are the promotions that the newest forecast knew of:
    KEY, ds; `forecast` what it is about: KEY. An alert is judged by a window of `lookback_weeks`. `retrain_job` is the
    job's name on Cloud Run.
    """

    alerts: pd.DataFrame
    refused: pd.DataFrame
    trained: pd.DataFrame
    asked: pd.DataFrame
    planned: pd.DataFrame
    forecast: pd.DataFrame
    today: date
    lookback_weeks: int
    retrain_job: str = ""


def lines_of(matters: Matters) -> pd.DataFrame:
    """Return one line per matter that is open: columns `LINE_COLUMNS`, in the order of the list.

    What concerns the whole stands first, then combinations and groups of them by what is at stake, then what was
    refused, whose worth nobody knows: one line for all files of an inbox.
    """
    alerts = matters.alerts[matters.alerts["state"] != "resolved"]
    is_system = alerts["unit"] == ALL
    lines = [
        *_system_lines(alerts[is_system], matters.today),
        *_combination_lines(alerts[~is_system], matters),
        *_file_lines(matters.refused, matters.today),
    ]
    return pd.DataFrame(lines, columns=list(LINE_COLUMNS)).astype(LINE_COLUMNS)


def names_of(line: Mapping[Any, Any]) -> set[str]:
    """Return the names by which people may call a line: its own, what it is about, an alert's, one that it holds."""
    return {line["line_id"], line["about"], *filter(None, line["alert_ids"].split(",")), *names_in(line)}


# --- Lines ------------------------------------------------------------------------------------------------------------


def _system_lines(alerts: pd.DataFrame, today: date) -> Iterator[dict[str, Any]]:
    order = {rule: place for place, rule in enumerate(SYSTEM_RULES)}
    quiet = is_quiet(alerts, today)
    for row in sorted(alerts.assign(quiet=quiet).to_dict("records"), key=lambda row: order[row["rule"]]):
        rule = str(row["rule"])
        beyond = abs(row["value"] - row["value_limit"])
        yield {
            **_named("system", rule, (ALL, ALL, ALL)),
            "about": rule,
            "alert_ids": row["alert_id"],
            "rules": rule,
            "reason": row["reason"] if isinstance(row["reason"], str) else "",
            **_to_do(rule),
            "what": WHAT[rule],
            "why": for_planners(rule, row["message"]),
            "engineer": f"{ENGINEER[rule]}: {row['message']}",
            **_commands(row, is_trained=rule in MENDED_BY_TRAINING),
            "size": beyond,
            "opened": row["opened"],
            "is_new": row["opened"] == row["cutoff"],
            "quiet_until": row["acknowledged_until"] if row["quiet"] else pd.NaT,
        }


def _file_lines(refused: pd.DataFrame, today: date) -> Iterator[dict[str, Any]]:
    """One line for what was refused of the files of an inbox, the newest named first; identical files are one."""
    newest = refused.sort_values(["refused_on", "file"], ascending=[False, True])
    for inbox, rows in newest.groupby(newest["file"].map(_inbox_of), sort=False):
        files = rows.to_dict("records")
        first, others = files[0], len(files) - 1
        why, why_json = first["said"], first["said_json"]
        if others:
            names = tuple(str(row["file"]).rpartition("/")[2] for row in files[:FIRST_FILES])
            text = Count(
                "{n} file was refused, the newest: {names}; of the newest: {said}",
                "{n} files were refused, the newest: {names}; of the newest: {said}",
                len(files),
                names=names,
                said=kept(why_json) if isinstance(why_json, str) else why,
            )
            why, why_json = str(text), text.stored()
        action: Action = "send_rows_again" if first["is_partly"] else "send_file_again"
        yield {
            **_named("file", str(inbox), (ALL, ALL, ALL)),
            "about": first["file"] if not others else f"{inbox}/rejected",
            "members": "\n".join(row["file"] for row in files),
            "alert_ids": "",
            "rules": "file",
            "reason": "",
            "action": action,
            "what": WHAT["file"],
            "why": why,
            "why_json": why_json,
            "to_do": ACTIONS[action],
            "engineer": "nothing to do: what was refused lies beside its reasons in the rejected folder of its inbox",
            "opened": first["refused_on"],
            "is_new": first["refused_on"].date() > today - _LATELY,
        }


def _inbox_of(file: str) -> str:
    """The inbox of a file: files of promotions have no folder in their name."""
    return file.rpartition("/")[0] or "promotions"


def _combination_lines(alerts: pd.DataFrame, matters: Matters) -> list[dict[str, Any]]:
    """One line for all alerts of a combination, those that nobody has acknowledged named; the largest first."""
    if not len(alerts):
        return []
    cutoff = alerts["cutoff"].max().date()
    tried = requests_of(matters.asked[matters.asked["state"] != "failed"], cutoff + WEEK)
    trained = _by_names(matters.trained)
    planned = {names: rows["ds"] for names, rows in matters.planned.groupby(KEY)} if len(matters.planned) else {}
    found = []
    rows = alerts.assign(quiet=is_quiet(alerts, matters.today)).sort_values([*KEY, "rule"]).to_dict("records")
    for names, group in groupby(rows, key=lambda row: tuple(str(row[name]) for name in KEY)):
        of_one = list(group)
        judged = _Judged(max(row["opened"] for row in of_one).date(), cutoff, matters.lookback_weeks)
        excuse = _excuse(judged, trained.get(names), tried.get(Combination(*names), []))
        line = _combination_line(names, of_one, excuse)
        line["planned"] = ", ".join(f"{ds:%Y-%m-%d}" for ds in sorted(planned.get(names, ())))
        found.append(line)
    return folded(found, matters.forecast, matters.retrain_job)


def _combination_line(
    names: tuple[str, ...], alerts: Sequence[Mapping[Any, Any]], excuse: str | None
) -> dict[str, Any]:
    first = alerts[0]
    speaking = [row for row in alerts if not row["quiet"]] or alerts
    reason = first["reason"] if isinstance(first["reason"], str) else ""
    matter = reason or str(first["rule"])
    stake = max((row[WRONG_VOLUME] for row in alerts if pd.notna(row[WRONG_VOLUME])), default=float("nan"))
    is_trained = matter in MENDED_BY_TRAINING and not excuse
    return {
        **_named("combination", str(Combination(*names)), names),
        "about": str(Combination(*names)),
        "alert_ids": ",".join(row["alert_id"] for row in alerts),
        "rules": ",".join(row["rule"] for row in speaking),
        "reason": reason,
        **_to_do(matter),
        "what": "; ".join(WHAT[row["rule"]] for row in speaking),
        "why": f"{REASONS[reason]}: {first['evidence']}" if reason else speaking[0]["message"],
        "engineer": excuse if matter in MENDED_BY_TRAINING and excuse else ENGINEER[matter],
        **_commands(first, is_trained=is_trained),
        "trainable": str(Combination(*names)) if is_trained else "",
        "at_stake": stake,
        "size": stake,
        "opened": max(row["opened"] for row in alerts),
        "is_new": all(row["opened"] == row["cutoff"] for row in alerts),
        "quiet_until": min(row["acknowledged_until"] for row in alerts) if all(r["quiet"] for r in alerts) else pd.NaT,
    }


@dataclass(frozen=True)
class _Judged:
    """When the newest part of a line was opened, the week it was judged in, and by how many weeks."""

    opened: date
    cutoff: date
    lookback_weeks: int


def _excuse(judged: _Judged, trained: Mapping[Any, Any] | None, asked: Sequence[date]) -> str | None:
    """Why another training would mend nothing now; None if one may.

    A training that knew all that opened the alert is judged once the window holds none of the older model's weeks.
    """
    if trained is not None and trained["cutoff"].date() >= judged.opened:
        until = trained["cutoff"].date() + judged.lookback_weeks * WEEK
        if until > judged.cutoff:
            return (
                f"trained anew on {trained['created_at']:%Y-%m-%d}, after this was opened: "
                f"up to week {until} it is judged by the model before, too"
            )
    if asked and asked[-1] >= judged.cutoff:
        return f"its training was asked for in week {asked[-1]}: see the registry"
    tries = [week for week in asked if week >= judged.opened]
    if len(tries) >= MOST_TRIES:
        return f"training does not mend it: {len(tries)} were tried; look at its sales and its plan"
    return None


def _named(kind: str, name: str, names: Sequence[str]) -> dict[str, Any]:
    nothing = {
        "planned": "",
        "members": "",
        "why_json": None,
        "command": None,
        "gcloud_command": None,
        "at_stake": float("nan"),
        "size": float("nan"),
    }
    own = {"line_id": line_id(kind, name), "kind": kind, **dict(zip(KEY, names, strict=True))}
    return {**nothing, "quiet_until": pd.NaT, **own}


def _to_do(matter: str) -> dict[str, str]:
    action = ACTION_OF[matter]
    return {"action": action, "to_do": ACTIONS[action]}


def _commands(row: Mapping[Any, Any], *, is_trained: bool) -> dict[str, Any]:
    return {name: row[name] if is_trained else None for name in ("command", "gcloud_command")}


def _by_names(rows: pd.DataFrame) -> dict[tuple[str, ...], dict[Any, Any]]:
    newest = rows.sort_values(["cutoff", "created_at"], kind="stable").drop_duplicates(KEY, keep="last")
    return {tuple(str(row[name]) for name in KEY): row for row in newest.to_dict("records")}
