"""File names: which ones are input, and which environment they belong to."""

from __future__ import annotations

import os

import pytest

from reduction.pipeline import naming, partials
from reduction.pipeline.naming import environment_of

ENVIRONMENTS = {
    "Asia Prod.csv": "Asia Prod",
    "Asia Prod 1.csv": "Asia Prod",
    "NA Preview 12a-b_c.csv": "NA Preview",
    "deep/er/Asia Prod 1.csv": "Asia Prod",
    "de.ep/Asia Prod.csv": "Asia Prod",
    "a folder with many words/Asia Prod.csv": "Asia Prod",
    "Ásia Próduct ß.csv": "Ásia Próduct",
    "アジア 本番 1.csv": "アジア 本番",
    "Asia,East Prod.csv": "Asia,East Prod",
    'Asia "Prod" 1.csv': 'Asia "Prod"',
    "1 2 3.csv": "1 2",
    "Asia csv.csv": "Asia csv",
}


OTHER_NAMES = [
    "", ".csv", "Asia.csv", "Asia .csv", " Asia.csv", "Asia  Prod.csv", " Asia Prod.csv", "Asia Prod .csv",
    "Asia Prod 1 2.csv", "Asia Prod  1.csv", "Asia Prod 1.CSV", "Asia Prod 1.csv ", "Asia Prod 1.csv.gz",
    "Asia Prod.1.csv", "Asia. Prod.csv", "Asia Prod 1", "Asia Prodcsv", "Asia\tProd.csv", "Asia Pr\nod.csv",
    "Asia Prod\n.csv", "Asia Prod.csv\n", "Asia Pr\x7fod.csv", "Asia Prod/", "Asia Prod.csv/", "Combined.csv",
    os.fsdecode(b"Asia Pr\xffod.csv"), os.fsdecode(b"Asia Prod \xe9.csv"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "environment"), ENVIRONMENTS.items())
def test_the_first_two_words_of_a_name_are_the_environment(path, environment):
    assert environment_of(path) == environment


@pytest.mark.parametrize("path", OTHER_NAMES)
def test_other_names_have_no_environment(path):
    assert environment_of(path) is None


def test_names_of_working_files_begin_with_a_working_prefix(tmp_path):
    for path in (partials.partial_path(tmp_path, 3), partials.manifest_path(tmp_path, 3)):
        assert path.name.startswith(naming.WORKING_PREFIXES)
