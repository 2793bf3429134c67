"""A proxy for an S3 server that injects failures.

It responds with errors, truncates responses, delays them, or calls a function before it forwards a request.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "expect", "date", "server"}


@dataclass
class Failure:
    """A failure of requests whose method and path match: of the first `times`, or of all (None)."""

    method: str
    path: str
    times: int | None = None
    status: int | None = None
    """The status of the response, with `body`, instead of the server's."""
    body: str = ""
    cut_at: float | None = None
    """The fraction of the body after which the connection is closed."""
    seconds: float = 0.0
    """The delay of the response."""
    before: Callable[[], object] | None = None
    """Called before the request is forwarded."""
    matched: int = field(default=0, init=False)

    def applies_to(self, method: str, path: str) -> bool:
        """Count a matching request, and return whether it fails."""
        if method != self.method or not re.search(self.path, path):
            return False
        self.matched += 1
        return self.times is None or self.matched <= self.times


class FaultyProxy:
    """`failures` may be changed at any time; `requests` and `signatures` are those that arrived."""

    def __init__(self, upstream: int) -> None:
        self.failures: list[Failure] = []
        self.requests: list[str] = []
        self.signatures: list[str] = []
        self.lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.handle(self, upstream)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def send_response(self, code: int, message: str | None = None) -> None:
                self.send_response_only(code, message)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Ignore clients that were killed."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, method: str, path: str, **what: Any) -> Failure:
        """Inject a failure from now on."""
        failure = Failure(method, path, **what)
        self.failures.append(failure)
        return failure

    def close(self) -> None:
        """Stop the proxy."""
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request: BaseHTTPRequestHandler, upstream: int) -> None:
        """Forward a request, unless a failure applies to it."""
        data = body_of(request)
        with self.lock:
            request_line = f"{request.command} {unquote(request.path)}"
            self.requests.append(request_line)
            self.signatures.append(request.headers.get("Authorization", ""))
            failures = [
                failure
                for failure in self.failures
                if failure.applies_to(request.command, unquote(request.path))
            ]
        cut_at = None
        for failure in failures:
            if failure.before:
                failure.before()
            time.sleep(failure.seconds)
            cut_at = failure.cut_at if cut_at is None else cut_at
            if failure.status:
                respond(request, failure.status, [("Content-Type", "application/xml")], failure.body.encode())
                return
        connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=60)
        connection.request(request.command, request.path, data, dict(request.headers))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        respond(request, response.status, headers, body, cut_at)


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """Return the body, which has a known length or comes in chunks."""
    if "chunked" in request.headers.get("Transfer-Encoding", ""):
        parts = []
        while True:
            size = int(request.rfile.readline().strip(), 16)
            parts.append(request.rfile.read(size))
            request.rfile.readline()
            if not size:
                break
        del request.headers["Transfer-Encoding"]
        return b"".join(parts)
    return request.rfile.read(int(request.headers.get("Content-Length", 0)))


def respond(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
    cut_at: float | None = None,
) -> None:
    """Send a response; with `cut_at`, only that fraction of its body."""
    request.send_response(status)
    for name, value in headers:
        if name.lower() != "content-length":
            request.send_header(name, value)
    length = {name.lower(): value for name, value in headers}.get("content-length")
    request.send_header("Content-Length", str(len(body)) if request.command != "HEAD" else length or "0")
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body if cut_at is None else body[: int(len(body) * cut_at)])
    if cut_at is not None:
        request.close_connection = True
