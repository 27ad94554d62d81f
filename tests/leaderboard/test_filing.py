"""A result is filed whole and once, or not at all with every reason."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import stat
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evaluation.sandbox import journal
from leaderboard import board_folder, filing, private_folder, ranked_board
from leaderboard.board_folder import PENDING, read_contents
from leaderboard.checks import FILING_CHECKS
from leaderboard.ledger import State, attempts_of, states
from leaderboard.verification import Evidence, verify
from schema.entry import Kind
from schema.errors import FolderError, UsageError
from schema.execution import CaseRun, EngineHost, ExecutionRecord, Mode, RunPlan
from schema.ledger import Event
from schema.submission import SubmissionManifest
from schema.terms import TaskId
from tasks import files
from tasks.files import canonical_json, digest_bytes
from tasks.specification import load_tasks
from tests.leaderboard.conftest import DAY, NOW, Made, Place, new_place, request_of

DIGEST = "sha256:" + "0123456789abcdef" * 4
Edit = Callable[[dict[str, Any]], object]


def add(made: Made, place: Place, team: str, **more: Any) -> str:
    request = request_of(made, team, **more)
    return filing.add(request, results=place.results, private=place.private, now=NOW).id


def codes(error: pytest.ExceptionInfo[FolderError]) -> set[str]:
    return {each.code for each in error.value.findings}


def edited(made: Made, team: str, folder: Path, edit: Edit, *, reseal: bool = True) -> Path:
    """A copy of a team's result with another content; run.json is made to fit."""
    shutil.copytree(made.results[team].parent, folder)
    path = folder / "result.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(canonical_json(content), encoding="utf-8")
    if reseal:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        run["result_digest"] = digest_bytes(path.read_bytes())
        run["provenance"] = content["provenance"]
        (folder / "run.json").write_text(canonical_json(run), encoding="utf-8")
    return path


def test_a_result_becomes_an_entry_a_line_and_private_files(hidden: Made, empty: Place) -> None:
    entry_id = add(hidden, empty, "Alpha", notes=("Run twice.",))

    contents = read_contents(empty.results)
    entry = contents.entries[entry_id]
    assert entry_id == "alpha-model"
    assert (entry.kind, entry.attempt, entry.submitted) == (Kind.SUBMISSION, 1, DAY)
    assert entry.suppress_below == 5
    assert entry.notes == ("Run twice.",)
    assert [line.event for line in contents.ledger] == [Event.LISTED]
    kept = sorted(path.name for path in (empty.private / entry_id).iterdir())
    assert kept == ["cases.jsonl", "nonce", "predictions.json", "result.json", "run.json"]
    assert stat.S_IMODE(empty.private.stat().st_mode) == 0o700
    assert sorted(path.name for path in empty.results.iterdir()) == [
        "SHA256SUMS",
        "alpha-model.json",
        "board.toml",
        "ledger.jsonl",
    ]


def test_private_files_are_not_filed_among_public_ones(hidden: Made, empty: Place) -> None:
    for private in (empty.results, empty.results / "private"):
        with pytest.raises(UsageError, match="published"):
            filing.add(request_of(hidden, "Alpha"), results=empty.results, private=private, now=NOW)
    link = empty.results.parent / "link"
    link.symlink_to(empty.results)
    with pytest.raises(UsageError, match="published"):
        filing.add(request_of(hidden, "Alpha"), results=empty.results, private=link / "p", now=NOW)
    assert verify(empty.results, evidence=Evidence()) == ()


