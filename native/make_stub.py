"""Writes src/reduction/_kernel.pyi from the compiled module, or checks with --check that the file is current.

    python native/make_stub.py [--check]

Types and docstrings come from native/bindings/. The module must be built (`make native`).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nanobind.stubgen import StubGen

from reduction import _kernel

STUB = Path(__file__).parents[1] / "src" / "reduction" / "_kernel.pyi"
HEADER = "# Written by native/make_stub.py: change native/bindings/ and run it again.\n# ruff: noqa\n"


def generate() -> str:
    """Return the stub of the installed module, formatted."""
    generator = StubGen(_kernel)
    generator.put(_kernel)
    ruff = Path(sys.executable).with_name("ruff")
    command = [ruff, "format", "--stdin-filename", STUB, "-"]
    formatted = subprocess.run(  # noqa: S603 - a fixed command
        command, input=HEADER + generator.get(), capture_output=True, text=True, check=True
    )
    return formatted.stdout


def main() -> str | None:
    """Write or check the stub; return what is wrong, if anything is."""
    stub = generate()
    if "--check" in sys.argv[1:]:
        return None if STUB.read_text() == stub else f"{STUB} is not current: run native/make_stub.py"
    STUB.write_text(stub)
    return None


if __name__ == "__main__":
    sys.exit(main())
