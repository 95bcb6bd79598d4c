# SPDX-License-Identifier: GPL-3.0-or-later
"""Things in hand become objects of the scene, where they were placed, with the properties that physics reads."""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from .....backend.protocol.scene import Item, SceneSpec
from ...props.prop import UNHIT, Prop
from ...work import Work
from ..material import substance
from ..mesh import meshes
from ..physics import joints
from ..physics.thing import INDEX, ITEM, NUMBER, PART, SHAPE, STILL, SUBSTANCE
from ..placing.scene import Group, Hung, Scene
from ..placing.solid import Solid
from . import plain
from .cast import Cast

_FIELD = 0.2
_AROUND, _WALL, _SLAB = 6.0, 0.1, 0.5
"""How many times the scene the floor is wide; metres that walls and floor are thick for a scene of 1 m."""
WALL = "wall"
"""Role of the walls around a scene."""


def group(cast: Cast) -> Group:
    """What placing wants to know of it."""
    if cast.props:
        kinds = [_solid(prop, cast.item) for prop in cast.props]
    else:
        kinds = [Solid(meshes.vertices_of(_point()).astype(float), [(0, 1, 3, 2), (4, 6, 7, 5)])]
    solids = [kinds[k % len(kinds)] for k in range(cast.item.count)]
    return Group(cast.item, solids, cast.name, cast.hollow, cast.soft)


def _point() -> bpy.types.Mesh:
    found = bpy.data.meshes.get("Field") or plain.box("Field", (_FIELD,) * 3)
    return found


def loose(group: Group) -> bool:
    """It may not rest as it was put down, and is not meant to move yet."""
    item = group.item
    still = not any(item.initial_velocity) and not any(item.angular_velocity) and item.height is None
    heaped = item.arrangement == "pile" or (item.count > 1 and item.relation.kind == "in")
    return item.type == "rigid_body" and still and heaped and item.position is None


def firm(spec: SceneSpec, hollow: set[str]) -> set[str]:
    """Ids of vessels that hold something and that nothing is said to move: they stand firm, and so have their true
    inside, which engines only give to what stands still."""
    rows = {item.id: item for item in spec.objects}
    filled = {item.relation.target for item in spec.objects if item.relation.kind == "in"} & hollow
    hit = {event.target for event in spec.events} | {joint.a for joint in spec.constraints}
    hit |= {joint.b for joint in spec.constraints}
    hit |= {i.relation.target for i in spec.objects if i.relation.kind != "in" and any(i.initial_velocity)}
    found = set()
    for id in filled - hit:
        item = rows[id]
        under = rows.get(item.relation.target)
        moves = any((*item.initial_velocity, *item.angular_velocity)) or item.height or item.pieces
        carried = under and under.type != "passive"
        if item.type == "rigid_body" and not moves and not carried and item.relation.kind != "hanging_from":
            found.add(id)
    return found


def _frame(prop: Prop, item: Item) -> Matrix:
    """From the thing's frame to one turned as the document says, its base centre at the origin again."""
    turned = Euler([math.radians(angle) for angle in item.rotation], "XYZ").to_matrix().to_4x4()
    points = np.concatenate([_points(part.mesh, turned @ part.place) for part in prop.parts])
    low, high = points.min(axis=0), points.max(axis=0)
    if not any(item.rotation):
        return Matrix.Translation((0.0, 0.0, -float(low[2])))
    return Matrix.Translation((-(low[0] + high[0]) / 2, -(low[1] + high[1]) / 2, -float(low[2]))) @ turned


def _points(mesh: bpy.types.Mesh, place: Matrix) -> meshes.Array:
    matrix = np.array(place)
    out: meshes.Array = meshes.vertices_of(mesh).astype(float) @ matrix[:3, :3].T + matrix[:3, 3]
    return out


def _solid(prop: Prop, item: Item) -> Solid:
    """All its parts as one, without what nothing hits."""
    frame = _frame(prop, item)
    points, faces, count = [], [], 0
    for part in prop.parts:
        part.mesh.calc_loop_triangles()
        unhit = part.mesh.attributes.get(UNHIT)
        hit = [t for t in part.mesh.loop_triangles if unhit is None or not unhit.data[t.polygon_index].value]
        here = _points(part.mesh, frame @ part.place)
        used = sorted({v for triangle in (hit or part.mesh.loop_triangles) for v in triangle.vertices})
        number = {v: count + k for k, v in enumerate(used)}
        points.append(here[used])
        faces += [tuple(number[v] for v in t.vertices) for t in (hit or part.mesh.loop_triangles)]
        count += len(used)
    return Solid(np.concatenate(points), faces)


def objects(work: Work, cast: Cast, placed: Scene) -> None:
    """All of an item: an object a part, and an empty a joint."""
    item = cast.item
    for index, stand in enumerate(placed.stands[item.id]):
        place = Matrix.Translation(Vector(stand.place)) @ Matrix(stand.turn.tolist()).to_4x4()
        if not cast.props:
            _empty(work, item, index, place)
            continue
        prop = cast.props[index % len(cast.props)]
        frame = place @ _frame(prop, item)
        own = index < len(cast.props) or not _shares(item)
        made = {}
        for number, part in enumerate(prop.parts):
            mesh = part.mesh if index < len(cast.props) or not own else part.mesh.copy()
            obj = bpy.data.objects.new(f"{item.id} {index + 1} {part.name}" if item.count > 1 else part.name, mesh)
            work.add("body", obj)
            _stand(obj, frame @ part.place)
            obj[ITEM], obj[INDEX], obj[PART], obj[NUMBER] = item.id, index, part.name, number
            obj[STILL] = part.still or item.id in placed.held
            moves = item.type == "rigid_body" and not obj[STILL]
            usual = "compound" if part.shape == "mesh" and moves else part.shape  # what moves is made of convex ones
            obj[SHAPE] = usual if item.shape == "auto" else item.shape
            # what the document says of its substance is laid over the table's row, so that it goes by its own name
            obj[SUBSTANCE] = part.substance or ("" if item.material.name else cast.usual)
            made[part.name] = obj
        bpy.context.view_layer.update()
        for joint in prop.joints:
            joints.place(work, joint, made, frame)


