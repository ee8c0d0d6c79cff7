#!/usr/bin/env python3
"""The gate of an image's vulnerabilities; standard library only.

    vulnerabilities.py IMAGE SEVERITY ACCEPTED <LIST        LIST as `gcloud artifacts docker images list-vulnerabilities
                                                            --format=json` gives it; ACCEPTED: NAME DAY WHY a line

Exit 0 if none is as severe as SEVERITY or worse; 1 if one is and is not accepted; 2 if a list cannot be read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

SEVERITIES = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def accepted_of(text: str) -> dict[str, date]:
    """Return the last day of each vulnerability that is accepted.

    Raises:
        ValueError: a line has no name, day and reason.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split(maxsplit=2)
        if not parts or line.startswith("#"):
            continue
        try:
            name, until, _ = parts
            found[name] = date.fromisoformat(until)
        except ValueError:
            raise ValueError(f"line {number}: found {line!r}, expected NAME DAY WHY") from None
    return found


def refused(found: list[dict[str, Any]], least: str, accepted: dict[str, date], today: date) -> Iterator[str]:
    """Yield a line for each vulnerability that must not be there; one whose severity is not said counts as severe."""
    for each in found:
        name = each["noteName"].rsplit("/", 1)[-1]
        severity = each["vulnerability"].get("effectiveSeverity", "SEVERITY_UNSPECIFIED")
        is_severe = severity not in SEVERITIES or SEVERITIES.index(severity) >= SEVERITIES.index(least)
        until = accepted.get(name)
        if is_severe and (until is None or until < today):
            issues = each["vulnerability"].get("packageIssue", [])
            where = ", ".join(sorted({issue["affectedPackage"] for issue in issues if "affectedPackage" in issue}))
            ended = f"; accepted until {until}" if until else ""
            yield f"{severity} {name} in {where or 'a package'}{ended}"


def main(argv: list[str]) -> int:
    """Read the list from standard input, say what is refused and return the exit code."""
    if len(argv) != 3 or argv[1] not in SEVERITIES:
        print(__doc__, file=sys.stderr)
        return 2
    image, least, path = argv
    try:
        accepted = accepted_of(Path(path).read_text(encoding="utf-8"))
        found = json.loads(sys.stdin.read())
        lines = sorted(set(refused(found, least, accepted, datetime.now(UTC).date())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"{image}: the list of vulnerabilities cannot be read: {type(error).__name__} {error}", file=sys.stderr)
        return 2
    for line in lines:
        print(f"{image}: {line}", file=sys.stderr)
    print(f"{image}: {len(found)} known vulnerabilities, {len(lines)} of them {least} or worse and not accepted")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
