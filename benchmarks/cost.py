"""What a month on Google Cloud costs: seconds and memory of each job as measured here, times prices that you give.

    python benchmarks/cost.py --data folder [--price-cpu 0.000018] [--price-memory 0.000002] ...

Every job is the real script as a process, on the embedded default; sizes are those of deploy/settings.env,
runs those of its schedules, one retraining a week and one bulk training a month. What is not measured here, the start
of a container and the network, is a parameter too.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from real_chain import DATASETS, ROOT, environment_of, origins_of, sample, worst_combination, write_between

sys.path.insert(0, str(ROOT / "deploy"))

from check import read_settings

START, END = "<!-- cost:start -->", "<!-- cost:end -->"
DAYS_A_MONTH = 365.25 / 12
WEEKS_A_MONTH = DAYS_A_MONTH / 7
RUNS_A_MONTH = {
    "PREDICT": WEEKS_A_MONTH,
    "MONITOR": WEEKS_A_MONTH,
    "RETRAIN": WEEKS_A_MONTH,
    "TRAIN": 1.0,
    "FRESHNESS": 3 * DAYS_A_MONTH,
}
KIB_PER_MIB = 1024
LAUNCHER = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""A process counts the memory of the one that it was forked from as its own, so a small one starts it, not this one."""
N_WEEKS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of breakfast_weekly.parquet")
    parser.add_argument("--combinations", type=int, default=525)
    parser.add_argument("--price-cpu", type=float, default=0.000018, help="US dollars per vCPU and second")
    parser.add_argument("--price-memory", type=float, default=0.000002, help="US dollars per GiB and second")
    parser.add_argument("--least-seconds", type=float, default=60, help="that an instance is paid for at least")
    parser.add_argument("--start-seconds", type=float, default=30, help="allowance for start and network, per run")
    arguments = parser.parse_args()
    measured = measure(arguments.data, arguments.combinations)
    lines = table(measured, arguments)
    print("\n".join(lines))
    write_between(START, END, lines, "runbook.md")


def measure(data: Path, n_combinations: int) -> dict[str, tuple[float, float]]:
    """Return seconds of the whole process and MiB of its largest process, by job."""
    origins = origins_of("breakfast")
    last = DATASETS["breakfast"]["last_week"]
    weeks = [last - timedelta(weeks=back) for back in range(N_WEEKS, -1, -1)]
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_of("breakfast", folder)
        sales = sample(data / "breakfast_weekly.parquet", origins[0], n_combinations, Path(folder))
        run(["-m", "skucast", "load", str(sales), "--table", "sales"], environment)
        first, *later = [["--as-of", str(week + timedelta(days=1))] for week in weeks]
        found = {"TRAIN": run(["run_all_skus.py", *first], environment)}
        for as_of in (first, *later):
            found["PREDICT"] = run(["predict_weekly.py", *as_of], environment)
            found["MONITOR"] = run(["monitor_performance.py", *as_of], environment)
        found["FRESHNESS"] = run(["-m", "skucast", "freshness", *later[-1]], environment)
        unit = worst_combination(environment["WAREHOUSE"]).split("/")[0]
        found["RETRAIN"] = run(["retrain_models.py", *later[-1], "--target", f"{unit}/*/*"], environment)
    return found


def run(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run Python with the command; return its seconds and the MiB of the largest of its processes."""
    started = time.perf_counter()
    launched = [sys.executable, "-c", LAUNCHER, sys.executable, *command]
    done = subprocess.run(launched, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
    return time.perf_counter() - started, int(done.stdout.splitlines()[-1]) / KIB_PER_MIB


def table(measured: dict[str, tuple[float, float]], given: argparse.Namespace) -> list[str]:
    """Return the Markdown: a row per job with its arithmetic, and the sum."""
    settings = read_settings((ROOT / "deploy" / "settings.env").read_text(encoding="utf-8"))
    lines = [
        "| job | measured s | largest process, MiB | paid s | runs a month | vCPU | GiB | vCPU s | GiB s | dollars |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    sums = [0.0, 0.0, 0.0]
    for job, times in RUNS_A_MONTH.items():
        seconds, mib = measured[job]
        paid = max(given.least_seconds, seconds + given.start_seconds)
        cpu, gib = int(settings[f"{job}_CPU"]), int(settings[f"{job}_MEMORY"].removesuffix("Gi"))
        cpu_s, gib_s = times * paid * cpu, times * paid * gib
        dollars = cpu_s * given.price_cpu + gib_s * given.price_memory
        sums = [total + part for total, part in zip(sums, (cpu_s, gib_s, dollars), strict=True)]
        lines.append(
            f"| {settings[f'{job}_JOB']} | {seconds:.1f} | {mib:.0f} | {paid:.0f} | {times:.2f} | {cpu} | {gib} | "
            f"{cpu_s:,.0f} | {gib_s:,.0f} | {dollars:.3f} |"
        )
    lines.append(f"| together | | | | | | | {sums[0]:,.0f} | {sums[1]:,.0f} | **{sums[2]:.2f}** |")
    return lines


if __name__ == "__main__":
    main()
