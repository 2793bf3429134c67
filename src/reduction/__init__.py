"""Reduces trees of CSV files to one sorted, distinct result; only `app` and `hosts` are programs."""

__version__ = "0.2.0"
