"""The BigQuery Storage API with faults: forwards to the stand-in's, and breaks streams as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc

CREATE_SESSION, READ_ROWS = "CreateReadSession", "ReadRows"


class FaultyStorageApi:
    """A gRPC server on a free loopback port; close it when done.

    `faults` holds, by method, what its next calls meet: `silent` (no answer, for ever), `cut` (what the stand-in says,
    then the connection is lost) or a status code with a text. Calls beyond the list are forwarded.
    """

    def __init__(self, upstream: str) -> None:
        self.faults: dict[str, list[str | tuple[grpc.StatusCode, str]]] = {CREATE_SESSION: [], READ_ROWS: []}
        self.calls: list[str] = []
        self.stopping = threading.Event()
        self._channel = grpc.insecure_channel(upstream)
        self._server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[_Handler(self)])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        """End all calls."""
        self.stopping.set()
        self._server.stop(None).wait()
        self._channel.close()

    def answer(self, path: str, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Yield the messages of one answer."""
        method = path.rsplit("/", 1)[1]
        self.calls.append(method)
        fault = self.faults[method].pop(0) if self.faults[method] else None
        if fault == "silent":
            self.stopping.wait()
        if isinstance(fault, tuple):
            context.abort(*fault)
        metadata = [(name, value) for name, value in context.invocation_metadata() if name.startswith("x-goog-")]
        yield from self._channel.unary_stream(path)(request, metadata=metadata)
        if fault == "cut":
            context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was lost")


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, api: FaultyStorageApi) -> None:
        self._api = api

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        return grpc.unary_stream_rpc_method_handler(lambda request, context: self._api.answer(path, request, context))
