"""Every attack can come out BROKEN, and on a real engine every weakened defence is named."""

from __future__ import annotations

import ast
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from evaluation.sandbox import doctor_commands
from evaluation.sandbox.container import ContainerSpec, container_arguments
from evaluation.sandbox.docker_runner import connect
from evaluation.sandbox.doctor import (
    HOSTILE,
    LIMITS,
    SECRET,
    SUITES,
    examine,
    needed,
    report,
    reports_of,
    row,
)
from evaluation.sandbox.doctor_attacks import (
    ATTACKS,
    LOG_BYTES,
    Attack,
    Bomb,
    Coded,
    Filled,
    Judged,
    Refused,
    Seen,
    Verdict,
)
from evaluation.sandbox.doctor_host import judge_host
from evaluation.sandbox.doctor_watch import Listeners, ProcessWatch, own_addresses
from evaluation.sandbox.hostile import bounds
from evaluation.sandbox.image_build import builder
from schema.errors import SandboxError
from schema.execution import CaseRun, FailureCode
from schema.terms import TaskId
from tasks.terminal import Verbs
from tests.containers import base_image, require_engine  # noqa: F401 - a fixture among them

DOCUMENT = Path(__file__).parents[3] / "docs" / "doctor.md"
BY_NAME = {attack.name: attack for attack in ATTACKS}


# --- judgements ------------------------------------------------------------------------


def run_of(case_id: str, *, code: FailureCode | None, seconds: float = 2.0) -> CaseRun:
    return CaseRun(
        case_id=case_id,
        status="ok" if code is None else "failed",
        code=code,
        detail=None if code is None else "why",
        attempts=1,
        seconds=seconds,
        peak_memory_mib=None,
        gpu_memory_mib=None,
        gpu_memory_reason="no GPU was given",
        outputs={} if code else {TaskId.COMPARTMENTS: f"sha256:{'0' * 64}"},
    )


def report_of(attack: Attack) -> dict[str, Any]:
    """What the submission says where the sandbox holds."""
    if isinstance(attack, Filled):
        return {"reached": 15, "allowed": 16, "stopped": "No space left on device"}
    if isinstance(attack, Refused):
        return {"got": [], "number": 0, "tried": 3, "refused": ["EPERM"], "same": False}
    return {"planted": True, "reached": 32}


def sound() -> Seen:
    """What is seen where everything holds."""
    codes = {attack.cases[0]: attack.codes[0] for attack in ATTACKS if isinstance(attack, Coded)}
    answered = (bounds.LOOK, bounds.HONEST, bounds.PROCESS, bounds.BOMB)
    bomb = ["compartments/bomb.nii.gz", "nodes/bomb.nii.gz"]
    return Seen(
        limits=LIMITS,
        reports={attack.name: [report_of(attack)] * len(attack.cases) for attack in ATTACKS},
        runs={case_id: run_of(case_id, code=codes.get(case_id)) for case_id in (*codes, *answered)},
        kept={bounds.BOMB: bomb},
        shown={bounds.PROBE: "BEFORE-1 red link AFTER-1\n"},
        log_bytes=LOG_BYTES,
        witnessed=True,
        bomb=Bomb(refused=frozenset(bomb), grown_mib=1.0),
    )


Change = Callable[[Seen], Seen]


def said(name: str, **facts: object) -> Change:
    """The sandbox where the submission says something else."""

    def change(seen: Seen) -> Seen:
        others = [{**each, **facts} for each in seen.reports[name]]
        return replace(seen, reports={**seen.reports, name: others})

    return change


def ended(case_id: str, *, code: FailureCode | None, seconds: float = 2.0) -> Change:
    """The sandbox where a case ends otherwise."""
    run = run_of(case_id, code=code, seconds=seconds)
    return lambda seen: replace(seen, runs={**seen.runs, case_id: run})


def let_out(case_id: str) -> Change:
    """The sandbox where something of a failed case is let out."""
    return lambda seen: replace(seen, kept={**seen.kept, case_id: ["compartments/x.nii.gz"]})


def seen_as(**values: Any) -> Change:
    return lambda seen: replace(seen, **values)


