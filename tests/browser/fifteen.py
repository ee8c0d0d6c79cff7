"""Fifteen combinations whose figures can be checked by hand: the board of most tests of the page."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from boards import (
    CUTOFF,
    Names,
    alert_row,
    forecast_row,
    frame,
    metric_row,
    model_row,
    named,
    scored_row,
    small_board,
    week,
)

from skucast.dashboard.board import Board

MARKUP: Names = ("Пермь", "KA", "<script>alert(1)</script>")
FORMULA: Names = ("Пермь", "TF", '=1+1;"x",')
UNSOLD: Names = ("Казань", "TF", "ЦУП-0")
OTHERS: list[Names] = [("Казань", "KA", f"ЦУП{number:02}") for number in range(1, 13)]
EVERYBODY = [MARKUP, FORMULA, UNSOLD, *OTHERS]

N_WEEKS = 8


def fifteen() -> Board:
    """Return fifteen combinations, eight weeks scored at two steps, four of them in the window, two weeks ahead.

    Each sells 100 a week (UNSOLD nothing) and is forecast 10, 20, 30 ... too high, in the order of `EVERYBODY`.
    """
    sales = {combination: 0.0 if combination == UNSOLD else 100.0 for combination in EVERYBODY}
    scored = [
        scored_row(combination, -back, step, sales[combination], sales[combination] + missed_by(number))
        for number, combination in enumerate(EVERYBODY, 1)
        for back in range(N_WEEKS)
        for step in (1, 2)
    ]
    history = [
        {
            **named(combination),
            "ds": week(-back),
            "y": sales[combination],
            "promo_discount_perc": 20.0 * (back == 3),
            "promo_days": 7.0 * (back == 3),
        }
        for combination in EVERYBODY
        for back in range(20)
    ]
    parts = {"method": "prophet", "status": "ok", "model_version": "2026-11-15-abc", "model_cutoff": CUTOFF}
    forecasts = [
        forecast_row(combination, step, **parts, level=120.0, promo=-20.0)
        for combination in EVERYBODY
        for step in (1, 2)
    ]
    classes = [("A", "X"), ("A", "Y"), ("C", None), *[("B", "Z")] * 12]
    metrics = [
        metric_row(combination, abc_class=abc, xyz_class=xyz, mase=0.75)
        for combination, (abc, xyz) in zip(EVERYBODY, classes, strict=True)
    ]
    return replace(
        small_board(),
        metrics=pd.DataFrame(metrics),
        scored=frame(scored),
        forecasts=frame(forecasts),
        history=frame(history),
        plan=frame([{**named(MARKUP), "ds": week(1), "promo_discount_perc": 20.0, "promo_days": 5.0}]),
        models=pd.DataFrame([model_row(combination) for combination in EVERYBODY]),
        alerts=pd.DataFrame([alert_row(MARKUP)]),
    )


def missed_by(number: int) -> float:
    """Return by how much the forecast of the so-manyth combination is too high every week."""
    return 10.0 * number
