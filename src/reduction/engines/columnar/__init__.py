"""Engine `pandas`: whole-array operations on blocks of bytes."""