def breaks() -> Iterator[tuple[str, Change]]:
    """By attack, what is seen where its defence is missing."""
    for attack in ATTACKS:
        if isinstance(attack, Refused):
            yield attack.name, said(attack.name, got=["secret"], number=1)
            yield attack.name, said(attack.name, tried=0)
        elif isinstance(attack, Filled):
            yield attack.name, said(attack.name, reached=17)
            yield attack.name, said(attack.name, reached=0)
        elif isinstance(attack, Coded):
            yield attack.name, ended(attack.cases[0], code=None)
            yield attack.name, ended(attack.cases[0], code=FailureCode.MODEL_EXIT)
            yield attack.name, let_out(attack.cases[0])
            yield attack.name, seen_as(runs={}, crashes={attack.cases[0]: "OSError"})
    yield "takes-honest-answers", ended(bounds.LOOK, code=FailureCode.MODEL_EXIT)
    yield "takes-honest-answers", seen_as(runs={})
    yield "finds-leftovers", seen_as(reports={"finds-leftovers": [{"got": [], "tried": 5}]})
    yield "opens-sockets", seen_as(callers=["172.17.0.2"])
    yield "forks", said("forks", reached=LIMITS.processes)
    yield "fills-memory", said("fills-memory", reached=LIMITS.memory_mib + 8)
    yield "sleeps-for-ever", ended(bounds.HANG, code=FailureCode.TIMEOUT, seconds=24)
    yield "ignores-sigterm", ended(bounds.HANG, code=FailureCode.TIMEOUT, seconds=24)
    yield "floods-log", seen_as(log_bytes=LOG_BYTES + 1)
    yield "floods-log", seen_as(log_bytes=0)
    yield "floods-log", seen_as(reports={"floods-log": [{"reached": 1}] * 2})
    yield "floods-log", seen_as(reports={"floods-log": [{"reached": 8}]})
    yield "escapes-terminal", seen_as(shown={bounds.PROBE: "BEFORE-1 \x1b[31mred AFTER-1"})
    yield "escapes-terminal", seen_as(shown={bounds.PROBE: "BEFORE-1 \u202ered AFTER-1"})
    yield "escapes-terminal", seen_as(shown={})
    yield "leaves-process", seen_as(survivors=["4711"])
    yield "leaves-process", ended(bounds.PROCESS, code=FailureCode.TIMEOUT)
    yield "answers-with-bomb", seen_as(bomb=Bomb(refused=frozenset(), grown_mib=1))
    yield "answers-with-bomb", seen_as(bomb=None)
    yield (
        "answers-with-bomb",
        lambda seen: replace(seen, bomb=seen.bomb and seen.bomb._replace(grown_mib=1024)),
    )


@pytest.mark.parametrize("name", BY_NAME)
def test_an_attack_that_fails_has_held(name: str) -> None:
    judged = BY_NAME[name].judge(sound())

    assert (judged.name, judged.verdict, judged.remedy) == (name, Verdict.HELD, "")
    assert judged.evidence


@pytest.mark.parametrize(("name", "change"), list(breaks()))
def test_an_attack_that_succeeds_is_broken(name: str, change: Change) -> None:
    judged = BY_NAME[name].judge(change(sound()))

    assert judged.verdict is Verdict.BROKEN
    assert judged.remedy in row(judged)[-1]


def test_every_attack_can_come_out_broken() -> None:
    assert {name for name, _ in breaks()} == set(BY_NAME)


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"takes-honest-answers"}))
def test_an_attack_that_was_not_made_proves_nothing(name: str) -> None:
    silent = replace(sound(), reports={})
    failed = replace(sound(), reports={name: [{"error": "KeyError"}]})

    assert BY_NAME[name].judge(silent).verdict is Verdict.BROKEN
    assert "KeyError" in BY_NAME[name].judge(failed).evidence
    assert BY_NAME[name].judge(failed).verdict is Verdict.BROKEN


def test_what_the_kernel_refused_to_make_is_not_let_out() -> None:
    change = said("leaves-hard-link", planted=False, refused="Operation not permitted")

    judged = BY_NAME["leaves-hard-link"].judge(change(sound()))

    assert judged.verdict is Verdict.HELD
    assert "Operation not permitted" in judged.evidence


def test_interfaces_that_a_kernel_puts_everywhere_are_none() -> None:
    seen = said("sees-interfaces", got=["tunl0", "sit0"], number=2)(sound())

    assert BY_NAME["sees-interfaces"].judge(seen).verdict is Verdict.HELD


def test_process_1_with_the_same_privileges_is_no_gain() -> None:
    seen = said("takes-over-init", got=["process 1 traced"], number=1, same=True)(sound())

    assert BY_NAME["takes-over-init"].judge(seen).verdict is Verdict.HELD


