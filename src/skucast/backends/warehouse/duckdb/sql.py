"""The SQL of the warehouse in DuckDB; names in braces are filled in by the module beside it, values are bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skucast.backends.warehouse.checks import HAS_ZONE, ZEROS, AnyCase, declared_sources, sales_sources
from skucast.backends.warehouse.protocol import Limits
from skucast.core.combination import KEY, Combination
from skucast.core.declared import Regressor
from skucast.core.flags import NO, YES
from skucast.core.tables.contract import BATCH, Column, Table, Type
from skucast.core.tables.sales import ADDED_LATER, SALES
from skucast.core.weeks import SOLD_BY_WEEKDAY

TYPES: dict[Type, str] = {
    "STRING": "VARCHAR",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "FLOAT64": "DOUBLE",
    "INT64": "BIGINT",
    "BOOL": "BOOLEAN",
}
_WITH_ZEROS = ("DECIMAL", "DOUBLE", "FLOAT")
_NUMBERS = (*_WITH_ZEROS, "HUGEINT", "UHUGEINT", "BIGINT", "UBIGINT")

_SOLD = "\n    ".join(
    f"coalesce(sum(sold) FILTER (WHERE isodow(day) = {day}), 0) AS {name},"
    for day, name in enumerate(SOLD_BY_WEEKDAY, start=1)
)

WEEKLY_SALES = """
WITH lines AS (
    SELECT
        {day} AS day,
        regexp_replace(nfc_normalize({unit}), '^{blank}+|{blank}+$', '', 'g') AS unit,
        regexp_replace(nfc_normalize({channel}), '^{blank}+|{blank}+$', '', 'g') AS channel,
        regexp_replace(nfc_normalize({SKU_ID}), '^{blank}+|{blank}+$', '', 'g') AS sku,
        concat_ws('/', {unit}, {channel}, {SKU_ID}) AS spelling,
        CASE WHEN isfinite(CAST({quantity} AS DOUBLE)) THEN CAST({quantity} AS DOUBLE) END AS quantity,
        CASE WHEN isfinite(CAST({Promo_discount_perc} AS DOUBLE)) AND CAST({Promo_discount_perc} AS DOUBLE) >= 0
            THEN CAST({Promo_discount_perc} AS DOUBLE) END AS discount,
        isinf(CAST({Promo_discount_perc} AS DOUBLE)) OR CAST({Promo_discount_perc} AS DOUBLE) < 0 AS is_bad_discount,
        CAST({stock} AS DOUBLE) AS stock,
        coalesce({is_promo}, FALSE) AS is_flagged,
        {is_bad_flag} AS is_bad_flag,
        nullif(trim(regexp_replace(CAST({promo_type} AS VARCHAR), '\\s+', ' ', 'g')), '') AS promo_type{of_lines}
    FROM {table}
    WHERE ({date} <= $until OR {date} IS NULL) AND {some}
), days AS (
    SELECT
        day, unit, channel, sku,
        sum(quantity) AS quantity,
        sum(greatest(-quantity, 0)) AS returns_quantity,
        sum(greatest(quantity, 0)) AS sold,
        avg(coalesce(discount, 0)) FILTER (WHERE quantity > 0) AS discount,
        min(discount) FILTER (WHERE quantity > 0 AND discount > 0) AS least,
        max(discount) FILTER (WHERE quantity > 0 AND discount > 0) AS most,
        max(stock) AS stock,
        coalesce(bool_or(is_flagged) FILTER (WHERE quantity > 0), FALSE) AS is_flagged,
        avg(CAST(is_flagged AND discount IS NULL AS DOUBLE)) FILTER (WHERE quantity > 0) AS no_depth,
        min(promo_type) FILTER (WHERE quantity > 0 AND (is_flagged OR discount > 0)) AS promo_type,
        count(*) AS n_lines,
        count(*) FILTER (WHERE quantity IS NULL) AS n_bad_quantity,
        count(*) FILTER (WHERE is_bad_discount) AS n_bad_discount,
        count(*) FILTER (WHERE is_bad_flag) AS n_bad_flag,
        min(spelling) AS spelling_min,
        max(spelling) AS spelling_max{of_days}
    FROM lines
    GROUP BY ALL
), judged AS (
    SELECT *, stock <= 0 AND discount IS NULL AS is_empty, discount > 0 OR is_flagged AS is_promo FROM days
)
SELECT
    unit, channel, sku AS "SKU_ID",
    day + CAST(($end_weekday - isodow(day) + 8) % 7 AS INTEGER) AS ds,
    coalesce(sum(quantity), 0) AS quantity,
    coalesce(sum(returns_quantity), 0) AS returns_quantity,
    coalesce(avg(discount), 0) AS promo_discount_perc,
    coalesce(avg(no_depth), 0) AS no_depth_share,
    count(*) FILTER (WHERE is_promo) AS promo_days,
    min(least) AS least_discount,
    max(most) AS most_discount,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE discount IS NOT NULL), 0) AS BIGINT) AS selling_weekdays,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE is_promo), 0) AS BIGINT) AS promo_weekdays,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE stock IS NOT NULL), 0) AS BIGINT) AS stock_weekdays,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE is_empty), 0) AS BIGINT) AS stockout_weekdays,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE stock > 0), 0) AS BIGINT) AS left_weekdays,
    count(stock) AS stock_days,
    count(*) FILTER (WHERE is_empty) AS stockout_days,
    {sold}
    coalesce(min(day) FILTER (WHERE quantity + returns_quantity > 0), min(day)) AS first_date,
    max(day) AS last_date,
    CAST(sum(n_lines) AS BIGINT) AS n_lines,
    CAST(sum(n_bad_quantity) AS BIGINT) AS n_bad_quantity,
    CAST(sum(n_bad_discount) AS BIGINT) AS n_bad_discount,
    CAST(sum(n_bad_flag) AS BIGINT) AS n_bad_flag,
    min(spelling_min) AS spelling_min,
    max(spelling_max) AS spelling_max,
    string_agg(promo_type, chr(10)) AS promo_types,
    arg_max(stock, day) FILTER (WHERE stock IS NOT NULL) AS last_stock{of_weeks}
