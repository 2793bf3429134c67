"""Stores other than S3, through fsspec: an FTP server, pages of links, and folders as addresses."""

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from s3_world import FTP_PASSWORD as PASSWORD
from workdir import KEY, Workdir, each, each_engine


@pytest.fixture
def served(workdir: Workdir, monkeypatch) -> Workdir:
    """Some files to reduce; the folder of temporary files is the test's own."""
    workdir.csv("Asia Prod 1.csv", KEY, "2.2.2.2", "1.1.1.1")
    workdir.csv("deep/a b/NA Prod.csv", KEY, "1.1.1.1", "oops")
    workdir.csv("deep/NA Prod.txt", KEY)
    workdir.file("EU Prod.csv", "Source IP\n" + "3.3.3.3\n" * 2_000_000)
    workdir.set(runners=2, engine="native")
    (workdir.root / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(workdir.root / "tmp"))
    return workdir


def of_folders(workdir: Workdir) -> bytes:
    local = workdir.root / "local"
    local.mkdir(exist_ok=True)
    return workdir.reduce(input_dir=workdir.input, output_dir=local, runners=1).combined_bytes


@each_engine
def test_files_of_an_ftp_server_are_reduced_and_results_put_there(served, ftp, engine):
    served.set(input_dir=f"{ftp}/input", output_dir=f"{ftp}/output", engine=engine, log_level="DEBUG")
    first = served.reduce()
    assert first.exit_code == 0
    expected = of_folders(served)
    assert (served.output / "Combined.csv").read_bytes() == expected
    again = served.reduce("--explain")
    assert PASSWORD not in first.stderr + again.stdout + (served.output / "Combined.report.json").read_text()
    assert f"REDUCER_INPUT_DIR=ftp://***@127.0.0.1:{ftp.rpartition(':')[2]}/input" in again.stdout
    assert [path.name for path in served.output.iterdir() if path.name.startswith(".")] == []


def test_nodes_meet_on_an_ftp_server(served, ftp):
    served.set(input_dir=f"{ftp}/input", output_dir=f"{ftp}/output")
    assert served.reduce(mode="reduce", low=1, high=1).exit_code == 0
    assert served.reduce(mode="collect").exit_code == 5
    assert served.run_one(2).exit_code == 0
    manifests = "".join(path.read_text() for path in served.output.glob(".Combined_*.json"))
    assert PASSWORD not in manifests
    assert served.reduce(mode="collect").exit_code == 0
    assert (served.output / "Combined.csv").read_bytes() == of_folders(served)
    assert served.reduce(mode="collect").exit_code == 0


@each("part", "code", input=("input_dir", 1), output=("output_dir", 2))
def test_a_rejected_password_is_reported_without_it(served, ftp, part, code):
    outcome = served.reduce(log_level="DEBUG", **{part: ftp.replace(PASSWORD, "wr0ng-one") + "/input"})
    assert outcome.exit_code == code
    assert "wr0ng-one" not in outcome.stderr
    assert "ftp://***@127.0.0.1" in outcome.stderr


@each_engine
def test_a_folder_may_be_given_as_an_address(served, engine):
    served.set(input_dir=f"file://{served.input}", output_dir=f"file://{served.output}", engine=engine)
    assert served.reduce().exit_code == 0
    assert (served.output / "Combined.csv").read_bytes() == of_folders(served)


def test_a_file_that_changes_after_it_was_listed_is_noticed(served):
    served.set(input_dir=f"file://{served.input}", output_dir=f"file://{served.output}", runners=1)
    script = served.root / "change.py"
    script.write_text(
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from reduction.app import controller\n"
        "real = controller.run_workers\n"
        "def run_workers(*a, **k):\n"
        f"    open({str(served.input / 'Asia Prod 1.csv')!r}, 'a').write('7.7.7.7\\n')\n"
        "    return real(*a, **k)\n"
        "controller.run_workers = run_workers\n"
        "raise SystemExit(controller.main([]))\n"
    )
    outcome = served.start(str(script), str(Path(__file__).parents[2])).finish()
    assert outcome.exit_code == 0
    assert "'Asia Prod 1.csv' is skipped, changed-while-read" in outcome.stderr


def test_a_missing_folder_is_reported(served):
    assert served.reduce(input_dir="file:///no/such/folder").exit_code == 1


@pytest.fixture
def pages(served) -> Iterator[str]:
    """The address of a web server that shows the input as pages of links."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(served.input)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@each_engine
def test_pages_of_links_are_reduced(served, pages, engine):
    """Its client works with threads, so this is about forking, too."""
    outcome = served.reduce(input_dir=pages, engine=engine)
    assert outcome.exit_code == 0
    assert outcome.combined_bytes == of_folders(served)


def test_what_can_only_be_read_is_no_output(served, pages):
    outcome = served.reduce(output_dir=pages)
    assert outcome.exit_code == 2
    assert "this kind of store can only be read" in outcome.stderr
