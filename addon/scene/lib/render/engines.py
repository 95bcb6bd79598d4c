# SPDX-License-Identifier: GPL-3.0-or-later
"""Render engines set for short films: little noise, no fireflies, the names of each Blender, the graphics card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from .....backend.protocol.errors import UserError
from .looks import LOOK

if TYPE_CHECKING:
    from .....backend.worker.report import Report

GPUS = ("OPTIX", "CUDA", "HIP", "METAL", "ONEAPI")
"""Cycles' own names, the quickest first where a card has two."""
NOISE = 0.02
_CLEAR = 16
"""Surfaces that a ray goes through: water in a glass takes eight there and back, and with fewer it is black. What is
not clear is none the dearer, for light is reflected thrice at most."""


def eevee_id() -> str:
    """`BLENDER_EEVEE_NEXT` from 4.2 to 4.5, `BLENDER_EEVEE` from 5.0 on."""
    return "BLENDER_EEVEE" if bpy.app.version >= (5, 0) else "BLENDER_EEVEE_NEXT"


def has_denoiser() -> bool:
    """Whether this build has Open Image Denoise; Debian's has not."""
    try:
        import _cycles
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", False))


def prepare(
    report: Report,
    scene: bpy.types.Scene,
    engine: str,
    samples: int,
    *,
    noise: float = NOISE,
    denoise: bool = True,
) -> None:
    """Choose and tune `cycles`, `eevee` or `workbench` for the scene; `scene` leaves it as it is.

    `noise` is where Cycles stops before its samples are spent, 0 for never.
    """
    scene.render.use_persistent_data = True
    if engine == "cycles":
        _set_cycles(report, scene, samples, noise, denoise)
    elif engine == "eevee":
        _set_eevee(scene, samples)
    elif engine == "workbench":
        _set_workbench(scene)


def use_device(scene: bpy.types.Scene, wanted: str) -> str:
    """Let Cycles compute on `cpu`, on `gpu` or, with `auto`, on the GPU where there is one. Returns what it will use;
    of other engines that is known when they have rendered: `drawn_by`.

    Preferences are this process's own: each that renders has to call this.
    """
    if scene.render.engine != "CYCLES":
        return ""
    scene.cycles.device = "CPU"
    if wanted == "cpu":
        return "CPU"
    kind, names = find_gpu()
    if kind:
        scene.cycles.device = "GPU"
        return f"{kind}: {', '.join(names)}"
    if wanted == "gpu":
        raise UserError("Cycles finds no graphics card here. Set film.device to auto or cpu.", kind="device")
    return "CPU"


def drawn_by() -> str:
    """What draws for EEVEE and Workbench in this process: the card's name, or Mesa's llvmpipe, which is the processor.
    Known in the background only after something was rendered."""
    import gpu

    try:
        return str(gpu.platform.renderer_get())
    except SystemError:
        return "unknown"


def find_gpu() -> tuple[str, list[str]]:
    """The first kind of Cycles that has a card, switched on with all its cards, and their names; empty where none."""
    addon = bpy.context.preferences.addons.get("cycles")
    preferences = getattr(addon, "preferences", None)
    if preferences is None:
        return "", []
    for kind in GPUS:
        try:
            preferences.compute_device_type = kind
            preferences.refresh_devices()
        except (TypeError, RuntimeError):  # this build does not know it, or its driver fails
            continue
        cards = [device for device in preferences.devices if device.type == kind]
        if cards:
            for device in preferences.devices:
                device.use = device.type == kind
            return kind, [card.name for card in cards]
    preferences.compute_device_type = "NONE"
    return "", []


def _set_cycles(report: Report, scene: bpy.types.Scene, samples: int, noise: float, denoise: bool) -> None:
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples, cycles.use_adaptive_sampling = samples, noise > 0
    cycles.adaptive_threshold = noise
    cycles.seed, cycles.use_animated_seed = 0, False  # grain that stands still disappears; grain that moves boils
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = _CLEAR, 1, 2
    cycles.transmission_bounces, cycles.volume_bounces, cycles.transparent_max_bounces = _CLEAR, 0, _CLEAR
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect, cycles.blur_glossy = 4.0, 1.0
    cycles.use_light_tree = False  # four lights: a third faster, the same noise after denoising
    cycles.use_auto_tile = False
    cycles.use_denoising = denoise and has_denoiser()
    if cycles.use_denoising:
        cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
        cycles.denoising_prefilter = "FAST"
        if hasattr(cycles, "denoising_quality"):
            cycles.denoising_quality = "BALANCED"
    elif denoise:
        cycles.samples = 4 * samples
        report.warn("This Blender has no denoiser: rendering takes longer and is grainier. Use one from blender.org.")


def _set_eevee(scene: bpy.types.Scene, samples: int) -> None:
    scene.render.engine = eevee_id()
    eevee = scene.eevee
    eevee.taa_render_samples = samples
    eevee.use_raytracing = False
    for name, value in (("use_shadows", True), ("shadow_ray_count", 2), ("shadow_step_count", 6)):
        if hasattr(eevee, name):
            setattr(eevee, name, value)


def _set_workbench(scene: bpy.types.Scene) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    shading, look = scene.display.shading, scene.get(LOOK, "realistic")
    shading.light, shading.color_type, shading.show_cavity = "STUDIO", "TEXTURE", True
    shading.show_shadows, shading.show_xray = False, look == "xray"
    shading.show_object_outline = look == "toon"
    if look in ("clay", "wireframe", "xray"):  # it has no wires; they show as plain
        shading.color_type, shading.single_color = "SINGLE", (0.62, 0.60, 0.57)
    scene.render.use_freestyle = False
    for obj in scene.objects:
        if obj.type == "MESH" and obj.is_shadow_catcher:  # it would be seen; lamps say that they are one, too
            obj.hide_render = True
    scene.display.render_aa = "8"
