"""Looks for words that this project does not use: misc/banned_words.txt lists them with what to write
instead.

python misc/check_words.py [FILE...]     all tracked text files by default; exit code 1 if a word is found
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORDS = ROOT / "misc" / "banned_words.txt"
CHECKED = {".py", ".pyi", ".md", ".cpp", ".hpp", ".inl", ".txt", ".toml", ".yaml", ".yml", ".sh", ".env", ""}
NOT_CHECKED = (
    "native/fuzz/seeds/",
    "task/",
    "tests/airflow/requirements.txt",
    "misc/banned_words.txt",
    "LICENSE",
)


def banned_words() -> list[tuple[re.Pattern[str], str]]:
    """Return each banned pattern with what to write instead."""
    lines = [line for line in WORDS.read_text().splitlines() if line and not line.startswith("#")]
    rules = [line.partition(" = ") for line in lines]
    # An identifier counts as its words, so that names are checked, too.
    return [
        (re.compile(rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])", re.IGNORECASE), instead)
        for word, _, instead in rules
    ]


def tracked_files() -> list[str]:
    """Return the tracked files that are checked, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    names = listed.stdout.strip("\0").split("\0")
    return [name for name in names if Path(name).suffix in CHECKED and not name.startswith(NOT_CHECKED)]


def findings(name: str, rules: list[tuple[re.Pattern[str], str]]) -> Iterator[str]:
    """Yield a line for each banned word in a file."""
    path = ROOT / name
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        for pattern, instead in rules:
            if match := pattern.search(line):
                yield f"{name}:{number}: '{match[0]}': write {instead}"


def main() -> int:
    """Print every finding; return 1 if there is one."""
    rules = banned_words()
    found = [line for name in sys.argv[1:] or tracked_files() for line in findings(name, rules)]
    sys.stdout.writelines(f"{line}\n" for line in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
