"""What an auditor asks of a build: who vouches for the images, what is in them, which base, which vulnerabilities."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import base_image
import pytest
import sbom
import vulnerabilities
import yaml
from job_table import IMAGES

ROOT = Path(__file__).parents[2]


# --- The builds -----------------------------------------------------------------------------------------------------


def build_of(name: str) -> dict:
    """Return a build's file."""
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_cloud_build_itself_pushes_every_image_and_must_vouch_for_it() -> None:
    """By `images:`, one per image of the table; nothing that a step pushes has provenance."""
    build = build_of("cloudbuild.yaml")
    assert build["images"] == [f"${{_IMAGES}}/{image}:${{_TAG}}" for image in IMAGES]
    assert build["options"]["requestedVerifyOption"] == "VERIFIED"
    assert [step["id"] for step in build["steps"]] == ["build", "sbom", "scan"]
    for name in ("cloudbuild.yaml", "cloudbuild-deploy.yaml"):
        assert "docker push" not in (ROOT / name).read_text(encoding="utf-8")


def test_what_deploys_is_a_build_of_its_own_and_asks_for_provenance() -> None:
    """It builds nothing: what it deploys was there, and vouched for, before it began."""
    build = build_of("cloudbuild-deploy.yaml")
    assert "images" not in build
    assert [step["id"] for step in build["steps"]] == ["check", "deploy"]
    assert "PROVENANCE=required" in build["steps"][-1]["env"]
    assert not any("docker build" in str(step) for step in build["steps"])


def test_the_lists_of_the_images_are_kept(tmp_path: Path) -> None:
    """Where the step writes them the build looks for them."""
    build = build_of("cloudbuild.yaml")
    [step] = [step for step in build["steps"] if step["id"] == "sbom"]
    assert '>"sbom/$$image.cdx.json"' in step["args"][-1]
    assert build["artifacts"]["objects"]["paths"] == ["sbom/*.cdx.json"]


# --- The base -------------------------------------------------------------------------------------------------------


@contextmanager
def registry(manifest: bytes, *, named: str | None = None, wants_token: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Serve one manifest as registries do, after a token; yield the address, and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path.startswith("/token"):
                return self._answer(200, b'{"token": "t"}', {})
            if wants_token and self.headers.get("Authorization") != "Bearer t":
                challenge = f'Bearer realm="http://{place}/token",service="here",scope="repository:library/python:pull"'
                return self._answer(401, b"", {"WWW-Authenticate": challenge})
            digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}" if named is None else named
            return self._answer(200, manifest, {"Docker-Content-Digest": digest})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield place, asked
    finally:
        server.shutdown()
        server.server_close()


def test_the_base_is_asked_of_its_registry_and_written_by_digest(tmp_path: Path, capsys) -> None:
    """The digest is that of the bytes; a second time the tag is asked again."""
    lock = tmp_path / "base.lock"
    with registry(b'{"manifests": []}') as (place, asked):
        lock.write_text(f"# why\n{place}/library/python:3.11-slim\n", encoding="utf-8")
        assert base_image.main(["show"], lock) == 2
        assert "has no digest: run deploy/base_image.py refresh" in capsys.readouterr().err
        assert base_image.main(["refresh"], lock) == base_image.main(["refresh"], lock) == 0
        assert base_image.main(["show"], lock) == 0
    digest = hashlib.sha256(b'{"manifests": []}').hexdigest()
    assert capsys.readouterr().out.split() == [f"{place}/library/python:3.11-slim@sha256:{digest}"] * 3
    assert "/v2/library/python/manifests/3.11-slim" in asked
    assert "/token?service=here&scope=repository%3Alibrary%2Fpython%3Apull" in asked


def test_a_registry_that_contradicts_itself_pins_nothing(tmp_path: Path, capsys) -> None:
    """Nor one that does not answer; the file stays as it was."""
    lock = tmp_path / "base.lock"
    with registry(b"{}", named=f"sha256:{'0' * 64}") as (place, _):
        lock.write_text(f"{place}/python:3.11-slim\n", encoding="utf-8")
        assert base_image.main(["refresh"], lock) == 2
    assert "and its bytes are sha256:44136fa355b3" in capsys.readouterr().err
    assert base_image.main(["refresh"], lock) == 2
    assert "no answer to be used" in capsys.readouterr().err
    assert lock.read_text(encoding="utf-8") == f"{place}/python:3.11-slim\n"


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ("python:3.11-slim", ("https://registry-1.docker.io", "library/python", "3.11-slim")),
        ("bitnami/python:3.11", ("https://registry-1.docker.io", "bitnami/python", "3.11")),
        ("mirror.gcr.io/library/python:3.11", ("https://mirror.gcr.io", "library/python", "3.11")),
        ("localhost:5000/python:3.11", ("http://localhost:5000", "python", "3.11")),
    ],
)
def test_where_an_image_is(image: str, place: tuple[str, str, str]) -> None:
    """As docker reads names: without a host it is Docker Hub, without a folder one of its own images."""
    assert base_image.place_of(image) == place


