# SPDX-License-Identifier: GPL-3.0-or-later
"""The server under load: `python -m benchmarks.serve`. Many clients, the fake backend, and a kill -9 in the middle.

Each client has a token of its own and gives orders one after the other: submit with an Idempotency-Key, ask until it
has ended, fetch the file, compare it. What is cut off by the kill is asked again with the same key. Counted at the end:
orders whose file was not right, and jobs on the server beyond one an order.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from galatea.benchmarks._rows import Row, tell

ROOT = Path(__file__).resolve().parents[1]
FAKE = 'version = 1\nname = "Fake"\ninputs = []\n\n[[step]]\ndo = "fake"\n'
PLAIN = ssl.create_default_context()
"""One for all: to make one takes longer than an order."""
Times = dict[str, list[float]]


class Box:
    """The server's process; its tokens are given out before it starts."""

    def __init__(self, home: Path, clients: int) -> None:
        from galatea.backend.server.tokens import Tokens

        self.home, self.port = home, 0
        (home / "recipes").mkdir(parents=True)
        (home / "recipes/fake.toml").write_text(FAKE)
        tokens = Tokens(home / "server/tokens.json")
        self.tokens = [tokens.add(f"user{number}") for number in range(clients)]

    def start(self) -> float:
        """Returns the s until it listens."""
        began = time.monotonic()
        command = [sys.executable, "-P", str(ROOT / "backend/__main__.py"), "serve", "--port", str(self.port)]
        command += ["--recipes", str(self.home / "recipes")]
        with (self.home / "log").open("ab") as log:
            at = log.tell()
            self.process = subprocess.Popen(
                command, stderr=log, env={**os.environ, "GALATEA_HOME": str(self.home)}, start_new_session=True
            )
        while time.monotonic() - began < 120:
            for line in (self.home / "log").read_bytes()[at:].decode().splitlines():
                if '"started"' in line:
                    self.port = urlsplit(json.loads(line)["url"]).port or 0
                    return time.monotonic() - began
            time.sleep(0.05)
        raise RuntimeError((self.home / "log").read_text()[-2000:])


async def patient(times: Times, what: str, ask: Any) -> httpx.Response:
    """Again until there is an answer; only what was answered at once is measured."""
    while True:
        began = time.perf_counter()
        try:
            answer: httpx.Response = await ask()
        except httpx.TransportError:
            times["away"].append(time.perf_counter())
            await asyncio.sleep(0.5)
            continue
        if answer.status_code in (429, 503):
            times["refused"].append(0.0)
            await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
            continue
        times[what].append(time.perf_counter() - began)
        return answer


async def client(
    number: int, box: Box, options: argparse.Namespace, ready: asyncio.Barrier, times: Times, wrong: list[str]
) -> None:
    auth = {"Authorization": f"Bearer {box.tokens[number]}"}
    base = f"http://127.0.0.1:{box.port}"
    async with httpx.AsyncClient(base_url=base, headers=auth, timeout=60, verify=PLAIN) as link:
        await ready.wait()
        for order in range(options.orders):
            text = f"{number} {order}"
            body = {"recipe": "fake", "settings": {"fake": {"text": text, "seconds": options.seconds}}}
            key = {"Idempotency-Key": text}
            began = time.perf_counter()
            job = (await patient(times, "submit", lambda: link.post("/v1/jobs", json=body, headers=key))).json()  # noqa: B023
            while job.get("state") in ("queued", "running"):
                await asyncio.sleep(0.5)
                job = (await patient(times, "status", lambda: link.get(f"/v1/jobs/{job['id']}"))).json()  # noqa: B023
            if job.get("state") != "done":
                wrong.append(f"{text}: {job}"[:300])
                continue
            url = job["assets"][0]["url"]
            answer = await patient(times, "download", lambda: link.get(url))  # noqa: B023
            if answer.content != f"{text} 0\n".encode():
                wrong.append(f"{text}: {answer.status_code} {answer.content[:80]!r}")
            times["whole"].append(time.perf_counter() - began)


async def load(box: Box, options: argparse.Namespace, *, kill: bool) -> tuple[Times, list[str], float, float]:
    times: Times = {name: [] for name in ("submit", "status", "download", "whole", "away", "refused")}
    wrong: list[str] = []
    began, gone = time.monotonic(), 0.0
    ready = asyncio.Barrier(options.clients)
    tasks = [
        asyncio.create_task(client(number, box, options, ready, times, wrong)) for number in range(options.clients)
    ]
    if kill:
        while len(times["whole"]) < options.clients * options.orders // 3:
            await asyncio.sleep(0.05)
        os.kill(box.process.pid, signal.SIGKILL)
        box.process.wait()
        gone = await asyncio.to_thread(box.start)
    await asyncio.gather(*tasks)
    return times, wrong, time.monotonic() - began, gone


def jobs_on_disk(home: Path) -> tuple[int, int]:
    folders = list((home / "server/jobs").glob("j*/order.json"))
    return len(folders), sum((path.parent / "result.json").is_file() for path in folders)


def row(name: str, values: list[float]) -> str:
    found = sorted(values)
    at = [found[min(int(len(found) * share), len(found) - 1)] * 1000 for share in (0.5, 0.95, 0.99)]
    return f"| {name} | {len(found)} | {at[0]:.0f} | {at[1]:.0f} | {at[2]:.0f} |"


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--orders", type=int, default=3, help="of each client")
    parser.add_argument("--seconds", type=float, default=0.0, help="that a job takes")
    parser.add_argument("--no-kill", action="store_true")
    options = parser.parse_args()
    bad, rates, submits = 0, list[float](), list[float]()
    for kill in (False,) if options.no_kill else (False, True):
        with tempfile.TemporaryDirectory() as folder:
            box = Box(Path(folder), options.clients)
            box.start()
            times, wrong, spent, gone = asyncio.run(load(box, options, kill=kill))
            jobs, ended = jobs_on_disk(box.home)
            box.process.terminate()
            box.process.wait()
        orders = options.clients * options.orders
        how = f"kill -9 in the middle, back after {gone:.1f} s" if kill else "no fault"
        print(f"\n{options.clients} clients, {orders} orders, {how}: {spent:.0f} s, {orders / spent:.1f} orders/s")
        print("| ms | answers | p50 | p95 | p99 |\n|---|---|---|---|---|")
        for name in ("submit", "status", "download", "whole"):
            print(row(name, times[name]))
        print(f"jobs on the server {jobs}, ended {ended}, lost or wrong {len(wrong)}, refused {len(times['refused'])}, "
              f"cut off {len(times['away'])}")  # fmt: skip
        print("\n".join(wrong[:5]))
        bad += len(wrong) + (jobs != orders) + (ended != orders)
        rates.append(orders / spent)
        submits.append(1000 * statistics.median(times["submit"]))
    plain = None if options.no_kill else "no fault"
    for what, values, unit in (("orders", rates, "orders/s"), ("a submit, median", submits, "ms")):
        yield Row(f"{options.clients} clients, {what}, no fault", values[0], None, unit)
        if plain:
            yield Row(f"{options.clients} clients, {what}, kill -9 in the middle", values[1], values[0], unit, plain)
    yield Row("orders lost, wrong or done twice", bad, None)
    if bad:
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(tell(main))
