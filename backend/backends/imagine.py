# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to pictures: a gallery of candidates of one object on a plain ground; or a picture changed by words."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import images
from ..hub.device import Warm
from ..hub.params import COMPILE, LEARNED
from ..protocol import whole
from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    from ..networks.painter import Painter
    from ..worker.report import Report

TEMPLATE = (
    "{words}, one single object, centred, the whole object in view, seen slightly from above, "
    "plain light grey background, soft even light"
)
NEGATIVE = (
    "several objects, cropped, cut off, out of frame, busy background, frame, text, watermark, blurry, hard shadow"
)
MOST = 16
GRID = 16
"""px, of which sides are made a multiple."""
SPARE = 1.5
"""GB that the calculation takes beside the weights."""

OFFICIAL = Weights(
    repository="stable-diffusion-v1-5/stable-diffusion-v1-5",
    revision="451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
    files=(
        File(
            "feature_extractor/preprocessor_config.json",
            342,
            "2a1da83b5e1032aaeef397552ddb408dca0d8cd1dc58f61bf6abf38d6f33a0a2",
        ),
        File("model_index.json", 541, "e2f6f22e274374010aec30c79eb2d6e53fff4a36ac0225523a92cb2d41a83347"),
        File("safety_checker/config.json", 4723, "5dd77a06cbd9b155060bd58deb81ffd1aafc1c6d7970acac674c1128bd4edfe2"),
        File(
            "safety_checker/model.fp16.safetensors",
            608018440,
            "08902f19b1cfebd7c989f152fc0507bef6898c706a91d666509383122324b511",
        ),
        File(
            "scheduler/scheduler_config.json", 308, "699cce92eb7c122e2eb7dfdea78e6187fda76a5ed4a8e42319b85610e620e091"
        ),
        File("text_encoder/config.json", 617, "845df614cb9327ae7bbea027316246fae917827407da6df13572e41b5f93b4cc"),
        File(
            "text_encoder/model.fp16.safetensors",
            246144864,
            "77795e2023adcf39bc29a884661950380bd093cf0750a966d473d1718dc9ef4e",
        ),
        File("tokenizer/merges.txt", 524619, "9fd691f7c8039210e0fced15865466c65820d09b63988b0174bfe25de299051a"),
        File(
            "tokenizer/special_tokens_map.json",
            472,
            "c4864a9376a8401918425bed71fc14fc0e81f9b59ec45c1cf96cccb2df508eac",
        ),
        File(
            "tokenizer/tokenizer_config.json", 806, "00439066fcba73de57644cf41e4e3b9f2dbb09d7f3fc2005898ba52399045882"
        ),
        File("tokenizer/vocab.json", 1059962, "e089ad92ba36837a0d31433e555c8f45fe601ab5c221d4f607ded32d9f7a4349"),
        File("unet/config.json", 743, "78f474de6bab3d893868f37be97b636ae65c0df3073ed3256ca458ff599b5f96"),
        File(
            "unet/diffusion_pytorch_model.fp16.safetensors",
            1719125304,
            "c83908253f9a64d08c25fc90874c9c8aef9a329ce1ca5fb909d73b0c83d1ea21",
        ),
        File("vae/config.json", 547, "786a7d21647ddea6a04b9675c03d3cb45e90a2f3c6da5fbda2c54ade040036de"),
        File(
            "vae/diffusion_pytorch_model.fp16.safetensors",
            167335342,
            "4fbcf0ebe55a0984f5a5e00d8c4521d52359af7229bb4d81890039d2aa16dd7c",
        ),
    ),
    license="CreativeML-OpenRAIL-M",
    page="https://huggingface.co/stable-diffusion-v1-5/stable-diffusion-v1-5",
)


