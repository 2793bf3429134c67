"""The Spark session of a run: started or borrowed, watched while it works, ended; its errors as sentences."""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from py4j.protocol import Py4JError
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from reduction.errors import ReducerError, SettingsError, SparkFailed

ERRORS = (PySparkException, Py4JError, EOFError, ConnectionError)
"""What pyspark raises if the job, the cluster or the JVM fails."""

_OF_OURS = {
    "spark.sql.adaptive.enabled": "false",  # how many partitions there are is known better here
    # Our rows are blocks of up to a megabyte: as many as Spark takes by default would fill the JVM at once.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "8",
    "spark.sql.inMemoryColumnarStorage.batchSize": "8",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
_UNLESS_SET = {
    "spark.app.name": "reducer",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
}
_CAUSES = (
    (r"TaskError: (.+)", "{0}"),
    (
        r"ModuleNotFoundError: No module named '([^']+)'",
        "the executors' Python has no module '{0}': install the package with its extra 'spark' on all of"
        " them, and name that Python by PYSPARK_PYTHON",
    ),
    (r"PYTHON_VERSION_MISMATCH", "the executors' Python is not the driver's, see PYSPARK_PYTHON ({said})"),
    (r"CANNOT_RUN_PYTHON|Cannot run program \"([^\"]+)\"", "an executor can't start Python ({said})"),
    (
        r"All masters are unresponsive|Master removed our application",
        "the master does not answer, or has discarded the job: see its log, then run again",
    ),
    (
        r"can't start new thread",
        "a Python worker may not start the threads that fetch objects: raise spark.executor.pyspark.memory,"
        " which counts the room for their stacks, or leave it unset, then run again",
    ),
    (
        r"OutOfMemoryError",
        "a JVM has too little memory ({said}): raise spark.driver.memory or spark.executor.memory, then run"
        " again",
    ),
    (
        r"ExecutorLostFailure|[Ee]xecutor lost|Python worker exited unexpectedly",
        "executors were lost again and again ({said}); often this is a lack of memory: give them more, or"
        " fewer cores each, then run again",
    ),
    (
        r"\AAn error occurred while calling [\w.$]+\Z"  # with nothing after it: there was no answer
        rf"|{os.strerror(errno.ECONNREFUSED)}|Answer from Java side is empty|Error while sending"
        r"|An error occurred while trying to connect|SparkContext (?:was|has been) shut ?down"
        r"|Connection reset",
        "the JVM of the driver has ended; often this is a lack of memory: see spark.driver.memory",
    ),
)
_TICK = 5.0  # seconds between two words of progress
_TICKS_ALONE = 3  # after so many without an executor something is said
_CONNECT = 5.0  # seconds a master has to answer
_GRACE = 15.0  # seconds the JVM has to end
_LOG = logging.getLogger("reduction.spark")


@contextmanager
def opened(master: str) -> Iterator[SparkSession]:
    """Give a session with settings of our own: on the context that is there, or on one started at `master`.

    What was started here is ended here, whatever was raised. Raises `SettingsError` if there is no Java or
    Spark does not take the settings, `SparkFailed` if the master does not answer.
    """
    with _py4j_is_quiet():
        there = SparkSession.getActiveSession()
        session = _started(master) if there is None else there
        try:
            used = session.newSession()
            for name, value in _OF_OURS.items():
                used.conf.set(name, value)
            with _watched(used.sparkContext):
                yield used
        finally:
            if there is None:
                _end(session)


def suppressed() -> suppress:
    """Return a context in which it does not matter whether Spark is still there."""
    return suppress(*ERRORS)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `SparkFailed`, in a sentence, for what pyspark raises in the block."""
    try:
        yield
    except ERRORS as error:
        raise SparkFailed(explain_failure(str(error))) from error


def explain_failure(text: str) -> str:
    """Return the sentence that says why a job failed, out of the pages that Spark says."""
    for pattern, sentence in _CAUSES:
        if match := re.search(pattern, text.strip()):
            return sentence.format(*match.groups(), said=_first_line(text))
    return _first_line(text)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line.removeprefix(": ") for line in lines if re.match(r"(: )?[\w.$]+(Exception|Error)\b", line)]
    return (raised or lines or ["no reason given"])[0][:300]


def _started(master: str) -> SparkSession:
    started = time.monotonic()
    _check_answers(master)
    on_interrupt = signal.getsignal(signal.SIGINT)
    session = None
    try:
        conf = SparkConf(loadDefaults=False).setMaster(master)
        conf.set("spark.ui.showConsoleProgress", "false")  # or it is on: to Spark this is a shell
        SparkContext._ensure_initialized(conf=conf)  # starts the JVM, which then knows spark-defaults.conf
        conf = SparkConf()
        for name, value in _UNLESS_SET.items():
            conf.setIfMissing(name, value)
        session = SparkSession.builder.config(conf=conf).getOrCreate()
    except ERRORS as error:
        raise _not_started(master, error) from error
    finally:
        if session is None:
            _end(None)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, on_interrupt)  # pyspark has put its own there
    context = session.sparkContext
    if not _LOG.isEnabledFor(logging.DEBUG):
        context.setLogLevel("OFF")  # what fails is logged here, in a sentence
    python = conf.get("spark.pyspark.python")
    if python is not None or context.pythonExec == "python3":  # nobody has named one by PYSPARK_PYTHON
        context.pythonExec = python or sys.executable
    _LOG.info(
        "Spark %s at %s, %s cores, started in %.1f s",
        context.version, context.master, context.defaultParallelism, time.monotonic() - started,
    )  # fmt: skip
    return session


def _check_answers(master: str) -> None:
    """Raise `SparkFailed` if none of the standalone masters answers; Spark itself would try for a minute."""
    if not master.startswith("spark://"):
        return
    failures = []
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _CONNECT).close()
        except (OSError, ValueError) as error:
            failures.append(f"{place}: {error}")
        else:
            return
    raise SparkFailed(
        f"no master answers at REDUCER_SPARK_MASTER={master} ({'; '.join(failures)}): is it running?"
    )


def _not_started(master: str, error: Exception) -> ReducerError:
    text = str(error)
    if "JAVA_GATEWAY_EXITED" in text:
        return SettingsError(
            [
                "REDUCER_ENGINE=spark: Spark's JVM could not be started, see above; it needs Java 17 or"
                " newer, found by JAVA_HOME or PATH (Debian: apt-get install openjdk-17-jre-headless), and"
                " settings that it knows"
            ]
        )
    if "Could not parse Master URL" in text:
        return SettingsError([f"REDUCER_SPARK_MASTER={master}: Spark does not know this kind of master"])
    return SparkFailed(f"no session at REDUCER_SPARK_MASTER={master}: {explain_failure(text)}")


def _end(session: SparkSession | None) -> None:
    """Stop the session and the JVM that was started for it; returns when that is gone."""

    def stop() -> None:
        with suppress(*ERRORS):
            if session is not None:
                session.stop()

    # In a thread of its own, which has a connection of its own: that of this one may have been interrupted
    # between a question and its answer.
    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    stopper.join(_GRACE)
    gateway = SparkContext._gateway
    jvm: subprocess.Popen[bytes] | None = getattr(gateway, "proc", None)
    if gateway is None or jvm is None:  # spark-submit has started it and will end it
        return
    SparkContext._gateway = SparkContext._jvm = None
    jvm.terminate()
    try:
        jvm.wait(_GRACE)
    except subprocess.TimeoutExpired:
        jvm.kill()
        jvm.wait()
    if jvm.stdin is not None:
        with suppress(OSError):
            jvm.stdin.close()


class _NotOfPy4j(logging.Filter):
    """Keeps back what py4j logs of a lost JVM, with pages of tracebacks: that is reported in a sentence."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "py4j" not in record.pathname


@contextmanager
def _py4j_is_quiet() -> Iterator[None]:
    quiet = _NotOfPy4j()
    if not _LOG.isEnabledFor(logging.DEBUG):
        logging.root.addFilter(quiet)
    try:
        yield
    finally:
        logging.root.removeFilter(quiet)


def _has_executors(context: SparkContext) -> bool:
    """Return whether there is anyone to work; the driver, counted too, does so in local mode only."""
    return context.master.startswith("local") or bool(context._jsc.sc().getExecutorMemoryStatus().size() > 1)


@contextmanager
def _watched(context: SparkContext) -> Iterator[None]:
    """Log every few seconds how far the job is, and once if nobody takes it."""
    done = threading.Event()

    def watch() -> None:
        ticks_alone = 0
        while not done.wait(_TICK):
            with suppress(*ERRORS, AttributeError):
                tracker = context.statusTracker()
                stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
                for of in filter(None, stages):
                    _LOG.info("stage %s: %s of %s tasks done", of.stageId, of.numCompletedTasks, of.numTasks)
                ticks_alone += not _has_executors(context)
                if ticks_alone == _TICKS_ALONE:
                    _LOG.warning(
                        "no executor takes the job: has the cluster workers with free cores and memory?"
                    )

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(_TICK)
