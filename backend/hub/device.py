# SPDX-License-Identifier: GPL-3.0-or-later
"""Where and how a model runs so that it fits: needed against free memory before the run, one step lower after a crash.

The order: the ways of `BackendSpec.memory` as they stand (precision, then chunks, offload, resolution) on the quickest
device that is there, then the same on the processor. Where nothing fits it is refused, with the numbers.
"""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec
from . import memory
from .support import best, devices, suits

if TYPE_CHECKING:
    from ..worker.report import Report

Made = TypeVar("Made")
_FULL = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed", "out_of_device_memory")


@dataclass(frozen=True)
class Plan:
    """`device` as torch names it, `dtype` a torch.dtype to calculate in, `steps` the savings in effect, some of chunks,
    offload and resolution; `needed` GB; `rest` the ways below this one."""

    device: str
    precision: str
    dtype: Any
    steps: tuple[str, ...] = ()
    needed: float = 0.0
    rest: tuple[Plan, ...] = ()

    def __str__(self) -> str:
        return f"{'+'.join((self.precision, *self.steps))} on {self.device}"


class Warm(Generic[Made]):
    """The model that stays for the next request with the same key. Where the key is another it goes before the next is
    made: there may be no room for both."""

    def __init__(self) -> None:
        self._held: tuple[Any, Made] | None = None

    def get(self, key: Any, make: Callable[[], Made]) -> Made:
        if self._held is None or self._held[0] != key:
            self._held = None
            self._held = (key, make())
        return self._held[1]


def choose(spec: BackendSpec, params: Mapping[str, Any], report: Report) -> Plan:
    """The first way that fits; raises `UserError` where none does."""
    asked = params["precision"]
    offered = list(dict.fromkeys(way.partition("+")[0] for way, _ in spec.memory)) or ["fp32"]
    if asked not in ("auto", *offered):
        raise UserError(f"{spec.id}.precision: {spec.label} has {', '.join(offered)}, not {asked}.", kind="usage")
    ways = [way for device in devices(params["device"]) for way in _ways(spec, device, asked)]
    if not ways:
        text = f"{spec.label} in {asked if asked != 'auto' else ' or '.join(offered)} is not for this device"
        text += " (a processor calculates in fp32, in bf16 only where that is faster, never in fp16)"
        raise UserError(f"{text}. Choose precision=auto or another device.", kind="device")
    free = {way.device: memory.device(way.device) for way in ways}
    for number, way in enumerate(ways):
        if _fits(way, free[way.device]):
            plan = replace(way, rest=tuple(ways[number + 1 :]))
            break
    else:
        raise _refused(spec.label, ways, free)
    if plan.needed and ways[0] is not way:
        report.warn(f"{ways[0]} needs {ways[0].needed:.1f} GB, {_told(free, ways[0].device)} are free: {plan} is used.")
    report.device = plan.device
    report.metric("plan", str(plan))
    return plan


def with_less(plan: Plan) -> Plan | None:
    """The next way below that needs less and fits what is free now; None where there is none."""
    for number, way in enumerate(plan.rest):
        less = way.device != plan.device or way.needed < plan.needed
        if less and _fits(way, memory.device(way.device)):
            return replace(way, rest=plan.rest[number + 1 :])
    return None


def run_within(plan: Plan, work: Callable[[Plan], Made], report: Report) -> Made:
    """`work(plan)`; where it runs out of memory, once more one step lower, and that is said.

    `work` must make or move its model by the plan that it gets, and keep nothing of an earlier attempt.
    """
    try:
        return work(plan)
    except Exception as error:
        if not out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)  # what they hold is what filled the memory
    let_go()
    less = with_less(plan)
    if less is None:
        raise UserError(_full(plan), kind="device")
    report.warn(f"{plan} ran out of memory, planned were {plan.needed:.1f} GB: trying {less}.")
    report.device = less.device
    report.metric("plan", str(less))
    try:
        return work(less)
    except Exception as error:
        if not out_of_memory(error):
            raise
        traceback.clear_frames(error.__traceback__)
    let_go()
    raise UserError(_full(less), kind="device")


def out_of_memory(error: BaseException) -> bool:
    """Whatever a library calls it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _FULL)


def let_go() -> None:
    """Give back to the system what nobody holds any more."""
    gc.collect()
    torch = sys.modules.get("torch")
    for name in ("cuda", "xpu", "mps"):
        part = getattr(torch, name, None)
        if part and part.is_available():
            part.empty_cache()


def _ways(spec: BackendSpec, device: str, asked: str) -> list[Plan]:
    made = []
    for way, needed in spec.memory or (("fp32", 0.0),):
        precision, *steps = way.split("+")
        if asked in ("auto", precision) and suits(device, precision) and not _pointless(device, steps):
            made.append(Plan(device, precision, best(device, precision), tuple(steps), needed))
    if device == "cpu" and asked == "auto":  # there bf16 is offered only where it is quicker
        made.sort(key=lambda plan: plan.precision != "bf16")
    return made


def _pointless(device: str, steps: list[str]) -> bool:
    """Offload goes to main memory, which is the device's own here."""
    return "offload" in steps and device in ("cpu", "mps")


def _fits(plan: Plan, free: float | None) -> bool:
    return free is None or plan.needed <= free


def _told(free: Mapping[str, float | None], device: str) -> str:
    found = free[device]
    return f"{found:.1f} GB of {device}" if found is not None else device


def _refused(label: str, ways: list[Plan], free: Mapping[str, float | None]) -> UserError:
    least = {device: min((w for w in ways if w.device == device), key=lambda w: w.needed) for device in free}
    needs = "; ".join(f"{way} needs {way.needed:.1f} GB, {_told(free, way.device)} are free" for way in least.values())
    text = f"Too little memory for {label}: {needs}. Close other programs, or choose another backend"
    return UserError(f"{text}{' or device=auto' if 'cpu' not in free else ''}.", kind="device")


def _full(plan: Plan) -> str:
    text = f"Out of memory with {plan}, planned were {plan.needed:.1f} GB"
    return f"{text}. Close other programs, choose a lower quality or another backend."
