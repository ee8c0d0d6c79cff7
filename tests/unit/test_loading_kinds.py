"""Sales as people have them: whatever saved the file, its rows are the same; all that is wrong is said at once."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
from builders import excel
from pandas.testing import assert_frame_equal
from sales_files import GOOD, HEADER, csv

from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES
from skucast.sales import loading
from skucast.sales.loading import Delivery, read_delivery, read_file
from skucast.sheets import frame

LINES = [GOOD, "2026-11-17,Пермь,KA,0097,1234.5,"]
RUSSIAN = (
    HEADER.replace(",", ";") + "\n16.11.2026;Пермь;ON TRADE;ЦУП00009752;12;20\n17.11.2026;Пермь;KA;0097;1 234,5;\n"
)


def read(path: Path) -> pd.DataFrame:
    return read_file(path, SALES, {})[0].reset_index(drop=True)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_file(path, SALES, {})
    return str(caught.value)


def saved(name: str, content: bytes) -> Path:
    path = Path(name)
    path.write_bytes(content)
    return path


TEXTS = {
    "semicolons": RUSSIAN,
    "sep": f"sep=;\n{RUSSIAN}",
    "a title": f"Продажи за ноябрь, Пермь\n\n{RUSSIAN}",
    "small letters": RUSSIAN.replace("SKU_ID", "sku_id").replace("date", "Date"),
    "blank columns": RUSSIAN.replace("\n", ";;\n"),
    "tabs": RUSSIAN.replace(";", "\t"),
    "bars": RUSSIAN.replace(";", "|"),
    "a total": RUSSIAN + "Итого;;;;1 246,5;\n",
    "a short total": RUSSIAN + "Всего по отчету;1 246,5\n",
    "a total without a day": RUSSIAN + ";Итого:;;;1 246,5;\n",
    "times": RUSSIAN.replace(".2026;", ".2026 0:00:00;"),
    "a percent sign": RUSSIAN.replace(";20", ";20%"),
    "line ends": RUSSIAN.replace("\n", "\r\n"),
    "quoted": RUSSIAN.replace("Пермь", '"Пермь"'),
}


@cache
def as_written() -> pd.DataFrame:
    """Return the rows of a plain file."""
    return read(csv(*LINES))


@pytest.mark.slow
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251"])
def test_whatever_saved_it_the_rows_are_the_same(text: str, encoding: str) -> None:
    """Separators, days and numbers as people write them, what stands around the table, and encodings."""
    assert_frame_equal(read(saved("theirs.csv", text.replace("\u00a0", " ").encode(encoding))), as_written())


def test_an_excel_file_gives_the_same_rows() -> None:
    """With a title, days as text, numbers as text, and a percent cell."""
    rows = [[None, "Sales"], HEADER.split(","), ["16.11.2026", "Пермь", "ON TRADE", "ЦУП00009752", "12", 20]]
    content = excel(*rows, ["2026-11-17", "Пермь", "KA", "0097", "1\u00a0234,5"], ["Итого", None, None, None, 1246.5])
    assert_frame_equal(read(saved("sales.xlsx", content)), read(csv(*LINES)))


def test_an_index_of_a_parquet_is_a_column_of_it() -> None:
    """Pandas keeps the day, or the names, as an index; one without a name is nothing."""
    rows = read(csv(*LINES)).drop(columns="batch_id")
    expected = read(csv(*LINES))
    for index in (["date"], ["unit", "channel", "SKU_ID"]):
        rows.set_index(index).to_parquet("sales.parquet")
        assert_frame_equal(read(Path("sales.parquet")), expected)
    rows[rows["quantity"] > 20].to_parquet("sales.parquet")
    assert read(Path("sales.parquet"))["quantity"].tolist() == [1234.5]


def test_a_name_in_categories_is_a_name() -> None:
    """As pandas saves columns of few values."""
    rows = read(csv(*LINES)).drop(columns="batch_id").astype({"unit": "category"})
    rows.to_parquet("sales.parquet")
    assert read(Path("sales.parquet"))["unit"].tolist() == ["Пермь"] * 2


def delivery(path: Path) -> Delivery:
    return read_delivery(path, SALES, {})


def test_a_folder_is_one_delivery() -> None:
    """Files of several kinds; marks of other programs are passed over, copies and foreign files refused."""
    Path("shards").mkdir()
    one, two = csv(LINES[0], name="shards/a.csv"), csv(LINES[1], name="shards/b.csv")
    Path("shards/_SUCCESS").touch()
    found = delivery(Path("shards"))
    assert pd.concat(found.rows)["quantity"].tolist() == [12.0, 1234.5]
    assert found.source == "shards"
    assert found.digest not in {delivery(one).digest, delivery(two).digest}
    csv(LINES[1].replace("1234.5", "many"), name="shards/c.csv")
    assert "shards/c.csv: column quantity, row 2: found 'many'" in refusal(Path("shards"))
    csv(LINES[1], name="shards/c.csv")
    assert "c.csv: has the same content as b.csv" in refusal(Path("shards"))
    Path("shards/c.csv").rename("shards/c.pdf")
    assert "holds c.pdf" in refusal(Path("shards"))


def test_a_day_of_one_file_tells_how_the_others_write_it() -> None:
    """Shards are of one hand: 11/22/2026 in one makes 02/03/2026 of the other a third of February."""
    Path("shards").mkdir()
    csv(GOOD.replace("2026-11-16", "11/22/2026"), name="shards/a.csv")
    alone = csv(GOOD.replace("2026-11-16", "02/03/2026"), name="shards/b.csv")
    assert read(Path("shards"))["date"].dt.month.tolist() == [11, 2]
    assert "column date has '02/03/2026', which is two days to two people" in refusal(alone)


def test_all_faults_are_said_at_once() -> None:
    """By row, up to twenty, and how many more there are."""
    bad = ["2026-11-16,U,C,S,many,", "x,U,C,S,1,", "2026-11-16,U,C,..,1,", "2026-11-16,U,C,S", "2026-11-16,U,C,S,1,140"]
    said = refusal(csv(GOOD, *bad)).splitlines()
    assert said[0] == "sales.csv: 5 faults, nothing was loaded:"
    assert [next(filter(str.isdigit, re.split(r"[ :,]", line))) for line in said[1:]] == ["3", "4", "5", "6", "7"]
    said = refusal(csv(*(bad[number % 2] for number in range(50)))).splitlines()
    assert len(said) == 22
    assert said[-1] == "  and 30 more: 15 in column date, 15 in column quantity"
    said = refusal(csv(*(bad[0] for _ in range(50)))).splitlines()
    assert said[-1] == "  and 30 more"


def test_no_kind_of_fault_hides_another() -> None:
    """Behind a thousand wrong days stand a wrong name, a line cut off and a discount: of each the first is shown."""
    bad = [*["x,U,C,S,1,"] * 1000, "2026-11-16,U,C,..,1,", "2026-11-16,U,C,S", *["2026-11-16,U,C,S,1,140"] * 3]
    said = refusal(csv(*bad)).splitlines()
    assert said[0] == "sales.csv: 1,005 faults, nothing was loaded:"
    assert len(said) == 22
    assert [line.split(":")[0].strip() for line in said[-6:-1]] == [
        "column SKU_ID, row 1002",
        "line 1003 has 4 fields, the header 6 (a comma not quoted, or the file cut off?)",
        "row 1004",
        "row 1005",
        "row 1006",
    ]
    assert said[-1] == "  and 985 more: 985 in column date"


def test_a_column_in_doubt_hides_no_other_fault() -> None:
    """Of its own cells nothing more is said, of all others everything."""
    said = refusal(csv("02/03/2026,U,C,S,many,", "02/04/2026,U,C,S,1,140", "02/04/2026,U,C,S")).splitlines()
    assert [line.split(":")[0].strip() for line in said[1:]] == [
        "column date has '02/03/2026', which is two days to two people, and no cell tells which",
        "column quantity, row 2",
        "row 3",
        "line 4 has 4 fields, the header 6 (a comma not quoted, or the file cut off?)",
    ]


def test_a_formula_without_a_result_is_no_name() -> None:
    """Nor is an error of Excel."""
    names = ("=VLOOKUP(A1)", "=ВПР(B2)", "=A2&B2", "=$C7", "=Лист1!D4", "=RC[-1]", '"=""0097"""', "#N/A", "#ССЫЛКА!")
    for name in names:
        assert "is an error or a formula without a result" in refusal(csv(GOOD.replace("Пермь", name)))


