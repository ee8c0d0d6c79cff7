"""Planners' files in Russian: templates are read again, refusals are said in the planner's language."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import empty
from skucast.core.texts import said_in
from skucast.core.weeks import WeekClock
from skucast.language.catalogue import LANGUAGES
from skucast.regressors.headings import COLUMNS, column_named, heading
from skucast.regressors.override_checks import Rules
from skucast.regressors.override_files import read_overrides
from skucast.regressors.promotion_files import read_plan, rejected_csv
from skucast.regressors.promotion_lines import COLUMNS as OF_PROMOTIONS
from skucast.regressors.promotion_template import MEANINGS, write_template

KNOWN = [Combination("Казань", "KA", "A1"), Combination("Пермь", "ON TRADE", "A1")]
RUN_AT = datetime(2026, 11, 25, 9, tzinfo=UTC).replace(tzinfo=None)
CLOCK = WeekClock("SUN", "Europe/Moscow")


def russian(*lines: str, columns: tuple[str, ...] = OF_PROMOTIONS[:7]) -> bytes:
    """Return a file with Russian headings, as a Russian Excel writes it."""
    return "\r\n".join([";".join(heading("ru", name) for name in columns), *lines]).encode("utf-8-sig")


def rejected(content: bytes, language: str) -> list[dict[str, str]]:
    """Return the refused rows of a plan as the planner gets them."""
    plan = read_plan("plan.csv", content, KNOWN, RUN_AT, CLOCK)
    return list(csv.DictReader(io.StringIO(rejected_csv(plan, language).decode("utf-8-sig")), delimiter=";"))


def test_every_column_is_found_under_each_of_its_names() -> None:
    """English or Russian, in capitals or not; no two columns share a name, and what is none of ours stays as it is."""
    for language in LANGUAGES:
        names = {heading(language, name): name for name in COLUMNS}
        assert len({each.casefold() for each in names}) == len(COLUMNS)
        assert all(column_named(said) == column_named(said.upper()) == name for said, name in names.items())
    assert column_named("Комментарий менеджера") is None


def test_a_plan_with_russian_headings_is_read() -> None:
    """Also under a title, and with a column that means nothing."""
    line = "Казань;KA;A1;30.11.2026;06.12.2026;20;31.01.2027"
    plan = read_plan("plan.csv", russian(line), KNOWN, RUN_AT, CLOCK)
    assert not len(plan.rejected)
    assert plan.rows["discount_perc"].dropna().tolist() == [20]
    assert plan.covers_through == date(2027, 1, 31)
    titled = b"\xef\xbb\xbf" + "План промо;;\r\n".encode() + russian(line).removeprefix(b"\xef\xbb\xbf")
    assert len(read_plan("plan.csv", titled, KNOWN, RUN_AT, CLOCK).rows) == len(plan.rows)


def test_refusals_in_russian_come_back_and_are_read_again() -> None:
    """Number and reason in Russian; sent again, both columns are passed over."""
    content = russian("Казань;KA;A1;06.12.2026;30.11.2026;0,3;31.01.2027")
    [row] = rejected(content, "ru")
    assert row["Строка файла"] == "2"
    assert "окончание 06.12.2026 раньше" not in row["Причина"]
    assert row["Причина"].startswith("окончание 30.11.2026 раньше начала 06.12.2026; скидка 0,3 – доля")
    again = rejected_csv(read_plan("plan.csv", content, KNOWN, RUN_AT, CLOCK), "ru")
    assert read_plan("plan.csv", again, KNOWN, RUN_AT, CLOCK).unused == []


def test_refusals_are_english_without_a_language() -> None:
    """As they were, whatever the headings of the file."""
    [row] = rejected(russian("Казан;KA;A1;30.11.2026;06.12.2026;20;31.01.2027"), "")
    assert row["reason"] == "unit 'Казан' is unknown (closest: Казань)"
    [row] = rejected(russian("Казан;KA;A1;30.11.2026;06.12.2026;20;31.01.2027"), "ru")
    assert row["Причина"] == "Подразделение: 'Казан' не найдено (похожие: Казань)"


def test_why_a_file_cannot_be_read_at_all_is_said_in_russian() -> None:
    """The error's text is English, and can be said in the planner's language."""
    content = b"PK\x03\x04" + b"0" * 100
    with pytest.raises(InputError, match=r"plan.csv: is an Excel file under another name; open it") as found:
        read_plan("plan.csv", content, KNOWN, RUN_AT, CLOCK)
    said = said_in("ru", found.value.args[0])
    assert said == "plan.csv: это файл Excel под другим именем; откройте его и сохраните как .xlsx"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_template_in_russian_is_read_as_the_english_one(tmp_path: Path, suffix: str) -> None:
    """Headings and meanings are Russian; the rows read back are the same."""
    row = dict.fromkeys(MEANINGS) | {
        "unit": "Казань",
        "channel": "KA",
        "SKU_ID": "A1",
        "starts_on": date(2026, 11, 30),
        "ends_on": date(2026, 12, 6),
        "discount_perc": 20,
        "covers_through": date(2027, 1, 31),
        "note": "моё примечание",
    }
    rows = []
    for language in ("", "ru"):
        path = tmp_path / f"plan{language}{suffix}"
        write_template(path, [row], language=language)
        plan = read_plan(path.name, path.read_bytes(), KNOWN, RUN_AT, CLOCK)
        assert not len(plan.rejected)
        rows.append(plan.rows.drop(columns="plan_id"))
    assert rows[0].equals(rows[1])
    if suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        assert book.sheetnames == ["план", "столбцы"]
        assert book["столбцы"]["B2"].value == "подразделение, как в продажах; * = все"


def test_overrides_with_russian_headings_are_read() -> None:
    """The reason of an override is its own column, beside why a row was refused."""
    columns = ("unit", "channel", "SKU_ID", "ds_from", "kind", "value", "reason", "author")
    content = russian(
        "Казань;KA;A1;06.12.2026;=;120;deal;Анна", "Казань;KA;A1;06.12.2026;x;1;deal;Анна", columns=columns
    )
    file = read_overrides("o.csv", content, KNOWN, empty(OVERRIDES), RUN_AT, CLOCK, Rules(("deal",)))
    assert file.rows["value"].tolist() == [120]
    text = rejected_csv(file, "ru").decode("utf-8-sig")
    assert "Почему не принято" in text
    assert "действие 'x' – не = (число становится значением)" in text
