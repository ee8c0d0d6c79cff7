"""Scripts of deploy/ played against a stand-in for Google's APIs that records what gcloud and bq send."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROJECT, REGION = "eztech-442521", "asia-south1"
REPOSITORY = f"/v1/projects/{PROJECT}/locations/{REGION}/repositories/rich-distributor-images"
REGISTRY = f"{REGION}-docker.pkg.dev/{PROJECT}/rich-distributor-images"
TRIGGERS = f"/v1/projects/{PROJECT}/locations/{REGION}/jobs"


@dataclass
class Step:
    """One command: its exit code, what it said, and the requests it sent."""

    code: int
    said: str
    requests: list[dict[str, Any]]

    def sent(self, *methods: str) -> list[dict[str, Any]]:
        """Return the requests of these methods that changed something: no look-ups, no read-only calls."""
        wanted = methods or ("POST", "PUT", "PATCH", "DELETE")
        return [each for each in self.requests if each["method"] in wanted and "IamPolicy" not in each["path"]]

    def body(self, path: str) -> dict[str, Any]:
        """Return the body of the one request to a path that ends so and has a body."""
        [body] = [each["body"] for each in self.requests if each["path"].endswith(path) and each["body"]]
        return body


def digest(image: str, tag: str) -> str:
    """Return the made-up digest of an image."""
    return f"sha256:{(image + tag).encode().hex():0<64}"[: 7 + 64]


def images() -> dict[str, Any]:
    """Return a cloud with the images of two commits and nothing else, by path."""
    there: dict[str, Any] = {REPOSITORY: {"name": REPOSITORY.removeprefix("/v1/"), "format": "DOCKER"}}
    for image in ("predict", "monitor", "retrain"):
        for tag in ("one", "two"):
            package = f"{REPOSITORY}/packages/{image}"
            version = f"{package}/versions/{digest(image, tag)}".removeprefix("/v1/")
            there[f"{package}/tags/{tag}"] = {"name": f"{package}/tags/{tag}".removeprefix("/v1/"), "version": version}
    return there


@contextmanager
def warm_python() -> Iterator[Path]:
    """Have keepers of Google's tools, and return the interpreter that asks them (warm_python.py)."""
    module = Path(__file__).with_name("warm_python.py")
    with tempfile.TemporaryDirectory() as folder:  # not the test's own: what a socket is called may be 107 bytes long
        python = Path(folder) / "python"
        python.write_text(
            f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {str(module.parent)!r})\n"
            f"import warm_python\nwarm_python.ask({folder!r}, {sys.executable!r})\n",
            encoding="utf-8",
        )
        python.chmod(0o755)
        command = [sys.executable, "-S", str(module), folder]
        environment = os.environ | {"PYTHONIOENCODING": "UTF-8"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, env=environment, text=True, **pipes) as keepers:
            assert keepers.stdout.readline() == "ready\n"
            yield python
            keepers.stdin.close()


def play(
    tools: Path,
    folder: Path,
    steps: list[str],
    *,
    fail_once: str = "",
    saying: str = "",
    there: dict[str, Any] | None = None,
    warm: bool = True,
) -> list[Step]:
    """Run the commands one after the other in one cloud, in which `there` is already, or else the images."""
    (folder / "things.json").write_text(json.dumps(images() if there is None else there), encoding="utf-8")
    out = folder / "recorded"
    lines = [
        f"({step}) >{folder}/said-{n} 2>&1; echo $? $(wc -l <{out}/requests.jsonl)" for n, step in enumerate(steps)
    ]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("PROJECT", "REGION")},
        "PYTHON": sys.executable,
        "IMAGE_TAG": "one",
        "GRANT_PAUSE_S": "0",
        "THINGS": str(folder / "things.json"),
        "FAIL_ONCE": fail_once,
        **({"FAIL_TEXT": saying} if saying else {}),
    }
    recorder = [sys.executable, str(Path(__file__).with_name("recorder.py")), str(tools / "gcloud_recorder.py")]
    with warm_python() as python:
        script = "\n".join([f"export CLOUDSDK_PYTHON={python}", *lines] if warm else lines)
        command = [*recorder, "--project", PROJECT, "--out", str(out), "--", "bash", "-c", script]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    requests = [json.loads(line) for line in (out / "requests.jsonl").read_text(encoding="utf-8").splitlines()]
    ends = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    first, found = 0, []
    for number, (code, last) in enumerate(ends):
        said = (folder / f"said-{number}").read_text(encoding="utf-8")
        found.append(Step(code, said, requests[first:last]))
        first = last
    return found


def once(name: str, factory: pytest.TempPathFactory, played: Callable[[Path], list[Step]]) -> list[Step]:
    """Return what was played, by whichever of the test processes came first."""
    shared = factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    kept = shared / f"{name}.pickle"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(played(factory.mktemp(name))))
        return pickle.loads(kept.read_bytes())
