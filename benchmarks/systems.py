"""What can be measured: the Reducer with each engine, the peers of peers/peers.toml, and the limit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from benchmarks.make_data import Answer, Data
from benchmarks.workloads import HERE, REPOSITORY, Workload

PEERS = HERE / "peers"


@dataclass(frozen=True)
class System:
    """One thing that does the job: `kind` is "reducer", "peer" or "limit"."""

    name: str
    kind: str
    command: tuple[str, ...]
    folder: Path
    version: str
    variables: dict[str, str] = field(default_factory=dict)

    def call(self, workload: Workload, data: Data, output: Path) -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment that do the job, with the result in `output`."""
        clean = self.environment()
        if self.kind == "reducer":
            folders = {"REDUCER_INPUT_DIR": str(data.tree), "REDUCER_OUTPUT_DIR": str(output)}
            return list(self.command), clean | self.variables | folders
        return [*self.command, str(data.tree), str(self.result(output)), *workload.hints], clean

    @staticmethod
    def environment() -> dict[str, str]:
        """Return the environment without what would change what the Reducer does.

        An installed package is compiled; a checkout is at its first start, unless that is forbidden.
        """
        return {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("REDUCER_") and name != "PYTHONDONTWRITEBYTECODE"
        }

    def result(self, output: Path) -> Path:
        """Return where the answer will stand."""
        return output / "Combined.csv"

    def is_right(self, output: Path, data: Data) -> bool:
        """Return whether the answer is the right one; the limit has only counted lines."""
        if self.kind == "limit":
            return int(self.result(output).read_text()) == data.lines
        return answer_in(self.result(output)) == data.answer


def answer_in(result: Path) -> Answer:
    """Return what stands in a result; quotes do not matter, since some systems put them round every text."""
    digest = hashlib.sha256()
    rows = -1  # the header is none
    with result.open("rb") as file:
        while block := file.read(1 << 22):
            rows += block.count(b"\n")
            digest.update(block.replace(b'"', b""))
    return Answer(rows, digest.hexdigest())


def reducers(engines: list[str], python: Path) -> list[System]:
    """Return the Reducer with each of these engines; "auto" is just called "reducer"."""
    shown = subprocess.run(
        [python, "reducer.py", "--version"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [
        System(
            name="reducer" if engine == "auto" else f"reducer-{engine}",
            kind="reducer",
            command=(str(python), "reducer.py"),
            folder=REPOSITORY,
            version=shown.stdout.strip(),
            variables={"REDUCER_ENGINE": engine},
        )
        for engine in engines
    ]


def peers(folder: Path = PEERS, kind_of_system: type[System] = System) -> list[System]:
    """Return all systems of the peers.toml in `folder`, in its order."""
    tables = tomllib.loads((folder / "peers.toml").read_text(encoding="utf-8"))
    return [
        kind_of_system(
            name=name,
            kind="limit" if table.get("limit") else "peer",
            command=tuple(part.format(python=sys.executable) for part in table["command"]),
            folder=folder,
            version=version_of(table),
        )
        for name, table in tables.items()
    ]


def version_of(table: dict[str, list[str]]) -> str:
    """Return the version of the system that a table of peers.toml describes."""
    if "package" in table:
        return metadata.version(str(table["package"]))
    command = [part.format(python=sys.executable) for part in table["version"]]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    return shown.stdout.splitlines()[0].rpartition(" ")[2]
