"""The reduction as a job for spark-submit: reads a tree of CSV files, writes Combined.csv and its report.

    spark-submit --master spark://HOST:7077 misc/spark_example.py INPUT OUTPUT

Master, memory and cores are spark-submit's to say. All executors see INPUT under the same path and have the
package with its extra `spark`; OUTPUT is the driver's and must exist. Without spark-submit, the same is done
by `python reducer.py` with REDUCER_ENGINE=spark and REDUCER_SPARK_MASTER.
"""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession

from reduction.app import controller


def main() -> int:
    """Return the exit code of the reduction."""
    if len(sys.argv) != 3:
        sys.stderr.write("usage: spark-submit [...] misc/spark_example.py INPUT OUTPUT\n")
        return 3
    os.environ |= {
        "REDUCER_ENGINE": "spark",
        "REDUCER_INPUT_DIR": sys.argv[1],
        "REDUCER_OUTPUT_DIR": sys.argv[2],
    }
    session = SparkSession.builder.appName("reducer").getOrCreate()
    try:
        return controller.main([])  # it uses the session that is there
    finally:
        session.stop()


if __name__ == "__main__":
    sys.exit(main())
