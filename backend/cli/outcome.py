# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves in its output folder: the files under plain names, and one `result.json`, also on failure."""

from __future__ import annotations

import errno
import filecmp
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..flow import INTERNAL, Stage
from ..protocol import whole
from ..protocol.errors import UserError
from ..protocol.job import Failure, sha256
from ..protocol.order import Order
from ..protocol.store import publish
from ..version import VERSION

SCHEMA = 1
RESULT = "result.json"
JOB = "job.json"
"""The order that a folder's files are made by, in the words of a job file."""


def prepare(out: Path, run: str, inputs: Mapping[str, Path], *, overwrite: bool) -> None:
    """Make the folder, prove that it can be written, and take away what an earlier run of ours left in it.

    A file that is an input of this run stays, such as a mask that was delivered, edited and given back.
    """
    writable(out)
    try:
        _clear(out, run, _resolved(inputs), overwrite=overwrite)
    except OSError as error:
        raise _unwritable(out, error) from None


def keep(order: Order, out: Path, *, overwrite: bool) -> None:
    """Write the order beside its files to be; one that says the same in other words stays as it is."""
    path = out / JOB
    other = _another(path, order)
    if other and not overwrite:
        raise other
    if other or not path.exists():
        order.save(path)


def given_away(order: Order, out: Path) -> UserError | None:
    """Why what this order made is not delivered: another one was begun there meanwhile."""
    if not _another(out / JOB, order):
        return None
    text = f"{out} was given to another order meanwhile. Choose another --out: what was made comes from the store."
    return UserError(text, kind="usage")


def taken(out: Path, run: str, order: Order | None) -> UserError | None:
    """Why nothing is written there without --overwrite: it holds the result, or the order, of another run."""
    before, _, in_vain = _left(out, run)
    if before not in ("", run) and not in_vain:
        message = f"{out} holds the result of another run. Choose another folder, or add --overwrite."
        return UserError(message, kind="usage")
    return _another(out / JOB, order.into(out)) if order and not in_vain else None


def _another(path: Path, order: Order) -> UserError | None:
    """Of a job file that says something else; one that says the same in other words is none."""
    try:
        if not path.exists() or Order.read(path).into(Path(order.out)) == order:
            return None
    except UserError:
        pass
    text = f"{path} is another order. Choose another --out, or add --overwrite to replace it."
    return UserError(text, kind="usage")


