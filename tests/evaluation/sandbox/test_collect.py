"""The gate out of a container, against everything a folder can hold."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.sandbox.collect import Collected, collect, read_answer
from evaluation.sandbox.scratch import DEEPEST, Usage, measure, remove_folder, writable_folder
from schema.errors import UnreadableFileError
from schema.terms import TaskId
from tasks.layout import NODE_COLUMNS, NODE_TABLE, mask_name
from tests.evaluation.sandbox.fake_runner import HEADER, add_node, add_row

CASE, OTHER = "North_01", "North_02"
NODE_HEADER = ",".join(NODE_COLUMNS)
NAME = mask_name(CASE)
MIB = 1 << 20

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a device")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A sound answer to one case."""
    folder = tmp_path / "output"
    for task in ("compartments", "nodes"):
        (folder / task).mkdir(parents=True)
        (folder / task / NAME).write_bytes(b"mask")
    add_row(folder, CASE)
    return folder


def gate(folder: Path, *cases: str, tasks: tuple[TaskId, ...] = tuple(TaskId)) -> Collected:
    return collect(folder, cases=cases or (CASE,), tasks=tasks, output_mib=1)


def breach(folder: Path, case_id: str = CASE) -> str | None:
    return gate(folder).breach_of(case_id, tasks=tuple(TaskId))


def test_a_sound_answer_passes(output: Path) -> None:
    found = gate(output)

    assert found.breach_of(CASE, tasks=tuple(TaskId)) is None
    assert set(found.masks[CASE]) == {TaskId.COMPARTMENTS, TaskId.NODES}
    assert found.rows[CASE]["probability"] == "0.25"


def replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def repeat_row(path: Path) -> None:
    add_row(path.parent, CASE)
    add_row(path.parent, CASE)


def bind_socket(path: Path) -> None:
    os.chdir(path.parent)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "is a symbolic link"),
        (lambda path: path.symlink_to(path.parent / "elsewhere"), "is a symbolic link"),
        (lambda path: path.mkdir(), "is a folder"),
        (os.mkfifo, "is a pipe"),
        (bind_socket, "is a socket"),
        pytest.param(
            lambda path: os.mknod(path, 0o20666, os.makedev(1, 5)), "is a device", marks=needs_root
        ),
        (lambda path: path.hardlink_to(path.parents[1] / "compartments" / NAME), "is a hard link"),
        (lambda path: (path.write_bytes(b"x"), path.chmod(0o4755)), "set-user"),
        (lambda path: (path.write_bytes(b"x"), path.chmod(0o2755)), "set-user"),
        (lambda path: (path.write_bytes(b"x"), path.chmod(0o066)), "may not be read"),
        (lambda path: path.write_bytes(bytes(MIB + 1)), "more than 1 MiB"),
        (make_sparse, "more than 1 MiB"),
        (lambda _: None, f"no nodes/{NAME}"),
    ],
)
def test_a_mask_is_a_plain_file_of_its_own(
    output: Path,
    make: Callable[[Path], object],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(output)
    replace(output / "nodes" / NAME, make)
    found = breach(output)

    assert found is not None
    assert says in found


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "is a symbolic link"),
        (os.mkfifo, "is a pipe"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(bytes(MIB)), "larger than"),
        (lambda path: path.write_bytes(b""), "no header"),
        (lambda path: path.write_bytes(b"\xff"), "not UTF-8"),
        (lambda path: path.write_text("case_id,positive\n"), "other columns"),
        (lambda path: path.write_text(f"{HEADER}\n"), "no positivity.csv"),
        (lambda path: path.write_text(f"{HEADER}\n{CASE},0.5\n"), "more or fewer cells"),
        (lambda path: path.write_text(f"{HEADER}\n{OTHER},1,0,,,\n"), "was not given"),
        (repeat_row, "twice"),
    ],
)
def test_the_table_holds_exactly_the_case(
    output: Path, make: Callable[[Path], object], says: str
) -> None:
    replace(output / "positivity.csv", make)
    found = breach(output)

    assert found is not None
    assert says in found


def test_a_node_table_may_be_left_out_or_hold_any_number_of_lines(output: Path) -> None:
    assert gate(output).node_rows is None

    for number in range(3):
        add_node(output, CASE, nodes=min(number, 1))
        found = gate(output)
        assert found.breach_of(CASE, tasks=tuple(TaskId)) is None
        assert found.node_rows is not None
        assert [row["z_mm"] for row in found.node_rows[CASE]] == ["30"] * number


def test_what_a_node_table_says_is_for_the_scorer_to_judge(output: Path) -> None:
    (output / NODE_TABLE).write_text(f"{NODE_HEADER}\n{CASE},left,nan,,7\n")

    assert breach(output) is None


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "is a symbolic link"),
        (os.mkfifo, "is a pipe"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.hardlink_to(path.parent / "positivity.csv"), "is a hard link"),
        (lambda path: path.write_bytes(bytes(MIB)), "larger than"),
        (lambda path: path.write_bytes(b""), "no header"),
        (lambda path: path.write_bytes(b"\xff"), "not UTF-8"),
        (lambda path: path.write_text("case_id,probability\n"), "other columns than case_id, x_mm"),
        (lambda path: path.write_text(f"{NODE_HEADER}\n{CASE},1,2\n"), "more or fewer cells"),
        (lambda path: path.write_text(f"{NODE_HEADER}\n{OTHER},1,2,3,1\n"), "was not given"),
    ],
)
def test_a_node_table_is_a_plain_table_of_its_cases(
    output: Path, make: Callable[[Path], object], says: str
) -> None:
    make(output / NODE_TABLE)
    found = breach(output)

    assert found is not None
    assert found.startswith("nodes.csv")
    assert says in found


