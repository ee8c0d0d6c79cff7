"""The command `alerts`: what it takes, and the alerts and the work list as people and programs read them."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from skucast.core.texts import Text, said, said_in, wording
from skucast.entry.arguments_of_models import day
from skucast.runtime.flags import Parser, add_flags

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    import pandas as pd

    from skucast.backends.store.protocol import ModelStore
    from skucast.backends.warehouse.protocol import Warehouse
    from skucast.core.run import Run
    from skucast.runtime.outcome import RunReport
    from skucast.runtime.settings import Settings

_SAID = ("until", "owner", "comment", "author")
"""What may be said of a line beside its state."""

OWN = ("alert_id", "work", "every", "shown_as", "line_names", *_SAID)
"""Arguments that are no settings."""

_STATE = {"done": "done", "snooze": "snoozed", "reopen": "open", "own": "", "comment": ""}
"""What each action says of the state of a line; nothing = it stays as it is."""

_HELP = {
    "done": "say that lines of the work list are dealt with: they come back opened anew, or clearly worse",
    "snooze": "leave lines of the work list aside until a day",
    "reopen": "put lines of the work list back on it, whatever was said before",
    "own": "say who sees to lines of the work list",
    "comment": "remark on lines of the work list",
}


def add_alerts(commands: _SubParsersAction[Parser]) -> None:
    """Add the command `alerts` and its actions."""
    alerts = commands.add_parser("alerts", help="list what is wrong and what to do, say what is done with it")
    actions = alerts.add_subparsers(dest="action", required=True, metavar="ACTION")
    alerts.begin_with(actions.choices)
    shown = actions.add_parser("list", help="list the alerts of the newest monitored week, or the work list")
    shown.add_argument("--work", action="store_true", help="the work list: one line per matter, and what to do")
    shown.add_argument("--all", dest="every", action="store_true", help="with --work: done and snoozed lines, and more")
    shown.add_argument(
        "--as",
        dest="shown_as",
        choices=["table", "csv", "json"],
        default="table",
        help="with --work: how it is written [default: table]",
    )
    acknowledge = actions.add_parser("ack", help="acknowledge an alert: it stays open and says nothing until a day")
    acknowledge.add_argument("alert_id", metavar="ID")
    acknowledge.add_argument("--until", type=day, required=True, metavar="YYYY-MM-DD", help="last quiet day")
    for name, help_text in _HELP.items():
        _add_word(actions, name, help_text)
    actions.add_parser("ingest", help="add the files in worklist/inbox/ below STAGING, as every run does")
    for action in actions.choices.values():
        add_flags(action, "alerts")


def _add_word(actions: _SubParsersAction[Parser], name: str, said: str) -> None:
    word = actions.add_parser(name, help=said)
    word.add_argument(
        "line_names", metavar="LINE", nargs="+", help="its id, or Unit/Channel/SKU_ID, or an alert's id, a rule, a file"
    )
    if name == "snooze":
        word.add_argument(
            "--until", type=day, required=True, metavar="YYYY-MM-DD", help="day on which it is on the list again"
        )
    if name == "own":
        word.add_argument("--owner", metavar="NAME", required=True, help="who sees to it")
    word.add_argument("--comment", metavar="TEXT", required=name == "comment", default="", help="a remark")
    word.add_argument("--author", metavar="NAME", required=True, help="who says so")


def change_alerts(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, _: ModelStore, run: Run, report: RunReport
) -> None:
    """Do what the command line asks for.

    Raises:
        InputError: it cannot be done, and nothing was.
    """
    from skucast.core.errors import InputError
    from skucast.jobs.work_words import ingest_words, say

    given = settings, warehouse, run, report
    if own["action"] == "ack":
        _acknowledge(own, *given)
    elif own["action"] == "ingest":
        if not run.is_about_today(settings.clock):
            raise InputError("AS_OF: files are taken in on the day that it is; unset it")
        report.n_rows = ingest_words(*given, by_hand=True)
    else:
        said = {"state": _STATE[str(own["action"])]}
        said |= {name: str(own[name]) for name in _SAID if name in own}
        names = own["line_names"]
        assert isinstance(names, list)
        say(names, said, *given)


def _acknowledge(own: dict[str, object], settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    from skucast.jobs.alerting import acknowledge
    from skucast.scorecard.alert_texts import name_of

    until = own["until"]
    assert isinstance(until, date)
    row = acknowledge(warehouse, run, str(own["alert_id"]), until, settings.clock)
    report.n_rows = 1
    what = f"is quiet until {until}" if until >= run.today else f"speaks again: {until} has passed"
    report.notes.append(f"{own['alert_id']} ({name_of(row)}) {what}")


# --- Lists ------------------------------------------------------------------------------------------------------------


def show_alerts(own: dict[str, object], settings: Settings, run: Run) -> None:
    """Print the alerts of the newest monitored week, or the work list.

    Raises:
        InputError: what is asked for is about the work list alone.
    """
    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.core.errors import InputError
    from skucast.jobs.alerting import newest_alerts
    from skucast.jobs.work_list import newest_work_list
    from skucast.scorecard.alert_texts import show
    from skucast.scorecard.work_memory import mended_by_training

    warehouse = open_warehouse(settings)
    if not own["work"] and (own["every"] or own["shown_as"] != "table"):
        raise InputError("--all and --as are about the work list: add --work")
    lines = newest_work_list(settings, warehouse, run)
    if own["work"]:
        listed = lines if own["every"] else lines[lines["is_listed"]]
        _SHOWN[str(own["shown_as"])](listed, lines, run, settings.locale)
        return
    mended = mended_by_training(lines)
    show(newest_alerts(warehouse, run.cutoff), run.today, settings.retrain_job, mended, settings.locale)


def _show_table(shown: pd.DataFrame, lines: pd.DataFrame, run: Run, language: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    from skucast.scorecard.work_memory import tally, tally_text

    console = Console()
    if len(shown):
        grid = Grid(title=said_in(language, Text("Work list of {day}", day=run.today)), title_justify="left")
        grid.show_lines = True
        grid.add_column("")
        headings = Text("about"), Text("what and why"), Text("what to do"), Text("for the engineer"), Text("said")
        for heading in headings:
            grid.add_column(said_in(language, heading), overflow="fold")
        for row in shown.to_dict("records"):
            grid.add_row(*map(escape, _cells(row, language)))
        console.print(grid)
    console.print(said_in(language, tally_text(tally(lines))), soft_wrap=True)


def _cells(row: dict[Any, Any], language: str) -> list[str]:
    import pandas as pd

    say, stake = partial(said_in, language), row["at_stake"]
    why = said(language, row["why_json"]) if isinstance(row["why_json"], str) else row["why"]
    of_stake = "" if pd.isna(stake) else f"\n{say(Text('{n} forecast wrongly', n=round(stake)))}"
    planned = f"\n{say(Text('promotions planned: {n}', n=int(row['planned'])))}" if row["planned"] else ""
    command = f"\n{row['command']}" if isinstance(row["command"], str) else ""
    new = f"\n{say(Text('new'))}" if row["is_new"] else ""
    return [
        str(row["rank"] or ""),
        f"{row['about']}\n{row['line_id']}{new}",
        f"{say(Text(row['what']))}: {why}{of_stake}",
        f"{say(Text(row['to_do']))}{planned}",
        f"{say(Text(row['engineer']))}{command}",
        _said(row, language),
    ]


_STATES = (wording("done"), wording("snoozed"))
"""States that a row has, for the catalogue."""


def _said(row: dict[Any, Any], language: str) -> str:
    """What people have said of the line, who and when; and why it is back."""
    state = Text(row["state"])
    if row["state"] == "snoozed":
        state = Text("snoozed until {day}", day=row["snoozed_until"].date())
    spoken = {"who": row["said_by"], "said": Text(str(row["said"]))}
    parts = [
        state if row["state"] != "open" else "",
        Text("back: {why}", why=Text(row["back_why"])) if row["back"] else "",
        Text("owner {name}", name=row["owner"]) if row["owner"] else "",
        row["comment"],
        Text("{who} on {day}: {said}", day=row["said_at"].date(), **spoken) if row["said_by"] else "",
    ]
    return "\n".join(said_in(language, part) for part in parts if part)


def _show_csv(shown: pd.DataFrame, _: pd.DataFrame, __: Run, ___: str) -> None:
    from skucast.sheets.formulas import without_formula

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(shown.columns)
    writer.writerows([without_formula("" if cell is None else str(cell)) for cell in row] for row in _plain(shown))
    sys.stdout.write(text.getvalue())


def _show_json(shown: pd.DataFrame, lines: pd.DataFrame, run: Run, _: str) -> None:
    from skucast.scorecard.work_memory import tally

    rows = [dict(zip(shown.columns, row, strict=True)) for row in _plain(shown)]
    found = {"today": str(run.today), "counts": tally(lines), "lines": rows}
    sys.stdout.write(f"{json.dumps(found, ensure_ascii=False, indent=1)}\n")


def _plain(rows: pd.DataFrame) -> list[list[Any]]:
    """The cells as they are written: days and moments in ISO form, None for what is not known."""
    import pandas as pd

    def written(value: Any) -> Any:
        if pd.isna(value):
            return None
        if isinstance(value, pd.Timestamp):
            return value.isoformat() if value != value.normalize() else value.date().isoformat()
        return value

    return [[written(value) for value in row] for row in rows.itertuples(index=False, name=None)]


_SHOWN = {"table": _show_table, "csv": _show_csv, "json": _show_json}
