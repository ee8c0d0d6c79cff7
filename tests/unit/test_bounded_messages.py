"""No file, however many faults it has and however long they are, makes a message longer than people read."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from plans import CLOCK, KNOWN, RUN_AT

from skucast.core.errors import InputError, RunFailed
from skucast.core.quoting import MOST, Lines, in_turns, listed, one_line
from skucast.core.tables.orders import ORDER_RULES
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.sales import LOCATIONS, SALES
from skucast.core.tables.validation import empty
from skucast.core.targets import parse_targets, resolve_targets
from skucast.core.texts import Text
from skucast.regressors.declarations import Form, read_declarations
from skucast.regressors.events import read_events
from skucast.regressors.override_checks import Rules
from skucast.regressors.override_files import read_overrides
from skucast.regressors.predecessor_files import read_predecessors
from skucast.regressors.promotion_files import PlanFile, read_plan
from skucast.regressors.work_files import read_words
from skucast.runtime.logs import setup_logging
from skucast.runtime.reading import settings_of
from skucast.runtime.target_files import targets_in
from skucast.sales.loading import read_delivery, read_file

LONG = "x" * 3_000
HOSTILE = "\x01\u2028" * 1_500
"""Each of its characters is shown by four or six."""
N_FAULTS = 60


def _file(folder: Path, header: str, cells: str, sign: str) -> Path:
    """Return a CSV whose lines have all cells but the first ones wrong, each line in its own way."""
    path = folder / "file.csv"
    path.write_text("\n".join([header, *(cells.format(n=n, x=sign) for n in range(N_FAULTS))]), encoding="utf-8")
    return path


def _sales(folder: Path, sign: str) -> object:
    header = "date,unit,channel,SKU_ID,quantity,Promo_discount_perc,stock"
    return read_delivery(_file(folder, header, "{n}{x},u{n}\u200b{x},c{n}\t{x},{n}{x},{x},{x},{x}", sign), SALES, {})


def _sheet_of_sales(folder: Path, sign: str) -> object:
    """A workbook has cells of 32,767 characters."""
    book = openpyxl.Workbook()
    book.active.append(["date", "unit", "channel", "SKU_ID", "quantity"])
    for n in range(N_FAULTS):
        book.active.append([f"{n}{sign.replace(chr(1), '') * 10}", "u", "c", "s", "many"])
    book.save(folder / "file.xlsx")
    return read_delivery(folder / "file.xlsx", SALES, {})


def _headings(folder: Path, sign: str) -> object:
    return read_delivery(_file(folder, ",".join(f"{n}{sign}" for n in range(N_FAULTS)), "{n}", ""), SALES, {})


def _headings_twice(folder: Path, sign: str) -> object:
    return read_delivery(_file(folder, ",".join(f"{n}{sign}" for n in range(N_FAULTS)) * 2, "{n}", ""), SALES, {})


def _rules(folder: Path, sign: str) -> object:
    return read_file(_file(folder, "unit,channel,SKU_ID,service_level", "{n}{x},c,s,{x}", sign), ORDER_RULES, {})


def _locations(folder: Path, sign: str) -> object:
    return read_file(_file(folder, "unit,latitude,longitude,country", "u{n},{n}{x},{x},{x}", sign), LOCATIONS, {})


def _events(folder: Path, sign: str) -> object:
    return read_events(_file(folder, "name,date,days_before", "e{n}{x},{n}{x},{x}", sign))


def _event_headings(folder: Path, sign: str) -> object:
    return read_events(_file(folder, ",".join(f"{n}{sign}" for n in range(N_FAULTS)), "{n}", ""))


def _targets(folder: Path, sign: str) -> object:
    return resolve_targets(parse_targets(";".join(f"u{n}{sign}/c/s" for n in range(N_FAULTS))), KNOWN)


def _target_file(folder: Path, sign: str) -> object:
    header = ",".join(f"{n}{sign}" for n in range(N_FAULTS))
    return targets_in("targets.csv", f"{header}\nSKU_ID,c,{sign}\n".encode(), {})


def _target_lines(folder: Path, sign: str) -> object:
    content = _file(folder, "unit,channel,SKU_ID", "u{n}{x},c,s", sign).read_bytes()
    return resolve_targets(targets_in("targets.csv", content, {})[0], KNOWN)


def _settings(folder: Path, sign: str) -> object:
    return settings_of(**{f"s{n}{sign}": sign for n in range(N_FAULTS)})


def _values_of_settings(folder: Path, sign: str) -> object:
    given = {"weeks_ahead": sign, "alert_wape": sign, "max_failed_share": sign, "week_end": sign, "as_of": sign}
    return settings_of(**given, warehouse=sign, tune=sign, workers=sign, locale=sign, log_format=sign, max_jump=sign)


def _declarations(folder: Path, sign: str) -> object:
    return read_declarations(f'[[regressor]]\nname = "a"\n"{sign}" = 1\n', "REGRESSORS", folder, Form())


@pytest.mark.parametrize("sign", [LONG, "ж" * 3_000, HOSTILE], ids=["long", "other", "hostile"])
@pytest.mark.parametrize(
    "read",
    [
        *(_sales, _sheet_of_sales, _headings, _headings_twice, _rules, _locations, _events, _event_headings),
        *(_targets, _target_file, _target_lines, _settings, _values_of_settings, _declarations),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_so_many_characters(
    read: Callable[[Path, str], object], sign: str, tmp_path: Path
) -> None:
    """Sixty lines that are wrong in each cell, by 3,000 characters each."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, sign)
    assert len(str(caught.value)) <= MOST


