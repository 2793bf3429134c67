"""Wakes the reader when a folder may have changed: by the operating system's events, or by polling.

An event is only a hint; the poll decides. So an event that is missed, or never sent (as on network file
systems), costs seconds and nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

_LOG = logging.getLogger("reduction.hosts")
_SECONDS_WITH_EVENTS = 5.0
_SECONDS_WITHOUT = 0.5


class DirectoryWatcher:
    """Events of a folder, for the reader that waits for them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._something = threading.Event()
        self._stop_events: Callable[[], None] = lambda: None
        self._seconds = _SECONDS_WITHOUT

    def __enter__(self) -> Self:
        try:
            self._start_events()
        except (ImportError, OSError) as error:
            _LOG.warning("no events for '%s' (%s): polling it every %s s", self._folder, error, self._seconds)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_events()

    def wake(self) -> None:
        """End the current wait, or the next one."""
        self._something.set()

    def wait(self, at_most_seconds: float = _SECONDS_WITH_EVENTS) -> None:
        """Return when something may have happened in the folder."""
        self._something.wait(min(self._seconds, at_most_seconds))
        self._something.clear()

    def _start_events(self) -> None:
        from watchdog import events
        from watchdog.observers import Observer

        something = self._something

        class Wake(events.FileSystemEventHandler):
            def on_any_event(self, event: events.FileSystemEvent) -> None:
                if not event.is_directory:
                    something.set()

        # Not events of files being opened and read: our own polls would trigger the next one.
        of_writers: list[type[events.FileSystemEvent]] = [
            events.FileCreatedEvent, events.FileModifiedEvent, events.FileMovedEvent, events.FileClosedEvent,
        ]  # fmt: skip
        observer = Observer()
        observer.schedule(Wake(), str(self._folder), recursive=False, event_filter=of_writers)
        observer.start()

        def stop() -> None:
            # It logs an error if it is stopped just before it waits for the next event.
            its_log = logging.getLogger("watchdog")
            its_log.setLevel(logging.CRITICAL)
            observer.stop()
            observer.join()
            its_log.setLevel(logging.NOTSET)

        self._stop_events = stop
        self._seconds = _SECONDS_WITH_EVENTS
