#!/usr/bin/env python3
"""Score stored forecasts against actual sales; write metrics and the dashboard."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.entry.app import main

if __name__ == "__main__":
    sys.exit(main("monitor", __doc__))
