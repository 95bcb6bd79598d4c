# SPDX-License-Identifier: GPL-3.0-or-later
"""What the README shows: the panel before, while and after; the sub-panels."""

import json

import bpy


def arrange(stage):
    """A view worth a picture: nothing of the start-up file, colours on."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    space = stage.area.spaces.active
    space.overlay.show_cursor = space.overlay.show_relationship_lines = False
    space.shading.color_type = "TEXTURE"
    space.shading.show_cavity = True
    space.region_3d.view_distance = 4.0
    space.region_3d.view_location = (0.95, 0.0, 0.42)
    space.region_3d.view_rotation = (0.79, 0.58, 0.1, 0.15)


def play(stage):
    bridge = stage.bridge
    bpy.context.preferences.view.show_tooltips = False
    arrange(stage)
    yield from stage.frames(10)
    yield from stage.open_sidebar()
    stage.shot("panel-empty")
    settings = bpy.context.scene.galatea
    for image in json.loads(stage.given["images"]):
        settings.image = bpy.data.images.load(image)
        yield from stage.frames(10)
        bpy.ops.galatea.generate("INVOKE_DEFAULT")
        run = bridge.runs[0]
        yield from stage.until(
            lambda run=run: run.ended or len(run.stages) > 5 or bridge.live.step == "bake", 600, "the bake"
        )
        yield from stage.frames(25)
        stage.shot("panel-running")
        yield from stage.until(lambda run=run: run.ended and bridge.idle, 600, "the end")
        yield from stage.frames(20)
        bpy.context.scene.cursor.location.x += 1.15
    stage.move(300, 500)
    yield from stage.frames(20)
    stage.shot("panel")
    for name, panels in (
        ("panel-rig", ("GALATEA_PT_rig", "GALATEA_PT_physics")),
        ("panel-texture", ("GALATEA_PT_texture",)),
        ("panel-film", ("GALATEA_PT_film",)),
        ("panel-shape", ("GALATEA_PT_shape",)),
    ):
        yield from stage.unfold(*panels)
        stage.shot(name)
    yield from stage.unfold("GALATEA_PT_gallery")
    settings.quality = "draft"
    settings.compare.lift = settings.compare.relief = True
    bpy.ops.galatea.compare("INVOKE_DEFAULT")
    yield from stage.until(lambda: bridge.idle, 600, "the comparison")
    yield from stage.open_sidebar()
    yield from stage.frames(40)
    stage.shot("panel-gallery")
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    settings.image, settings.recipe = None, "words_to_film"
    settings.prompt = "six wooden crates in a pyramid are hit by a heavy steel ball from the left"
    for operator in (bpy.ops.galatea.scene_read, bpy.ops.galatea.scene_bake):
        operator("INVOKE_DEFAULT")
        yield from stage.frames(10)
        yield from stage.until(lambda: bridge.idle, 300, "the scene")
    yield from stage.unfold("GALATEA_PT_simulate", first=True)
    bpy.context.scene.frame_set(14)
    yield from stage.open_sidebar()
    yield from stage.frames(20)
    stage.shot("panel-simulate")
