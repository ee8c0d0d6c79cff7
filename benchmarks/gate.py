"""The last look before publishing on real sales: how often it stops a sound week, and which planted faults it stops.

    make bench DATA=folder        # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet
    python benchmarks/gate.py --data folder --keep place        # keeps the replays, and uses those that are there

The thresholds were chosen on the first 26 of 52 weeks; the last 26 are what is reported.
"""

import argparse
import contextlib
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from gate_faults import FAULTS, MATTERS, faults_of
from gate_replay import CHOSEN, N_COMBINATIONS, Replay, replay_of
from real_chain import DATASETS, write_between

from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import KEY
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.weeks import WEEK
from skucast.entry.app import start_run
from skucast.jobs.inputs import read_history
from skucast.runtime.settings import Settings
from skucast.scorecard.gate import DEFAULT_JUMP, Evidence, jumps_of
from skucast.scorecard.gate_sides import known_totals

LIMITS = (0.3, 0.4, DEFAULT_JUMP)
PLANTED = (2, 16)
"""Which of the reported weeks get the faults."""

START, END = "<!-- gate:start -->", "<!-- gate:end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--combinations", type=int, default=N_COMBINATIONS, help="at most so many, of whole units")
    parser.add_argument("--keep", type=Path, help="folder that keeps the replays")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        replays = [replay_of(name, arguments.data, folder, arguments.combinations) for name in DATASETS]
        lines = [*sound_lines(replays), "", *fault_lines(replays, scratch)]
    print("\n".join(lines))
    write_between(START, END, lines)


# --- sound weeks -----------------------------------------------------------------------------------------------------


def sound_lines(replays: list[Replay]) -> list[str]:
    """Return the table of totals that were stopped and listed in weeks as they were."""
    lines = [
        "| data | weeks | " + " | ".join(f"MAX_JUMP {limit:g}: weeks stopped" for limit in LIMITS) + " | listed |",
        "|---|---|" + "---|" * (len(LIMITS) + 1),
    ]
    for replay in replays:
        jumps = dict(judged(replay))
        for name, weeks in (("choice", replay.cutoffs[1:CHOSEN]), ("reported", replay.cutoffs[CHOSEN:])):
            stopped = [sum(any(jump.stops for jump in jumps[week][limit]) for week in weeks) for limit in LIMITS]
            listed = " / ".join(str(sum(len(jumps[week][limit]) for week in weeks)) for limit in LIMITS)
            period = f"{len(weeks)} ({name}), {weeks[0]} to {weeks[-1]}"
            lines.append(f"| {replay.name} | {period} | " + " | ".join(map(str, stopped)) + f" | {listed} |")
    return lines


def judged(replay: Replay):
    """Yield every week but the first with its jumps by limit."""
    replay.use()
    settings = Settings(as_of=replay.cutoffs[-1] + timedelta(days=1))
    warehouse = open_warehouse(settings)
    weeks = read_history(settings, warehouse, start_run("predict", settings)).weeks
    forecasts = warehouse.read(FORECASTS).sort_values("cutoff", kind="stable")
    for cutoff in replay.cutoffs[1:]:
        evidence = evidence_at(cutoff, weeks, forecasts)
        yield cutoff, {limit: jumps_of(evidence, limit) for limit in LIMITS}


def evidence_at(cutoff: date, weeks: pd.DataFrame, forecasts: pd.DataFrame) -> Evidence:
    """Return what the week was judged by when it was made."""
    ds = pd.Timestamp(cutoff)
    known = weeks[weeks["ds"] <= ds]
    earlier = forecasts[(forecasts["cutoff"] < ds) & (forecasts["cutoff"] >= ds - pd.Timedelta(weeks=4))]
    return Evidence(
        forecasts[forecasts["cutoff"] == ds],
        earlier.drop_duplicates([*KEY, "ds"], keep="last", ignore_index=True),
        known,
        cutoff,
        known_totals(known[known["ds"] < ds], cutoff - WEEK),
    )


# --- faults ----------------------------------------------------------------------------------------------------------


def fault_lines(replays: list[Replay], folder: Path) -> list[str]:
    """Return the table of faults: weeks stopped, and what was published of those that were not."""
    found = {}
    for replay in replays:
        weeks = [replay.cutoffs[CHOSEN + place] for place in PLANTED]
        found[replay.name] = faults_of(replay, weeks, folder, print)
    lines = [
        "| fault, planted alone | " + " | ".join(f"{name}: stopped | else published" for name in found) + " |",
        "|---|" + "---|---|" * len(found),
    ]
    for fault in FAULTS:
        cells = [cell for rows in found.values() for cell in cells_of(rows[rows["fault"] == fault.name])]
        lines.append(f"| {fault.name} | " + " | ".join(cells) + " |")
    return lines


def cells_of(rows: pd.DataFrame) -> tuple[str, str]:
    """Weeks stopped, and by how much the forecast of the unit that was hit most was wrong in the others."""
    passed = rows.loc[~rows["stopped"], "change"]
    wrong = "-" if passed.empty else f"{passed.max():.0%}" if passed.max() > MATTERS else "less than 10 %"
    return f"{rows['stopped'].sum()} of {len(rows)}", wrong


if __name__ == "__main__":
    main()
