"""Planners' own words for columns, reasons and kinds: known where they are plain, named where they are not."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pandas as pd
import pytest

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import empty
from skucast.core.texts import said_in
from skucast.core.weeks import WeekClock
from skucast.language.catalogue import LANGUAGES
from skucast.regressors import override_checks, predecessor_files, promotion_lines, work_files
from skucast.regressors.headings import heading
from skucast.regressors.override_checks import Rules
from skucast.regressors.override_files import read_overrides
from skucast.regressors.predecessor_files import read_predecessors
from skucast.regressors.promotion_files import PlanFile, read_plan, rejected_csv
from skucast.regressors.usual_headings import USUAL
from skucast.regressors.work_files import read_words
from skucast.runtime.groups.overrides import Overrides, reasons_of
from skucast.sheets.csv_text import plain_heading

KNOWN = [Combination("Казань", "KA", "A1"), Combination("Пермь", "ON TRADE", "A1")]
RUN_AT = datetime(2026, 11, 25, 9, tzinfo=UTC).replace(tzinfo=None)
CLOCK = WeekClock("SUN", "Europe/Moscow")
RULES = Rules(reasons_of(Overrides.model_fields["override_reasons"].default))
KINDS_OF_FILES = {
    "promotions": promotion_lines.COLUMNS,
    "overrides": override_checks.COLUMNS,
    "predecessors": predecessor_files.COLUMNS,
    "work list": work_files.COLUMNS,
}


def overrides(text: str) -> PlanFile:
    """Return what a file of overrides says."""
    return read_overrides("o.csv", text.encode(), KNOWN, empty(OVERRIDES), RUN_AT, CLOCK, RULES)


def plan(text: str) -> PlanFile:
    """Return what a plan of promotions says."""
    return read_plan("plan.csv", text.encode(), KNOWN, RUN_AT, CLOCK)


def why(file: PlanFile, language: str = "") -> str:
    """Return why the first refused row was."""
    return said_in(language, file.rejected[file.why].iloc[0])


@pytest.mark.parametrize("columns", KINDS_OF_FILES.values(), ids=KINDS_OF_FILES)
def test_no_word_means_two_columns_of_one_file(columns: tuple[str, ...]) -> None:
    """Our names and the usual words, of all languages, as they are compared."""
    own = [(plain_heading(heading(language, column)), column) for language in LANGUAGES for column in columns]
    ours = dict(own)
    usual = [
        (plain_heading(word), column)
        for words in USUAL.values()
        for column in columns
        for word in words.get(column, ())
    ]
    assert len({word for word, _ in own}) == len(set(own))
    assert [(word, column) for word, column in usual if ours.get(word, column) != column] == []
    assert len({word for word, _ in usual}) == len(set(usual))


@pytest.mark.parametrize(
    "header",
    [
        "Юнит;Канал;SKU;Неделя;Вид;Число;Причина;Автор",
        "Филиал;Канал продаж;Код товара;С;Тип;Количество;Основание;Планировщик",
        "ГОРОД;канал;СКЮ;Начало;Действие;Кол-во;Почему;автор",
        "business unit;channel;sku id;week;type;amount;why;planner",
    ],
)
def test_overrides_under_usual_headings_are_read(header: str) -> None:
    """The same word may be another column in a plan of promotions; a reason in Russian is the English one."""
    file = overrides(f"{header}\nКазань;KA;A1;06.12.2026;процент;15 %;праздник;Анна\n")
    assert not len(file.rejected)
    row = file.rows.iloc[0]
    assert (row["kind"], row["value"], row["reason"], row["author"]) == ("%", 15, "event", "Анна")
    assert row["ds_from"] == pd.Timestamp("2026-12-06")


def test_measures_and_reasons_are_understood_in_russian() -> None:
    """Whatever the page calls a reason, and with the pieces behind the number."""
    header = "Подразделение;Канал;Артикул;Неделя с;Действие;Значение;Причина;Автор"
    file = overrides(f"{header}\nКазань;KA;A1;06.12.2026;равно;120 шт.;Заказ клиента;Анна\n")
    assert file.rows[["kind", "value", "reason"]].iloc[0].tolist() == ["=", 120, "customer order"]
    refused = overrides(f"{header}\nКазань;KA;A1;06.12.2026;=;120;погода;Анна\n")
    assert "событие" in why(refused, "ru")
    assert "event" not in why(refused, "ru")


@pytest.mark.parametrize("depth", ["Скидка", "Процент скидки", "Глубина", "Скидка (%)", "% скидки", "Discount, %"])
def test_a_plan_under_usual_headings_is_read(depth: str) -> None:
    """Case, brackets and dots make no difference; a comment is a note, a kind is the promotion's."""
    header = f"Город;Канал;Код товара;С;По;{depth};План полон по;Вид;Комментарий"
    file = plan(f"{header}\nКазань;KA;A1;30.11.2026;06.12.2026;20;31.01.2027;листовка;моё\n")
    assert not len(file.rejected)
    row = file.rows.dropna(subset="discount_perc").iloc[0]
    assert (row["discount_perc"], row["promo_type"], row["note"]) == (20, "листовка", "моё")
    assert file.unused == []


