# SPDX-License-Identifier: GPL-3.0-or-later
"""A clause: who does what to whom, where, how and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from .phrase import Phrase
from .vocabulary.verbs import ACTION, PARTICLES


@dataclass
class Clause:
    """`places` are (preposition, phrases, the phrase that it is said of; None is what the verb moves)."""

    subjects: list[Phrase] = field(default_factory=list)
    verb: str = ""
    passive: bool = False
    objects: list[Phrase] = field(default_factory=list)
    places: list[tuple[str, list[Phrase], Phrase | None]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)
    manners: list[str] = field(default_factory=list)
    amounts: dict[str, float] = field(default_factory=dict)
    pace: float = 1.0
    time: float | None = None
    later: float = 0.0
    then: bool = False
    linked: bool = False
    """Goes on from the clause before by "and": at its time."""
    not_so: bool = False
    made_of: Phrase | None = None
    angle_of: Phrase | None = None
    amount_of: Phrase | None = None
    reduced: bool = False
    """A participle without an auxiliary: a ball thrown at a wall."""
    particle: str = ""
    before: int = 0
    """How many of its places were said before its verb."""
    title: bool = False
    """A noun before a colon: what follows tells more of it."""
    inherits: bool = False
    """Its subject is the one of the clause before."""

    @property
    def action(self) -> str:
        return PARTICLES.get((self.verb, self.particle), ACTION.get(self.verb, ""))
