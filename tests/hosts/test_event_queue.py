"""A full channel makes the reader wait; news never wait; a closed one lets everybody go."""

from __future__ import annotations

import threading

from reduction.hosts.streaming.event_queue import Channel, Drained, Stop
from reduction.hosts.streaming.log_reader import Batch, Place


def batch(number: int) -> Batch:
    return Batch(b"%d\n" % number, Place("log", 1, 1, offset=number))


def reader_of(channel: Channel, count: int) -> tuple[threading.Thread, list[bool]]:
    """A thread that puts so many batches, and what it was told."""
    told: list[bool] = []
    thread = threading.Thread(target=lambda: told.extend(channel.put(batch(n)) for n in range(count)))
    thread.start()
    return thread, told


def test_items_come_in_the_order_in_which_they_were_put():
    channel = Channel(10)
    for number in range(3):
        channel.put(batch(number))
    channel.tell(Drained())
    assert [channel.take(0) for _ in range(5)] == [batch(0), batch(1), batch(2), Drained(), None]


def test_a_reader_is_never_more_batches_ahead_than_there_is_room():
    channel = Channel(2)
    thread, told = reader_of(channel, 50)
    for number in range(50):
        assert channel.take(10) == batch(number)
        assert len(told) <= number + 1 + 2
    thread.join(timeout=10)
    assert told == [True] * 50


def test_news_pass_though_there_is_no_room_for_batches():
    channel = Channel(1)
    channel.put(batch(0))
    channel.tell(Stop(15))
    assert [channel.take(0), channel.take(0)] == [batch(0), Stop(15)]


def test_closing_lets_a_waiting_reader_go_and_all_that_it_puts_later():
    channel = Channel(1)
    thread, told = reader_of(channel, 5)
    assert channel.take(10) == batch(0)
    channel.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert len(told) == 5
    assert told[-1] is False
