# SPDX-License-Identifier: GPL-3.0-or-later
"""The version, read from the manifest: the only place where it is written."""

from __future__ import annotations

import tomllib
from pathlib import Path

VERSION: str = tomllib.loads((Path(__file__).resolve().parents[1] / "blender_manifest.toml").read_text("utf-8"))[
    "version"
]
