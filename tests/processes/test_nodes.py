"""Many nodes: ranges of runners in processes of their own, then a collect; and each way to get it wrong."""

import json
import os
import re
from collections.abc import Callable

import pytest
from workdir import KEY, Outcome, Workdir, each

QTY = 5
RIGHT = [(f"{n}.{n}.{n}.{n}", "Asia Prod") for n in range(1, 8)] + [("8.8.8.8", "NA Prod")]
OLD = b"Source IP,Environment\n9.9.9.9,Old Prod\n"


@pytest.fixture
def cluster(workdir: Workdir) -> Workdir:
    """A world of eight files, five runners and an old result."""
    for n in range(1, 8):
        workdir.csv(f"Asia Prod {n}.csv", KEY, f"{n}.{n}.{n}.{n}", "1.1.1.1")
    workdir.csv("deep/NA Prod.csv", KEY, "8.8.8.8")
    (workdir.output / "Combined.csv").write_bytes(OLD)
    workdir.set(runners=QTY)
    return workdir


def reduce(cluster: Workdir, low: int, high: int, **variables: object) -> Outcome:
    """One node's part, which succeeds."""
    outcome = cluster.reduce(mode="reduce", low=low, high=high, **variables)
    assert outcome.exit_code == 0
    return outcome


def collect(cluster: Workdir, **variables: object) -> Outcome:
    """The last node's part."""
    return cluster.reduce(mode="collect", **variables)


# Getting it right ----------------------------------------------------------------------------------------


def test_three_nodes_and_a_collect_make_the_result_of_one(cluster):
    reduce(cluster, 1, 2)
    reduce(cluster, 3, 4)
    reduced = reduce(cluster, 5, 5)
    files = [f".Combined_{n}.{kind}" for n in range(1, QTY + 1) for kind in ("csv", "json")]
    assert reduced.leftovers == files
    assert reduced.combined_bytes == OLD
    collected = collect(cluster)
    assert collected.exit_code == 0
    assert collected.combined == RIGHT
    assert collected.leftovers == []
    assert collected.report["runners"] == QTY
    rows = collected.report["rows"]
    assert (rows["read"], rows["valid"], rows["distinct"]) == (15, 15, 8)
    assert cluster.reduce().combined_bytes == collected.combined_bytes


def test_nodes_may_work_at_the_same_time(cluster):
    nodes = [cluster.start(mode="reduce", low=low, high=high) for low, high in [(1, 2), (3, 4), (5, 5)]]
    assert [node.finish().exit_code for node in nodes] == [0, 0, 0]
    assert collect(cluster).combined == RIGHT


def test_nodes_may_differ_in_batch_size_and_compaction(cluster):
    reduce(cluster, 1, 3, batch_size=1, compact_at=1)
    reduce(cluster, 4, 5, batch_size=1000)
    assert collect(cluster).combined == RIGHT


def test_a_node_may_do_its_part_again(cluster):
    reduce(cluster, 1, 2)
    reduce(cluster, 3, 5)
    reduce(cluster, 1, 2)
    assert collect(cluster).combined == RIGHT


def test_the_last_node_may_reduce_and_collect(cluster):
    reduce(cluster, 1, 2)
    outcome = cluster.reduce(low=3, high=5)
    assert outcome.exit_code == 0
    assert outcome.combined == RIGHT
    assert outcome.leftovers == []


def test_one_runner_alone(cluster):
    for runner in (2, 1, 5, 4):
        assert cluster.run_one(runner).exit_code == 0
    alone = cluster.run_one(3, log_level="DEBUG")
    assert alone.exit_code == 0
    assert set(re.findall(r" - (Runner \[\d+\]|Reducer) - ", alone.stderr)) == {"Runner [3]"}
    assert alone.combined_bytes == OLD
    assert collect(cluster).combined == RIGHT


@each(
    "runner", "settings", "code",
    beyond_the_quantity=(6, {}, 3),
    before_the_first=(0, {}, 3),
    invalid_settings=(1, {"batch_size": 0}, 3),
    no_input=(1, {"input_dir": "nowhere"}, 1),
    no_output=(1, {"output_dir": "nowhere"}, 2),
)  # fmt: skip
def test_one_runner_alone_fails_with_the_same_exit_codes(cluster, runner, settings, code):
    outcome = cluster.run_one(runner, **settings)
    assert outcome.exit_code == code
    assert re.search(r"\b(ERROR|CRITICAL): ", outcome.stderr)
    assert "Traceback" not in outcome.stderr


