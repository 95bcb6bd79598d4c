# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: what it does depends on the settings, the data and the step's number alone, so a killed run that
goes on from its last checkpoint is the run that was never killed."""

from __future__ import annotations

import copy
import functools
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file, save
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ...protocol import whole
from ...protocol.errors import UserError
from ..model.encoder import unpack
from ..model.network import Config, Layer, Lift, Residual, small
from . import lora
from .board import board
from .devices import Ranks, autocast, choose
from .losses import losses, overlap
from .samples import Samples, batches
from .settings import Settings
from .sheet import sheet

Tell = Callable[[dict[str, Any]], None]

SHIPPED = Path(__file__).resolve().parents[2] / "weights" / "lift.safetensors"
SHOWN = 8
"""Views on a sheet."""


def rate(settings: Settings, step: int) -> float:
    """Linear warm-up, then half a cosine to a hundredth."""
    if step < settings.warmup:
        return settings.rate * (step + 1) / settings.warmup
    part = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


class Trainer:
    def __init__(
        self,
        settings: Settings,
        train: Samples,
        check: Samples | None,
        out: Path,
        init: Path | None = None,
        device: str = "auto",
    ):
        """`out` receives log.jsonl, tensorboard, sheets, state.pt (goes on from there), lift.safetensors (the averaged
        weights) and, of a run with adapters, adapter.safetensors."""
        self.settings, self.train, self.check, self.out = settings, train, check, out
        self.device = choose(device)
        self.ranks = Ranks(self.device)
        self._part = self.ranks.slice(settings.batch)
        torch.manual_seed(settings.seed)
        self.model = _network(settings, init)
        self._base = None if init is None or lora.is_adapter(init) else init
        if settings.lora:
            lora.adapt(self.model, settings.lora)
        self.model.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.model).requires_grad_(False)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        matrices, others = [p for p in trained if p.ndim >= 2], [p for p in trained if p.ndim < 2]
        groups = [{"params": matrices, "weight_decay": settings.decay}, {"params": others, "weight_decay": 0.0}]
        fused = self.device.type != "mps"
        self.optimiser = torch.optim.AdamW(groups, lr=settings.rate, betas=(0.9, 0.98), fused=fused)
        self._forward = self._ready()
        self.step = self._skipped = 0
        out.mkdir(parents=True, exist_ok=True)

    def _ready(self) -> Callable[..., Any]:
        """The network as the settings want it run; its parameters are those of `self.model`."""
        if self.settings.checkpoint:
            for module in self.model.modules():
                if isinstance(module, Layer | Residual):
                    again = functools.partial(checkpoint, module.forward, use_reentrant=False, preserve_rng_state=False)
                    module.forward = again  # type: ignore[method-assign]
        forward: Callable[..., Any] = self.model
        if self.ranks.count > 1:
            names = {name for name, weight in self.settings.losses.items() if weight}
            heads = {"profile", "colour", "camera"}
            idle = not heads <= names or names == heads
            forward = torch.nn.parallel.DistributedDataParallel(self.model, find_unused_parameters=idle)
        return torch.compile(forward) if self.settings.compile else forward

    def resume(self) -> bool:
        path = self.out / "state.pt"
        found = path.is_file()
        if found:
            state = torch.load(path, map_location=self.device, weights_only=True)
            try:
                self.model.load_state_dict(state["model"])
                self.average.load_state_dict(state["average"])
                self.optimiser.load_state_dict(state["optimiser"])
            except (RuntimeError, ValueError):
                raise UserError(
                    f"{self.out} holds a run of another network or other adapters. Train into another folder."
                ) from None
            self.step, self._skipped = state["step"], state.get("skipped", 0)
        if self.ranks.first:
            self._cut()
        return found

    def _cut(self) -> None:
        """Take out of the log what was done after the checkpoint: it will be done again."""
        log = self.out / "log.jsonl"
        if log.is_file():
            lines = [line for line in log.read_text().splitlines() if _step_of(line) < self.step]
            whole.write(log, "".join(f"{line}\n" for line in lines).encode())

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "skipped": self._skipped,
        }
        with whole.part(self.out / "state.pt") as part:
            torch.save(state, part)
        save_weights(self.out / "lift.safetensors", lora.merged(self.average), {"step": str(self.step)})
        if self.settings.lora and self._base:
            lora.save_adapter(self.out / "adapter.safetensors", self.average, self._base)

    def run(self, tell: Tell) -> None:
        settings = self.settings
        first = self.ranks.first
        shown = board(self.out / "tensorboard", self.step, settings.tensorboard and first)
        clock = time.monotonic()
        for arrays in batches(self.train, settings.batch, settings.seed, self.step, settings.steps, self._part):
            row = self._step(arrays)
            self.step += 1
            if not first:
                continue
            if self.check and self._due(settings.check_each):
                row |= self.score(self.check)
            row["seconds"] = round(time.monotonic() - clock, 3)
            clock = time.monotonic()
            with (self.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            shown.row(row)
            if settings.sheet_each and self._due(settings.sheet_each):
                shown.sheet(self.step - 1, self.draw())
            if self._due(settings.save_each):
                shown.flush()
                self.save()
            tell(row)
        self.ranks.leave()

    def _due(self, each: int) -> bool:
        return self.step % each == 0 or self.step == self.settings.steps

    def _step(self, arrays: dict[str, Any]) -> dict[str, Any]:
        settings = self.settings
        batch = {name: torch.from_numpy(array).to(self.device, non_blocking=True) for name, array in arrays.items()}
        now = rate(settings, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = now
        with autocast(self.device, self.settings.half):
            prediction = self._forward(batch["tokens"].float(), small(batch["rgba"]))
        terms = losses(prediction, batch, settings.losses, self.ranks.share)
        total = sum((settings.losses[name] * term for name, term in terms.items()), torch.zeros((), device=self.device))
        values = self.ranks.mean(torch.stack([total, *terms.values()]).detach()).tolist()
        norm = math.nan
        if math.isfinite(values[0]):
            self.optimiser.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip).item()
        if not math.isfinite(norm):
            return self._skip()
        self._skipped = 0
        self.optimiser.step()
        keep = min(settings.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(value, 1 - keep)
        row = {name: round(value, 5) for name, value in zip(("loss", *terms), values, strict=True)}
        return {"step": self.step, **row, "norm": round(norm, 4), "rate": round(now, 9)}

    def _skip(self) -> dict[str, Any]:
        """A step whose loss or gradient is not finite changes nothing; too many of them in a row end the run."""
        self._skipped += 1
        if self._skipped > self.settings.forgive:
            raise UserError(
                f"The loss or its gradient is not finite at step {self.step}, nor was it in the {self._skipped - 1} "
                "steps before. Lower the rate, then train again: it goes on from the last checkpoint."
            )
        return {"step": self.step, "skipped": self._skipped}

    @torch.no_grad()
    def draw(self) -> Any:
        """The sheet of this step, OUT/sheets/<step>.png, as pixels: views spread over the validation."""
        samples = self.check or self.train
        chosen = [i * len(samples) // SHOWN for i in range(SHOWN)] if len(samples) > SHOWN else range(len(samples))
        batch = self._batch(samples, chosen)
        title = f"step {self.step} of {self.settings.steps}"
        picture = sheet(title, [samples.keys[i] for i in chosen], self._predict(batch), batch)
        path = self.out / "sheets" / f"{self.step:06d}.png"
        path.parent.mkdir(exist_ok=True)
        with whole.part(path) as part:
            Image.fromarray(picture).save(part, "PNG")
        return picture

    def _batch(self, samples: Samples, chosen: Any) -> dict[str, Tensor]:
        return {name: torch.from_numpy(array).to(self.device) for name, array in samples.batch(chosen).items()}

    def _predict(self, batch: dict[str, Tensor]) -> Any:
        """Of the averaged network."""
        with autocast(self.device, self.settings.half):
            return self.average(batch["tokens"].float(), small(batch["rgba"]))

    @torch.no_grad()
    def score(self, samples: Samples, most: int = 256) -> dict[str, float]:
        """Of the averaged model, on up to `most` views: mean overlap of the solids with the truth, and the losses."""
        scores: list[Tensor] = []
        terms: list[dict[str, float]] = []
        count = min(most, len(samples))
        for start in range(0, count, 16):
            batch = self._batch(samples, range(start, min(start + 16, count)))
            prediction = self._predict(batch)
            scores.append(overlap(prediction, batch))
            found = losses(prediction, batch, {"depth": 1.0, "shape": 1.0, "profile": 1.0, "colour": 1.0})
            terms.append({name: value.item() for name, value in found.items()})
        means = {f"val_{name}": sum(row[name] for row in terms) / len(terms) for name in terms[0]}
        means["val_overlap"] = torch.cat(scores).mean().item()
        return {name: round(value, 5) for name, value in means.items()}


def save_weights(path: Path, model: Lift, more: dict[str, str] | None = None) -> None:
    """float16 safetensors with the configuration in its metadata; whole or not at all."""
    state = {name: tensor.detach().cpu().half().contiguous() for name, tensor in model.state_dict().items()}
    whole.write(path, save(state, {"config": json.dumps(model.config.plain()), **(more or {})}))


def load_weights(path: Path, base: Path = SHIPPED) -> tuple[Lift, dict[str, str]]:
    """The network of the file's own configuration, float32 whatever the file has, and the metadata.

    An adapter is merged into `base`.
    """
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = dict(file.metadata() or {})
        if "adapter" in metadata:
            model, metadata = load_weights(base)
            return lora.load_adapter(path, model, base), metadata
        model = Lift(Config(**json.loads(metadata["config"])))
        model.load_state_dict(unpack(load_file(path)))
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{path} holds no weights of Lift: {error}.") from None
    return model.eval(), metadata


def _network(settings: Settings, init: Path | None) -> Lift:
    if init is None:
        if settings.lora:
            raise UserError("Adapters need weights to stand on: give --init, or set lora = 0.")
        return Lift(Config(**settings.model))
    model = load_weights(init)[0]
    if settings.model and Config(**settings.model) != model.config:
        raise UserError(f"{init} holds another network than [model] of the settings describes. Leave [model] out.")
    return model.train()


def _step_of(line: str) -> float:
    """Of a line of the log; infinite where a kill cut it off."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
