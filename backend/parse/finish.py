# SPDX-License-Identifier: GPL-3.0-or-later
"""From drafts to the document: defaults, contradictions, limits."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..protocol import scene
from ..protocol.errors import UserError
from . import making
from .draft import Board, Draft
from .places import FLOOR

NAME = "scene_grammar"
_WHAT = "Name a thing that can be seen, such as: a red ball falls onto a table."


def finished(board: Board, words: str, seed: int) -> scene.SceneSpec:
    """Raises `UserError` where nothing is left to be built, or too much."""
    _fountains(board)
    _titles(board)
    _each_side(board)
    drafts = [each for each in board.drafts if not each.drop]
    _wind_alone(board, drafts)
    if not drafts:
        lost = f" These words are not known: {', '.join(board.unplaced[:8])}." if board.unplaced else ""
        raise UserError(f"No thing was found in these words.{lost} {_WHAT}", kind="usage")
    _limits(board, drafts)
    for each in drafts:
        making.finish(each)
    _contradictions(drafts)
    _ids(drafts)
    document = {
        "version": scene.VERSION,
        "words": words.strip()[:10_000],
        "parser": NAME,
        "objects": [_item(each) for each in drafts],
        "environment": _environment(board),
        "constraints": [_constraint(each) for each in board.constraints if not _dropped(each)][:200],
        "events": [_event(each) for each in sorted(board.events, key=_when) if not _dropped(each)][:100],
        "camera": _camera(board),
        "simulation": _simulation(board),
        "seed": seed if board.seed is None else board.seed,
        "unplaced": tuple(board.unplaced[:200]),
        "notes": tuple(board.notes[:200]),
    }
    return scene.validate(document)


def _when(row: dict[str, Any]) -> float:
    return float(row["time"])


def _dropped(row: dict[str, Any]) -> bool:
    return any(isinstance(row.get(name), Draft) and row[name].drop for name in ("a", "b", "target"))


def _fountains(board: Board) -> None:
    """A fountain has water."""
    for each in [each for each in board.drafts if each.name == "fountain"]:
        if not any(other.fall_back == "fluid" and each in (other.target, other.other) for other in board.drafts):
            water = Draft("water", "water", fields={"flow": 2.0}, material={"name": "water"}, fall_back="fluid")
            water.relate("in", each)
            board.add(water)
            board.note("The fountain was assumed to have running water.")


def _each_side(board: Board) -> None:
    """Half of them on the left of what they are beside, half on the right."""
    for each in [each for each in board.drafts if each.side == EACH]:
        each.side = ""
        if each.relation in ("beside", "near") and isinstance(each.target, Draft) and each.count % 2 == 0:
            other = each.part(each.count // 2)
            each.relation, other.relation = "left_of", "right_of"
            board.drafts.insert(board.drafts.index(each) + 1, other)


def _titles(board: Board) -> None:
    """Children's blocks: nine wooden cubes ... - what stands before a colon is what is told of after it."""
    for each in [each for each in board.drafts if "title" in each.said and not each.relation]:
        meant = any(each in (other.target, other.other) for other in board.drafts)
        meant = meant or any(row.get("target") is each for row in board.events)
        again = any(other is not each and other.name == each.name and not other.drop for other in board.drafts)
        each.drop = again and not meant and not each.moves


def _wind_alone(board: Board, drafts: list[Draft]) -> None:
    if not drafts and "wind" in board.environment and board.environment.get("weather") is None:
        raise UserError(f"A wind needs something that it blows at. {_WHAT}", kind="usage")


