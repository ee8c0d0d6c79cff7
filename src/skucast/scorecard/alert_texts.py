"""How alerts are said: the command that mends one, fields of log entries, the digest for people."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.alerts import WRONG_VOLUME
from skucast.core.tables.contract import ALL
from skucast.core.tables.scorecard import POOLED_STEP
from skucast.core.targets import as_targets
from skucast.core.texts import Count, Place, Text, kept, said_in, said_place, wording
from skucast.scorecard.alerts import is_quiet

_DELIMITERS = "@|~#%+"


REASON_CODES = (
    *(wording("promotion_without_plan"), wording("plan_without_uplift"), wording("stockout"), wording("level_shift")),
    *(wording("stale_model"), wording("data_gap"), wording("low_volume"), wording("new_sku"), wording("unexplained")),
)
"""The reasons as the digest names them; in English by their codes."""

WORK_LIST = "python -m skucast alerts list --work"
"""The command that shows what is to be done, and why a training would mend nothing."""

OPEN = "@alerts"
"""The target that stands for all combinations with an open alert."""


def retrain_command(target: Combination | str) -> str:
    """Return the shell command that trains the combination, or a list of targets, anew on this machine."""
    return f"python retrain_models.py --target {_quoted(_as_target(target))}"


def gcloud_command(target: Combination | str, job: str) -> str:
    """Return the shell command that does it on Cloud Run; `job` is its name there, with gcloud's flags of place.

    gcloud splits the value at commas, unless it begins with another delimiter between carets (`gcloud topic escaping`).
    """
    target = _as_target(target)
    free = next((character for character in _DELIMITERS if character not in target), "")
    delimiter = f"^{free}^" if "," in target else ""
    variables = _quoted(f"{delimiter}TARGET_COMBINATIONS={target}")
    return f"gcloud run jobs execute {job} --update-env-vars {variables}"


def _as_target(target: Combination | str) -> str:
    return target if isinstance(target, str) else as_targets([str(target)])


def _quoted(text: str) -> str:
    """The text in quotes also where a POSIX shell needs none: to others an `@` means something."""
    quoted = shlex.quote(text)
    return quoted if quoted != text else f"'{text}'"


def name_of(row: dict[str, Any]) -> str:
    """Return the combination of an alert as text, `system` for the system's rules."""
    if row["unit"] == ALL:
        return "system"
    return str(Combination(*(str(row[name]) for name in KEY)))


