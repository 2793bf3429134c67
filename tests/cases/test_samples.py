"""The sample files of the task: still what the generator makes, and still as hard as the task says."""

import runpy
from collections import Counter
from itertools import accumulate
from pathlib import Path

SAMPLES = Path(__file__).parent.parent.parent / "task"
TASK = SAMPLES / "reducer"


def snapshot(folder: Path) -> dict[str, bytes | Path]:
    """Every file and link of a tree with what it holds."""
    return {
        str(path.relative_to(folder)): path.readlink() if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_the_generator_still_makes_the_samples_that_are_kept(tmp_path):
    make = runpy.run_path(str(TASK / "make_regions.py"))["make"]
    make(tmp_path, seed=2026, rows=3600)
    assert snapshot(tmp_path / "regions") == snapshot(TASK / "regions")
    for name in ("regions.expected.csv", "regions.expected.json"):
        assert (tmp_path / name).read_bytes() == (TASK / name).read_bytes()


def test_the_exports_hold_what_the_task_describes():
    exports = [path.read_bytes() for path in (TASK / "exercise").iterdir()]
    assert len(exports) == 4
    assert any(export.startswith(b"\xef\xbb\xbf") for export in exports)
    assert any(b"\r\n" in export for export in exports)
    assert any(not export.endswith(b"\n") for export in exports)
    assert any(b"Events / Second" in export for export in exports)


def test_the_generator_still_makes_the_log_that_is_kept(tmp_path):
    make = runpy.run_path(str(SAMPLES / "hosts" / "make_log.py"))["make"]
    make(tmp_path / "connections.txt", seed=2019, lines=10_000)
    assert (tmp_path / "connections.txt").read_bytes() == (SAMPLES / "hosts" / "connections.txt").read_bytes()


AADVIK = """
1565647204351 Aadvik Matina
1565647247170 Khiem Aadvik
1565647256008 Aadvik Jadon
1565647300338 Aadvik Nafeesa
1565647445018 Aadvik Averyanna
1565665235199 Aadvik Zinn
1565687494394 Aadvik Manit
1565719987376 Aadvik Athanasios
1565733577420 Aadvik Giordana
"""


def test_the_log_is_a_day_in_which_aadvik_made_most_connections():
    text = (SAMPLES / "hosts" / "connections.txt").read_text()
    assert [line for line in text.splitlines() if "Aadvik" in line] == AADVIK.split("\n")[1:-1]
    lines = [line.split(" ") for line in text.splitlines()]
    assert len(lines) == 10_000
    times = [int(time) for time, _, _ in lines]
    assert (min(times), max(times)) == (1565647204351, 1565733598341)
    lateness = [latest - time for latest, time in zip(accumulate(times, max), times, strict=True)]
    assert 200_000 < max(lateness) <= 300_000
    assert sum(late > 0 for late in lateness) > 1000
    assert len({host for _, *hosts in lines for host in hosts}) == 7000
    (first, most), (_, less) = Counter(source for _, source, _ in lines).most_common(2)
    assert (first, most) == ("Aadvik", 8)
    assert less < 8