def _limits(board: Board, drafts: list[Draft]) -> None:
    if len(drafts) > scene.MOST_OBJECTS:
        raise UserError(
            f"These are {len(drafts)} kinds of things; a scene takes {scene.MOST_OBJECTS}. Name fewer of them.",
            kind="usage",
        )
    total = sum(each.count for each in drafts)
    while total > scene.MOST_INSTANCES and (
        vague := max(
            (each for each in drafts if each.vague and each.count > 1), key=lambda each: each.count, default=None
        )
    ):
        vague.count = max(1, vague.count - max(1, min(vague.count // 2, total - scene.MOST_INSTANCES)))
        total = sum(each.count for each in drafts)
        board.note(f"A scene takes {scene.MOST_INSTANCES} things: of {vague.kind} {vague.count} are left.")
    if total > scene.MOST_INSTANCES:
        most = max(drafts, key=lambda each: each.count)
        raise UserError(
            f"These are {total:,} things in all; a scene takes at most {scene.MOST_INSTANCES}. Write smaller numbers, "
            f"such as: {max(1, most.count * scene.MOST_INSTANCES // total)} {most.called}s.",
            kind="usage",
        )


def _contradictions(drafts: list[Draft]) -> None:
    """Things that stand on each other in a circle."""
    for each in drafts:
        seen, at = [each], each.target
        while isinstance(at, Draft) and at not in seen:
            seen.append(at)
            at = at.target
        if "floor" in each.said and each.relation == "hanging_from":
            raise UserError(
                f"The {each.kind} is said to be on the floor and to hang in the air. Say one of them.", kind="usage"
            )
        if at is each and each.relation:
            names = " and ".join(f"the {one.called}" for one in seen)
            if all("relation" in one.said for one in seen):
                raise UserError(
                    f"The words put {names} on, in or under each other, which cannot be. Say where one of them is.",
                    kind="usage",
                )
            loose = next(one for one in seen if "relation" not in one.said)
            loose.relation, loose.target = "", None


def _ids(drafts: list[Draft]) -> None:
    used: set[str] = set()
    for each in drafts:
        plain = "".join(c if c.isalnum() else "_" for c in each.name).strip("_") or "thing"
        plain = f"{plain}_1" if plain in scene.PLACES else plain
        each.id = next(name for k in range(1, 200) if (name := plain if k == 1 else f"{plain}_{k}") not in used)
        used.add(each.id)


EACH = "each_side"
_SIDES = {"at_left": (-1.5, 0.0), "at_right": (1.5, 0.0), "at_front": (0.0, -1.5), "at_back": (0.0, 1.5)}
"""Metres from the middle."""


def _target(of: Any) -> str:
    return of.id if isinstance(of, Draft) else str(of or "")


def _item(draft: Draft) -> dict[str, Any]:
    names = {each.name for each in dataclasses.fields(scene.Item)}
    fields = {name: value for name, value in draft.fields.items() if name in names and value is not None}
    if fields.get("arrangement") != "auto" and draft.count == 1:
        fields.pop("arrangement", None)
    if fields.get("type", draft.fall_back) == "fluid" and draft.relation == "in" and "flow" not in fields:
        fields.pop("height", None)
    if draft.side and not draft.relation and "height" not in fields:
        fields.setdefault("position", (*_SIDES[draft.side], 0.0))
    looks = list(dict.fromkeys([*draft.words, *(draft.kind.split("_") if draft.kind != draft.name else ())]))
    looks = [each for each in looks if each != draft.name]
    relation: dict[str, Any] = {
        "kind": draft.relation or "none",
        "target": _target(draft.target) if draft.relation else "",
    }
    if draft.relation and draft.other is not None:
        relation["other"] = _target(draft.other)
    if draft.relation and draft.distance is not None:
        relation["distance"] = float(max(0.0, min(1000.0, draft.distance)))
    if draft.relation == "on" and draft.target == FLOOR and "height" in fields:
        relation = {"kind": "none", "target": ""}
    return {
        **fields,
        "id": draft.id,
        "name": draft.name,
        "look": " ".join(looks),
        "count": draft.count,
        "type": fields.get("type", draft.fall_back),
        "relation": relation,
        "material": {**draft.material, "look": " ".join(each for each in looks if each not in ("big", "small"))},
    }


def _environment(board: Board) -> dict[str, Any]:
    known = {each.name for each in dataclasses.fields(scene.Environment)}
    if board.environment.get("turbulence") and not any(board.environment.get("wind", ())):
        board.environment["wind"] = (4.0, 0.0, 0.0)
        board.note("A wind of 4 m/s from the left was assumed, for it is turbulent.")
    return {name: value for name, value in board.environment.items() if name in known}


def _constraint(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "a": _target(row["a"]), "b": _target(row["b"])}


def _event(row: dict[str, Any]) -> dict[str, Any]:
    row = {name: value for name, value in row.items() if name != "assumed"}
    return {
        **row,
        "target": _target(row["target"]),
        "time": float(min(600.0, row["time"])),
        "strength": float(max(0.0, min(300.0, row.get("strength", 1.0)))),
    }


def _camera(board: Board) -> dict[str, Any]:
    told = dict(board.camera)
    shot = told.pop("shot", None)
    if shot and "path" not in told:
        seconds = max(0.1, min(120.0, float(board.simulation.get("duration", 5.0))))
        told["shots"] = f"{shot} {seconds:g}s"
    return told


def _simulation(board: Board) -> dict[str, Any]:
    told = dict(board.simulation)
    latest = max((each["time"] for each in board.events), default=0.0)
    if latest > 120:
        raise UserError(
            f"Something happens after {latest:g} s; a film lasts 120 s at most. Say an earlier time.", kind="usage"
        )
    if "duration" in told:
        if not 0.1 <= told["duration"] <= 120:
            raise UserError(f"A film lasts 0.1 to 120 s, not {told['duration']:g} s. Say another time.", kind="usage")
        if latest > told["duration"]:
            board.note(f"Something happens after {latest:g} s, when the film of {told['duration']:g} s is over.")
        return told
    told["ends_at_rest"] = True
    if latest > 3:
        told["duration"] = min(120.0, latest + 3.0)
    return told
