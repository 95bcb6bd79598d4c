# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh by TripoSG: the finest of the free models that need nothing but torch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..hub.params import COMPILE, LEARNED
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    from ..protocol.job import Request
    from ..worker.report import Report

OFFICIAL = Weights(
    repository="VAST-AI/TripoSG",
    revision="2c1c516d22d58db486a058d98d31bb6177344e06",
    files=(
        File("transformer/config.json", 0),
        File(
            "transformer/diffusion_pytorch_model.safetensors",
            5_758_280_104,
            "9192b5923f7b605b394192809aa2ceb73bf0f4009674d8e3b999b45bb97d4bf2",
        ),
        File("vae/config.json", 0),
        File(
            "vae/diffusion_pytorch_model.safetensors",
            970_685_468,
            "a2e667c24927a5a35e5f19fcb4c75890e9399aa966b6db8131d7df733a750c8b",
        ),
        File("image_encoder_dinov2/config.json", 0),
        File(
            "image_encoder_dinov2/model.safetensors",
            1_217_522_888,
            "399fba97a95f22c36834418bc69373364a99af3a1153da1c0fb31db567c92e23",
        ),
    ),
    license="MIT",
    page="https://huggingface.co/VAST-AI/TripoSG",
)
"""Sizes and hashes: three public sources agree on them."""


class Backend:
    spec = BackendSpec(
        id="triposg",
        label="TripoSG",
        task="image-to-mesh",
        help="Makes a detailed body of what the photo shows and turns its front to you, whatever side was seen. "
        "It makes no colours: the photo is laid on, then its mirror image, then what is next to it.",
        runtime="full",
        license="MIT",
        inputs=("cutout",),
        outputs=("mesh", "albedo"),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("steps", "int", 50, "Steps of the flow: fewer are quicker and rougher", low=1, high=200),
            Param("guidance", "float", 7.0, "How closely it keeps to the photo; 1 is off", low=0.0, high=30.0),
            Param(
                "tokens", "int", 2048, "Latents that hold the shape: fewer are quicker and coarser", low=64, high=4096
            ),
            Param("depth", "int", 8, "Cells along a side of the box: 2 to this power, so 8 is 256", low=5, high=10),
            Param(
                "extraction",
                "choice",
                "octree",
                "How the surface is found: only near it, or as the authors do, slower, for comparisons",
                choices=("octree", "published"),
            ),
            Param("crumbs", "float", 0.01, "Drop loose parts below this share of the largest", low=0.0, high=1.0),
            Param("size_m", "float", 1.0, "Longest side of the object", low=0.001, high=1000.0, unit="m"),
            COMPILE,
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 5.2), ("bf16", 5.2), ("fp32", 9.5), ("int8", 4.2), ("fp16+offload", 2.5)),
    )

    def __init__(self) -> None:
        from ..sculpting import Maker

        def sizes() -> Any:
            from ..networks.triposg.dit import Config

            return Config()

        self._maker = Maker(self.spec, sizes)

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import images, roles
        from ..geometry import parts, viewed
        from ..networks.triposg import picture
        from ..networks.triposg.dit import Told

        report.progress("Reading the cut-out", 0.0)
        photo = picture.cropped(images.load(request.inputs["cutout"]).pixels)
        shown = picture.shown(photo)
        found = self._maker.surface(request, params, lambda model, beat: [Told(model.look(shown, beat))], report)
        vertices, faces = parts.without_crumbs(found.vertices, found.faces, params["crumbs"])
        beat = partial(report.progress, "Painting", 0.96)
        beat()
        albedo, uv, colors, view = viewed.paint(vertices, faces, photo, beat)
        report.metric("seen_from_degrees", [round(view.azimuth), round(view.elevation)])
        report.metric("outline_overlap", round(view.overlap, 3))
        if view.overlap < viewed.LIKE:
            report.warn("No view of this body has the photo's outline, so it got one colour alone.")
        images.save(report.file("albedo", "albedo.png"), albedo)
        roles.mesh(vertices, {"faces": faces, "uv": uv, "colors": colors}, params["size_m"], report)
