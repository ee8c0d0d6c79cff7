"""The command `override`: what it takes, and what holds as a table for people."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Hashable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.texts import Number, Place, Text, said_in, said_place, wording
from skucast.runtime.flags import Parser, a_path, add_flags

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from skucast.backends.store.protocol import ModelStore
    from skucast.backends.warehouse.protocol import Warehouse
    from skucast.core.run import Run
    from skucast.runtime.outcome import RunReport
    from skucast.runtime.settings import Settings

SAID = {
    "ds_from": ("--from", "YYYY-MM-DD", "any day of the first week"),
    "ds_to": ("--to", "YYYY-MM-DD", "any day of the last week [default: one week]"),
    "kind": (
        "--kind",
        "=|+|%",
        "done to each week's number: = the value stands for it, + is added, %% percent are",
    ),
    "value": ("--value", "NUMBER", "how much, of each week and of all its combinations together"),
    "reason": ("--reason", "REASON", "why: one of OVERRIDE_REASONS, or late"),
    "author": ("--author", "NAME", "who says so"),
    "expires_on": ("--expires", "YYYY-MM-DD", "last day on which a forecast uses it [default: it does not end]"),
    "note": ("--note", "TEXT", "a remark, not used"),
}
"""Columns of an override, by which flag they are given, and what they mean."""

OWN = (*SAID, "override_ids")
"""Arguments that are no settings."""

_NEEDED = {"set": ("ds_from", "kind", "value", "reason", "author"), "clear": ("author",)}


def add_override(commands: _SubParsersAction[Parser]) -> None:
    """Add the command `override` and its actions."""
    override = commands.add_parser("override", help="say, call off and list numbers that count instead of the model's")
    actions = override.add_subparsers(dest="action", required=True, metavar="ACTION")
    override.begin_with(actions.choices)
    said = actions.add_parser("set", help="say what a combination or a group will sell; the next forecast takes it")
    said.add_argument("target", metavar="UNIT/CHANNEL/SKU_ID", help="what it is about; * instead of a name = all")
    _add_said(said, "set", SAID)
    clear = actions.add_parser("clear", help="call overrides off, from the next forecast on")
    clear.add_argument("override_ids", metavar="ID", nargs="+", help="its name in the list, or the beginning of it")
    _add_said(clear, "clear", ("author", "reason", "note"))
    actions.add_parser("list", help="list what holds now, and what it changes")
    past = actions.add_parser("history", help="show all that was ever said, who, when, and what became of it")
    past.add_argument("override_ids", metavar="ID", nargs="*", help="these alone, or the beginnings of their names")
    actions.add_parser("ingest", help="add the files in overrides/inbox/ below STAGING, as every forecast does")
    template = actions.add_parser("template", help="write what holds now, or examples, as a file to change and send")
    template.add_argument(
        "--output",
        type=a_path,
        metavar="FILE",
        default=Path("overrides-template.xlsx"),
        help="a new .xlsx or .csv file [default: overrides-template.xlsx]",
    )
    for action in actions.choices.values():
        add_flags(action, "override")


def _add_said(parser: argparse.ArgumentParser, action: str, columns: Collection[str]) -> None:
    for column in columns:
        flag, metavar, meaning = SAID[column]
        needed = " (needed)" if column in _NEEDED[action] else ""
        parser.add_argument(flag, dest=column, metavar=metavar, default="", help=f"{meaning}{needed}")


def _check_needed(own: dict[str, object]) -> None:
    """Refuse a command without a flag that it needs: one line, where argparse would show all flags.

    Raises:
        InputError: naming them.
    """
    action = str(own["action"])
    missing = [SAID[column][0] for column in _NEEDED.get(action, ()) if not own[column]]
    if missing:
        more = f"python -m skucast override {action} --help"
        raise InputError(f"override {action}: {', '.join(missing)} missing ({more})")


def change_overrides(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, _: ModelStore, run: Run, report: RunReport
) -> None:
    """Do what the command line asks for.

    Raises:
        InputError: it cannot be done, and nothing was.
    """
    from skucast.jobs.inputs import read_history
    from skucast.jobs.override_command import clear_overrides, set_override, write_override_template
    from skucast.jobs.override_intake import ingest_overrides, known_to_overrides

    _check_needed(own)
    given = settings, warehouse, run, report
    said = {name: str(own[name]) for name in SAID if name in own}
    if own["action"] == "set":
        set_override(str(own["target"]), said, *given)
    elif own["action"] == "clear":
        ids = own["override_ids"]
        assert isinstance(ids, list)
        clear_overrides(ids, said, *given)
    elif own["action"] == "template":
        write_override_template(Path(str(own["output"])), *given)
    else:
        if not run.is_about_today(settings.clock):
            raise InputError("AS_OF: files are taken in on the day that it is; unset it")
        history = read_history(settings, warehouse, run)
        known = known_to_overrides(settings, warehouse, run, history)
        report.n_rows = ingest_overrides(*given, known, history.names.aliases, by_hand=True)


LOOKED_AT = ("list", "history")
"""Actions that write nothing, not even the run's row."""


