"""A runner's result on disk: `.Combined_ID.csv`, committed by its manifest `.Combined_ID.json`.

The manifest is written last and removed first, so a partial without one does not exist. It carries what
`collect` must know to refuse a partial that belongs to another run, and the partial's size and CRC-32.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

from reduction.errors import PartialsRejected, WriteError
from reduction.pipeline.rows import csv_field
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.stats import Stats
from reduction.runtime.atomic_file import atomic_write

FORMAT = 4  # of manifests, and of how splits are dealt out: nodes that differ in either must not be mixed
_OWN_FILE = re.compile(r"\.Combined_(?P<runner>\d+)\.(?:csv|json)(?:\.[0-9a-f]+\.tmp)?")
_HALF_WRITTEN_RESULT = re.compile(r"\.Combined\.(?:csv|report\.json)\.[0-9a-f]+\.tmp")


class Manifest(NamedTuple):
    """What a partial is part of, what is in it, and the stats of the share it comes from.

    `splits` and `fingerprint` speak of the whole run's split list; `bytes` and `crc32` of the partial's file;
    `addresses` counts its rows for each environment, without those of cut files; `split_file_counts` counts those
    for each file's number, and `split_results` has their stats. `seconds` is what the runner took.
    """

    run_id: str
    runner: int
    runners: int
    splits: int
    fingerprint: str
    engine: str
    seconds: float
    bytes: int
    crc32: str
    addresses: dict[str, int]
    stats: Stats
    split_file_counts: Mapping[int, int] = MappingProxyType({})
    split_results: Sequence[SplitResult] = ()


class RowSuffix(NamedTuple):
    """What may stand behind an address in a partial, and the environment of such a row, if it counts."""

    text: str
    environment: str | None


class ManifestMissing(Exception):
    """There is no committed partial of this runner."""


class ManifestDamaged(Exception):
    """The manifest is there, but it is not what a runner wrote."""


def partial_path(directory: Path, runner: int) -> Path:
    """Return where runner `runner` puts its rows."""
    return directory / f".Combined_{runner}.csv"


def manifest_path(directory: Path, runner: int) -> Path:
    """Return where the manifest of that partial is."""
    return directory / f".Combined_{runner}.json"


def commit(directory: Path, manifest: Manifest) -> None:
    """Write the manifest, which makes the partial count; raises `WriteError`."""
    plain = {
        "format": FORMAT,
        **manifest._asdict(),
        "stats": manifest.stats.to_plain(),
        "split_file_counts": list(manifest.split_file_counts.items()),
        "split_results": [result.to_plain() for result in manifest.split_results],
    }
    plain["checksum"] = _checksum(plain)
    with atomic_write(manifest_path(directory, manifest.runner)) as file:
        file.write(json.dumps(plain, indent=1).encode() + b"\n")


def read_manifest(directory: Path, runner: int) -> Manifest:
    """Return the manifest of a runner's partial; raises `ManifestMissing` or `ManifestDamaged`."""
    try:
        text = manifest_path(directory, runner).read_bytes()
    except FileNotFoundError as error:
        raise ManifestMissing from error
    except OSError as error:
        raise ManifestDamaged(str(error.strerror)) from error
    try:
        plain = json.loads(text)
        if plain["format"] != FORMAT:
            raise ManifestDamaged(f"it has format {plain['format']}, this version reads format {FORMAT}")
        checksum = plain.pop("checksum")
        if checksum != _checksum(plain) or plain["runner"] != runner:
            raise ManifestDamaged("its checksum does not fit its contents")
        del plain["format"]
        plain["stats"] = Stats.from_plain(plain["stats"])
        plain["split_file_counts"] = {int(number): int(rows) for number, rows in plain["split_file_counts"]}
        plain["split_results"] = tuple(SplitResult.from_plain(result) for result in plain["split_results"])
        return Manifest(**plain)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestDamaged("it is not a whole manifest") from error


