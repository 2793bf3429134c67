"""Benchmarks: how fast the Reducer and its peers do the same job on the same data. See README.md here."""
