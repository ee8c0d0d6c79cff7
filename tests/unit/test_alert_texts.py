"""How alerts are said: commands that a shell and gcloud read as meant, log fields, the digest."""

from __future__ import annotations

import json
import shlex

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from rich.console import Console

from skucast.core.combination import Combination
from skucast.core.targets import parse_targets, resolve_targets
from skucast.core.texts import Percent, Text
from skucast.scorecard import alert_texts
from skucast.scorecard.alert_texts import (
    alert_fields,
    digest_fields,
    digest_line,
    digest_text,
    gcloud_command,
    retrain_command,
)

NAMES = [
    Combination("Пермь", "ON TRADE", "ЦУП00009752"),
    Combination("U", "C", "S,1"),
    Combination("U", "C", "S;1"),
    Combination("U", "C@D", "S,'1'"),
    Combination("U/V", "C*", "S 100%"),
    Combination("@U", "C", "[S]"),
    Combination("U", 'C"D', "$(S)`"),
]


@pytest.mark.parametrize("combination", NAMES, ids=str)
def test_the_retrain_command_names_exactly_this_combination(combination: Combination) -> None:
    """What the shell makes of it, read as targets, is the one combination again."""
    words = shlex.split(retrain_command(combination))
    assert words[:3] == ["python", "retrain_models.py", "--target"]
    assert len(words) == 4
    assert resolve_targets(parse_targets(words[3]), NAMES) == [combination]


@pytest.mark.parametrize("combination", NAMES, ids=str)
def test_the_gcloud_command_sets_the_variable_as_meant(combination: Combination) -> None:
    """Gcloud splits at commas, or at the delimiter between carets: one variable either way."""
    words = shlex.split(gcloud_command(combination, "retrain-models --region asia-south1"))
    assert words[:5] == ["gcloud", "run", "jobs", "execute", "retrain-models"]
    assert words[5:8] == ["--region", "asia-south1", "--update-env-vars"]
    given, delimiter = words[8], ","
    if given.startswith("^"):
        _, delimiter, given = given.split("^", 2)
    (variable,) = given.split(delimiter)
    name, _, value = variable.partition("=")
    assert name == "TARGET_COMBINATIONS"
    assert resolve_targets(parse_targets(value), NAMES) == [combination]


def test_commands_by_hand() -> None:
    """Plain names stand as they are; names with commas are a JSON list, and gcloud is told another delimiter."""
    plain, comma = NAMES[0], NAMES[1]
    assert retrain_command(plain) == "python retrain_models.py --target 'Пермь/ON TRADE/ЦУП00009752'"
    assert gcloud_command(plain, "j").endswith("--update-env-vars 'TARGET_COMBINATIONS=Пермь/ON TRADE/ЦУП00009752'")
    assert gcloud_command(comma, "j").endswith("""--update-env-vars '^@^TARGET_COMBINATIONS=["U/C/S,1"]'""")


def alerts() -> pd.DataFrame:
    """Return an opened and a still open alert of combinations, one of the system, and one that is over."""
    rows = pd.DataFrame(
        {
            "alert_id": ["wape-1", "bias-2", "no_run-3", "wape-4"],
            "state": ["open", "still_open", "open", "resolved"],
            "rule": ["wape", "bias", "no_run", "wape"],
            "unit": ["U", "U", "*", "U"],
            "channel": ["C", "C", "*", "C"],
            "SKU_ID": ["S1", "<b>", "*", "S4"],
            "opened": pd.Timestamp(CUTOFF),
            "cutoff": pd.Timestamp(CUTOFF),
            "n_open_weeks": [1, 3, 1, 2],
            "value": [0.9, 0.4, float("nan"), 0.2],
            "value_limit": [0.7, 0.3, 0.0, 0.7],
            "lost_volume": [10.0, 250.5, float("nan"), 1.0],
            "abc_class": ["A", "B", None, "C"],
            "reason": ["stockout", "unexplained", None, "low_volume"],
            "evidence": ["two weeks", "nothing", None, "few"],
            "message": ["wrong", "leans", "none", "fine"],
            "command": ["python 1", "python 2", None, "python 4"],
            "is_listed": [True, True, True, False],
            "acknowledged_until": pd.Series([pd.NaT] * 4, dtype="datetime64[us]"),
        }
    )
    return rows.astype(dict.fromkeys(("abc_class", "reason", "evidence", "command"), "str"))


def test_fields_of_an_alert_s_entry() -> None:
    """The event says whether it is over; what is not known is None; all of it is JSON."""
    opened, _, system, resolved = (alert_fields(row) for row in alerts().to_dict("records"))
    assert json.loads(json.dumps(opened)) == {
        "event": "forecast_alert",
        "scope": "combination",
        "combination": "U/C/S1",
        "alert_id": "wape-1",
        "state": "open",
        "rule": "wape",
        "value": 0.9,
        "value_limit": 0.7,
        "n_open_weeks": 1,
        "lost_volume": 10.0,
        "abc_class": "A",
        "reason": "stockout",
        "opened": str(CUTOFF),
        "is_listed": True,
    }
    assert (system["scope"], system["combination"], system["value"], system["reason"]) == (
        "system",
        "system",
        None,
        None,
    )
    assert resolved["event"] == "forecast_alert_resolved"