def test_a_kernel_without_such_sockets_is_not_judged() -> None:
    seen = said("reaches-hypervisor", refused=["EAFNOSUPPORT"])(sound())

    assert BY_NAME["reaches-hypervisor"].judge(seen).verdict is Verdict.NOT_APPLICABLE


def test_evidence_is_one_line_that_no_terminal_obeys() -> None:
    seen = said("reads-labels", got=["a\x1b[31m\nb" * 99], number=1)(sound())

    evidence = BY_NAME["reads-labels"].judge(seen).evidence

    assert evidence.isprintable()
    assert len(evidence) < 200


# --- the host --------------------------------------------------------------------------

FACTS: dict[str, Any] = {
    "ServerVersion": "20.10.24",
    "CgroupVersion": "2",
    "CgroupDriver": "systemd",
    "MemoryLimit": True,
    "SwapLimit": True,
    "PidsLimit": True,
    "CpuCfsQuota": True,
    "SecurityOptions": ["name=seccomp,profile=default", "name=userns"],
    "Runtimes": {"runc": {}, "nvidia": {}},
}


def host(*, free_bytes: int = 1 << 40, **facts: object) -> dict[str, Verdict]:
    judged = judge_host({**FACTS, **facts}, free_bytes=free_bytes)
    return {each.name: each.verdict for each in judged}


def test_a_host_that_has_everything_holds() -> None:
    assert set(host().values()) == {Verdict.HELD}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("host-engine", {"ServerVersion": "19.03.1"}),
        ("host-engine", {"ServerVersion": "unknown"}),
        ("host-cgroups", {"CgroupDriver": "none"}),
        ("host-memory-limit", {"MemoryLimit": False}),
        ("host-swap-limit", {"SwapLimit": False}),
        ("host-processes-limit", {"PidsLimit": False}),
        ("host-cpu-limit", {"CpuCfsQuota": False}),
        ("host-seccomp", {"SecurityOptions": ["name=userns"]}),
        ("host-disk", {"free_bytes": 1 << 20}),
    ],
)
def test_what_a_host_lacks_is_named(name: str, facts: dict[str, Any]) -> None:
    found = host(**facts)

    assert {each for each, verdict in found.items() if verdict is Verdict.BROKEN} == {name}


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        (["name=seccomp,profile=builtin"], Verdict.NOT_APPLICABLE),
        (["name=seccomp,profile=builtin", "name=rootless"], Verdict.HELD),
    ],
)
def test_the_users_of_a_host(options: list[str], verdict: Verdict) -> None:
    assert host(SecurityOptions=options)["host-users"] is verdict


def test_a_host_without_gpus_is_not_judged_by_them() -> None:
    assert host(Runtimes={"runc": {}})["host-gpu"] is Verdict.NOT_APPLICABLE


# --- what is seen from outside ---------------------------------------------------------


def test_a_report_has_the_nonce() -> None:
    lines = (b"x", b'LLN-DOCTOR 1 {"attack": "a"}', b'LLN-DOCTOR 2 {"attack": "b"}')

    assert [each["attack"] for each in reports_of(b"\n".join(lines), nonce="1")] == ["a"]


def test_a_caller_is_noted() -> None:
    with Listeners() as listeners:
        (host, port), *_ = listeners.addresses
        with socket.create_connection((host, port), timeout=5) as connection:
            connection.recv(1)  # until the listener, which has taken note, closes it

    assert listeners.callers == [host] == ["127.0.0.1"]
    assert len(listeners.addresses) == len(own_addresses())


def test_a_process_is_found_by_a_word_of_its_command() -> None:
    word = "a-word-of-a-command-line"
    watch = ProcessWatch(word)
    code = "import time; print(1, flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, word]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()  # it runs
        assert str(child.pid) in watch.living()
        child.kill()

    assert watch.living() == ()


def test_only_the_cases_that_are_needed_are_run() -> None:
    suites = needed([BY_NAME["reads-labels"], BY_NAME["leaves-pipe"]])

    assert [suite.cases for suite in suites] == [(bounds.LOOK,), (bounds.HONEST, bounds.FIFO)]
    assert needed(ATTACKS) == SUITES


def test_every_case_of_an_attack_is_in_a_suite() -> None:
    cases = [case_id for suite in SUITES for case_id in suite.cases]

    assert len(set(cases)) == len(cases)
    assert {case_id for attack in ATTACKS for case_id in attack.cases} == set(cases)


