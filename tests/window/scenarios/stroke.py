# SPDX-License-Identifier: GPL-3.0-or-later
"""A stroke of the brush on the mask, taken back and done again; then a verb that changes the file, taken back."""

import bpy


def painted(stage):
    mask = bpy.context.scene.galatea.mask
    return sum(mask.pixels[0::4]) / (mask.size[0] * mask.size[1])


def stroke(stage):
    """Across the mask, by hand."""
    window = bpy.context.window_manager.windows[-1]
    area = max((area for area in window.screen.areas if area.type == "IMAGE_EDITOR"), key=lambda area: area.x)
    region = next(region for region in area.regions if region.type == "WINDOW")
    y = region.y + region.height // 2
    places = [int(region.x + region.width * (0.3 + 0.04 * k)) for k in range(11)]
    window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=places[0], y=y)
    yield from stage.frames(3)
    window.event_simulate(type="LEFTMOUSE", value="PRESS", x=places[0], y=y)
    yield
    for x in places:
        window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
        yield
    window.event_simulate(type="LEFTMOUSE", value="RELEASE", x=places[-1], y=y)
    yield from stage.frames(10)
    return window


def play(stage):
    yield from stage.open_sidebar()
    settings = bpy.context.scene.galatea
    settings.image = bpy.data.images.load(stage.given["image"])
    yield from stage.frames(10)
    yield from stage.run("galatea.generate")
    yield from stage.click("galatea.edit_mask")
    yield from stage.frames(20)
    shares = [painted(stage)]
    window = yield from stroke(stage)
    shares.append(painted(stage))
    stage.shot("stroke")
    with bpy.context.temp_override(window=window):
        bpy.ops.ed.undo()
        yield from stage.frames(5)
        shares.append(painted(stage))
    with bpy.context.temp_override(window=window):
        bpy.ops.ed.redo()
        yield from stage.frames(5)
        shares.append(painted(stage))
    with bpy.context.temp_override(window=window):
        bpy.ops.wm.window_close()
    yield from stage.frames(5)
    yield from stage.unfold("GALATEA_PT_physics", first=True)
    run = yield from stage.run("galatea.drop")
    shares.append(painted(stage))
    stage.undo()
    yield from stage.frames(10)
    shares.append(painted(stage))
    stage.note(shares=shares, state=run.state, packed=not bpy.context.scene.galatea.mask.is_dirty)
