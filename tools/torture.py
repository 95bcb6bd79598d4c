# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill processes at random moments of real work, or feed every reader with bad files, and see that nothing is lost.

    python tools/torture.py kills [--kinds worker,server] [--kills 100] [--seed 0]
    python tools/torture.py inputs [--count 200] [--seed 0]

Ends with 1 where something is not as it must be. docs/reliability.md says what must be true, and what came out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

SHARES = {"asker": 24, "worker": 32, "server": 18, "renderer": 10, "blender": 10, "ray": 6}
"""Of a hundred kills."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    kills = verbs.add_parser("kills", help="random killing")
    kills.add_argument("--kills", type=int, default=sum(SHARES.values()), help="so many over all kinds")
    kills.add_argument("--kinds", default=",".join(SHARES), help=f"some of {', '.join(SHARES)}")
    inputs = verbs.add_parser("inputs", help="bad files")
    inputs.add_argument("--count", type=int, default=200, help="so many that are refused, over all readers")
    inputs.add_argument("--only", default="", help="readers with this in their name")
    for verb in (kills, inputs):
        verb.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    return _kills(args) if args.verb == "kills" else _inputs(args)


def _kills(args: argparse.Namespace) -> int:
    from galatea.tests.faults.kills import torture

    kinds = args.kinds.split(",")
    if not set(kinds) <= set(SHARES):
        sys.exit(f"--kinds takes some of {', '.join(SHARES)}.")
    whole, wrong = sum(SHARES[kind] for kind in kinds), 0
    print(f"| Killed | kills | in mid order | ended with the reason | files finished | s |\n|{'---|' * 6}")
    for kind in kinds:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"torture-{kind}-", ignore_cleanup_errors=True) as home:
            try:
                share = max(1, round(args.kills * SHARES[kind] / whole))
                count = torture(
                    kind, share, args.seed, Path(home), lambda text: print(text, file=sys.stderr, flush=True)
                )
                print(count.row(kind, time.monotonic() - began), flush=True)
            except Exception:  # whatever it is, it is a fault of this kind alone
                wrong += 1
                print(f"{kind}, seed {args.seed}:\n{traceback.format_exc()}", flush=True)
    return int(bool(wrong))


def _inputs(args: argparse.Namespace) -> int:
    from hypothesis import HealthCheck, Phase, given, seed, settings

    from galatea.tests.faults.readers import BLENDER, READERS
    from galatea.tests.faults.spoiling import refused

    wrong: dict[str, str] = {}
    readers = [each for each in READERS + BLENDER if args.only in each.name]
    wanted = -(-args.count // len(readers))
    print("| Reader | files | refused |\n|---|---|---|")
    for reader in readers:
        told: list[str | None] = []
        with tempfile.TemporaryDirectory() as folder:

            def read(data: bytes) -> None:
                if sum(each is not None for each in told) < wanted:  # noqa: B023
                    try:
                        told.append(refused(reader, data, Path(folder)))  # noqa: B023
                    except AssertionError as error:
                        wrong.setdefault(str(error).partition("\n")[0], str(error))

            many = settings(max_examples=100 * wanted, phases=[Phase.generate], deadline=None, database=None,
                            suppress_health_check=list(HealthCheck))  # fmt: skip
            seed(args.seed)(many(given(reader.bad)(read)))()
        refusals = sum(each is not None for each in told)
        print(f"| {reader.name} | {len(told)} | {refusals} |", flush=True)
        if refusals < wanted:
            wrong.setdefault(reader.name, f"{reader.name}: of {len(told)} files {refusals} were refused, not {wanted}")
    print("\n".join(wrong.values()))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
