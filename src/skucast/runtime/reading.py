"""Reading a run's settings: flags over environment over `.env` over defaults. The only reader of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from skucast.core.errors import InputError
from skucast.core.quoting import Lines, quoted
from skucast.runtime.expected import expected
from skucast.runtime.flags import script_parser
from skucast.runtime.groups.field import Job, is_secret, jobs_of
from skucast.runtime.misspelt import misspelt_in_environment, misspelt_in_file
from skucast.runtime.settings import Settings

NO_TARGETS = (
    "TARGET_COMBINATIONS: not set, but retraining needs it; give --target 'Unit/Channel/SKU_ID' (* within a part), "
    "@alerts, @stale, @missing, @worst:20 or @file.csv, or use run_all_skus.py for all"
)


@cache
def _targeted() -> type[Settings]:
    """Settings of the retrain script, which must be told what it is about: neither unset nor empty means all.

    To make a class of settings takes a tenth of what the other scripts take to start, which do without.
    """

    class Targeted(Settings):
        target_combinations: str

    return Targeted


@cache
def _alone() -> type[Settings]:
    """Settings that are told and nothing else."""

    class Alone(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Leave out whatever is not given by name."""
            del settings_cls
            return (init_settings,)

    return Alone


def load_settings(job: Job, argv: Sequence[str], description: str) -> Settings:
    """Return the settings of one script from its flags, the environment and `.env`.

    Raises:
        InputError: naming all mistakes, one line each: variable, what was found, what was expected.
        SystemExit: after `--help` or `--version` (0), or an unknown flag (2).
    """
    flags = vars(script_parser(job, description).parse_args(argv))
    return settings_from(flags, _targeted() if job == "retrain" else Settings)


def settings_from(flags: Mapping[str, object], kind: type[Settings] = Settings) -> Settings:
    """Return the settings given as flags (None = not given), completed from environment, `.env` and defaults.

    Raises:
        InputError: naming all mistakes, one line each.
    """
    try:
        mistakes = _misspelt()
        settings = kind(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise InputError(Lines(mistakes + _mistakes(error))) from None
    except UnicodeDecodeError as error:
        raise InputError(f".env: cannot be read ({error}); save it as UTF-8") from None
    if mistakes:
        raise InputError(Lines(mistakes))
    return settings


def settings_of(**values: object) -> Settings:
    """Return settings of these values and defaults; neither the environment nor `.env` is asked.

    Raises:
        InputError: naming all mistakes, one line each.
    """
    unknown = [name for name in values if name not in Settings.model_fields]
    if unknown:
        raise InputError(Lines(_unknown(name) for name in unknown))
    try:
        return _alone()(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise InputError(Lines(_mistakes(error))) from None


def only_for(job: Job, settings: Settings) -> Settings:
    """Return the settings that the job reads as they are, and all others at their defaults."""
    others = {name: setting.default for name, setting in Settings.model_fields.items() if job not in jobs_of(setting)}
    return settings.model_copy(update=others)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the environment in which a script has these settings, whatever `.env` says; None is what nobody sets."""
    others = {name: value for name, value in os.environ.items() if name.lower() not in Settings.model_fields}
    given = {name.upper(): _plain(value) for name, value in settings if value is not None}
    return others | given


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _unknown(name: str) -> str:
    closest = get_close_matches(name, list(Settings.model_fields), n=1)
    return f"{name}: no setting has this name" + (f"; did you mean {closest[0]}?" if closest else "")


def _misspelt() -> list[str]:
    names = [name.upper() for name in Settings.model_fields]
    path, encoding = (str(Settings.model_config[key]) for key in ("env_file", "env_file_encoding"))
    return [*misspelt_in_file(Path(path), encoding, names), *misspelt_in_environment(os.environ, names)]


def _mistakes(error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors(include_url=False):
        name = str(mistake["loc"][0])
        if mistake["type"] == "missing":
            lines.append(NO_TARGETS)
            continue
        setting = Settings.model_fields[name]
        own = mistake["msg"].removeprefix("Value error, ")
        for again in (f"target {mistake['input']!r}: ", f"{mistake['input']!r}: "):  # the whole is named already
            own = own.removeprefix(again)
        text = own if mistake["type"] == "value_error" else expected(setting, mistake["input"]) or own
        if name == "target" and re.search(r"[/@*]", str(mistake["input"])):
            text += "; did you mean --target-combinations (TARGET_COMBINATIONS)?"
        found = "a secret that is not shown" if is_secret(setting) else quoted(mistake["input"])
        lines.append(f"{name.upper()}: found {found}: {text} ({setting.description})")
    return lines
