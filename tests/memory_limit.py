"""A bound on what a process may allocate, for what a damaged file or pickle makes it want."""

from __future__ import annotations

import resource


def limit_memory(megabytes: int) -> None:
    """Bound what this process may allocate beyond what it has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (megabytes << 20), resource.RLIM_INFINITY))
