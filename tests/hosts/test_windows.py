"""Windows by the lines' own time: what they count, when they are closed, what is late; both sides agree."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from counters import NAMES, maker
from hypothesis import given
from hypothesis import strategies as st

from reduction.hosts.malformed import MalformedLine
from reduction.hosts.streaming.windows import Closed
from reduction.hosts.streaming.windows_native import NativeWindows
from reduction.hosts.streaming.windows_native import new_windows as chosen

HOUR = 3_600_000
LATENESS = 300_000
DAY = 1565654400000  # an hour of the epoch's grid begins
HOSTS = ["H", "a", "b", "ä", "a" * 200, "H,x"]


def block(*lines: tuple[int, str, str] | str, end: str = "\n") -> bytes:
    """Lines of (milliseconds after DAY, source, target), or as they are."""
    texts = [line if isinstance(line, str) else f"{DAY + line[0]} {line[1]} {line[2]}" for line in lines]
    return "".join(text + end for text in texts).encode()


def oracle(lines, host, window_ms, lateness_ms):
    """What each window must report, by going over all lines anew for each of them."""
    newest, closed, late = 0, [], Counter()
    members = defaultdict(list)
    for time, source, target in lines:
        if any(start + window_ms + lateness_ms <= newest for start in [time - time % window_ms]):
            late[len(closed)] += 1
            continue
        newest = max(newest, time)
        members[time - time % window_ms].append((source, target))
        closed += [
            start
            for start in sorted(members)
            if start not in closed and start + window_ms + lateness_ms <= newest
        ]
    closed += [start for start in sorted(members) if start not in closed]
    reported = []
    for number, start in enumerate(closed):
        made = Counter(source for source, _ in members[start])
        most = max(made.values())
        reported.append(
            Closed(
                start,
                len(members[start]),
                late[number],
                {},
                joined({target for source, target in members[start] if source == host}),
                joined({source for source, target in members[start] if target == host}),
                joined({source for source, count in made.items() if count == most}),
                most,
            )
        )
    return reported


def joined(names: set[str]) -> bytes:
    return b"\n".join(sorted(name.encode() for name in names))


def saved(windows) -> bytes:
    parts: list[bytes] = []
    windows.save(parts.append)
    return b"".join(parts)


def restored(windows, state: bytes):
    windows.restore(io.BytesIO(state).read)
    return windows


def test_a_window_reports_who_connected_and_who_was_busiest(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    fed = windows.feed(
        block((0, "H", "b"), (1, "H", "a"), (2, "a", "H"), (3, "H", "b"), (HOUR - 1, "b", "b"))
    )
    assert fed.closed == []
    assert windows.close_all() == [Closed(DAY, 5, 0, {}, b"a\nb", b"a", b"H", 3)]


def test_all_that_are_tied_are_busiest(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    windows.feed(block((0, "z", "H"), (1, "a", "H"), (2, "m", "z"), (3, "m", "z"), (4, "a", "a")))
    assert windows.close_all() == [Closed(DAY, 5, 0, {}, b"", b"a\nz", b"a\nm", 2)]


def test_a_window_is_closed_by_the_first_line_that_is_the_lateness_past_its_end(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    assert windows.feed(block((0, "a", "b"), (HOUR + LATENESS - 1, "a", "b"))).closed == []
    assert windows.feed(block((HOUR - 1, "b", "H"))).closed == []
    assert windows.feed(block((HOUR + LATENESS, "a", "b"))).closed == [
        Closed(DAY, 2, 0, {}, b"", b"b", b"a\nb", 1)
    ]


def test_a_line_for_a_closed_window_is_late_and_reported_with_the_next_window(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    fed = windows.feed(block((0, "a", "b"), (HOUR + LATENESS, "H", "b"), (HOUR - 1, "H", "late")))
    assert [window.late for window in fed.closed] == [0]
    assert windows.unreported() == (1, {})
    assert windows.close_all() == [Closed(DAY + HOUR, 1, 1, {}, b"b", b"", b"H", 1)]


def test_windows_without_lines_are_not_reported(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    fed = windows.feed(block((0, "a", "b"), (5 * HOUR, "a", "b")))
    assert [window.start_ms for window in [*fed.closed, *windows.close_all()]] == [DAY, DAY + 5 * HOUR]


def test_a_window_that_was_closed_early_stays_closed(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    windows.feed(block((HOUR, "a", "b")))
    windows.close_all()
    assert not windows.has_open()
    windows.feed(block((HOUR, "a", "b"), (0, "a", "b"), (2 * HOUR - 1, "a", "b")))
    assert windows.unreported() == (3, {})
    windows.feed(block((2 * HOUR, "a", "b")))
    assert [(window.start_ms, window.lines, window.late) for window in windows.close_all()] == [
        (DAY + 2 * HOUR, 1, 3)
    ]


def test_without_a_length_all_lines_go_to_one_window(new_windows):
    windows = new_windows(b"H", 0, LATENESS)
    assert windows.feed(block((0, "H", "a"), (90 * HOUR, "H", "b"), (1, "H", "c"))).closed == []
    assert windows.close_all() == [Closed(0, 3, 0, {}, b"a\nb\nc", b"", b"H", 3)]
    windows.feed(block((0, "a", "b")))
    assert windows.close_all() == [Closed(0, 1, 0, {}, b"", b"", b"a", 1)]
    windows.feed(block("nonsense"))
    nothing = Closed(0, 0, 0, {"not-three-fields": 1}, b"", b"", b"", 0)
    assert windows.snapshot() == windows.close_all() == [nothing]
    assert windows.close_all() == [nothing._replace(malformed={})]


def test_malformed_lines_are_counted_by_reason_and_the_first_few_are_shown(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    lines = [f"nonsense{i}" for i in range(7)] + ["", "12 a b", f"{DAY} a b"]
    fed = windows.feed(block(*lines, end="\r\n"))
    assert fed.malformed[:2] == [
        MalformedLine("not-three-fields", 0, 0, b"nonsense0"),
        MalformedLine("not-three-fields", 1, 11, b"nonsense1"),
    ]
    assert [(line.reason, line.line) for line in fed.malformed[5:]] == [("not-a-time", 8)]
    assert windows.close_all()[0].malformed == {"not-three-fields": 7, "not-a-time": 1}
    assert windows.unreported() == (0, {})


def test_what_stands_can_be_seen_without_a_change(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    windows.feed(block((0, "H", "a"), "nonsense", (HOUR, "a", "H")))
    before = saved(windows)
    snapshot = windows.snapshot()
    assert saved(windows) == before
    assert snapshot == windows.close_all()
    assert [window.malformed for window in snapshot] == [{"not-three-fields": 1}, {}]


TIMES = st.integers(0, 40)
LOG = st.lists(st.tuples(TIMES, st.sampled_from(HOSTS), st.sampled_from(HOSTS)), max_size=60)
CUTS = st.lists(st.integers(0, 60), max_size=5).map(sorted)


def parts(lines: list, cuts: list[int]) -> list[list]:
    edges = [0, *cuts, len(lines)]
    return [lines[start:stop] for start, stop in pairwise(edges)]


@pytest.mark.parametrize("name", NAMES)
@given(LOG, CUTS, st.integers(1, 12), st.integers(0, 15))
def test_every_window_is_what_an_oracle_says_however_the_log_is_cut(
    name, lines, cuts, window_ms, lateness_ms
):
    windows = maker(name)(b"H", window_ms, lateness_ms)
    reported: list[Closed] = []
    for part in parts(lines, cuts):
        reported += windows.feed(block(*((time - DAY + 10**12, s, t) for time, s, t in part))).closed
    reported += windows.close_all()
    shifted = [(time + 10**12, source, target) for time, source, target in lines]
    assert reported == oracle(shifted, "H", window_ms, lateness_ms)


@given(LOG, st.integers(0, 60), st.integers(0, 12), st.integers(0, 15))
def test_saved_windows_go_on_as_if_nothing_had_been_and_both_sides_save_alike(
    lines, cut, window_ms, lateness_ms
):
    undisturbed = maker("plain")(b"H", window_ms, lateness_ms)
    texts = [block((time, source, target), "odd") for time, source, target in lines]
    first, rest = b"".join(texts[:cut]), b"".join(texts[cut:])
    undisturbed.feed(first)
    state = saved(undisturbed)
    others = [restored(maker(name)(b"H", window_ms, lateness_ms), state) for name in NAMES]
    fresh = maker("kernel")(b"H", window_ms, lateness_ms)
    fresh.feed(first)
    assert [saved(windows) for windows in (*others, fresh)] == [state] * 3
    expected = [*undisturbed.feed(rest).closed, *undisturbed.close_all()]
    for windows in (*others, fresh):
        assert [*windows.feed(rest).closed, *windows.close_all()] == expected
        assert saved(windows) == saved(undisturbed)


def test_bytes_that_are_not_saved_windows_are_rejected(new_windows):
    windows = new_windows(b"H", HOUR, LATENESS)
    windows.feed(block((0, "H", "a"), (1, "a", "H"), (HOUR, "b" * 300, "a")))
    state = saved(windows)
    for damaged in (b"", b"OTHER" + state, *(state[:size] for size in range(len(state)))):
        with pytest.raises(ValueError, match="saved windows"):
            restored(new_windows(b"H", HOUR, LATENESS), damaged)


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_damaged_bytes_are_rejected_or_taken_but_never_harm(tail, at, byte):
    windows = maker("kernel")(b"H", HOUR, LATENESS)
    windows.feed(block((0, "H", "a"), (1, "a", "H"), (HOUR, "b" * 150, "a")))
    state = bytearray(saved(windows))
    state[at % len(state)] = byte
    for damaged in (bytes(state), bytes(state[:at]) + tail):
        other = maker("kernel")(b"H", HOUR, LATENESS)
        try:
            restored(other, damaged)
        except ValueError:
            continue
        other.feed(block((2 * HOUR, "H", "a")))
        other.close_all()


def test_many_hosts_are_distinguished(new_windows):
    """Enough of them to make every table grow, several times."""
    windows = new_windows(b"H", HOUR, LATENESS)
    lines = [f"{DAY} host{i % 5000} H\n{DAY} H x{i}" for i in range(10_000)]
    windows.feed(block(*lines))
    [window] = windows.close_all()
    assert len(window.incoming.split()) == 5000
    assert len(window.outgoing.split()) == 10_000
    assert (window.busiest, window.connections) == (b"H", 10_000)


def test_the_kernel_counts_where_it_is_built(monkeypatch):
    pytest.importorskip("reduction._kernel")
    assert isinstance(chosen(b"H", HOUR, LATENESS), NativeWindows)
    monkeypatch.setattr("reduction.hosts.streaming.windows_native.has_kernel", lambda: False)
    assert type(chosen(b"H", HOUR, LATENESS)).__name__ == "PythonWindows"
