#!/usr/bin/env python3
"""Train the models of the combinations in TARGET_COMBINATIONS anew."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.runtime.supervising import supervised


def main() -> int:
    """Run the job and return its exit code."""
    from skucast.entry.app import main as run

    return run("retrain", __doc__)


if __name__ == "__main__":
    sys.exit(supervised(main))
