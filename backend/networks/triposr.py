# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSR (Tochilkin et al. 2024, MIT code and weights): a picture -> three planes of features -> density and colour.

Written from the paper, the checkpoint's names and shapes and the reference's numbers (tests/networks/fixtures); named
as `model.ckpt` names its 549 tensors. What the planes mean and how a surface comes out of them: `triplane`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..geometry.marching import isosurface
from ..geometry.mesh import Faces, Vertices
from ..protocol.errors import UserError
from . import invented, lattice, picture, triplane, weights
from .backbone import Backbone
from .vit import Beat, ViT, silent

Pixels = NDArray[np.uint8] | NDArray[np.float32] | Tensor
Report = Callable[[str, float], None]
"""Told what is being done and which part of this call is done, 0 to 1; may raise to stop."""

LOOKING = "Looking at the picture"
FILES = ("model.safetensors", "model.ckpt")
"""What is looked for in a folder, the first that is there."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Config:
    """The published sizes."""

    picture: int = 512
    hidden: int = 768
    layers: int = 12
    heads: int = 12
    mlp: int = 3072
    patch: int = 16
    native_image: int = 224
    channels: int = 1024
    size: int = 32
    blocks: int = 16
    block_heads: int = 16
    groups: int = 32
    plane_channels: int = 40
    width: int = 64
    hidden_layers: int = 9

    def plain(self) -> dict[str, int]:
        return asdict(self)


TINY = replace(
    Config(picture=64, hidden=48, layers=2, heads=4, mlp=96, native_image=48, channels=64, size=8, blocks=2),
    block_heads=4,
    plane_channels=10,
    width=16,
    hidden_layers=3,
)
"""The sizes of the tests' fixtures; 16 texels a plane."""