def test_collect_without_valid_rows_leaves_no_result(workdir):
    workdir.csv("Asia Prod.csv", KEY, "oops")
    (workdir.output / "Combined.csv").write_bytes(OLD)
    reduce(workdir, 1, 1)
    outcome = collect(workdir)
    assert outcome.exit_code == 0
    assert outcome.combined_bytes is None
    assert outcome.rejected == {"not-an-address": 1}
    assert collect(workdir).exit_code == 0


# Getting it wrong: each is exit 5, says which runner or file, and what to do -------------------------------


def node_missing(cluster: Workdir) -> None:
    reduce(cluster, 1, 2)
    reduce(cluster, 5, 5)


def nothing_reduced(cluster: Workdir) -> None:
    """Nobody did anything."""


def node_of_an_older_run(cluster: Workdir) -> None:
    reduce(cluster, 1, 5)
    cluster.csv("Asia Prod 1.csv", KEY, "1.1.1.1", "1.2.3.4")
    reduce(cluster, 1, 2)
    reduce(cluster, 4, 5)


def node_of_another_quantity(cluster: Workdir) -> None:
    reduce(cluster, 1, 2)
    reduce(cluster, 4, 5)
    reduce(cluster, 3, 3, runners=6)


def collect_of_fewer(cluster: Workdir) -> None:
    reduce(cluster, 1, 6, runners=6)


def file_added_between_nodes(cluster: Workdir) -> None:
    reduce(cluster, 1, 2)
    cluster.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    reduce(cluster, 3, 5)


def file_added_after_all_nodes(cluster: Workdir) -> None:
    reduce(cluster, 1, 5)
    cluster.csv("Asia Prod 12.csv", KEY, "12.12.12.12")


def file_removed_between_nodes(cluster: Workdir) -> None:
    reduce(cluster, 1, 2)
    (cluster.input / "Asia Prod 7.csv").unlink()
    reduce(cluster, 3, 5)


def file_touched_between_nodes(cluster: Workdir) -> None:
    reduce(cluster, 1, 2)
    os.utime(cluster.input / "Asia Prod 7.csv", (1, 1))
    reduce(cluster, 3, 5)


def damaged(name: str, damage: Callable[[bytes], bytes | None]) -> Callable[[Workdir], None]:
    """All went well, then a file was damaged; None takes it away."""

    def prepare(cluster: Workdir) -> None:
        reduce(cluster, 1, 5)
        path = cluster.output / name
        content = damage(path.read_bytes())
        path.unlink() if content is None else path.write_bytes(content)

    return prepare


def other_digit(content: bytes) -> bytes:
    """The same length, other data: 3.3.3.3 becomes 4.3.3.3, or any byte its neighbour."""
    middle = content.find(b"3.3.3.3") if b"3.3.3.3" in content else len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 7]) + content[middle + 1 :]


def one_row_more(content: bytes) -> bytes:
    """A manifest whose equation still holds, but it is not the one the runner wrote."""
    more = re.sub(rb'("(?:read|valid)": ?)(\d+)', lambda m: m[1] + b"%d" % (int(m[2]) + 1), content)
    assert more != content
    return more