FROM judged
GROUP BY ALL
ORDER BY ALL
""".replace("{sold}", _SOLD)

_SOLD_WITH = "quantity > 0 AND v{n} IS NOT NULL"
_MEAN_OF_LINES = (
    f"coalesce(sum(v{{n}} * quantity) FILTER (WHERE {_SOLD_WITH}) / sum(quantity) FILTER (WHERE {_SOLD_WITH}), "
    "avg(v{n}) FILTER (WHERE coalesce(quantity, 0) = 0))"
)
_OF_DAYS = {"mean": _MEAN_OF_LINES, "last": _MEAN_OF_LINES, "sum": "sum(v{n})", "max": "max(v{n})"}
_OF_WEEKS = {
    "mean": "avg(d{n})",
    "last": "arg_max(d{n}, day) FILTER (WHERE d{n} IS NOT NULL)",
    "sum": "sum(d{n})",
    "max": "max(d{n})",
}

WITHIN_CALENDAR = """CASE
            WHEN {date} < DATE '0001-01-01' THEN DATE '0001-01-01'
            WHEN {date} > DATE '9999-12-31' THEN DATE '9999-12-31'
            ELSE {date}
        END"""
"""A day that others have entered: DuckDB knows -infinity and the year 20261, which Python cannot count with."""

FIRST_DAY = "SELECT CAST(min({day}) AS TIMESTAMP) AS first_day FROM {table}"

LATER_SALES = """
SELECT
    coalesce({unit}, '') AS unit,
    count(*) AS n_lines,
    CAST(max({day}) AS TIMESTAMP) AS last_date
FROM {table} WHERE {date} > $after
GROUP BY ALL
ORDER BY ALL
"""

KEYED = """(
    SELECT
        {day} AS day,
        regexp_replace(nfc_normalize(unit), '^{blank}+|{blank}+$', '', 'g') AS unit,
        regexp_replace(nfc_normalize(channel), '^{blank}+|{blank}+$', '', 'g') AS channel,
        regexp_replace(nfc_normalize("SKU_ID"), '^{blank}+|{blank}+$', '', 'g') AS sku,
        quantity,
        rowid
    FROM {table}
    WHERE date IS NOT NULL AND unit IS NOT NULL AND channel IS NOT NULL AND "SKU_ID" IS NOT NULL
)"""
"""Sales lines by what makes them lines of the same day and combination; a new week begins where an old one does."""

LABEL = "date + CAST(({end_weekday} - isodow(date) + 8) % 7 AS INTEGER)"

OVERLAP = """
WITH new AS (
    SELECT day, unit, channel, sku, count(*) AS n_lines, sum(quantity) AS quantity FROM {new} GROUP BY ALL
), old AS (
    SELECT day, unit, channel, sku, count(*) AS n_lines, sum(quantity) AS quantity FROM {old}
    WHERE day IN (SELECT day FROM new) AND (unit, channel, sku) IN (SELECT (unit, channel, sku) FROM new)
    GROUP BY ALL
)
SELECT
    day AS date, unit, channel, sku AS "SKU_ID",
    old.n_lines, coalesce(old.quantity, 0) AS quantity,
    coalesce(new.n_lines, 0) AS new_lines, coalesce(new.quantity, 0) AS new_quantity
