"""What readers hand over, kept in a list; a clock that is moved by hand; logs to write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from reduction.hosts.streaming.event_queue import Finished, Gone, Item
from reduction.hosts.streaming.log_reader import Batch


@dataclass
class Taken:
    """Takes what a reader hands over, for as long as there is `room`."""

    items: list[Item] = field(default_factory=list)
    room: int = 1 << 30

    def put(self, item: Item) -> bool:
        self.items.append(item)
        self.room -= 1
        return self.room > 0

    @property
    def blocks(self) -> list[bytes]:
        """The bytes of the batches."""
        return [item.block for item in self.items if isinstance(item, Batch)]

    @property
    def finished(self) -> list[str]:
        """The names of files that were read to their end."""
        return [item.position.name for item in self.items if isinstance(item, Finished)]

    @property
    def gone(self) -> list[Gone]:
        """Logs of which nothing more is to come."""
        return [item for item in self.items if isinstance(item, Gone)]


@dataclass
class Hand:
    """A clock that is moved by hand, in any unit."""

    now: Any = 0

    def __call__(self) -> Any:
        return self.now


def unknown(descriptor: int) -> None:
    """Nobody can say whether the file has a writer."""


def counted(items: list[Item]) -> Iterator[bytes]:
    """The bytes in the order in which they were handed over."""
    for item in items:
        if isinstance(item, Batch):
            yield item.block