def _shares(item: Item) -> bool:
    """Several of it may be drawn from one mesh: nothing changes its shape."""
    return item.type in ("rigid_body", "passive", "animated") and not item.pieces


def _stand(obj: bpy.types.Object, matrix: Matrix) -> None:
    """Where it stands, with its size in its mesh: engines want no scales."""
    where, turn, scale = matrix.decompose()
    if (scale - Vector((1, 1, 1))).length > 1e-5:
        if obj.data.users > 1:
            obj.data = obj.data.copy()
        obj.data.transform(Matrix.Diagonal((*scale, 1.0)))
    obj.rotation_mode = "QUATERNION"
    obj.location, obj.rotation_quaternion = where, turn


def _empty(work: Work, item: Item, index: int, place: Matrix) -> None:
    obj = bpy.data.objects.new(item.name, None)
    work.add("field", obj)
    obj.matrix_world = place
    obj.empty_display_size, obj.empty_display_type = _FIELD, "SINGLE_ARROW"
    obj[ITEM], obj[INDEX], obj[PART], obj[NUMBER] = item.id, index, item.name, 0
    obj[SHAPE], obj[STILL], obj[SUBSTANCE] = "box", False, ""


def hang(work: Work, spec: SceneSpec, placed: Scene) -> None:
    """Joints of what hangs, where the document has none between the two."""
    told = {(joint.a, joint.b) for joint in spec.constraints} | {(joint.b, joint.a) for joint in spec.constraints}
    for hung in placed.hung:
        if (hung.item, hung.target) not in told:
            _hang(work, hung)


def _hang(work: Work, hung: Hung) -> None:
    anchor = Vector(hung.anchor.tolist())
    a = _nearest(hung.item, hung.index, anchor)
    b = _nearest(hung.target, hung.other, anchor) if hung.target != "world" else None
    if hung.length <= 0:
        joints.put(work, "ball", a, b, anchor, Vector((0, 0, 1)), {})
        return
    tied = anchor - Vector((0, 0, hung.length))
    far = (b.matrix_world.inverted() @ anchor) if b else anchor
    joints.put(work, "rope", a, b, tied, Vector((0, 0, 1)), {"length": hung.length, "far": list(far)})


def _nearest(id: str, index: int, point: Vector) -> bpy.types.Object:
    """The part of a thing whose box is nearest to a point."""
    parts = [o for o in bpy.context.scene.objects if o.get(ITEM) == id and int(o.get(INDEX, -1)) == index]

    def far(obj: bpy.types.Object) -> float:
        low, high = bounds([obj])
        return float(np.linalg.norm(np.maximum(np.maximum(low - point, np.array(point) - high), 0.0)))

    return min(parts, key=far)


def bounds(objects: Sequence[bpy.types.Object]) -> tuple[meshes.Array, meshes.Array]:
    """Lowest and highest corner (3,) of the boxes of objects, in the world."""
    points = np.array([obj.matrix_world @ Vector(corner) for obj in objects for corner in obj.bound_box])
    return points.min(axis=0), points.max(axis=0)


def surroundings(work: Work, spec: SceneSpec, placed: Scene) -> None:
    """A floor whose top is at 0 and, where they are wanted, four walls; none of them moves."""
    low, high = placed.whole()
    size = max(float((high - low).max()), 0.2)
    middle = (low + high) / 2
    environment = spec.environment
    made = substance.material(environment.floor_material) if environment.floor_material else None
    if environment.floor:
        wide = _AROUND * size + 10.0
        _slab(work, "floor", "Floor", (middle[0], middle[1], -_SLAB * max(1.0, size)),
              (2 * wide, 2 * wide, _SLAB * max(1.0, size)), environment.floor_material, made)  # fmt: skip
    targets = {item.relation.target for item in spec.objects if item.relation.kind != "none"}
    if not environment.walls and "wall" not in targets:
        return
    far = (high - low)[:2] / 2 + 0.5 * size
    tall, thick = float(high[2]) + 0.5 * size, _WALL * size
    sides = (
        [(0, far[1], 1), (0, -far[1], 1), (-far[0], 0, 0), (far[0], 0, 0)] if environment.walls else [(0, far[1], 1)]
    )
    for x, y, along in sides:
        out = (math.copysign(thick / 2, x) if not along else 0, math.copysign(thick / 2, y) if along else 0)
        wide = 2 * far[0] + 2 * thick if along else 2 * far[1]
        size_of = (wide if along else thick, thick if along else wide, tall)
        place = (middle[0] + x + out[0], middle[1] + y + out[1], 0.0)
        obj = _slab(work, WALL, "Wall", place, size_of, environment.floor_material, None)
        obj.hide_render = bool(y < 0)


def _slab(
    work: Work, role: str, name: str, place: tuple[float, float, float], size: tuple[float, float, float],
    of: str, made: bpy.types.Material | None,
) -> bpy.types.Object:  # fmt: skip
    obj = work.add(role, bpy.data.objects.new(name, plain.box(name, size)))
    obj.location = place
    obj[SHAPE], obj[STILL], obj[SUBSTANCE] = "box", True, of
    if made:
        obj.data.materials.append(made)
    return obj
