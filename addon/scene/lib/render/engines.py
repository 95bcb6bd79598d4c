# SPDX-License-Identifier: GPL-3.0-or-later
"""Render engines set for short films: little noise, no fireflies, the names of each Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    from .....backend.worker.report import Report


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


def prepare(report: Report, scene: bpy.types.Scene, engine: str, samples: int) -> None:
    """Choose and tune `cycles`, `eevee` or `workbench` for the scene."""
    scene.render.film_transparent = False
    if engine == "cycles":
        _set_cycles(report, scene, samples)
    elif engine == "eevee":
        _set_eevee(scene, samples)
    else:
        _set_workbench(scene)


def _set_cycles(report: Report, scene: bpy.types.Scene, samples: int) -> None:
    scene.render.engine = "CYCLES"
    cycles = scene.cycles
    cycles.device = "CPU"
    cycles.samples, cycles.use_adaptive_sampling, cycles.adaptive_threshold = samples, True, 0.02
    cycles.seed, cycles.use_animated_seed = 0, False  # grain that stands still disappears; grain that moves boils
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 1, 2
    cycles.transmission_bounces, cycles.volume_bounces, cycles.transparent_max_bounces = 4, 0, 4
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect, cycles.blur_glossy = 4.0, 1.0
    cycles.use_light_tree = False  # four lights: a third faster, the same noise after denoising
    cycles.use_auto_tile = False
    cycles.use_denoising = has_denoiser()
    if cycles.use_denoising:
        cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB_ALBEDO_NORMAL"
        cycles.denoising_prefilter = "FAST"
        if hasattr(cycles, "denoising_quality"):
            cycles.denoising_quality = "BALANCED"
    else:
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
    shading = scene.display.shading
    shading.light, shading.color_type, shading.show_cavity = "STUDIO", "TEXTURE", True
    shading.show_shadows = False
    scene.display.render_aa = "8"
