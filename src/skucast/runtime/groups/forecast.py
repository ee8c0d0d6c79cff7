"""What is forecast, how far ahead, and what may go wrong."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from skucast.core.errors import InputError
from skucast.core.other_models import OURS, STATISTICAL, names_of
from skucast.core.targets import parse_targets, word_of
from skucast.runtime.groups.field import FORECASTING, SALES_JOBS, Group, field, parsed

MAX_HORIZON_WEEKS = 26

MAX_JUMP = 10
"""Larger ones are percent that were meant as ratios."""


def levels_of(text: str) -> tuple[float, ...]:
    """Return the levels of LEVELS, percent, each once, in their order.

    Raises:
        InputError: one is no number between 1 and 99.
    """
    found = []
    parts = text.split(",")
    for part in parts:
        try:
            level = float(part)
        except ValueError:
            level = 0.0
        if not 1 <= level <= 99:
            which = f", not {part.strip()!r}" if len(parts) > 1 else ""  # else it is the whole, which is named
            raise InputError(f"expected percent from 1 to 99, separated by commas, such as 80,95{which}")
        found.append(level)
    return tuple(dict.fromkeys(found))


class Forecast(Group):
    """What is forecast, how far ahead, and how much of it may fail."""

    title: ClassVar[str] = "forecast"

    target_combinations: str | None = field(
        None,
        "only these, separated by ; or ,: Unit/Channel/SKU_ID (* within a part), @alerts, @stale, @missing, @worst:20, "
        "@file.csv or gs://BUCKET/file.csv; or a JSON list of names",
        FORECASTING,
    )
    horizon_weeks: int = field(
        4, f"weeks to forecast, 1 to {MAX_HORIZON_WEEKS}", [*FORECASTING, "promotions"], ge=1, le=MAX_HORIZON_WEEKS
    )
    forecaster: Literal["blend", "prophet", "panel"] = field(
        "blend",
        "whose number is published: the blend of each combination's Prophet model and the panel model over all, or one "
        "of them alone",
        FORECASTING,
    )
    models: str = field(
        "",
        f"other models whose numbers stand beside ours, separated by commas: {', '.join(STATISTICAL)}; prophet and "
        "panel may be named with them",
        ["predict"],
    )
    blend_models: str = field(
        "",
        "other models that take part in the blend, separated by commas, names as in MODELS: a full training learns "
        "what they are worth, and the predictions after it ask them",
        ["train"],
    )
    target: Literal["median", "mean"] = field(
        "median",
        "what yhat is: the middle of what may be sold (least WAPE), or its expected value (right in sum); of the blend "
        "and the panel",
        ["predict"],
    )
    levels: str = field(
        "80",
        "intervals whose ends are kept in `quantiles` beside the usual quantiles, percent, separated by commas: 80,95",
        ["predict"],
    )
    interval_paths: int = field(
        500, "simulated paths behind the 80 % interval, 100 to 10000", ["predict"], ge=100, le=10_000
    )
    inactive_after_weeks: int = field(
        13, "weeks without a sale until a combination is inactive", [*SALES_JOBS, "override"], ge=1, le=520
    )
    min_history_weeks: int = field(26, "known weeks that a model needs", FORECASTING, ge=13, le=520)
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = field(
        0.05, "share of combinations that may fail before nothing is published, 0 to 1", SALES_JOBS
    )
    max_jump: Annotated[float, Field(ge=0, le=MAX_JUMP, allow_inf_nan=False)] = field(
        0.5,
        "jump of a total against last run, recent sales and last year beyond which nothing is published: 0.5 = more "
        "than 1.5 times, or less than 1/1.5; 0 or off = nothing is compared",
        ["predict", "doctor"],
    )
    accept_jump: bool = field(False, "publish although totals jump beyond MAX_JUMP", ["predict"])

    @field_validator("models")
    @classmethod
    def _models(cls, value: str, info: ValidationInfo) -> str:
        """The names of ours, if any, are those that FORECASTER makes: a name that changed nothing would mislead."""
        ours = [name for name in names_of(parsed(names_of, value)) if name in OURS]
        makes = info.data.get("forecaster", "blend")
        if ours and set(ours) != set(OURS if makes == "blend" else (makes,)):
            raise ValueError(
                f"names {' and '.join(ours)} of ours, where FORECASTER={makes} makes "
                f"{' and '.join(OURS) if makes == 'blend' else makes}: set that, or name none of ours"
            )
        return value

    @field_validator("blend_models")
    @classmethod
    def _blend_models(cls, value: str, info: ValidationInfo) -> str:
        """Ours take part anyway, and where nothing is blended nobody does: both would be names without effect."""
        names = names_of(parsed(names_of, value))
        ours, makes = [name for name in names if name in OURS], info.data.get("forecaster", "blend")
        if ours:
            raise ValueError(f"names {' and '.join(ours)}: ours take part in any case; name the others alone")
        if names and makes != "blend":
            raise ValueError(
                f"names {' and '.join(names)}, where FORECASTER={makes} blends nothing: set one of the two"
            )
        return value

    @field_validator("levels")
    @classmethod
    def _levels(cls, value: str) -> str:
        return parsed(levels_of, value)

    @field_validator("max_jump", mode="before")
    @classmethod
    def _no_gate(cls, value: object) -> object:
        return 0.0 if isinstance(value, str) and value.strip().lower() == "off" else value

    accept_missing: str | None = field(
        None,
        "closed or renamed for good: not missed although the sales have them no more; names, patterns and files, "
        "written as TARGET_COMBINATIONS",
        [*SALES_JOBS, "freshness"],
    )

    @field_validator("target_combinations", "accept_missing")
    @classmethod
    def _target_list(cls, value: str | None) -> str | None:
        return None if value is None else parsed(parse_targets, value)

    @field_validator("accept_missing")
    @classmethod
    def _no_words(cls, value: str | None) -> str | None:
        words = [item for item in parse_targets(value or "*/*/*") if word_of(item)]
        if words:
            raise ValueError(f"{words[0]} is a word for what is to be trained; expected names, patterns or files")
        return value
