"""Checks of a result before it is filed (LLN200 on) and of a board as it stands (LLN220 on)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from schema.errors import FolderError
from schema.finding import Finding
from tasks.checks.base import Check, Problem


class BoardCheck(Check[Iterable[Problem]]):
    """A check whose problems are found where the files are compared."""

    fails_case = False

    @staticmethod
    def find(facts: Iterable[Problem]) -> Iterator[Problem]:
        """The problems themselves."""
        yield from facts


class Findings:
    """What was found so far."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, check: type[BoardCheck], where: str, expected: str, got: str) -> None:
        """Note one problem."""
        self.found.append(check.finding(Problem(expected, got), where=where))

    def refuse(self, message: str) -> None:
        """Stop when anything was found.

        Raises:
            FolderError: with every finding.
        """
        if self.found:
            raise FolderError(message, findings=self.found)


class FileUnreadable(BoardCheck):
    """A file is missing, cannot be read, or breaks its contract.

    Give the files as `lln evaluate` and `lln submission run` wrote them; schema/json/ lists every
    field.
    """

    code = "LLN200"


class RecordDiffers(BoardCheck):
    """run.json is the record of another result.

    Keep result.json, cases.jsonl and run.json of one evaluation together, and change none of them.
    """

    code = "LLN201"


class CasesDiffer(BoardCheck):
    """cases.jsonl is of another evaluation than result.json.

    Keep the files of one evaluation together; if in doubt, evaluate again.
    """

    code = "LLN202"


class TaskFileDiffers(BoardCheck):
    """The result was scored by another task file than the kit's.

    Score the submission again with this release of the kit.
    """

    code = "LLN203"


class EvaluatorDiffers(BoardCheck):
    """The result is of another evaluator than the board's.

    Versions are never mixed: score again with the board's release, or move the board on with
    `lln leaderboard rescore`.
    """

    code = "LLN204"


class CohortDiffers(BoardCheck):
    """The result is of another cohort than the board's.

    Score on the board's cohort; only a paper or a human reader may be of another one.
    """

    code = "LLN205"


class NameUnclear(BoardCheck):
    """A name would not look like what it is.

    Write team and model in one script, composed, without invisible or dressed-up characters.
    """

    code = "LLN206"


class EntryTwice(BoardCheck):
    """The id is taken.

    Give another --id; an entry is never replaced.
    """

    code = "LLN207"


class ResultTwice(BoardCheck):
    """The same answers are on the board already.

    Nothing needs to be done; to change what is said of an entry, withdraw it and add a new one.
    """

    code = "LLN208"


class AttemptsUsedUp(BoardCheck):
    """The team has no attempt left.

    Failed, withdrawn and disqualified attempts count. board.toml sets the number before the board
    opens.
    """

    code = "LLN209"


class BoardNotOpen(BoardCheck):
    """The board was not open on that date.

    Give the date on which the submission came in with --date.
    """

    code = "LLN210"


class ExecutionDiffers(BoardCheck):
    """execution.json is the record of another submission's run.

    Give the run/execution.json of the folder that was scored.
    """

    code = "LLN211"


class ReportingInvalid(BoardCheck):
    """An answer to a reporting checklist cannot be kept.

    Write a table of item ids and answers; every answer is text of at most 4,000 characters.
    """

    code = "LLN212"


class ProvenanceStrange(BoardCheck):
    """The result names what the scorer does not name.

    Score the submission again; result.json is not to be written by hand.
    """

    code = "LLN213"


class PredictionsDiffer(BoardCheck):
    """The predictions are not those that were scored.

    Give the submission folder of this result, unchanged.
    """

    code = "LLN214"


class BoardFileUnreadable(BoardCheck):
    """A file of the board cannot be read or breaks its contract.

    Take the file back from a copy that verifies.
    """

    code = "LLN220"


class BoardFileUnknown(BoardCheck):
    """The board's folder holds something that is no part of a board.

    Move it elsewhere: everything in this folder is published.
    """

    code = "LLN221"


class SumsDiffer(BoardCheck):
    """SHA256SUMS does not list the files as they are.

    Take the file back from a copy that verifies. Only the commands of `lln leaderboard` change a
    board.
    """

    code = "LLN222"


class ChainBroken(BoardCheck):
    """The ledger's chain is broken.

    A line was changed, removed, added or moved: take ledger.jsonl back from a copy that verifies.
    """

    code = "LLN223"


class EntryDiffers(BoardCheck):
    """An entry is not the one that the ledger lists.

    Take the entry back from a copy that verifies; to correct an entry, withdraw it and add a new
    one.
    """

    code = "LLN224"


class StandingsDiffer(BoardCheck):
    """The standings do not follow from the entries and the ledger.

    Run `lln leaderboard rank`.
    """

    code = "LLN225"


class PrivateDiffers(BoardCheck):
    """The private files are not those of the entry.

    Take them back from a copy; without them the entry cannot be ranked or scored again.
    """

    code = "LLN226"


class SignatureInvalid(BoardCheck):
    """The signature is not of this SHA256SUMS, or not by somebody who may sign.

    Sign again with `lln leaderboard sign`, or ask the organiser for the key.
    """

    code = "LLN227"


class CommandInterrupted(BoardCheck):
    """A command was interrupted while it changed the board.

    Run any command of `lln leaderboard` that changes this board: it first completes the other one.
    """

    code = "LLN228"


class HeadUnknown(BoardCheck):
    """The ledger does not contain the line that you have noted.

    The history was rewritten since: compare with your copy of ledger.jsonl.
    """

    code = "LLN229"


FILING_CHECKS: tuple[type[BoardCheck], ...] = (
    FileUnreadable,
    RecordDiffers,
    CasesDiffer,
    TaskFileDiffers,
    EvaluatorDiffers,
    CohortDiffers,
    NameUnclear,
    EntryTwice,
    ResultTwice,
    AttemptsUsedUp,
    BoardNotOpen,
    ExecutionDiffers,
    ReportingInvalid,
    ProvenanceStrange,
    PredictionsDiffer,
)
BOARD_CHECKS: tuple[type[BoardCheck], ...] = (
    BoardFileUnreadable,
    BoardFileUnknown,
    SumsDiffer,
    ChainBroken,
    EntryDiffers,
    StandingsDiffer,
    PrivateDiffers,
    SignatureInvalid,
    CommandInterrupted,
    HeadUnknown,
)
