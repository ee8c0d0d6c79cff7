"""A stand-in for Open-Meteo's two APIs: it answers from a function of the day, counts questions, fails on demand.

The shape of its answers is the service's own: lists by variable, units beside them, null where it knows nothing, an
object with a reason where it refuses.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

UNITS = {"temperature_2m_max": "°C", "temperature_2m_min": "°C", "precipitation_sum": "mm", "snowfall_sum": "cm"}
Weather = Callable[[date], tuple[float | None, float | None, float | None, float | None]]


@dataclass(frozen=True)
class Asked:
    """One request: which API, and the parameters."""

    api: str
    query: dict[str, str]


@dataclass(frozen=True)
class Failure:
    """What comes instead of an answer: a status with headers and a body, after a pause, the body in slow pieces."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str | bytes = '{"error": true, "reason": "on demand"}'
    pause_s: float = 0.0
    between_bytes_s: float = 0.0


def mild(_: date) -> tuple[float, float, float, float]:
    """Return the same day every day: 6 to 2 degrees, 1 mm of rain, no snow."""
    return 6.0, 2.0, 1.0, 0.0


class OpenMeteoStandIn:
    """Both APIs on one port of this machine; `today` is the day that it is at every place."""

    def __init__(self, today: date, weather: Weather = mild, utc_offset_s: int = 0) -> None:
        self.today = today
        self.weather = weather
        self.utc_offset_s = utc_offset_s
        self.asked: list[Asked] = []
        self._failures: list[tuple[str, Failure]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        """Address without a path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that switch weather on, and to this server."""
        return {
            "weather": True,
            "weather_climate_years": 1,
            "open_meteo_forecast_url": f"{self.url}/v1/forecast",
            "open_meteo_archive_url": f"{self.url}/v1/archive",
        }

    def fail(self, failure: Failure, times: int = 1, api: str = "") -> None:
        """Answer the next requests (of this API, if named) so."""
        self._failures += [(api, failure)] * times

    def calls(self, api: str) -> list[dict[str, str]]:
        """The parameters of every request to this API."""
        return [asked.query for asked in self.asked if asked.api == api]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> Failure:
        """What is sent back."""
        self.asked.append(asked)
        for place, (api, failure) in enumerate(self._failures):
            if api in ("", asked.api):
                del self._failures[place]
                return failure
        return Failure(body=json.dumps(self.body(*self._range(asked))))

    def body(self, first: date, last: date) -> dict[str, Any]:
        """The object that answers a question about these days."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        values = zip(*map(self.weather, days), strict=True)
        return {
            "utc_offset_seconds": self.utc_offset_s,
            "daily_units": {"time": "iso8601", **UNITS},
            "daily": {"time": [str(day) for day in days], **dict(zip(UNITS, map(list, values), strict=True))},
        }

    def _range(self, asked: Asked) -> tuple[date, date]:
        if asked.api == "archive":
            return date.fromisoformat(asked.query["start_date"]), date.fromisoformat(asked.query["end_date"])
        past, ahead = int(asked.query["past_days"]), int(asked.query["forecast_days"])
        return self.today - timedelta(days=past), self.today + timedelta(days=ahead - 1)


def _handler(stand_in: OpenMeteoStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            found = stand_in.answer(Asked(parts.path.rpartition("/")[2], query))
            time.sleep(found.pause_s)
            body = found.body if isinstance(found.body, bytes) else found.body.encode()
            try:
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in found.headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self._send(body, found.between_bytes_s)
            except ConnectionError:  # the client has given up
                self.close_connection = True

        def _send(self, body: bytes, between_bytes_s: float) -> None:
            for piece in [body] if not between_bytes_s else [body[n : n + 1] for n in range(len(body))]:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(between_bytes_s)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
