"""Proxies that tell the truth where a stand-in does not: they answer as the services do (all found by trying).

`StorageProxy`, in front of fake-gcs-server:

- an upload whose bytes do not fit the checksum sent with them is stored; the service answers 400;
- preconditions count in simple and multipart uploads only; on resumable uploads, copies and deletions they are ignored,
  where the service answers 412. The proxy checks them when the request comes: there are no two at once here;
- `versions=True`, as the client writes it, lists no versions; the service takes both spellings.

`BigQueryProxy`, in front of local-bigquery:

- a table that is just being created can be seen without its columns, and created a second time; with the service it is
  there or not;
- a query that is sent again, with the request id it had before, is refused as known; the service answers it again.

It also lies about byte counts, cost limits and expiration set by DDL; nothing rests on these.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

import google_crc32c
from stand_ins.proxy import Proxy, Request, Response


class StorageProxy(Proxy):
    """In front of fake-gcs-server; tells the truth where that does not."""

    def described(self, request: Request) -> str:
        """Return the decoded path and query; of an upload with the name of its object, which is in the body."""
        path = super().described(request)
        name = _metadata(request).get("name") if _is_upload(request) else None
        return path if name is None else f"{path} {name}"

    def checked(self, request: Request) -> Response | None:
        """Answer 400 to damaged uploads and 412 where the server ignores the precondition."""
        if _is_upload(request) and _is_damaged(request):
            return _error(400, "the checksum does not fit the content")
        wanted = request.query.get("ifGenerationMatch")
        if wanted is None or request.query.get("uploadType") in {"multipart", "media"} or request.method == "GET":
            return None
        return None if self._generation(request) == int(wanted) else _error(412, "conditionNotMet")

    def forward(self, request: Request) -> Response:
        """Spell `versions` as the server knows it."""
        return super().forward(replace(request, target=request.target.replace("versions=True", "versions=true")))

    def _generation(self, request: Request) -> int:
        """Return the generation of the live object that the request would replace or delete, 0 = none."""
        path = urlsplit(request.target).path
        if _is_upload(request):
            name = quote(request.query.get("name") or _metadata(request)["name"], safe="")
            path = f"{path.removeprefix('/upload')}/{name}"
        copied = re.search(r"/(?:rewriteTo|copyTo)(/b/.+)$", path)  # to which the precondition is about
        if copied:
            path = f"/storage/v1{copied[1]}"
        found = super().forward(Request("GET", path, {}, b""))
        return int(json.loads(found.body)["generation"]) if found.status == 200 else 0


class BigQueryProxy(Proxy):
    """In front of local-bigquery; tells the truth where that does not."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self._tables = threading.Lock()
        self._answered: dict[str, Response] = {}

    def forward(self, request: Request) -> Response:
        """Answer a repeated query again; let one request at a time create, drop or look at a table."""
        if request.method == "POST" and re.search(r"/queries(\?|$)", request.target):
            request_id = str(json.loads(request.body).get("requestId"))
            if request_id not in self._answered:
                self._answered[request_id] = super().forward(request)
            return self._answered[request_id]
        if re.search(r"/datasets/[^/]+/tables([/?]|$)", request.target) is None:
            return super().forward(request)
        with self._tables:
            return super().forward(request)


def _error(status: int, reason: str) -> Response:
    error = {"code": status, "message": reason, "errors": [{"reason": reason, "message": reason}]}
    return Response(status, json.dumps({"error": error}).encode(), {"Content-Type": "application/json"})


def _is_upload(request: Request) -> bool:
    return request.method == "POST" and request.target.startswith("/upload/storage/")


def _metadata(request: Request) -> dict[str, Any]:
    """Return what the client says about an object that it uploads."""
    text = _parts(request)[0] if _is_multipart(request) else request.body
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _is_multipart(request: Request) -> bool:
    return request.query.get("uploadType") == "multipart"


def _is_damaged(request: Request) -> bool:
    crc32c = _metadata(request).get("crc32c")
    if not _is_multipart(request) or crc32c is None:
        return False
    return crc32c != base64.b64encode(google_crc32c.Checksum(_parts(request)[1]).digest()).decode()


def _parts(request: Request) -> tuple[bytes, bytes]:
    """Return the two parts of a multipart upload: what is said about the object, and its content."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    found = re.search(r'boundary="?([^";]+)', headers.get("content-type", ""))
    if found is None:
        return b"", b""
    _, first, second, *_ = request.body.split(b"--" + found[1].encode())
    return tuple(part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in (first, second))  # type: ignore[return-value]
