#!/usr/bin/env python3
"""Train the models of the combinations in TARGET_COMBINATIONS anew."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.entry.app import main

if __name__ == "__main__":
    sys.exit(main("retrain", __doc__))
