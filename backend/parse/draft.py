# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene while it is being read: what has been said of each thing so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..protocol.errors import UserError
from .vocabulary.functions import RELATIONS, STANDS


@dataclass(eq=False)
class Draft:
    """One line of the cast. `fields` and `material` are those of `scene.Item` and `scene.Material`; `said` names the
    ones that the words give, so that assumptions do not replace them and a second saying is noticed."""

    name: str
    kind: str
    """As it was called: marble and football are both a ball."""
    count: int = 1
    words: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    material: dict[str, Any] = field(default_factory=dict)
    relation: str = ""
    target: Target = None
    other: Target = None
    distance: float | None = None
    said: set[str] = field(default_factory=set)
    plural: bool = False
    fall_back: str = ""
    """The type that physics gives it where no verb says."""
    vague: bool = False
    grown: dict[str, float] = field(default_factory=dict)
    drop: bool = False
    side: str = ""
    id: str = ""
    at: int = 0
    """Where in the text it was named last."""

    @property
    def called(self) -> str:
        """For people."""
        return self.kind.replace("_", " ")

    def say(self, name: str, value: Any, what: str = "") -> None:
        """What the words give; raises `UserError` where they give two."""
        if name in self.said and self.fields.get(name) != value:
            raise UserError(
                f"The {self.called} has two {what or name}s: {_plain(self.fields[name])} and {_plain(value)}. Say one.",
                kind="usage",
            )
        self.fields[name] = value
        self.said.add(name)

    def assume(self, name: str, value: Any) -> None:
        if name not in self.said:
            self.fields.setdefault(name, value)

    def relate(
        self, kind: str, target: Target, *, other: Target = None, distance: float | None = None, firm: bool = True
    ) -> bool:
        """False where it stands somewhere already, or would be its own place."""
        kind = STANDS.get(kind, RELATIONS.get(kind, kind))
        if target is self or (self.relation and (not firm or "relation" in self.said)) or target is None:
            return False
        self.relation, self.target, self.other, self.distance = kind, target, other, distance
        if firm:
            self.said.add("relation")
        return True

    def part(self, count: int) -> Draft:
        """So many of them as a line of their own, which stands where they do."""
        self.count -= count
        return replace(
            self,
            count=count,
            words=list(self.words),
            fields=dict(self.fields),
            material=dict(self.material),
            said=set(self.said),
            grown=dict(self.grown),
            plural=False,
            vague=False,
        )

    @property
    def type(self) -> str:
        return str(self.fields.get("type", self.fall_back))

    @property
    def moves(self) -> bool:
        return any(name in self.fields for name in ("initial_velocity", "height", "angular_velocity", "motion", "flow"))


Target: TypeAlias = "Draft | str | None"
"""A thing, floor or wall."""


@dataclass
class Board:
    """All of it: `now` is the time of the clause being read, in seconds."""

    drafts: list[Draft] = field(default_factory=list)
    environment: dict[str, Any] = field(default_factory=dict)
    constraints: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    camera: dict[str, Any] = field(default_factory=dict)
    simulation: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    notes: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    now: float = 0.0
    timed: bool = False
    """A time was said for this clause."""

    def add(self, draft: Draft) -> Draft:
        self.drafts.append(draft)
        return draft

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def leave(self, word: str) -> None:
        if word not in self.unplaced:
            self.unplaced.append(word)

    def surround(self, name: str, value: Any) -> None:
        """Of the environment; raises `UserError` where the words say two things."""
        if self.environment.get(name, value) != value and name in ("gravity", "medium"):
            raise UserError(
                f"The words give two kinds of {name}: {_plain(self.environment[name])} and {_plain(value)}. Say one.",
                kind="usage",
            )
        self.environment[name] = value

    def event(self, kind: str, target: Draft | None, *, time: float, **fields: Any) -> None:
        self.events.append({"kind": kind, "target": target, "time": time, **fields})

    def revoke(self, target: Draft) -> None:
        """What was assumed to happen to it by itself, before it was said what does it."""
        self.events = [each for each in self.events if not (each["target"] is target and each.get("assumed"))]
        self.notes = [
            each
            for each in self.notes
            if not each.startswith(
                (
                    f"When the {target.called} should",
                    f"The {target.called} was assumed to be pushed",
                )
            )
        ]

    def last(self, test: Any) -> Draft | None:
        """The latest thing that passes a test."""
        return next((each for each in reversed(self.drafts) if not each.drop and test(each)), None)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return " x ".join(f"{each:g}" for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
