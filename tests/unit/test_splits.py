"""Splits of large files, the shares of the runners, fingerprints and run IDs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.pipeline.splits import Listing, Split, derived_run_id, plan_splits


def listing_of(*sizes: int) -> Listing:
    """A listing of files of these sizes, in the order of their paths."""
    return Listing(
        tuple(Split(f"{n:03}/Asia Prod.csv", size, 1, 0, size) for n, size in enumerate(sizes)), ()
    )


def shares_of(listing: Listing, runners: int) -> list[list[Split]]:
    return [listing.share_of(runner, runners) for runner in range(1, runners + 1)]


@given(st.lists(st.integers(0, 1000)), st.integers(1, 12))
def test_shares_contain_every_split_once_and_in_order(sizes, runners):
    listing = listing_of(*sizes)
    shares = shares_of(listing, runners)
    assert sorted(split for share in shares for split in share) == sorted(listing.splits)
    assert all(share == sorted(share) for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 12))
def test_shares_differ_by_at_most_the_largest_split(sizes, runners):
    bytes_of = [sum(split.size for split in share) for share in shares_of(listing_of(*sizes), runners)]
    assert max(bytes_of) - min(bytes_of) <= max(sizes)


def test_large_files_at_every_fourth_path_do_not_all_go_to_one_runner():
    bytes_of = [
        sum(split.size for split in share) for share in shares_of(listing_of(*[1000, 10, 10, 10] * 25), 4)
    ]
    assert max(bytes_of) < 1.2 * min(bytes_of)


SPLITS = (Split("Asia Prod.csv", 10, 111, 0, 10), Split("a/EU Prod.csv", 20, 222, 0, 20))


def test_equal_splits_have_the_same_fingerprint():
    assert Listing(SPLITS, ()).fingerprint() == Listing(tuple(SPLITS), ()).fingerprint()


@pytest.mark.parametrize(
    "splits",
    [
        SPLITS[:1],
        (),
        (*SPLITS, Split("b/EU Prod.csv", 0, 0, 0, 0)),
        (SPLITS[0], Split("b/EU Prod.csv", 20, 222, 0, 20)),
        (SPLITS[0], Split("a/EU Prod.csv", 21, 222, 0, 20)),
        (SPLITS[0], Split("a/EU Prod.csv", 20, 223, 0, 20)),
        (SPLITS[0], Split("a/EU Prod.csv", 20, 222, 1, 20)),
        (SPLITS[0], Split("a/EU Prod.csv", 20, 222, 0, 19)),
        (SPLITS[0], Split("a/EU Prod.csv", 2, 222, 0, 20)),
        (SPLITS[0], Split("a/EU Prod.csv", 202, 22, 0, 20)),
    ],
)
def test_a_fingerprint_changes_with_every_field_of_a_split(splits):
    assert Listing(splits, ()).fingerprint() != Listing(SPLITS, ()).fingerprint()


def test_the_derived_run_id_changes_with_the_input_and_the_number_of_runners():
    one, other = Listing(SPLITS, ()), Listing(SPLITS[:1], ())
    ids = {derived_run_id(listing, runners) for listing in (one, other) for runners in (1, 2, 12)}
    assert len(ids) == 6
    assert derived_run_id(one, 2) == derived_run_id(Listing(SPLITS, ()), 2)


def ranges(listing: Listing) -> list[list[tuple[int, int]]]:
    """Start and stop of the splits of each file, in the order of the files."""
    return [
        [(split.start, split.stop) for split in listing.splits if split.path == path]
        for path in dict.fromkeys(split.path for split in listing.splits)
    ]


def test_a_large_file_is_divided_into_splits_of_the_split_size():
    planned = plan_splits(listing_of(25, 3), 10, 2)
    assert ranges(planned) == [[(0, 10), (10, 20), (20, 25)], [(0, 3)]]
    assert [split.split_file_id for split in planned.splits] == [0, 0, 0, None]
    assert planned.files == 2


def test_split_files_are_numbered_in_their_order():
    planned = plan_splits(listing_of(12, 3, 15), 10, 5)
    assert [split.split_file_id for split in planned.splits] == [0, 0, None, 1, 1]


@pytest.mark.parametrize(
    ("sizes", "split", "runners"),
    [((25, 3), 0, 2), ((25, 3), 10, 1), ((10, 3), 10, 2), ((), 10, 2), ((0,), 10, 2), ((11,) * 8, 10, 2)],
    ids=[
        "disabled",
        "one runner",
        "not larger than a split",
        "no file",
        "empty",
        "small compared with a fair share",
    ],
)
def test_other_files_are_not_split(sizes, split, runners):
    listing = listing_of(*sizes)
    assert plan_splits(listing, split, runners).splits == listing.splits


@given(st.lists(st.integers(0, 5000), max_size=30), st.integers(1, 100), st.integers(2, 5))
def test_splits_cover_each_file_once_and_few_files_are_split(sizes, split, runners):
    planned = plan_splits(listing_of(*sizes), split, runners)
    for size, splits in zip(sizes, ranges(planned), strict=True):
        assert [start for start, _ in splits] + [size] == [0] + [stop for _, stop in splits]
    numbers = {split.split_file_id for split in planned.splits} - {None}
    assert numbers == set(range(len(numbers)))
    assert len(numbers) <= 4 * runners
    assert planned.files == len(sizes)


def test_a_split_size_that_is_far_too_small_is_increased():
    planned = plan_splits(listing_of(1 << 30), 1, 2)
    assert len(planned.splits) == 1 << 16


def test_splitting_changes_the_fingerprint():
    listing = listing_of(25)
    listings = (listing, plan_splits(listing, 10, 2), plan_splits(listing, 9, 2))
    assert len({one.fingerprint() for one in listings}) == 3
