"""Sales lines as the source delivers them: the pieces of a day in one to three lines, returns, stock, odd spellings."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.sales import DELIVERED
from skucast.entry.demo.demand import (
    Flags,
    Floats,
    Ints,
    Series,
    daily_demand,
    dates_of,
    days_of,
    days_without_stock,
    discounts,
)
from skucast.entry.demo.planted import CHANNELS, N_COMBINATIONS, UNITS, Restatement, combinations, number_of

_MAX_LINES = 3
_TWO_LINES_ABOVE, _THREE_LINES_ABOVE = 0.45, 0.85
_RETURN_DAY_SHARE = 0.022  # of selling days: about 1 % of lines, because a day has about two
_MOST_RETURNED = 0.3  # of the day's pieces
_STOCK_KNOWN_SHARE = 0.7  # of selling days
_ODD_SPELLING_SHARE = 0.03  # of lines, for each of the two odd spellings
_SPELLINGS = 3


class Span(NamedTuple):
    """Days from `first` to `last` as ordinals, both included."""

    first: int
    last: int

    @property
    def weeks(self) -> range:
        """Weeks that the days touch; week 0 begins with ordinal 1, a Monday."""
        return range((self.first - 1) // 7, (self.last - 1) // 7 + 1)


class Lines(NamedTuple):
    """Sales lines as columns: days as ordinals, `name` the row of `_names`."""

    arrives: Ints
    day: Ints
    name: Ints
    quantity: Floats
    discount: Floats
    stock: Floats


def combination_lines(series: Series, span: Span) -> Lines:
    """Return what is sold of the combination on these days."""
    discount, no_stock = discounts(series), days_without_stock(series)
    sold = np.floor(daily_demand(series) + series.uniforms("rounding", 7))  # right on average, also for a piece a week
    quantity, present = _split(series, sold, no_stock)
    present &= ((series.days >= span.first) & (series.days <= span.last))[:, :, None]
    day = np.broadcast_to(series.days[:, :, None], present.shape)[present]
    promoted = np.where((quantity > 0) & (discount > 0)[:, :, None], discount[:, :, None], np.nan)
    return Lines(
        arrives=day,
        day=day,
        name=_spelling(series)[present] + number_of(series.combination) * _SPELLINGS,
        quantity=quantity[present],
        discount=promoted[present],
        stock=_stock(series, sold, no_stock)[present],
    )


def placeholder_lines(span: Span) -> Lines:
    """Return one placeholder row on every Sunday: without any key and quantity, or without an article and 0 pieces."""
    sundays = days_of(span.weeks)[:, 6]
    sundays = sundays[(sundays >= span.first) & (sundays <= span.last)]
    kind = sundays // 7 % 2
    null = np.full(len(sundays), np.nan)
    name = N_COMBINATIONS * _SPELLINGS + kind
    return Lines(sundays, sundays, name, np.where(kind == 0, np.nan, 0.0), null, null)


def restated_lines(restatements: Sequence[Restatement]) -> Lines:
    """Return the corrections, each a line of its own about an older day."""
    null = np.full(len(restatements), np.nan)
    return Lines(
        arrives=np.array([item.arrives.toordinal() for item in restatements], dtype=np.int64),
        day=np.array([item.day.toordinal() for item in restatements], dtype=np.int64),
        name=np.array([number_of(item.combination) * _SPELLINGS for item in restatements], dtype=np.int64),
        quantity=np.array([item.quantity for item in restatements], dtype=np.float64),
        discount=null,
        stock=null,
    )


def frame_of(blocks: Sequence[Lines]) -> pd.DataFrame:
    """Return the lines as the contract wants them, by day of arrival; one day's lines keep their order."""
    lines = Lines(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
    order = np.argsort(lines.arrives, kind="stable")
    columns = {
        "date": dates_of(lines.day[order]).astype("datetime64[us]"),
        **{key: names.take(lines.name[order]) for key, names in _names().items()},
        "quantity": lines.quantity[order],
        "Promo_discount_perc": lines.discount[order],
        "stock": lines.stock[order],
    }
    return pd.DataFrame(columns)[[name for name in DELIVERED if name in columns]]


def _names() -> dict[str, pd.api.extensions.ExtensionArray]:
    """Return unit, channel and article by number: three spellings of every combination, then two placeholders."""
    rows: list[tuple[str | None, str | None, str | None]] = []
    for unit, channel, sku_id in (combination.parts for combination in combinations()):
        decomposed = unicodedata.normalize("NFD", unit)
        rows += [(unit, channel, sku_id), (unit, channel, f"{sku_id} "), (decomposed, channel, sku_id)]
    rows += [(None, None, None), (UNITS[0], CHANNELS[0], None)]
    return {key: pd.array([row[place] for row in rows], dtype="str") for place, key in enumerate(KEY)}


def _split(series: Series, sold: Floats, no_stock: Flags) -> tuple[Floats, Flags]:
    """Return each day's pieces as lines, and which lines there are: week x day x (up to three sales, one return).

    Sales lines hold a piece or more and add up to the day; a day without stock has one line of 0 pieces.
    """
    draws = series.uniforms("lines", 7 * (_MAX_LINES + 3)).reshape(-1, 7, _MAX_LINES + 3)
    count, sizes, returned, portion = draws[..., 0], draws[..., 1 : _MAX_LINES + 1], draws[..., -2], draws[..., -1]
    wanted = 1 + (count > _TWO_LINES_ABOVE) + (count > _THREE_LINES_ABOVE)
    n_lines = np.minimum(wanted, sold)[..., None]
    present = np.arange(_MAX_LINES) < n_lines
    weights = np.where(present, 0.2 + sizes, 0.0)
    total = np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)  # days without lines: no division by 0
    pieces = np.where(present, 1 + np.floor((sold[..., None] - n_lines) * weights / total), 0.0)
    pieces[..., 0] += sold - pieces.sum(axis=-1)
    present[..., 0] |= no_stock
    back = np.where(returned < _RETURN_DAY_SHARE, np.floor(_MOST_RETURNED * sold * portion), 0.0)[..., None]
    return np.concatenate([pieces, -back], axis=-1), np.concatenate([present, back > 0], axis=-1)


def _stock(series: Series, sold: Floats, no_stock: Flags) -> Floats:
    """Return the stock of each line: known on most days' first line of every fourth combination, else NULL."""
    stock = np.full((*sold.shape, _MAX_LINES + 1), np.nan)
    watched = {stock_out.combination for stock_out in series.truth.stock_outs}
    if number_of(series.combination) % 4 == 0 or series.combination in watched:
        known, cover = np.moveaxis(series.uniforms("stock", 14).reshape(-1, 7, 2), -1, 0)
        left = np.where(known < _STOCK_KNOWN_SHARE, 1 + np.floor(sold * (1 + 4 * cover)), np.nan)
        stock[..., 0] = np.where(no_stock, 0.0, left)
    return stock


def _spelling(series: Series) -> Ints:
    """Return the spelling of each line: 0 as usual, 1 with a trailing space, 2 decomposed (NFD)."""
    shape = (len(series.weeks), 7, _MAX_LINES + 1)
    if series.combination != series.truth.two_spellings:
        return np.zeros(shape, dtype=np.int64)
    draws = series.uniforms("spelling", 7 * (_MAX_LINES + 1)).reshape(shape)
    return (draws < 2 * _ODD_SPELLING_SHARE).astype(np.int64) + (draws < _ODD_SPELLING_SHARE)
