"""What the doctor's submission tries, and the judgement of each attempt. Pure.

An attack's docstring is its help: the first line says what is tried, the rest why it must fail. An
attack that reported nothing counts as BROKEN: where nothing was tried, nothing is proved.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from evaluation.sandbox.container import LOG_FILE_BYTES, LOG_FILES
from evaluation.sandbox.hostile import bounds
from evaluation.sandbox.log import one_line
from schema.execution import CaseRun, FailureCode
from schema.task import Limits

Report = Mapping[str, Any]

KERNELS_OWN = {
    *("tunl0", "sit0", "gre0", "gretap0", "erspan0"),
    *("ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0", "ip6_vti0"),
}
"""Interfaces that some kernels put into every new network, down and without an address."""
LATE_SECONDS = 10
"""How long after its deadline a container may be found ended on a slow machine."""
BOMB_MIB = 128
"""Memory that reading a bomb may take; the bomb itself has eight times as much."""
LOG_BYTES = LOG_FILES * LOG_FILE_BYTES


class Verdict(StrEnum):
    """What became of an attack."""

    HELD = "held"
    BROKEN = "BROKEN"
    NOT_APPLICABLE = "not applicable"


class Judged(NamedTuple):
    """One line of what the doctor says."""

    name: str
    tried: str
    verdict: Verdict
    evidence: str
    remedy: str = ""
    """How to mend what is BROKEN."""


class Answer(NamedTuple):
    """A judgement before it has a name."""

    verdict: Verdict
    evidence: str


class Bomb(NamedTuple):
    """How the gate before scoring took the bomb."""

    refused: frozenset[str]
    """Files that it has a finding for."""
    grown_mib: float
    """By how much its memory grew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that the attacks are judged by.

    Attributes:
        limits: that the containers had.
        reports: what the submission said, by attack, in order.
        runs: what the sandbox says of each case.
        crashes: what broke down while cases were run, by case.
        kept: answers that the sandbox let out, by case.
        shown: the log of each case as it is shown to the organiser.
        log_bytes: the most that the engine kept of one container's log.
        callers: addresses from which the doctor's listeners were reached.
        survivors: processes of the submission that outlived their container.
        witnessed: whether the submission's processes could be seen from outside at all.
        bomb: how the gate took the bomb; None when it never came so far.
    """

    limits: Limits
    reports: Mapping[str, Sequence[Report]] = field(default_factory=dict)
    runs: Mapping[str, CaseRun] = field(default_factory=dict)
    crashes: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    log_bytes: int = 0
    callers: Sequence[str] = ()
    survivors: Sequence[str] = ()
    witnessed: bool = False
    bomb: Bomb | None = None


class Attack(ABC):
    """One attempt on the sandbox."""

    name: ClassVar[str]
    cases: ClassVar[tuple[str, ...]]
    """The cases that it is made in."""
    remedy: ClassVar[str] = (
        "every container is given this defence: update the engine, which does not keep it up, "
        "or report it to the kit"
    )

    @classmethod
    def tried(cls) -> str:
        """What it tries."""
        return inspect.cleandoc(cls.__doc__ or "").splitlines()[0].rstrip(".")

    def judge(self, seen: Seen) -> Judged:
        """What became of it."""
        reports = seen.reports.get(self.name, ())
        errors = [report["error"] for report in reports if "error" in report]
        if errors or not reports:
            what = f"it broke down: {errors[0]}" if errors else "no report: nothing is proved"
            return self._judged(broken(what))
        return self._judged(self.answer(reports, seen))

    def _judged(self, answer: Answer) -> Judged:
        remedy = self.remedy if answer.verdict is Verdict.BROKEN else ""
        return Judged(self.name, self.tried(), answer.verdict, one_line(answer.evidence), remedy)

    @abstractmethod
    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Whether it held, from at least one report."""


def held(evidence: str) -> Answer:
    """The sandbox did its part."""
    return Answer(Verdict.HELD, evidence)


def broken(evidence: str) -> Answer:
    """It did not."""
    return Answer(Verdict.BROKEN, evidence)


# --- kinds of attack ------------------------------------------------------------------


