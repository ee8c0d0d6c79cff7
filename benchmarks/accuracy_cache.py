"""Forecasts kept as they are made, a file per contender and origin, so that a run goes on where one stopped."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy_data import Sample
from accuracy_peers import Contender


class Cache:
    """Forecasts of one sample: `FOLDER/NAME-N-DIGEST/CONTENDER/ORIGIN.parquet`, and processor seconds."""

    def __init__(self, folder: Path, sample: Sample):
        self.folder = folder / f"{sample.name}-{len(sample.series)}-{sample.digest}"
        self.sample = sample

    def path(self, name: str, origin: pd.Timestamp) -> Path:
        return self.folder / name / f"{origin.date()}.parquet"

    def fill(self, contender: Contender, origins: Sequence[pd.Timestamp], *, again: bool = False) -> None:
        """Let the contender forecast at every origin that is not kept yet."""
        for origin in origins:
            path = self.path(contender.name, origin)
            if path.exists() and not again:
                continue
            given = self.sample.given(origin)
            before = os.times()
            found = contender.run(given)
            seconds = processor_seconds(before, os.times())
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            found.assign(seconds=seconds).to_parquet(part, index=False)
            part.replace(path)
            print(f"{self.sample.name} {contender.name} {origin.date()}: {seconds:.1f} s", flush=True)

    def read(self, contender: Contender, origins: Sequence[pd.Timestamp]) -> pd.DataFrame | None:
        """Return a contender's forecasts at these origins, with `origin` and `seconds` (of all of the origin).

        None where some are not kept. A part of another contender has no interval and no seconds.
        """
        name, column = contender.part or (contender.name, "yhat")
        paths = [self.path(name, origin) for origin in origins]
        if not all(path.exists() for path in paths):
            return None
        parts = [pd.read_parquet(path).assign(origin=origin) for path, origin in zip(paths, origins, strict=True)]
        rows = pd.concat(parts, ignore_index=True)
        if contender.part is None:
            return rows
        nothing = dict.fromkeys(("lower", "upper", "mean", "seconds"), np.nan)
        return rows.assign(yhat=rows[column], **nothing) if column in rows else None


def processor_seconds(before: os.times_result, after: os.times_result) -> float:
    """Return what this process and those that it started have worked: other work on the machine counts for nothing."""
    return sum(after[:4]) - sum(before[:4])
