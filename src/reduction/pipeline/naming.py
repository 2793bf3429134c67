"""File names: which files are input, which environment they belong to, and what the Reducer writes itself."""

from __future__ import annotations

import re

from reduction.pipeline.stats import SkipReason

RESULT_NAME = "Combined.csv"
REPORT_NAME = "Combined.report.json"
WORKING_PREFIX = ".Combined"
WORKING_PREFIXES = (".Combined_", ".Combined.")  # partials and manifests; temporary files of results

# What a run writes next to its result. `atomic_file` appends 8 hex digits and `.tmp` to the name of a file
# that is being written; an object store is probed with such a name, too.
PARTIAL_FILE = re.compile(r"\.Combined_(?P<runner>\d+)\.(?:csv|json)")
PARTIAL_OR_TEMP_FILE = re.compile(PARTIAL_FILE.pattern + r"(?:\.[0-9a-f]+\.tmp)?")
RESULT_TEMP_FILE = re.compile(r"\.Combined\.(?:csv|report\.json)\.[0-9a-f]+\.tmp")
ANY_TEMP_FILE = re.compile(r"\.Combined(?:[_.].*)?\.[0-9a-f]+\.tmp")

HIDDEN_FOLDER = "a folder whose name begins with a dot is not entered"

# Two or three words separated by single spaces; a word contains neither dots nor control characters.
_WORD = r"[^ ./\x00-\x1f\x7f]+"
_INPUT_NAME = re.compile(rf"({_WORD} {_WORD})(?: {_WORD})?\.csv")


def environment_of(path: str) -> str | None:
    """Return the environment of a file, the first two words of its name; None if it is not an input file.

    >>> environment_of("deep/Asia Prod 1.csv")
    'Asia Prod'
    >>> environment_of("Combined.csv") is None
    True
    """
    match = _INPUT_NAME.fullmatch(path.rpartition("/")[2])
    return match[1] if match and (path.isascii() or _is_utf8(match[0])) else None


def skip_reason_of(name: str) -> tuple[SkipReason, str] | None:
    """Return the reason and its description if a file of this name is not input; None if it is."""
    if name.startswith("."):
        return SkipReason.HIDDEN, "a file whose name begins with a dot is not input"
    if name in (RESULT_NAME, REPORT_NAME):
        return SkipReason.OWN_RESULT, "the result of a run is not input"
    if not name.endswith(".csv"):
        return SkipReason.OTHER_TYPE, "the name does not end in .csv"
    if environment_of(name) is None:
        return SkipReason.OTHER_NAME, "the name is not two or three words separated by single spaces"
    return None


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def partial_name(runner: int) -> str:
    """Return the name of the file with the rows of runner number `runner`."""
    return f".Combined_{runner}.csv"


def manifest_name(runner: int) -> str:
    """Return the name of the manifest that commits that partial."""
    return f".Combined_{runner}.json"


def removal_order(name: str) -> bool:
    """Return a sort key that removes manifests first: a partial without one does not count."""
    return not name.endswith(".json")
