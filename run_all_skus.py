#!/usr/bin/env python3
"""Train a model for every combination in the sales; resumes where it stopped."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from skucast.entry.app import main

if __name__ == "__main__":
    sys.exit(main("train", __doc__))
