# SPDX-License-Identifier: GPL-3.0-or-later
"""Joints: empties that say what hangs together, of props and of the document, and what engines make of them.

The JSON of an empty's `galatea_joint`: kind, a and b as [item, index, part number] (b null: the world), anchor and axis
in the frame of a's object, low and high in degrees or metres; for a document's joint length, stiffness, damping, far.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .....backend.protocol.scene import Constraint, SceneSpec
from ...props import prop
from .actors import Actor
from .bodies import Joint
from .thing import INDEX, ITEM, JOINT, NUMBER, Thing

if TYPE_CHECKING:
    from ...work import Work


def place(work: Work, joint: prop.Joint, parts: Mapping[str, bpy.types.Object], frame: Matrix) -> bpy.types.Object:
    """The empty of a prop's joint; `build` calls it for each joint of each prop it places.

    `parts` are the thing's objects by the names of their parts, where they stand now; `frame` is the thing's own.
    """
    a = parts[joint.a]
    b = parts[joint.b] if joint.b else None
    anchor = frame @ Vector(joint.anchor)
    axis = (frame.to_quaternion() @ Vector(joint.axis)).normalized()
    return put(work, joint.kind, a, b, anchor, axis, {"low": joint.low, "high": joint.high})


def put(
    work: Work,
    kind: str,
    a: bpy.types.Object,
    b: bpy.types.Object | None,
    anchor: Vector,
    axis: Vector,
    more: Mapping[str, object],
) -> bpy.types.Object:
    """An empty with a joint between two objects; anchor and axis in the world, where the objects stand now."""
    inverse = a.matrix_world.inverted()
    told = {
        "kind": kind,
        "a": _name(a),
        "b": _name(b) if b else None,
        "anchor": list(inverse @ anchor),
        "axis": list((inverse.to_quaternion() @ axis).normalized()),
        **more,
    }
    empty = bpy.data.objects.new(f"{a.name} {kind}", None)
    work.collection.objects.link(empty)
    empty.empty_display_size, empty.location = 0.05, anchor
    empty[JOINT] = json.dumps(told)
    empty.hide_render = True
    return empty


def _name(obj: bpy.types.Object) -> list[object]:
    return [obj[ITEM], int(obj[INDEX]), int(obj[NUMBER])]


def setup(work: Work, spec: SceneSpec, things: Sequence[Thing]) -> None:
    """Empties for the constraints of the document: each of a's things with its fellow of b's, or with b's first."""
    bpy.context.view_layer.update()
    for rule in spec.constraints:
        ends = [thing for thing in things if thing.item.id == rule.b]
        for number, thing in enumerate(each for each in things if each.item.id == rule.a):
            end = ends[number % len(ends)].main if ends else None
            anchor, far = _ends(rule, thing.main, end)
            more: dict[str, object] = {"low": rule.low, "high": rule.high}
            if rule.kind in ("rope", "spring"):
                length = rule.length if rule.length is not None else (far - anchor).length
                more = {"length": length, "stiffness": rule.stiffness, "damping": rule.damping,
                        "far": list(end.matrix_world.inverted() @ far if end else far)}  # fmt: skip
            axis = Vector(rule.axis) if any(rule.axis) else Vector((0, 1, 0))
            put(work, rule.kind, thing.main, end, anchor, axis.normalized(), more)


def _ends(rule: Constraint, a: bpy.types.Object, b: bpy.types.Object | None) -> tuple[Vector, Vector]:
    """Where a joint holds a, and where b. Ropes and springs are tied to surfaces, each end where it looks at the other;
    what hangs from the world hangs from above its centre of mass by its length. Other joints are between the points of
    their boxes that are nearest to each other; a door turns about its left edge."""
    if rule.kind in ("rope", "spring"):
        return _tied(rule, a, b)
    low, high = _box(a)
    if b is None:
        if rule.anchor is not None:
            return Vector(rule.anchor), Vector(rule.anchor)
        edge = Vector((low.x, (low.y + high.y) / 2, (low.z + high.z) / 2)) if rule.kind == "hinge" else (low + high) / 2
        return edge, edge
    lower, upper = _box(b)
    far = Vector(min(max(x, least), most) for x, least, most in zip((low + high) / 2, lower, upper, strict=True))
    near = Vector(min(max(x, least), most) for x, least, most in zip(far, low, high, strict=True))
    if rule.anchor is not None:
        return Vector(rule.anchor), Vector(rule.anchor)
    return (near + far) / 2, (near + far) / 2


def _tied(rule: Constraint, a: bpy.types.Object, b: bpy.types.Object | None) -> tuple[Vector, Vector]:
    """Both ends of a rope or spring."""
    centre = a.matrix_world.translation.copy()
    if rule.anchor is not None:
        far = Vector(rule.anchor)
    elif b is not None:
        far = _nearest(b, centre)
    else:
        near = _seen(a, Vector((centre.x, centre.y, _box(a)[1].z + 1.0)))
        return near, near + Vector((0, 0, rule.length or 1.0))
    return _seen(a, far), far


def _seen(obj: bpy.types.Object, spot: Vector) -> Vector:
    """Of an object's surface the point that lies towards a spot: on the way to its centre of mass, or the nearest one
    where there is nothing on that way."""
    inverse = obj.matrix_world.inverted()
    start, centre = inverse @ spot, Vector()
    hit, place, _, _ = obj.ray_cast(start, centre - start, distance=(centre - start).length)
    return obj.matrix_world @ place if hit else _nearest(obj, spot)


def _nearest(obj: bpy.types.Object, spot: Vector) -> Vector:
    found, place, _, _ = obj.closest_point_on_mesh(obj.matrix_world.inverted() @ spot)
    return obj.matrix_world @ place if found else spot


def _box(obj: bpy.types.Object) -> tuple[Vector, Vector]:
    corners = [obj.matrix_world @ Vector(corner) for corner in obj.bound_box]
    return (Vector(min(c[k] for c in corners) for k in range(3)), Vector(max(c[k] for c in corners) for k in range(3)))


def gather(scene: bpy.types.Scene, actors: Sequence[Actor]) -> list[Joint]:
    """All joints between actors, where their objects stand now."""
    where = {(a.id, a.thing.index, a.number): k for k, a in enumerate(actors) if a.thing}
    found = []
    for empty in scene.objects:
        if JOINT not in empty:
            continue
        told = json.loads(empty[JOINT])
        a = where.get(tuple(told["a"]))
        b = where.get(tuple(told["b"])) if told["b"] else -1
        if a is None or b is None:
            continue
        frame = actors[a].object.matrix_world  # type: ignore[union-attr]
        far = told.get("far")
        if far is not None:
            far = np.array(actors[b].object.matrix_world @ Vector(far) if b >= 0 else far)  # type: ignore[union-attr]
        unit = 1.0 if told["kind"] == "slider" else np.pi / 180
        found.append(Joint(
            told["kind"], a, b, np.array(frame @ Vector(told["anchor"])),
            np.array((frame.to_quaternion() @ Vector(told["axis"])).normalized()),
            low=None if told.get("low") is None else unit * told["low"],
            high=None if told.get("high") is None else unit * told["high"],
            far=far, length=told.get("length"),
            stiffness=told.get("stiffness", 100.0), damping=told.get("damping", 0.5),
        ))  # fmt: skip
    return found