def alert_fields(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an alert's log entry; what is not known is None."""
    resolved = row["state"] == "resolved"
    shown = ["alert_id", "state", "rule", "value", "value_limit", "n_open_weeks", WRONG_VOLUME, "abc_class", "reason"]
    return {
        "event": "forecast_alert_resolved" if resolved else "forecast_alert",
        "scope": "system" if row["unit"] == ALL else "combination",
        "combination": name_of(row),
        **{name: None if pd.isna(row[name]) else row[name] for name in shown},
        "opened": str(row["opened"].date()),
        "is_listed": bool(row["is_listed"]),
    }


def digest_fields(rows: pd.DataFrame, n_acknowledged: int) -> dict[str, Any]:
    """Return the fields of the digest's log entry: alerts of each state; of the listed, combinations and names."""
    states = rows["state"].value_counts()
    listed = rows[rows["is_listed"]]
    combinations = listed.drop_duplicates(KEY)
    return {
        "event": "forecast_alert_digest",
        **{f"n_{state}": int(states.get(state, 0)) for state in ("open", "still_open", "resolved")},
        "n_acknowledged": n_acknowledged,
        "n_listed": len(combinations),
        WRONG_VOLUME: round(float(combinations[WRONG_VOLUME].sum()), 1),
        "alerts": [f"{row['alert_id']} {name_of(row)}" for row in in_order(listed)],
    }


def digest_line(fields: dict[str, Any]) -> Text:
    """Return the digest in one line."""
    return Text(
        "alerts: {opened} opened, {still} still open, {resolved} resolved, {acknowledged} acknowledged; listed: "
        "{listed}",
        opened=fields["n_open"],
        still=fields["n_still_open"],
        resolved=fields["n_resolved"],
        acknowledged=fields["n_acknowledged"],
        listed=fields["n_listed"],
    )


def digest_text(
    rows: pd.DataFrame,
    line: str,
    cutoff: str,
    command: str,
    job: str,
    language: str = "",
    mended: Collection[str] | None = None,
) -> str:
    """Return the digest as several lines for people: the listed alerts by combination, its reason, what mends it.

    The command stands between backticks, or a chat would read the stars and underscores of a name as its markup.
    `command` is the column with the command that fits where they work: `command` or `gcloud_command`; `job` is that of
    the latter. Where several combinations are listed, the last line mends all of them. No language is English. `mended`
    are the combinations that training may mend now, the only ones with a command; None = all.
    """
    is_mended = partial(_is_in, mended)
    say = partial(said_in, language)
    parts = [say(Text("Sales forecast, week {day}: {alerts}", day=cutoff, alerts=line))]
    for name, alerts in groupby(in_order(rows[rows["is_listed"]]), key=name_of):
        of_one = list(alerts)
        parts.append(f"- {name}: {'; '.join(say(_said(row)) for row in of_one)}")
        if of_one[0]["unit"] != ALL:
            reason, evidence = Text(str(of_one[0]["reason"])), _kept(of_one[0], "evidence")
            why = say(Text("probably {reason}: {evidence}", reason=reason, evidence=evidence))
            parts.append(f"  {why}" + (f"\n```{of_one[0][command]}```" if is_mended(name) else ""))
    listed = rows[rows["is_listed"] & (rows["unit"] != ALL)].drop_duplicates(KEY)
    if len(listed) > 1 and all(is_mended(name_of(row)) for row in in_order(listed)):
        of_all = retrain_command(OPEN) if command == "command" else gcloud_command(OPEN, job)
        parts.append(f"{say(Text('All with an open alert, acknowledged ones too:'))}\n```{of_all}```")
    return "\n".join(parts)


def _is_in(names: Collection[str] | None, name: str) -> bool:
    return names is None or name in names


def _said(row: dict[str, Any]) -> Text:
    weeks = int(row["n_open_weeks"])
    since = Text("new") if row["state"] == "open" else Count("open for {n} week", "open for {n} weeks", weeks)
    return Text("{found} ({rule}, {since})", found=_kept(row, "message"), rule=str(row["rule"]), since=since)


def _kept(row: dict[str, Any], name: str) -> Place:
    """A sentence of the alert as it is stored for all languages, in English alone where it is not."""
    stored = row.get(f"{name}_json")
    return kept(stored) if isinstance(stored, str) else str(row[name])


_WRONG = wording("forecast wrongly")
_STATES = (wording("open"), wording("still_open"), wording("resolved"))
"""States that a row has, for the catalogue."""


def show(rows: pd.DataFrame, today: date, job: str, mended: Collection[str] | None = None, language: str = "") -> None:
    """Print the alerts of a week as a table, and what mends all; what mends each stands in the alerts table.

    `mended` are the combinations that training may mend now, by the work list; None = all. It names no others. No
    language is English.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    say = partial(said_in, language)
    if not len(rows):
        Console().print(say(Text("no alerts")))
        return
    title = say(Text("Alerts of week {day}", day=rows["cutoff"].iloc[0].date()))
    grid = Grid(title=title, title_justify="left", show_lines=True)
    grid.add_column(say(Text("alert")), no_wrap=True)  # to be copied
    for heading in (Text("state"), Text("combination"), Text(_WRONG), Text("what is wrong, and why probably")):
        grid.add_column(say(heading), justify="right" if heading == _WRONG else "left", overflow="fold")
    for row in in_order(rows.assign(is_quiet=is_quiet(rows, today))):
        wrong = "-" if pd.isna(row[WRONG_VOLUME]) else said_place(language, round(row[WRONG_VOLUME]))
        state = Text(row["state"])
        if row["is_quiet"]:
            state = Text("{state}, quiet until {day}", state=state, day=row["acknowledged_until"].date())
        reason = Text("{reason}: {evidence}", reason=Text(str(row["reason"])), evidence=_kept(row, "evidence"))
        why = "" if row["unit"] == ALL else f"\n{say(reason)}"
        message = said_place(language, _kept(row, "message"))
        grid.add_row(*map(escape, (row["alert_id"], say(state), name_of(row), wrong, f"{message}{why}")))
    Console().print(grid)
    still = rows[(rows["state"] != "resolved") & (rows["unit"] != ALL)].drop_duplicates(KEY)
    if len(still):
        names = [str(Combination(*each)) for each in still[KEY].itertuples(index=False, name=None)]
        for line in _mending(names, [name for name in names if _is_in(mended, name)], job, language):
            Console().print(line, soft_wrap=True, markup=False, highlight=False)  # one line, to be copied


def _mending(names: list[str], mended: list[str], job: str, language: str) -> list[str]:
    """What to type for those of the combinations that training may mend now."""
    if not mended:
        return [said_in(language, Text("training mends none of them now; why: {command}", command=WORK_LIST))]
    target = OPEN if len(mended) == len(names) else as_targets(mended)
    some = Text(
        "{n} of {all} may be mended by training; the others: {command}",
        n=len(mended),
        all=len(names),
        command=WORK_LIST,
    )
    rest = [said_in(language, some)]
    commands = [retrain_command(target), gcloud_command(target, job)]
    return commands if target == OPEN else [*rest, *commands]


def in_order(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the alerts as the digest lists them: the system's first, then by what was forecast wrongly."""
    by = ["_system", WRONG_VOLUME, *KEY, "rule"]
    order = rows.assign(_system=rows["unit"] == ALL).sort_values(by, ascending=[False, False, True, True, True, True])
    return [{str(name): value for name, value in row.items()} for row in order.to_dict("records")]


def health_fields(metrics: pd.DataFrame, gauges: dict[str, float | None]) -> dict[str, Any]:
    """Return the fields of the run's entry of gauges: the window's total, and what the system's rules look at."""
    total = metrics[(metrics["level"] == "total") & (metrics["step"] == POOLED_STEP) & (metrics["window"] == "rolling")]
    newest = total[total["window_end"] == total["window_end"].max()]
    columns = {name: name for name in ("wape", "bias_ratio", "coverage", "churn", "mase")} | {"fva": "fva_last_year"}
    figures = {name: float(newest[column].iloc[0]) if len(newest) else None for name, column in columns.items()}
    return {"event": "forecast_health", **figures, **gauges}