def test_a_folder_without_a_board_is_refused(hidden: Made, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no board"):
        filing.add(
            request_of(hidden, "Alpha"),
            results=tmp_path / "nothing",
            private=tmp_path / "private",
            now=NOW,
        )


def test_who_knows_nearly_all_cases_cannot_try_out_the_rest(
    hidden: Made, public: Made, hidden_place: Place, public_place: Place
) -> None:
    # four of 120 statuses unknown: 16 files to try, one of which has a plain digest
    for made, place, is_found in ((hidden, hidden_place, False), (public, public_place, True)):
        entry = read_contents(place.results).entries["alpha-model"]
        guess = (made.results["Alpha"].parent / "cases.jsonl").read_bytes()
        assert (digest_bytes(guess) == entry.cases_digest) is is_found
    nonces = {(each / "nonce").read_bytes() for each in hidden_place.private.glob("*-model")}
    assert len(nonces) == 3
    assert {len(each) for each in nonces} == {32}


# --- what is refused ----------------------------------------------------------------------------


def unreadable(folder: Path) -> None:
    (folder / "run.json").unlink()


def other_run(folder: Path) -> None:
    content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    content["result_digest"] = DIGEST
    (folder / "run.json").write_text(canonical_json(content), encoding="utf-8")


def fewer_cases(folder: Path) -> None:
    lines = (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "cases.jsonl").write_text("".join(lines[:-1]), encoding="utf-8")


def a_case_twice(folder: Path) -> None:
    lines = (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "cases.jsonl").write_text("".join([*lines[:-1], lines[0]]), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (unreadable, "LLN200"),
        (other_run, "LLN201"),
        (fewer_cases, "LLN202"),
        (a_case_twice, "LLN202"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_files_that_do_not_belong_together_are_refused(
    damage: Callable[[Path], None], code: str, hidden: Made, empty: Place, tmp_path: Path
) -> None:
    folder = shutil.copytree(hidden.results["Alpha"].parent, tmp_path / "result")
    damage(folder)
    made = hidden._replace(results={"Alpha": folder / "result.json"})

    with pytest.raises(FolderError) as refused:
        add(made, empty, "Alpha")

    assert codes(refused) == {code}
    assert not any("case_0" in str(each) for each in refused.value.findings)


def set_task_digest(content: dict[str, Any]) -> None:
    content["tasks"][0]["task_digest"] = DIGEST


def set_version(content: dict[str, Any]) -> None:
    content["provenance"]["kit_version"] = "9.9.9"


def set_cohort(content: dict[str, Any]) -> None:
    content["cohort"]["digest"] = content["provenance"]["cohort_digest"] = DIGEST


def set_team(content: dict[str, Any]) -> None:
    content["submission"]["team"] = "Te\u0430m\u200b"


def add_library(content: dict[str, Any]) -> None:
    content["provenance"]["libraries"]["numpy"] = "case_0001 is positive"


def other_answers(content: dict[str, Any]) -> None:
    content["provenance"]["submission_digest"] = DIGEST


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (set_task_digest, "LLN203"),
        (set_version, "LLN204"),
        (set_cohort, "LLN205"),
        (set_team, "LLN206"),
        (add_library, "LLN213"),
        (other_answers, "LLN214"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)
def test_a_result_of_something_else_is_refused(
    edit: Edit, code: str, hidden: Made, empty: Place, tmp_path: Path
) -> None:
    path = edited(hidden, "Alpha", tmp_path / "result", edit)

    with pytest.raises(FolderError) as refused:
        add(hidden._replace(results={"Alpha": path}), empty, "Alpha")

    assert codes(refused) == {code}
    assert not (empty.results / "alpha-model.json").exists()
    assert verify(empty.results, evidence=Evidence()) == ()


def test_a_changed_result_is_refused_by_its_record(
    hidden: Made, empty: Place, tmp_path: Path
) -> None:
    def better(content: dict[str, Any]) -> None:
        content["tasks"][0]["figures"][0]["value"] = 0.999

    path = edited(hidden, "Alpha", tmp_path / "result", better, reseal=False)

    with pytest.raises(FolderError) as refused:
        add(hidden._replace(results={"Alpha": path}), empty, "Alpha")

    assert codes(refused) == {"LLN201"}


def test_every_reason_is_told_at_once(hidden: Made, empty: Place, tmp_path: Path) -> None:
    def all_wrong(content: dict[str, Any]) -> None:
        for edit in (set_task_digest, set_version, set_cohort, set_team, add_library):
            edit(content)

    path = edited(hidden, "Alpha", tmp_path / "result", all_wrong)
    made = hidden._replace(results={"Alpha": path})

    with pytest.raises(FolderError) as refused:
        add(made, empty, "Alpha", submitted=date(2025, 1, 1), entry_id="No Id", paper="http://x")

    assert codes(refused) == {
        "LLN200",
        "LLN203",
        "LLN204",
        "LLN205",
        "LLN206",
        "LLN210",
        "LLN213",
    }


def test_a_paper_may_be_of_another_cohort(hidden: Made, public: Made, tmp_path: Path) -> None:
    place = new_place(tmp_path, hidden)

    add(public, place, "Alpha", kind=Kind.PAPER, paper="https://example.org/paper")

    assert read_contents(place.results).entries["alpha-model"].suppress_below is None
    ranked_board.rank(results=place.results, private=place.private)
    (standings,) = read_contents(place.results).standings.values()
    assert [each.rank for each in standings.standings] == [None]
    assert verify(place.results, evidence=Evidence(private=place.private)) == ()


def test_a_result_or_its_answers_are_not_taken_twice(
    hidden: Made, empty: Place, tmp_path: Path
) -> None:
    add(hidden, empty, "Alpha")

    with pytest.raises(FolderError) as twice:
        add(hidden, empty, "Alpha")
    with pytest.raises(FolderError) as same_id:
        add(hidden, empty, "Beta", entry_id="alpha-model")

    def renamed(content: dict[str, Any]) -> None:
        content["submission"]["team"] = "Copycat"

    path = edited(hidden, "Alpha", tmp_path / "result", renamed)
    with pytest.raises(FolderError) as copied:
        add(hidden._replace(results={"Alpha": path}), empty, "Alpha")

    assert codes(twice) == codes(copied) == {"LLN208"}
    assert codes(same_id) == {"LLN207"}


# --- attempts -----------------------------------------------------------------------------------


def manifest(team: str) -> SubmissionManifest:
    return SubmissionManifest(team=team, model="Other", tasks=(TaskId.POSITIVITY,))


def fail(place: Place, team: str) -> None:
    filing.fail(
        manifest(team),
        results=place.results,
        reason="No case was answered.",
        entry_id=None,
        submitted=DAY,
        now=NOW,
    )


def test_failed_and_withdrawn_attempts_use_up_the_budget(hidden: Made, empty: Place) -> None:
    fail(empty, "ALPHA")  # the same team
    entry_id = add(hidden, empty, "Alpha")
    filing.decide(Event.WITHDRAWN, entry_id, results=empty.results, reason="x", now=NOW)

    lines = read_contents(empty.results).ledger
    assert attempts_of(lines, "Alpha") == 2
    assert read_contents(empty.results).entries[entry_id].attempt == 2
    with pytest.raises(FolderError) as refused:
        fail(empty, "alpha")
    assert codes(refused) == {"LLN209"}
    assert (empty.results / f"{entry_id}.json").exists()


def test_a_baseline_is_no_attempt_that_is_counted_out(hidden: Made, tmp_path: Path) -> None:
    place = new_place(tmp_path, hidden, attempts=1)
    fail(place, "Alpha")

    assert add(hidden, place, "Alpha", kind=Kind.BASELINE) == "alpha-model"


def test_decisions_are_taken_in_their_order_only(hidden: Made, empty: Place) -> None:
    entry_id = add(hidden, empty, "Alpha")

    def decide(event: Event, entry: str = entry_id) -> None:
        filing.decide(event, entry, results=empty.results, reason="A reason.", now=NOW)

    for event, entry in ((Event.REINSTATED, entry_id), (Event.WITHDRAWN, "nobody")):
        with pytest.raises(UsageError, match="cannot be"):
            decide(event, entry)
    decide(Event.WITHDRAWN)
    decide(Event.DISQUALIFIED)
    decide(Event.REINSTATED)
    assert states(read_contents(empty.results).ledger) == {entry_id: State.LISTED}


# --- what comes with it -------------------------------------------------------------------------


def execution_of(cases: tuple[str, ...], *, image: str) -> ExecutionRecord:
    plan = RunPlan(
        contract="1.0.0",
        image=image,
        inputs=DIGEST,
        tasks=(TaskId.POSITIVITY,),
        limits=load_tasks()[TaskId.POSITIVITY].limits,
        mode=Mode.CASE,
        gpus=0,
    )
    runs = tuple(
        CaseRun(
            case_id=case,
            status="ok",
            attempts=1,
            seconds=12.3456 + number,
            peak_memory_mib=2345.6,
            gpu_memory_mib=None,
            gpu_memory_reason="no GPU",
            outputs={TaskId.POSITIVITY: DIGEST},
        )
        for number, case in enumerate(cases)
    )
    return ExecutionRecord(
        key=journal.run_key(plan),
        plan=plan,
        host=EngineHost(platform="Linux", engine="Docker 29", cpus=2, memory_mib=8192),
        started_utc=NOW,
        cohort_cases=len(cases),
        cases=runs,
    )


def test_time_and_memory_of_a_hidden_cohort_have_two_digits(
    hidden: Made, empty: Place, tmp_path: Path
) -> None:
    def with_image(content: dict[str, Any]) -> None:
        content["submission"]["image"] = content["provenance"]["image_digest"] = DIGEST

    path = edited(hidden, "Alpha", tmp_path / "result", with_image)
    record = execution_of(hidden.cohort.manifest.cases, image=DIGEST)
    execution = tmp_path / "execution.json"
    execution.write_text(record.model_dump_json(), encoding="utf-8")

    entry_id = add(hidden._replace(results={"Alpha": path}), empty, "Alpha", execution=execution)

    resources = read_contents(empty.results).entries[entry_id].resources
    assert resources is not None
    # median of 12.3456 to 131.3456 is 71.8456
    assert (resources.seconds_per_case, resources.seconds_per_case_most) == (72.0, 130.0)
    assert (resources.peak_memory_mib, resources.gpu_memory_mib) == (2300.0, None)


def test_an_execution_of_another_image_or_of_other_cases_is_refused(
    hidden: Made, empty: Place, tmp_path: Path
) -> None:
    execution = tmp_path / "execution.json"
    record = execution_of(hidden.cohort.manifest.cases[:3], image=DIGEST)
    execution.write_text(record.model_dump_json(), encoding="utf-8")

    with pytest.raises(FolderError) as refused:
        add(hidden, empty, "Alpha", execution=execution)

    assert [each.code for each in refused.value.findings] == ["LLN211", "LLN211"]


def test_answers_to_checklists_are_kept_or_refused_with_their_item(
    hidden: Made, empty: Place, tmp_path: Path
) -> None:
    reporting = tmp_path / "reporting.toml"
    reporting.write_text('claim_1 = "Deep learning."\nCLAIM2 = "x"\nclaim_3 = 3\n')

    with pytest.raises(FolderError) as refused:
        add(hidden, empty, "Alpha", reporting=reporting)
    reporting.write_text('claim_1 = "Deep learning."\n')
    entry_id = add(hidden, empty, "Alpha", reporting=reporting)

    assert [each.code for each in refused.value.findings] == ["LLN212", "LLN212"]
    assert {"CLAIM2", "claim_3"} <= {
        word for each in refused.value.findings for word in each.got.strip("'").split(".")
    }
    assert read_contents(empty.results).entries[entry_id].reporting == {"claim_1": "Deep learning."}


def test_every_check_has_its_own_code_and_help() -> None:
    codes = [check.code for check in FILING_CHECKS]

    assert codes == sorted(set(codes))
    for check in FILING_CHECKS:
        assert check.title()
        assert check.fix()


# --- at the same time, and cut off --------------------------------------------------------------


def _add_one(made: Made, place: Place, team: str) -> None:
    add(made, place, team)


def test_adds_at_the_same_time_do_not_tear(hidden: Made, empty: Place) -> None:
    context = multiprocessing.get_context("fork")
    workers = [
        context.Process(target=_add_one, args=(hidden, empty, team)) for team in hidden.results
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    contents = read_contents(empty.results)
    assert sorted(contents.entries) == ["alpha-model", "beta-model", "gamma-model"]
    assert len(contents.ledger) == 3
    ranked_board.rank(results=empty.results, private=empty.private)
    assert verify(empty.results, evidence=Evidence(private=empty.private)) == ()


def _killed_after(writes: int, made: Made, place: Place) -> None:
    """Add, and be killed at the start of the write with that number."""
    real, left = files.write_text, [writes]

    def counting(path: Path, text: str) -> None:
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        real(path, text)

    setattr(board_folder, "write_text", counting)  # noqa: B010
    add(made, place, "Beta")


@pytest.mark.parametrize("writes", range(5))
def test_an_add_that_is_killed_is_completed_or_was_never_there(
    writes: int, hidden: Made, empty: Place
) -> None:
    add(hidden, empty, "Alpha")
    context = multiprocessing.get_context("fork")
    worker = context.Process(target=_killed_after, args=(writes, hidden, empty))
    worker.start()
    worker.join(120)

    assert worker.exitcode == (-signal.SIGKILL if writes < 4 else 0)
    was_written_down = writes > 0
    assert (empty.results / PENDING).exists() == (0 < writes < 4)
    if 0 < writes < 4:
        assert "LLN228" in {each.code for each in verify(empty.results, evidence=Evidence())}

    add(hidden, empty, "Gamma")

    contents = read_contents(empty.results)
    expected = {"alpha-model", "gamma-model"} | ({"beta-model"} if was_written_down else set())
    assert set(contents.entries) == expected
    if not was_written_down:
        add(hidden, empty, "Beta")
    ranked_board.rank(results=empty.results, private=empty.private)
    assert verify(empty.results, evidence=Evidence(private=empty.private)) == ()


def test_private_files_that_were_left_behind_do_not_stand_in_the_way(
    hidden: Made, empty: Place
) -> None:
    private_folder.keep(empty.private, "alpha-model", {"result.json": b"half"})

    add(hidden, empty, "Alpha")

    kept = (empty.private / "alpha-model" / "result.json").read_bytes()
    assert kept == hidden.results["Alpha"].read_bytes()
