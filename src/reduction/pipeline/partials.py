"""A runner's result on disk: `.Combined_ID.csv`, committed by its manifest `.Combined_ID.json`.

The manifest is written last and removed first: a partial without one does not count. It has what `collect`
needs to reject a partial of another run, and the partial's size and CRC-32.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

from reduction.errors import PartialsRejected, WriteError
from reduction.pipeline.naming import (
    PARTIAL_OR_TEMP_FILE,
    RESULT_TEMP_FILE,
    manifest_name,
    partial_name,
    removal_order,
)
from reduction.pipeline.rows import row_suffix
from reduction.pipeline.split_results import SplitResult
from reduction.pipeline.stats import Stats
from reduction.runtime.atomic_file import atomic_write

FORMAT = (
    4  # of manifests, and of the order of splits in shares: nodes that differ in either must not be mixed
)


class Manifest(NamedTuple):
    """Which run a partial belongs to, what is in it, and the stats of its share.

    `splits` and `fingerprint` are those of the whole run's list of splits; `bytes` and `crc32` those of the
    partial's file. `addresses` counts its rows by environment, without those of split files;
    `split_file_counts` counts the latter by the file's number, and `split_results` has their stats. `seconds`
    is the runner's wall time.
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
    """The text after an address in a line of a partial, and the row's environment; None if it does not
    count.
    """

    text: str
    environment: str | None


class ManifestMissing(Exception):
    """This runner has no committed partial."""


class ManifestDamaged(Exception):
    """The manifest exists, but is not what a runner wrote."""


def partial_path(directory: Path, runner: int) -> Path:
    """Return the path of the rows of runner number `runner`."""
    return directory / partial_name(runner)


def manifest_path(directory: Path, runner: int) -> Path:
    """Return the path of the manifest of that partial."""
    return directory / manifest_name(runner)


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
            raise ManifestDamaged(f"format {plain['format']}, but this version reads format {FORMAT}")
        checksum = plain.pop("checksum")
        if checksum != _checksum(plain) or plain["runner"] != runner:
            raise ManifestDamaged("its checksum does not match its contents")
        del plain["format"]
        plain["stats"] = Stats.from_plain(plain["stats"])
        plain["split_file_counts"] = {int(number): int(rows) for number, rows in plain["split_file_counts"]}
        plain["split_results"] = tuple(SplitResult.from_plain(result) for result in plain["split_results"])
        return Manifest(**plain)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestDamaged("it is incomplete") from error


@contextmanager
def opened_partial(directory: Path, manifest: Manifest) -> Iterator[BinaryIO]:
    """Yield the bytes of a partial; at the end they are compared with the manifest.

    Raises `PartialsRejected` if the file is missing or is not the one that the manifest committed.
    """
    path = partial_path(directory, manifest.runner)
    try:
        file = _CheckedFile(path, manifest)
    except OSError as error:
        raise damaged(manifest, str(error.strerror)) from error
    with BufferedReader(file, 1 << 18) as stream:
        yield stream


def row_suffixes(manifests: Iterable[Manifest], discarded: Collection[int]) -> list[RowSuffix]:
    """Return every suffix that rows of these partials may have, in the sort order of rows.

    Rows of the split files whose numbers are in `discarded` do not count.
    """
    sources = set()
    for manifest in manifests:
        sources |= {(name, -1) for name in manifest.addresses}
        sources |= {(result.split.environment, result.split_file_id) for result in manifest.split_results}
    return [
        RowSuffix(row_suffix(name), name)
        if number < 0
        else RowSuffix(row_suffix(name, number), None if number in discarded else name)
        for name, number in sorted(sources)
    ]


def damaged(manifest: Manifest, what: str) -> PartialsRejected:
    """Return the error for a partial whose bytes are not those that were committed."""
    name = partial_path(Path(), manifest.runner).name
    return PartialsRejected([f"partial '{name}' is damaged ({what}): {rerun_hint([manifest.runner])}"])


def rerun_hint(runners: Iterable[int]) -> str:
    """Return the commands that produce the partials of these runners again."""
    return " and ".join(
        f"run REDUCER_MODE=reduce REDUCER_LOW_RUNNER={low} REDUCER_HIGH_RUNNER={high}"
        for low, high in _ranges(sorted(set(runners)))
    )


def remove(directory: Path, low: int, high: int) -> None:
    """Remove partials, manifests and temporary files of the runners `low` to `high`."""
    _remove(path for runner, path in _own_files(directory) if low <= runner <= high)


def remove_all(directory: Path) -> None:
    """Remove everything a run leaves next to its result, of any runner and any run."""
    _remove(path for _, path in _own_files(directory))
    remove_result_temp_files(directory)


def remove_result_temp_files(directory: Path) -> None:
    """Remove what a killed collect left."""
    _remove(path for path in _list_directory(directory) if RESULT_TEMP_FILE.fullmatch(path.name))


def _own_files(directory: Path) -> Iterator[tuple[int, Path]]:
    for path in _list_directory(directory):
        if match := PARTIAL_OR_TEMP_FILE.fullmatch(path.name):
            yield int(match["runner"]), path


def _list_directory(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError as error:
        raise WriteError(f"the output directory '{directory}' cannot be listed: {error.strerror}") from error


def _remove(paths: Iterable[Path]) -> None:
    for path in sorted(paths, key=lambda path: removal_order(path.name)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"cannot remove the old '{path}': {error.strerror}") from error


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
    """A partial that is compared with its manifest when its end is reached."""

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
            raise damaged(self._manifest, "its bytes do not match its manifest")
        return count
