"""What the tools about stored models take on their command line."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING

from skucast.runtime.flags import Parser, a_path, add_flags

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    Commands = _SubParsersAction[Parser]

ALL_MODELS = "*/*/*"

_WHICH = (
    "Unit/Channel/SKU_ID, in any usual spelling, * within a part; several separated by ; or as a file @models.csv: "
    "docs/retraining.md"
)

_RISK = (
    "A pickle is a program: whoever made the file decides what runs on this machine, as you, when it is read. Convert "
    "only files that your own old system has written, and that nobody else could write to; best on a machine without "
    "access to anything. The file that comes out holds plain numbers and runs nothing."
)


def add_models(commands: Commands) -> None:
    """Add the command `models` and its actions."""
    models = commands.add_parser("models", help="list, show and compare stored models; go back, heal, convert old ones")
    actions = models.add_subparsers(dest="action", required=True, metavar="ACTION")
    models.begin_with(actions.choices)
    listed = actions.add_parser("list", help="list the live models: version, age, accuracy, how many versions are kept")
    show = actions.add_parser("show", help="show a model: what it was trained on, how, how well; its versions")
    diff = actions.add_parser("diff", help="show in what two versions of a model differ: settings, figures, weights")
    rollback = actions.add_parser("rollback", help="make earlier versions live again; the next forecast uses them")
    heal = actions.add_parser(
        "heal", help="bring back what is damaged or gone, of all also what they share; nothing else"
    )
    for action in (show, diff, rollback):
        action.add_argument("target", metavar="MODELS", help=_WHICH)
    for action in (listed, heal):
        action.add_argument("target", metavar="MODELS", nargs="?", default=ALL_MODELS, help=f"[default: all] {_WHICH}")
    diff.add_argument("--version", help="[default: the live one]")
    diff.add_argument("--other", metavar="VERSION", help="[default: the one saved before it, else the last other one]")
    which = rollback.add_mutually_exclusive_group()
    which.add_argument("--version", help="which version [default: the one before the live one]")
    which.add_argument(
        "--until",
        type=day,
        metavar="YYYY-MM-DD",
        help="the newest version that has seen no week after this day; said again, it changes nothing",
    )
    convert = actions.add_parser(
        "convert",
        help="make models of the old system's Prophet pickles",
        description=f"Make models of the old system's Prophet pickles. {_RISK}",
    )
    convert.add_argument("path", type=a_path, metavar="PATH", help="a pickle, or a folder of Unit/Channel/SKU_ID.pkl")
    convert.add_argument("--target", metavar="UNIT/CHANNEL/SKU_ID", help="whose model a single file is")
    convert.add_argument(
        "--regressors",
        help="what the old models call ours, ours=theirs;..., e.g. promo_discount_perc=discount;y_lag1=lag",
    )
    convert.add_argument(
        "--i-trust-these-files",
        dest="trusted",
        action="store_true",
        help="needed: reading a pickle runs whatever its maker put into it",
    )
    for action in actions.choices.values():
        add_flags(action, "models")


def day(text: str) -> date:
    """Return the day that is written YYYY-MM-DD.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a day, YYYY-MM-DD") from None
