"""The order of log lines that several runners send at the same time."""

from __future__ import annotations

import json
import logging
import os

from reduction.runtime.workers import WorkerPool, _Worker


def test_lines_are_logged_in_the_order_of_their_time_stamps_and_before_the_runner_is_done(log):
    messages = {
        1: [
            ("log", 3.0, logging.INFO, "Runner [1]", "third"),
            ("log", 4.0, logging.INFO, "Runner [1]", "4th"),
        ],
        2: [("log", 1.0, logging.INFO, "Runner [2]", "first"), ("done",)],
        3: [("log", 2.0, logging.INFO, "Runner [3]", "second"), ("failed", 6, "no space")],
    }
    pool = WorkerPool(lambda job, index: None, "INFO")
    workers = []
    for runner, sent in messages.items():
        inbox, outbox = os.pipe()
        os.write(outbox, b"".join(json.dumps(message).encode() + b"\n" for message in sent))  # type: ignore[attr-defined]
        workers.append(_Worker(runner, 0, inbox))
        # It stays open: its end would be a failure.
        workers[-1].outbox = outbox  # type: ignore[attr-defined]
    pool._handle_messages(workers)
    assert log.messages == ["first", "second", "third", "4th"]
    assert [record.who for record in log.records] == [f"Runner [{n}]" for n in (2, 3, 1, 1)]
    assert [worker.done for worker in workers] == [False, True, False]
    assert [worker.failure for worker in workers] == [None, None, (3, 6, "no space")]
    for worker in workers:
        os.close(worker.inbox)
        os.close(worker.outbox)  # type: ignore[attr-defined]
    for end in pool._lifeline:
        os.close(end)
