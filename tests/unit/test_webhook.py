"""The webhook: what it is sent, how often it is tried, and that its address is never said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from skucast.backends import webhook
from skucast.backends.webhook import MAX_CHARACTERS, TRIES, WebhookError, post


class Chat(ThreadingHTTPServer):
    """A server that keeps what it is sent and answers with these statuses, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[dict[str, str]] = []
        super().__init__(("127.0.0.1", 0), Answer)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/T0/SECRET"


class Answer(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.bodies.append(json.loads(self.rfile.read(length)))
        left = self.server.statuses
        self.send_response(left.pop(0) if len(left) > 1 else left[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "PAUSE_S", 0.0)


@pytest.fixture
def chat() -> Iterator[Chat]:
    """Return a server that takes everything."""
    server = Chat(200)
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_message_is_one_json_text(chat: Chat) -> None:
    """As Slack takes it; Cyrillic and line breaks arrive, and no more characters than it keeps."""
    post(chat.url, "Пермь\nдва")
    post(chat.url, "x" * (MAX_CHARACTERS + 1))
    assert chat.bodies[0] == {"text": "Пермь\nдва"}
    assert len(chat.bodies[1]["text"]) == MAX_CHARACTERS


@pytest.mark.slow
def test_a_name_mentions_nobody(chat: Chat) -> None:
    """What Slack reads as a mention or a link is sent escaped, and shown as the text that it is."""
    post(chat.url, "Пермь/KA/<!channel> & 'co'")
    assert chat.bodies[0] == {"text": "Пермь/KA/&lt;!channel&gt; &amp; 'co'"}


@pytest.mark.slow
def test_a_passing_failure_is_tried_again(chat: Chat) -> None:
    """Twice 503, then fine: three messages, no error."""
    chat.statuses[:] = [503, 503, 200]
    post(chat.url, "text")
    assert len(chat.bodies) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("status", "tries"), [(503, TRIES), (404, 1), (302, 1)])
def test_what_is_not_taken_is_an_error_without_the_address(chat: Chat, status: int, tries: int) -> None:
    """Tried no more than three times, a refusal once; a redirect is not followed."""
    chat.statuses[:] = [status]
    with pytest.raises(WebhookError) as caught:
        post(chat.url, "text")
    assert len(chat.bodies) == tries
    assert str(caught.value) == (
        f"ALERT_WEBHOOK_URL: the digest was not delivered (status {status}); check the address"
    )
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.slow
def test_the_library_s_own_log_does_not_say_the_address(chat: Chat, caplog: pytest.LogCaptureFixture) -> None:
    """It writes down each request, and each one that is tried again; what stands there is without the address."""
    caplog.set_level("DEBUG", "urllib3")
    chat.statuses[:] = [503, 200]
    post(chat.url, "text")
    assert "POST" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.slow
def test_nobody_there_is_an_error_without_the_address() -> None:
    """A port that nobody listens on."""
    server = Chat(200)
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(WebhookError, match=r"not delivered \(ConnectionError\)") as caught:
        post(url, "text")
    assert "SECRET" not in repr(caught.value)
    assert caught.value.__context__ is None
