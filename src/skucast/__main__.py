"""`python -m skucast`: tools beside the four scripts."""

import sys

from skucast.entry.cli import main

sys.exit(main(prog="python -m skucast"))
