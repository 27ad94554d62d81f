"""The benchmark's JSON as a page: goals with a verdict, and a table for each group.

python -m tests.bench.table out/bench.json docs/benchmarks.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.contestants import (
    CONCORDANCE,
    DISTRIBUTIONS,
    FIELD,
    FIGURES,
    FLOOR_FASTEST,
    FLOOR_ISAL,
    FULL_CASE,
    GROWTH,
    KIT,
    MEDPY,
    MONAI,
    NNUNET,
    OVERLAP,
    READING,
    SURFACE,
    SURFACE_DISTANCE,
)

QUIET = 0.3
"""Largest load average before a run that leaves its times alone."""
FLOORS = (FLOOR_ISAL, FLOOR_FASTEST)
COMMAND = "make bench"
PREAMBLE = (
    f"Made by `{COMMAND}`; never edit it by hand. All of it is from one run: compare ratios, not "
    "milliseconds, with another machine's.\n\n"
)


class Goal(NamedTuple):
    """How many times as fast as a peer, or at most how many times as slow as the floor."""

    group: str
    rival: str
    times: float
    bound: str
    """What keeps the scorer from being faster still, in a sentence."""


COUNTING = (
    "one pass over both masks counts every pair of labels, eight background voxels at a time. What "
    "is left is that loop: about half of it passes over background, the other half follows the "
    "runs of labels."
)
SEARCH = (
    "only the boxes of the labels are looked at and only cells of a surface are searched from. "
    "What is left is mostly that search, element by element, in one thread."
)
CASE = (
    "about two fifths go to the surfaces, a quarter to a third to telling the nodes apart, "
    "measuring and matching them, and most of the rest to reading five headers and four masks."
)
GOALS = (
    Goal(OVERLAP, NNUNET, 20, COUNTING),
    Goal(OVERLAP, MONAI, 100, COUNTING),
    Goal(SURFACE, SURFACE_DISTANCE, 8, SEARCH),
    Goal(SURFACE, MONAI, 40, SEARCH),
    Goal(SURFACE, MEDPY, 300, SEARCH),
    Goal(FULL_CASE, FLOOR_ISAL, 10, CASE),
)

TITLES = {
    READING: "Reading two masks",
    OVERLAP: "Overlap of six labels",
    SURFACE: "Surfaces of six labels",
    FULL_CASE: "A full case",
}
NOTES = {
    READING: (
        "Two compartment masks from `.nii.gz` to arrays. A floor decompresses each file once and "
        "takes the largest byte: one pass over memory. This scorer reads the header first and "
        "checks what it claims, then decompresses with libdeflate and checks that nothing follows."
    ),
    OVERLAP: (
        "Dice and IoU of each label from two label arrays in memory; all agree to 1e-6. nnU-Net's "
        "functions are called as its `compute_metrics` calls them, which also counts true "
        "negatives, once on bytes and once on the single-precision floats that its own reader "
        "gives; the goal is held against the faster. MONAI makes its labels one-hot first, as its "
        "metrics ask for."
    ),
    SURFACE: (
        "HD95, Hausdorff distance, average symmetric distance and surface Dice at 2 mm. "
        "surface-distance is the reference implementation: its values and this scorer's agree to "
        "1e-6 in every run. The others define a surface as the voxels at the rim, so their values "
        "differ; medpy has no surface Dice, SimpleITK only the Hausdorff distance and an average. "
        "MONAI and medpy compute their distances anew for every figure, as their interfaces have "
        "it."
    ),
    FULL_CASE: (
        "Every figure of both mask tasks of one patient from files: two references, two "
        "predictions, all checks. The floors read the same four files."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Least seconds by group, size and contestant, and what was installed."""

    seconds: Mapping[tuple[str, str, str], float]
    releases: Mapping[str, str | None]

    def sizes(self, group: str) -> list[str]:
        """Sizes of a group, in the order in which they were run."""
        return list(dict.fromkeys(size for found, size, _ in self.seconds if found == group))

    def ratio(self, group: str, size: str, name: str) -> float | None:
        """How many times as long as the scorer somebody took."""
        rival, own = (self.seconds.get((group, size, each)) for each in (name, KIT))
        return None if rival is None or own is None else rival / own

    def absence(self, name: str) -> str:
        """Why somebody has no time."""
        distribution = DISTRIBUTIONS.get(name)
        if distribution is not None and self.releases.get(distribution) is None:
            return "not installed"
        return "not run"


