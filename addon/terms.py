# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be used here, as the window asks for it: the same policy that the command line reads from the data folder.

Panels ask while they draw, so the file is looked at every two seconds at most.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from ..backend.protocol import policy
from ..backend.protocol.catalog import catalog
from ..backend.protocol.errors import UserError
from ..backend.protocol.policy import Policy, Verdict
from ..backend.protocol.recipe import Recipe
from ..backend.protocol.spec import BackendSpec
from . import props


@dataclass(frozen=True)
class _Seen:
    """`current` is None where the file is damaged: then nothing may run."""

    at: float
    current: Policy | None
    stored: Policy
    fault: str = ""


_last: _Seen | None = None

refused = ""
"""Why the last change in the preferences was not stored."""


def _look() -> _Seen:
    global _last
    if _last is None or time.monotonic() - _last.at > 2.0:
        try:
            _last = _Seen(time.monotonic(), policy.current(), policy.stored())
        except (UserError, OSError) as error:
            _last = _Seen(time.monotonic(), None, Policy(), str(error))
    return _last


def fault() -> str:
    """What is wrong with the file; empty where nothing is."""
    return _look().fault


def verdict(settings: Any, step: str) -> Verdict:
    """What stands against a step with the panel's parameters."""
    spec, now = catalog().get(step), _look().current
    if spec is None or now is None:
        return Verdict() if spec is None else Verdict("cannot run: the policy is damaged. Mend it in the preferences")
    group = getattr(settings.steps, step, None)
    return now.verdict(spec, {param.name: props.value_of(group, param) for param in spec.params} if group else {})


def asking(settings: Any, recipe: Recipe) -> str:
    """The first step of the recipe that a yes to its terms is enough for; empty where none is."""
    return next((step.do for step in recipe.steps if verdict(settings, step.do).ask), "")


def unfit() -> list[tuple[BackendSpec, Verdict]]:
    """Backends that do not fit as they are, with the clause."""
    now = _look().current or Policy()
    found = [(spec, now.verdict(spec)) for spec in catalog().values() if spec.runtime != "blender"]
    return [(spec, verdict) for spec, verdict in found if verdict]


def get(name: str) -> Any:
    """Of what is stored, for the preferences."""
    return getattr(_look().stored, name)


def save(**changes: Any) -> None:
    """Store a change; raises `UserError` or OSError where that cannot be."""
    replace(policy.stored(), **changes).save()
    look_again()


def accept(backend: str) -> None:
    """Its terms were read and suit."""
    save(accept=tuple(dict.fromkeys((*policy.stored().accept, backend))))


def look_again() -> None:
    global _last
    _last = None