class Refused(Attack):
    """Calls of which none may go through."""

    cases: ClassVar[tuple[str, ...]] = (bounds.LOOK,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when something was tried and nothing went through."""
        del seen
        tried = sum(report["tried"] for report in reports)
        got = [each for report in reports for each in report["got"]]
        if got:
            more = sum(report["number"] for report in reports) - len(got)
            return broken(f"{', '.join(got)}{f' and {more} more' if more else ''}")
        if not tried:
            return broken("nothing was tried: nothing is proved")
        why = sorted({each for report in reports for each in report.get("refused", ())})
        return held(
            f"{tried} tried{', all refused: ' if why else ', nothing found'}{', '.join(why)}"
        )


class Filled(Attack):
    """A folder in memory that must be full at its size."""

    cases = (bounds.LOOK,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when no more was written than is allowed."""
        del seen
        reached, allowed = reports[-1]["reached"], reports[-1]["allowed"]
        text = f"{reached} of {allowed} MiB, stopped by: {reports[-1]['stopped']}"
        return held(text) if 0 < reached <= allowed else broken(text)


class Coded(Attack):
    """A case that must fail by a code of its own."""

    codes: ClassVar[tuple[FailureCode, ...]]

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when the sandbox gives the code and lets nothing out."""
        del reports
        (case_id,) = self.cases
        run, kept = seen.runs.get(case_id), seen.kept.get(case_id, ())
        if run is None:
            return broken(
                f"the case was not run: {seen.crashes.get(case_id, 'the run ended early')}"
            )
        what = "answered" if run.code is None else f"{run.code.value}: {run.detail}"
        if kept:
            return broken(f"{what}; let out: {', '.join(kept)}")
        expected = " or ".join(code.value for code in self.codes)
        return held(what) if run.code in self.codes else broken(f"{what}, not {expected}")


class Planted(Coded):
    """Something else in the place of an answer."""

    codes: ClassVar[tuple[FailureCode, ...]] = (FailureCode.CONTRACT_BREACH,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when it was not let out, be it that the kernel already refused to make it."""
        verdict, evidence = super().answer(reports, seen)
        if not reports[-1]["planted"]:
            evidence += f"; not even made: {reports[-1].get('refused')}"
        return Answer(verdict, evidence)


class TakesHonestAnswers(Attack):
    """Answers honestly beside the attacks.

    No attack but the control: a sandbox that takes nothing at all would hold against everything.
    """

    name = "takes-honest-answers"
    cases = (bounds.LOOK, bounds.HONEST)

    def judge(self, seen: Seen) -> Judged:
        """Held when each was taken; nothing is reported."""
        return self._judged(self.answer((), seen))

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when each was taken."""
        del reports
        runs = [seen.runs[case_id] for case_id in self.cases if case_id in seen.runs]
        refused = [f"{run.code.value}: {run.detail}" for run in runs if run.code is not None]
        if refused or not runs:
            return broken("; ".join(refused) or "none was run")
        return held(f"{len(runs)} taken")


# --- seeing ---------------------------------------------------------------------------


class ReadsLabels(Refused):
    """Searches every file, name and link for what the doctor wrote into labels and tables.

    The container is given copies of the images and nothing else of the cohort.
    """

    name = "reads-labels"


class LearnsCohortPath(Refused):
    """Searches the list of mounts for the cohort's folder.

    No path of the cohort is mounted: a folder's name may tell a centre, a date or a patient.
    """

    name = "learns-cohort-path"


class ReadsEnvironment(Refused):
    """Searches the variables of every process for one that the doctor has in its own.

    A container gets its limits and a home, and no variable of the host.
    """

    name = "reads-environment"


class FindsLeftovers(Refused):
    """Leaves a file wherever it may write, and looks for one of an earlier container.

    Every container begins with empty folders: what a case leaves would tell the next about it.
    """

    name = "finds-leftovers"
    cases = (bounds.LOOK, bounds.FORKS)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when no later container found anything; the first can find nothing."""
        if len(reports) < len(self.cases):
            return broken("one container alone reported: nothing is proved")
        return super().answer(reports, seen)


class SeesProcesses(Refused):
    """Lists processes that are not its own.

    A container has process numbers of its own; command lines on a host hold paths and passwords.
    """

    name = "sees-processes"


class ReadsKernelLog(Refused):
    """Reads the kernel's messages.

    They tell of the host's disks, networks and programs.
    """

    name = "reads-kernel-log"


# --- the network ----------------------------------------------------------------------


class OpensSockets(Refused):
    """Connects to the doctor, which listens on every address of this machine.

    A container has no network: an image could be sent out pixel by pixel.
    """

    name = "opens-sockets"

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when neither side saw a connection."""
        if seen.callers:
            return broken(f"a connection came from {', '.join(seen.callers)}")
        return super().answer(reports, seen)


class OpensRawSockets(Refused):
    """Opens sockets that send any packet.

    They take a privilege that every container is without.
    """

    name = "opens-raw-sockets"


class ReachesHypervisor(Refused):
    """Opens a socket to the machine that runs this one, also by the call of 32-bit programs.

    Sockets of that family pass every network namespace; the filter of system calls refuses them.
    """

    name = "reaches-hypervisor"

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Not applicable where the kernel has no such sockets."""
        if set(reports[-1].get("refused", ())) == {"EAFNOSUPPORT"}:
            return Answer(Verdict.NOT_APPLICABLE, "the kernel has no such sockets")
        return super().answer(reports, seen)


class ResolvesNames(Refused):
    """Asks the resolvers that the host uses, and for the name that engines give to the host.

    A question for a name is a message too: it may hold anything before the dot.
    """

    name = "resolves-names"


class SeesInterfaces(Refused):
    """Lists network interfaces.

    There is the loopback, and whatever the kernel puts into every network, down.
    """

    name = "sees-interfaces"

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when there is none but the kernel's own."""
        own = [each for each in reports[-1]["got"] if each in KERNELS_OWN]
        others = [each for each in reports[-1]["got"] if each not in KERNELS_OWN]
        number = reports[-1]["number"] - len(own)
        return super().answer([{**reports[-1], "got": others, "number": number}], seen)


class ReachesEngine(Refused):
    """Connects to the engine's socket and to every other that it can see.

    Whoever reaches the engine is root on the host.
    """

    name = "reaches-engine"


# --- writing and privileges -----------------------------------------------------------


class WritesOutside(Refused):
    """Makes a file in every folder, and opens files of the system and of the inputs for writing.

    It may write to /output, /tmp and shared memory; the rest is read-only.
    """

    name = "writes-outside"


class MakesDevices(Refused):
    """Makes files that are the host's memory and disk.

    Who may make one reads the whole disk; that takes a privilege that no container has.
    """

    name = "makes-devices"


class BecomesRoot(Refused):
    """Asks to be root, and runs a program of root's with the set-user bit.

    Such a program is in every image; no-new-privileges takes the bit's meaning away.
    """

    name = "becomes-root"


class HoldsPrivileges(Refused):
    """Reads what the kernel lets it do.

    It is not root, has no capability, gains none, and its system calls are filtered.
    """

    name = "holds-privileges"


class EntersKernel(Refused):
    """Mounts, enters namespaces, opens a file by number, reads keys, queues calls past the filter.

    Each is the first step of an escape that was once used.
    """

    name = "enters-kernel"


class TakesOverInit(Refused):
    """Traces process 1.

    It is the container's own and may do no more than the submission: there is nothing to gain.
    """

    name = "takes-over-init"

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held too when process 1 has the same user and the same privileges."""
        if reports[-1]["same"]:
            return held("process 1 may do no more than the submission")
        return super().answer(reports, seen)


class SetsClock(Refused):
    """Sets the clock to what it shows.

    The clock is the host's.
    """

    name = "sets-clock"


# --- using up -------------------------------------------------------------------------


class FillsTmp(Filled):
    """Fills /tmp.

    It is in memory and has a size.
    """

    name = "fills-tmp"


class FillsVolume(Filled):
    """Fills a folder that the image declares as a volume.

    Engines put volumes on the host's disk, beyond any quota; the sandbox puts them into memory.
    """

    name = "fills-volume"


class FillsSharedMemory(Filled):
    """Fills shared memory.

    It has a size.
    """

    name = "fills-shared-memory"


class Forks(Attack):
    """Forks without end.

    The number of processes is limited: without, the host cannot start one either.
    """

    name = "forks"
    remedy = "see host-processes-limit"
    cases = (bounds.LOOK, bounds.FORKS)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when fewer children were made than processes are allowed."""
        reached, allowed = max(each["reached"] for each in reports), seen.limits.processes
        text = f"{reached} children, {allowed} processes allowed"
        return held(text) if reached < allowed else broken(text)


class FillsMemory(Coded):
    """Fills memory, and swap where there is any.

    It is killed at its limit, which holds for memory and swap together.
    """

    name = "fills-memory"
    remedy = "see host-memory-limit and host-swap-limit"
    cases = (bounds.MEMORY,)
    codes = (FailureCode.OUT_OF_MEMORY,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when it never had more than its limit and was told apart as out of memory."""
        reached, allowed = max(each["reached"] for each in reports), seen.limits.memory_mib
        if reached > allowed:
            return broken(f"{reached} MiB, {allowed} MiB allowed")
        verdict, evidence = super().answer(reports, seen)
        return Answer(verdict, f"{reached} of {allowed} MiB; {evidence}")


class FillsOutput(Coded):
    """Fills /output with large files.

    It is stopped at its quota.
    """

    name = "fills-output"
    cases = (bounds.OUTPUT,)
    codes = (FailureCode.OUTPUT_QUOTA,)


class FillsOutputEntries(Coded):
    """Fills /output with empty files.

    Their number is limited too: a disk runs out of entries before it is full.
    """

    name = "fills-output-entries"
    cases = (bounds.ENTRIES,)
    codes = (FailureCode.OUTPUT_QUOTA,)


class SleepsForEver(Coded):
    """Sleeps until long after the deadline.

    The wall clock is limited.
    """

    name = "sleeps-for-ever"
    cases = (bounds.HANG,)
    codes = (FailureCode.TIMEOUT,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when it was killed soon after the deadline."""
        verdict, evidence = super().answer(reports, seen)
        latest = seen.limits.seconds_per_case + LATE_SECONDS
        run = seen.runs.get(bounds.HANG)
        if run is not None and run.seconds > latest:
            return broken(f"it lived for {run.seconds:.0f} s, {latest} s at most were expected")
        return Answer(verdict, evidence)


class IgnoresSigterm(SleepsForEver):
    """Ignores every signal that can be ignored.

    It is ended by the one that cannot.
    """

    name = "ignores-sigterm"


class FloodsLog(Attack):
    """Prints a gigabyte.

    The engine keeps the end of a log alone. A first container prints 8 MiB; the gigabyte follows
    only where that log was bounded.
    """

    name = "floods-log"
    cases = (bounds.PROBE, bounds.FLOOD)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when more was printed than a log may hold, and no log held more than it may."""
        printed = max(report["reached"] for report in reports)
        text = f"{printed} MiB printed, {seen.log_bytes} of {LOG_BYTES} bytes kept"
        enough = printed * bounds.MIB > LOG_BYTES and len(reports) == len(self.cases)
        return held(text) if enough and 0 < seen.log_bytes <= LOG_BYTES else broken(text)


class EscapesTerminal(Attack):
    """Prints what a terminal obeys: colours, titles, the clipboard, links, turned text.

    A log is shown to the organiser without any of it.
    """

    name = "escapes-terminal"
    cases = (bounds.PROBE,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when the text around the sequences is shown and nothing that is obeyed."""
        del reports
        shown = seen.shown.get(bounds.PROBE, "")
        obeyed = sorted({each for each in shown if not each.isprintable() and each not in "\n\t"})
        if obeyed:
            return broken(f"the log shows {', '.join(map(ascii, obeyed))}")
        if not ("BEFORE-" in shown and "AFTER-" in shown):
            return broken("the text around the sequences is not in the log: nothing is proved")
        return held("the text around them is shown, they are not")


class LeavesProcess(Attack):
    """Leaves a process behind that ignores signals, and ends well.

    A container ends with its first process, and all others with it.
    """

    name = "leaves-process"
    cases = (bounds.PROCESS,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when nothing of it lives, and its answer was not waited for."""
        del reports
        run = seen.runs.get(bounds.PROCESS)
        if seen.survivors:
            return broken(f"still alive: {', '.join(seen.survivors)}")
        if run is None or run.code is not None:
            return broken("the honest answer beside it was not taken")
        seen_alive = "seen alive before" if seen.witnessed else "the engine's processes are unseen"
        return held(f"gone with the container after {run.seconds:.1f} s ({seen_alive})")


# --- leaving in /output ---------------------------------------------------------------


class LinksToPasswd(Planted):
    """Leaves a symbolic link to /etc/passwd as an answer.

    Links are refused: whoever copied what this one names would copy the host's file.
    """

    name = "links-to-passwd"
    cases = (bounds.PASSWD,)


class LinksToLabels(Planted):
    """Leaves a symbolic link to the case's own label as an answer.

    Followed, it would be the perfect answer.
    """

    name = "links-to-labels"
    cases = (bounds.LABEL,)


class LeavesHardLink(Planted):
    """Leaves an answer that is another file's second name.

    A file with two names may change after it was looked at.
    """

    name = "leaves-hard-link"
    cases = (bounds.HARD,)


class LeavesPipe(Planted):
    """Leaves a pipe as an answer.

    Whoever opened it would wait for ever.
    """

    name = "leaves-pipe"
    cases = (bounds.FIFO,)


class LeavesSocket(Planted):
    """Leaves a socket as an answer.

    Only plain files are answers.
    """

    name = "leaves-socket"
    cases = (bounds.SOCKET,)


class LeavesSetUserFile(Planted):
    """Leaves an answer with the set-user and set-group bits.

    Copied with its bits it would be a program of the organiser's.
    """

    name = "leaves-set-user-file"
    cases = (bounds.SET_UID,)


class LeavesOddNames(Planted):
    """Leaves files whose names hold escapes, line breaks, turned text, paths, or are very long.

    A name that is no answer's fails the case and is shown without what a terminal obeys.
    """

    name = "leaves-odd-names"
    cases = (bounds.NAMES,)


class LeavesDeepFolders(Coded):
    """Leaves folders hundreds deep, the first of which may not be listed.

    What cannot be counted counts as too much, and is removed all the same.
    """

    name = "leaves-deep-folders"
    cases = (bounds.DEPTHS,)
    codes = (FailureCode.OUTPUT_QUOTA,)


class ClosesAnswerFolder(Planted):
    """Replaces the folder of a task's answers by one that nobody else may list.

    The case fails; the run, and the organiser's command, do not.
    """

    name = "closes-answer-folder"
    cases = (bounds.CLOSED,)
    codes = (FailureCode.CONTRACT_BREACH, FailureCode.OUTPUT_QUOTA)
    remedy = "the gate out of the container breaks down: report it to the kit"


class AnswersForOthers(Planted):
    """Answers for cases that it was not given, with ids that are paths and formulas.

    A table holds the container's own cases and no other.
    """

    name = "answers-for-others"
    cases = (bounds.ROWS,)


class AnswersWithBomb(Attack):
    """Answers with masks of a megabyte that decompress to a gigabyte.

    Headers are read first, and no more is decompressed than the image's grid takes.
    """

    name = "answers-with-bomb"
    cases = (bounds.BOMB,)

    def answer(self, reports: Sequence[Report], seen: Seen) -> Answer:
        """Held when every file that was let out was refused before scoring, in little memory."""
        del reports
        out = seen.kept.get(bounds.BOMB, ())
        if not out:
            return held("not let out")
        if seen.bomb is None:
            return broken("let out, and never looked at")
        text = f"memory grew by {seen.bomb.grown_mib:.0f} MiB"
        if unseen := set(out) - seen.bomb.refused:
            return broken(f"taken: {', '.join(sorted(unseen))}; {text}")
        evidence = f"refused before scoring: {', '.join(sorted(out))}; {text}"
        return held(evidence) if seen.bomb.grown_mib <= BOMB_MIB else broken(evidence)


ATTACKS: tuple[Attack, ...] = (
    TakesHonestAnswers(),
    ReadsLabels(),
    LearnsCohortPath(),
    ReadsEnvironment(),
    FindsLeftovers(),
    SeesProcesses(),
    ReadsKernelLog(),
    OpensSockets(),
    OpensRawSockets(),
    ReachesHypervisor(),
    ResolvesNames(),
    SeesInterfaces(),
    ReachesEngine(),
    WritesOutside(),
    MakesDevices(),
    BecomesRoot(),
    HoldsPrivileges(),
    EntersKernel(),
    TakesOverInit(),
    SetsClock(),
    FillsTmp(),
    FillsVolume(),
    FillsSharedMemory(),
    Forks(),
    FillsMemory(),
    FillsOutput(),
    FillsOutputEntries(),
    SleepsForEver(),
    IgnoresSigterm(),
    FloodsLog(),
    EscapesTerminal(),
    LeavesProcess(),
    LinksToPasswd(),
    LinksToLabels(),
    LeavesHardLink(),
    LeavesPipe(),
    LeavesSocket(),
    LeavesSetUserFile(),
    LeavesOddNames(),
    LeavesDeepFolders(),
    ClosesAnswerFolder(),
    AnswersForOthers(),
    AnswersWithBomb(),
)