def times_of(data: Mapping[str, Any]) -> Times:
    """The times in what pytest-benchmark wrote."""
    return Times(
        seconds={
            (facts["group"], facts["size"], facts["contestant"]): each["stats"]["min"]
            for each in data["benchmarks"]
            for facts in [each["extra_info"]]
        },
        releases=data["releases"],
    )


# --- Markdown -----------------------------------------------------------------------------


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1) -> str:
    """A Markdown table; so many columns of words stand to the left, numbers to the right."""
    marks = [*["---"] * words, *["---:"] * (len(columns) - words)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (columns, marks, *rows))


def shown(seconds: float) -> str:
    """Milliseconds, or microseconds, with three significant digits."""
    if seconds < 1e-4:
        return f"{three_digits(1e6 * seconds)} µs"
    return f"{three_digits(1000 * seconds)} ms"


def three_digits(value: float) -> str:
    """`0.956`, `10.9`, `1,140`."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:#.3g}".rstrip(".")


# --- goals --------------------------------------------------------------------------------


def goal_rows(times: Times) -> Iterator[tuple[str, str, str, str]]:
    """Goal, size, measured, verdict."""
    for goal in GOALS:
        sizes = times.sizes(goal.group) or ["any size"]
        for size in sizes:
            measured, verdict = outcome(goal, times=times, size=size)
            yield asked(goal), size, measured, verdict


def asked(goal: Goal) -> str:
    """A goal in words."""
    if goal.rival in FLOORS:
        return f"{goal.group}: at most {goal.times:g} times the {goal.rival}"
    return f"{goal.group}: at least {goal.times:g} times as fast as {goal.rival}"


def outcome(goal: Goal, *, times: Times, size: str) -> tuple[str, str]:
    """What was measured, and whether that is enough and by how much."""
    ratio = times.ratio(goal.group, size, goal.rival)
    if ratio is None:
        return "\N{EN DASH}", times.absence(goal.rival)
    is_floor = goal.rival in FLOORS
    measured = 1 / ratio if is_floor else ratio
    reserve = goal.times / measured if is_floor else measured / goal.times
    if reserve >= 1:
        return f"{three_digits(measured)}", f"met, {reserve:.1f} times over"
    return f"{three_digits(measured)}", f"**missed**, {reserve:.0%} of the goal"


def bounds() -> Iterator[str]:
    """What bounds each group that has a goal, once."""
    for group, bound in dict.fromkeys((goal.group, goal.bound) for goal in GOALS):
        yield f"- {group}: {bound}\n"


# --- groups -------------------------------------------------------------------------------


def group_table(group: str, *, times: Times) -> str:
    """A row a contestant, two columns a size: time, and how many times the scorer's."""
    sizes = times.sizes(group)
    columns = ["", *(column for size in sizes for column in (size, "times this scorer's"))]
    rows = []
    for name in FIELD[group]:
        cells = (cell for size in sizes for cell in _cells(times, group, size, name))
        rows.append([f"**{name}**" if name == KIT else name, *cells])
    return table(columns, rows)


def _cells(times: Times, group: str, size: str, name: str) -> tuple[str, str]:
    seconds, ratio = times.seconds.get((group, size, name)), times.ratio(group, size, name)
    if seconds is None:
        return times.absence(name), ""
    return shown(seconds), "" if ratio is None or name in FLOORS else three_digits(ratio)


