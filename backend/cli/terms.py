# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of the policy: what may be used here. They add to what the data folder and the environment say."""

from __future__ import annotations

import argparse
import os
import sys

from ..protocol import policy
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.policy import Policy
from ..protocol.recipe import Recipe


def add_flags(verb: argparse._ActionsContainer) -> None:
    verb.add_argument("--commercial", action="store_true", help="refuse what may not be used commercially")
    verb.add_argument("--territory", metavar="CC", default="", help="refuse what may not be used there, such as DE")
    verb.add_argument("--offline", action="store_true", help="refuse what asks servers on other machines")
    verb.add_argument(
        "--accept", metavar="ID", action="append", default=[], help="the terms of this backend were read and suit you"
    )


def take(options: argparse.Namespace) -> None:
    """Let the flags of any verb count in this process, and what it says of the network in those that we start."""
    accept = tuple(getattr(options, "accept", ()))
    for name in accept:
        spec_of(name)
    has = vars(options)
    policy.choose(Policy(has.get("commercial", False), has.get("territory", ""), has.get("offline", False), accept))
    try:
        offline = policy.current().offline
    except UserError:
        if options.verb != "doctor":  # which has it among its findings
            raise
        offline = True
    if offline:
        os.environ["GALATEA_OFFLINE"] = "1"


def agreed(question: str) -> bool:
    """Asked of a person; scripts answer with a flag."""
    if not sys.stdin or not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def check(recipe: Recipe) -> None:
    """Refuse what does not fit; of terms that a person can agree to, ask the one who sits there."""
    for step in recipe.steps:
        spec, now = spec_of(step.do), policy.current()
        found = now.verdict(spec, step.params)
        if not found:
            continue
        if not found.ask or not agreed(f"{spec.label} {found.clause}. Have you read the terms, and do they suit you?"):
            raise policy.refusal(spec, found)
        policy.choose(now.also(Policy(accept=(spec.id,))))


def refuse(name: str, *, agreed: bool) -> None:
    """Before a download: raise `UserError` where the backend of this name may not be used. `agreed`: to its terms."""
    try:
        spec = spec_of(name)
    except UserError:
        return  # a repository of the user's choice
    found = policy.current().verdict(spec)
    if found and not (found.ask and agreed):
        raise policy.refusal(spec, found)