def test_a_node_table_that_was_not_asked_for_is_not_read(output: Path) -> None:
    (output / NODE_TABLE).write_bytes(b"\xff")

    assert gate(output, tasks=(TaskId.COMPARTMENTS,)).breach is None


def linked_folder(output: Path) -> None:
    (output / "nodes" / NAME).unlink()
    (output / "nodes").rmdir()
    (output / "nodes").symlink_to(output / "compartments")


@pytest.mark.parametrize(
    "make",
    [
        lambda output: (output / "log.txt").touch(),
        lambda output: (output / ".hidden").touch(),
        lambda output: (output / "nodes" / mask_name(OTHER)).touch(),
        lambda output: (output / "nodes" / "a\x1b[31m\n.nii.gz").touch(),
        lambda output: (output / "nodes" / "deeper").mkdir(),
        lambda output: (output / "t2w").mkdir(),
        linked_folder,
    ],
)
def test_a_name_that_nobody_asked_for_fails_the_container(
    output: Path, make: Callable[[Path], object]
) -> None:
    make(output)
    found = gate(output).breach

    assert found is not None
    assert found.startswith("an unexpected name: ")
    assert found.isprintable()


def test_what_is_wrong_with_one_case_fails_no_other(output: Path) -> None:
    for task in ("compartments", "nodes"):
        (output / task / mask_name(OTHER)).write_bytes(b"mask")
    add_row(output, OTHER)
    replace(output / "nodes" / NAME, lambda path: path.symlink_to("/etc/passwd"))
    found = gate(output, CASE, OTHER)

    assert found.breach_of(OTHER, tasks=tuple(TaskId)) is None
    assert found.breach_of(CASE, tasks=tuple(TaskId)) is not None


@pytest.mark.parametrize("closed", ["output", "nodes"])
def test_a_folder_that_is_closed_to_the_organiser_fails_the_container(
    output: Path, closed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refuse(folder: Path | os.DirEntry[str]) -> object:
        if Path(folder).name == closed:
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", refuse)

    assert breach(output) == "/output cannot be read: Permission denied"


def test_a_table_that_was_not_asked_for_is_not_read(output: Path) -> None:
    (output / "positivity.csv").write_bytes(b"\xff")

    assert gate(output, tasks=(TaskId.NODES,)).breach_of(CASE, tasks=(TaskId.NODES,)) is None


def test_a_mask_that_turns_into_a_link_is_not_followed(output: Path) -> None:
    path = gate(output).masks[CASE][TaskId.NODES]
    replace(path, lambda path: path.symlink_to("/etc/passwd"))

    with pytest.raises(UnreadableFileError):
        read_answer(path, output_mib=1)


def test_a_folder_is_measured_without_following_anything(output: Path) -> None:
    (output / "link").symlink_to("/usr")
    (output / "sparse").touch()
    os.truncate(output / "sparse", 1 << 40)
    used = measure(output, entries=100)

    assert used.bytes > 1 << 40
    assert used.entries == 7


def test_counting_stops_when_there_are_too_many(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).touch()

    assert measure(tmp_path, entries=10).entries == 11
    assert measure(tmp_path, entries=50).entries == 50


@given(files=st.integers(0, 12), folders=st.integers(0, 4), limit=st.integers(0, 20))
def test_a_count_is_over_the_limit_exactly_when_it_should_be(
    tmp_path_factory: pytest.TempPathFactory, files: int, folders: int, limit: int
) -> None:
    root = tmp_path_factory.mktemp("count")
    for number in range(files):
        (root / f"file{number}").write_bytes(b"xx")
    for number in range(folders):
        (root / f"folder{number}").mkdir()
        (root / f"folder{number}" / "file").write_bytes(b"x")
    expected = files + 2 * folders

    assert (measure(root, entries=limit).entries > limit) == (expected > limit)
    assert measure(root, entries=expected).entries == expected


def test_what_goes_while_it_is_measured_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    real = os.open

    def vanish(path: str, flags: int, **options: int) -> int:
        if path == "folder":
            raise FileNotFoundError(path)
        return real(path, flags, **options)

    monkeypatch.setattr(os, "open", vanish)

    assert measure(tmp_path, entries=10) == Usage(0, 0)


def test_what_may_not_be_listed_is_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    real = os.open

    def close(path: str, flags: int, **options: int) -> int:
        if path == "folder":
            raise PermissionError(path)
        return real(path, flags, **options)

    monkeypatch.setattr(os, "open", close)

    assert measure(tmp_path, entries=10).entries > 10


def test_what_is_deeper_than_anybody_needs_is_too_many(tmp_path: Path) -> None:
    deepest = tmp_path.joinpath(*["d"] * (DEEPEST + 1))
    deepest.mkdir(parents=True)

    assert measure(tmp_path, entries=1000).entries > 1000
    deepest.rmdir()
    assert measure(tmp_path, entries=1000) == Usage(0, DEEPEST)


def test_a_folder_is_removed_however_deep_and_closed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    writable_folder(root)
    here = os.open(root, os.O_RDONLY)
    for _ in range(3000):  # longer than any path may be
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    (root / "outside").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    (root / "closed").mkdir()
    (root / "closed" / "file").touch()
    (root / "closed").chmod(0)
    remove_folder(root)
    remove_folder(root)

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
