"""What a line of the work list asks for: in the planner's terms, and in the engineer's."""

from __future__ import annotations

from typing import Literal

from skucast.core.texts import wording
from skucast.scorecard.missing import WAY_OUT

Action = Literal[
    "add_to_plan",
    "check_plan",
    "ask_for_stock",
    "confirm_level",
    "correct_number",
    "ask_for_delivery",
    "send_plan",
    "send_file_again",
    "send_rows_again",
    "ask_for_model",
    "ask_for_training",
    "say_what_is_expected",
    "expect_wide_range",
    "ask_engineer",
]

ACTIONS: dict[Action, str] = {
    "add_to_plan": wording("Was there a promotion? Add it to the plan."),
    "check_plan": wording("Did the promotion take place? Check the plan."),
    "ask_for_stock": wording("Was it out of stock? Ask for stock before you trust the number."),
    "confirm_level": wording("Is this the new level? Confirm it, or correct the number."),
    "correct_number": wording("Do you know why? Correct the number if you know better."),
    "ask_for_delivery": wording("Sales are missing: ask who delivers them."),
    "send_plan": wording("Send the plan of promotions."),
    "send_file_again": wording("Nothing of it could be read: correct the file, and send it again."),
    "send_rows_again": wording("Correct the rows that came back, and send them again."),
    "ask_for_model": wording("Its model is old: ask for a new one, or correct the number."),
    "ask_for_training": wording("Models are old: ask the engineer on call for new ones."),
    "say_what_is_expected": wording("It is new: tell what you expect of it."),
    "expect_wide_range": wording("It sells little: a wide range is to be expected."),
    "ask_engineer": wording("Ask the engineer on call; until then use the forecast of the week before."),
}
"""What a planner does, each in whole sentences; the page has the same ones, in its reader's language."""

ACTION_OF: dict[str, Action] = {
    "promotion_without_plan": "add_to_plan",
    "plan_without_uplift": "check_plan",
    "stockout": "ask_for_stock",
    "level_shift": "confirm_level",
    "stale_model": "ask_for_model",
    "data_gap": "ask_for_delivery",
    "low_volume": "expect_wide_range",
    "new_sku": "say_what_is_expected",
    "unexplained": "correct_number",
    "wape": "correct_number",
    "bias": "correct_number",
    "coverage": "correct_number",
    "no_run": "ask_engineer",
    "forecast_coverage": "ask_engineer",
    "promo_plan": "send_plan",
    "sales_late": "ask_for_delivery",
    "sales_missing": "ask_for_delivery",
    "failures": "ask_engineer",
    "model_age": "ask_for_training",
}
"""Of every reason, and of every rule for alerts without one."""

ENGINEER: dict[str, str] = {
    "promotion_without_plan": wording("nothing to train: no plan named the promotion"),
    "plan_without_uplift": wording("nothing to train: the plan named a promotion that sold as usual"),
    "stockout": wording("nothing to train: the weeks without stock are left out"),
    "level_shift": wording("train it anew on the new level"),
    "stale_model": wording("train it anew"),
    "data_gap": wording("have the sales delivered; train it anew when they are there"),
    "low_volume": wording("nothing to train; ALERT_MIN_VOLUME keeps small ones off the list"),
    "new_sku": wording("train it anew once it has sold for some weeks"),
    "unexplained": wording("look at its history; train it anew"),
    "wape": wording("look at its history; train it anew"),
    "bias": wording("look at its history; train it anew"),
    "coverage": wording("look at its history; train it anew"),
    "no_run": wording("start the prediction, and see why it did not run"),
    "forecast_coverage": wording("see the failures of the run, and TARGET_COMBINATIONS"),
    "promo_plan": wording("nothing to do without a plan"),
    "sales_late": wording("see the delivery"),
    "sales_missing": wording("load the sales again, or name in ACCEPT_MISSING what is gone for good"),
    "failures": wording("read the log of the run, which names each with its reason"),
    "model_age": wording("train anew what is too old"),
}
"""What an engineer does about the same, in one sentence."""

MENDED_BY_TRAINING = frozenset({"level_shift", "stale_model", "unexplained", "wape", "bias", "coverage", "model_age"})
"""Reasons, and rules of alerts without one, of which the list names the command that trains."""

WHAT = {
    "wape": wording("Large errors"),
    "bias": wording("The forecast leans to one side"),
    "coverage": wording("The range is too narrow"),
    "no_run": wording("This week has no forecast"),
    "forecast_coverage": wording("Too few articles were forecast"),
    "promo_plan": wording("The plan of promotions is missing or short"),
    "sales_late": wording("Sales are late"),
    "sales_missing": wording("Sales are missing"),
    "failures": wording("Too many forecasts failed"),
    "model_age": wording("Models are old"),
    "file": wording("A file was refused"),
}
"""What is wrong, by rule, as a planner would say it."""

_ENGINEERS_PART = {
    "no_run": ("; expected ", "; run "),
    "forecast_coverage": ("; see the run",),
    "sales_missing": (f"; {WAY_OUT}", "; load them again"),
    "failures": ("; read its log",),
    "model_age": ("; run ",),
}
"""Where, in the message of a rule of the system, that begins which is no planner's business."""


def for_planners(rule: str, message: str) -> str:
    """Return the message of a rule of the system without what only an engineer can do about it."""
    for part in _ENGINEERS_PART.get(rule, ()):
        message = message.partition(part)[0]
    return message
