"""Labels, thresholds and rules stand in the task files once: no code repeats them.

The code is read for literals that repeat a task file, docstrings left out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, get_origin

import pytest

from schema.label import Label
from schema.task import NodeRules, OutcomeRules, PositivityRules, Resampling
from schema.terms import NodeClass, Region, Side
from tasks.specification import load_tasks, positivity_rules

ROOT = Path(__file__).parents[2]
ROOMS = ("schema", "tasks", "evaluation", "baseline", "leaderboard")
CODE = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
PHANTOM = ROOT / "tasks" / "phantom"

WORDS = {Region: "Region", Side: "Side", NodeClass: "NodeClass"}
SPELLINGS = {word.value for words in WORDS for word in words}
RULE_NAMES = {
    name
    for rules in (NodeRules, PositivityRules, OutcomeRules, Resampling)
    for name, field in rules.model_fields.items()
    if field.annotation in (int, float) or get_origin(field.annotation) is Literal
}
"""Names of the numbers in `[nodes]`, `[positivity]`, `[[outcomes]]` and `[resampling]`."""
MASK_NAMES = {"compartments", "labels", "mask", "nodes", "prediction", "reference"}


def number(node: ast.AST | None) -> float | None:
    """Value of a number that is written out, with its sign."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return float(str(node.value))
    return None


def is_word(node: ast.expr | None) -> bool:
    """`Region.EI`, `"EI"`, or a tuple of such: what a label stands for."""
    if isinstance(node, ast.Tuple):
        return bool(node.elts) and all(map(is_word, node.elts))
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id in WORDS.values()
    return isinstance(node, ast.Constant) and node.value in SPELLINGS


def is_label(node: ast.expr | None) -> bool:
    """A whole number that could be a voxel value; 0 is background, -1 a direction."""
    value = number(node)
    return value is not None and value == int(value) and value >= 1


def label_tables(tree: ast.AST) -> Iterator[int]:
    """Lines of dict displays all of whose keys are words and all of whose values are labels.

    A sign for each side (1 and -1) and a share for each region (0.25) are no labels.
    """
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Dict)
            and node.keys
            and all(map(is_word, node.keys))
            and all(map(is_label, node.values))
        ):
            yield node.lineno


def label_comparisons(tree: ast.AST) -> Iterator[int]:
    """Lines that compare a mask with a label written out: `mask == 2`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(is_label, sides)) and any(map(is_mask, sides)):
                yield node.lineno


def is_mask(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript):
        return is_mask(node.value)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in MASK_NAMES


def threshold_literals(tree: ast.AST) -> Iterator[int]:
    """Lines with the positivity threshold: as a float anywhere, as any number in a comparison."""
    threshold = positivity_rules().short_axis_mm
    for node in ast.walk(tree):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        written = isinstance(node, ast.Constant) and type(node.value) is float
        if (written and number(node) == threshold) or threshold in map(number, sides):
            yield getattr(node, "lineno", 0)


def threshold_words(tree: ast.AST) -> Iterator[int]:
    """Lines with the threshold in a text."""
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and shows_threshold(text):
            yield getattr(node, "lineno", 0)


def shows_threshold(text: str) -> bool:
    return bool(re.search(rf"\b{positivity_rules().short_axis_mm:g}(\.0)?\s?mm\b", text))


def seed_literals(tree: ast.AST) -> Iterator[int]:
    """Lines with the seed of the bootstrap."""
    seeds = {task.resampling.seed for task in load_tasks().values()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value in seeds:
            yield node.lineno


def labels() -> tuple[Label, ...]:
    maps = [task.label_map for task in load_tasks().values() if task.label_map is not None]
    return tuple(label for each in maps for label in each.labels)


def label_names() -> set[str]:
    return {label.name for label in labels()}


def label_colours() -> set[str]:
    return {label.colour for label in labels()}


def label_texts(tree: ast.AST) -> Iterator[int]:
    """Lines with a label's name or colour as a whole text."""
    names, colours = label_names(), label_colours()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in names | colours:
            yield node.lineno


