"""What the engine gains: fits, posteriors, predictions, tuning and whole processes beside Prophet's own; for the docs.

    make bench DATA=folder     # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet

Every row compares two things in one run on one machine. Where Prophet's side would take hours it is measured on a part
and scaled; the row says so.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from engine_bench import Bench
from engine_fits import fits, posteriors
from engine_predictions import predictions, size
from engine_tuning import peers, tuning
from real_chain import write_between
from threadpoolctl import threadpool_limits

START, END = "<!-- engine:start -->", "<!-- engine:end -->"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--combinations", type=int, default=525)
    parser.add_argument("--only", nargs="*", help="names of parts (prints, leaves the docs alone)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments.data, arguments.combinations, Path(folder))
        with threadpool_limits(limits=1):  # the processes it starts pin their own
            rows = [row for name, part in PARTS.items() if name in (arguments.only or PARTS) for row in part(bench)]
    lines = ["| what | ours | beside it | ratio |", "|---|---|---|---|", *rows]
    print("\n".join(lines))
    if not arguments.only:
        write_between(START, END, lines)


PARTS: dict[str, Callable[[Bench], Iterator[str]]] = {
    "fits": fits,
    "posteriors": posteriors,
    "predictions": predictions,
    "size": size,
    "tuning": tuning,
    "peers": peers,
}


if __name__ == "__main__":
    main()
