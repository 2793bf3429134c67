"""`batch` against a naive oracle: logs of all kinds, every host, every interval, bisecting or not."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import SEARCHES, each_search

from reduction.hosts.batch.chunks import ScanConfig
from reduction.hosts.batch.query import Answer, NotInOrder, answer
from reduction.hosts.batch.scan import Query
from reduction.hosts.records import Connection, scan

START = 1565647200000
LATENESS_MS = 300_000
MINUTE = 60_000
HOSTS = ["a", "b", "Aadvik", "a-name-longer-than-a-word", "ä"]
# Small enough that a few lines are many probes, blocks and chunks.
TINY = ScanConfig(threads=2, block_bytes=50, chunk_bytes=120, probe_bytes=16, enough_bytes=40)
PACES = [TINY, ScanConfig(block_bytes=1, chunk_bytes=1, probe_bytes=1, enough_bytes=1), ScanConfig(threads=3)]
BAD_LINES = ["", "nonsense", "1565647200000 a", "1565647200000 a b c", "156564720000 a b", "\t ", "x" * 300]


def naive(query: Query, logs: list[bytes]) -> tuple[list[str], list[str], int, Counter[str]]:
    """Every line of every log, one after the other."""
    outgoing, incoming, malformed, lines = [], [], Counter(), 0
    for number, log in enumerate(logs):
        for located in scan(log):
            lines += 1
            if not isinstance(located.meaning, Connection):
                malformed[str(located.meaning)] += 1
                continue
            time, source, target = located.meaning
            if query.start_ms <= time <= query.end_ms:
                outgoing += [((time, number, located.offset), target)] * (source == query.host)
                incoming += [((time, number, located.offset), source)] * (target == query.host)
    first = [
        list(dict.fromkeys(name.decode() for _, name in sorted(found))) for found in (outgoing, incoming)
    ]
    return first[0], first[1], lines, malformed


@st.composite
def texts_of_logs(draw: st.DrawFn) -> bytes:
    """A log that is in order but for five minutes: each line is written up to five minutes late."""
    connections = draw(
        st.lists(
            st.tuples(
                st.integers(0, 60 * MINUTE),
                st.one_of(st.just(0), st.integers(0, LATENESS_MS), st.just(LATENESS_MS)),
                st.sampled_from(HOSTS),
                st.sampled_from(HOSTS),
            ),
            max_size=60,
        )
    )
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = ""
    for written, late, source, target in sorted(connections):
        if draw(st.integers(0, 9)) == 0:
            text += "".join(bad + end for bad in draw(st.lists(st.sampled_from(BAD_LINES), max_size=4)))
        time = START + written - late
        blank = draw(st.sampled_from([" ", " ", " ", "\t", "  "]))
        text += f"{time // 1000 if time % 1000 == 0 else time}{blank}{source}{blank}{target}{end}"
    return (text.removesuffix(end) if draw(st.booleans()) else text).encode()


def moments() -> st.SearchStrategy[int]:
    return st.integers(START - 10 * MINUTE, START + 65 * MINUTE)


def asked(
    folder: Path, query: Query, logs: list[bytes], search: str, config: ScanConfig, **how: bool
) -> Answer:
    paths = [folder / f"{number}.log" for number in range(len(logs))]
    for path, log in zip(paths, logs, strict=True):
        path.write_bytes(log)
    return answer(query, [str(path) for path in paths], SEARCHES[search], config, **how)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@each_search
@given(
    logs=st.lists(texts_of_logs(), min_size=1, max_size=3),
    host=st.sampled_from(HOSTS),
    ends=st.tuples(moments(), moments()).map(sorted),
    config=st.sampled_from(PACES),
)
def test_what_is_found_is_what_is_there(folder, search, logs, host, ends, config):
    query = Query(host.encode(), *ends, LATENESS_MS)  # type: ignore[call-arg]
    outgoing, incoming, lines, malformed = naive(query, logs)
    bisected = asked(folder, query, logs, search, config)
    whole = asked(folder, query, logs, search, config, full_scan=True)
    assert (bisected.outgoing, bisected.incoming) == (outgoing, incoming)
    assert (whole.outgoing, whole.incoming) == (outgoing, incoming)
    assert (whole.lines_scanned, whole.malformed) == (lines, malformed)
    assert whole.bytes_read == whole.bytes_total == sum(map(len, logs))
    assert bisected.bytes_total == whole.bytes_total
    assert bisected.lines_scanned <= lines
    assert bisected.malformed <= malformed


@each_search
@given(parts=st.lists(st.one_of(texts_of_logs(), st.binary(max_size=80)), max_size=4))
def test_a_whole_log_may_be_in_any_order_and_hold_any_bytes(folder, search, parts):
    log = b"\n" + b"\n".join(parts)  # whose first bytes are not those of an archive
    query = Query(b"a", START, START + 30 * MINUTE, 0)
    outgoing, incoming, lines, malformed = naive(query, [log])
    found = asked(folder, query, [log], search, TINY, full_scan=True)
    assert (found.outgoing, found.incoming) == (outgoing, incoming)
    assert (found.lines_scanned, found.malformed) == (lines, malformed)


def hours(count: int) -> list[str]:
    """A line every second, in order."""
    return [f"{START + 1000 * second} a b{second}\n" for second in range(3600 * count)]


def test_a_narrow_question_reads_little(folder):
    log = "".join(hours(48)).encode()
    query = Query(b"a", START + 24 * 60 * MINUTE, START + 24 * 60 * MINUTE + 2000, 10_000)
    found = asked(folder, query, [log], "the best", ScanConfig(enough_bytes=1000))
    assert found.outgoing == ["b86400", "b86401", "b86402"]
    assert found.bytes_read < 0.06 * found.bytes_total
    assert found.lines_scanned < 150


@pytest.mark.parametrize("rubbish", ["\n", "nonsense\n", "x", "1565647200000 a b c\n", "\0"])
def test_nothing_but_rubbish_in_the_middle_does_no_harm(folder, rubbish):
    lines = hours(1)
    log = "".join([*lines[:1800], rubbish * 10_000, "\n", *lines[1800:]]).encode()
    for second in (0, 1795, 1799, 1800, 1805, 3599):
        query = Query(b"a", START + 1000 * second, START + 1000 * second, 3000)
        found = asked(folder, query, [log], "the best", ScanConfig(enough_bytes=100, probe_bytes=64))
        assert found.outgoing == [f"b{second}"]


def test_a_line_longer_than_any_block_is_a_line(folder):
    long = "y" * 300_000
    log = f"{START} a b\n{START + 1} {long} a\n{START + 2} a c\n".encode()
    for config in (TINY, ScanConfig(block_bytes=1 << 12, chunk_bytes=1 << 14)):
        found = asked(folder, Query(b"a", START, START + 2, 0), [log], "the best", config)
        assert (found.outgoing, found.incoming) == (["b", "c"], [long])


@given(
    log=st.lists(texts_of_logs(), max_size=4).map(b"\n".join),
    ends=st.tuples(moments(), moments()).map(sorted),
    config=st.sampled_from(PACES),
)
def test_a_log_in_any_order_is_answered_or_rejected(folder, log, ends, config):
    query = Query(b"a", *ends, 1000)  # type: ignore[call-arg]
    outgoing, incoming, *_ = naive(query, [log])
    try:
        found = asked(folder, query, [log], "the best", config)
    except NotInOrder:
        return
    assert set(found.outgoing) <= set(outgoing)
    assert set(found.incoming) <= set(incoming)


def test_progress_is_reported_up_to_the_last_byte(folder):
    logs = [folder / f"{number}.log" for number in range(3)]
    for log in logs:
        log.write_text("".join(hours(1)))
    calls = []
    query = Query(b"a", START, START + 60 * MINUTE, LATENESS_MS)
    config = ScanConfig(chunk_bytes=30_000)
    answer(query, list(map(str, logs)), SEARCHES["the best"], config, progress=lambda *now: calls.append(now))
    assert calls == sorted(calls)
    assert len(calls) > 6
    assert calls[-1] == (3, sum(log.stat().st_size for log in logs))


# Order ---------------------------------------------------------------------------------------------------


def test_partners_come_by_time_then_by_log_then_by_place(folder):
    first = f"{START + 5} a five\n{START + 1} a one\n{START + 3} a three\n{START + 3} a tree\n"
    second = f"{START + 3} a drei\n{START + 2} a two\n{START + 6} a one\n{START} a five\n"
    found = asked(
        folder, Query(b"a", START, START + 9, 99), [first.encode(), second.encode()], "Python", ScanConfig()
    )
    assert found.outgoing == ["five", "one", "two", "three", "tree", "drei"]


def test_a_connection_of_a_host_with_itself_goes_both_ways(folder):
    found = asked(folder, Query(b"a", START, START, 0), [f"{START} a a\n".encode()], "Python", ScanConfig())
    assert (found.outgoing, found.incoming) == (["a"], ["a"])


def test_both_ends_of_the_interval_belong_to_it(folder):
    log = "".join(f"{START + ms} a b{ms}\n" for ms in range(5)).encode()
    found = asked(folder, Query(b"a", START + 1, START + 3, 0), [log], "Python", TINY)
    assert found.outgoing == ["b1", "b2", "b3"]


# The check of the order ----------------------------------------------------------------------------------


def late_at(second: int, seconds_late: int) -> tuple[bytes, int]:
    """A log of three hours, one line of which is so late, and the offset of that line."""
    lines = hours(3)
    lines[second] = f"{START + 1000 * (second - seconds_late)} late b\n"
    return "".join(lines).encode(), sum(map(len, lines[:second]))


def hour_of(minute: int, minutes: int = 5) -> Query:
    return Query(b"a", START + minute * MINUTE, START + (minute + minutes) * MINUTE, LATENESS_MS)


@each_search
@pytest.mark.parametrize("config", [ScanConfig(enough_bytes=100), TINY], ids=["one chunk", "many chunks"])
def test_a_line_that_is_too_late_in_the_part_read_is_reported_with_its_place_and_a_way_out(
    folder, search, config
):
    log, offset = late_at(5400, seconds_late=302)  # 301 behind the line before it
    with pytest.raises(NotInOrder) as raised:
        asked(folder, hour_of(90), [log], search, config)
    assert f"byte {offset}:" in str(raised.value)
    assert "301 s" in str(raised.value)
    assert "--lateness 301 or with --full-scan" in str(raised.value)
    assert asked(folder, hour_of(90), [log], search, config, full_scan=True).outgoing
    longer = Query(b"a", START + 90 * MINUTE, START + 95 * MINUTE, 301_000)
    assert asked(folder, longer, [log], search, config).outgoing


@each_search
@pytest.mark.parametrize("config", [ScanConfig(enough_bytes=100), TINY], ids=["one chunk", "many chunks"])
def test_a_line_that_is_as_late_as_it_may_be_is_no_error(folder, search, config):
    log, _ = late_at(5400, seconds_late=301)
    assert len(asked(folder, hour_of(90), [log], search, config).outgoing) == 300


def test_a_log_read_from_its_beginning_reports_the_line(folder):
    log, _ = late_at(600, seconds_late=500)
    with pytest.raises(NotInOrder, match=r"line 601: the time .* is 499 s older"):
        asked(folder, hour_of(3), [log], "the best", ScanConfig(enough_bytes=100))


def test_a_log_that_is_read_whole_has_no_order_to_keep(folder):
    log, _ = late_at(600, seconds_late=500)
    query = Query(b"a", START, START + 24 * 60 * MINUTE, LATENESS_MS)
    assert len(asked(folder, query, [log], "the best", TINY).outgoing) == 3 * 3600 - 1


def test_a_log_backwards_is_noticed_by_what_was_seen_on_the_way(folder):
    log = "".join(reversed(hours(3))).encode()
    with pytest.raises(NotInOrder, match="byte"):
        asked(folder, hour_of(90), [log], "the best", ScanConfig(enough_bytes=100))


def test_each_log_has_an_order_of_its_own(folder):
    lines = hours(3)
    halves = ["".join(lines[5400:]).encode(), "".join(lines[:5400]).encode()]
    found = asked(folder, hour_of(88), halves, "the best", TINY)
    assert found.outgoing == [f"b{second}" for second in range(88 * 60, 93 * 60 + 1)]


# Malformed lines -----------------------------------------------------------------------------------------


@each_search
def test_malformed_lines_are_shown_with_their_place(folder, search):
    log = f"{START} a b\n\nnonsense\r\n{START} a\n12 a b\n{START} a \xff\n".encode("latin-1")
    found = asked(folder, Query(b"a", START, START, 0), [log], search, TINY, full_scan=True)
    shown = [(line.where, line.reason, line.text) for line in found.examples]
    assert shown == [
        ("line 3", "not-three-fields", "nonsense"),
        ("line 4", "not-three-fields", f"{START} a"),
        ("line 5", "not-a-time", "12 a b"),
        ("line 6", "not-utf-8", f"{START} a \\xff"),
    ]
    assert found.malformed == {"not-three-fields": 2, "not-a-time": 1, "not-utf-8": 1}
    assert found.lines_scanned == 5


def test_only_the_first_few_malformed_lines_are_shown(folder):
    log = b"".join(b"rubbish %d\n" % number for number in range(1000))
    found = asked(folder, Query(b"a", START, START, 0), [log], "the best", TINY, full_scan=True)
    assert [line.text for line in found.examples] == [f"rubbish {number}" for number in range(5)]
    assert found.malformed == {"not-three-fields": 1000}


def test_a_malformed_line_in_a_part_is_placed_by_its_byte(folder):
    lines = hours(3)
    lines[5500] = "rubbish\n"
    found = asked(folder, hour_of(90), ["".join(lines).encode()], "the best", TINY)
    assert [line.where for line in found.examples] == [f"byte {sum(map(len, lines[:5500]))}"]
    assert found.malformed == {"not-three-fields": 1}


def test_the_oracle_of_these_tests_sees_disorder(folder):
    log, _ = late_at(600, seconds_late=500)
    times = [located.meaning.time_ms for located in scan(log)]
    assert sum(later < earlier for earlier, later in pairwise(times)) == 1
