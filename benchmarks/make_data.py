"""Makes the data of a workload and the right answer to it, or finds both made before.

    python -m benchmarks.make_data narrow small --scale 0.02

The answer does not come from reading the files back: the generator knows which addresses it has written.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fields import address_of, address_parts, spellings, written
from benchmarks.workloads import ENVIRONMENTS, HERE, KEY, REPOSITORY, Workload, load

DEFAULT_CACHE = Path(tempfile.gettempdir()) / "reducer-benchmarks"
HEADER = f"{KEY},Environment\n".encode()
_ROWS_AT_ONCE = 250_000
_GZIP_LEVEL = 6


@dataclass(frozen=True)
class Answer:
    """What a system has to find: rows of the result, and the digest of its bytes with header and in order."""

    rows: int
    sha256: str


@dataclass(frozen=True)
class Data:
    """A tree of files, its size, and the right answer to it."""

    tree: Path
    files: int
    bytes: int
    lines: int
    answer: Answer


def path_of(workload: Workload, file: int) -> str:
    """Return where in the tree the file with that number stands."""
    environment = ENVIRONMENTS[file % workload.environments]
    return f"{environment.split()[0].lower()}/{environment} {file // workload.environments + 1}.csv"


def make_file(workload: Workload, tree: Path, file: int) -> NDArray[np.uint32]:
    """Write one file; returns the addresses that are in it."""
    rng = np.random.default_rng([workload.seed, file])
    # Neighbours share half of their pools, so that many addresses belong to more than one environment.
    first = file % workload.environments * (workload.pool // 2)
    seen = np.zeros(workload.pool, dtype=bool)
    header = ",".join(name for name, _ in workload.columns).encode() + b"\n"
    path = tree / path_of(workload, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as raw:
        out = gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) if workload.gzip else raw
        out.write(header)
        left = workload.rows_of(file)
        while left:
            rows = min(left, _ROWS_AT_ONCE)
            drawn = rng.integers(workload.pool, size=rows, dtype=np.uint64)
            seen[drawn] = True
            out.write(_rows(workload, rng, address_of(drawn + np.uint64(first), workload.seed)))
            left -= rows
        if out is not raw:
            out.close()
    return address_of(np.flatnonzero(seen).astype(np.uint64) + np.uint64(first), workload.seed)


def _rows(workload: Workload, rng: np.random.Generator, addresses: NDArray[np.uint32]) -> bytes:
    """Return rows with these addresses and anything in their other columns, as text."""
    parts = []
    for _, kind in workload.columns:
        if kind == "address":
            parts += address_parts(addresses)
        else:
            table = spellings(kind)
            parts.append(table[rng.integers(len(table), size=len(addresses), dtype=np.uint32)])
        parts.append(b",")
    return written([*parts[:-1], b"\n"], len(addresses))


def answer_to(found: dict[str, list[NDArray[np.uint32]]]) -> Answer:
    """Return the answer: each address once for each environment, by number and then by environment."""
    names = sorted(found)
    keys = [
        np.unique(np.concatenate(found[name])).astype(np.uint64) << np.uint64(8) | np.uint64(place)
        for place, name in enumerate(names)
    ]
    rows = np.sort(np.concatenate(keys))
    row_suffixes = np.array([f",{name}\n".encode() for name in names])
    digest = hashlib.sha256(HEADER)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        ending = row_suffixes[(part & np.uint64(255)).astype(np.intp)]
        addresses = (part >> np.uint64(8)).astype(np.uint32)
        digest.update(written([*address_parts(addresses), ending], len(part)))
    return Answer(len(rows), digest.hexdigest())


def make(workload: Workload, tree: Path, processes: int = 1) -> Answer:
    """Write the whole tree; returns the right answer to it."""
    found: dict[str, list[NDArray[np.uint32]]] = {}
    numbers = range(workload.files)
    if processes == 1:
        made = [make_file(workload, tree, file) for file in numbers]
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            chunk = max(1, workload.files // (processes * 8))
            made = list(
                pool.map(
                    make_file, [workload] * workload.files, [tree] * workload.files, numbers, chunksize=chunk
                )
            )
    for file, addresses in zip(numbers, made, strict=True):
        found.setdefault(ENVIRONMENTS[file % workload.environments], []).append(addresses)
    return answer_to(found)


def _made_from(workload: Workload) -> str:
    """Return a digest of all that the data depend on: the workload and the sources of the generator."""
    digest = hashlib.sha256(json.dumps(asdict(workload), sort_keys=True).encode())
    digest.update(np.__version__.encode())
    for name in ("fields.py", "make_data.py"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def ready(workload: Workload, scale: float, cache: Path, processes: int) -> Data:
    """Return the data of a workload at a scale; they are made if they are not in the cache."""
    if workload.folder is not None and workload.expected is not None:
        expected = (REPOSITORY / workload.expected).read_bytes()
        answer = Answer(expected.count(b"\n") - 1, hashlib.sha256(expected).hexdigest())
        return _measured(REPOSITORY / workload.folder, answer)
    workload = workload.scaled(scale)
    folder = cache / f"{workload.name}-{scale:g}"
    note = folder / "complete.json"  # written last
    made_from = _made_from(workload)
    if note.exists():
        noted = json.loads(note.read_text())
        if noted["made_from"] == made_from:
            return Data(folder / "tree", **noted["size"], answer=Answer(**noted["answer"]))
    shutil.rmtree(folder, ignore_errors=True)
    answer = make(workload, folder / "tree", processes)
    data = _measured(folder / "tree", answer, workload.rows + workload.files)
    size = {"files": data.files, "bytes": data.bytes, "lines": data.lines}
    note.write_text(
        json.dumps({"made_from": made_from, "size": size, "answer": asdict(answer)}, indent=2) + "\n"
    )
    return data


def _measured(tree: Path, answer: Answer, lines: int | None = None) -> Data:
    paths = list(tree.rglob("*.csv"))
    if lines is None:
        lines = sum(path.read_bytes().count(b"\n") for path in paths)
    return Data(tree, len(paths), sum(path.stat().st_size for path in paths), lines, answer)


def main() -> None:
    """The command line."""
    workloads = load()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument(
        "workloads", nargs="*", default=list(workloads), help="default: all of workloads.toml"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="make only this share (default: %(default)s)"
    )
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where data are kept (%(default)s)")
    asked = parser.parse_args()
    for name in asked.workloads:
        started = time.monotonic()
        data = ready(workloads[name], asked.scale, asked.cache, len(os.sched_getaffinity(0)))
        print(
            f"{name}: {data.files:,} files, {data.bytes / 1e6:,.1f} MB, {data.lines:,} lines, "
            f"{data.answer.rows:,} rows in the answer; {time.monotonic() - started:.1f} s; {data.tree}"
        )


if __name__ == "__main__":
    main()
