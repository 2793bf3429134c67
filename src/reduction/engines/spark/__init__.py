"""Engine `spark`: one Spark job reduces the whole input."""
