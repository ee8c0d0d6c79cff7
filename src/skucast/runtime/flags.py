"""Flags: one per setting that a job reads, in groups; a mistyped name is answered with the closest that exists."""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from pydantic.fields import FieldInfo

from skucast import __version__
from skucast.core.quoting import one_line, quoted
from skucast.core.run import BAD_INPUT
from skucast.runtime.groups.addresses import path_problem
from skucast.runtime.groups.field import Job, is_secret, jobs_of, shown_default
from skucast.runtime.settings import GROUPS, Settings

_SHORT = {"--target": "--target-combinations"}
"""What people take for a flag of every job and is one job's own; another job has a setting of that name."""


_MISSING = "the following arguments are required: "
"""How argparse begins what it says of them."""


_NO_TEXT = re.compile(r"[\x00\ud800-\udfff]")
"""What no name, setting or path has: the end of a text, and bytes that are none."""


def a_path(text: str) -> Path:
    """Return the path that is given on the command line.

    Raises:
        ArgumentTypeError: no file can have it.
    """
    if problem := path_problem(text):
        raise argparse.ArgumentTypeError(f"{quoted(text)}: expected the path of a file{problem}")
    return Path(text)


class Parser(argparse.ArgumentParser):
    """A parser that says what was meant where it does not know a flag or command: one line, exit code 2."""

    _commands: Collection[str] = ()

    def begin_with(self, commands: Collection[str]) -> None:
        """Say which commands there are; one of them comes first, and the flags are the command's."""
        self._commands = commands

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Return what argparse does, after a look for names that nobody knows: they are why others seem missing."""
        given = list(args or ())
        for text in given:
            if _NO_TEXT.search(text):
                self._refuse(f"argument {quoted(text)}: expected text in UTF-8, without NUL")
        if self._commands:
            self._refuse_unknown_command(given)
        else:
            self._refuse_unknown_flags(given)
        return super().parse_known_args(given, namespace)

    def add_argument(self, *names: Any, **rules: Any) -> argparse.Action:
        """Add an argument; a flag without which the command does nothing says so."""
        if rules.get("required"):
            rules["help"] = f"{rules['help']} (needed)"
        return super().add_argument(*names, **rules)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, exit code 2: argparse would show all flags before it."""
        missing = message.removeprefix(_MISSING)
        what = message if missing == message else f"{missing} missing"
        self.exit(BAD_INPUT, f"{self.prog}: {one_line(what)} ({self.prog} --help shows all)\n")

    def _refuse_unknown_command(self, given: list[str]) -> None:
        if given and given[0] not in self._commands and not given[0].startswith("-"):
            self._refuse(f"unknown command {given[0]}{_closest(given[0].lower(), self._commands)}")

    def _refuse_unknown_flags(self, given: list[str]) -> None:
        known = self._option_string_actions
        for text in given[: given.index("--")] if "--" in given else given:
            flag = text.partition("=")[0]
            meant = "--" + flag.lstrip("-–—").replace("_", "-").lower()
            if flag in known or (self.allow_abbrev and any(each.startswith(flag) for each in known)):
                continue
            if re.fullmatch(r"--?[^\W\d][^ ]*", flag) or (flag.startswith(("–", "—")) and meant in known):
                own = _of_other_jobs(meant, known) if meant not in _SHORT or _SHORT[meant] not in known else ""
                self._refuse(f"unknown flag {flag}{own or _closest(_SHORT.get(meant, meant), known)}")

    def _refuse(self, what: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{one_line(what)} ({self.prog} --help shows all)\n")


def _closest(name: str, known: Collection[str]) -> str:
    closest = get_close_matches(name, known, n=1)
    return f"; did you mean {closest[0]}?" if closest else ""


def _of_other_jobs(flag: str, known: Collection[str]) -> str:
    setting = Settings.model_fields.get(flag.removeprefix("--").replace("-", "_"))
    if flag in known or setting is None:
        return ""
    if is_secret(setting):
        return "; a secret is a variable only, whoever lists processes reads flags"
    return f"; read by {', '.join(jobs)} only" if (jobs := jobs_of(setting)) else "; Cloud Run sets it"


def script_parser(job: Job, description: str) -> Parser:
    """Return the parser of one script."""
    parser = Parser(
        description=description,
        epilog="A flag wins over its variable, a variable over the file .env, .env over the default. "
        "Exit codes: 0 done, 1 failed, 2 bad settings or input.",
        allow_abbrev=False,
    )
    add_version(parser)
    if job == "retrain":
        parser.add_argument(
            "--target",
            dest="target_combinations",
            action=_Joined,
            metavar="TARGETS",
            help="what is trained, short for --target-combinations: 'Unit/Channel/SKU_ID', 'Unit/*/*', @alerts (with "
            "an open alert), @stale (models older than REFRESH_AFTER_WEEKS), @missing (no usable model), @worst:20 "
            "(most wrongly forecast), @file.csv, gs://BUCKET/file.csv; several separated by ; (docs/retraining.md)",
        )
    add_flags(parser, job)
    return parser


class _Joined(argparse.Action):
    """Lists that are given one by one are one list: the last one alone would be a part of what was asked for."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        given = getattr(namespace, self.dest, None)
        if given is not None and "[" in (given[:1], values.strip()[:1]):
            parser.error(f"argument {option_string}: a JSON list is given once, with all names in it")
        setattr(namespace, self.dest, values if given is None else f"{given.strip()};{values.strip()}")


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add `--version`."""
    parser.add_argument("--version", action="version", version=f"skucast {__version__}")


def add_flags(parser: argparse.ArgumentParser, job: Job) -> None:
    """Add one flag per setting that the job reads, by group; each says its variable and default."""
    for group in GROUPS:
        read = {
            name: setting
            for name, setting in group.model_fields.items()
            if job in jobs_of(setting) and not is_secret(setting)
        }
        if read:
            section = parser.add_argument_group(group.title)
            for name, setting in read.items():
                _add_flag(section, name, setting)


def _add_flag(section: argparse._ArgumentGroup, name: str, setting: FieldInfo) -> None:
    text = f"{setting.description} [{name.upper()}; default: {shown_default(setting)}]".replace("%", "%%")
    flag = "--" + name.replace("_", "-")
    if setting.annotation is bool:
        section.add_argument(flag, dest=name, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        section.add_argument(flag, dest=name, default=None, metavar="VALUE", help=text)
