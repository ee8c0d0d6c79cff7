"""What a line of the work list asks for: in the planner's terms, and in the engineer's."""

from __future__ import annotations

from typing import Literal

from skucast.scorecard.missing import WAY_OUT

Action = Literal[
    "check_plan",
    "ask_for_stock",
    "confirm_level",
    "correct_number",
    "ask_for_delivery",
    "send_plan",
    "send_file_again",
    "ask_for_model",
    "say_what_is_expected",
    "expect_wide_range",
    "ask_engineer",
]

ACTIONS: dict[Action, str] = {
    "check_plan": "Check the plan of promotions: add the one that took place, or take out the one that did not.",
    "ask_for_stock": "Ask for stock before you trust the number: what was not there could not be sold.",
    "confirm_level": "Is this the new level? Confirm it with a comment, or correct the number.",
    "correct_number": "Do you know why? Correct the number if you know better.",
    "ask_for_delivery": "Ask whoever delivers the sales for what is missing.",
    "send_plan": "Send the plan of promotions.",
    "send_file_again": "Correct the rows that came back, and send them again.",
    "ask_for_model": "Its model is old: ask for a new one, or correct the number.",
    "say_what_is_expected": "It is new: say what you expect of it by correcting the number.",
    "expect_wide_range": "It sells little: expect a wide range, and order by it.",
    "ask_engineer": "Ask the engineer on call; until then use the forecast of the week before.",
}
"""What a planner does, each in whole sentences."""

ACTION_OF: dict[str, Action] = {
    "promotion_without_plan": "check_plan",
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
    "coverage": "expect_wide_range",
    "no_run": "ask_engineer",
    "forecast_coverage": "ask_engineer",
    "promo_plan": "send_plan",
    "sales_late": "ask_for_delivery",
    "sales_missing": "ask_for_delivery",
    "failures": "ask_engineer",
    "model_age": "ask_for_model",
}
"""Of every reason, and of every rule for alerts without one."""

ENGINEER: dict[str, str] = {
    "promotion_without_plan": "nothing to train: no plan named the promotion",
    "plan_without_uplift": "nothing to train: the plan named a promotion that sold as usual",
    "stockout": "nothing to train: the weeks without stock are left out",
    "level_shift": "train it anew on the new level",
    "stale_model": "train it anew",
    "data_gap": "have the sales delivered; train it anew when they are there",
    "low_volume": "nothing to train; ALERT_MIN_VOLUME keeps small ones off the list",
    "new_sku": "train it anew once it has sold for some weeks",
    "unexplained": "look at its history; train it anew",
    "wape": "look at its history; train it anew",
    "bias": "look at its history; train it anew",
    "coverage": "look at its history; train it anew",
    "no_run": "start the prediction, and see why it did not run",
    "forecast_coverage": "see the failures of the run, and TARGET_COMBINATIONS",
    "promo_plan": "nothing to do without a plan",
    "sales_late": "see the delivery",
    "sales_missing": "load the sales again, or name in ACCEPT_MISSING what is gone for good",
    "failures": "read the log of the run, which names each with its reason",
    "model_age": "train anew what is too old",
}
"""What an engineer does about the same, in one sentence."""

MENDED_BY_TRAINING = frozenset({"level_shift", "stale_model", "unexplained", "wape", "bias", "coverage", "model_age"})
"""Reasons, and rules of alerts without one, of which the list names the command that trains."""

WHAT = {
    "wape": "Large errors",
    "bias": "The forecast leans to one side",
    "coverage": "The range is too narrow",
    "no_run": "This week has no forecast",
    "forecast_coverage": "Too few articles were forecast",
    "promo_plan": "The plan of promotions is missing or short",
    "sales_late": "Sales are late",
    "sales_missing": "Sales are missing",
    "failures": "Too many forecasts failed",
    "model_age": "Models are old",
    "file": "A file was refused",
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
