# SPDX-License-Identifier: GPL-3.0-or-later
"""The three kinds of trouble: the user can mend it, the user asked for it, or it is our bug."""

from __future__ import annotations

from collections.abc import Iterable

EXIT_CODES = {
    "usage": 2,  # an unknown flag, parameter, recipe or step
    "input": 3,  # a file that cannot be read, or holds nothing to work on
    "weights": 4,  # weights that are missing or whose hash is wrong
    "device": 5,  # no such device, or not enough memory
    "backend": 6,  # a step failed: our bug, or a library's
    "output": 7,  # the disk is full, or the folder cannot be written
    "environment": 8,  # the full environment is not installed, or broken
    "gate": 9,  # done, but the mesh falls short of what --gate asks
    "policy": 10,  # the policy forbids it: a licence, a territory, or offline
    "batch": 11,  # some of a batch are done, and some are not
    "studio": 12,  # an asset that a studio's rules refuse: `galatea validate`
    "timeout": 124,
    "cancelled": 130,
}
"""What a process ends with, by the kind of its failure."""


class UserError(Exception):
    """Something that the user can mend. The message is shown as it is and ends with the next move."""

    def __init__(self, message: str, *, kind: str = "input", hint: str = "") -> None:
        super().__init__(message)
        if kind not in EXIT_CODES:
            raise ValueError(f"no such kind of error: {kind!r}, there are {sorted(EXIT_CODES)}")
        self.kind = kind
        self.hint = hint


def nearest(word: str, known: Iterable[str], shown: Iterable[str] = ()) -> str:
    """What ends a complaint about an unknown word: the nearest of the known ones, else what there is."""
    import difflib  # here, for each start of Blender would pay for it

    near = difflib.get_close_matches(word[:60], known := list(known), 1)
    return f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(shown or known)}."


class JobCancelled(Exception):
    """The user asked for the job to stop. Not a failure."""
