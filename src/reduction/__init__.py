"""Reduces trees of CSV files to one sorted, distinct result; a library without environment or argv."""

__version__ = "0.2.0"
