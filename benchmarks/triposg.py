# SPDX-License-Identifier: GPL-3.0-or-later
"""TripoSG at full size, piece by piece, with weights from a seed: what a step, the field and a surface cost.

    python benchmarks/triposg.py [--device cuda] [--whole]

Each piece is one layer, measured in a process of its own, and the whole is counted up from the layers; `--whole` runs
all of it, which on a processor takes an hour. On a processor seconds are those of computing, so that other programs
do not count; on two cores it takes half as long.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from galatea.benchmarks._rows import Row, child, tell

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"cpu": ("fp32", "bf16", "int8"), "cuda": ("fp32", "fp16", "bf16", "int8")}

CHILD = r"""
import json, resource, sys, time
import torch
from galatea.backend.networks import dinov2
from galatea.backend.networks.triposg import dit, surface, vae
from galatea.backend.networks.triposg.attention import arranged
from galatea.backend.networks.triposg.invented import Invented
from galatea.backend.networks.triposg.lean import Int8

what, device, kind = sys.argv[1:4]
device = torch.device(device)
dtype = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}.get(
    kind, torch.float32 if device.type == "cpu" else torch.bfloat16)
quiet = lambda *a: None

def clock(work, times=1):
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(); start = time.perf_counter()
        for _ in range(times): work()
        torch.cuda.synchronize(); return (time.perf_counter() - start) / times
    start = time.process_time()
    for _ in range(times): work()
    return (time.process_time() - start) / times

def filled(network, heads, exact=False):
    state = Invented(network.state_dict(), 0)
    for name, tensor in arranged(state, heads):
        place, _, leaf = name.rpartition(".")
        owner = network.get_submodule(place)
        if kind == "int8" and not exact and isinstance(owner, torch.nn.Linear) and leaf == "weight":
            above, _, last = place.rpartition(".")
            setattr(network.get_submodule(above), last, Int8(tensor, owner.bias, device, dtype))
        else:
            setattr(owner, leaf, torch.nn.Parameter(tensor.to(device, torch.float32 if exact else dtype), False))
    return network

def size(network):
    return sum(t.numel() * t.element_size() for t in network.state_dict().values()) / 1e9

def meta(make):
    with torch.device("meta"): return make()