def _plan(content: bytes) -> PlanFile:
    return read_plan("file.csv", content, KNOWN, RUN_AT, CLOCK)


def _predecessors(content: bytes) -> PlanFile:
    return read_predecessors("file.csv", content, KNOWN, RUN_AT, CLOCK)


def _words(content: bytes) -> PlanFile:
    return read_words("file.csv", content, {}, RUN_AT, CLOCK)


def _overrides(content: bytes) -> PlanFile:
    return read_overrides("file.csv", content, KNOWN, empty(OVERRIDES), RUN_AT, CLOCK, Rules(("other",)))


@pytest.mark.parametrize("sign", [LONG, HOSTILE], ids=["long", "hostile"])
@pytest.mark.parametrize(
    ("read", "header"),
    [
        (_plan, "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through,cancelled,known_from"),
        (_predecessors, "unit,channel,SKU_ID,like_unit,like_channel,like_SKU_ID,factor,sales_from"),
        (_overrides, "unit,channel,SKU_ID,week,change,kind,reason,author"),
        (_words, "line,state,until,note,by"),
    ],
)
def test_reasons_against_a_planner_s_line_are_as_short(
    read: Callable[[bytes], PlanFile], header: str, sign: str
) -> None:
    """They stand beside the line in the file that goes back, and in the log."""
    lines = [",".join(f"{n}{sign}" for _ in header.split(",")) for n in range(3)]
    found = read("\n".join([header, *lines]).encode())
    reasons = found.rejected[found.why].tolist()
    assert len(reasons) == 3
    assert max(map(len, reasons)) <= MOST


# --- How ------------------------------------------------------------------------------------------------------------


def test_of_many_lines_the_first_are_shown_and_the_others_counted() -> None:
    """Forty have room; a short one is whole whatever stands beside it."""
    lines = str(InputError(Lines(f"{n} {2 * LONG if n == 2 else ''}" for n in range(500)))).split("\n")
    assert lines[:2] == ["0 ", "1 "]
    assert lines[2].startswith("2 xxx")
    assert len(lines[2]) > 2_000
    assert lines[3:5] == ["3 ", "4 "]
    assert lines[-1] == "and 461 more lines"
    assert len(lines) == 40


def test_a_row_of_names_is_short_and_says_how_many_more_there_are() -> None:
    """It leaves room for the sentence around it."""
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert listed(["a", "b", "c"], 2, "; ") == "a; b; and 1 more"
    assert listed(range(1_238), 1) == "0 and 1,237 more"
    assert listed(["a\nb"]) == r"a\nb"
    assert len(listed([LONG, "b", HOSTILE] * 20)) < MOST
    assert ", b, " in listed([LONG, "b", LONG])


@pytest.mark.parametrize("most", [100, 1_000, 4_000])
def test_texts_share_the_room_that_there_is(most: int) -> None:
    """What short ones leave over is the long ones'."""
    texts = in_turns(["short", LONG, HOSTILE, "short", LONG], most)
    assert sum(map(len, texts)) <= most
    assert texts[0] == texts[3] == "short"
    assert min(len(texts[1]), len(texts[2])) > (most - 10) * 0.9 // 3


def test_what_is_escaped_is_bounded_afterwards() -> None:
    """A character of six counts as six."""
    assert len(one_line(HOSTILE)) <= MOST
    assert len(one_line("\u2028" * 10, 30)) <= 30


def test_a_sentence_in_another_language_is_bounded_as_an_error() -> None:
    """Its places are, each; so are all of them together."""
    text = Text("{a} {b} {c} {d}", a=LONG, b=LONG, c=LONG, d=LONG)
    assert len(str(RunFailed(text))) <= MOST


def test_a_record_of_the_log_has_so_many_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """An error of a library may have a line for each row of a table: the first and the last ones are shown."""
    many = "\n".join(map(str, range(100_000)))
    setup_logging(settings_of(log_format="text"))
    logging.getLogger("skucast").error("failed\n%s", many, extra={"has_lines": True})
    try:
        raise ValueError(many)
    except ValueError:
        logging.getLogger("skucast").exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 500
    assert lines[-1].strip() == "99999"


def test_an_entry_of_the_cloud_s_log_has_so_many_items(capsys: pytest.CaptureFixture[str]) -> None:
    """What has more says how many."""
    setup_logging(settings_of(log_format="json"))
    fields = {"names": list(range(100_000)), "counts": {str(n): n for n in range(100_000)}}
    logging.getLogger("skucast").warning("found", extra={"fields": fields})
    entry = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert entry["names"][-1] == "and 99,000 more"
    assert entry["counts"]["more"] == 99_000
