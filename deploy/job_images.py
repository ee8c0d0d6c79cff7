#!/usr/bin/env python3
"""Which image a job runs, which it ran before, and the job with the other one; standard library only.

Of a job, as `gcloud run jobs describe --format=json` shows it:

    job_images.py images JOB.json           tab-separated: its image, its commit, the image and commit before, and the
                                            newer ones that were taken back; - where there is none
    job_images.py release JOB.json          the commit that was deployed last, whether it was taken back or not
    job_images.py plan back|forward JOB     in words, what the next would do
    job_images.py back|forward JOB.json     the job as `gcloud run jobs replace` takes it, with the other image
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = "run.googleapis.com/binary-authorization"
"""What else of a job's own annotations is sent back, with all that begin so."""

PREVIOUS, NEWER = "skucast/previous", "skucast/newer"
"""Annotations of a job, each an image by digest and its commit: what ran before, or what was taken back."""


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
    others = {name: text for name, text in metadata.get("annotations", {}).items() if name.startswith(KEPT)}
    _container(job)["image"] = image
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "metadata": {
            "name": metadata["name"],
            "labels": {**labels, "commit": commit},
            "annotations": {**others, kept: images.now},
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
