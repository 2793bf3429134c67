"""However files are cut, the result and the stats are those of the reference engine, which never cuts."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from inline_run import as_the_reference
from random_csv import CUT_CONTENT
from workdir import engine_param

pytestmark = [*engine_param("native").marks]

NAME = st.sampled_from(["Asia Prod.csv", "NA Prod 1.csv", "NA Prod 2.csv", "a,b c.csv"])
TREE = st.dictionaries(NAME, CUT_CONTENT, min_size=1, max_size=3)
SPLIT = st.one_of(st.integers(1, 12), st.integers(1, 300))
COLLECTOR = [engine_param("native"), engine_param("reference"), engine_param("pandas")]


@given(tree=TREE, split=SPLIT, runners=st.integers(1, 5), compact_at=st.sampled_from([2, 1000]))
@example(tree={"Asia Prod.csv": b"Source IP,x\r\n1.1.1.1,\r\n\r\nno,\r\n"}, split=1, runners=3, compact_at=2)
@example(tree={"Asia Prod.csv": b'Source IP\n"1.1.1.1\n'}, split=3, runners=2, compact_at=2)
@example(tree={"Asia Prod.csv": b"\n\r\n\nSource IP"}, split=1, runners=2, compact_at=2)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_split_files_give_the_bytes_and_the_stats_of_whole_ones(
    tree: Mapping[str, bytes], split: int, runners: int, compact_at: int
) -> None:
    as_the_reference(tree, engine="native", split_size=split, runners_qty=runners, compact_at=compact_at)


@pytest.mark.parametrize("collector", COLLECTOR)
@given(tree=TREE, split=SPLIT)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_engine_collects_the_partials_of_cut_files(
    collector: str, tree: Mapping[str, bytes], split: int
) -> None:
    as_the_reference(tree, collector, engine="native", split_size=split, runners_qty=3)