WRONG = {
    "node_missing": (node_missing, [3, 4]),
    "nothing_reduced": (nothing_reduced, [1, 5]),
    "node_of_an_older_run": (node_of_an_older_run, [3]),
    "node_of_another_quantity": (node_of_another_quantity, [3]),
    "collect_of_fewer": (collect_of_fewer, []),
    "file_added_between_nodes": (file_added_between_nodes, []),
    "file_added_after_all_nodes": (file_added_after_all_nodes, []),
    "file_removed_between_nodes": (file_removed_between_nodes, []),
    "file_touched_between_nodes": (file_touched_between_nodes, []),
    "manifest_cut": (damaged(".Combined_3.json", lambda content: content[: len(content) // 2]), [3]),
    "manifest_empty": (damaged(".Combined_3.json", lambda content: b""), [3]),
    "manifest_without_content": (damaged(".Combined_3.json", lambda content: b"{}"), [3]),
    "manifest_of_another_kind": (damaged(".Combined_3.json", lambda content: b"[1, 2]"), [3]),
    "manifest_not_text": (damaged(".Combined_3.json", lambda content: b"\xff\x00" + content), [3]),
    "manifest_with_one_row_more": (damaged(".Combined_3.json", one_row_more), [3]),
    "manifest_missing": (damaged(".Combined_3.json", lambda content: None), [3]),
    "partial_cut": (damaged(".Combined_3.csv", lambda content: content[: len(content) // 2]), [3]),
    "partial_longer": (damaged(".Combined_3.csv", lambda content: content + content[-9:]), [3]),
    "partial_with_another_digit": (damaged(".Combined_3.csv", other_digit), [3]),
    "partial_empty": (damaged(".Combined_3.csv", lambda content: b""), [3]),
    "partial_missing": (damaged(".Combined_3.csv", lambda content: None), [3]),
}
TO_DO = r"\b(again|reduce|REDUCER_\w+|[Rr]un (the|it|mode|node|runner)s?)\b"


@each("prepare", "culprits", **WRONG)
def test_collect_rejects(cluster, prepare, culprits):
    prepare(cluster)
    outcome = collect(cluster)
    assert outcome.exit_code == 5
    message = outcome.stderr.partition(" - ERROR: ")[2]
    assert re.search(r"[Rr]unners? \[?\d|\.Combined_\d", message)
    assert [n for n in culprits if not re.search(rf"(?<!\d){n}(?!\d)", message)] == []
    assert re.search(TO_DO, message)
    assert "Traceback" not in outcome.stderr
    assert outcome.combined_bytes == OLD


@each(
    "prepare",
    missing=(node_missing,),
    older=(node_of_an_older_run,),
    cut=(damaged(".Combined_3.csv", lambda content: content[:5]),),
)
def test_after_a_rejection_the_missing_part_is_enough(cluster, prepare):
    prepare(cluster)
    assert collect(cluster).exit_code == 5
    reduce(cluster, 3, 4)
    outcome = collect(cluster)
    assert outcome.exit_code == 0
    assert {row[0] for row in RIGHT} <= set(outcome.addresses)


def test_reduce_and_collect_of_a_range_needs_the_others(cluster):
    outcome = cluster.reduce(low=3, high=5)
    assert outcome.exit_code == 5
    assert outcome.combined_bytes == OLD


# A retry -------------------------------------------------------------------------------------------------


@each("mode", collected=("collect",), all_in_one=("reduce_collect",))
def test_collect_repeated_after_success_is_a_success(cluster, mode):
    if mode == "collect":
        reduce(cluster, 1, 5)
    first = cluster.reduce(mode=mode)
    again = collect(cluster)
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert again.combined == RIGHT
    assert again.report == first.report


def test_an_older_success_is_no_excuse_for_a_changed_input(cluster):
    assert cluster.reduce().exit_code == 0
    cluster.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    outcome = collect(cluster)
    assert outcome.exit_code == 5
    assert outcome.combined == RIGHT


@each("damage", gone=(None,), cut=(b"Source IP,Environment\n",))
def test_a_success_whose_result_is_gone_is_none(cluster, damage):
    cluster.reduce()
    path = cluster.output / "Combined.csv"
    path.unlink() if damage is None else path.write_bytes(damage)
    assert collect(cluster).exit_code == 5


# A run with a name of its own ----------------------------------------------------------------------------


def test_a_given_run_id_names_the_run_and_collect_needs_no_input(cluster):
    cluster.set(run_id="night-17")
    reduce(cluster, 1, 2)
    reduce(cluster, 3, 5)
    outcome = collect(cluster, input_dir=cluster.root / "nowhere")
    assert outcome.exit_code == 0
    assert outcome.combined == RIGHT
    assert outcome.report["run_id"] == "night-17"
    assert collect(cluster, input_dir=cluster.root / "nowhere").exit_code == 0


def test_with_a_given_run_id_a_file_may_come_after_the_nodes(cluster):
    cluster.set(run_id="night-17")
    reduce(cluster, 1, 5)
    cluster.csv("Asia Prod 12.csv", KEY, "12.12.12.12")
    outcome = collect(cluster)
    assert outcome.exit_code == 0
    assert outcome.combined == RIGHT


def test_a_given_run_id_does_not_hide_that_nodes_saw_different_files(cluster):
    cluster.set(run_id="night-17")
    file_added_between_nodes(cluster)
    outcome = collect(cluster)
    assert outcome.exit_code == 5
    assert outcome.combined_bytes == OLD


def test_partials_of_another_run_id_are_rejected(cluster):
    reduce(cluster, 1, 5, run_id="night-17")
    outcome = collect(cluster, run_id="night-18")
    assert outcome.exit_code == 5
    assert "night-17" in outcome.stderr


# The equation --------------------------------------------------------------------------------------------


def test_a_run_that_does_not_add_up_has_no_result(cluster):
    reduce(cluster, 1, 5)
    path = cluster.output / ".Combined_3.json"
    changed = re.sub(r'("valid": ?)\d+', r"\g<1>0", path.read_text())
    assert changed != path.read_text()
    assert json.loads(changed)
    path.write_text(changed)
    outcome = collect(cluster)
    assert outcome.exit_code != 0
    assert outcome.combined_bytes == OLD
