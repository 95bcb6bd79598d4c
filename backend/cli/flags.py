# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of every verb that works, and what they mean: an order, a runner, and how it tells what it does."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..env import python as environment_python
from ..protocol.catalog import spec_of
from ..protocol.errors import UserError
from ..protocol.order import FLAGS, MOST_SEED, Order
from ..protocol.place import data_folder
from ..protocol.recipe import Recipe, names, parse_settings
from ..protocol.store import JobStore
from ..runners import Runner
from ..runners.runtimes import Dispatch, Runtimes
from . import terms
from .errand import no_gpu, takes_device
from .progress import LEVELS, STYLES, Tellers

DEVICES = ("auto", "cpu", "gpu", "cuda", "mps", "xpu")
RUNNERS = ("local", "ray", "http")


def shared(verb: argparse.ArgumentParser) -> None:
    """What is made, then how it is run."""
    made = verb.add_argument_group("what is made")
    made.add_argument("--out", type=Path, metavar="DIR", help="folder for the files and result.json")
    made.add_argument("--quality", metavar="NAME", help=f"{', '.join(names('quality'))}, or a .toml file; else medium")
    made.add_argument("--seed", type=int, metavar="N", help="0 (default) to 2147483647; the same seed, the same result")
    made.add_argument(
        "--set", action="append", default=[], metavar="STEP.PARAM=VALUE", dest="settings",
        help="a parameter of a step (see `galatea backends --all`); may be given again",
    )  # fmt: skip
    made.add_argument(
        "--gate",
        metavar="NAME",
        help=f"hold the mesh against {', '.join(names('gates'))}, or a .toml file; ends with 9 where it falls short",
    )
    made.add_argument("--device", choices=DEVICES, help="what steps that can choose compute on; gpu is any card")
    made.add_argument("--require-gpu", action="store_true", help="end with 5 where the processor would have to do it")
    made.add_argument("--job-file", type=Path, metavar="FILE", help="only write the order as a job file, for `run`")
    terms.add_flags(made)
    how = verb.add_argument_group("how it is run")
    how.add_argument("--runner", choices=RUNNERS, default="local", help="where its steps run; else on this machine")
    how.add_argument("--address", metavar="A", default="", help="of the Ray cluster or the server, for --runner")
    how.add_argument(
        "--workers", type=above(int), metavar="N",
        help="jobs at once: processes of a batch (1), or places of a Ray cluster (what suits its machines)",
    )  # fmt: skip
    how.add_argument(
        "--timeout", type=above(float), metavar="SECONDS", help="stop a step that takes longer; ends with 124"
    )
    again = how.add_mutually_exclusive_group()
    again.add_argument("--fresh", action="store_true", help="do every step again, whatever the store holds")
    again.add_argument("--from", metavar="STEP", dest="again", default="", help="do this step and all after it again")
    how.add_argument("--overwrite", action="store_true", help="replace the result of another run in DIR")
    how.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
    told = verb.add_argument_group("what is told")
    told.add_argument("--json", action="store_true", help="print result.json on stdout")
    told.add_argument(
        "--progress", choices=STYLES, default="plain",
        help="lines for people on stderr (default), JSON lines or those of Open Job Description on stdout",
    )  # fmt: skip
    told.add_argument("--log-level", choices=LEVELS, default="info", help="how much people are told on stderr")
    told.add_argument("--quiet", action="store_true", help="the same as --log-level error")


def above(kind: type[int] | type[float], most: float = math.inf) -> Callable[[str], float]:
    """The type of a flag that takes a number above 0."""

    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(f"takes a number above 0{f', at most {most:g}' * (most < math.inf)}")
        return value

    read.__name__ = kind.__name__
    return read


def from_zero(kind: type[int] | type[float]) -> Callable[[str], float]:
    """The type of a flag that takes no less than 0."""

    def read(text: str) -> float:
        value = kind(text)
        if not value >= 0:
            raise argparse.ArgumentTypeError("takes a number from 0 on")
        return value

    read.__name__ = kind.__name__
    return read


def but(options: argparse.Namespace, **changes: Any) -> argparse.Namespace:
    """The same options but for these."""
    return argparse.Namespace(**{**vars(options), **changes})


def check(options: argparse.Namespace) -> None:
    """Raise `UserError` for what argparse lets through."""
    if options.seed is not None and not 0 <= options.seed <= MOST_SEED:
        raise UserError(f"--seed takes 0 to {MOST_SEED}.", kind="usage")
    if options.require_gpu and options.device == "cpu":
        raise UserError("--device cpu and --require-gpu cannot both be. Leave one of them out.", kind="usage")
    if options.workers and options.runner != "ray" and not hasattr(options, "jobs"):  # which a batch has
        text = "--workers is of a batch or a Ray cluster. Add --runner ray, or see `galatea batch`."
        raise UserError(text, kind="usage")
    if options.address and options.runner == "local":
        raise UserError("--address is of a runner. Say which: --runner ray or --runner http.", kind="usage")


