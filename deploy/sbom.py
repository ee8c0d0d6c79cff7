#!/usr/bin/env python3
"""What is in an image, as CycloneDX (JSON, 1.5): Python's packages, those of the system, Python itself.

    docker run --rm -i --network=none --entrypoint=python IMAGE - NAME VERSION <deploy/sbom.py >NAME.cdx.json

Run by the image's own Python, so that it sees what the job sees; standard library only. The same image, the same bytes.
"""

from __future__ import annotations

import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

DPKG, RELEASE = Path("/var/lib/dpkg/status"), Path("/etc/os-release")
Component = dict[str, object]


def of_python(paths: list[str]) -> Iterator[Component]:
    """Yield the distributions that can be imported from there, each once."""
    for each in distributions(path=paths):
        name, version = each.metadata["Name"], each.version
        purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{quote(version)}"
        license_ = each.metadata.get("License-Expression")
        yield _component("library", name, version, purl, [{"expression": license_}] if license_ else [])


def of_system(status: str, release: str) -> Iterator[Component]:
    """Yield the packages that dpkg has installed."""
    system = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', release, re.MULTILINE))
    origin = system.get("ID", "debian")
    distro = f"{origin}-{system['VERSION_ID']}" if "VERSION_ID" in system else origin
    for block in status.split("\n\n"):
        field = dict(re.findall(r"^(\S+): (.*)$", block, re.MULTILINE))
        if field.get("Status") == "install ok installed":
            name, version = field["Package"], field["Version"]
            purl = (
                f"pkg:deb/{origin}/{quote(name)}@{quote(version)}?arch={field['Architecture']}&distro={quote(distro)}"
            )
            yield _component("library", name, version, purl, [])


def _component(kind: str, name: str, version: str, purl: str, licenses: list[dict[str, str]]) -> Component:
    found: Component = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return {**found, "licenses": licenses} if licenses else found


def bom(name: str, version: str, components: list[Component]) -> dict[str, object]:
    """Return the document; its serial number is that of its content."""
    unique = {str(each["purl"]): each for each in components}
    ordered = [unique[purl] for purl in sorted(unique)]
    about = {"type": "container", "bom-ref": name, "name": name, "version": version}
    content = json.dumps([about, ordered], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": about, "tools": [{"name": "skucast deploy/sbom.py"}]},
        "components": ordered,
    }


def main(argv: list[str]) -> int:
    """Write the document of the running image to standard output and return the exit code."""
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    beside = f"{sys.base_prefix}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    python = platform.python_version()
    components = [_component("platform", "python", python, f"pkg:generic/python@{python}", [])]
    components += of_python([*sys.path, beside])
    texts = [path.read_text(encoding="utf-8") if path.is_file() else "" for path in (DPKG, RELEASE)]
    components += of_system(*texts)
    print(json.dumps(bom(*argv, components), indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
