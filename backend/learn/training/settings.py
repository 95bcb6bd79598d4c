# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run's settings: presets/training/*.toml, each value checked, unknown ones refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...protocol.errors import UserError, nearest
from ..model.network import Config
from .losses import NAMES


@dataclass(frozen=True)
class Settings:
    """`warmup`, `save_each`, `check_each`, `sheet_each`: in steps, 0 sheets are none. `average`: of the weights that
    are saved. `clip`: longest gradient. `lora`: rank of the adapters, 0 trains all weights. `forgive`: so many steps in
    a row may have no finite loss. `half`: bfloat16 where the device has it. `compile`: by torch.compile. `checkpoint`:
    activations are computed twice to save memory. `model`: network.Config; left out, it is that of the weights to
    start from.
    """

    steps: int = 1000
    batch: int = 8
    rate: float = 6e-4
    warmup: int = 200
    decay: float = 0.05
    clip: float = 1.0
    average: float = 0.999
    seed: int = 0
    save_each: int = 250
    check_each: int = 250
    sheet_each: int = 0
    lora: int = 0
    forgive: int = 5
    half: bool = True
    compile: bool = False
    checkpoint: bool = False
    tensorboard: bool = True
    model: dict[str, int] = field(default_factory=dict)
    losses: dict[str, float] = field(
        default_factory=lambda: {"depth": 2.0, "normal": 0.5, "profile": 1.0, "colour": 0.5, "camera": 0.5}
    )

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Raises `UserError` with the name of what is wrong."""
        try:
            data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"Cannot read {path}: {error}. Mend the file.", kind="usage") from None
        usual = cls()
        data = _checked(path, "setting", data, {item.name: type(getattr(usual, item.name)) for item in fields(cls)})
        if "model" in data:
            data["model"] = _checked(path, "setting of the model", data["model"], dict.fromkeys(Config().plain(), int))
        if "losses" in data:
            data["losses"] = _checked(path, "loss", data["losses"], dict.fromkeys(NAMES, float))
        for name, least in (("steps", 1), ("batch", 1), ("save_each", 1), ("check_each", 1), ("lora", 0)):
            if data.get(name, least) < least:
                raise UserError(f"{path}: {name} must be at least {least}. Mend it.", kind="usage")
        for name in ("rate", "clip"):
            if not data.get(name, 1.0) > 0:
                raise UserError(f"{path}: {name} must be above 0. Mend it.", kind="usage")
        return cls(**data)


CALLED = {int: "a whole number", float: "a number", bool: "true or false", dict: "a table"}


def _checked(path: Path, what: str, data: dict[str, Any], kinds: dict[str, type]) -> dict[str, Any]:
    for name, value in data.items():
        if name not in kinds:
            raise UserError(f"{path}: there is no {what} {name}. {nearest(name, kinds)}", kind="usage")
        if kinds[name] is float and type(value) is int:
            value = float(value)
        if type(value) is not kinds[name]:
            raise UserError(f"{path}: {name} must be {CALLED[kinds[name]]}. Mend it.", kind="usage")
        data[name] = value
    return data
