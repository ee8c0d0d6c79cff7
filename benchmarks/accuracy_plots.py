"""Plots of the report: WAPE of every contender, and how often the intervals hold."""

from collections.abc import Sequence
from pathlib import Path

import accuracy_scores as scores
import matplotlib as mpl
import numpy as np
from accuracy_report import Judged, by_wape, is_ours

mpl.use("svg")
import matplotlib.pyplot as plt

INK, OURS_COLOUR, OTHERS, GRID = "#1f2933", "#2f6f4f", "#9aa5b1", "#dde2e7"
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "skucast",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GRID,
    "xtick.color": INK,
    "ytick.color": INK,
}
SAID = 3
"""Contenders whose intervals are drawn by group beside ours."""


def draw(files: Sequence[Judged], folder: Path) -> list[Path]:
    """Write both plots and return their paths."""
    with mpl.rc_context(STYLE):
        return [_errors(files, folder / "accuracy-wape.svg"), _intervals(files, folder / "accuracy-intervals.svg")]


def _errors(files: Sequence[Judged], path: Path) -> Path:
    """A dot per contender with what 90 % of the bootstrap's draws hold, the best at the top."""
    most = max(len(file.results) for file in files)
    figure, axes = plt.subplots(1, len(files), figsize=(4.8 * len(files), 0.8 + 0.24 * most), squeeze=False)
    for file, axis in zip(files, axes[0], strict=True):
        names = by_wape(file)[::-1]
        for place, name in enumerate(names):
            colour = OURS_COLOUR if is_ours(file.results[name].contender) else OTHERS
            low, high = 100 * np.quantile(file.draws[name], scores.OUTER)
            axis.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="round")
            axis.plot(100 * scores.wape(file.results[name].rows), place, "o", color=colour, markersize=5)
        axis.set_yticks(range(len(names)), [file.results[name].contender.label for name in names])
        axis.set_title(f"{file.cache.sample.name}: WAPE, %", fontsize=9, loc="left")
        _plain(axis)
    return _saved(figure, path)


def _intervals(files: Sequence[Judged], path: Path) -> Path:
    """The share of weeks inside the 80 % interval by group, of ours and the best others that have one."""
    figure, axes = plt.subplots(1, len(files), figsize=(4.8 * len(files), 3.2), squeeze=False)
    for file, axis in zip(files, axes[0], strict=True):
        others = _others(file)[:SAID]
        axis.axvspan(78, 82, color=GRID, linewidth=0)
        for name, marker in zip([file.main, *others], "os^D", strict=False):
            parts = scores.groups(file.results[name].rows, file.third)
            values = [100 * scores.coverage(part) for part in parts.values()]
            colour = OURS_COLOUR if name == file.main else OTHERS
            label = file.results[name].contender.label
            axis.plot(values, range(len(values)), marker, color=colour, markersize=5, label=label)
            axis.set_yticks(range(len(values)), list(parts))
        axis.invert_yaxis()
        axis.set_title(f"{file.cache.sample.name}: weeks inside the 80 % interval, %", fontsize=9, loc="left")
        axis.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
        _plain(axis)
    return _saved(figure, path)


def _others(file: Judged) -> list[str]:
    """Contenders that have an interval, the best of each kind: what its label says before a comma."""
    kinds: dict[str, str] = {}
    for name in by_wape(file):
        result = file.results[name]
        if name != file.main and not is_ours(result.contender) and not np.isnan(scores.coverage(result.rows)):
            kinds.setdefault(result.contender.label.split(",")[0], name)
    return list(kinds.values())


def _plain(axis: plt.Axes) -> None:
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(length=0)
    axis.grid(axis="x", color=GRID, linewidth=0.6)
    axis.set_axisbelow(True)


def _saved(figure: plt.Figure, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    plt.close(figure)
    return path
