#!/usr/bin/env python3
"""Score stored forecasts against actual sales; write metrics and the dashboard."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.runtime.supervising import supervised


def main() -> int:
    """Run the job and return its exit code."""
    from skucast.entry.app import main as run

    return run("monitor", __doc__)


if __name__ == "__main__":
    sys.exit(supervised(main))
