"""Alerts: rules find what is wrong, a state machine remembers it from week to week, and the list stays short.

Findings of one run and the alerts of the week before make the alerts of this week; the same input gives the same rows.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.rows import is_about
from skucast.core.tables.alerts import WRONG_VOLUME
from skucast.core.tables.contract import ALL
from skucast.core.texts import Number, Percent, Place, Text, kept, stored
from skucast.core.weeks import weeks_between
from skucast.scorecard.metrics import best_baseline_error
from skucast.scorecard.rules import FINDING_COLUMNS, Rules

CALM = 0.8
"""An alert is over when what it is about is back within this part of its limit: none flaps that lies on the limit."""

MIN_WEEKS = 4
"""Fewest scored weeks of the window that bias and coverage are judged by (all, if the window is shorter)."""

LISTED = 20
"""Combinations in one digest, those with the largest volume forecast wrongly."""

_GONE = {"message": "no longer sold", "message_json": Text("no longer sold").stored()}
"""What an alert says once its combination is inactive."""

_AS_OF = " (as of week "
"""What an alert that cannot be judged says beside the last finding."""

# --- What is wrong --------------------------------------------------------------------------------------------------


def combination_findings(scored: pd.DataFrame, rolling: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return what each rule finds of each combination: `FINDING_COLUMNS`, one row per rule and combination.

    `scored` has rows of `tables.SCORED`, `rolling` the combinations' pooled rows of `tables.METRICS` of the newest
    window. A rule that finds nothing to judge by says `unknown`, which neither opens nor ends an alert.
    """
    known = with_gates(rolling, rules).merge(_leaning(scored, rolling), on=KEY, how="left")
    parts = [_wape_findings(scored, known, rules), _bias_findings(known, rules), _interval_findings(known, rules)]
    return pd.concat(parts, ignore_index=True)[FINDING_COLUMNS]


