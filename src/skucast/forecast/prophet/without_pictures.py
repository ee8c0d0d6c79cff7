"""Prophet may be imported without its libraries for pictures: it would log an error for each."""

import logging

logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
