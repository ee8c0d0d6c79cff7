"""One series drawn: what was sold, what was forecast at each origin, its interval, and what the forecast is made of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skucast.api.explaining import explain
from skucast.api.frames import PUBLISHED, check_frame
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.series import ID
from skucast.core.tables.forecasts import COMPONENTS

SHOWN = 3
"""Series that a message names."""

_SOLD, _NUMBER, _BAND = "#444444", "#1f6feb", "rgba(31, 111, 235, 0.18)"


def plot(
    forecasts: pd.DataFrame,
    unique_id: str | None = None,
    *,
    history: pd.DataFrame | None = None,
    model: str = PUBLISHED,
    level: float | None = None,
    components: bool = False,
) -> Any:
    """Return a figure of one series (`plotly.graph_objects.Figure`, the library that draws the dashboard).

    Args:
        forecasts: a long frame of `Forecaster.predict` (one origin) or `cross_validation` (a line for each origin).
        unique_id: which series (default: the only one of the frame).
        history: weeks to draw before and beside them, such as `Forecaster.history`; `y` of the frame is drawn anyway.
        model: whose number is drawn.
        level: the interval around it, percent (default: that of 80 %, where the frame has it).
        components: whether to draw below what the number of the last origin is made of.

    Raises:
        InputError: the frame has several series and none is named, lacks the named one, or has no such model,
            or no such interval.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> weeks = pd.date_range("2026-11-29", periods=2, freq="W")
        >>> known = {"unique_id": "Perm/KA/Tea", "cutoff": "2026-11-22"}
        >>> frame = pd.DataFrame({"ds": weeks, "skucast": [8.0, 9.0]}).assign(**known)
        >>> [trace.name for trace in sk.plot(frame).data]
        ['skucast, 2026-11-22']
    """
    from plotly.subplots import make_subplots

    rows = _of_series(forecasts, unique_id)
    if model not in rows:
        raise InputError(f"plot: no column {model}; found {listed(rows.columns)}")
    if level is not None and not {f"{model}-{side}-{level:g}" for side in ("lo", "hi")} <= set(rows):
        there = ", ".join(str(name) for name in rows if str(name).startswith(f"{model}-lo-")) or "none"
        raise InputError(
            f"plot: no interval of {level:g} % of {model}: ask for it by predict(level=[...]); found {there}"
        )
    level = 80 if level is None else level
    has_parts = components and set(COMPONENTS) <= set(rows)
    figure = make_subplots(rows=2 if has_parts else 1, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    name = str(rows[ID].iloc[0])
    _draw_sold(figure, rows, history, name)
    for cutoff, of_origin in rows.groupby("cutoff", sort=True):
        _draw_origin(figure, of_origin, model, level, pd.Timestamp(str(cutoff)))
    if has_parts:
        _draw_parts(figure, rows[rows["cutoff"] == rows["cutoff"].max()])
    figure.update_layout(title=name, hovermode="x unified", template="plotly_white", barmode="relative")
    figure.update_yaxes(title_text="sales per week", rangemode="tozero", row=1, col=1)
    return figure


def _of_series(frame: pd.DataFrame, unique_id: str | None) -> pd.DataFrame:
    check_frame(frame, "plot")
    missing = [name for name in (ID, "ds", "cutoff") if name not in frame]
    if missing:
        raise InputError(f"plot: no column {', '.join(missing)}; expected a frame of predict or cross_validation")
    names = list(frame[ID].unique())
    if unique_id is None and len(names) != 1:
        raise InputError(
            f"plot: {len(names)} series: name one by unique_id, such as {', '.join(map(str, names[:SHOWN]))}"
        )
    rows = frame[frame[ID].astype("str") == str(names[0] if unique_id is None else unique_id)]
    if not len(rows):
        raise InputError(f"plot: no series {unique_id}; there are {', '.join(map(str, names[:SHOWN]))}")
    return rows.sort_values(["cutoff", "ds"])


def _draw_sold(figure: Any, rows: pd.DataFrame, history: pd.DataFrame | None, name: str) -> None:
    parts = [] if history is None else [history.loc[history[ID] == name, ["ds", "y"]]]
    parts += [rows[["ds", "y"]]] if "y" in rows else []
    if parts:
        sold = pd.concat(parts).dropna().drop_duplicates("ds").sort_values("ds")
        line = {"color": _SOLD, "width": 1.5}
        figure.add_scatter(x=sold["ds"], y=sold["y"], name="sold", mode="lines+markers", line=line, row=1, col=1)


def _draw_origin(figure: Any, rows: pd.DataFrame, model: str, level: float, cutoff: pd.Timestamp) -> None:
    label = f"{model}, {cutoff:%Y-%m-%d}"
    ends = [f"{model}-{side}-{level:g}" for side in ("hi", "lo")]
    if set(ends) <= set(rows):
        for number, (end, side) in enumerate(zip(ends, ("upper", "lower"), strict=True)):
            fill = {"fill": "tonexty", "fillcolor": _BAND} if number else {}
            about = {"name": f"{level:g} %, {side} end", "legendgroup": label, "showlegend": False}
            line = {"width": 0, "color": _NUMBER}
            figure.add_scatter(x=rows["ds"], y=rows[end], mode="lines", line=line, **about, **fill, row=1, col=1)
    line = {"color": _NUMBER, "width": 2}
    about = {"name": label, "legendgroup": label}
    figure.add_scatter(x=rows["ds"], y=rows[model], mode="lines+markers", line=line, **about, row=1, col=1)


def _draw_parts(figure: Any, rows: pd.DataFrame) -> None:
    parts = explain(rows)
    for component, values in parts.groupby("component", sort=False):
        if values["value"].abs().max() > 0:
            figure.add_bar(x=values["ds"], y=values["value"], name=str(component), row=2, col=1)
