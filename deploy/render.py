#!/usr/bin/env python3
"""Files of deploy/ with the settings put in; standard library only.

    render.py file FILE                 ${NAME} becomes the variable; parts for a secret that is not there are left out
    render.py tables FOLDER             a schema for bq per table, and in FOLDER/flags name, partition, cluster, meaning
    render.py bucket FOUND LIFECYCLE    what the bucket, as gcloud describes it, lacks: flags of `gcloud storage buckets
                                        update`, and own-rules if it has other lifecycle rules

Of a job, as `gcloud run jobs describe --format=json` shows it:

    render.py images JOB.json           tab-separated: its image, its commit, the image and commit before, and the newer
                                        ones that were taken back; - where there is none
    render.py release JOB.json          the commit that was deployed last, whether it was taken back or not
    render.py plan back|forward JOB     in words, what the next would do
    render.py back|forward JOB.json     the job as `gcloud run jobs replace` takes it, with the other image

"# if-secret: X" to "# end-if" stays only where the variable X_SECRET_EXISTS is yes.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREVIOUS, NEWER = "skucast/previous", "skucast/newer"
"""Annotations of a job, each an image by digest and its commit: what ran before, or what was taken back."""
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
    from skucast.core.tables.every import TABLES
    from skucast.core.tables.sales import SALES

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


def lacking(bucket: Mapping[str, Any], lifecycle: str) -> list[str]:
    """Return the flags that complete the bucket: versions, one kind of access, no public, and the file's rules.

    `own-rules` stands for rules of the bucket that are other than those of the file; they are not replaced.
    """
    flags = {
        "--versioning": bucket.get("versioning_enabled") is True,
        "--uniform-bucket-level-access": bucket.get("uniform_bucket_level_access") is True,
        "--public-access-prevention": bucket.get("public_access_prevention") == "enforced",
    }
    rules = bucket.get("lifecycle_config") or {}
    flags[f"--lifecycle-file={lifecycle}"] = bool(rules)
    flags["own-rules"] = not rules or rules == _read(lifecycle)
    return [flag for flag, is_there in flags.items() if not is_there]


@dataclass(frozen=True)
class Images:
    """What a job runs, what it ran before, and what was taken back from it: `IMAGE COMMIT` each, or empty."""

    now: str
    previous: str
    newer: str

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Images:
        """Read them from a job."""
        metadata = job["metadata"]
        annotations = metadata.get("annotations", {})
        commit = metadata.get("labels", {}).get("commit", "")
        return cls(f"{_container(job)['image']} {commit}", annotations.get(PREVIOUS, ""), annotations.get(NEWER, ""))

    @property
    def release(self) -> str:
        """The commit that was deployed last."""
        return (self.newer or self.now).partition(" ")[2]

    def plan(self, way: str) -> str:
        """Return in words what going `back` or `forward` means."""
        wanted = self.previous if way == "back" else self.newer
        if wanted:
            return f"{way} to {wanted}"
        if way == "back" and self.newer:
            return f"is back already, at {self.now}"
        return "no earlier image is known; left as it is" if way == "back" else "was not taken back; left as it is"


def moved(job: dict[str, Any], way: str) -> dict[str, Any]:
    """Return the job with the image that it goes `back` or `forward` to, and only what may be sent."""
    images, metadata = Images.of(job), job["metadata"]
    wanted, kept = (images.previous, NEWER) if way == "back" else (images.newer, PREVIOUS)
    image, _, commit = wanted.partition(" ")
    labels = {name: text for name, text in metadata.get("labels", {}).items() if "googleapis.com/" not in name}
    _container(job)["image"] = image
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "metadata": {
            "name": metadata["name"],
            "labels": {**labels, "commit": commit},
            "annotations": {kept: images.now},
        },
        "spec": job["spec"],
    }


def _container(job: Mapping[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = job["spec"]["template"]["spec"]["template"]["spec"]["containers"][0]
    return container


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


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
            print(*lacking(_read(found), lifecycle), sep="\n")
        case ["images", path]:
            images = Images.of(_read(path))
            image, _, commit = images.now.partition(" ")
            print("\t".join(part or "-" for part in (image, commit, images.previous, images.newer)))
        case ["release", path]:
            print(Images.of(_read(path)).release)
        case ["plan", "back" | "forward" as way, path]:
            print(Images.of(_read(path)).plan(way))
        case ["back" | "forward" as way, path]:
            print(json.dumps(moved(_read(path), way)))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
