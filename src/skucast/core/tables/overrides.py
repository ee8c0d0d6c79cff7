"""The planner's word: numbers that people put in the place of the model's, and what that has brought."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import BROUGHT_BY, RUN, Check, Column, Table, count, instant, ratio, text, total, week

KINDS = ("=", "+", "%")
"""The week's number becomes the value; the value is added to it; so many percent are."""

LATE = "late"
"""The reason that alone may change weeks nearer than FREEZE_WEEKS; always one of the reasons."""

OVERRIDES = Table(
    label="overrides",
    name="distributor_overrides",
    meaning="What planners say of weeks to come, append-only, known from a moment on: a correction or cancellation is "
    "a new row. Of the rows of one override_id, and of those about the same names and week, the newest counts.",
    columns=(
        text("override_id", "name of the override: a row of the same name takes the place of the one before"),
        *(text(name, f"{name}; `*` = all") for name in KEY),
        week("ds_from", "first week"),
        week("ds_to", "last week"),
        text(
            "kind",
            "what is done to each week's number: = the value stands for it, + it is added, % so many percent are; NULL "
            "where a row only cancels",
            nullable=True,
            allowed=KINDS,
        ),
        Column(
            "value", "FLOAT64", "sales per week, of all its combinations together; percent with %", "how much", True
        ),
        text("reason", "why, one of OVERRIDE_REASONS when it was said"),
        text("author", "who says so"),
        instant("known_from", "since when this was known; nothing before may use it"),
        Column("expires_on", "DATE", "day", "last day on which a forecast uses it; NULL = it does not end", True),
        Column("cancelled", "BOOL", "true/false", "it is called off: nothing is said of its names and weeks any more"),
        text("note", "remark, not used", nullable=True),
        BROUGHT_BY,
    ),
    checks=(
        Check("ds_from <= ds_to", lambda rows: rows["ds_from"] <= rows["ds_to"]),
        Check(
            "a row that does not cancel has kind and value",
            lambda rows: rows["cancelled"] | (rows["kind"].notna() & rows["value"].notna()),
        ),
    ),
    keeps_batches=True,
)

VALUE_GROUPS = ("all", "author", "reason", "direction", "size")
"""What overrides are summed up by."""
DIRECTIONS = ("up", "down")
SIZES = ("small", "medium", "large")
"""Up to a tenth of the model's number, up to a half, more; of a forecast of 0 any is large."""
VERDICTS = ("better", "worse", "no difference", "too few")

OVERRIDE_VALUE = Table(
    label="override_value",
    name="distributor_override_value",
    meaning="What overrides have brought: the error of the model's number (yhat) against that of the number that "
    "counted (final), on scored forecasts that had an override, of the weeks up to window_end.",
    columns=(
        week("window_end", "last week scored"),
        week("window_start", "first week scored"),
        text("grouped_by", "what the row sums up by", allowed=VALUE_GROUPS),
        text("name", "author, reason, direction (up, down) or size (small, medium, large); `*` = all"),
        count("n", "scored forecasts with an override: a week of a combination, at every step that had it", "rows"),
        count("n_overrides", "different overrides among them", "overrides"),
        count("n_weeks", "different weeks among them"),
        total("sum_actual", "sum of y"),
        total("sum_abs_actual", "sum of abs(y)"),
        total("sum_abs_error_model", "sum of abs(yhat - y)"),
        total("sum_abs_error_final", "sum of abs(final - y)"),
        total("value", "sum_abs_error_model - sum_abs_error_final; positive = the overrides were nearer"),
        Column(
            "value_lower", "FLOAT64", "sales", "lower end of the 90 % interval of value; NULL with one week alone", True
        ),
        Column("value_upper", "FLOAT64", "sales", "upper end of it", True),
        ratio("wape_model", "sum_abs_error_model / sum_abs_actual; NULL when all actuals are 0"),
        ratio("wape_final", "sum_abs_error_final / sum_abs_actual; NULL when all actuals are 0"),
        ratio("fva", "forecast value added: wape_model - wape_final; positive = the overrides were nearer"),
        text(
            "verdict",
            "better or worse: the whole interval is on that side; no difference: it is not; too few: fewer than "
            "8 overrides or 4 weeks, which nobody should be judged by",
            allowed=VERDICTS,
        ),
        *RUN,
    ),
    key=("window_end", "grouped_by", "name"),
    partition="window_end",
)
