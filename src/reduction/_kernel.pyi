"""Types of the native kernel, compiled from native/ into this folder. It may be missing: docs/adr/0006."""

def version() -> str:
    """Return the version of the package that this was built from."""

def instruction_set() -> str:
    """Return the set of instructions that is in use on this processor: AVX-512, AVX2, NEON or portable."""