def multiples(group: str, *, times: Times) -> str:
    """The scorer's multiple of either floor."""
    rows = [
        [floor, *(_multiple(times.ratio(group, size, floor)) for size in times.sizes(group))]
        for floor in FLOORS
    ]
    return table(["this scorer, in multiples of the", *times.sizes(group)], rows)


def _multiple(ratio: float | None) -> str:
    return "" if ratio is None else three_digits(1 / ratio)


def by_group(data: Mapping[str, Any], group: str) -> list[Mapping[str, Any]]:
    """Benchmarks of one group, as pytest-benchmark wrote them."""
    return [each for each in data["benchmarks"] if each["extra_info"]["group"] == group]


def figures_text(data: Mapping[str, Any]) -> Iterator[str]:
    """The cohort's figures, and concordance evaluation by evaluation."""
    yield "## Figures of a cohort\n\n"
    for each in by_group(data, FIGURES):
        facts = each["extra_info"]
        yield (
            f"All {facts['figures']} figures of the three tasks, {facts['size']}, with "
            f"intervals from {facts['resamples']:,} resamples: "
            f"**{shown(each['stats']['min'])}**.\n\n"
        )
    yield (
        "Harrell's C alone, with the same resamples, against one evaluation by a peer; the values "
        "agree to 1e-9.\n\n"
    )
    yield concordance_table(data)


def concordance_table(data: Mapping[str, Any]) -> str:
    """Time, evaluations in it, time for each, and how many times the scorer's that is."""
    each = {
        (found["extra_info"]["size"], found["extra_info"]["contestant"]): found
        for found in by_group(data, CONCORDANCE)
    }
    times = times_of(data)
    rows = [
        [size, name, *_evaluations(each[size, name], own=each[size, KIT])]
        if (size, name) in each
        else [size, name, times.absence(name), "", "", ""]
        for size in times.sizes(CONCORDANCE)
        for name in FIELD[CONCORDANCE]
    ]
    columns = ["", "", "time", "evaluations", "each", "times this scorer's"]
    return table(columns, rows, words=2)


def _evaluations(found: Mapping[str, Any], *, own: Mapping[str, Any]) -> tuple[str, str, str, str]:
    count, seconds = found["extra_info"]["evaluations"], found["stats"]["min"]
    ratio = _each(found) / _each(own)
    return shown(seconds), f"{count:,}", shown(_each(found)), three_digits(ratio)


def _each(found: Mapping[str, Any]) -> float:
    """Seconds of one evaluation."""
    seconds: float = found["stats"]["min"] / found["extra_info"]["evaluations"]
    return seconds


def growth_text(data: Mapping[str, Any]) -> Iterator[str]:
    """How time and memory grow with cases and submissions."""
    yield "## Growth\n\n"
    yield (
        "Whole evaluations (`evaluate`, every task, digests and figures with it), each in a fresh "
        "process that has imported and compiled everything. Twelve phantom patients are repeated "
        "under new names. With two processes the memory is that of the larger one, and the "
        "`result.json` is the same text.\n\n"
    )
    steps = [each["extra_info"] for each in by_group(data, GROWTH)]
    columns = ["cases", "submissions", "processes", "seconds", "ms a case", "peak MB"]
    yield table(columns, [_growth_row(step) for step in steps], words=0)
    alone = [step for step in steps if step["jobs"] == step["submissions"] == 1]
    if len(alone) > 1:
        yield f"\n{slope(alone[0], alone[-1])}\n"


def slope(few: Mapping[str, Any], many: Mapping[str, Any]) -> str:
    """What a further case costs, and what is paid once."""
    seconds, megabytes = (
        (many[name] - few[name]) / (many["cases"] - few["cases"]) for name in ("seconds", "peak_mb")
    )
    return (
        f"From {few['cases']} to {many['cases']} cases each further one costs "
        f"{1000 * seconds:.1f} ms and {1000 * megabytes:.0f} kB (mostly its scores, which the "
        f"result keeps); {few['seconds'] - seconds * few['cases']:.2f} s and "
        f"{few['peak_mb'] - megabytes * few['cases']:.0f} MB are spent once."
    )