def writable(out: Path) -> None:
    """Make the folder and prove that it can be written; raises `UserError` where it cannot."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe.{os.getpid()}.part"
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()
    except OSError as error:
        raise _unwritable(out, error) from None


def possible(out: Path) -> None:
    """As `writable`, as far as is known without making anything."""
    there = out
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise _unwritable(out, OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    if not os.access(there, os.W_OK):
        raise _unwritable(out, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def _unwritable(out: Path, error: OSError) -> UserError:
    message = f"Cannot write to {out}: {error.strerror}. Choose another folder with --out."
    return UserError(message, kind="output")


def _resolved(inputs: Mapping[str, Path]) -> set[str]:
    return {os.path.realpath(path) for path in inputs.values()}  # which a link to itself does not stop


def _clear(out: Path, run: str, keep: set[str], *, overwrite: bool) -> None:
    if not overwrite and (error := taken(out, run, None)):
        raise error
    before, files, in_vain = _left(out, run)
    if not before:
        return
    if in_vain:
        (out / JOB).unlink(missing_ok=True)
    (out / RESULT).unlink()
    for name in files:
        inside = Path(name).name == name  # never follow a path out of the folder
        if inside and os.path.realpath(out / name) not in keep:
            (out / name).unlink(missing_ok=True)


def _left(out: Path, run: str) -> tuple[str, list[str], bool]:
    """Which run left a result there, empty where none did; its files; and whether it was another one that came to
    nothing, such as of a photo whose name was mistyped: nothing is lost with it."""
    old = out / RESULT
    if not old.exists():
        return "", [], False
    try:
        data = json.loads(old.read_text(encoding="utf-8"))
        before, files = str(data["run"]), [item["path"] for item in data["outputs"]]
        return before or "?", files, before != run and data["status"] == "failed" and not files
    except (ValueError, KeyError, TypeError, OSError):
        return "?", [], False


def settled(out: Path, run: str, inputs: Mapping[str, Path]) -> dict[str, Any] | None:
    """The result.json of this very run, done by this version of us from these very files, and whole; else None."""
    try:
        data: dict[str, Any] = json.loads((out / RESULT).read_text(encoding="utf-8"))
        same = (data["run"], data["status"], data["producer"]) == (run, "done", f"galatea {VERSION}")
        told = {role: each["sha256"] for role, each in data["inputs"].items()}
        whole = all((out / item["path"]).stat().st_size == item["size"] for item in data["outputs"])
        now = {role: sha256(path) for role, path in inputs.items()} if same else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return data if same and whole and told == now else None


def deliver(
    run: str, files: Mapping[str, Path], inputs: Mapping[str, Path], out: Path, *, overwrite: bool
) -> list[dict[str, Any]]:
    """Copy each delivered file whole or not at all; raises `UserError` when it cannot be, or is somebody else's.

    One that is there with the same bytes is ours, of a run that was killed before it told so; and so is what the same
    run, beside us, told of.
    """
    outputs = []
    before, names, _ = _left(out, run)
    ours = set(names) if before == run else set()
    for role, source in files.items():
        target = out / source.name
        if role in INTERNAL or os.path.realpath(target) in _resolved(inputs):
            continue
        try:
            there = target.is_file() and filecmp.cmp(source, target, shallow=False)
            if target.exists() and not there and not overwrite and target.name not in ours:
                message = f"{target} is there already, and not by Galatea. Choose another --out, or add --overwrite."
                raise UserError(message, kind="usage")
            if not there:
                with whole.part(target) as part:
                    shutil.copyfile(source, part)
        except OSError as error:
            message = f"Cannot write {target}: {error.strerror}. Free some space or choose another folder with --out."
            raise UserError(message, kind="output") from None
        outputs.append({"role": role, "path": target.name, "size": target.stat().st_size, "sha256": sha256(target)})
    return outputs


def describe_stage(stage: Stage) -> dict[str, Any]:
    result = stage.result
    return {
        "step": stage.step,
        "job": result.job,
        "state": str(result.state),
        "cached": stage.cached,
        "started": result.started,
        "ended": round(result.started + result.seconds, 3),
        "seconds": result.seconds,
        "device": result.device,
        "peak_mb": result.peak_mb,
        "metrics": result.metrics,
        "warnings": list(result.warnings),
    }


def document(
    *,
    run: str,
    recipe: str,
    seed: int,
    inputs: Mapping[str, Path],
    stages: Sequence[Stage],
    outputs: Sequence[dict[str, Any]],
    failure: Failure | None,
    started: float,
) -> dict[str, Any]:
    """The whole of result.json."""
    status = "done" if failure is None else "cancelled" if failure.kind == "cancelled" else "failed"
    return {
        "schema": SCHEMA,
        "producer": f"galatea {VERSION}",
        "run": run,
        "status": status,
        "recipe": recipe,
        "seed": seed,
        "inputs": {
            role: {"path": str(path), "sha256": sha256(path), "size": path.stat().st_size}
            for role, path in inputs.items()
            if path.is_file() and os.access(path, os.R_OK)
        },
        "stages": [describe_stage(stage) for stage in stages],
        "outputs": list(outputs),
        "warnings": [warning for stage in stages for warning in stage.result.warnings],
        "versions": {name: text for stage in stages for name, text in stage.result.versions.items()},
        "device": next((s.result.device for s in stages if s.result.device != "cpu"), "cpu"),
        "peak_mb": max((stage.result.peak_mb for stage in stages), default=0.0),
        "error": None if failure is None else {"kind": failure.kind, "message": failure.message, "hint": failure.hint},
        "trace": failure.trace if failure else "",
        "started": started,
        "seconds": round(time.time() - started, 3),
    }


def write(out: Path, data: dict[str, Any], name: str = RESULT) -> None:
    """A full disk must not hide why a run failed: then the exit code and stderr alone tell."""
    try:
        publish(out / name, data)
    except OSError as error:
        raise UserError(f"Cannot write {out / name}: {error.strerror}. Free some space.", kind="output") from None
