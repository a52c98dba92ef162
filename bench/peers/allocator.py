"""PyTorch on a CPU is up to twice as fast when glibc keeps freed memory, so the peers run with that set."""

import os
import sys

_SETTINGS = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 28),
}


def tune():
    """Runs the program once more with the settings, which glibc reads only at its start."""
    if any(os.environ.get(name) != value for name, value in _SETTINGS.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **_SETTINGS})