def order_of(options: argparse.Namespace, recipe: str = "") -> Order:
    """The order that these options give: of a recipe, or of a job file, where they change what it says."""
    check(options)
    has, recipe = vars(options), recipe or options.recipe
    given: dict[str, Any] = {"recipe": recipe}
    if recipe.endswith(".json"):
        given = Order.read(Path(recipe).expanduser()).document()
    told = ("prompt", "backend", "quality", "gate", "until", "seed")
    given |= {name: has[name] for name in told if has.get(name) is not None}
    given |= {"out": str(options.out.expanduser())} if options.out else {}
    files = {role: str(has[flag]) for role, flag in FLAGS.items() if has.get(flag) is not None}
    settings = {do: dict(params) for do, params in given.get("settings", {}).items()}
    for do, params in parse_settings(options.settings).items():
        settings.setdefault(do, {}).update(params)
    if has.get("format"):
        settings.setdefault("export", {}).setdefault("format", options.format)
    if has.get("moves"):
        settings.setdefault("move", {}).setdefault("motion", options.moves)
    given |= {"inputs": {**given.get("inputs", {}), **files}, "settings": settings}
    order = Order.of(given, base=Path.cwd(), name="")
    if has.get("weights"):
        order = weighed(order, options.weights)
    return placed(order, options)


def weighed(order: Order, weights: str) -> Order:
    """With these weights for the model that the order names, or for the only one of its recipe that takes any."""
    recipe, _ = order.plan()
    able = [step.do for step in recipe.steps if any(param.name == "weights" for param in spec_of(step.do).params)]
    of = [do for do in able if order.backend in ("", do)]
    if len(of) != 1:
        name = order.backend or recipe.name
        text = f"{name} takes no weights of yours. Leave --weights out, or choose another --backend."
        if of:
            text = f"--weights is of one model; {name} has {', '.join(of)}. Say which: --backend ID, or "
            text += "--set STEP.weights=W."
        raise UserError(text, kind="usage")
    settings = {**order.settings, of[0]: {**order.settings.get(of[0], {}), "weights": weights}}
    return Order.of({**order.document(), "settings": settings}, base=Path.cwd(), name="")


def planned(order: Order) -> tuple[Recipe, dict[str, Path]]:
    """As `Order.plan`; what the policy does not allow is refused, and of terms a person is asked."""
    recipe, inputs = order.plan()
    terms.check(recipe)
    return recipe, inputs


def placed(order: Order, options: argparse.Namespace) -> Order:
    """With the device for each step that can choose, unless a setting says so already."""
    device = "gpu" if options.require_gpu and options.device in (None, "auto") else options.device
    if device in (None, "auto"):
        return order
    recipe, _ = order.plan()
    able = [step.do for step in recipe.steps if takes_device(step.do)]
    if device != "cpu":
        said = " and ".join(each for each in ("--device", "--require-gpu") if _says(options, each))
        if not able:
            hint = f"Choose a model that can (galatea backends), or leave {said} out."
            raise UserError(f"No step of {recipe.name} computes on a graphics card. {hint}", kind="device")
        if options.runner == "local" and no_card():
            text = f"This machine has no graphics card for {', '.join(able)}."
            raise UserError(text, kind="device", hint=no_gpu(said))
    settings = {do: dict(params) for do, params in order.settings.items()}
    for do in able:
        choices = next(param.choices for param in spec_of(do).params if param.name == "device")
        named = device if device in choices or device == "cpu" else "gpu"
        if named in choices or named == "cpu":  # else it has names of its own for cards
            settings.setdefault(do, {}).setdefault("device", named)
    return Order.of(replace(order, settings=settings).document())


def _says(options: argparse.Namespace, flag: str) -> bool:
    return options.require_gpu if flag == "--require-gpu" else options.device not in (None, "auto")


def no_card(files: Iterable[Path] | None = None) -> bool:
    """Linux shows no graphics card at all; False where there may be one, which the step itself finds out."""
    if not sys.platform.startswith("linux"):
        return False
    seen = [Path("/dev/nvidiactl"), Path("/dev/kfd"), *Path("/dev/dri").glob("renderD*"), Path("/dev/dxg")]
    return not any(path.exists() for path in (seen if files is None else files))


def tellers(options: argparse.Namespace, runs: int = 1) -> Tellers:
    return Tellers(options.progress, "error" if options.quiet else options.log_level, runs)


def again(recipe: Recipe, options: argparse.Namespace) -> str:
    """The step from which on the store is not asked; raises `UserError` where the recipe has it not."""
    if options.fresh:
        return recipe.steps[0].do
    return recipe.steps[recipe.index(options.again)].do if options.again else ""


def store() -> JobStore:
    return JobStore(data_folder() / "jobs")


def runtimes(blender: str) -> Runtimes:
    return Runtimes.here(blender=blender, full_python=str(environment_python(data_folder()) or ""))


def runner(options: argparse.Namespace, blender: str) -> tuple[Runner, str]:
    """Where steps run, as the options say, and the identity of the Blender there."""
    here = runtimes(blender)
    if options.runner == "local":
        return Dispatch(store(), here, timeout=options.timeout), here.identity
    there: Any
    told = {"address": options.address, "runtimes": here, "timeout": options.timeout}
    if options.runner == "ray":
        from ..runners import ray

        there = ray.make(store(), workers=options.workers or 0, **told)
    else:
        from ..runners import http

        there = http.make(store(), **told)
    return there, getattr(there, "blender", here.identity)