class Encoder(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.model = ViT(
            width=c.hidden, layers=c.layers, heads=c.heads, inner=c.mlp, patch=c.patch, native=c.native_image, eps=1e-12
        )


class Upsampler(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(c.channels, c.plane_channels, 2, 2)


class Tokens(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.empty(3, c.channels, c.size, c.size))

    def forward(self, count: int) -> Tensor:
        """(count, C, planes * rows * columns)"""
        return self.embeddings.transpose(0, 1).flatten(1).expand(count, -1, -1)


class Decoder(nn.Module):
    """Features (..., 3 * P) of a point -> raw (..., 4): density, red, green, blue, before their activations."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        widths = [3 * c.plane_channels, *[c.width] * c.hidden_layers, 4]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.SiLU(inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class TripoSR(nn.Module):
    def __init__(self, config: Config | None = None) -> None:
        super().__init__()
        c = self.config = config or Config()
        self.image_tokenizer = Encoder(c)
        self.tokenizer = Tokens(c)
        self.backbone = Backbone(
            channels=c.channels, context=c.hidden, heads=c.block_heads, blocks=c.blocks, groups=c.groups
        )
        self.post_processor = Upsampler(c)
        self.decoder = Decoder(c)

    def forward(self, pictures: Tensor, beat: Beat = silent) -> Tensor:
        """Pictures (B, 3, S, S) in 0..1 on grey -> codes (B, 3, P, 2 * size, 2 * size), float32."""
        images = normalised(pictures).to(self.tokenizer.embeddings.dtype)
        context = self.image_tokenizer.model(images, lambda part: beat(0.2 * part))
        tokens = self.backbone(self.tokenizer(len(images)), context, lambda part: beat(0.2 + 0.8 * part))
        return self.planes(tokens).float()

    def planes(self, tokens: Tensor) -> Tensor:
        """Tokens (B, C, planes * rows * columns) -> (B, 3, P, 2 * rows, 2 * columns)"""
        size = self.config.size
        grid = torch.unflatten(tokens, 2, (3, size, size)).transpose(1, 2).flatten(0, 1)
        return torch.unflatten(self.post_processor.upsample(grid), 0, (-1, 3))


def normalised(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) in 0..1 -> by the mean and the deviation that the encoder was trained with."""
    return (pictures - pictures.new_tensor(MEAN).view(3, 1, 1)) / pictures.new_tensor(STD).view(3, 1, 1)


def quiet(_phase: str, _part: float) -> None:
    pass


class Model:
    """Weights on a device, ready to run. All reports are (what is done, part of this call that is done, 0 to 1)."""

    def __init__(self, network: TripoSR, device: torch.device, dtype: torch.dtype) -> None:
        """`dtype` is that of the network up to the codes; the field is float32."""
        self.network, self.device, self.dtype = network, device, dtype
        network.eval().requires_grad_(False)
        for module in (network.image_tokenizer, network.tokenizer, network.backbone, network.post_processor):
            module.to(device, dtype)
        network.decoder.to(device, torch.float32)

    @torch.inference_mode()
    def codes(self, images: Sequence[Pixels] | Pixels, report: Report = quiet) -> Tensor:
        """Pictures (H, W, 3) of any sizes on grey, bytes or 0..1 -> (B, 3, 40, 64, 64) float32. On the CPU one after
        the other."""
        side = self.network.config.picture
        pictures = torch.cat([picture.resized(picture.tensor(one[None]), side) for one in images]).to(self.device)
        some = torch.split(pictures, 1) if self.device.type == "cpu" else (pictures,)
        made = []
        for number, one in enumerate(some):
            made.append(self.network(one, lambda part, done=number: report(LOOKING, (done + part) / len(some))))
        codes = torch.cat(made)
        if not bool(torch.isfinite(codes).all()):
            text = f"TripoSR's numbers went beyond what {str(self.dtype).removeprefix('torch.')} holds."
            raise UserError(f"{text} Choose float32, or download its weights again.", kind="weights")
        report(LOOKING, 1.0)
        return codes

    @torch.inference_mode()
    def mesh(
        self,
        codes: Tensor,
        resolution: int = 256,
        threshold: float = triplane.LEVEL,
        report: Report = quiet,
        *,
        margin: float = 0.0,
        dense: bool = False,
    ) -> tuple[Vertices, Faces, Vertices]:
        """Vertices (V, 3), faces (F, 3), colours (V, 3) sRGB of one object's codes (3, 40, 64, 64); none if no surface.

        The cube's side is 1.74; Z up, the object faces -Y. The reference's photo is taken from +X, so its axes are
        turned by -90 degrees about Z: (x, y, z) becomes (y, -x, z). `margin` and `dense`: see `lattice`.
        """
        field = triplane.Field(codes.to(self.device, torch.float32), self.network.decoder.layers)
        feeling = "Feeling for the surface"
        found = lattice.sample(
            triplane.Lattice(field, resolution, lambda: report(feeling, 0.0)).density,
            resolution,
            threshold,
            device=self.device,
            chunk=triplane.chunk(self.device),
            margin=margin,
            dense=dense,
            beat=lambda part: report(feeling, 0.7 * part),
        )
        points, faces = isosurface(found.values, threshold, beat=lambda: report("Making the surface", 0.7))
        points += np.array(found.first, np.float32)
        points = points / np.float32(resolution - 1) * np.float32(2 * triplane.RADIUS) - np.float32(triplane.RADIUS)
        seen = torch.from_numpy(points).to(self.device)
        colours = field.colour(seen, lambda: report("Colouring", 0.9)).cpu().numpy()
        report("Colouring", 1.0)
        return turned(points), faces, colours


def turned(points: Vertices) -> Vertices:
    """(V, 3) in the reference's axes, where the object faces +X -> ours, where it faces -Y. Z stays up."""
    return np.stack([points[:, 1], -points[:, 0], points[:, 2]], axis=1)


def load(weights_of: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> Model:
    """The model from a `model.ckpt`, a .safetensors file, a folder with one of them, or `random:SEED[:tiny]`.

    Nothing is copied on the CPU: the file is mapped and its pages are read when they are used.
    """
    device = torch.device(device)
    source = str(weights_of)
    network = _random(source) if source.startswith("random:") else _read(Path(source))
    return Model(network, device, dtype)


def _random(source: str) -> TripoSR:
    words = source.split(":")[1:]
    if not words[0].isdecimal() or words[1:] not in ([], ["tiny"]):
        text = f"{source} is no source of weights. Write random:SEED, for example random:0, or random:0:tiny."
        raise UserError(text, kind="usage")
    network = empty(TINY if words[1:] else Config())
    network.load_state_dict(invented.state(network.state_dict(), int(words[0])), assign=True)
    return network


def _read(path: Path) -> TripoSR:
    if path.is_dir():
        path = next((path / name for name in FILES if (path / name).is_file()), path / FILES[0])
    state, metadata = weights.read(path)
    try:
        config = Config(**json.loads(metadata["config"])) if "config" in metadata else Config()
        network = empty(config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError):
        raise UserError(f"{path.name} names sizes that make no network. Choose another file.", kind="weights") from None
    weights.check(path.name, state, network.state_dict(), "TripoSR")
    network.load_state_dict(state, assign=True)
    return network


def empty(config: Config) -> TripoSR:
    """The network without numbers: its tensors are on the meta device."""
    deep = max(config.layers, config.blocks, config.hidden_layers)
    if not all(type(value) is int and 0 < value < 10_000 for value in config.plain().values()) or deep > 99:
        raise ValueError("sizes are whole numbers, and not too many")
    with torch.device("meta"):
        return TripoSR(config)


def convert(checkpoint: Path, target: Path, beat: Beat = silent) -> None:
    """`model.ckpt` as a .safetensors file with the same tensors and its sizes in the metadata."""
    network = _read(checkpoint)
    weights.write(target, network.state_dict(), {"format": "pt", "config": json.dumps(network.config.plain())}, beat)
