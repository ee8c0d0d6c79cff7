"""What a column of a table keeps as JSON: others may have changed it, and a record that is broken is none."""

from __future__ import annotations

import json
from typing import Any


def kept_object(text: object) -> dict[str, Any]:
    """Return the object that the text is; an empty one where it is missing, or no object in JSON any more."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
