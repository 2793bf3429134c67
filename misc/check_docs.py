"""Checks that links between Markdown files lead somewhere, and that docs/index.md reaches every page of
docs/.

python misc/check_docs.py     exit code 1 if a link is broken or a page cannot be reached
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def links(page: Path) -> list[Path]:
    """Return the files that a page links to, without anchors and addresses on the web."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in LINK.findall(text) if "://" not in target]
    return [(page.parent / target).resolve() for target in targets if target]


def main() -> int:
    """Print every problem; return 1 if there is one."""
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    pages = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    problems = [
        f"{page.relative_to(ROOT)}: broken link to {target}"
        for page in pages
        for target in links(page)
        if not target.exists()
    ]
    reached: set[Path] = set()
    waiting = [ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            waiting += links(page)
    problems += [
        f"{page.relative_to(ROOT)}: no link from docs/index.md leads there"
        for page in pages
        if page.is_relative_to(ROOT / "docs") and page not in reached
    ]
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