class Backend:
    spec = BackendSpec(
        id="imagine",
        label="Imagine",
        task="text-to-image",
        help="Paints pictures of one object from words, or changes a given picture by words. Any text-to-image model "
        "of diffusers: Stable Diffusion, XL, Turbo, Flux, Qwen-Image, Z-Image. `pick` chooses among them.",
        runtime="full",
        license="CreativeML-OpenRAIL-M (Stable Diffusion 1.5: selling what it makes is allowed, its list of harmful "
        "uses is not); another model has its own",
        optional=("image",),
        outputs=("gallery",),
        params=(
            Param("prompt", "str", "", "What to paint, in English words: a red armchair"),
            Param("template", "str", TEMPLATE, "What the words are put into, at {words}"),
            Param("negative", "str", NEGATIVE, "What not to paint, where the model can be told"),
            Param("candidates", "int", 4, "Pictures to choose from", low=1, high=MOST),
            Param(
                "steps", "int", 30, "Steps of denoising, 0 for the model's own number; Turbo: 1 to 4", low=0, high=200
            ),
            Param(
                "guidance",
                "float",
                -1.0,
                "How closely it keeps to the words; -1 is the model's own, Turbo wants 0",
                low=-1.0,
                high=30.0,
            ),
            Param("size", "int", 0, "Side of the square; 0 is the model's own", low=0, high=2048, unit="px"),
            Param("strength", "float", 0.6, "How much of a given picture is changed", low=0.05, high=1.0),
            Param("lora", "weights", "", "A LoRA file for this model, in .safetensors, or owner/name; empty for none"),
            Param("lora_strength", "float", 1.0, "How much the LoRA bends the model", low=-2.0, high=2.0),
            COMPILE,
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 3.9), ("fp16+chunks", 3.2), ("bf16", 3.9), ("fp32", 7.0)),
    )

    def __init__(self) -> None:
        self._warm: Warm[Painter] = Warm()

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import hub
        from ..hub.device import choose, run_within

        prompt = _prompt(params)
        picture = images.load(request.inputs["image"]) if "image" in request.inputs else None
        report.progress("Looking for the model", 0.0)
        source = hub.source(self.spec, params, report)
        lora = _lora(self.spec, params, report)
        plan = choose(_fitted(self.spec, source), params, report)
        kept = report.keep("pictures")
        seeds = [request.seed + number for number in range(params["candidates"])]

        def work(plan: Any) -> None:
            painter = self._load(plan, source, lora, params, report)
            _check(painter, prompt, picture is not None, params, report)
            for number, seed in enumerate(seeds):
                if not (kept / f"{seed}.png").is_file():
                    _paint(painter, prompt, seed, number, kept / f"{seed}.png", picture, params, report)

        run_within(plan, work, report)
        _deliver(kept, seeds, prompt, params, report)

    def _load(
        self, plan: Any, source: Path | int, lora: Path | None, params: dict[str, Any], report: Report
    ) -> Painter:
        from ..networks import painter
        from ..networks.compiled import compile_pipeline

        key = (source, lora, params["lora_strength"], params["compile"], plan.device, plan.precision, plan.steps)

        def load() -> Painter:
            report.progress("Loading the model", 0.01)
            made = painter.invented(source, plan.dtype) if isinstance(source, int) else painter.load(source, plan.dtype)
            if lora:
                report.progress("Loading the LoRA", 0.03)
                painter.add_lora(made, lora, params["lora_strength"])
            painter.place(made, plan.device, plan.steps)
            if params["compile"]:
                compile_pipeline(made.pipeline, plan.device, report)
            return made

        return self._warm.get(key, load)


def _prompt(params: dict[str, Any]) -> str:
    said = params["prompt"].strip()
    if not said:
        raise UserError("Say what to paint: --set 'imagine.prompt=a red armchair'.", kind="usage")
    if "{words}" not in params["template"]:
        raise UserError("imagine.template has no {words}, where the prompt goes. Put it in.", kind="usage")
    return str(params["template"].replace("{words}", said))