def test_the_digest_counts_and_lists() -> None:
    """By state; the system's first, then by what was forecast wrongly; what is over is not listed."""
    fields = digest_fields(alerts(), n_acknowledged=5)
    assert fields == {
        "event": "forecast_alert_digest",
        "n_open": 2,
        "n_still_open": 1,
        "n_resolved": 1,
        "n_acknowledged": 5,
        "n_listed": 3,
        "lost_volume": 260.5,
        "alerts": ["no_run-3 system", "bias-2 U/C/<b>", "wape-1 U/C/S1"],
    }
    assert digest_line(fields) == "alerts: 2 opened, 1 still open, 1 resolved, 5 acknowledged; listed: 3"


def test_the_digest_for_people() -> None:
    """One entry a combination with all its listed alerts, the reason and what mends it."""
    also = alerts().head(1).assign(rule="bias", message="leans too", state="still_open")
    text = digest_text(pd.concat([alerts(), also], ignore_index=True), "line", "2026-11-22", "command", "j")
    assert text.splitlines() == [
        "Sales forecast, week 2026-11-22: line",
        "- system: none (no_run, new)",
        "- U/C/<b>: leans (bias, open for 3 weeks)",
        "  probably unexplained: nothing",
        "```python 2```",
        "- U/C/S1: leans too (bias, open for 1 week); wrong (wape, new)",
        "  probably stockout: two weeks",
        "```python 1```",
        "All with an open alert, acknowledged ones too:",
        "```python retrain_models.py --target '@alerts'```",
    ]
    on_cloud = digest_text(alerts().assign(gcloud_command="g"), "line", "2026-11-22", "gcloud_command", "j --region r")
    assert on_cloud.endswith(
        "```gcloud run jobs execute j --region r --update-env-vars 'TARGET_COMBINATIONS=@alerts'```"
    )


def test_the_digest_in_russian() -> None:
    """What is kept for other languages is said in this one, what is not as it was; names and commands stay."""
    message = Text("wrong by {weeks} of what was sold; the limit is {limit}", weeks=("90 %",), limit=Percent(0.7))
    rows = alerts().assign(message_json=None)
    rows.loc[rows["alert_id"] == "wape-1", "message_json"] = message.stored()
    line = digest_line(digest_fields(alerts(), n_acknowledged=5))
    text = digest_text(rows, line.said_in("ru"), "2026-11-22", "command", "j", "ru")
    counts = "новых 2, остаются открытыми 1, снято 1, принято к сведению 5; в списке: 3"
    assert text.splitlines()[:4] == [
        f"Прогноз продаж, неделя 2026-11-22: предупреждения: {counts}",
        "- system: none (no_run, новое)",
        "- U/C/<b>: leans (bias, открыто 3 недели)",
        "  вероятно, причина неясна: nothing",
    ]
    assert "- U/C/S1: ошибка относительно продаж: 90 %; предел 70\u00a0% (wape, новое)" in text.splitlines()


def test_the_list_is_shown_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names stand as they are, also those that look like markup; an acknowledged one says until when."""
    console = Console(width=200, record=True)
    monkeypatch.setattr("rich.console.Console", lambda: console)
    rows = alerts().assign(acknowledged_until=pd.Timestamp(WEDNESDAY))
    rows.loc[rows["alert_id"] == "wape-1", "SKU_ID"] = "[red]"
    alert_texts.show(rows, WEDNESDAY, "j")
    text = console.export_text()
    assert "U/C/[red]" in text
    assert "python retrain_models.py --target '@alerts'\ngcloud run jobs execute j --update-env-vars 'TARG" in text
    assert f"open, quiet until {WEDNESDAY}" in " ".join(text.split())
    alert_texts.show(rows.head(0), WEDNESDAY, "j")
    assert "no alerts" in console.export_text()
    alert_texts.show(rows, WEDNESDAY, "j", [], "ru")
    text = " ".join(console.export_text().split())
    assert "Сигналы недели" in text
    assert "без напоминаний до" in text
    assert "обучение сейчас ничего из этого не исправит" in text


def test_no_training_is_asked_for_that_mends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was trained since its alert opened has no command, in the list and in the digest; nor has all together."""
    console = Console(width=200, record=True)
    monkeypatch.setattr("rich.console.Console", lambda: console)
    rows = alerts()
    names = {f"{row['unit']}/{row['channel']}/{row['SKU_ID']}" for row in rows.to_dict("records") if row["unit"] != "*"}
    alert_texts.show(rows, WEDNESDAY, "j", [])
    text = console.export_text()
    assert "retrain_models.py" not in text
    assert "training mends none of them now; why: python -m skucast alerts list --work" in text
    alert_texts.show(rows, WEDNESDAY, "j", names)
    assert "--target '@alerts'" in console.export_text()
    digest = digest_text(rows, "line", "2026-11-22", "command", "j", mended=[])
    assert "```" not in digest
    assert digest_text(rows, "line", "2026-11-22", "command", "j", mended=names).count("```") == digest_text(
        rows, "line", "2026-11-22", "command", "j"
    ).count("```")


def test_an_alert_s_name_can_be_copied_from_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns: other columns are wrapped, the name is not."""
    console = Console(width=80, record=True)
    monkeypatch.setattr("rich.console.Console", lambda: console)
    name = "forecast_coverage-0123abcd"
    rows = alerts().assign(alert_id=name, evidence="a sentence of several words " * 5, SKU_ID="S" * 30)
    alert_texts.show(rows, WEDNESDAY, "j")
    assert console.export_text().count(name) == len(rows)
