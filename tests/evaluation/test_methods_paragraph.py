"""The methods say what was run and nothing else."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from evaluation import positivity
from evaluation.clinical_statistics import statistics
from evaluation.methods_paragraph import PAPER, in_sentence, methods_paragraphs, methods_text
from evaluation.positivity import Answers
from evaluation.run import coverage, evaluate
from schema.result import Result, TaskResult
from schema.terms import Split, TaskId
from tasks.cohort import read_cohort
from tasks.files import read_toml
from tasks.specification import load_tasks
from tests.evaluation import sample_edges, sample_results
from tests.evaluation.test_clinical_statistics import answers, weights

ROOT = Path(__file__).parents[2]
TASK = load_tasks()[TaskId.POSITIVITY]
SURVIVAL = ("Kaplan", "log-rank", "Cox", "Schoenfeld", "Firth", "Uno", "Harrell", "Brier scores of")


def told(result: Result) -> str:
    return methods_text(result, tasks=load_tasks())


def with_statistics(given: Answers) -> Result:
    """The sample result with the statistics of the given answers."""
    found = sample_results.task_result(TaskId.POSITIVITY)
    update = {
        "statistics": statistics(given, task=TASK, weights=weights()),
        "coverage": coverage(positivity.score_cases(given)),
    }
    return sample_results.result(found.model_copy(update=update), n=len(given.case_ids))


@cache
def usual() -> Result:
    return with_statistics(answers())


def without(result: Result, *metrics: str) -> Result:
    """The result with none of those figures."""
    (task,) = result.tasks
    kept = tuple(each for each in task.figures if not each.metric.endswith(metrics))
    return result.model_copy(update={"tasks": (task.model_copy(update={"figures": kept}),)})


def test_data_reference_bootstrap_and_versions_are_told() -> None:
    words = told(usual())

    assert "120 patients of the public cohort" in words
    assert "from 2 centres, 61 (12.7 %) of them positive by the reference standard" in words
    assert "2,000 times (seed 20251111)" in words
    assert "the primary figures are balanced accuracy and AUROC" in words
    assert "LLN challenge kit 0.1.0 with lifelines 0.30.3, numpy 2.4.6 and scipy 1.16.0" in words
    assert "sha256:0123456789ab" in words
    assert words.endswith(f"The task follows: {PAPER}.\n")
    assert "\u00a0" not in words


def test_the_paper_is_the_one_that_the_kit_asks_to_cite() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    doi = re.search(r"doi: (\S+)", text)
    title = re.search(r"(?m)^      (Deep learning .*)$", text)

    assert doi is not None
    assert title is not None
    assert doi[1] in PAPER
    assert title[1] in PAPER


def test_with_follow_up_survival_is_told() -> None:
    words = told(usual())

    assert "Disease-free survival (DFS) was estimated by Kaplan-Meier" in words
    assert "Groups were compared by the log-rank test." in words
    assert "Cox models with Efron's ties" in words
    assert "a univariable p below 0.1, or named as clinically relevant" in words


def test_without_a_clinical_table_there_is_no_word_of_survival_or_baseline() -> None:
    given = answers()
    bare = given.__class__(
        case_ids=given.case_ids,
        reference=given.reference,
        prediction=given.prediction,
        codes=given.codes,
        readers=given.readers,
        clinical=(None,) * len(given.case_ids),
    )
    result = without(with_statistics(bare), *(f"{o}{m}" for o in ("dfs", "os") for m in ENDINGS))

    words = told(result)

    assert not [each for each in (*SURVIVAL, "baseline", "Subgroups") if each in words]
    assert "DFS" not in words
    assert "consensus of the readers" in words


ENDINGS = (
    "_c_index",
    "_hazard_ratio",
    "_log_rank",
    "_at_horizon",
    "_uno_c_index",
    "_auc",
    "_brier",
    "_integrated_brier",
)


@pytest.mark.parametrize(
    ("metric", "word"),
    [
        ("mcnemar", "McNemar"),
        ("gwet_ac1", "Gwet"),
        ("fleiss_kappa", "Fleiss"),
        ("auroc_delong", "DeLong"),
        ("weighted_kappa", "linear weights"),
        ("uno_c_index", "Uno"),
    ],
)
def test_a_method_is_named_only_where_its_figure_is(metric: str, word: str) -> None:
    assert word in told(usual())
    assert word not in told(without(usual(), metric))


def test_firth_is_named_only_where_a_row_was_penalised() -> None:
    (task,) = usual().tasks
    assert task.statistics is not None
    (table,) = task.statistics.cox
    rows = table.univariable
    assert ("Firth" in told(usual())) == any(
        row.penalised and row.value is not None for row in (*rows, *table.multivariable)
    )

    for penalised in (True, False):
        changed = tuple(
            row.model_copy(update={"penalised": penalised}) for row in table.univariable
        )
        update = {
            "univariable": changed,
            "multivariable": tuple(
                row.model_copy(update={"penalised": penalised}) for row in table.multivariable
            ),
        }
        found = task.statistics.model_copy(update={"cox": (table.model_copy(update=update),)})
        result = usual().model_copy(
            update={"tasks": (task.model_copy(update={"statistics": found}),)}
        )
        assert ("Firth" in told(result)) == penalised


def test_only_the_tests_of_table_1_that_gave_a_p_value_are_named() -> None:
    (task,) = usual().tasks
    assert task.statistics is not None
    assert task.statistics.baseline is not None
    used = {row.test for row in task.statistics.baseline.rows if row.p_value is not None}
    words = told(usual())

    assert used
    for name in ("Student's t", "Mann-Whitney", "Pearson's chi-square", "Fisher's exact"):
        assert (name in words) == (name in used)


def test_missing_answers_are_counted_and_their_rule_is_told() -> None:
    words = told(with_statistics(answers(failed=7)))

    assert "LLN positivity: 7 patients without a usable answer, counted as the wrong call" in words
    assert "every patient had a usable answer" in told(usual())


def test_tasks_of_masks_tell_their_own_rules_only_when_entered() -> None:
    masks = sample_results.result(sample_results.task_result(TaskId.COMPARTMENTS, failed=7))
    words = told(masks)

    assert "tolerates 2 mm" in words
    assert "annotated masks" in words
    assert "7 patients without a usable answer, counted with the worst value" in words
    assert "consensus of the readers" not in words
    assert "intersection over union" not in words
    assert "P values" not in words
    assert "tolerates" not in told(usual())
    assert "annotated masks" not in told(usual())


def test_a_bootstrap_is_told_only_where_an_interval_came_of_it() -> None:
    (task,) = usual().tasks
    wilson = tuple(
        each
        for each in task.figures
        if each.interval is not None and each.metric in {"accuracy", "sensitivity"}
    )
    only = TaskResult(
        task=task.task,
        task_version=task.task_version,
        task_digest=task.task_digest,
        coverage=task.coverage,
        figures=wilson,
    )
    words = told(sample_results.result(only, n=120))

    assert "Intervals at 95 %: Wilson score intervals for accuracy, sensitivity." in words
    assert "bootstrap" not in words
    assert "P values" not in words


@pytest.mark.parametrize("name", ["empty", "one", "hostile", "hidden", "no_task"])
def test_results_at_the_edges_have_whole_sentences(name: str) -> None:
    results = {
        "empty": sample_edges.empty_submission_result(),
        "one": sample_edges.one_patient_result(),
        "hostile": sample_edges.hostile_result(),
        "hidden": sample_results.result(
            sample_results.task_result(TaskId.POSITIVITY), split=Split.HIDDEN
        ),
        "no_task": sample_results.full_result().model_copy(update={"tasks": ()}),
    }

    paragraphs = methods_paragraphs(results[name], tasks=load_tasks())

    assert paragraphs
    for each in paragraphs:
        assert each.endswith(".")
        assert not re.search(r"\b(nan|None|inf)\b|  |\(\)| ,|\.\.", each), each


@pytest.mark.parametrize(
    ("title", "within"),
    [
        ("Sensitivity", "sensitivity"),
        ("F1", "F1"),
        ("IoU", "IoU"),
        ("AUROC", "AUROC"),
        ("Brier score", "Brier score"),
        ("Cohen's kappa", "Cohen's kappa"),
        ("DFS/OS C-index", "DFS/OS C-index"),
        ("Hausdorff distance", "Hausdorff distance"),
        ("Left/right swaps", "left/right swaps"),
    ],
)
def test_names_keep_their_capital_within_a_sentence(title: str, within: str) -> None:
    assert in_sentence(title) == within


def test_a_cohort_without_follow_up_by_the_real_scorer(
    cohort_folder: Path, submission_folder: Path
) -> None:
    (cohort_folder / "clinical.csv").unlink()
    scored = evaluate(read_cohort(cohort_folder), submission_folder)

    words = told(scored.result)

    assert not [each for each in SURVIVAL if each in words]
    assert "Dice" in words
    assert str(read_toml(cohort_folder / "cohort.toml")["name"]) in words
