"""What the doctor and its submission agree on: names, paths, and how far an attack may go."""

from __future__ import annotations

REPORT = "LLN-DOCTOR"
"""Begins a line of the log that is a report."""
PLAN = "plan"
"""File in the folder of weights that tells the submission what to look for, in hexadecimal."""
MAY_FLOOD = "flood"
"""File in the folder of weights that appears when the engine was seen to bound a log."""
OPEN_FOLDER, VOLUME = "/open", "/volume"
"""Made by the image: a folder that anybody may write to, and a declared volume."""
ROOT_PYTHON = "/opt/hostile/root-python"
"""Made by the image: Python, owned by root, with the set-user bit."""

LOOK = "look"
FORKS, MEMORY, OUTPUT, ENTRIES = "forks", "memory", "output", "entries"
HANG, PROCESS, NAMES, DEPTHS = "hang", "process", "names", "depths"
ROWS, BOMB, CLOSED = "rows", "bomb", "closed"
HONEST = "honest"
PASSWD, LABEL, HARD, FIFO, SOCKET, SET_UID = (
    "link-passwd",
    "link-label",
    "hard-link",
    "fifo",
    "socket",
    "set-uid",
)
PROBE, FLOOD = "log-probe", "log-flood"
"""Cases; what the submission does depends on the case that it is given."""

MIB = 1 << 20
PROBE_MIB, FLOOD_MIB = 8, 1024
BOMB_MIB = 1024
MOST_FORKS = 2000
MOST_ENTRIES = 2000
MEMORY_TIMES, OUTPUT_TIMES, FOLDER_TIMES, HANG_TIMES = 3, 20, 4, 3
"""How many times the limit is asked for."""