def _lora(spec: BackendSpec, params: dict[str, Any], report: Report) -> Path | None:
    from .. import hub

    if not params["lora"]:
        return None
    found = hub.source(spec, {"weights": params["lora"]}, report)
    if isinstance(found, int):
        raise UserError("imagine.lora takes a file, a folder or owner/name, no seed.", kind="usage")
    if found.is_file():
        return found
    files = sorted(found.glob("*.safetensors"))
    if len(files) != 1:
        raise UserError(f"{found.name} holds {len(files)} files of safetensors. Name the one to use.", kind="weights")
    return files[0]


def _fitted(spec: BackendSpec, source: Path | int) -> BackendSpec:
    """The spec with the memory of the model that is used; a transformer wants bf16, which fp16 is too narrow for."""
    from importlib.util import find_spec

    from ..footprint import measured

    if isinstance(source, int):
        return spec
    if (source / "transformer").is_dir():
        spec = replace(spec, memory=tuple(sorted(spec.memory, key=lambda way: not way[0].startswith("bf16"))))
    return measured(spec, source, SPARE, offload=find_spec("accelerate") is not None)


def _check(painter: Painter, prompt: str, edits: bool, params: dict[str, Any], report: Report) -> None:
    from ..networks.painter import needs_picture

    name = type(painter.pipeline).__name__
    if needs_picture(painter.pipeline) and not edits:
        raise UserError(f"{name} changes pictures and was given none. Add --image.", kind="usage")
    if params["negative"] and not painter.takes("negative_prompt"):
        report.log(f"{name} cannot be told what not to paint: imagine.negative has no effect.")
    if painter.too_long(prompt):
        report.warn("The prompt is longer than the model can read: its end has no effect. Say it in fewer words.")


def _paint(
    painter: Painter,
    prompt: str,
    seed: int,
    number: int,
    path: Path,
    picture: images.Picture | None,
    params: dict[str, Any],
    report: Report,
) -> None:
    """One candidate, written when it is whole."""
    from PIL import Image

    count = params["candidates"]

    def beat(part: float) -> None:
        report.progress(f"Painting {number + 1} of {count}", 0.05 + 0.93 * (number + part) / count)

    size = GRID * round(params["size"] / GRID)
    given = None
    if picture is not None:
        given = Image.fromarray(picture.pixels).convert("RGBA")
        ground = Image.new("RGBA", given.size, (200, 200, 200, 255))
        ground.alpha_composite(given)
        given = _fitting(ground.convert("RGB"), size or painter.side)
    made = painter.paint(
        prompt, seed, beat, negative=params["negative"], steps=params["steps"], guidance=params["guidance"],
        size=(size, size) if size and given is None else None, picture=given, strength=params["strength"],
    )  # fmt: skip
    with whole.part(path) as part:
        images.save(part, made)


def _fitting(picture: Any, longest: int) -> Any:
    """Its longest side about so long, both sides what every model can work with."""
    scale = longest / max(picture.size) / GRID
    return picture.resize((max(1, round(picture.width * scale)) * GRID, max(1, round(picture.height * scale)) * GRID))


def _deliver(kept: Path, seeds: list[int], prompt: str, params: dict[str, Any], report: Report) -> None:
    """Each candidate a file of its own, and what tells of them all."""
    blank = []
    rows = []
    for number, seed in enumerate(seeds):
        role = f"candidate_{number:02d}"
        pixels = images.load(kept / f"{seed}.png").pixels[..., :3]
        if int(pixels.max()) < 8:
            blank.append(str(number))
        images.save(report.file(role, f"{role}.png", seed=seed), pixels)
        rows.append({"role": role, "seed": seed})
    if blank:
        report.warn(
            f"Candidates {', '.join(blank)} are black: the model's own safety checker blanked them, or numbers ran "
            "over. Try other words, another seed, or precision=fp32."
        )
    text = json.dumps({"prompt": prompt, "negative": params["negative"], "candidates": rows}, indent=1)
    report.file("gallery", "gallery.json").write_text(text, encoding="utf-8")
    report.metric("candidates", len(seeds))
    report.progress("Done", 1.0)
