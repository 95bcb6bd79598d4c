# SPDX-License-Identifier: GPL-3.0-or-later
"""The set: floor, light, what is behind and how it is drawn, for a body of any size. The step `camera` fits it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import Object
from mathutils import Vector

from ...backend.protocol import recipe
from ...backend.protocol.errors import UserError
from ...backend.protocol.scene import SceneSpec
from ...backend.protocol.spec import BackendSpec, Param
from .lib.material import substance
from .lib.motion import animation
from .lib.render import looks, presets, skies, studio, surfaces, tone, wished
from .work import ROLE, Work


def _named(kind: str, first: str) -> tuple[str, ...]:
    """The presets of a kind, the usual one first."""
    return tuple(sorted(recipe.names(kind), key=lambda name: (name != first, name)))


def _told(kind: str) -> str:
    """What each of them says of itself."""
    read = presets.light if kind == "lights" else presets.look
    return "; ".join(f"{name}: {read(name)['help']}" for name in recipe.names(kind))


SPEC = BackendSpec(
    id="stage",
    label="Stage",
    task="scene-to-stage",
    seeded="never",
    help="Set floor and light for the body, and how it is drawn.",
    runtime="blender",
    version=6,
    inputs=("scene",),
    optional=("image",),
    outputs=("scene",),
    params=(
        Param(
            "light",
            "choice",
            "auto",
            f"Auto is hdri where a panorama is chosen, what the words of a scene say, else studio. {_told('lights')}",
            choices=("auto", *_named("lights", "studio")),
        ),
        Param(
            "look",
            "choice",
            "realistic",
            f"{_told('looks')}. Only renders show it: materials and exports stay as they are",
            choices=_named("looks", "realistic"),
        ),
        Param(
            "floor",
            "choice",
            "auto",
            "Auto by light; a round cove, wide ground, a catcher that shows nothing but the shadow (not in Workbench), "
            "or none",
            choices=("auto", "cove", "ground", "catcher", "none"),
        ),
        Param(
            "background",
            "choice",
            "set",
            "What is behind: the set, nothing (the film gets an alpha channel), or the photo as it is, its subject "
            "too, for which the step camera wants the path match",
            choices=("set", "transparent", "photo"),
        ),
        Param("hour", "float", 9.5, "Time of day of the light sky; it is day from 6 to 18", low=0.0, high=24.0),
        Param("hdri", "file", "", "Panorama (HDR, EXR, JPEG) of the light hdri"),
        Param("turn", "float", 0.0, "Turn all the light about the body", low=-180.0, high=180.0, unit="°"),
        Param("exposure", "float", 0.0, "Brighter or darker, in stops", low=-6.0, high=6.0),
    ),
)


def run(
    work: Work, *, light: str, look: str, floor: str, background: str, hour: float, hdri: str, turn: float,
    exposure: float,
) -> None:  # fmt: skip
    scene, bodies = bpy.context.scene, wished.bodies(work)
    asked = light == wished.AUTO
    light, hour = wished.light(scene, "hdri" if asked and hdri else light, hour)
    brighter = wished.stops(scene, light, hour) if asked else 0.0
    lights, drawn = presets.light(light), presets.look(look)
    if light == "hdri" and not hdri:
        raise UserError("The light hdri wants a panorama. Choose a file for it, or another light.", kind="usage")
    if hdri and light != "hdri":
        work.report.warn(f"The panorama is not used: the light is {light}. Choose the light hdri for it.")
    if background == "photo" and "image" not in work.files:
        raise UserError("There is no photo to put behind. Give one with --image, or choose another background.")
    work.progress("Clearing the old set", 0.1)
    studio.clear(work)
    points = next(iter(animation.sampled(scene, bodies, [scene.frame_current])))
    size = max(float(np.ptp(wished.rest_points(bodies), axis=0).max()), 1e-9)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    work.progress("Setting the light", 0.3)
    _view(scene, exposure + brighter, photo=background == "photo")
    sky = skies.at(hour)
    world = _world(lights["world"], sky, hdri)
    if background == "photo":
        skies.photo(world, work.files["image"])
    _turn_world(world, math.radians(turn))
    studio.lamps(work, lights.get("lamp", ()), size)
    if lights["world"].get("kind") == "sky":
        _sun(work, sky)
    elif "lamp" not in lights:
        studio.rig(work)
    if work.has("light_rig"):
        work.object("light_rig").rotation_euler[2] = math.radians(turn)
    work.progress("Laying the floor", 0.6)
    surface = _floor(work, _kind(floor, background, lights, wished.document(scene)), {**lights, **drawn}, sky, bodies)
    scene.render.film_transparent = background == "transparent"
    studio.fit(work, centre, min(0.0, float(points[:, 2].min())), 3.0 * size, size)
    work.progress("Giving it its look", 0.8)
    for warning in looks.apply(scene, look, drawn, bodies, surface):
        work.report.warn(warning)
    work.report.metric("size_m", round(size, 6))


def _kind(floor: str, background: str, lights: dict[str, Any], spec: SceneSpec | None) -> str:
    """The floor that is meant: where the set is not seen, only its shadow is; none where the document has none."""
    if floor != "auto":
        return floor
    if spec and not spec.environment.floor:
        return "none"
    return str(lights["floor"]) if background == "set" else "catcher"


def _view(scene: bpy.types.Scene, exposure: float, *, photo: bool) -> None:
    # The neutral transform was made for product pictures: a colour of the photo stays the colour of the photo, and only
    # highlights are rolled off. AgX greys them, Standard clips them. A photo behind the body must come out as it is.
    _choose(scene.view_settings, "view_transform", ("Standard",) if photo else ("Khronos PBR Neutral", "Standard"))
    _choose(scene.view_settings, "look", ("None",))
    scene.view_settings.exposure, scene.view_settings.gamma = exposure, 1.0


def _choose(owner: bpy.types.bpy_struct, name: str, values: tuple[str, ...]) -> None:
    """Set the first value that this Blender's colour configuration has."""
    for value in values:
        try:
            setattr(owner, name, value)
            return
        except TypeError:
            continue