def _growth_row(facts: Mapping[str, Any]) -> list[str]:
    scored = facts["cases"] * facts["submissions"]
    counts = [f"{facts[name]:,}" for name in ("cases", "submissions", "jobs")]
    seconds = facts["seconds"]
    return [*counts, f"{seconds:.2f}", f"{1000 * seconds / scored:.1f}", f"{facts['peak_mb']:.0f}"]


# --- the page -----------------------------------------------------------------------------


def conditions(data: Mapping[str, Any]) -> Iterator[str]:
    """Machine, versions, command."""
    machine, cpu = data["machine_info"], data["machine_info"]["cpu"]
    yield "## Conditions\n\n"
    yield table(
        ["", ""],
        [
            ["command", f"`{COMMAND}`"],
            ["commit", commit(data["commit_info"])],
            ["processor", f"{cpu.get('brand_raw', 'unknown')}, {cpu.get('count', '?')} cores"],
            ["load before the run", f"{data['load']:.2f}"],
            ["system", f"{machine['system']} {machine['release']}, {machine['machine']}"],
            ["Python", machine["python_version"]],
            ["when", data["datetime"][:16].replace("T", " ") + " UTC"],
            *([name, found or "not installed"] for name, found in data["releases"].items()),
        ],
    )
    yield (
        "\nA figure is the least of the rounds that fit in four seconds (5 to 100), after a call "
        "that compiles and loads; medpy, which takes tens of seconds, has one round. The scorer "
        "runs in one thread, peers in as many as they like. Volumes are ellipsoids: six "
        "compartments that fill 5 % of the grid, twelve nodes of 4 to 12 mm, spacing 0.6 x 0.6 x "
        "3.0 mm, the prediction shifted and scaled.\n\n"
        "Not timed: panoptica 2.1.7 needs connected-components-3d below 4 and cannot be installed "
        "beside this kit's pins; MetricsReloaded is not on PyPI.\n\n"
    )


def commit(info: Mapping[str, Any]) -> str:
    """Which state of the kit."""
    return f"{info['id'][:7]}{', changed since' if info['dirty'] else ''}"


def caution(load: float) -> str:
    """What a busy machine does to the figures; nothing on a quiet one."""
    if load <= QUIET:
        return ""
    return (
        f"**The machine was not quiet: load {load:.2f} before the run.** Who takes seconds, few "
        "rounds or several threads loses most by that, so the multiples of such peers are too "
        "high, and growth is uneven. Run it again on a quiet machine before quoting a ratio.\n\n"
    )


def page(data: Mapping[str, Any]) -> str:
    """The whole page."""
    times = times_of(data)
    return (
        "".join(
            [
                "# Benchmarks\n\n",
                PREAMBLE,
                caution(data["load"]),
                "## Goals\n\n",
                table(["goal", "size", "measured", "verdict"], list(goal_rows(times)), words=4),
                "\nWhat bounds the scorer:\n\n",
                *bounds(),
                "\n",
                *(text for group in TITLES for text in _section(group, times=times)),
                *figures_text(data),
                "\n",
                *growth_text(data),
                "\n",
                *conditions(data),
            ]
        ).rstrip("\n")
        + "\n"
    )


def _section(group: str, *, times: Times) -> Iterator[str]:
    yield f"## {TITLES[group]}\n\n{NOTES[group]}\n\n{group_table(group, times=times)}\n"
    if FLOOR_ISAL in FIELD[group]:
        yield f"{multiples(group, times=times)}\n"


def main() -> None:
    """Write the page and print it."""
    source, target = map(Path, sys.argv[1:])
    text = page(json.loads(source.read_text(encoding="utf-8")))
    target.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
