"""A full event_queue makes the reader wait; news never wait; a closed one lets everybody go."""

from __future__ import annotations

import threading

from reduction.hosts.streaming.event_queue import Drained, EventQueue, Stop
from reduction.hosts.streaming.log_reader import Batch, FilePosition


def batch(number: int) -> Batch:
    return Batch(b"%d\n" % number, FilePosition("log", 1, 1, offset=number))


def reader_of(event_queue: EventQueue, count: int) -> tuple[threading.Thread, list[bool]]:
    """A thread that puts so many batches, and what `put` returned."""
    returned: list[bool] = []
    thread = threading.Thread(target=lambda: returned.extend(event_queue.put(batch(n)) for n in range(count)))
    thread.start()
    return thread, returned


def test_items_come_in_the_order_in_which_they_were_put():
    event_queue = EventQueue(10)
    for number in range(3):
        event_queue.put(batch(number))
    event_queue.notify(Drained())
    assert [event_queue.take(0) for _ in range(5)] == [batch(0), batch(1), batch(2), Drained(), None]


def test_a_reader_is_never_more_batches_ahead_than_there_is_room():
    event_queue = EventQueue(2)
    thread, returned = reader_of(event_queue, 50)
    for number in range(50):
        assert event_queue.take(10) == batch(number)
        assert len(returned) <= number + 1 + 2
    thread.join(timeout=10)
    assert returned == [True] * 50


def test_news_pass_though_there_is_no_room_for_batches():
    event_queue = EventQueue(1)
    event_queue.put(batch(0))
    event_queue.notify(Stop(15))
    assert [event_queue.take(0), event_queue.take(0)] == [batch(0), Stop(15)]


def test_closing_lets_a_waiting_reader_go_and_all_that_it_puts_later():
    event_queue = EventQueue(1)
    thread, returned = reader_of(event_queue, 5)
    assert event_queue.take(10) == batch(0)
    event_queue.close()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert len(returned) == 5
    assert returned[-1] is False
