# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run's settings: presets/training/*.toml, each value checked, unknown ones refused."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ...protocol.errors import UserError


@dataclass(frozen=True)
class Settings:
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
            raise UserError(f"Cannot read {path}: {error}.") from None
        kinds = {item.name: type(getattr(cls(), item.name)) for item in fields(cls)}
        for name, value in data.items():
            if name not in kinds:
                raise UserError(f"{path}: there is no setting {name}. There are {', '.join(kinds)}.")
            if kinds[name] is float and isinstance(value, int):
                data[name] = float(value)
            elif not isinstance(value, kinds[name]):
                raise UserError(f"{path}: {name} must be a {kinds[name].__name__}.")
        return cls(**data)
