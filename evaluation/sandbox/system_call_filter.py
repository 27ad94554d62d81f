"""The filter of system calls that every container runs under: the profile in `seccomp.json`.

The engine's own default is another one with each version, and an organiser may have replaced it.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

PROFILE = "seccomp.json"


@cache
def filter_text() -> str:
    """The profile as JSON text, which is how an engine wants it."""
    profile = json.loads((files(__package__) / PROFILE).read_text(encoding="utf-8"))
    return json.dumps(profile, separators=(",", ":"))