def test_a_name_may_begin_with_an_equals_sign() -> None:
    """As people type them: without a function or a cell it is no formula of a sheet."""
    for name in ("=1+1", "=АКЦИЯ=", "= Сок 1л!", "=="):
        assert read(csv(GOOD.replace("Пермь", name)))["unit"].tolist() == [name]


def test_totals_that_are_left_out_are_said() -> None:
    """With their lines; a unit that only begins with such a word is one."""
    found = delivery(csv(*LINES, "Итого,,,,13,", "2026-11-17,Тотал-Сервис,KA,1,1,"))
    assert found.notes == ["1 line of totals left out (line 4)"]
    assert found.rows.n_rows == 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2026-11-01,Пермь,KA,Total 5W40, 4л,500,20", "line 4 has 7 fields"),
        ("2026-11-01,Пермь,KA,Total, 4л,500,20", "line 4 has 7 fields"),
        ("32.11.2026,Пермь,KA,Total 5W40,70,", "32.11.2026"),
        ("32.11.2026,Пермь,KA,Итого,70,", "32.11.2026"),
    ],
)
def test_a_sale_is_no_line_of_totals(line: str, said: str) -> None:
    """A comma that is not quoted and a day that is none are faults, whatever the article's name begins with."""
    assert said in refusal(csv(*LINES, line))


