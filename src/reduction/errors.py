"""Every error that ends a run, and the exit code it ends with.

    ReducerError
    ├── InputError        1   the input tree itself; a single bad file is an ignored file, not an error
    ├── OutputError       2   the output directory
    ├── SettingsError     3   the configuration; nothing has been started
    ├── RunnerFailed      4   which runner, on which file, why; no new Combined.csv
    ├── SparkFailed       4   the Spark job, why; no new Combined.csv
    ├── PartialsRejected    5   a partial is missing, stale, damaged or of another run
    ├── WriteError        6   a result could not be written; the old one is intact
    └── StrictViolation       7   strict mode: something was ignored or rejected; everything was written

    Interrupted    130, 143   SIGINT, SIGTERM; no `Exception`, so that nobody who handles errors swallows it

`FileSkipped` stands beside the tree: it carries the verdict on one file and never ends a run.
"""

from __future__ import annotations

from collections.abc import Sequence


class ReducerError(Exception):
    """What a user is told, in one text, with the exit code of the process."""

    exit_code: int = 70


class InputError(ReducerError):
    """The input directory does not exist or cannot be listed."""

    exit_code = 1


class OutputError(ReducerError):
    """The output directory does not exist or cannot be written."""

    exit_code = 2


class SettingsError(ReducerError):
    """The configuration is invalid; `faults` has one sentence for each fault."""

    exit_code = 3

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("the configuration is invalid:" + _listed(self.faults))


class RunnerFailed(ReducerError):
    """A runner did not finish its share; an error of this tree that it met keeps its own exit code."""

    exit_code = 4

    def __init__(
        self, runner: int, runners: int, path: str | None, cause: str, exit_code: int | None = None
    ) -> None:
        self.exit_code = exit_code or self.exit_code
        place = f"while reading '{path}'" if path else "before its first file or after its last"
        super().__init__(f"runner {runner} of {runners} failed {place}: {cause}")


class SparkFailed(ReducerError):
    """The Spark job did not come to its end, or what came of it does not add up; nothing was written."""

    exit_code = 4

    def __init__(self, cause: str) -> None:
        super().__init__(f"the Spark job failed, the old result stays: {cause}")


class PartialsRejected(ReducerError):
    """The partials do not make up one whole run; `faults` says which and what to do."""

    exit_code = 5

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("the partials can't be collected, the old result stays:" + _listed(self.faults))


class WriteError(ReducerError):
    """A result could not be written whole; what stood there before is untouched."""

    exit_code = 6


class StrictViolation(ReducerError):
    """Everything was written, but strict mode does not accept what was ignored or rejected."""

    exit_code = 7


class Interrupted(BaseException):
    """The process was told to stop by SIGINT (exit code 130) or SIGTERM (143), wherever it is just then."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__("interrupted" if signal_number == 2 else "terminated")


class FileSkipped(Exception):
    """None of the file's rows count: `reason` is an `accounting.SkipReason`, `detail` says what and where.

    `line` is the line that it speaks of, if it is one, and `what` is the detail without it.
    """

    def __init__(self, reason: str, what: str, line: int | None = None) -> None:
        self.reason = reason
        self.what = what
        self.line = line
        self.detail = what if line is None else f"line {line}: {what}"
        super().__init__(f"{reason}: {self.detail}")


def _listed(faults: Sequence[str]) -> str:
    return "".join(f"\n  - {fault}" for fault in faults)
