# SPDX-License-Identifier: GPL-3.0-or-later
"""What surfaces are like: ranges of roughness and the settings of the Principled shader.

glTF carries metal, coat (KHR_materials_clearcoat), sheen and specular; light below the skin is for Blender alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..mesh.meshes import Floats

Value = float | tuple[float, ...]


@dataclass(frozen=True)
class Preset:
    """`roughness` is what even and busy places get; `sockets` of the Principled shader; `words` that mean it."""

    roughness: tuple[float, float] | None = None
    sockets: Mapping[str, Value] = field(default_factory=dict)
    words: str = ""


_SOFT: Mapping[str, Value] = {"Subsurface Radius": (1.0, 0.35, 0.2), "Subsurface Scale": 0.005}
PRESETS: Mapping[str, Preset] = {
    "plain": Preset(),
    "skin": Preset((0.4, 0.65), {"Subsurface Weight": 0.15, **_SOFT}, "skin face head hand human person man woman"),
    "fur": Preset(
        (0.75, 0.95),
        {"Sheen Weight": 0.35, "Sheen Roughness": 0.5, "Specular IOR Level": 0.3},
        "fur animal cat dog bear otter moose fox wolf horse sheep rabbit mouse monkey lion tiger",
    ),
    "wood": Preset((0.5, 0.8), {"Specular IOR Level": 0.4}, "wood wooden tree log plank oak"),
    "metal": Preset((0.2, 0.5), {"Metallic": 1.0}, "metal steel iron brass copper gold silver pliers wrench sword"),
    "plastic": Preset((0.3, 0.5), {}, "plastic toy lego bottle"),
    "ceramic": Preset(
        (0.15, 0.35), {"Coat Weight": 0.5, "Coat Roughness": 0.05}, "ceramic porcelain vase cup mug teapot plate"
    ),
    "stone": Preset((0.75, 0.95), {"Specular IOR Level": 0.35}, "stone rock marble granite concrete statue brick"),
    "fabric": Preset(
        (0.8, 1.0),
        {"Sheen Weight": 0.5, "Sheen Roughness": 0.4, "Specular IOR Level": 0.2},
        "fabric cloth shirt dress sofa pillow plush wool carpet",
    ),
    "leather": Preset((0.45, 0.7), {"Specular IOR Level": 0.45}, "leather boot shoe saddle"),
}
CHOICES = ("auto", *PRESETS)


def chosen(preset: str, name: str) -> str:
    """The preset meant; auto goes by the words of the object's name and is plain where they say nothing.

    A photo's colours do not tell brass from mustard, so they are not asked.
    """
    if preset != "auto":
        return preset
    said = set(re.findall(r"[a-z]+", name.lower()))
    said |= {word.removesuffix("s") for word in said}
    return next((key for key, each in PRESETS.items() if said & set(each.words.split())), "plain")


def roughened(rough: Floats, preset: Preset) -> Floats:
    """A guessed roughness within the preset's range: its calmest places get the one end, its busiest the other."""
    if not preset.roughness:
        return rough
    low, high = np.percentile(rough, (2, 98))
    share = np.clip((rough - low) / max(high - low, 0.15), 0, 1)
    first, last = preset.roughness
    return np.asarray(first + share * (last - first), np.float32)