FROM old LEFT JOIN new USING (day, unit, channel, sku)
ORDER BY ALL
"""

REPLACED = """
DELETE FROM {table} WHERE batch_id = ? OR rowid IN (
    SELECT rowid FROM {old} WHERE day IN (SELECT day FROM {new})
    AND (unit, channel, sku) IN (SELECT (unit, channel, sku) FROM {new})
)
"""


LATER = """
SELECT run_id, read_at FROM {publishes}
WHERE table_name = ? AND partition_value = ? AND run_id <> ? AND read_at > ? AND read_at <= ?
"""
"""Who has published a slice from inputs that were read later; what is noted as of the future is not believed."""


def only_sql(table: Table, partition: object, combinations: Sequence[Combination]) -> tuple[str, list[object]]:
    """Return the condition of the rows of a slice that are these combinations', and what is bound in it."""
    key = ", ".join(map(quoted, KEY))
    names = [dict(zip(KEY, combination.parts, strict=True)) for combination in combinations]
    fields = ", ".join(f"{quoted(name)} VARCHAR" for name in KEY)
    of_c = ", ".join(f"c.{quoted(name)}" for name in KEY)
    these = f"SELECT ({of_c}) FROM (SELECT unnest(?::STRUCT({fields})[]) AS c)"
    return f"{quoted(str(table.partition))} = ? AND ({key}) IN ({these})", [partition, names]


def quoted(name: str) -> str:
    """Return the name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def column_types(table: Table) -> dict[str, str]:
    """Return the type of each column of a contract."""
    return {column.name: TYPES[column.type] for column in table.columns}


def text_of(name: str, kind: str) -> str:
    """Return the column as text: article 9752 is 9752, also where numbers have decimal places."""
    column = quoted(name)
    if kind == "VARCHAR":
        return column
    text = f"CAST({column} AS VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):  # past 1e15 it is written with an exponent
        is_whole = f"abs({column}) < 1e18 AND {column} = trunc({column})"
        whole = f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
        text = f"CASE WHEN {is_whole} THEN {whole} WHEN NOT isnan({column}) THEN {text} END"
    return f"regexp_replace({text}, '{ZEROS}', '\\1')" if kind.startswith(_WITH_ZEROS) else text


def _is_instant(kind: str) -> bool:
    return kind.startswith("TIMESTAMP") and kind.endswith("WITH TIME ZONE")


def day_of(name: str, kind: str, tz: str) -> str:
    """Return the column as days of the business: an instant is the day in its time zone, a wall clock is cut."""
    column, zone = quoted(name), tz.replace("'", "''")
    day = f"CAST({column} AS DATE)"
    if kind == "DATE":
        return column
    if _is_instant(kind):
        return f"CAST({column} AT TIME ZONE '{zone}' AS DATE)"
    if kind == "VARCHAR":  # the cast alone would cut it in whatever zone it is written
        instant = f"CAST({column} AS TIMESTAMPTZ) AT TIME ZONE '{zone}'"
        return f"CASE WHEN regexp_matches({column}, '{HAS_ZONE}') THEN CAST({instant} AS DATE) ELSE {day} END"
    return day


def sales_expressions(where: str, mapping: Mapping[str, str], found: Mapping[str, str], tz: str) -> dict[str, str]:
    """Return what stands for each of our columns in a sales table with these columns (types by name)."""
    present = AnyCase(found)
    is_ours = is_our_own(found)
    sources = sales_sources(where, {} if is_ours else mapping, present)
    expressions = {ours: "NULL" if name is None else quoted(name) for ours, name in sources.items()}
    for ours in KEY:
        expressions[ours] = text_of(str(sources[ours]), present[str(sources[ours])])
    kind = sources["promo_type"]
    if kind is not None:
        expressions["promo_type"] = text_of(kind, present[kind])
    flag = sources["is_promo"]
    expressions |= flag_of(None if flag is None else quoted(flag), present[flag] if flag else "BOOLEAN")
    name = str(sources["date"])
    date = day_of(name, present[name], tz)
    return {**expressions, "date": date, "day": WITHIN_CALENDAR.format(date=date)}


def is_our_own(found: Mapping[str, str]) -> bool:
    """Return whether a sales table of these columns was made by `load`, which maps a file's names to them."""
    contract, there = set(SALES.column_names), set(found)
    return contract - ADDED_LATER <= there and (BATCH in there or there <= contract)


