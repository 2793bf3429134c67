"""Spark for tests: one session in this process, and a standalone cluster of real processes."""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE = 300.0  # seconds
LOOPBACK = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@functools.cache
def session() -> Any:
    """The session of this process, which inline runs find and use: two cores of this machine."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in LOOPBACK.items():
        builder = builder.config(name, value)
    started = builder.config("spark.log.level", "OFF").getOrCreate()
    started.sparkContext.pythonExec = sys.executable
    return started


def children(pid: int) -> list[int]:
    """The processes that this one has started, from any of its threads, and that still run."""
    found = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def descendants(pid: int) -> list[int]:
    """Its children, and theirs."""
    return [found for child in children(pid) for found in (child, *descendants(child))]


def command_of(pid: int) -> str:
    """The command line of a process, empty if there is none."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return ""


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(what: str, is_so: Any) -> Any:
    """What `is_so` returns as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"after {PATIENCE} s still not: {what}"
        time.sleep(0.05)  # between two looks, not in the place of one
    return answer


class Cluster:
    """A standalone master and its workers, each a process group of its own, on free ports of the loopback."""

    def __init__(self, folder: Path) -> None:
        import pyspark

        self.folder = folder
        self._spark_class = Path(pyspark.__file__).parent / "bin" / "spark-class"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._port = free_port()
        self.master = f"spark://127.0.0.1:{self._port}"
        self.conf = folder / "conf"
        self.conf.mkdir()
        lines = LOOPBACK | {"spark.executor.memory": "512m", "spark.task.maxFailures": "4"}
        (self.conf / "spark-defaults.conf").write_text("".join(f"{k} {v}\n" for k, v in lines.items()))
        self._start("master.Master", "--port", str(self._port), "--webui-port", str(free_port()))
        wait_until("the master listens", self._listens)

    def worker(self) -> subprocess.Popen[bytes]:
        """Start a worker with one core."""
        number = len(self._processes)
        worker = self._start(
            "worker.Worker", "--cores", "1", "--memory", "600m", "--webui-port", str(free_port()),
            "--work-dir", str(self.folder / f"work-{number}"), self.master,
        )  # fmt: skip
        wait_until("the worker is registered", lambda: "Successfully registered" in self._log(number))
        return worker

    def close(self) -> None:
        """Stop all of it."""
        for process in reversed(self._processes):
            executors = descendants(process.pid)
            process.kill()
            process.wait()
            for pid in executors:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _start(self, kind: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"log-{len(self._processes)}").open("wb")
        command = [
            str(self._spark_class),
            f"org.apache.spark.deploy.{kind}",
            "--host",
            "127.0.0.1",
            *arguments,
        ]
        level = self.folder / "log4j2.properties"
        level.write_text(
            "rootLogger.level=${sys:log4j2.level:-info}\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\n"
            "appender.out.name=out\nappender.out.target=SYSTEM_ERR\nappender.out.layout.type=PatternLayout\n"
            "appender.out.layout.pattern=%d %p %c{1}: %m%n\n"
        )
        environment = os.environ | {
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": f"-Dlog4j2.configurationFile={level}",
        }
        with log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)
        return process

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _log(self, number: int) -> str:
        return (self.folder / f"log-{number}").read_text(errors="replace")


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A cluster with so many workers; nothing of it is left behind."""
    made = Cluster(folder)
    try:
        for _ in range(workers):
            made.worker()
        yield made
    finally:
        made.close()