@pytest.mark.parametrize("image", ["python", "python@sha256:1", "host:5000/python"])
def test_an_image_without_a_tag_is_refused(image: str) -> None:
    """There is nothing to ask the registry for."""
    with pytest.raises(base_image.Refused, match="expected NAME:TAG"):
        base_image.place_of(image)


# --- What is in an image --------------------------------------------------------------------------------------------


STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u14
Description: a library
 Version: not this one

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_packages_of_the_system_are_listed_as_they_are_installed() -> None:
    """With the distribution in their name, as scanners look them up; what is removed is not there."""
    [found] = sbom.of_system(STATUS, 'ID=debian\nVERSION_ID="12"\n')
    assert found["purl"] == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64&distro=debian-12"


def test_the_list_is_a_cyclonedx_document_and_the_same_twice() -> None:
    """Of the Python that runs it; every package once, with a name that is unique in the document."""
    command = [sys.executable, "-", "skucast-predict", "abc"]
    script = (ROOT / "deploy" / "sbom.py").read_text(encoding="utf-8")
    first, second = (
        subprocess.run(command, input=script, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first == second
    found = json.loads(first)
    assert (found["bomFormat"], found["specVersion"], found["version"]) == ("CycloneDX", "1.5", 1)
    assert found["metadata"]["component"]["name"] == "skucast-predict"
    names = {each["purl"].partition("@")[0] for each in found["components"]}
    assert {"pkg:pypi/pandas", "pkg:pypi/google-cloud-bigquery", "pkg:generic/python"} <= names
    assert len({each["bom-ref"] for each in found["components"]}) == len(found["components"])


# --- The gate -------------------------------------------------------------------------------------------------------


def found(name: str, severity: str | None) -> dict:
    """Return one vulnerability as the list has it."""
    about = {"packageIssue": [{"affectedPackage": "openssl"}], **({"effectiveSeverity": severity} if severity else {})}
    return {"noteName": f"projects/goog-vulnz/notes/{name}", "vulnerability": about}


ALL = [found("CVE-1", "CRITICAL"), found("CVE-2", "HIGH"), found("CVE-3", "MEDIUM"), found("CVE-4", None)]


@pytest.mark.parametrize(
    ("least", "accepted", "refused"),
    [
        ("HIGH", {}, ["CVE-1", "CVE-2", "CVE-4"]),
        ("CRITICAL", {}, ["CVE-1", "CVE-4"]),
        ("HIGH", {"CVE-1": date(2026, 11, 28), "CVE-2": date(2026, 11, 27)}, ["CVE-2", "CVE-4"]),
    ],
)
def test_what_is_as_severe_or_worse_ends_the_build(least: str, accepted: dict, refused: list[str]) -> None:
    """Up to its last day an accepted one passes; one whose severity nobody said does not."""
    lines = vulnerabilities.refused(ALL, least, accepted, date(2026, 11, 28))
    assert [line.split()[1] for line in lines] == refused


@pytest.mark.parametrize(
    ("given", "accepted", "code"),
    [
        ("[]", "", 0),
        (json.dumps(ALL[2:3]), "", 0),
        (json.dumps(ALL[:1]), "", 1),
        (json.dumps(ALL[:1]), "CVE-1 2999-01-01 not reachable from a job\n", 0),
        (json.dumps(ALL[:1]), "CVE-1 2020-01-01 it was\n", 1),
        ("", "", 2),
        ('{"error": {}}', "", 2),
        ("[]", "CVE-1 for ever\n", 2),
    ],
)
def test_the_gate_opens_for_a_list_that_was_read_alone(tmp_path: Path, given: str, accepted: str, code: int) -> None:
    """No answer, another answer, or a line without an end: the build ends."""
    path = tmp_path / "accepted.txt"
    path.write_text(accepted, encoding="utf-8")
    command = [sys.executable, str(ROOT / "deploy" / "vulnerabilities.py"), "r/predict:one", "HIGH", str(path)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
