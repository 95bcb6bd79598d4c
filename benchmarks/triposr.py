# SPDX-License-Identifier: GPL-3.0-or-later
"""Our TripoSR beside one that does what the reference does, on this machine in this run: load, codes, field, memory.

    python benchmarks/triposr.py [load codes field large]

The weights are random, for their values do not change the work; the field is fitted to a bumpy thing of many parts, so
that its surface is like a real one (kept in out/). The other side (`_triposr_plain.py`) shares nothing with ours but
the weights. Each measurement is a process of its own. On a machine that others use too compare the CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from galatea.benchmarks._rows import Row, tell

FITTED = Path(__file__).resolve().parents[1] / "out" / "benchmarks" / "triposr_field.safetensors"
COUNT, LARGE = 256, 512

Work = tuple[Callable[[], Any], Callable[[Any], dict[str, float]]]
"""What is measured, and what is done with its result afterwards: figures to show."""


def nothing(_made: Any) -> dict[str, float]:
    return {}


class Silence:
    """The longest time without a report, in CPU seconds of all threads together."""

    def __init__(self) -> None:
        self.last, self.longest = time.process_time(), 0.0

    def __call__(self, _phase: str, _part: float) -> None:
        now = time.process_time()
        self.last, self.longest = now, max(self.longest, now - self.last)


def image() -> Any:
    """(1, 512, 512, 3)"""
    import torch

    wave = torch.linspace(0, 6, 512).sin()
    planes = [wave[:, None] * wave, wave[:, None].expand(512, 512), wave.expand(512, 512)]
    return 0.5 + 0.4 * torch.stack(planes, dim=2)[None]


def fitted() -> Any:
    """Our model with nothing in it but the fitted decoder, and the codes."""
    import torch
    from safetensors.torch import load_file

    from galatea.backend.networks import triposr

    state = load_file(FITTED)
    codes = state.pop("codes")
    network = triposr.TripoSR(triposr.TINY)
    network.decoder = triposr.Decoder(triposr.Config())
    network.decoder.load_state_dict(state)
    return triposr.Model(network, torch.device("cpu"), torch.float32), codes


def load_ours(folder: Path, name: str = "model.ckpt") -> Work:
    from galatea.backend.networks import triposr

    return lambda: triposr.load(folder / name), nothing


def load_ours_safetensors(folder: Path) -> Work:
    return load_ours(folder, "model.safetensors")


def load_plain(folder: Path) -> Work:
    import torch

    from galatea.backend.networks import triposr

    def work() -> None:
        network = triposr.TripoSR()
        network.load_state_dict(torch.load(folder / "model.ckpt", map_location="cpu", weights_only=True))

    return work, nothing


def codes_ours(folder: Path) -> Work:
    from galatea.backend.hub.support import best, suits
    from galatea.backend.networks import triposr

    dtype = best("cpu", "bf16" if suits("cpu", "bf16") else "fp32")
    model, picture, silence = triposr.load(folder / "model.ckpt", dtype=dtype), image(), Silence()

    def after(codes: Any) -> dict[str, float]:
        kept(folder / "codes_ours.npz", codes=codes)
        return {"longest silence": silence.longest}

    return lambda: model.codes(picture, silence)[0], after


def codes_plain(folder: Path) -> Work:
    import _triposr_plain as plain
    import torch

    state, picture = torch.load(folder / "model.ckpt", weights_only=True), image().permute(0, 3, 1, 2)
    work = torch.inference_mode()(lambda: plain.codes(state, picture))
    return work, lambda codes: kept(folder / "codes_plain.npz", codes=codes)


def field_ours(folder: Path) -> Work:
    import torch

    from galatea.backend.networks import lattice, triplane

    model, codes = fitted()
    field = triplane.Field(codes, model.network.decoder.layers)

    @torch.inference_mode()
    def work() -> Any:
        at = triplane.Lattice(field, COUNT).density
        return lattice.sample(at, COUNT, triplane.LEVEL, device=model.device, chunk=triplane.chunk(model.device))

    def after(found: Any) -> dict[str, float]:
        clock = time.process_time()
        vertices, faces, _ = model.mesh(codes, COUNT)
        cpu = time.process_time() - clock
        kept(folder / "field_ours.npz", vertices=vertices, faces=faces)
        return {"evaluated": found.evaluated / COUNT**3, "CPU s with surface and colours": cpu}

    return work, after


def field_plain(folder: Path) -> Work:
    import _triposr_plain as plain
    import numpy as np
    import torch
    from safetensors.torch import load_file

    from galatea.backend.geometry.marching import isosurface
    from galatea.backend.networks.triposr import turned

    state = load_file(FITTED)

    def after(density: Any) -> dict[str, float]:
        points, faces = isosurface(np.pad(density.numpy(), 1), 25.0)
        points = (points - 1) / np.float32(COUNT - 1) * np.float32(1.74) - np.float32(0.87)
        return kept(folder / "field_plain.npz", vertices=turned(points), faces=faces)

    return torch.inference_mode()(lambda: plain.field(state, COUNT)), after


def large_alone(_folder: Path) -> Work:
    (model, codes), silence = fitted(), Silence()

    def after(mesh: Any) -> dict[str, float]:
        return {"faces": len(mesh[1]), "longest silence": silence.longest}

    return lambda: model.mesh(codes, LARGE, report=silence), after


def large_whole(folder: Path) -> Work:
    """One process from the checkpoint by the codes to a mesh, which is that of the fitted field."""
    from galatea.backend.networks import triposr

    def work() -> Any:
        model, (other, codes) = triposr.load(folder / "model.ckpt"), fitted()
        model.codes(image())
        model.network.decoder = other.network.decoder
        return model.mesh(codes, LARGE)

    return work, lambda mesh: {"faces": len(mesh[1])}


CHILDREN: dict[str, Callable[[Path], Work]] = {
    work.__name__: work
    for work in (
        *(load_ours, load_ours_safetensors, load_plain, codes_ours, codes_plain),
        *(field_ours, field_plain, large_alone, large_whole),
    )
}


def kept(path: Path, **arrays: Any) -> dict[str, float]:
    import numpy as np

    np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})
    return {}


def prepare(folder: Path) -> None:
    """Random weights of the full size, as a checkpoint and converted; the fitted field."""
    import _triposr_field
    import torch

    from galatea.backend.networks import triposr

    if not FITTED.is_file():
        _triposr_field.fit(FITTED)
    network = triposr.load("random:0", dtype=torch.float32).network
    torch.save(network.state_dict(), folder / "model.ckpt")
    triposr.convert(folder / "model.ckpt", folder / "model.safetensors")


def child(name: str, folder: Path) -> None:
    work, after = CHILDREN[name](folder)
    clock, cpu = time.perf_counter(), time.process_time()
    made = work()
    row = {"wall": time.perf_counter() - clock, "cpu": time.process_time() - cpu}
    row["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps(row | after(made)))


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def measure(name: str, folder: str) -> dict[str, float]:
    row: dict[str, float] = json.loads(run("--child", name, "--folder", folder).splitlines()[-1])
    more = ", ".join(f"{key} {value:.3g}" for key, value in row.items() if key not in ("wall", "cpu", "peak"))
    print(f"{name:24}{row['wall']:9.2f}{row['cpu']:9.2f}{row['peak']:9.2f}   {more}", flush=True)
    return row


def against(folder: str, part: str) -> Iterator[Row]:
    a, b = measure(f"{part}_ours", folder), measure(f"{part}_plain", folder)
    for key, label, unit in (("wall", "wall", "s"), ("cpu", "CPU", "s"), ("peak", "memory", "GB")):
        yield Row(f"{part}, {label}", a[key], b[key], unit, "as the reference does it")


def difference(folder: str) -> str:
    import numpy as np

    ours, plain = (np.load(f"{folder}/codes_{side}.npz")["codes"] for side in ("ours", "plain"))
    return f"codes differ by {np.linalg.norm(ours - plain) / np.linalg.norm(plain):.1e} of their size"


def same_mesh(folder: str) -> str:
    import numpy as np

    ours, plain = (dict(np.load(f"{folder}/field_{side}.npz")) for side in ("ours", "plain"))
    if not np.array_equal(ours["faces"], plain["faces"]):
        return f"NOT the same faces: {len(ours['faces'])} and {len(plain['faces'])}"
    away = np.abs(plain["vertices"] - ours["vertices"]).max() / (1.74 / (COUNT - 1))
    return f"the same {len(ours['faces'])} faces, vertices at most {away:.1e} cells apart"


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["load", "codes", "field", "large"])
    parser.add_argument("--child")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.child:
        prepare(options.folder) if options.child == "prepare" else child(options.child, options.folder)
        return
    FITTED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FITTED.parent) as folder:
        print(run("--child", "prepare", "--folder", folder), end="")
        print(
            f"{os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads{'':15}{'wall s':>9}{'CPU s':>9}{'peak GB':>9}"
        )
        if "load" in options.parts:
            yield from against(folder, "load")
            measure("load_ours_safetensors", folder)
        if "codes" in options.parts:
            yield from against(folder, "codes")
            print(f"{'':6}{difference(folder)}")
        if "field" in options.parts:
            yield from against(folder, "field")
            print(f"{'':6}{same_mesh(folder)}")
        if "large" in options.parts:
            measure("large_alone", folder)
            measure("large_whole", folder)


if __name__ == "__main__":
    sys.exit(tell(main))
