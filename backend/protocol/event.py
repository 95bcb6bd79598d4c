# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker says while it works, one JSON line each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Progress:
    """`fraction` of the job done, 0 to 1, measured and never simulated."""

    job: str
    phase: str
    fraction: float


@dataclass(frozen=True)
class Log:
    """A line for the log."""

    job: str
    text: str


@dataclass(frozen=True)
class Done:
    """The job has a result; whether it is a good one stands in the result."""

    job: str


Event = Progress | Log | Done
_KINDS: dict[str, type[Progress] | type[Log] | type[Done]] = {"progress": Progress, "log": Log, "done": Done}


def encode(event: Event) -> str:
    return json.dumps({"event": type(event).__name__.lower(), **asdict(event)})


def decode(line: str) -> Event:
    """Never raises: what is not ours becomes a `Log`, so an old add-on can meet a newer backend."""
    try:
        data = json.loads(line)
        return _KINDS[data.pop("event")](**data)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Log("", line.rstrip())