@contextmanager
def opened_partial(directory: Path, manifest: Manifest) -> Iterator[BinaryIO]:
    """Give the bytes of a partial; at their end they are compared with the manifest.

    Raises `PartialsRejected` if the file is gone or is not the one that the manifest committed.
    """
    path = partial_path(directory, manifest.runner)
    try:
        file = _CheckedFile(path, manifest)
    except OSError as error:
        raise damaged(manifest, str(error.strerror)) from error
    with BufferedReader(file, 1 << 18) as stream:
        yield stream


def row_suffixes(manifests: Iterable[Manifest], discarded: Collection[int]) -> list[RowSuffix]:
    """Return every ending that rows of these partials may have, in the order in which rows are sorted.

    Rows of the cut files whose numbers are `discarded` do not count.
    """
    sources = set()
    for manifest in manifests:
        sources |= {(name, -1) for name in manifest.addresses}
        sources |= {(result.split.environment, result.split_file_id) for result in manifest.split_results}
    return [
        RowSuffix(csv_field(name), name)
        if number < 0
        else RowSuffix(f"{csv_field(name)},{number}", None if number in discarded else name)
        for name, number in sorted(sources)
    ]


def damaged(manifest: Manifest, what: str) -> PartialsRejected:
    """Return the refusal of a partial whose bytes are not those that were committed."""
    name = partial_path(Path(), manifest.runner).name
    return PartialsRejected([f"partial '{name}' is damaged ({what}): {rerun_hint([manifest.runner])}"])


def rerun_hint(runners: Iterable[int]) -> str:
    """Return what a user should do to get the partials of these runners again."""
    return " and ".join(
        f"run REDUCER_MODE=reduce REDUCER_LOW_RUNNER={low} REDUCER_HIGH_RUNNER={high}"
        for low, high in _ranges(sorted(set(runners)))
    )


def remove(directory: Path, low: int, high: int) -> None:
    """Remove partials, manifests and half-written files of the runners `low` to `high`."""
    _remove(path for runner, path in _own_files(directory) if low <= runner <= high)


def remove_all(directory: Path) -> None:
    """Remove everything a run leaves beside its result, of any runner and any run."""
    _remove(path for _, path in _own_files(directory))
    remove_half_written_results(directory)


def remove_half_written_results(directory: Path) -> None:
    """Remove what a collect that was killed left behind."""
    _remove(path for path in _looked_through(directory) if _HALF_WRITTEN_RESULT.fullmatch(path.name))


def _own_files(directory: Path) -> Iterator[tuple[int, Path]]:
    for path in _looked_through(directory):
        if match := _OWN_FILE.fullmatch(path.name):
            yield int(match["runner"]), path


def _looked_through(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError as error:
        raise WriteError(f"the output directory '{directory}' can't be listed: {error.strerror}") from error


def _remove(paths: Iterable[Path]) -> None:
    for path in sorted(paths, key=lambda path: path.suffix != ".json"):  # manifests first
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"the old '{path}' can't be removed: {error.strerror}") from error


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    low = None
    for position, number in enumerate(numbers):
        low = number if low is None else low
        if position + 1 == len(numbers) or numbers[position + 1] != number + 1:
            yield low, number
            low = None


def _checksum(plain: dict[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(plain, sort_keys=True).encode()):08x}"


class _CheckedFile(FileIO):
    """A partial that compares itself with its manifest when its end is reached."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path)
        self._manifest = manifest
        self._bytes = 0
        self._crc32 = 0

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = super().readinto(buffer) or 0
        self._bytes += count
        self._crc32 = zlib.crc32(memoryview(buffer)[:count], self._crc32)
        if count == 0 and (self._bytes, f"{self._crc32:08x}") != (self._manifest.bytes, self._manifest.crc32):
            raise damaged(self._manifest, "its bytes are not those that its manifest committed")
        return count
