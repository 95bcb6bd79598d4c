# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's first hour on a laptop, by clicks; docs/quick-start.md tells it with these pictures. Undo is tried after
each step that changes the file.
"""

import sys
import time

import bpy
from mathutils import Euler, Vector

KINDS = (
    "objects",
    "collections",
    "meshes",
    "armatures",
    "materials",
    "images",
    "actions",
    "scenes",
    "lights",
    "cameras",
)


def facts():
    """What undo has to give back."""
    found = {kind: sorted(getattr(bpy.data, kind).keys()) for kind in KINDS}
    inside = bpy.context.view_layer.objects
    found["shown"] = sorted(obj.name for obj in inside if obj.visible_get())
    found["meshes"] = sorted((mesh.name, len(mesh.vertices), len(mesh.attributes)) for mesh in bpy.data.meshes)
    found["active"], found["selected"] = (
        inside.active and inside.active.name,
        sorted(obj.name for obj in inside if obj.select_get()),
    )
    return found


def tried(stage, operator):
    """Click and wait; then the file must be as before after one undo, and as after it after one redo."""
    before = facts()
    run = yield from stage.run(operator)
    stage.noted.setdefault("states", {})[operator.partition(".")[2]] = [run.state, run.failure]
    after = facts()
    if run.scene:
        stage.undo()
        yield from stage.frames(5)
        differ = [name for name, value in facts().items() if value != before[name]]
        with stage.override():
            bpy.ops.ed.redo()
        yield from stage.frames(5)
        differ += [f"{name} again" for name, value in facts().items() if value != after[name]]
        stage.noted.setdefault("undo", {})[operator.partition(".")[2]] = differ
    return run


def push():
    bpy.ops.ed.undo_push(message="As a click would have done")


def mesh(stage):
    """The first mesh."""
    settings = bpy.context.scene.galatea
    stage.shot("walk-empty")
    yield from stage.find("galatea.choose_image")
    settings.image = bpy.data.images.load(stage.given["image"])
    settings.quality = stage.given.get("quality", "draft")
    push()
    yield from stage.frames(20)
    stage.note(click=round(time.monotonic() - stage.begun, 2))
    yield from stage.click("galatea.generate")
    first = yield from stage.until(lambda: stage.bridge.current, 20, "a job")
    seen = set()

    def going():
        seen.add((stage.bridge.live.step, stage.bridge.live.phase))
        return len(first.stages) == 2 or first.ended

    yield from stage.until(going, 300, "the second step")
    stage.shot("walk-running")
    yield from stage.until(lambda: going() and first.ended and stage.bridge.idle, 500, "the end")
    yield from stage.frames(20)
    stage.shot("walk-mesh")
    obj = bpy.context.view_layer.objects.active
    stage.note(steps=[row["step"] for row in first.stages], seen=len(seen), name=obj.name, faces=len(obj.data.polygons))


def moved(stage):
    """Bones, a fall, and another fall with another seed."""
    yield from stage.unfold("GALATEA_PT_rig", first=True)
    yield from tried(stage, "galatea.rig")
    stage.shot("walk-rig")
    stage.note(bones=len(bpy.context.view_layer.objects.active.find_armature().data.bones))
    yield from stage.unfold("GALATEA_PT_physics", first=True)
    falls = []
    for seed in (0, 7):
        if falls:
            stage.undo()
            yield from stage.frames(5)
        settings = bpy.context.scene.galatea  # undo makes it anew
        settings.seed = seed
        push()
        yield from tried(stage, "galatea.drop")
        bpy.context.scene.frame_set(12)
        falls.append([round(x, 3) for row in bpy.context.view_layer.objects.active.matrix_world for x in row])
    stage.shot("walk-drop")
    stage.note(falls=falls)


def filmed(stage):
    """A film, and one that is cancelled."""
    settings = bpy.context.scene.galatea
    yield from stage.unfold("GALATEA_PT_film", first=True)
    film = settings.steps.film
    film.engine, film.samples, film.frames, film.width, film.height = "workbench", 1, 2, 96, 64
    push()
    yield from tried(stage, "galatea.film")
    stage.shot("walk-film")
    film.engine, film.samples, film.frames, film.width, film.height = "cycles", 200, 40, 320, 240
    x, y = yield from stage.find("galatea.film")
    yield from stage.press(x, y)
    run = yield from stage.until(lambda: stage.bridge.current, 20, "the long film")
    yield from stage.until(lambda: stage.bridge.live.step == "film", 100, "its frames")
    stage.note(places=[(x, y), (yield from stage.find("galatea.film"))])
    x, y = yield from stage.find("galatea.cancel")
    begun = time.monotonic()
    yield from stage.press(x, y)
    yield from stage.until(lambda: run.ended and stage.bridge.idle, 60, "the cancelling")
    stage.note(cancelled=run.state, cancel_seconds=time.monotonic() - begun)


def retouched(stage):
    """The mask, painted over, and the mesh of that in the place of the first."""
    settings = bpy.context.scene.galatea
    first = bpy.data.objects[stage.noted["name"]]
    yield from stage.click("galatea.edit_mask")
    yield from stage.frames(20)
    mask = settings.mask
    width, height = mask.size
    pixels = list(mask.pixels)
    half = width * (height // 2)
    pixels[: half * 4] = [0.0, 0.0, 0.0, 1.0] * half  # the lower half, as with a brush
    mask.pixels = pixels
    mask.update()
    yield from stage.frames(20)
    stage.shot("walk-mask")
    areas = [area for window in bpy.context.window_manager.windows for area in window.screen.areas]
    seen = [area.spaces.active.image for area in areas if area.type == "IMAGE_EDITOR"]
    stage.note(beside=sorted(image.name for image in seen), both=sorted((mask.name, settings.image.name)))
    shown = [(area, area.spaces.active) for area in areas if area.type == "IMAGE_EDITOR"]
    sizes = [(area, [a * b for a, b in zip(space.zoom, space.image.size, strict=True)]) for area, space in shown]
    stage.note(whole=[width < area.width and height < area.height for area, (width, height) in sizes])
    with stage.override():
        bpy.ops.galatea.edit_mask()
    stage.note(windows=len(bpy.context.window_manager.windows))
    for window in bpy.context.window_manager.windows[1:]:
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()
    push()
    yield from stage.frames(5)
    tall = first.dimensions.z / max(first.dimensions)
    yield from tried(stage, "galatea.generate")
    cut = bpy.context.view_layer.objects.active
    stage.note(tall=[tall, cut.dimensions.z / max(cut.dimensions)])


def trouble(stage):
    """A picture that is none, then a file that is gone: each says what to do; the fix is another photo."""
    settings = bpy.context.scene.galatea
    yield from stage.unfold("GALATEA_PT_jobs", first=True)
    settings.image = bpy.data.images.load(stage.given["broken"])
    yield from stage.frames(5)
    run = yield from stage.run("galatea.generate")
    stage.shot("walk-error")
    stage.note(trouble=run.failure.get("message", ""))
    settings.image = bpy.data.images.load(stage.given["image"], check_existing=True)
    there, settings.image.filepath = settings.image.filepath, "/nowhere/at/all.png"
    yield from stage.frames(5)
    yield from stage.click("galatea.generate")
    yield from stage.until(lambda: stage.bridge.notice, 20, "the notice")
    stage.note(gone=stage.bridge.notice.message)
    settings.image.filepath = there
    settings.mask = None
    push()


def kept(stage):
    """Yesterday's mesh in a new file after a restart, and from there to the asset library."""
    bridge = stage.bridge
    first = bridge.runs[-1]
    first.created -= 86400
    first.save(bridge.folder / "runs")
    bridge.close()
    bridge.forget()
    bpy.ops.wm.read_homefile()
    yield from stage.frames(10)
    arrange(stage)
    bridge.history()
    yield from stage.unfold("GALATEA_PT_jobs", "GALATEA_PT_asset", first=True)
    bpy.context.window_manager.galatea.active = len(bridge.runs) - 1
    yield from stage.frames(5)
    stage.area.spaces.active.region_3d.view_rotation = Euler((1.1, 0.0, 3.0)).to_quaternion()  # from behind
    before = facts()
    yield from stage.click("galatea.show")
    yield from stage.until(lambda: facts() != before, 20, "yesterday's object")
    yield from stage.frames(20)
    stage.shot("walk-yesterday")
    stage.note(yesterday=bpy.context.view_layer.objects.active.name)
    stage.note(eye=list(stage.area.spaces.active.region_3d.view_rotation @ Vector((0.0, 0.0, 1.0))))
    stage.undo()
    yield from stage.frames(5)
    stage.noted["undo"]["show"] = [name for name, value in facts().items() if value != before[name]]
    with stage.override():
        bpy.ops.ed.redo()
    asset = bpy.context.scene.galatea.steps.asset
    asset.library, asset.samples, asset.size = stage.given["library"], 1, 64
    push()
    yield from stage.unfold("GALATEA_PT_asset", first=True)
    yield from tried(stage, "galatea.asset")
    stage.shot("walk-asset")


def arrange(stage):
    """Nothing of the start-up file, colours on."""
    for name in ("Cube", "Camera", "Light"):
        bpy.data.objects.remove(bpy.data.objects[name])
    space = stage.area.spaces.active
    space.shading.color_type, space.region_3d.view_distance = "TEXTURE", 3.0
    space.region_3d.view_location = (0.5, 0.0, 0.3)
    push()


def play(stage):
    bpy.context.preferences.view.show_tooltips = False
    arrange(stage)
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    for part in (mesh, moved, filmed, retouched, trouble, kept):
        yield from part(stage)
        stage.mark(part.__name__)
    stage.note(timer=bpy.app.timers.is_registered(stage.addon("timer")._pump), heavy="torch" in sys.modules)
