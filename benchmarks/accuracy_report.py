"""The report: tables in Markdown for the docs, of every contender whose forecasts are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import accuracy_scores as scores
import numpy as np
import pandas as pd
from accuracy_cache import Cache
from accuracy_data import HORIZON, REPORTED
from accuracy_peers import Contender

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- accuracy:start -->", "<!-- accuracy:end -->"
STAND_IN = "mean4"
PUBLISHED = "ours_blend"
"""What the differences are of."""


STEPS = ["step 1", *map(str, range(2, HORIZON + 1))]
ACCURACY = ["WAPE", "90 %", "median", "promotion", "other", *STEPS]
ACCURACY += ["MASE", "bias", "pinball .1", ".9", "80 % interval", "s"]
DIFFERENCES = ["all weeks", "90 %", "promotion", "90 %", "other", "90 %"]


@dataclass(frozen=True)
class Result:
    """One contender on one file: `rows` as `accuracy_scores` wants them; processor seconds of one origin."""

    contender: Contender
    rows: pd.DataFrame
    seconds: float


@dataclass(frozen=True)
class Judged:
    """All contenders on one file, with what is the same for them."""

    cache: Cache
    origins: Sequence[pd.Timestamp]
    results: dict[str, Result]
    scales: pd.Series
    third: pd.Series
    draws: dict[str, scores.Floats]

    @property
    def main(self) -> str:
        """The contender that the others are compared with: ours, and where there is none the best."""
        return PUBLISHED if PUBLISHED in self.results else by_wape(self)[0]


def judged(cache: Cache, contenders: Sequence[Contender], n_origins: int = REPORTED) -> Judged:
    """Score everything that is kept of the first origins of a sample."""
    origins = cache.sample.origins()[:n_origins]
    truth = cache.sample.truth(origins)
    kept = {each.name: (each, found) for each in contenders if (found := cache.read(each, origins)) is not None}
    stand_in = kept[STAND_IN][1]
    results = {}
    for contender, found in kept.values():
        seconds = float(found.groupby("origin")["seconds"].first().median())
        results[contender.name] = Result(contender, scores.scored(truth, found, stand_in), seconds)
    known = cache.sample.given(origins[0]).known
    tables = {name: scores.error_table(each.rows) for name, each in results.items()}
    draws = scores.bootstrap(tables, scores.sold_table(results[STAND_IN].rows))
    return Judged(cache, origins, results, scores.mase_scales(known), scores.thirds(known), draws)


def is_ours(contender: Contender) -> bool:
    """Return whether it is what the product publishes or a part of that."""
    return PUBLISHED in (contender.name, *(contender.part or ()))


def by_wape(file: Judged) -> list[str]:
    """Return the names of all contenders, the one with the least error first."""
    return sorted(file.results, key=lambda name: scores.wape(file.results[name].rows))


def report(files: Sequence[Judged]) -> str:
    """Return the Markdown of all files, and what each contender was given."""
    parts = [line for each in files for line in _of_file(each)]
    shown = {name: result.contender for each in files for name, result in each.results.items()}
    given = ["What each was given beyond the sales up to the origin:", ""]
    given += [f"- **{each.label}**: {each.given}." for each in shown.values()]
    return "\n".join([*parts, *given])


def write(text: str) -> None:
    """Put the report between its markers in the docs."""
    path = ROOT / "docs" / "benchmarks.md"
    page = path.read_text(encoding="utf-8")
    before, after = page.split(START)[0], page.split(END)[1]
    path.write_text(f"{before}{START}\n{text.rstrip()}\n{END}{after}", encoding="utf-8")


def _of_file(file: Judged) -> list[str]:
    sample = file.cache.sample
    origins = file.origins
    known = sample.series
    shares = file.results[STAND_IN].rows["is_promo"].mean()
    head = (
        f"**{sample.name}**: {len(known)} series of {known['unit'].nunique()} whole stores, {len(origins)} origins "
        f"from {origins[0].date()} to {origins[-1].date()}, {HORIZON} weeks each; a promotion in {shares:.0%} of them."
    )
    return [head, "", *_accuracy(file), "", *_differences(file), "", *_coverage(file), "", *_beside_ours(file)]


def _accuracy(file: Judged) -> list[str]:
    """Every contender in a row, the best WAPE first."""
    lines = _head([file.cache.sample.name, *ACCURACY])
    for name in by_wape(file):
        result = file.results[name]
        rows, parts = result.rows, scores.groups(result.rows, file.third)
        low, high = np.quantile(file.draws[name], scores.OUTER)
        steps = [_percent(scores.wape(parts[f"step {step}"])) for step in range(1, HORIZON + 1)]
        cells = [
            f"**{result.contender.label}**" if name == file.main else result.contender.label,
            _percent(scores.wape(rows)),
            f"{_percent(low)} to {_percent(high)}",
            _percent(scores.median_wape(rows)),
            _percent(scores.wape(parts["promotion"])),
            _percent(scores.wape(parts["other weeks"])),
            *steps,
            f"{scores.mase(rows, file.scales):.3f}",
            _bias(rows),
            _percent(scores.pinball(rows, 0.1)),
            _percent(scores.pinball(rows, 0.9)),
            _percent(scores.coverage(rows)),
            "-" if np.isnan(result.seconds) else f"{result.seconds:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _differences(file: Judged) -> list[str]:
    """By how much the best of ours has less or more error than each, with what the bootstrap says."""
    main = file.results[file.main]
    lines = _head([f"{file.cache.sample.name}: error of {main.contender.label} against", *DIFFERENCES])
    tables = {
        kind: {name: scores.error_table(only(each.rows, kind)) for name, each in file.results.items()}
        for kind in ("promotion", "other")
    }
    draws = {"all": file.draws} | {
        kind: scores.bootstrap(of_kind, scores.sold_table(only(main.rows, kind))) for kind, of_kind in tables.items()
    }
    for name in by_wape(file):
        if name == file.main:
            continue
        cells = [file.results[name].contender.label]
        for kind in ("all", "promotion", "other"):
            ours, theirs = (scores.wape(only(file.results[each].rows, kind)) for each in (file.main, name))
            low, high = scores.difference(draws[kind], file.main, name)
            cells += [_signed(ours / theirs - 1), f"{_signed(low)} to {_signed(high)}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _coverage(file: Judged) -> list[str]:
    """The share of weeks inside the 80 % interval, of each contender that has one."""
    names = [name for name in by_wape(file) if not np.isnan(scores.coverage(file.results[name].rows))]
    kinds = list(scores.groups(file.results[STAND_IN].rows, file.third))
    lines = _head([f"{file.cache.sample.name}: inside the 80 % interval", "all", *kinds])
    for name in names:
        rows = file.results[name].rows
        parts = scores.groups(rows, file.third)
        cells = [_percent(scores.coverage(rows)), *(_percent(scores.coverage(parts[kind])) for kind in kinds)]
        lines.append(f"| {file.results[name].contender.label} | {' | '.join(cells)} |")
    return lines


def _beside_ours(file: Judged) -> list[str]:
    """Where a blend is: its error against the best of its components, in every group; nothing without one."""
    components = [name for name, each in file.results.items() if each.contender.part is not None]
    if file.main != PUBLISHED or not components:
        return []
    mine = scores.groups(file.results[file.main].rows, file.third)
    theirs = {name: scores.groups(file.results[name].rows, file.third) for name in components}
    lines = _head(
        [f"{file.cache.sample.name}: blend against the best component in", "WAPE", "best", "its WAPE", "more"]
    )
    for kind, rows in mine.items():
        best = min(components, key=lambda name: scores.wape(theirs[name][kind]))
        ours, least = scores.wape(rows), scores.wape(theirs[best][kind])
        label = file.results[best].contender.label
        lines.append(f"| {kind} | {_percent(ours)} | {label} | {_percent(least)} | {_signed(ours / least - 1)} |")
    return [*lines, ""]


def only(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the rows with what was sold and forecast in other weeks left out; every series and origin stays."""
    if kind == "all":
        return rows
    outside = rows["is_promo"] if kind == "other" else ~rows["is_promo"]
    return rows.assign(y=rows["y"].mask(outside, 0.0), yhat=rows["yhat"].mask(outside, 0.0))


def _head(cells: Sequence[str]) -> list[str]:
    """The first two lines of a table."""
    return [f"| {' | '.join(cells)} |", "|---" * len(cells) + "|"]


def _bias(rows: pd.DataFrame) -> str:
    """The bias of the forecast, and of the expected value beside it where a contender gives one."""
    of_mean = f" (mean {_signed(scores.bias(rows, 'mean'))})" if "mean" in rows and rows["mean"].notna().any() else ""
    return _signed(scores.bias(rows)) + of_mean


def _percent(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%}"


def _signed(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:+.1%}"
