"""Accuracy beside the field: all contenders get the same of whole stores of real sales; a table and plots for the docs.

    make bench-accuracy DATA=folder       # the folder holds breakfast_weekly.parquet and walmart_weekly.parquet

The last 24 weeks, forecast from six origins four weeks apart; promotions (discount and days) and holidays of the weeks
to come are known to all. Forecasts are kept in `--cache` as they are made, so that contenders can be run one by one
(`--run`), each where its packages are, and a run that was stopped goes on; `--report` scores what is kept.
"""

import argparse
from pathlib import Path

from accuracy_autogluon import autogluon
from accuracy_cache import Cache
from accuracy_data import ANCHORS, REPORTED, sample_of
from accuracy_peers import Contender, peers
from accuracy_prophets import prophets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the two Parquet files")
    parser.add_argument("--cache", type=Path, default=Path("local/bench-accuracy"), help="folder of kept forecasts")
    parser.add_argument("--series", type=int, default=500, help="whole stores, until there are so many series")
    parser.add_argument("--only", choices=sorted(ANCHORS), help="one of the two files")
    parser.add_argument(
        "--run", nargs="*", default=[], metavar="NAME", help="contenders; `peers` or `ours`: all of them"
    )
    parser.add_argument("--again", action="store_true", help="forecast anew what is kept")
    parser.add_argument("--report", action="store_true", help="score what is kept")
    parser.add_argument(
        "--origins", type=int, default=REPORTED, help="score only the first so many: while a run goes on"
    )
    parser.add_argument("--write", action="store_true", help="with --report: into docs/benchmarks.md and docs/img")
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(ANCHORS)
    caches = [Cache(arguments.cache, sample_of(name, arguments.data, arguments.series)) for name in names]
    for cache in caches:
        run(cache, arguments.run, again=arguments.again)
    if arguments.report:
        report(caches, arguments.origins, write=arguments.write)


def run(cache: Cache, names: list[str], *, again: bool) -> None:
    """Let these contenders forecast; AutoGluon only by its name, where it is installed."""
    for name in names:
        of_group = _ours(cache) if name.startswith("ours") else _others()
        for contender in of_group:
            is_of_all = name in ("ours", "peers") and contender.name != "autogluon"
            if contender.part is None and (is_of_all or name == contender.name):
                cache.fill(contender, cache.sample.origins(), again=again)


def _others() -> list[Contender]:
    return [*peers(), *prophets(), autogluon()]


def _ours(cache: Cache) -> list[Contender]:
    from accuracy_chain import ours  # the product is not in the environment of the others

    return ours(cache.folder)


def report(caches: list[Cache], n_origins: int, *, write: bool) -> None:
    """Score what is kept of all contenders; into the docs, or on the screen alone."""
    import accuracy_report

    files = [accuracy_report.judged(cache, [*_others(), *_ours(cache)], n_origins) for cache in caches]
    text = accuracy_report.report(files)
    print(text)
    if write:
        from accuracy_plots import draw

        accuracy_report.write(text)
        draw(files, accuracy_report.ROOT / "docs" / "img")


if __name__ == "__main__":
    main()
