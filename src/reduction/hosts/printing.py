"""What is asked for goes to standard output; logs never do."""

from __future__ import annotations

import os
import sys

from reduction.errors import WriteError


def print_text(text: str) -> None:
    """Print `text` as UTF-8, whatever the locale, and flush; raises `WriteError`.

    A reader that has gone (`| head`) is no fault: nobody is left who wants more.
    """
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except OSError as error:
        # Or Python would try once more at the end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise WriteError(f"standard output can't be written: {error.strerror}") from error
