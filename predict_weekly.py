#!/usr/bin/env python3
"""Forecast the next weeks of every unit / channel / SKU into the forecasts table."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.entry.app import main

if __name__ == "__main__":
    sys.exit(main("predict", __doc__))