def rules_written_out(tree: ast.AST) -> Iterator[int]:
    """Lines where a number of a task's rules is given as a literal, by the name of the rule.

    As an argument (`reach_mm=5.0`), as a default, or as a constant of that name in any case.
    """
    for node in ast.walk(tree):
        for name, value in named_values(node):
            if name.lower() in RULE_NAMES and number(value) is not None:
                yield getattr(node, "lineno", 0)


def named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    if isinstance(node, ast.keyword) and node.arg is not None:
        yield node.arg, node.value
    elif isinstance(node, ast.Assign):
        yield from ((each.id, node.value) for each in node.targets if isinstance(each, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.arguments):
        last = [*node.posonlyargs, *node.args][::-1]
        yield from (
            (each.arg, value) for each, value in zip(last, node.defaults[::-1], strict=False)
        )
        pairs = zip(node.kwonlyargs, node.kw_defaults, strict=True)
        yield from ((each.arg, value) for each, value in pairs)


Rule = Callable[[ast.AST], Iterator[int]]

EVERYWHERE: tuple[Rule, ...] = (
    label_tables,
    label_comparisons,
    threshold_literals,
    threshold_words,
    seed_literals,
    label_texts,
)


def tree_of(path: Path) -> ast.AST:
    """The file's code without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                child.value = ast.Constant(value=None)
    return tree


TREES = {path: tree_of(path) for path in CODE}


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_no_code_repeats_a_task_file(rule: Rule) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}" for path, tree in TREES.items() for line in rule(tree)
    }

    assert found == set()


def test_no_code_gives_a_rule_its_number() -> None:
    # The phantom draws bodies, and what is one piece of tissue there is no rule of scoring.
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path, tree in TREES.items()
        if not path.is_relative_to(PHANTOM)
        for line in rules_written_out(tree)
    }

    assert found == set()


def test_no_template_repeats_a_task_file() -> None:
    templates = sorted((ROOT / "evaluation" / "templates").iterdir())
    texts = {path.name: path.read_text(encoding="utf-8") for path in templates}

    assert texts
    for name, text in texts.items():
        assert not shows_threshold(text), name
        assert [each for each in label_names() | label_colours() if each in text] == [], name


def test_the_rules_cover_the_numbers_of_the_task_files() -> None:
    assert {
        "connectivity",
        "reach_mm",
        "matching_iou",
        "short_axis_mm",
        "malignant_features",
        "horizon_months",
        "minimum_events",
        "resamples",
        "seed",
        "level",
    } == RULE_NAMES


@pytest.mark.parametrize(
    ("rule", "repeats", "does_not"),
    [
        (label_tables, "{Region.EI: 1, Region.OB: 3}", "{Region.EI: 0.25, Region.OB: 0.75}"),
        (label_tables, "{(Region.EI, Side.LEFT): 2}", "{Side.LEFT: 1, Side.RIGHT: -1}"),
        (label_tables, "{'negative': 1, 'positive': 2}", "{'cases': 1, 'centres': 2}"),
        (label_comparisons, "mask == 2", "mask == 0"),
        (label_comparisons, "case.nodes[box] != 1", "len(nodes) == 1"),
        (threshold_literals, "x = 7.0", "x = 7"),
        (threshold_literals, "short_axis >= 7", "short_axis >= threshold"),
        (threshold_words, "'short axis of 7 mm or more'", "f'short axis of {threshold} mm'"),
        (seed_literals, "rng(20251111)", "rng(seed)"),
        (label_texts, "scope = 'positive_node'", "scope = 'positive'"),
        (label_texts, "colour = '#8e44ad'", "colour = '#ffffff'"),
        (rules_written_out, "place_of(reach_mm=5.0)", "place_of(reach_mm=rules.reach_mm)"),
        (rules_written_out, "def f(*, level=0.95): ...", "def f(*, level): ..."),
        (rules_written_out, "def f(a, resamples=2000): ...", "def f(a=2000, resamples=None): ..."),
        (rules_written_out, "MATCHING_IOU: float = 0.1", "SMOOTHING: float = 0.1"),
    ],
)
def test_a_repetition_is_recognised(rule: Rule, repeats: str, does_not: str) -> None:
    assert list(rule(ast.parse(repeats))) != []
    assert list(rule(ast.parse(does_not))) == []
