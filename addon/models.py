# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of backends, as seen from the window: what is here, and one helper process that fetches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.protocol.catalog import catalog
from ..backend.protocol.place import gigabytes
from ..backend.protocol.weights import share, shared_told
from . import prefs
from .helper import Helper, Told
from .windows import redraw

if TYPE_CHECKING:
    from ..backend.hub import Kept
    from ..backend.protocol.spec import BackendSpec

work = Told()
"""Of the process that fetches, checks or deletes; one at a time."""
doing = ""
"""The backend whose weights it works on."""
_whole: dict[str, tuple[float, bool]] = {}
_rows: tuple[float, list[Row]] = (0.0, [])
_shared: tuple[float, str] = (0.0, "")


@dataclass(frozen=True)
class Row:
    """A backend that has weights, for the list in the preferences; `state` installed, partial or absent."""

    backend: str
    label: str
    state: str
    said: str
    terms: str
    page: str
    shared: bool
    gated: bool


def whole(backend: str) -> bool:
    """All weights of this backend are here. Looked up at most every two seconds: panels ask while they draw."""
    asked, found = _whole.get(backend, (0.0, False))
    if time.monotonic() - asked > 2.0:
        found = all(each.whole for each in _kept(backend))
        _whole[backend] = (time.monotonic(), found)
    return found


def here(backend: str) -> bool:
    """Some weights of this backend lie on the disk."""
    return any(each.here for each in _kept(backend))


def _kept(backend: str) -> list[Kept]:
    from ..backend.hub import Kept

    spec = catalog().get(backend)
    return [Kept(weights) for weights in spec.weights] if spec else []


def needed(settings: Any, step: str) -> bool:
    """This step cannot run before its weights are fetched."""
    own = getattr(getattr(settings.steps, step, None), "weights", "")
    return not own and not whole(step)


def rows() -> list[Row]:
    """Of all backends. Looked up at most every two seconds."""
    global _rows
    if time.monotonic() - _rows[0] > 2.0:
        found = [_row(spec) for spec in catalog().values() if spec.weights]
        _rows = (time.monotonic(), found)
    return _rows[1]


def _row(spec: BackendSpec) -> Row:
    kept = _kept(spec.id)
    here, size = sum(each.here for each in kept), sum(weights.size for weights in spec.weights)
    state = "installed" if all(each.whole for each in kept) else "partial" if here else "absent"
    amount = " and ".join(dict.fromkeys(weights.amount for weights in spec.weights))
    said = {
        "installed": f"installed, {gigabytes(here)}",
        "partial": f"{gigabytes(here)} of {gigabytes(size) if size > here else 'more'} here",
        "absent": f"{amount} to download",
    }[state]
    licences = ", ".join(dict.fromkeys((spec.license, *(weights.license for weights in spec.weights))))
    needs = [gb for _, gb in spec.memory]
    span = " to ".join(f"{gb:g}" for gb in dict.fromkeys((min(needs), max(needs)))) if needs else ""
    told = [f"Licence: {licences}", f"territory: {spec.territory}", f"memory: {span} GB" if span else ""]
    return Row(
        spec.id, spec.label, state, said, "; ".join(filter(None, told)), spec.weights[0].page,
        any(each.shared for each in kept), any(weights.gated for weights in spec.weights),
    )  # fmt: skip


def shared() -> str:
    """The folder of weights that many share, as it is named; looked up at most every two seconds."""
    global _shared
    if time.monotonic() - _shared[0] > 2.0:
        _shared = (time.monotonic(), shared_told())
    return _shared[1]


def set_shared(folder: str) -> None:
    """Raises `UserError` where it holds no weights, OSError where that cannot be noted."""
    share(Path(folder).expanduser().absolute() if folder else None)
    look_again()


def look_again() -> None:
    global _rows, _shared
    _whole.clear()
    _rows, _shared = (0.0, []), (0.0, "")


def start(action: str, backend: str) -> None:
    """`action` of `galatea models`: pull, verify or remove. What was asked before, such as a licence, is agreed to."""
    global doing
    work.clear()
    doing = backend
    work.phase = "Starting"
    flags = ["--yes"] if action == "pull" else []
    asked = ["models", action, backend, "--json", *flags]
    Helper(work, asked, work.listen, look_again, program=prefs.full_python())


def stop() -> None:
    if work.task:
        work.task.stop()
        work.phase, work.error = "", "The download was stopped. Download again: it goes on where it stopped."
    redraw()


def register() -> None:
    pass


def unregister() -> None:
    """As it was when Blender started. The bridge ends its process."""
    global doing
    work.clear()
    doing = ""
    look_again()
