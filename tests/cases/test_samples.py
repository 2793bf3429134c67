"""The sample files of the task: still what the generator makes, and still as hard as the task tells."""

import runpy
from pathlib import Path

TASK = Path(__file__).parent.parent.parent / "task" / "reducer"


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


def test_the_exports_hold_what_the_task_tells_of():
    exports = [path.read_bytes() for path in (TASK / "exercise").iterdir()]
    assert len(exports) == 4
    assert any(export.startswith(b"\xef\xbb\xbf") for export in exports)
    assert any(b"\r\n" in export for export in exports)
    assert any(not export.endswith(b"\n") for export in exports)
    assert any(b"Events / Second" in export for export in exports)
