"""What reports look like, and when they are due, by a clock that is moved by hand."""

from __future__ import annotations

import json

import pytest

from reduction.hosts.streaming.clocks import WindowConfig, new_clock
from reduction.hosts.streaming.reports import Report, as_json, as_text, moment
from reduction.hosts.streaming.windows import Closed

HOUR = 3_600_000
START = 1565654400000
KEYS = [
    "clock",
    "window_start",
    "window_end",
    "host",
    "outgoing",
    "incoming",
    "busiest",
    "lines",
    "late",
    "malformed",
]
WINDOW = Closed(START, 1234, 2, {"not-a-time": 1, "not-text": 3}, b"a\nb", b"", "ä\nb".encode(), 1000)


def report(window: Closed) -> Report:
    return Report("event", START, START + HOUR, "Aadvik", window)


def test_a_report_as_json_is_one_line_with_exactly_these_keys():
    line = as_json(report(WINDOW))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    reported = json.loads(line)
    assert list(reported) == KEYS
    assert reported == {
        "clock": "event", "window_start": START, "window_end": START + HOUR, "host": "Aadvik",
        "outgoing": ["a", "b"], "incoming": [], "busiest": {"hosts": ["ä", "b"], "connections": 1000},
        "lines": 1234, "late": 2, "malformed": {"not-a-time": 1, "not-text": 3},
    }  # fmt: skip


def test_hosts_that_json_must_escape_are_escaped():
    odd = ['"', "\\", "a\x01b", "\x7f", "plain"]
    reported = json.loads(as_json(report(WINDOW._replace(outgoing="\n".join(odd).encode()))))
    assert reported["outgoing"] == odd


def test_a_window_without_lines_has_nobody_who_was_busiest():
    nothing = Closed(0, 0, 0, {}, b"", b"", b"", 0)
    assert json.loads(as_json(report(nothing)))["busiest"] is None
    assert as_text(report(nothing)).decode() == (
        "From 2019-08-13 00:00:00Z to 2019-08-13 01:00:00Z:\nNo connections came.\n\n"
    )


def test_a_report_as_text_names_hosts_as_the_log_does():
    assert as_text(report(WINDOW)).decode().splitlines() == [
        "From 2019-08-13 00:00:00Z to 2019-08-13 01:00:00Z:",
        "Hostnames connected to Aadvik:",
        "a,b",
        "Hostnames that connected to Aadvik:",
        "",
        "Busiest hosts, with 1,000 of 1,234 connections:",
        "ä,b",
        "Late, for windows closed before: 2 lines",
        "Malformed: 1 not-a-time, 3 not-text",
        "",
    ]


def test_moments_have_a_fraction_only_where_there_is_one():
    assert moment(START) == "2019-08-13 00:00:00Z"
    assert moment(START + 7) == "2019-08-13 00:00:00.007Z"


def spans(reports: list[Report]) -> list[tuple[int, int, int]]:
    return [(report.start_ms, report.end_ms, report.window.lines) for report in reports]


def config(clock: str, *, idle_ms: int = 300_000) -> WindowConfig:
    return WindowConfig("H", clock, HOUR, 300_000, idle_ms)


LINE = b"%d H b\n" % START


def test_by_processing_a_window_is_what_was_taken_in_so_long_whatever_the_lines_say():
    clock = new_clock(config("processing"), 1000)
    assert clock.due_ms() == 1000 + HOUR
    assert clock.take(LINE, 1000)[0] == []
    assert clock.take(LINE, 999 + HOUR)[0] == []
    assert spans(clock.take(LINE, 1000 + HOUR)[0]) == [(1000, 1000 + HOUR, 2)]
    assert spans(clock.tick(1000 + 2 * HOUR)) == [(1000 + HOUR, 1000 + 2 * HOUR, 1)]
    assert clock.tick(1001 + 2 * HOUR) == []


def test_by_processing_that_nothing_came_is_reported():
    clock = new_clock(config("processing"), 0)
    assert spans(clock.tick(HOUR)) == [(0, HOUR, 0)]


def test_by_processing_windows_in_which_the_process_stood_still_are_not_reported():
    clock = new_clock(config("processing"), 0)
    clock.take(LINE, 5)
    assert spans(clock.tick(10 * HOUR + 7)) == [(0, HOUR, 1)]
    assert clock.due_ms() == 11 * HOUR


def test_by_processing_the_last_window_ends_when_it_is_ended():
    clock = new_clock(config("processing"), 0)
    clock.take(LINE, 5)
    assert spans(clock.snapshot(6)) == [(0, 6, 1)]
    assert spans(clock.end(77)) == [(0, 77, 1)]


def test_by_processing_malformed_lines_alone_are_reported_too():
    clock = new_clock(config("processing"), 0)
    assert [line.reason for line in clock.take(b"nonsense\n", 5)[1]] == ["not-three-fields"]
    [reported] = clock.tick(HOUR)
    assert (reported.window.lines, reported.window.malformed) == (0, {"not-three-fields": 1})


def test_a_clock_goes_on_where_it_was_saved():
    saved = new_clock(config("processing"), 1000).saved()
    clock = new_clock(config("processing"), 5000, saved)
    assert clock.due_ms() == 1000 + HOUR
    assert spans(clock.end(0)) == [(1000, 1000, 0)], "though the computer's clock was set back"


def test_by_event_reports_come_when_lines_say_so():
    clock = new_clock(config("event"), 0)
    assert clock.take(LINE, 1)[0] == []
    late = b"%d H b\n" % (START + HOUR + 300_000)
    assert spans(clock.take(late, 2)[0]) == [(START, START + HOUR, 1)]


def test_by_event_open_windows_are_closed_when_no_line_has_come_for_a_while():
    clock = new_clock(config("event", idle_ms=50), 0)
    assert clock.due_ms() is None
    clock.take(LINE, 100)
    assert clock.due_ms() == 150
    assert clock.tick(149) == []
    clock.take(LINE, 149)
    assert clock.tick(198) == []
    assert spans(clock.tick(199)) == [(START, START + HOUR, 2)]
    assert clock.due_ms() is None
    assert clock.tick(1000) == []
    clock.take(LINE, 1000)
    assert clock.windows.unreported() == (1, {}), "its window is closed: it is late"


@pytest.mark.parametrize("name", ["processing", "event"])
def test_what_stands_is_what_would_be_reported(name):
    clock = new_clock(config(name), 0)
    clock.take(LINE, 1)
    assert clock.snapshot(5) == clock.end(5)
