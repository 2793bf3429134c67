"""A proxy before an S3 server that does harm on purpose.

It answers with errors, cuts answers short, is slow, and lets something happen before it passes a request on.
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
class Disturbance:
    """What happens to requests of a method whose path matches: to the first `times`, or (None) to all."""

    method: str
    path: str
    times: int | None = None
    status: int | None = None
    """Answered in the server's place, with `body`."""
    body: str = ""
    cut_at: float | None = None
    """The part of the body after which the connection is closed."""
    seconds: float = 0.0
    """How long the answer takes."""
    before: Callable[[], object] | None = None
    """Called before the request is passed on."""
    met: int = field(default=0, init=False)

    def meets(self, method: str, path: str) -> bool:
        """Whether it applies to this request, which it then counts."""
        if method != self.method or not re.search(self.path, path):
            return False
        self.met += 1
        return self.times is None or self.met <= self.times


class FaultyProxy:
    """See above; `disturbances` may be added to at any time, `requests` are those that came, `signed` so."""

    def __init__(self, upstream: int) -> None:
        self.disturbances: list[Disturbance] = []
        self.requests: list[str] = []
        self.signed: list[str] = []
        self.lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.handle(self, upstream)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def send_response(self, code: int, message: str | None = None) -> None:
                self.send_response_only(code, message)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A client that was killed is nothing to report."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, method: str, path: str, **what: Any) -> Disturbance:
        """Do harm from now on."""
        disturbance = Disturbance(method, path, **what)
        self.disturbances.append(disturbance)
        return disturbance

    def close(self) -> None:
        """Answer nobody any more."""
        self.server.shutdown()
        self.server.server_close()

    def handle(self, request: BaseHTTPRequestHandler, upstream: int) -> None:
        """Pass one request on, unless a disturbance says something else."""
        data = body_of(request)
        with self.lock:
            line = f"{request.command} {unquote(request.path)}"
            self.requests.append(line)
            self.signed.append(request.headers.get("Authorization", ""))
            disturbances = [
                disturbance
                for disturbance in self.disturbances
                if disturbance.meets(request.command, unquote(request.path))
            ]
        cut_at = None
        for disturbance in disturbances:
            if disturbance.before:
                disturbance.before()
            time.sleep(disturbance.seconds)  # a slow server is one that takes its time
            cut_at = disturbance.cut_at if cut_at is None else cut_at
            if disturbance.status:
                answer(
                    request,
                    disturbance.status,
                    [("Content-Type", "application/xml")],
                    disturbance.body.encode(),
                )
                return
        connection = http.client.HTTPConnection("127.0.0.1", upstream, timeout=60)
        connection.request(request.command, request.path, data, dict(request.headers))
        got = connection.getresponse()
        body = got.read()
        connection.close()
        headers = [(name, value) for name, value in got.getheaders() if name.lower() not in HOP_BY_HOP]
        answer(request, got.status, headers, body, cut_at)


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """The body as it came: of a known length, or in chunks (which are passed on as they are)."""
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


def answer(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
    cut_at: float | None = None,
) -> None:
    """Send an answer, or a part of what it says it is."""
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
