"""The service of `examples/serving.py` under load, on this machine's loopback (Linux).

    python benchmarks/serving.py [--seconds 10] [--connections 16] [--rate 100] [--workers 2]

Requests a second, latency, errors, processor time of the workers for each request, and memory of
each worker, for one message, a hundred messages, and none (`/health`: the framework alone). Those
at a rate are sent when they are due, whether or not the ones before are answered, and measured from
then on. Then one worker is killed (SIGKILL) in the middle of a run: requests that were on their way
to it fail and are sent once more; all others must not notice. At last all workers are replaced
(SIGHUP to their parent), as for a new model. Every answer is compared with that of the model
itself. Client and workers share the processors. The event loop is uvloop where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from speed_common import environment, show_environment, simd_in_use

from skm2v import FusedTextClassifier
from skm2v.datasets import load_sms_spam

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "serving.py"


@dataclass
class Tally:
    """What a run saw."""

    seconds: list[float] = field(default_factory=list)
    workers: collections.Counter[str] = field(default_factory=collections.Counter)
    wrong: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)  # worker of the connection, error
    lost: int = 0  # failed twice


class Connection:
    """A connection that is kept, as a client with a pool has; speaks enough HTTP for this."""

    def __init__(self, port: int) -> None:
        self.port, self.worker = port, ""
        self.streams: Any = None

    async def ask(self, head: bytes, body: bytes) -> bytes:
        """Send a request and return the body of the answer."""
        if self.streams is None:
            self.worker = ""
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(head + body)
        headers = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in headers.split("\r\n")[1:] if line)
        answer: bytes = await reader.readexactly(int(fields["content-length"]))
        self.worker = fields.get("x-worker", "")
        if " 200 " not in headers.partition("\r\n")[0]:
            raise ConnectionError(headers.partition("\r\n")[0])
        return answer

    def close(self) -> None:
        """Forget the connection; the next request makes another."""
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


@dataclass
class Load:
    """Requests that are sent in turn, and what the right answer to each has in it."""

    port: int
    requests: list[tuple[bytes, bytes, list[float] | None]]

    async def one(self, connection: Connection, number: int, tally: Tally, due: float) -> None:
        """Send a request; once more if the connection breaks."""
        head, body, expected = self.requests[number % len(self.requests)]
        for attempt in (1, 2):
            try:
                answer = json.loads(await connection.ask(head, body))
                break
            except (OSError, EOFError, asyncio.IncompleteReadError) as error:
                tally.failed.append((connection.worker, type(error).__name__))
                connection.close()
                if attempt == 2:
                    tally.lost += 1
                    return
        tally.seconds.append(time.perf_counter() - due)
        tally.workers[connection.worker] += 1
        tally.wrong += expected is not None and answer["probabilities"] != expected

    async def closed(self, seconds: float, n_connections: int, tally: Tally | None = None) -> Tally:
        """Let each connection send its next request as soon as it has an answer."""
        tally = Tally() if tally is None else tally
        end, numbers = time.perf_counter() + seconds, iter(range(1 << 60))

        async def client() -> None:
            connection = Connection(self.port)
            while (now := time.perf_counter()) < end:
                await self.one(connection, next(numbers), tally, now)
            connection.close()

        await asyncio.gather(*(client() for _ in range(n_connections)))
        return tally

    async def at_rate(self, seconds: float, n_connections: int, rate: float) -> Tally:
        """Send requests when they are due; wait for a free connection if there is none."""
        tally, free = Tally(), asyncio.Queue()
        for _ in range(n_connections):
            free.put_nowait(Connection(self.port))
        start = time.perf_counter()

        async def send(number: int) -> None:
            due = start + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            connection = await free.get()
            await self.one(connection, number, tally, due)
            free.put_nowait(connection)

        await asyncio.gather(*map(send, range(int(seconds * rate))))
        while not free.empty():
            free.get_nowait().close()
        return tally


def request(path: str, body: Any = None, expected: Any = None) -> tuple[bytes, bytes, Any]:
    data = b"" if body is None else json.dumps(body).encode()
    verb = "GET" if body is None else "POST"
    head = f"{verb} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode(), data, expected


def processor_seconds(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: str) -> dict[str, float]:
    """Resident memory in MB: all, and what no other process shares."""
    found = {"Rss": 0.0, "Pss": 0.0, "Private": 0.0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.replace(":", "").split()
        name = name.partition("_")[0] if name.startswith("Private") else name
        if name in found:
            found[name] += int(size) / 1024
    return found


def show(name: str, tally: Tally, lasted: float, cpu: float | None = None) -> None:
    ms = 1e3 * np.array(tally.seconds)
    print(
        f"| {name} | {len(ms) / lasted:,.0f} | {np.median(ms):.1f} | {np.percentile(ms, 99):.1f}"
        f" | {ms.max():.1f} | {len(tally.failed)} | {tally.wrong}"
        f" | {'' if cpu is None else f'{1e3 * cpu / len(ms):.2f}'} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location("serving_example", EXAMPLE)
    assert spec and spec.loader
    example = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    show_environment(environment(simd_in_use()))
    from importlib.metadata import version

    names = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools")
    print(*(f"{one} {version(one)}" for one in names if importlib.util.find_spec(one)), sep=", ")
    messages = load_sms_spam(subset="test").data
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spam.safetensors"
        example.train(path)
        best = FusedTextClassifier.load(path).predict_proba(messages).max(axis=1).tolist()
        hundreds = range(0, len(messages) - 100, 100)
        loads = {
            "`/health`": [request("/health")],
            "one message": [
                request("/predict", {"texts": [text]}, [p])
                for text, p in zip(messages, best, strict=True)
            ],
            "a hundred messages": [
                request("/predict", {"texts": messages[i : i + 100]}, best[i : i + 100])
                for i in hundreds
            ],
        }
        with example.serve(path, options.workers) as address:
            asyncio.run(measure(int(address.rpartition(":")[2]), loads, options))


async def measure(port: int, loads: dict[str, Any], options: argparse.Namespace) -> None:
    n, seconds = options.connections, options.seconds
    first = Load(port, loads["one message"])
    workers: set[str] = set()
    while len(workers) < options.workers:
        workers |= set((await first.closed(0.5, n)).workers)
    print(f"\n{options.workers} workers, {n} connections, {seconds:g} s a line\n")
    print(
        "| requests | a second | p50 ms | p99 ms | longest ms | failed | wrong | processor ms |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for name, requests in loads.items():
        load, cpu = Load(port, requests), sum(map(processor_seconds, workers))
        start = time.perf_counter()
        tally = await load.closed(seconds, n)
        lasted = time.perf_counter() - start
        show(name, tally, lasted, sum(map(processor_seconds, workers)) - cpu)
    start = time.perf_counter()
    tally = await first.at_rate(seconds, n, options.rate)
    show(f"one message, {options.rate:g} a second", tally, time.perf_counter() - start)
    print("\n| worker | resident MB | shared among them MB | its own MB |\n|---|---|---|---|")
    for number, pid in enumerate(sorted(workers), 1):
        mb = memory(pid)
        shared = mb["Rss"] - mb["Private"]
        print(f"| {number} | {mb['Rss']:.0f} | {shared:.0f} | {mb['Private']:.0f} |")
    parent = Path(f"/proc/{min(workers)}/status").read_text().partition("PPid:")[2].split()[0]
    await disturbed("the busiest worker killed", first, options, None, signal.SIGKILL)
    while len((await first.closed(0.5, n)).workers) < options.workers:
        pass  # the one that takes its place is still starting
    await disturbed("all workers replaced", first, options, parent, signal.SIGHUP)


async def disturbed(
    what: str, load: Load, options: argparse.Namespace, pid: str | None, number: int
) -> None:
    """Send a signal in the middle of a run, and say which requests noticed."""
    tally = Tally()

    async def disturb() -> set[str]:
        await asyncio.sleep(options.seconds / 2)
        ending = set(tally.workers) if pid else {tally.workers.most_common(1)[0][0]}
        os.kill(int(pid or min(ending)), number)
        return ending

    run = load.closed(options.seconds, options.connections, tally)
    _, ending = await asyncio.gather(run, disturb())
    of_ending = sum(worker in ending for worker, _ in tally.failed)
    new = sum(worker == "" for worker, _ in tally.failed)
    print(
        f"\n{what}: {len(tally.seconds):,} requests answered, {tally.wrong} of them wrong;"
        f" {len(tally.failed)} attempts failed, {of_ending} on connections of a worker that ended,"
        f" {new} on new ones, {len(tally.failed) - of_ending - new} on others;"
        f" {tally.lost} failed again",
        flush=True,
    )


if __name__ == "__main__":
    main()
