#!/usr/bin/env python3
"""Files of deploy/ with the settings put in; standard library only.

    render.py file FILE                 ${NAME} becomes the variable; parts for a secret that is not there are left out
    render.py tables FOLDER             a schema for bq per table, and in FOLDER/flags name, partition, cluster, meaning
    render.py bucket FOUND LIFECYCLE    exit 0 if the bucket, as gcloud describes it, is as setup.sh makes it, else 1
    render.py image JOB.json            the image of a job, as `gcloud run jobs describe --format=json` shows it
    render.py previous JOB.json         the image before it, empty if none is known
    render.py swap JOB.json             the job as `gcloud run jobs replace` takes it, with these two exchanged

"# if-secret: X" to "# end-if" stays only where the variable X_SECRET_EXISTS is yes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PREVIOUS = "skucast/previous-image"
CONDITIONAL = re.compile(r"^ *# if-secret: (\w+)\n(.*?)^ *# end-if\n", re.MULTILINE | re.DOTALL)
PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
"""Ours are in capitals; ${resource.label.job_name} in an alert is for Cloud Monitoring."""


class UnknownName(Exception):
    """The file asks for a setting that nobody has set."""


def render(text: str, settings: Mapping[str, str]) -> str:
    """Return the text with the settings put in.

    Raises:
        UnknownName: a placeholder without a setting.
    """

    def kept(found: re.Match[str]) -> str:
        return found[2] if settings.get(f"{found[1]}_SECRET_EXISTS") == "yes" else ""

    def value(found: re.Match[str]) -> str:
        if found[1] not in settings:
            raise UnknownName(f"${{{found[1]}}}: there is no such setting")
        return settings[found[1]]

    return PLACEHOLDER.sub(value, CONDITIONAL.sub(kept, text))


def write_tables(folder: Path) -> None:
    """Write FOLDER/NAME.json, a schema, per table of the contracts but the sales, and FOLDER/flags for `bq mk`."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
    from skucast.tables import SALES, TABLES

    flags = []
    for table in TABLES:
        if table is SALES:
            continue
        schema = [
            {
                "name": column.name,
                "type": column.type,
                "mode": "NULLABLE" if column.nullable else "REQUIRED",
                "description": f"{column.meaning} ({column.unit})",
            }
            for column in table.columns
        ]
        (folder / f"{table.name}.json").write_text(json.dumps(schema, ensure_ascii=False), encoding="utf-8")
        is_by_day = table.partition is not None and table.column(table.partition).type == "DATE"
        flags.append(
            "\x1f".join((table.name, table.partition if is_by_day else "", ",".join(table.cluster[:4]), table.meaning))
        )
    (folder / "flags").write_text("\n".join(flags) + "\n", encoding="utf-8")


def is_as_wanted(bucket: Mapping[str, Any], lifecycle: Mapping[str, Any]) -> bool:
    """Return whether the bucket has versions, one kind of access, no public and these rules."""
    return (
        bucket.get("versioning_enabled") is True
        and bucket.get("uniform_bucket_level_access") is True
        and bucket.get("public_access_prevention") == "enforced"
        and bucket.get("lifecycle_config") == lifecycle
    )


def image_of(job: Mapping[str, Any]) -> str:
    """Return the image that the job runs."""
    image: str = _container(job)["image"]
    return image


def previous_of(job: Mapping[str, Any]) -> str:
    """Return the image that it ran before, empty if none is known."""
    previous: str = job["metadata"].get("annotations", {}).get(PREVIOUS, "")
    return previous


def swapped(job: dict[str, Any]) -> dict[str, Any]:
    """Return the job with the two images exchanged, and only what may be sent."""
    metadata = job["metadata"]
    annotations = {PREVIOUS: image_of(job)}
    labels = {name: text for name, text in metadata.get("labels", {}).items() if "googleapis.com/" not in name}
    labels.pop("commit", None)  # it was that of the image which is taken out
    _container(job)["image"] = previous_of(job)
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "metadata": {"name": metadata["name"], "labels": labels, "annotations": annotations},
        "spec": job["spec"],
    }


def _container(job: Mapping[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = job["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]
    return container


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    match argv:
        case ["file", path]:
            try:
                sys.stdout.write(render(Path(path).read_text(encoding="utf-8"), os.environ))
            except UnknownName as error:
                print(f"{path}: {error}", file=sys.stderr)
                return 2
        case ["tables", folder]:
            write_tables(Path(folder))
        case ["bucket", found, lifecycle]:
            bucket, rules = (json.loads(Path(path).read_text(encoding="utf-8")) for path in (found, lifecycle))
            return 0 if is_as_wanted(bucket, rules) else 1
        case ["image" | "previous" | "swap" as what, path]:
            job = json.loads(Path(path).read_text(encoding="utf-8"))
            print(
                {"image": image_of, "previous": previous_of}[what](job) if what != "swap" else json.dumps(swapped(job))
            )
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
