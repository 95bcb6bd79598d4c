# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: what it does depends on the settings, the data and the step's number alone, so a killed run that
goes on from its last checkpoint is the run that was never killed."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ...protocol.errors import UserError
from ..model.network import Config, Lift, small
from .losses import losses, overlap
from .samples import Samples, batches
from .settings import Settings

Tell = Callable[[dict[str, Any]], None]


def rate(settings: Settings, step: int) -> float:
    """Linear warm-up, then half a cosine to a hundredth."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    part = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


class Trainer:
    def __init__(self, settings: Settings, train: Samples, check: Samples | None, out: Path, init: Path | None = None):
        """`out` receives log.jsonl, state.pt (goes on from there) and lift.safetensors (the averaged weights)."""
        self.settings, self.train, self.check, self.out = settings, train, check, out
        self.device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        torch.manual_seed(settings.seed)
        self.model = Lift(Config(**settings.model))
        if init:
            self.model.load_state_dict(load_weights(init)[0].state_dict())
        self.model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        others = [p for p in self.model.parameters() if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": settings.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=self.device != "mps")
        self.step = 0
        out.mkdir(parents=True, exist_ok=True)

    def resume(self) -> bool:
        path = self.out / "state.pt"
        if not path.is_file():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]
        log = self.out / "log.jsonl"
        if log.is_file():  # what was done after the checkpoint will be done again
            lines = [line for line in log.read_text().splitlines() if json.loads(line)["step"] < self.step]
            log.write_text("".join(f"{line}\n" for line in lines))
        return True

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
        }
        part = self.out / "state.pt.part"
        torch.save(state, part)
        os.replace(part, self.out / "state.pt")
        save_weights(self.out / "lift.safetensors", self.average, {"step": str(self.step)})

    def run(self, tell: Tell) -> None:
        settings = self.settings
        clock = time.monotonic()
        for arrays in batches(self.train, settings.batch, settings.seed, self.step, settings.steps):
            row = self._step(arrays)
            self.step += 1
            if self.check and (self.step % settings.check_each == 0 or self.step == settings.steps):
                row |= self.score(self.check)
            row["seconds"] = round(time.monotonic() - clock, 3)
            clock = time.monotonic()
            with (self.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            if self.step % settings.save_each == 0 or self.step == settings.steps:
                self.save()
            tell(row)

    def _step(self, arrays: dict[str, Any]) -> dict[str, Any]:
        settings = self.settings
        batch = {name: torch.from_numpy(array).to(self.device, non_blocking=True) for name, array in arrays.items()}
        now = rate(settings, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = now
        with torch.autocast(self.device, torch.bfloat16):
            prediction = self.model(batch["tokens"].float(), small(batch["rgba"]))
        terms = losses(prediction, batch, settings.losses)
        total = sum((settings.losses[name] * term for name, term in terms.items()), torch.zeros((), device=self.device))
        if not torch.isfinite(total):
            raise UserError(f"The loss is not finite at step {self.step}. Lower the rate, then train again.")
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        self.optimiser.step()
        keep = min(settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)
        return {"step": self.step, "loss": round(total.item(), 5)} | {k: round(v.item(), 5) for k, v in terms.items()}

    @torch.no_grad()
    def score(self, samples: Samples, most: int = 128) -> dict[str, float]:
        """Mean overlap of the averaged model's solids with the truth, on up to `most` views."""
        scores: list[Tensor] = []
        terms: list[list[float]] = []
        count = min(most, len(samples))
        for start in range(0, count, 16):
            arrays = samples.batch(range(start, min(start + 16, count)))
            batch = {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}
            with torch.autocast(self.device, torch.bfloat16):
                prediction = self.average(batch["tokens"].float(), small(batch["rgba"]))
            scores.append(overlap(prediction, batch))
            found = losses(prediction, batch, {"depth": 1.0, "colour": 1.0})
            terms.append([found["depth"].item(), found["colour"].item()])
        depth, colour = torch.tensor(terms).mean(dim=0).tolist()
        shape = torch.cat(scores).mean().item()
        return {"val_overlap": round(shape, 5), "val_depth": round(depth, 5), "val_colour": round(colour, 5)}


def save_weights(path: Path, model: Lift, more: dict[str, str] | None = None) -> None:
    """float16 safetensors with the configuration in its metadata; whole or not at all."""
    state = {name: tensor.detach().cpu().half().contiguous() for name, tensor in model.state_dict().items()}
    part = path.with_suffix(".part")
    save_file(state, part, metadata={"config": json.dumps(model.config.plain()), **(more or {})})
    os.replace(part, path)


def load_weights(path: Path) -> tuple[Lift, dict[str, str]]:
    """The network of the file's own configuration, float32, and the metadata."""
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
        model = Lift(Config(**json.loads(metadata["config"])))
        model.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except Exception as error:
        raise UserError(f"{path} holds no weights of Lift: {error}.") from None
    return model.eval(), metadata