with torch.inference_mode():
    chance = torch.Generator().manual_seed(0)
    rand = lambda *shape: torch.randn(*shape, generator=chance).to(device, dtype)
    if what == "flow":
        make = lambda: torch.nn.ModuleDict({"b": dit.Block(dit.Config(), skip=False)})
        net = filled(meta(make), 16)
        x, told = rand(2, 2049, 2048), rand(1, 257, 1024)
        run = lambda: net["b"](x, None, [dit.Told(told)])
        seconds = clock(run, 1 if device.type == "cpu" else 10)
        out = {"seconds": seconds, "gb": size(net)}
        if kind != "fp32":
            y = run().float()
            del net
            whole = filled(meta(make), 16, exact=True)
            wanted = whole["b"](x.float(), None, [dit.Told(told.float())])
            change = wanted - x.float()
            out["error"] = float((y - wanted).norm() / wanted.norm())
            out["error_of_change"] = float((y - wanted).norm() / change.norm())
    elif what == "encoder":
        net = filled(meta(lambda: torch.nn.ModuleDict({"l": dinov2.Layer(dinov2.Config())})), 1)
        x = rand(1, 257, 1024)
        out = {"seconds": clock(lambda: net["l"](x), 3), "gb": size(net)}
    elif what == "decoder":
        net = filled(meta(lambda: torch.nn.ModuleDict({"blocks": vae.Block(1024, 8)})), 8)
        x = rand(1, 2048, 1024)
        out = {"seconds": clock(lambda: net["blocks"](x), 1), "gb": size(net)}
    elif what == "field":
        net = meta(lambda: vae.VAE(vae.Config(num_layers_decoder=0)))
        del net.encoder, net.quant
        net = filled(net, 8)
        memory = net.remember(torch.randn(1, 2048, 64, generator=chance).to(device))
        out = {}
        for count in ((1024, 4096, 16384) if device.type == "cpu" else (8192, 32768, 131072)):
            points = (torch.rand(1, count, 3, generator=chance) * 2 - 1).to(device)
            out[str(count)] = count / clock(lambda: net.field(points, memory), 1 if device.type == "cpu" else 5)
    out["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    if device.type == "cuda": out["device_gb"] = torch.cuda.max_memory_allocated() / 1e9
    print(json.dumps(out))
"""

SURFACE = r"""
import json, sys, time
import torch
from galatea.backend.networks.triposg import surface

def chair(p):
    def box(c, h):
        q = (p - p.new_tensor(c)).abs() - p.new_tensor(h)
        return q.clamp(min=0).norm(dim=1) + q.amax(1).clamp(max=0)
    legs = [box((x, -.5, z), (.02, .5, .02)) for x in (-.46, .46) for z in (-.46, .46)]
    return 40 * -torch.stack([box((0, 0, 0), (.5, .03, .5)), box((0, .5, -.48), (.5, .5, .02)), *legs]).amin(0)

out = {}
for depth in (7, 8, 9):
    start = time.process_time()
    vertices, faces, asked = surface.find(lambda p: chair(p).clamp(-1, 1), depth, chunk=1 << 15)
    out[depth] = [asked, asked / ((1 << depth) + 1) ** 3, len(faces), time.process_time() - start]
print(json.dumps(out))
"""

WHOLE = r"""
import sys, time
from pathlib import Path
import torch
from galatea.backend.hub.support import best
from galatea.backend.networks.triposg import dit, flow
from galatea.backend.networks.triposg.load import Source
from galatea.backend.networks.triposg.model import Model

device, kind = sys.argv[1:3]
dtype = best(device, kind.partition("+")[0])
way = {"int8": kind.startswith("int8"), "lean": kind.endswith("offload")}
model = Model(Source(0, Path("nowhere")), torch.device(device), dtype, **way)
def wait():
    if device == "cuda": torch.cuda.synchronize()
    return time.perf_counter()
start = wait()
model.load()
loaded = wait()
for turn in ("first", "warm"):
    began = wait()
    told = [dit.Told(model.look(torch.randn(1, 3, 224, 224)))]
    looked = wait()
    latents = model.flow(told, flow.noise(1, 2048, 64, 0), steps=50, guidance=7.0)
    flowed = wait()
    found = model.surface(latents, 8)
    done = wait()
    peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0
    print(f"{kind:14}{turn:7}load {loaded - start:6.1f}  look {looked - began:6.2f}  flow {flowed - looked:7.2f}  "
          f"surface {done - flowed:6.2f} s ({found.asked} places)  {peak:.2f} GB")
"""


def main() -> Iterator[Row]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=tuple(KINDS))
    parser.add_argument("--whole", action="store_true")
    given = parser.parse_args()
    if given.whole:
        for kind in (*KINDS[given.device], *(("fp16+offload",) if given.device == "cuda" else ())):
            subprocess.run([sys.executable, "-c", WHOLE, given.device, kind], cwd=ROOT, check=True)
        return
    plain = 0.0
    for kind in KINDS[given.device]:
        layer = child(CHILD, "flow", given.device, kind)
        seconds, gb = layer["seconds"], layer["gb"]
        print(f"{kind}: a layer of the flow, two of 2049 tokens: {seconds:.2f} s, {gb:.3f} GB; ", end="")
        print(f"a step of 21: {21 * seconds:.1f} s, {21 * gb:.2f} GB; 50 steps: {50 * 21 * seconds / 60:.1f} min")
        plain = plain or seconds
        yield Row(f"{given.device}: a layer of the flow, {kind}", seconds, plain, "s", "fp32")
        if "error" in layer:
            print(f"    against fp32: {layer['error']:.2%} of the output, {layer['error_of_change']:.2%} of its change")
        if kind == "int8":
            continue
        encoder, decoder = (child(CHILD, what, given.device, kind) for what in ("encoder", "decoder"))
        print(f"    encoder, 24 layers: {24 * encoder['seconds']:.1f} s;", end=" ")
        print(f"decoder, 16 layers: {16 * decoder['seconds']:.1f} s")
        rates = child(CHILD, "field", given.device, kind)
        print("    places a second, by chunk:", {k: round(v) for k, v in rates.items() if k.isdigit()})
    print("surface: depth, places asked, share of all, faces, seconds beside the field")
    for depth, row in child(SURFACE).items():
        print(f"    {depth}: {row}")


if __name__ == "__main__":
    sys.exit(tell(main))
