#!/usr/bin/env python3
"""Train a model for every combination in the sales; resumes where it stopped."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.runtime.supervising import supervised


def main() -> int:
    """Run the job and return its exit code."""
    from skucast.entry.app import main as run

    return run("train", __doc__)


if __name__ == "__main__":
    sys.exit(supervised(main))
