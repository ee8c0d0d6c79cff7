"""A stand-in for the API of Cloud Run: it keeps what it is asked, and answers as it is told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class CloudRun(ThreadingHTTPServer):
    """Answers with these statuses, the last one again and again; 0 breaks the connection off without an answer."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.paths: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self) -> None:
        """Answer no more."""
        self.shutdown()
        self.server_close()

    def variables(self, number: int = -1) -> dict[str, str]:
        """Return the variables of a request, by default the last one."""
        [container] = self.bodies[number]["overrides"]["containerOverrides"]
        return {each["name"]: each["value"] for each in container["env"]}


class _Answer(BaseHTTPRequestHandler):
    server: CloudRun

    def do_POST(self) -> None:
        of = self.server
        of.paths.append(self.path)
        of.headers.append(dict(self.headers))
        of.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status = of.statuses.pop(0) if len(of.statuses) > 1 else of.statuses[0]
        if status == 0:
            self.connection.close()
            return
        place = self.path.removeprefix("/v2/").partition("/jobs/")[0]
        name = f"{place}/jobs/retrain-models/executions/again-{len(of.bodies)}"
        said: dict[str, Any] = {"name": "operations/1", "metadata": {"name": name}}
        if status >= 400:
            said = {"error": {"code": status, "message": "Permission 'run.jobs.runWithOverrides' denied"}}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