def _world(wanted: dict[str, Any], sky: skies.Hour, hdri: str) -> bpy.types.World:
    kind = wanted.get("kind", "plain")
    if kind == "sky":
        return skies.sky(sky)
    if kind == "hdri":
        return skies.panorama(Path(hdri))
    return skies.plain(tuple(wanted["color"]), wanted["strength"])


def _turn_world(world: bpy.types.World, angle: float) -> None:
    rotation = skies.turned(world)
    if rotation:
        rotation.default_value[2] = -angle


def _sun(work: Work, sky: skies.Hour) -> None:
    data = bpy.data.lights.new("Sun", "SUN")
    data.energy, data.angle, data.color = sky.lamp, math.radians(4), sky.light
    studio.hang(work, "light_sun", data, Vector(-skies.direction(sky.elevation, sky.azimuth)))


def _floor(work: Work, kind: str, style: dict[str, Any], sky: skies.Hour, bodies: list[Object]) -> Any:
    """Make the floor; returns what makes its surface in a tree, for a look to leave it as it is."""
    if kind == "none":
        return None
    wanted = style.get("backdrop", style["tone"])
    color = tone.backdrop(bodies) if wanted == "suits" else tuple(wanted)
    obj = studio.cove(work) if kind == "cove" else studio.ground(work)

    def surface(tree: bpy.types.NodeTree) -> surfaces.Sockets:
        if kind == "cove":
            return surfaces.cove(tree, color, style.get("glow", 0.5), even=style.get("even", False))
        if kind != "catcher":
            return surfaces.ground(tree, color, sky.haze)
        scene = bpy.context.scene
        lamps = [
            lamp for lamp in scene.objects if lamp.type == "LIGHT" and str(lamp.get(ROLE, "")).startswith("light_")
        ]
        return surfaces.catcher(tree, lamps, skies.radiance(scene.world))

    material, tree = surfaces.material("Floor", "floor")
    surfaces.finish(tree, surface(tree))
    obj.data.materials.append(material)
    spec = wished.document(bpy.context.scene)
    if spec and spec.environment.floor_material and kind != "catcher":
        made = substance.material(spec.environment.floor_material)
        if kind == "ground":
            obj.data.materials[0] = made
            obj[studio.METRES] = 1.0
        else:
            studio.inlay(work).data.materials.append(made)
    if kind == "catcher":
        obj.is_shadow_catcher, obj.visible_shadow = True, False
        if hasattr(material, "surface_render_method"):
            material.surface_render_method = "BLENDED"
    return surface