def test_predecessors_and_words_under_usual_headings_are_read() -> None:
    """Both kinds of files."""
    text = "Филиал;Канал;SKU;Аналог;Коэффициент\nКазань;KA;B9;A1;0,5\n"
    file = read_predecessors("p.csv", text.encode(), KNOWN, RUN_AT, CLOCK)
    assert file.rows[["SKU_ID", "like_SKU_ID", "scale"]].iloc[0].tolist() == ["B9", "A1", 0.5]
    line = {"line_id": "line-1", "about": "x", "unit": "*", "channel": "*", "SKU_ID": "*", "opened": None, "size": None}
    said = read_words("w.csv", "Код;Статус;Автор\nline-1;готово;Анна\n".encode(), {"line-1": line}, RUN_AT, CLOCK)
    assert said.rows["state"].tolist() == ["done"]


def test_a_missing_column_names_those_that_are_not_used() -> None:
    """And asks whether the one that is alike is meant."""
    row = "Казань;KA;A1;30.11.2026;06.12.2026;20;31.01.2027;x"
    header = "Подразделение;Канал;Артикул;Начало;Окончание;{};План полон по;Бренд"
    file = plan(f"{header.format('Скидочка')}\n{row}\n")
    assert (
        why(file)
        == "the file has no column discount_perc; not used: 'Скидочка', 'Бренд'; is 'Скидочка' the discount_perc?"
    )
    assert why(file, "ru").startswith("в файле нет столбца Скидка, %; не используются: 'Скидочка', 'Бренд'")
    assert why(plan(f"{header.format('Рубли')}\n{row}\n")).endswith("; not used: 'Рубли', 'Бренд'")
    header = "Подразделение;Канал;Артикул;Неделя с;Деяние;Значение;Причина;Автор"
    refused = overrides(f"{header}\nКазань;KA;A1;06.12.2026;=;120;event;Анна\n")
    assert why(refused).startswith("the file has no column kind; not used: 'Деяние'")


def test_two_words_for_one_column_are_refused() -> None:
    """Our own name counts where it is there; of two others nobody knows which is meant."""
    header = "Подразделение;Канал;Артикул;Неделя с;Действие;Значение;Причина;Автор"
    row = "Казань;KA;A1;06.12.2026;=;120;event;Анна;{}\n"
    file = overrides(f"{header};Город\n{row.format('Пермь')}")
    assert file.rows["unit"].tolist() == ["Казань"]
    assert file.unused == ["Город"]
    header = header.replace("Подразделение", "Филиал")
    with pytest.raises(InputError, match="'Филиал', 'Город' mean the same"):
        overrides(f"{header};Город\n{row.format('Пермь')}")


@pytest.mark.parametrize(("header", "language"), [("Подразделение;Канал;Артикул", "ru"), ("unit;channel;SKU_ID", "")])
def test_rejected_rows_speak_the_language_of_their_headings(header: str, language: str) -> None:
    """Where LOCALE says nothing."""
    file = overrides(f"{header};ds_from;kind\nКазань;KA;A1;06.12.2026;=\n")
    assert file.language == language
    [row] = csv.DictReader(io.StringIO(rejected_csv(file, file.language).decode("utf-8-sig")), delimiter=";")
    assert list(row)[-1] == heading(language, "refused_because")