def test_an_article_named_as_totals_are_is_not_left_out_as_one() -> None:
    """Without its day it is a line without a day, as of any other article; those of totals are whole cells."""
    found = delivery(csv(*LINES, ",Пермь,KA,Total 5W40,80,", ",Пермь,Итого:,,80,", ",Пермь Итог,,,80,"))
    assert found.notes == ["2 lines of totals left out (line 5, 6)"]
    assert found.rows.n_rows == 3


def test_a_file_is_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rows than a piece has are ever in one frame; what is wrong is found in all of them."""
    monkeypatch.setattr(frame, "PIECE", 10)
    sizes: list[int] = []
    path = csv(*(f"2026-11-16,U,C,A{number},1," for number in range(35)))
    found = read_delivery(path, SALES, {}, lambda _, rows: sizes.append(len(rows)))
    assert sizes == [len(rows) for rows in found.rows] == [10, 10, 10, 5]
    bad = csv(*(f"2026-11-16,U,C,A{number},{'x' if number in {5, 33} else 1}," for number in range(35)))
    said = refusal(bad)
    assert "row 7" in said
    assert "row 35" in said


def test_a_file_that_grows_while_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it counts as loaded, and what was hashed is what was parsed."""
    path = csv(*LINES)
    learned = loading._learned

    def grow(*arguments: object) -> object:
        with path.open("a", encoding="utf-8") as file:
            file.write("2026-11-18,Пермь,KA,0097,1,\n")
        return learned(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(loading, "_learned", grow)
        assert "is being written to while it is read; load it when it is whole" in refusal(path)
    assert len(read(path)) == 3
    os.utime(path, (1, 1))
    assert len(read(path)) == 3
