"""Presets are data; the paper's says what the paper says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from baseline.presets import Changes, Presets, Training, load_presets, preset
from schema.errors import TaskFileError, UsageError


def test_every_preset_is_there() -> None:
    assert set(load_presets()) == {"paper", "resenc", "small", "narrow", "close", "tiny"}


def test_the_papers_preset_is_the_papers() -> None:
    paper = preset("paper")
    network = paper.planning.network

    assert paper.planning.planner == "ExperimentPlanner"
    assert network is not None
    assert (network.stages, network.base_filters) == (5, 32)
    assert (paper.schedule.epochs, paper.schedule.iterations) == (1000, 250)
    assert (paper.schedule.optimiser, paper.schedule.learning_rate) == ("sgd", 0.01)
    assert (paper.planning.spacing_mm, paper.planning.patch_size) == (None, None)


def test_every_preset_weighs_the_loss_as_the_paper_does() -> None:
    weights = {(each.loss.dice, each.loss.cross_entropy) for each in load_presets().values()}

    assert weights == {(0.7, 0.3)}


def test_presets_for_a_cpu_augment_in_their_own_process() -> None:
    assert {name: preset(name).schedule.workers for name in ("narrow", "close", "tiny")} == {
        "narrow": 0,
        "close": 0,
        "tiny": 0,
    }


def test_the_command_line_changes_what_it_names_and_nothing_else() -> None:
    tiny = preset("tiny")
    changed = Changes(epochs=9, batch_size=5).applied(tiny)

    assert (changed.schedule.epochs, changed.planning.batch_size) == (9, 5)
    assert changed.schedule.iterations == tiny.schedule.iterations
    assert changed.planning.patch_size == tiny.planning.patch_size
    assert Changes().applied(tiny) == tiny


def test_an_unknown_preset_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(UsageError, match="paper, resenc, small, narrow, close, tiny"):
        preset("papr")


def test_a_training_survives_the_plans_file() -> None:
    training = Training(preset="tiny", recipe=preset("tiny"), seed=4)

    assert Training.model_validate_json(json.dumps(training.model_dump(mode="json"))) == training


def test_a_field_that_is_not_known_is_refused() -> None:
    content = {"presets": {"x": {**preset("tiny").model_dump(mode="json"), "mirroring": True}}}

    with pytest.raises(ValidationError, match="mirroring"):
        Presets.model_validate_json(json.dumps(content))


def test_a_broken_file_is_the_kits_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "presets.toml"
    path.write_text("[presets]\n", encoding="utf-8")
    monkeypatch.setattr("baseline.presets.FILE", path)
    load_presets.cache_clear()
    try:
        with pytest.raises(TaskFileError, match="holds no preset"):
            load_presets()
    finally:
        load_presets.cache_clear()
