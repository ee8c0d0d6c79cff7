#!/usr/bin/env python3
"""Forecast the next weeks of every unit / channel / SKU into the forecasts table."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.runtime.supervising import supervised


def main() -> int:
    """Run the job and return its exit code."""
    from skucast.entry.app import main as run

    return run("predict", __doc__)


if __name__ == "__main__":
    sys.exit(supervised(main))