def test_the_submission_needs_nothing_but_python() -> None:
    imported = set()
    for path in HOSTILE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module or "")
    others = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}

    assert {name for name in others if not name.startswith("evaluation.sandbox.hostile")} == set()


# --- what is said ----------------------------------------------------------------------

HELD = Judged("a", "tries", Verdict.HELD, "why")
BROKEN = Judged("b", "tries", Verdict.BROKEN, "why", "mend it")


@pytest.mark.parametrize(("attacks", "code"), [((HELD,), 0), ((HELD, BROKEN), 1)])
def test_the_exit_code_says_whether_all_held(
    monkeypatch: pytest.MonkeyPatch, attacks: tuple[Judged, ...], code: int
) -> None:
    monkeypatch.setattr(doctor_commands, "_examined", lambda *_, **__: ((HELD,), attacks))

    table = CliRunner().invoke(doctor_commands.doctor)
    as_json = CliRunner().invoke(doctor_commands.doctor, ["--json"])

    assert (table.exit_code, as_json.exit_code) == (code, code)
    assert f"{len(attacks) + 1 - code} held, {code} BROKEN" in table.stdout
    assert ("mend it" in table.stdout) == bool(code)
    assert [each["name"] for each in json.loads(as_json.stdout)["attacks"]] == [
        each.name for each in attacks
    ]


def test_the_report_counts_every_verdict() -> None:
    found = report(host=(HELD,), attacks=(BROKEN, HELD), seconds=1.23)

    assert found["counts"] == {"held": 2, "BROKEN": 1, "not applicable": 0}
    assert found["seconds"] == 1.2


def test_the_document_lists_every_check() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    named = {match[1] for line in lines if (match := re.match(r"\| `([a-z-]+)` \|", line))}

    assert named == {*BY_NAME, *host()}
    for attack in ATTACKS:
        assert any(line.startswith(f"| `{attack.name}` | {attack.tried()} |") for line in lines)


# --- a real engine ---------------------------------------------------------------------

BY_THE_HOST = {"reaches-hypervisor", "resolves-names"}
"""What a weakened sandbox may or may not let through: a host need not be virtual nor resolve."""


@pytest.fixture(scope="module")
def hostile_image(base_image: str) -> Iterator[str]:  # noqa: F811
    with (
        builder() as engine,
        engine.built(HOSTILE, base_image=base_image, tag="lln-doctor-test:1") as image,
    ):
        yield image


@pytest.mark.docker
@pytest.mark.slow
def test_the_sandbox_holds(base_image: str) -> None:  # noqa: F811
    done = CliRunner().invoke(doctor_commands.doctor, ["--base-image", base_image, "--json"])

    found = json.loads(done.stdout)
    broken = {each["name"] for each in found["attacks"] if each["verdict"] == "BROKEN"}
    assert [each["name"] for each in found["attacks"]] == list(BY_NAME)
    assert broken == set(), found
    assert found["seconds"] < 120
    assert SECRET not in os.environ
    tags = [tag for image in require_engine().images.list() for tag in image.tags]
    assert not [tag for tag in tags if tag.startswith("lln-doctor:")]


Arguments = dict[str, Any]
Weakening = Callable[[Arguments, ContainerSpec], None]


