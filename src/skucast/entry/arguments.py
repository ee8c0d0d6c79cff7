"""What each tool takes on its command line: arguments of its own, and the settings that it reads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from skucast.core.combination import KEY
from skucast.dashboard.looker import ALIASES, VIEWS
from skucast.entry.alerts import OWN as OF_ALERTS
from skucast.entry.alerts import add_alerts
from skucast.entry.arguments_of_models import add_models
from skucast.entry.overrides import OWN as OF_OVERRIDES
from skucast.entry.overrides import add_override
from skucast.runtime.flags import Parser, a_path, add_flags, add_version

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands = _SubParsersAction[Parser]

SUMMARY = (
    "Tools beside the four scripts: own sales and their names, promotions, overrides, alerts, stored models, what a "
    "run needs, the whole chain shown."
)

OWN = (
    "file",
    "table",
    "columns",
    "target",
    "version",
    "until",
    "action",
    "output",
    "template",
    "aliases",
    "replace",
    "add",
    "load_id",
    "name",
    "other",
    "part",
    "data",
    "path",
    "trusted",
    "regressors",
    *OF_ALERTS,
    *OF_OVERRIDES,
    "origins",
    "unit",
    "channel",
    "sku",
)
"""Arguments that are no settings."""


def arguments_of(prog: str) -> Parser:
    """Return the parser of all tools, called as `prog`."""
    parser = Parser(prog=prog, description=SUMMARY)
    add_version(parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parser.begin_with(commands.choices)
    _load(commands)
    _loads(commands)
    _names(commands)
    _rollback(commands)
    add_models(commands)
    _promotions(commands)
    add_override(commands)
    add_alerts(commands)
    freshness = commands.add_parser("freshness", help="exit 1 if forecasts or scorecard are older than they should be")
    add_flags(freshness, "freshness")
    doctor = commands.add_parser("doctor", help="check settings, access, tables and sales; say what to fix")
    doctor.add_argument(
        "--data", action="store_true", help="look at the sales and the plan instead: what was found, by unit"
    )
    add_flags(doctor, "doctor")
    commands.add_parser(
        "compile", help="compile the solver and pack the page's library now, as the build of an image does"
    )
    demo = commands.add_parser("demo", help="the whole chain on a made-up distributor, from no data to the dashboard")
    add_flags(demo, "demo")
    _looker(commands)
    reference = commands.add_parser("reference", help="print the reference of all settings and tables, Markdown")
    reference.add_argument(
        "--write", type=a_path, metavar="FOLDER", help="write settings.md and tables.md in this folder instead"
    )
    return parser


def _load(commands: Commands) -> None:
    load = commands.add_parser("load", help="put a CSV, Excel or Parquet file into the local warehouse")
    load.add_argument("file", type=a_path, metavar="FILE")
    load.add_argument(
        "--table",
        choices=["sales", "regressors", "locations", "order_rules"],
        required=True,
        help="what the file holds: sales and regressors are added, locations and rules for orders are replaced",
    )
    load.add_argument(
        "--columns",
        help="columns of the file named otherwise: ours=theirs;..., e.g. quantity=qty [sales: SALES_COLUMNS]",
    )
    meeting = load.add_mutually_exclusive_group()
    meeting.add_argument(
        "--replace",
        action="store_true",
        help="the file's days of its combinations are replaced [default: days that are there already are refused]",
    )
    meeting.add_argument("--add", action="store_true", help="lines of days that are there already add up: corrections")
    add_flags(load, "load")


def _loads(commands: Commands) -> None:
    loads = commands.add_parser("loads", help="list what was loaded, or take a load back")
    actions = loads.add_subparsers(dest="action", required=True, metavar="ACTION")
    loads.begin_with(actions.choices)
    add_flags(actions.add_parser("list", help="list the files of sales and of plans that were loaded"), "loads")
    undo = actions.add_parser("undo", help="remove the rows of a load")
    undo.add_argument("load_id", metavar="ID", help="its id in the list, or the beginning of it")
    add_flags(undo, "loads")


def _names(commands: Commands) -> None:
    names = commands.add_parser("names", help="list names in several spellings or in doubt, or decide of them")
    actions = names.add_subparsers(dest="action", required=True, metavar="ACTION")
    names.begin_with(actions.choices)
    add_flags(actions.add_parser("list", help="list what was decided, what is joined and what is in doubt"), "names")
    merge = actions.add_parser("merge", help="one name is another: its sales are the other's from the next run on")
    merge.add_argument("name", metavar="OLD", help="the name that is gone from then on")
    merge.add_argument("other", metavar="NEW", help="the name that it is")
    split = actions.add_parser("split", help="two names are two, whatever they look like; takes a merge back")
    split.add_argument("name", metavar="NAME")
    split.add_argument("other", metavar="OTHER", nargs="?", help="[default: any: NAME is a name of its own]")
    for action in (merge, split):
        action.add_argument("--part", choices=KEY, help="what is named so, where names of several parts are alike")
        add_flags(action, "names")


def _rollback(commands: Commands) -> None:
    rollback = commands.add_parser(
        "rollback", help="make an earlier version of a model live again; of several: models rollback"
    )
    rollback.add_argument("target", metavar="UNIT/CHANNEL/SKU_ID")
    rollback.add_argument("--version", help="which version (default: the one before the live one)")
    add_flags(rollback, "rollback")


def _promotions(commands: Commands) -> None:
    promotions = commands.add_parser("promotions", help="list the plan, check and add planners' files, make a template")
    actions = promotions.add_subparsers(dest="action", required=True, metavar="ACTION")
    promotions.begin_with(actions.choices)
    ingest = actions.add_parser(
        "ingest",
        help="add the files in promotions/inbox/ and predecessors/inbox/ below STAGING to their tables",
        description="Add the files in promotions/inbox/ below STAGING to the plan, as every forecast does. They move "
        "to promotions/done/; rows that cannot be used come back in promotions/rejected/, each with its reason. Files "
        "that say what new articles are like are taken from predecessors/inbox/ in the same way.",
        conflict_handler="resolve",
    )
    add_flags(ingest, "promotions")
    for flag in ("--as-of", "--horizon-weeks"):  # of the template
        ingest.add_argument(flag, type=_not_of_ingest, help=argparse.SUPPRESS)
    template = actions.add_parser(
        "template",
        help="write the plan as it is today into a file, to be changed and sent back",
        description="Write the plan as it is today into a file. Change what changes and put it into promotions/inbox/: "
        "lines that you leave as they are say nothing. Where nothing is planned it holds two examples.",
    )
    template.add_argument(
        "--output",
        type=a_path,
        metavar="FILE",
        default=Path("promotions-template.xlsx"),
        help="a new .xlsx or .csv file [default: promotions-template.xlsx]",
    )
    _names_wanted(template)
    add_flags(template, "promotions")
    listing = actions.add_parser(
        "list",
        help="list the promotions that are over, that run and that come",
        description="List the plan as it holds on the day, with depth and days as they were typed; nothing is written.",
    )
    listing.add_argument("--output", type=a_path, metavar="FILE", help="write it into this new CSV file instead")
    _names_wanted(listing)
    add_flags(listing, "promotions")
    check = actions.add_parser(
        "check",
        help="show what a file would change in the plan before it is sent; exit 2 if rows of it would be refused",
        description="Read a planner's file as the inbox would now, and show which promotions it would add, change, end "
        "and leave as they are, and which of its rows would be refused. Nothing is written.",
    )
    check.add_argument("file", type=a_path, metavar="FILE")
    add_flags(check, "promotions")


def _names_wanted(parser: argparse.ArgumentParser) -> None:
    for name, what in (("unit", "unit"), ("channel", "channel"), ("sku", "article")):
        parser.add_argument(f"--{name}", metavar=name.upper(), help=f"this {what} alone [default: all]")


def _looker(commands: Commands) -> None:
    views = commands.add_parser("looker-views", help="print the SQL of the BigQuery views for Looker Studio")
    add_flags(views, "looker-views")
    url = commands.add_parser("looker-url", help="print the address that opens a new Looker Studio report on the views")
    url.add_argument("--template", metavar="REPORT_ID", help="report to copy [default: none, the new one is empty]")
    url.add_argument(
        "--aliases",
        help=f"what the template calls its data sources for {', '.join(VIEWS)} [default: {','.join(ALIASES)}]",
    )
    add_flags(url, "looker-url")
    compare = commands.add_parser(
        "compare-bigquery",
        help="ask BigQuery's AI.FORECAST and ARIMA_PLUS_XREG at our origins, score all on the same rows",
    )
    compare.add_argument("--origins", type=int, default=8, metavar="N", help="newest stored forecasts [default: 8]")
    compare.add_argument("--output", metavar="FOLDER", help="write the SQL there, ask nobody [default: ask and show]")
    add_flags(compare, "compare-bigquery")


def _not_of_ingest(given: str) -> str:
    raise argparse.ArgumentTypeError(f"{given} would change nothing: files are added as of today, for all their days")
