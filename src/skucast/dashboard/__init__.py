"""The dashboard: one HTML page that holds its own data, style, script and plotting library, to be opened from disk.

`page_data` turns frames into the page's data; the template, style and script lie beside this file and are inlined here.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from skucast.dashboard.data import page_data

if TYPE_CHECKING:
    from pandas import DataFrame

    from skucast.run import Run

_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})
"""Characters that could end a script element or a line of script; JSON may write them as \\uXXXX inside texts."""


@dataclass(frozen=True)
class Board:
    """What the page shows; every frame may be empty, and the page then says what is missing.

    `metrics` has rows of `tables.METRICS` of one window, `forecasts` rows of `tables.FORECASTS` of the newest cutoff.
    `scored` has one row per cutoff, combination and `ds` with known sales, at most 26 weeks: cutoff, unit, channel,
    SKU_ID, ds, step, y, yhat, yhat_lower, yhat_upper, baseline_last_year (sales per week). `history` has at most 104
    weeks a combination: unit, channel, SKU_ID, ds, y (NaN = unknown), promo_discount_perc (percent, 0 = none).
    """

    run: Run
    actuals_through: date
    metrics: DataFrame
    scored: DataFrame
    forecasts: DataFrame
    history: DataFrame


def render(board: Board) -> str:
    """Return the whole page as HTML; equal boards give equal text."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    script, library = _read("page.js"), _plotly()
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(_read("page.html.j2"))
    return page.render(
        run=board.run,
        actuals_through=board.actuals_through,
        style=Markup(_read("page.css")),
        script=Markup(script),
        script_hashes=[_policy_hash(script.encode()), _policy_hash(library)],
        library=_compressed(library),
        data=Markup(json_for_script(page_data(board))),
    )


def json_for_script(value: object) -> str:
    """Return the value as compact JSON that is safe inside a script element, whatever its texts say."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _plotly() -> bytes:
    return (files("plotly") / "package_data" / "plotly.min.js").read_bytes()


def _compressed(library: bytes) -> str:
    """Return gzip in base64: 2 MB instead of 5 MB; without a time stamp, so that equal input gives equal text."""
    return b64encode(gzip.compress(library, mtime=0)).decode("ascii")


def _policy_hash(script: bytes) -> str:
    """Return the script's name in the page's security policy: only scripts named there may run."""
    return f"sha256-{b64encode(sha256(script).digest()).decode('ascii')}"
