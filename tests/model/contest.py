"""Processes that save and load one folder at the same time, and are killed or refused.

Run as ``python -m tests.model.contest FUNCTION FOLDER``; prints what happened as JSON.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from skm2v import StaticModel
from tests.model.forge import tiny_model


def fork(work: Callable[[], int]) -> int:
    """Run a function in a child process, whose exit status is its result."""
    child = os.fork()
    if child == 0:
        status = 250
        try:
            status = work()
        finally:
            os._exit(status)
    return child


def killed(folder: Path, n_kills: int = 50) -> dict[str, int]:
    """Kill processes that save two models in turn."""
    models = [tiny_model("wordpiece"), tiny_model("bpe", "int8")]
    models[0].save_pretrained(folder)

    def save_for_ever() -> int:
        turn = 0
        while True:
            turn += 1
            models[turn % 2].save_pretrained(folder)

    start = time.perf_counter()
    for model in reversed(models):
        model.save_pretrained(folder)
    some_saves = 2 * (time.perf_counter() - start)  # on this machine, as busy as it is
    generator = random.Random(0)
    wrong, seen = 0, set()
    for _ in range(n_kills):
        child = fork(save_for_ever)
        time.sleep(generator.uniform(0, some_saves))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        model = StaticModel.from_pretrained(folder)
        wrong += model not in models
        seen.add(model)
    return {"kills": n_kills, "wrong": wrong, "models": len(seen)}


def quota(folder: Path) -> dict[str, int]:
    """Save where files may not grow beyond some size."""
    old, new = tiny_model("wordpiece"), tiny_model("bpe", "int8")
    old.save_pretrained(folder)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sizes = [0, 1, 100, 1000, 3000, 5000, 8000, 12000]
    refused = wrong = 0
    for size in sizes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        try:
            new.save_pretrained(folder)
        except OSError as error:
            refused += str(folder) in str(error)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        wrong += StaticModel.from_pretrained(folder) != old
    return {"tried": len(sizes), "refused": refused, "wrong": wrong}


def race(folder: Path, n_loads: int = 300) -> dict[str, int]:
    """Load in two processes what two others save."""
    models = [tiny_model("wordpiece", max_length=length) for length in range(1, 9)]
    models[0].save_pretrained(folder)

    def save_from(turn: int) -> int:
        while True:
            models[turn % 8].save_pretrained(folder)
            turn += 1

    def read_often() -> int:
        return sum(StaticModel.from_pretrained(folder) not in models for _ in range(n_loads))

    savers = [fork(lambda start=start: save_from(start)) for start in (0, 3)]
    reader = fork(read_often)
    wrong, seen, n_reads = 0, set(), 0
    deadline = time.monotonic() + 30
    while n_reads < n_loads or (len(seen) < 5 and time.monotonic() < deadline):
        model = StaticModel.from_pretrained(folder)
        wrong += model not in models
        seen.add(model)
        n_reads += 1
    wrong += os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1])
    for saver in savers:
        os.kill(saver, signal.SIGKILL)
        os.waitpid(saver, 0)
    models[0].save_pretrained(folder)
    return {"reads": n_reads + n_loads, "wrong": wrong, "models": len(seen)}


def main(arguments: list[str]) -> None:
    function = {"killed": killed, "quota": quota, "race": race}[arguments[0]]
    print(json.dumps(function(Path(arguments[1]), *map(int, arguments[2:]))))


if __name__ == "__main__":
    main(sys.argv[1:])
