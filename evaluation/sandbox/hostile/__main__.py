"""What the hostile image runs: the case that it is given says which attack it makes."""

from __future__ import annotations

from pathlib import Path

from evaluation.sandbox.hostile import bounds, exhaust, leave, look

ATTACKS = {
    bounds.LOOK: look.look,
    bounds.FORKS: exhaust.forks,
    bounds.MEMORY: exhaust.memory,
    bounds.OUTPUT: exhaust.output,
    bounds.ENTRIES: exhaust.entries,
    bounds.HANG: exhaust.hang,
    bounds.PROBE: exhaust.probe_log,
    bounds.FLOOD: exhaust.flood_log,
    bounds.NAMES: leave.names,
    bounds.DEPTHS: leave.depths,
    bounds.ROWS: leave.rows,
    bounds.BOMB: leave.bomb,
    bounds.CLOSED: leave.closed,
    bounds.PROCESS: leave.process,
}


def main() -> None:
    """Answer every case honestly, then attack."""
    cases = sorted(path.name.split(".")[0] for path in Path("/input/t2w").iterdir())
    look.leftovers()
    leave.answer(cases)
    for case_id in cases:
        if case_id in leave.PLANTED:
            leave.plant(case_id)
        elif case_id in ATTACKS:
            ATTACKS[case_id]()


if __name__ == "__main__":
    main()