def with_network(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["network_mode"] = "bridge"


def with_writable_root(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["read_only"] = False


def with_new_privileges(arguments: Arguments, _spec: ContainerSpec) -> None:
    _, profile = arguments["security_opt"]
    wider = json.loads(profile.removeprefix("seccomp="))
    # what the engine itself does after the filter where privileges may be gained
    names = ["capset", "setgid", "setgroups", "setuid"]
    wider["syscalls"].append({"names": names, "action": "SCMP_ACT_ALLOW"})
    arguments["security_opt"] = [f"seccomp={json.dumps(wider)}"]


def with_every_system_call(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["security_opt"] = ["no-new-privileges", "seccomp=unconfined"]


def with_processes_of_the_host(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["pid_mode"] = "host"


def with_variables_of_the_host(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["environment"][SECRET] = os.environ[SECRET]


def with_the_cohort(arguments: Arguments, spec: ContainerSpec) -> None:
    (cohort,) = spec.inputs.parents[4].glob("cohort-*")
    bind = {"Type": "bind", "Source": str(cohort), "Target": "/cohort", "ReadOnly": True}
    arguments["mounts"].append(bind)


def with_the_engine(arguments: Arguments, _spec: ContainerSpec) -> None:
    path = "/var/run/docker.sock"
    arguments["mounts"].append({"Type": "bind", "Source": path, "Target": path})
    arguments["group_add"] = [str(Path(path).stat().st_gid)]


def with_folders_without_size(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["tmpfs"] = dict.fromkeys(arguments["tmpfs"], "rw,mode=1777")


def with_large_shared_memory(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["shm_size"] *= 8


def without_limit_of_processes(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["pids_limit"] = -1


def without_limit_of_memory(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["mem_limit"] *= 8
    arguments["memswap_limit"] *= 8


def without_limit_of_log(arguments: Arguments, _spec: ContainerSpec) -> None:
    arguments["log_config"] = {"type": "json-file", "config": {}}


LOOKING = tuple(attack for attack in ATTACKS if attack.cases == (bounds.LOOK,))


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize(
    ("weaken", "attacks", "names"),
    [
        (with_network, LOOKING, {"opens-sockets", "sees-interfaces"}),
        (with_writable_root, LOOKING, {"writes-outside"}),
        (with_new_privileges, LOOKING, {"becomes-root", "holds-privileges"}),
        (with_every_system_call, LOOKING, {"enters-kernel", "holds-privileges"}),
        (with_processes_of_the_host, LOOKING, {"sees-processes"}),
        (with_variables_of_the_host, LOOKING, {"reads-environment"}),
        (with_the_cohort, LOOKING, {"reads-labels", "learns-cohort-path"}),
        (with_the_engine, LOOKING, {"reaches-engine"}),
        (with_folders_without_size, LOOKING, {"fills-tmp", "fills-volume"}),
        (with_large_shared_memory, LOOKING, {"fills-shared-memory"}),
        (without_limit_of_processes, (BY_NAME["forks"],), {"forks"}),
        (without_limit_of_memory, (BY_NAME["fills-memory"],), {"fills-memory"}),
    ],
    ids=lambda value: getattr(value, "__name__", "-"),
)
def test_a_weakened_sandbox_is_broken_by_name(
    monkeypatch: pytest.MonkeyPatch,
    hostile_image: str,
    weaken: Weakening,
    attacks: tuple[Attack, ...],
    names: set[str],
) -> None:
    judged = examined(monkeypatch, image=hostile_image, weaken=weaken, attacks=attacks)

    broken = {each.name for each in judged if each.verdict is Verdict.BROKEN}
    assert broken - BY_THE_HOST == names


@pytest.mark.docker
@pytest.mark.slow
def test_no_gigabyte_is_printed_into_a_log_without_a_limit(
    monkeypatch: pytest.MonkeyPatch, hostile_image: str
) -> None:
    flood = (BY_NAME["floods-log"],)

    (judged,) = examined(
        monkeypatch, image=hostile_image, weaken=without_limit_of_log, attacks=flood
    )

    assert judged.verdict is Verdict.BROKEN
    assert judged.evidence.startswith(f"{bounds.PROBE_MIB} MiB printed, ")


def examined(
    monkeypatch: pytest.MonkeyPatch, *, image: str, weaken: Weakening, attacks: Sequence[Attack]
) -> tuple[Judged, ...]:
    """What the doctor says of a sandbox whose containers have other arguments."""

    def weakened(spec: ContainerSpec, *, cpus: int, system_calls: str) -> Arguments:
        arguments = container_arguments(spec, cpus=cpus, system_calls=system_calls)
        weaken(arguments, spec)
        return arguments

    monkeypatch.setattr("evaluation.sandbox.docker_runner.container_arguments", weakened)
    with connect() as runner:
        return examine(runner=runner, image=image, attacks=attacks)


@pytest.mark.docker
def test_an_absent_base_image_is_named() -> None:
    require_engine()
    group = Verbs("lln", commands=[doctor_commands.doctor])

    done = CliRunner().invoke(group, ["doctor", "--base-image", "lln-no-such-image"])

    assert done.exit_code == 2
    assert "lln-no-such-image: the engine has no such image" in done.stderr
    assert "docker/base-image" in done.stderr


@pytest.mark.docker
def test_a_base_image_that_cannot_be_built_on_is_named(base_image: str, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "Dockerfile").write_text(
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN no-such-command\n"
    )

    with (
        builder() as engine,
        pytest.raises(SandboxError, match=r"no-such-command.*needs python3"),
        engine.built(tmp_path, base_image=base_image, tag="lln-doctor-test:2"),
    ):
        pass
