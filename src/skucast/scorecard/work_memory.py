"""What people have said of the work list: lines that are done or snoozed, and when such a line comes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from skucast.core.texts import Count, Text, said_in
from skucast.language.catalogue import SOURCE, translated

WORSE = 1.5
"""A line that is done comes back when it is half as large again as it was when somebody called it done."""

FIRST = 5
"""Lines that a monitoring run names."""

MEMORY_COLUMNS = {
    "state": "str",
    "snoozed_until": "datetime64[us]",
    "owner": "str",
    "comment": "str",
    "said": "str",
    "said_by": "str",
    "said_at": "datetime64[us]",
    "back": "str",
    "back_why": "str",
    "rank": "int64",
    "is_listed": "bool",
}
"""What is added to each line. `said`, `said_by`, `said_at`: the newest word about it, whose, and when (UTC). `back`:
why one that was done or snoozed is open again: opened_anew, worse, its_day; `back_why` says it in words. `rank`: place
among the open ones, 0 = not open."""


def remembered(
    lines: pd.DataFrame, notes: pd.DataFrame, known_at: datetime, today: date, n_listed: int
) -> pd.DataFrame:
    """Return the lines with what was said of them, `MEMORY_COLUMNS`, in their order.

    Args:
        lines: `work_list.LINE_COLUMNS`.
        notes: rows of `tables.WORK_NOTES`.
        known_at: nothing that was said later is used, naive UTC.
        today: the day that the list is about: a snoozed line is back on its day.
        n_listed: as many open lines are on the list.
    """
    known = notes[notes["known_from"] <= pd.Timestamp(known_at)].sort_values("known_from", kind="stable")
    said: dict[str, list[dict[str, Any]]] = {}
    for row in _plain(known):
        said.setdefault(row["line_id"], []).append(row)
    added = [_memory(line, said.get(line["line_id"], []), today) for line in _plain(lines)]
    found = pd.DataFrame(added, columns=list(MEMORY_COLUMNS), index=lines.index)
    is_open = found["state"] == "open"
    is_file = lines["kind"] == "file"
    room = n_listed - int((is_open & is_file).sum())
    is_beyond = is_open & ~is_file & ((is_open & ~is_file).cumsum() > max(room, 0))
    order = is_beyond.astype("int64").sort_values(kind="stable").index  # few files must not fall off a long list
    lines, found, is_open = lines.loc[order], found.loc[order], is_open[order]
    found["rank"] = is_open.cumsum().where(is_open, 0)
    found["is_listed"] = is_open & (found["rank"] <= n_listed)
    return pd.concat([lines, found.astype(MEMORY_COLUMNS)], axis="columns").reset_index(drop=True)


def tally(lines: pd.DataFrame) -> dict[str, int]:
    """Return how many lines are open, listed, new since the week before, back again, done and snoozed."""
    is_open = lines["state"] == "open"
    return {
        "n_open": int(is_open.sum()),
        "n_listed": int(lines["is_listed"].sum()),
        "n_new": int((is_open & lines["is_new"]).sum()),
        "n_back": int((is_open & (lines["back"] != "")).sum()),
        "n_done": int((lines["state"] == "done").sum()),
        "n_snoozed": int((lines["state"] == "snoozed").sum()),
    }


def tally_text(counts: Mapping[str, int]) -> Text:
    """Return what the list says of itself, in one line."""
    n = counts["n_listed"]
    length = Count("{n} line", "{n} lines", n)
    if counts["n_open"] > n:
        length = Count("{n} line ({open} open)", "{n} lines ({open} open)", n, open=counts["n_open"])
    return Text(
        "work list: {length}, {new} new since last week, {back} back; {done} done, {snoozed} snoozed",
        length=length,
        new=counts["n_new"],
        back=counts["n_back"],
        done=counts["n_done"],
        snoozed=counts["n_snoozed"],
    )


def listed_names(lines: pd.DataFrame) -> list[str]:
    """Return what the listed lines are about, in their order."""
    found: list[str] = lines.loc[lines["is_listed"], "about"].tolist()
    return found


def work_text(lines: pd.DataFrame, language: str = "") -> str:
    """Return how long the list is, and its first lines with what to do, each a line of text; empty = in English."""
    first = lines[lines["is_listed"]].head(FIRST).to_dict("records")
    say = partial(translated, language or SOURCE)
    named = [f"{row['rank']}. {row['about']}: {say(row['what'])}. {say(row['to_do'])}" for row in first]
    return "\n".join([said_in(language, tally_text(tally(lines))), *named])


def mended_by_training(lines: pd.DataFrame) -> set[str]:
    """Return the combinations that a training may mend now: by which lines."""
    return {name for names in lines["trainable"].dropna() for name in names.split("\n") if name}


def resting_alerts(lines: pd.DataFrame) -> set[str]:
    """Return the alerts of the lines that are done or snoozed."""
    resting = lines.loc[lines["state"] != "open", "alert_ids"]
    return {each for ids in resting for each in ids.split(",") if each}


def _memory(line: Mapping[str, Any], said: list[dict[str, Any]], today: date) -> dict[str, Any]:
    """What is remembered of one line; `said` is in the order in which it was said."""
    newest = {name: next((row[name] for row in reversed(said) if row[name] is not None), "") for name in _LASTING}
    stated = next((row for row in reversed(said) if row["state"] is not None), None)
    last = said[-1] if said else None
    state, until, (back, why) = _state(line, stated, today)
    return {
        "state": state,
        "snoozed_until": until,
        **newest,
        "said": _words(last) if last else "",
        "said_by": last["author"] if last else "",
        "said_at": last["known_from"] if last else None,
        "back": back,
        "back_why": why,
    }


_LASTING = ("owner", "comment")


_Back = tuple[str, str]
"""Why a line is back, as a code and in words; both empty if it is not."""

_NOT_BACK: _Back = ("", "")


def _state(
    line: Mapping[str, Any], stated: Mapping[str, Any] | None, today: date
) -> tuple[str, pd.Timestamp | None, _Back]:
    """State, the day on which it is back, and why it is back."""
    state, until, back = "open", None, _NOT_BACK
    if stated is not None and stated["state"] == "done":
        back = _back(line, stated)
        state = "done" if back == _NOT_BACK else "open"
    elif stated is not None and stated["state"] == "snoozed":
        until = stated["snoozed_until"]
        state = "snoozed" if pd.Timestamp(today) < until else "open"
        back = _NOT_BACK if state == "snoozed" else ("its_day", f"snoozed until {until:%Y-%m-%d}")
    if state == "open" and line["quiet_until"] is not None:
        return "snoozed", line["quiet_until"] + timedelta(days=1), _NOT_BACK
    return state, until if state == "snoozed" else None, back


def _back(line: Mapping[str, Any], done: Mapping[str, Any]) -> _Back:
    """Why a line that is done is open again."""
    when = f"{done['known_from']:%Y-%m-%d}"
    if done["seen_through"] is None or line["opened"] > done["seen_through"]:
        return "opened_anew", f"opened anew on {line['opened']:%Y-%m-%d}, done on {when}"
    before, now = done["size"], line["size"]
    if before is not None and now is not None and now > before and now >= WORSE * before:
        return "worse", f"clearly worse: {before:,.4g} when it was done on {when}, {now:,.4g} now"
    return _NOT_BACK


def _words(row: Mapping[str, Any]) -> str:
    """What somebody has said, in a few words."""
    parts = [] if row["state"] is None else [str(row["state"])]
    if row["snoozed_until"] is not None:
        parts = [f"snoozed until {row['snoozed_until']:%Y-%m-%d}"]
    if row["owner"] is not None:
        parts.append(f"owner {row['owner']}")
    return ", ".join(parts) or "comment"


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows with None for what is not known."""
    known = rows.astype(object).where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]
