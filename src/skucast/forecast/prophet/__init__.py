"""One Prophet model per combination: its settings chosen, fitted, rolled forward with its own predictions as lag."""

import logging

logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)  # else it complains where no library for pictures is
