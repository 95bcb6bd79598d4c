# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to a scene by a language model on this machine: any causal one of transformers, or a GGUF file.

It is kept to the scene's schema while it writes (`networks/spelling.py`), so that even a small one makes a document.
Whether that says what the words say is another matter: half a billion numbers often leave things out.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hub.device import Warm
from ..hub.params import LEARNED
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, File, Param, Weights

if TYPE_CHECKING:
    from ..hub.device import Plan
    from ..protocol.job import Request
    from ..worker.report import Report

SPARE = 1.0
"""GB that the calculation takes beside the weights."""
TRY = 0.5
"""Share of the whole that the first answer takes; a second one takes the rest."""
OFFICIAL = Weights(
    repository="Qwen/Qwen2.5-0.5B-Instruct",
    revision="7ae557604adf67be50417f59c2c2f167def9a775",
    files=(
        File("config.json", 0),
        File("generation_config.json", 0),
        File("merges.txt", 0),
        File("model.safetensors", 0),
        File("tokenizer.json", 0),
        File("tokenizer_config.json", 0),
        File("vocab.json", 0),
    ),
    license="Apache-2.0",
    page="https://huggingface.co/Qwen/Qwen2.5-0.5B-Instruct",
)


class Backend:
    spec = BackendSpec(
        id="scene_model",
        label="Language model (here)",
        task="words-to-scene",
        help="Reads the words by a language model on this machine. The official one is small, quick and often wrong: "
        "look at the scene before you build it. Larger ones are better: weights=owner/name, a folder or a .gguf file.",
        runtime="full",
        license="Apache-2.0 (Qwen2.5-0.5B-Instruct); another model has its own",
        outputs=("spec",),
        params=(
            Param("prompt", "str", "", "What the scene is: three rubber balls fall onto a wooden staircase"),
            Param("max_tokens", "int", 1500, "Longest answer", low=200, high=16384),
            *LEARNED,
        ),
        weights=(OFFICIAL,),
        memory=(("fp16", 2.0), ("bf16", 2.0), ("fp32", 3.0)),
    )

    def __init__(self) -> None:
        self._warm: Warm[Any] = Warm()

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        from .. import asking, hub
        from ..footprint import measured
        from ..hub.device import choose, run_within

        words = asking.asked(params["prompt"])
        report.progress("Looking for the model", 0.0)
        source = hub.source(self.spec, params, report)
        spec = self.spec if isinstance(source, int) else measured(self.spec, source, SPARE)
        plan = choose(spec, params, report)
        who = f"{self.spec.id}: {_name(params['weights'], source)}"

        def work(plan: Plan) -> tuple[Any, tuple[str, ...]]:
            speaker = self._ready(plan, source, params["max_tokens"], report)
            told = [0.1]

            def beat(phase: str, share: float) -> None:
                report.progress(phase, told[0] + (TRY - 0.1) * min(share, 1.0))

            def reply(messages: list[dict[str, str]]) -> str:
                said: str = speaker.say(messages, asking.form(), params["max_tokens"], beat)
                told[0] = TRY
                return said

            return asking.ask(words, reply, step=self.spec.id, who=who, seed=request.seed)

        made, mended = run_within(plan, work, report)
        asking.hand_on(made, mended, report)

    def _ready(self, plan: Plan, source: Path | int, most: int, report: Report) -> Any:
        """The model for this plan, kept warm for the next words."""
        gguf = isinstance(source, Path) and source.suffix.lower() == ".gguf"

        def load() -> Any:
            report.progress("Loading the model", 0.02)
            if isinstance(source, Path) and gguf:
                from ..networks.llama_cpp import Llama

                return Llama(source, most, plan.device != "cpu")
            from ..networks import speaker

            if isinstance(source, int):
                return speaker.invented(source, plan.device, plan.dtype)
            if not source.is_dir():
                text = f"{source.name} is no language model: a folder of transformers or a .gguf file is"
                raise UserError(f"{text}. Choose another.", kind="weights")
            return speaker.load(source, plan.device, plan.dtype)

        return self._warm.get((source, plan.device, plan.precision, most if gguf else 0), load)


def _name(weights: str, source: Path | int) -> str:
    if isinstance(source, int):
        return f"random:{source}"
    return Path(weights).name if Path(weights).exists() and weights else weights or OFFICIAL.repository
