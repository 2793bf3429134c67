"""Every error that ends a run, and the exit code it ends with.

    ReducerError
    ├── InputError        1   the input tree itself; a single bad file is skipped, which is no error
    ├── OutputError       2   the output directory
    ├── SettingsError     3   the configuration; nothing was started
    ├── RunnerFailed      4   which runner, on which file, why; no new Combined.csv
    ├── SparkFailed       4   the Spark job, why; no new Combined.csv
    ├── PartialsRejected  5   a partial is missing, stale, damaged or of another run
    ├── WriteError        6   a result could not be written; the old one is unchanged
    └── StrictViolation   7   strict mode: files were skipped or rows rejected; everything was written

    Interrupted    130, 143   SIGINT, SIGTERM; not an `Exception`, so that no error handler swallows it

`FileSkipped` is not part of the tree: it is about one file and never ends a run.
"""

from __future__ import annotations

from collections.abc import Sequence


class ReducerError(Exception):
    """The message for the user, and the exit code of the process."""

    exit_code: int = 70


class InputError(ReducerError):
    """The input directory does not exist or cannot be listed."""

    exit_code = 1


class OutputError(ReducerError):
    """The output directory does not exist or cannot be written."""

    exit_code = 2


class SettingsError(ReducerError):
    """The configuration is invalid; `problems` has one sentence for each problem."""

    exit_code = 3

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the configuration is invalid:" + _listed(self.problems))


class RunnerFailed(ReducerError):
    """A runner did not finish its share; if the cause is an error of this tree, it keeps that exit code."""

    exit_code = 4

    def __init__(
        self, runner: int, runners: int, path: str | None, cause: str, exit_code: int | None = None
    ) -> None:
        self.exit_code = exit_code or self.exit_code
        where = f"while reading '{path}'" if path else "(no file was open)"
        super().__init__(f"runner {runner} of {runners} failed {where}: {cause}")


class SparkFailed(ReducerError):
    """The Spark job failed, or its stats do not reconcile; nothing was written."""

    exit_code = 4

    def __init__(self, cause: str) -> None:
        super().__init__(f"the Spark job failed, the old result is unchanged: {cause}")


class PartialsRejected(ReducerError):
    """The partials do not make up one complete run; `problems` says which ones and what to do."""

    exit_code = 5

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "the partials cannot be collected, the old result is unchanged:" + _listed(self.problems)
        )


class WriteError(ReducerError):
    """A result could not be written; the previous file is unchanged."""

    exit_code = 6


class StrictViolation(ReducerError):
    """Everything was written, but strict mode does not accept skipped files or rejected rows."""

    exit_code = 7


class Interrupted(BaseException):
    """The process was stopped by SIGINT (exit code 130) or SIGTERM (143); raised at any point."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        super().__init__("interrupted" if signal_number == 2 else "terminated")


class FileSkipped(Exception):
    """None of the file's rows count: `reason` is a `stats.SkipReason`, `detail` says what and where.

    `line` is the line concerned, if any, and `what` is the detail without it.
    """

    def __init__(self, reason: str, what: str, line: int | None = None) -> None:
        self.reason = reason
        self.what = what
        self.line = line
        self.detail = what if line is None else f"line {line}: {what}"
        super().__init__(f"{reason}: {self.detail}")


def _listed(problems: Sequence[str]) -> str:
    return "".join(f"\n  - {problem}" for problem in problems)
