"""The recorder of DEPLOY_TOOLS with more abilities that tests of repeated runs need.

    recorder.py TOOL [the tool's own flags] -- COMMAND

What was created is also listed, not only found by its name; FAIL_ONCE="METHOD REGEX STATUS" refuses the first request
that matches, so that a second run gets through, and FAIL_TEXT is what it says; THINGS names a JSON file of what is
there already, by path. A trigger is ENABLED or PAUSED; to pause or resume it twice is refused, as Google's documents
have it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from pathlib import Path


def load(path: str):
    """Return the tool as a module."""
    spec = importlib.util.spec_from_file_location("gcloud_recorder", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_lists(tool):
    """Give the tool's memory these abilities."""

    class Cloud(tool.Cloud):
        def __init__(self, args):
            super().__init__(args)
            self.once = os.environ.get("FAIL_ONCE", "").split()
            if "THINGS" in os.environ:
                self.things |= json.loads(Path(os.environ["THINGS"]).read_text(encoding="utf-8"))

        def answer(self, method, host, path, query, body):
            if self.once and method == self.once[0] and re.search(self.once[1], host + path):
                status, self.once = int(self.once[2]), []
                return status, tool.error(status, os.environ.get("FAIL_TEXT", "refused once"))
            trigger, _, verb = path.rpartition(":")
            if method == "POST" and verb in ("pause", "resume") and trigger in self.things:
                wanted = {"pause": "PAUSED", "resume": "ENABLED"}[verb]
                if self.things[trigger].get("state", "ENABLED") == wanted:
                    return 400, tool.error(400, f"the job is {wanted} already")
                self.things[trigger] = {**self.things[trigger], "state": wanted}
                return 200, self.things[trigger]
            return super().answer(method, host, path, query, body)

        def plain(self, method, host, key, query, body):
            if method == "POST" and re.search(r"/(alertPolicies|notificationChannels)$", key):
                body = {**body, "name": f"{key.removeprefix('/v3/')}/{len(self.things) + 1}"}
            if method == "POST" and "roleId" in (body or {}):
                body = {**body["role"], "name": f"{key.removeprefix('/v1/')}/{body['roleId']}"}
            status, found = super().plain(method, host, key, query, body)
            name = key.rsplit("/", 1)[-1]
            if method == "GET" and status == 200 and found == {} and name in tool.COLLECTIONS:
                listed = [thing for path, thing in self.things.items() if path.rsplit("/", 1)[0] == key]
                return 200, {name: listed} if listed else {}
            return status, found

    tool.Cloud = Cloud
    return tool


if __name__ == "__main__":
    tool = with_lists(load(sys.argv.pop(1)))
    sys.exit(tool.main())