def with_gates(rolling: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return the rows with what keeps the list short: `is_worth_it`, `is_best` and `fva_best`.

    An alert is worth it if the combination sells enough, and a naive forecast of the same weeks was better by
    `rules.fva_best` of its sales: then the model is at fault, and not the sales. Where the naive forecasts fail as
    badly there is nothing to mend by training.
    """
    sold = rolling["sum_abs_actual"]
    gain = best_baseline_error(rolling) - rolling["sum_abs_error"]
    is_beaten = (gain < 0) & (-gain >= rules.fva_best * sold)
    return rolling.assign(
        fva_best=gain / sold.where(sold > 0),
        is_worth_it=(rolling["volume"] >= rules.min_volume) & is_beaten,
        is_best=gain > 0,
    )


def _wape_findings(scored: pd.DataFrame, known: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    found = known[[*KEY, "is_worth_it", "is_best"]].merge(_last_weeks(scored, rules), on=KEY, how="left")
    is_whole = found["n"] >= rules.n_weeks
    verdict = np.select(
        [
            ~is_whole,
            (found["most"] <= CALM * rules.wape) | found["is_best"],
            (found["least"] > rules.wape) & found["is_worth_it"],
        ],
        ["unknown", "calm", "breach"],
        "between",
    )
    return _findings("wape", found, verdict, found["value"], rules.wape, found["message"].tolist())


def _last_weeks(scored: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The last `rules.n_weeks` scored weeks of each combination; a week without a score is not there.

    Columns KEY, `n` (weeks found), `least` and `most` of their WAPE, `value` (WAPE of all of them), `message`.
    """
    rows = scored.loc[scored["y"].notna(), [*KEY, "ds", "y", "yhat"]]
    rows = rows.assign(wrong=(rows["yhat"] - rows["y"]).abs(), sold=rows["y"].abs())
    weeks = rows.groupby([*KEY, "ds"])[["wrong", "sold"]].sum().reset_index()
    weeks = weeks.sort_values([*KEY, "ds"]).groupby(KEY).tail(rules.n_weeks)
    nothing_sold = np.where(weeks["wrong"] > 0, np.inf, 0.0)  # wrong without bound, or right
    weeks["share"] = np.where(weeks["sold"] > 0, weeks["wrong"] / weeks["sold"].where(weeks["sold"] > 0), nothing_sold)
    said = [_week_text(*week) for week in zip(weeks["ds"], weeks["share"], strict=True)]
    weeks["text"] = pd.Series(said, index=weeks.index, dtype="object")
    each = weeks.groupby(KEY).agg(
        n=("ds", "size"),
        least=("share", "min"),
        most=("share", "max"),
        wrong=("wrong", "sum"),
        sold=("sold", "sum"),
        text=("text", tuple),
    )
    limit = Percent(rules.wape)
    message = [
        Text("wrong by {weeks} of what was sold; the limit is {limit}", weeks=text, limit=limit)
        for text in each["text"]
    ]
    return each.assign(
        value=each["wrong"] / each["sold"].where(each["sold"] > 0), message=pd.Series(message, each.index, "object")
    ).reset_index()


def _week_text(ds: pd.Timestamp, share: float) -> Text:
    if np.isfinite(share):
        return Text("{share} (week {day})", share=Percent(share), day=ds.date())
    return Text("all (week {day}, nothing sold)", day=ds.date())


def _leaning(scored: pd.DataFrame, rolling: pd.DataFrame) -> pd.DataFrame:
    """Whether the forecasts of every scored week of the window lean to the same side: KEY, `is_leaning`."""
    rows = scored[scored["y"].notna()].merge(rolling[[*KEY, "window_start"]], on=KEY)
    rows = rows[rows["ds"] >= rows["window_start"]]
    weeks = rows.assign(lean=rows["yhat"] - rows["y"]).groupby([*KEY, "ds"])["lean"].sum()
    least, most = weeks.groupby(level=KEY).min(), weeks.groupby(level=KEY).max()
    return ((least > 0) | (most < 0)).rename("is_leaning").reset_index()


def _bias_findings(known: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Bias is what lasts: one promotion nobody planned leans the window, but not each of its weeks."""
    lean, sold = known["sum_error"].abs(), known["sum_abs_actual"]
    is_leaning = known["is_leaning"].eq(other=True)
    verdict = np.select(
        [
            ~_is_enough(known),
            (lean <= CALM * rules.bias * sold) | known["is_best"],
            (lean > rules.bias * sold) & is_leaning & known["is_worth_it"],
        ],
        ["unknown", "calm", "breach"],
        "between",
    )
    sizes = zip(known["bias_ratio"], known["sum_forecast"], known["sum_actual"], strict=True)
    message = [_bias_text(*size, rules) for size in sizes]
    return _findings("bias", known, verdict, known["bias_ratio"], rules.bias, message)


def _bias_text(bias_ratio: float, forecast: float, sold: float, rules: Rules) -> Text:
    places: dict[str, Place] = {
        "forecast": Number(forecast),
        "sold": Number(sold) if sold else Text("nothing"),
        "limit": Percent(rules.bias),
    }
    if not np.isfinite(bias_ratio):
        return Text(
            "forecast {forecast} where {sold} was sold in the window, all steps together; the limit is {limit}",
            **places,
        )
    share = Percent(abs(bias_ratio))
    if forecast > sold:
        return Text(
            "forecast {forecast} where {sold} was sold in the window, all steps together: {share} more; the limit is "
            "{limit}",
            share=share,
            **places,
        )
    return Text(
        "forecast {forecast} where {sold} was sold in the window, all steps together: {share} less; the limit is "
        "{limit}",
        share=share,
        **places,
    )


def _interval_findings(known: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    covered = known["coverage"]
    verdict = np.select(
        [
            ~_is_enough(known),
            (covered >= min(1.0, rules.interval_coverage / CALM)) | known["is_best"],
            (covered < rules.interval_coverage) & known["is_worth_it"],
        ],
        ["unknown", "calm", "breach"],
        "between",
    )
    limit = Percent(rules.interval_coverage)
    message = [
        Text("the 80 % interval held {share} of the actuals; the limit is {limit}", share=Percent(share), limit=limit)
        for share in covered
    ]
    return _findings("coverage", known, verdict, covered, rules.interval_coverage, message)


def _is_enough(known: pd.DataFrame) -> pd.Series:
    n_weeks = (pd.to_datetime(known["window_end"]) - pd.to_datetime(known["window_start"])).dt.days // 7 + 1
    return known["n_weeks"] >= np.minimum(MIN_WEEKS, n_weeks)


def _findings(
    rule: str, rows: pd.DataFrame, verdict: Any, value: pd.Series, limit: float, message: list[Text]
) -> pd.DataFrame:
    said = {"message": list(map(str, message)), "message_json": list(map(stored, message))}
    texts = {name: pd.Series(each, rows.index, "str") for name, each in said.items()}
    return rows[KEY].assign(rule=rule, verdict=verdict, value=value, value_limit=limit, **texts)


# --- What becomes of it ---------------------------------------------------------------------------------------------


def next_alerts(findings: pd.DataFrame, stored: pd.DataFrame, active: pd.DataFrame, cutoff: date) -> pd.DataFrame:
    """Return the alerts of this week: opened, still open, resolved; columns of `tables.ALERTS` up to `message`.

    `stored` has rows of `tables.ALERTS` of this and earlier weeks: those of the newest earlier one say what was open,
    all of them what is acknowledged. An alert of a combination that sells no more (`active`: KEY) is over.
    """
    rows = findings.reindex(columns=FINDING_COLUMNS).merge(
        _open_before(stored, cutoff), on=["rule", *KEY], how="outer", suffixes=("", "_before")
    )
    was_open = rows["alert_id"].notna()
    is_gone = (rows["unit"] != ALL) & ~is_about(rows, active)
    is_over = (rows["verdict"] == "calm") | is_gone
    opens = ~was_open & (rows["verdict"] == "breach") & ~is_gone
    rows["state"] = np.select([was_open & is_over, was_open, opens], ["resolved", "still_open", "open"], "")
    rows = rows[rows["state"] != ""]
    is_judged = rows["verdict"].isin(["breach", "between", "calm"])
    rows = rows.assign(
        cutoff=pd.Timestamp(cutoff),
        opened=rows["opened"].fillna(pd.Timestamp(cutoff)),
        value=rows["value"].where(is_judged, rows["value_before"]),
        value_limit=rows["value_limit"].fillna(rows["value_limit_before"]),
        **{name: rows[name].where(is_judged, rows[f"{name}_before"]).mask(is_gone, _GONE[name]) for name in _GONE},
    )
    rows["n_open_weeks"] = [weeks_between(opened.date(), cutoff) + 1 for opened in rows["opened"]]
    rows["alert_id"] = [_alert_id(*each) for each in rows[["rule", *KEY, "opened"]].itertuples(index=False, name=None)]
    rows["acknowledged_until"] = _acknowledged(rows, stored, cutoff)
    used = ["verdict", "value_before", "value_limit_before", *(f"{name}_before" for name in _GONE)]
    return rows.drop(columns=used).sort_values("alert_id", ignore_index=True)


def _open_before(stored: pd.DataFrame, cutoff: date) -> pd.DataFrame:
    """The alerts that were open when this week began, with what was last found and what they say if nothing is now.

    Every open alert has a row in the next week, so the newest week with rows at all tells them, however old it is.
    """
    earlier = stored[stored["cutoff"] < pd.Timestamp(cutoff)]
    newest = earlier[(earlier["cutoff"] == earlier["cutoff"].max()) & (earlier["state"] != "resolved")]
    said = newest.reindex(columns=["message", "message_json", "cutoff"]).itertuples(index=False, name=None)
    message = [_last_said(*each) for each in said]
    found: pd.DataFrame = newest[["rule", *KEY, "alert_id", "opened", "value", "value_limit"]]
    return found.assign(
        message=pd.Series([text for text, _ in message], found.index, "str"),
        message_json=pd.Series([text for _, text in message], found.index, "str"),
    )


def listed(rows: pd.DataFrame, today: date) -> pd.Series:
    """Return which alerts the digest lists: open, not acknowledged; all of the combinations most wrongly forecast."""
    speaks = (rows["state"] != "resolved") & ~is_quiet(rows, today)
    is_system = rows["unit"] == ALL
    largest = rows[speaks & ~is_system].groupby(KEY)[WRONG_VOLUME].max().reset_index()
    largest = largest.sort_values([WRONG_VOLUME, *KEY], ascending=[False, True, True, True]).head(LISTED)
    return speaks & (is_system | is_about(rows, largest))


def is_quiet(rows: pd.DataFrame, today: date) -> pd.Series:
    """Return which open alerts somebody has acknowledged until today or later."""
    quiet: pd.Series = (rows["state"] != "resolved") & (rows["acknowledged_until"] >= pd.Timestamp(today))
    return quiet


def context(rolling: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Return what the list says of each combination beside the rule: KEY and the columns of `tables.ALERTS`."""
    known = with_gates(rolling, rules)
    known = known.assign(**{WRONG_VOLUME: known["mae"] * known["n_weeks"]})
    shown = [WRONG_VOLUME, "volume", "abc_class", "xyz_class", "wape", "bias_ratio", "coverage", "fva_best"]
    return known[[*KEY, *shown]]


def _last_said(message: str, stored_message: Any, cutoff: pd.Timestamp) -> tuple[str, str | None]:
    """What was found when the alert was last judged, and when that was: as text and as it is stored."""
    is_stored = isinstance(stored_message, str)
    if _AS_OF in message:
        return message, stored_message if is_stored else None
    found = kept(stored_message) if is_stored else message
    text = Text("{found} (as of week {day}; too little to judge it by since)", found=found, day=cutoff.date())
    return str(text), text.stored()


def _alert_id(rule: str, unit: str, channel: str, sku_id: str, opened: pd.Timestamp) -> str:
    """The same for a repeat of the run that opened it, another when it is opened again."""
    digest = hashlib.sha256(f"{rule}\n{unit}\n{channel}\n{sku_id}\n{opened.date()}".encode()).hexdigest()[:8]
    return f"{rule}-{digest}"


def _acknowledged(rows: pd.DataFrame, stored: pd.DataFrame, cutoff: date) -> pd.Series:
    """The newest word about each alert: of this week's own row, else of the weeks before under the same name.

    The row that this week had already is found by what it is about: a week that is filled in before it may have opened
    the alert earlier, under another name.
    """
    earlier = stored[stored["cutoff"] < pd.Timestamp(cutoff)].sort_values("cutoff", kind="stable")
    by_name = dict(zip(earlier["alert_id"], earlier["acknowledged_until"], strict=True))  # the last one wins
    own = stored[(stored["cutoff"] == pd.Timestamp(cutoff)) & (stored["state"] != "resolved")]
    by_matter = dict(zip(_matters(own), own["acknowledged_until"], strict=True))
    named = zip(_matters(rows), rows["alert_id"], strict=True)
    found = [by_matter.get(matter, by_name.get(name, pd.NaT)) for matter, name in named]
    return pd.Series(found, index=rows.index, dtype="datetime64[us]")


def _matters(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    return list(rows[["rule", *KEY]].itertuples(index=False, name=None))
