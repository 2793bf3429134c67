"""Checks what a release needs: version and changelog agree, the tree is clean, the wheel installs and runs.

python misc/check_release.py     exit code 1 with the reasons
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path) -> str:
    """Return what a command prints; raises `CalledProcessError` if it fails."""
    return subprocess.run(  # noqa: S603 - fixed commands
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def problems() -> Iterator[str]:
    """Yield what keeps this commit from being released."""
    source = (ROOT / "src" / "reduction" / "__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    version = found[1] if found else "?"
    heading = rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)$"
    if not re.search(heading, (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE):
        yield f"CHANGELOG.md has no section '## {version} (YYYY-MM-DD)'"
    if run("git", "status", "--porcelain"):
        yield "the working tree has changes that are not committed"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
        [wheel] = folder.glob("*.whl")
        run(sys.executable, "-m", "venv", folder / "venv")
        python = folder / "venv" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "requirements.txt", wheel)
        printed = run(python.with_name("host-processor"), "--version").strip()
        if printed != version:
            yield f"the installed host-processor prints version {printed}, not {version}"


def main() -> int:
    """Print every problem; return 1 if there is one."""
    reasons = list(problems())
    sys.stdout.writelines(f"{reason}\n" for reason in reasons)
    return bool(reasons)


if __name__ == "__main__":
    sys.exit(main())
