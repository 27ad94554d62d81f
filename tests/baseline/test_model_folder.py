from __future__ import annotations

import io
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from baseline.calibration import uncalibrated
from baseline.checkpoints import (
    CheckpointError,
    read_training_checkpoint,
    read_weights,
    slim_checkpoint,
)
from baseline.datasets import Variant
from baseline.model_folder import MANIFEST, ModelError, ModelManifest, parse_folds, read_model
from schema.errors import LLNError, UsageError
from tasks.files import digest_bytes, read_toml_model, toml_text, write_text
from tests.baseline.tiny_models import hand_set_part, random_part, write_tiny_model


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    part = hand_set_part(Variant.JOINT, shifts={0: 0.0, 1: 1.0, 4: 2.0})
    return write_tiny_model(tmp_path_factory.mktemp("built") / "model", {"joint": part})


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "model")


class Attack:
    """Unpickling it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self.trace),)


def list_again(folder: Path, name: str) -> None:
    """Give a changed file its new digest, as an attacker would."""
    manifest = read_toml_model(folder / MANIFEST, ModelManifest)
    digests = manifest.digests | {name: digest_bytes((folder / name).read_bytes())}
    files = [f"{digest} {path}" for path, digest in sorted(digests.items())]
    text = toml_text(manifest.model_dump(mode="json") | {"files": files})
    write_text(folder / MANIFEST, text)


def test_what_was_written_is_read(folder: Path) -> None:
    model = read_model(folder)

    assert model.manifest.kind == "joint"
    assert model.manifest.folds == (0, 1, 4)
    assert model.calibration == uncalibrated(reason="a test", minimum_node_ml=0.0)
    written = hand_set_part(Variant.JOINT, shifts={0: 0.0, 1: 1.0, 4: 2.0})
    assert list(model.parts["joint"].weights) == [0, 1, 4]
    for fold, weights in written.weights.items():
        for name, tensor in weights.items():
            assert torch.equal(model.parts["joint"].weights[fold][name], tensor), name
    # the order of labels is that of the channels
    assert list(model.parts["joint"].dataset["labels"]) == list(written.dataset["labels"])


def test_only_the_folds_asked_for_are_read(folder: Path) -> None:
    (folder / "joint" / "fold_0.pth").unlink()

    assert list(read_model(folder, folds=(4, 1)).parts["joint"].weights) == [4, 1]


@pytest.mark.parametrize("folds", [(2,), (0, 0), ()])
def test_folds_that_the_model_has_not_are_refused(folds: tuple[int, ...], folder: Path) -> None:
    with pytest.raises(ModelError, match=r"expected folds of \[0, 1, 4\], once each"):
        read_model(folder, folds=folds)


@pytest.mark.parametrize(
    "name", ["joint/fold_1.pth", "joint/plans.json", "joint/dataset.json", "calibration.json"]
)
def test_a_file_that_was_changed_by_one_bit_is_refused(name: str, folder: Path) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(ModelError, match="damaged or exchanged since the export") as error:
        read_model(folder)

    assert str(folder / name) in str(error.value)
    assert "expected sha256:" in str(error.value)


@pytest.mark.parametrize("name", ["joint/fold_1.pth", "joint/plans.json", "calibration.json"])
def test_a_file_that_is_missing_or_a_link_is_refused(name: str, folder: Path) -> None:
    path = folder / name
    moved = path.rename(folder / "moved")

    with pytest.raises(ModelError, match=name):
        read_model(folder)
    path.symlink_to(moved)
    with pytest.raises(ModelError, match=name):
        read_model(folder)


def test_a_folder_that_is_no_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="as `lln baseline export` writes it"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "both"}, "kind"),
        ({"folds": [0, 1]}, "files must be"),
        ({"files": []}, "files must be"),
        ({"files": ["sha256:" + "0" * 64 + " ../../etc/passwd.json"]}, "files"),
        ({"extra": 1}, "extra"),
        ({"version": "1"}, "version"),
    ],
)
def test_a_manifest_that_breaks_its_contract_is_refused(
    change: dict[str, object], message: str, folder: Path
) -> None:
    manifest = read_toml_model(folder / MANIFEST, ModelManifest).model_dump(mode="json")
    write_text(folder / MANIFEST, toml_text(manifest | change))

    with pytest.raises(ModelError, match=message):
        read_model(folder)


def test_weights_that_run_a_program_are_refused_and_do_not_run(
    folder: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "ran"
    buffer = io.BytesIO()
    torch.save({"network_weights": {"layer": torch.zeros(2)}, "note": Attack(trace)}, buffer)
    (folder / "joint" / "fold_1.pth").write_bytes(buffer.getvalue())
    list_again(folder, "joint/fold_1.pth")  # digests alone would not help

    with pytest.raises(CheckpointError, match=r"joint/fold_1.pth: not loaded"):
        read_model(folder)

    assert not trace.exists()
    # the attack is real: the ordinary reader runs it
    pickle.loads(pickle.dumps(Attack(trace)))  # noqa: S301 - that is the point
    assert trace.exists()


@pytest.mark.parametrize("read", [read_weights, read_training_checkpoint])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_bare_pickle_is_refused_and_does_not_run(
    read: Callable[..., object], protocol: int, tmp_path: Path
) -> None:
    content = pickle.dumps(Attack(tmp_path / "ran"), protocol=protocol)

    with pytest.raises(CheckpointError, match="weights"):
        read(content, where="weights")

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged or no checkpoint"),
        (b"PK\x03\x04 not a zip", "damaged or no checkpoint"),
        ([torch.zeros(2)], "expected a checkpoint, got a list"),
        ({"weights": {}}, "expected weights under 'network_weights', got none"),
        ({"network_weights": {}}, "expected weights under 'network_weights', got none"),
        ({"network_weights": {"a": 1}}, "expected tensors by name, got 'a'"),
        ({"network_weights": {"a": torch.tensor([1.0, np.nan])}}, "the training diverged"),
    ],
)
def test_what_is_no_set_of_weights_is_refused(content: object, message: str) -> None:
    if not isinstance(content, bytes):
        buffer = io.BytesIO()
        torch.save(content, buffer)
        content = buffer.getvalue()

    with pytest.raises(CheckpointError, match=message):
        read_weights(content, where="fold_0.pth")


def test_the_same_weights_give_the_same_bytes() -> None:
    first, again = (random_part(Variant.NODES).weights[0] for _ in range(2))

    assert slim_checkpoint(first) == slim_checkpoint(again)


def test_slim_weights_are_read_by_torch_s_own_safe_reader() -> None:
    weights = random_part(Variant.NODES).weights[0]

    loaded = torch.load(io.BytesIO(slim_checkpoint(weights)), weights_only=True)

    assert list(loaded) == ["network_weights"]
    assert loaded["network_weights"].keys() == weights.keys()


def test_every_refusal_is_an_error_of_the_kit() -> None:
    assert issubclass(ModelError, LLNError)
    assert issubclass(CheckpointError, LLNError)


@pytest.mark.parametrize(("text", "folds"), [(None, None), ("0", (0,)), ("4,1,2", (4, 1, 2))])
def test_folds_are_numbers_with_commas(text: str | None, folds: tuple[int, ...] | None) -> None:
    assert parse_folds(text) == folds


@pytest.mark.parametrize("text", ["", "all", "0, 1", "0,,1", "-1", "²"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--folds"):
        parse_folds(text)
