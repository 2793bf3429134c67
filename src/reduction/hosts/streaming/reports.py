"""Reports of windows: as text for people, as JSON lines for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from reduction.hosts.malformed import by_reason
from reduction.hosts.streaming.windows import Closed

PROCESSING, EVENT = "processing", "event"
_NEEDS_ESCAPE = re.compile(rb'[\x00-\x1f"\\\x7f]')


@dataclass(frozen=True, slots=True)
class Report:
    """A window to report, from `start_ms` to before `end_ms` (Unix time in milliseconds)."""

    clock: str
    start_ms: int
    end_ms: int
    host: str
    window: Closed


Format = Callable[[Report], bytes]


def as_json(report: Report) -> bytes:
    """Return the report as one line: an object with the keys of docs/host-processor.md, in their order."""
    window = report.window
    busiest = b"null"
    if window.busiest:
        busiest = b'{"hosts": %s, "connections": %d}' % (_json_list(window.busiest), window.connections)
    values = {
        "clock": _json(report.clock),
        "window_start": _json(report.start_ms),
        "window_end": _json(report.end_ms),
        "host": _json(report.host),
        "outgoing": _json_list(window.outgoing),
        "incoming": _json_list(window.incoming),
        "busiest": busiest,
        "lines": _json(window.lines),
        "late": _json(window.late),
        "malformed": _json(dict(sorted(window.malformed.items()))),
    }
    return b"{%s}\n" % b", ".join(b'"%s": %s' % (key.encode(), value) for key, value in values.items())


def as_text(report: Report) -> bytes:
    """Return the report as lines of text; hosts as in the log, separated by commas."""
    window, host = report.window, report.host.encode()
    lines = [f"From {moment(report.start_ms)} to {moment(report.end_ms)}:".encode()]
    if window.lines:
        hosts = "host" if window.busiest.count(b"\n") == 0 else "hosts"
        lines += [
            b"Hostnames connected to %s:" % host,
            _listed(window.outgoing),
            b"Hostnames that connected to %s:" % host,
            _listed(window.incoming),
            f"Busiest {hosts}, with {window.connections:,} of {window.lines:,} connections:".encode(),
            _listed(window.busiest),
        ]
    else:
        lines.append(b"No connections came.")
    if window.late:
        lines.append(f"Late, for windows closed before: {window.late:,} lines".encode())
    if window.malformed:
        lines.append(f"Malformed: {by_reason(window.malformed)}".encode())
    return b"\n".join(lines) + b"\n\n"


def moment(time_ms: int) -> str:
    """Return a Unix time in ISO 8601, in UTC, without a fraction if it is zero."""
    at = datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return at + (f".{time_ms % 1000:03}" if time_ms % 1000 else "") + "Z"


def _listed(names: bytes) -> bytes:
    return names.replace(b"\n", b",")


def _json(value: str | int | dict[str, int]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _json_list(names: bytes) -> bytes:
    """Return names as a JSON list; usual ones, which may be millions, without processing each."""
    if not names:
        return b"[]"
    if _NEEDS_ESCAPE.search(names.replace(b"\n", b"")):
        return json.dumps(names.decode().split("\n"), ensure_ascii=False).encode()
    return b'["%s"]' % names.replace(b"\n", b'", "')
