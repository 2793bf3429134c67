"""What Spark says of a failure, in pages, becomes one sentence with a way out."""

from __future__ import annotations

import errno
import os

import pytest

CALL = "An error occurred while calling o46.getResult"
CAUSES = {
    CALL: "the JVM of the driver has ended",
    f"{CALL}.\n: java.lang.OutOfMemoryError: Java heap space\n\tat a.b": "too little memory (java.lang.OutOf",
    f"{CALL}.\n: org.apache.spark.SparkException: Job aborted\n\tat a.b": "SparkException: Job aborted",
    f"ConnectionRefusedError: {os.strerror(errno.ECONNREFUSED)}": "the JVM of the driver has ended",
    "x\nTaskError: an executor does not see it\ny": "an executor does not see it",
    "x\n  ModuleNotFoundError: No module named 'reduction'\n": "Python has no module 'reduction'",
    "x\nRuntimeError: can't start new thread\n": "raise spark.executor.pyspark.memory",
    "": "no reason given",
}


@pytest.mark.parametrize(("text", "sentence"), CAUSES.items())
def test_a_cause_on_spark_is_reported_in_a_sentence(text, sentence):
    from reduction.engines.spark.session import explain_failure

    explained = explain_failure(text)
    assert sentence in explained
    assert "\n" not in explained