def declared_sql(where: str, declared: Sequence[Regressor], found: Mapping[str, str]) -> dict[str, str]:
    """Return what the weekly sums select beside all else: the regressors that come from columns of the sales.

    Within a day the mean of a price is that of what was sold, so that it is the same however lines are split.
    """
    sources = declared_sources(where, declared, AnyCase(found), may_lack=is_our_own(found))
    parts: dict[str, list[str]] = {"of_lines": [], "of_days": [], "of_weeks": []}
    for n, (each, column) in enumerate(sources):
        value = "CAST(NULL AS DOUBLE)" if column is None else f"CAST({quoted(column)} AS DOUBLE)"
        parts["of_lines"].append(f"CASE WHEN isfinite({value}) THEN {value} END AS v{n}")
        parts["of_days"].append(f"{_OF_DAYS[each.week].format(n=n)} AS d{n}")
        parts["of_weeks"].append(f"CAST({_OF_WEEKS[each.week].format(n=n)} AS DOUBLE) AS {quoted(each.measure)}")
    return {part: "".join(f",\n        {text}" for text in texts) for part, texts in parts.items()}


def flag_of(column: str | None, kind: str) -> dict[str, str]:
    """Return what stands for the flag of a promotion and for whether it is none that can be read."""
    if column is None:
        return {"is_promo": "FALSE", "is_bad_flag": "FALSE"}
    if kind == "BOOLEAN":
        return {"is_promo": column, "is_bad_flag": "FALSE"}
    if kind == "VARCHAR":
        text = f"lower(trim({column}))"
        yes, no = (", ".join(f"'{word}'" for word in sorted(words)) for words in (YES, {*NO, ""}))
        return {"is_promo": f"{text} IN ({yes})", "is_bad_flag": f"coalesce({text} NOT IN ({yes}, {no}), FALSE)"}
    return {
        "is_promo": f"CAST({column} AS DOUBLE) = 1",
        "is_bad_flag": f"coalesce(CAST({column} AS DOUBLE) NOT IN (0, 1, 'nan'::DOUBLE), FALSE)",
    }


def rows_sql(
    table: Table, part: Table, name: str, present: AnyCase[str], tz: str, since: Limits, until: Limits
) -> tuple[str, list[object]]:
    """Return the query of a table's rows within limits, in key order, and what is bound in it.

    The columns are those of `part`, by the contract.
    """
    limits = [(column, operator, of[column]) for operator, of in ((">=", since), ("<=", until)) for column in of]
    conditions = [f"{quoted(table.column(column).name)} {operator} ?" for column, operator, _ in limits]
    columns = ", ".join(_column_sql(column, present, tz) for column in table.columns)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    order = f"ORDER BY {', '.join(map(quoted, table.key))}" if table.key else ""
    wanted = ", ".join(map(quoted, part.column_names))
    return f"SELECT {wanted} FROM (SELECT {columns} FROM {name}) {where} {order}", [value for _, _, value in limits]


def _column_sql(column: Column, present: AnyCase[str], tz: str) -> str:
    """Return what to select for a column of a contract, from a table with these columns (types by name)."""
    kind = present.get(column.name)
    source = "NULL" if kind is None else quoted(column.name)
    if kind is not None and column.type == "DATE" and _is_instant(kind):
        source = day_of(column.name, kind, tz)
    elif kind is not None and column.type == "TIMESTAMP" and _is_instant(kind):
        source = f"{source} AT TIME ZONE 'UTC'"
    elif column.type == "STRING" and kind is not None and kind.startswith(_NUMBERS):
        source = text_of(column.name, kind)
    return f"{source} AS {quoted(column.name)}"