def look_at_overrides(own: dict[str, object], settings: Settings, run: Run) -> None:
    """Print what holds, or all that was ever said.

    Raises:
        InputError: there are no sales, or no such override.
    """
    if own["action"] == "list":
        show_overrides(settings, run)
    else:
        ids = own["override_ids"]
        assert isinstance(ids, list)
        show_history(settings, run, ids)


def show_history(settings: Settings, run: Run, ids: list[str]) -> None:
    """Print all that was said of overrides by the day that the run is about, who, when and what became of it.

    Raises:
        InputError: there are no sales, or no such override.
    """
    from rich.console import Console

    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.jobs.override_command import override_history

    console, lines, say = Console(), [], partial(said_in, settings.locale)
    said = override_history(settings, open_warehouse(settings), run, ids)
    for override_id, rows in said.groupby("override_id", sort=False):
        first = rows.iloc[-1].to_dict()
        about = "/".join(first[name] for name in KEY)
        lines.append(f"{override_id}  {about}  {say(_weeks(first))}")
        for row in rows.to_dict("records"):
            note = f"; {row['note']}" if isinstance(row["note"], str) else ""
            when = say(_moment(row["known_from"]))
            lines.append(f"  {when}  {row['author']}: {say(_change(row))} ({say(_why(row))}){note}")
            if not row["cancelled"]:
                lines.append(f"      {say(row['became'])}")
    text = "\n".join(lines) or say(Text("nothing was ever said"))
    console.print(text, soft_wrap=True, markup=False, highlight=False)


def _moment(at: datetime) -> Text:
    time = f"{at:%H:%M}"
    return Text("{day} {time} UTC", day=at.date(), time=time)


def _weeks(row: Mapping[Hashable, Any]) -> Text:
    return Text("{first} to {last}", first=row["ds_from"].date(), last=row["ds_to"].date())


def _change(row: Mapping[Hashable, Any]) -> Text:
    if row["cancelled"]:
        return Text("called off")
    return Text("{kind} {value}", kind=row["kind"], value=_exactly(row["value"]))


def _why(row: Mapping[Hashable, Any]) -> Text:
    """The reason, and until when a forecast uses it."""
    reason = Text(row["reason"])
    if row["expires_on"] != row["expires_on"]:  # NaT
        return reason
    return Text("{reason}, until {day}", reason=reason, day=row["expires_on"].date())


def _exactly(value: float) -> Place:
    """A number with as many decimals as were typed."""
    return Number(value, len(f"{value:.10g}".partition(".")[2])) if value % 1 else int(value)


def show_overrides(settings: Settings, run: Run) -> None:
    """Print what holds on the day that the run is about, and what it changes of the newest forecast."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.jobs.override_command import list_overrides

    listed = list_overrides(settings, open_warehouse(settings), run)
    console, say = Console(), partial(said_in, settings.locale)
    if not len(listed.rows):
        console.print(say(Text("no override holds")))
        return
    title = Text("overrides that hold on {day}; nothing is forecast yet", day=run.today)
    if listed.cutoff is not None:
        title = Text(
            "overrides that hold on {day}; effect on the forecast of {cutoff}",
            day=run.today,
            cutoff=listed.cutoff.date(),
        )
    grid = Grid(title=say(title), title_justify="left")
    for heading in _LISTED:
        grid.add_column(say(Text(heading)), overflow="fold", no_wrap=heading == "id")  # it is typed again
    for row in listed.rows.sort_values(["ds_from", "override_id"]).to_dict("records"):
        until = "" if row["expires_on"] != row["expires_on"] else said_place(settings.locale, row["expires_on"].date())
        grid.add_row(
            row["override_id"],
            escape("/".join(row[name] for name in KEY)),
            say(_weeks(row)),
            say(_change(row)),
            say(_effect(row)) if listed.cutoff is not None else "",
            escape(say(Text(row["reason"]))),
            escape(row["author"]),
            until,
            escape(row["note"] if isinstance(row["note"], str) else ""),
        )
    console.print(grid)


_LISTED = (
    *(wording("id"), wording("about"), wording("weeks"), wording("says"), wording("effect"), wording("reason")),
    *(wording("author"), wording("until"), wording("note")),
)


def _effect(row: Mapping[Hashable, Any]) -> Text:
    sign = "+" if row["effect"] >= 0 else ""
    number = round(row["effect"])
    if not row["model"] > 0:
        return Text("{sign}{number}", sign=sign, number=number)
    share = Number(100 * row["effect"] / row["model"], 1)
    return Text("{sign}{number} ({sign}{share}%)", sign=sign, number=number, share=share)
