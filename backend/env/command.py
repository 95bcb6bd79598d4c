# SPDX-License-Identifier: GPL-3.0-or-later
"""`galatea env install | status | remove`: also what the button in the preferences starts, with `--json`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from ..protocol.errors import UserError
from ..protocol.event import Done, Event, Log, Progress, encode
from ..protocol.place import data_folder
from .install import JOB, Installer
from .lock import ACCELERATORS, Lock, choices
from .place import Place


def add_flags(env: argparse.ArgumentParser) -> None:
    does = env.add_subparsers(dest="does", required=True, metavar="ACTION")
    for name, text in (
        ("install", "make it, complete it or mend it"),
        ("status", "what is installed"),
        ("remove", "delete it; jobs and weights stay"),
    ):
        action = does.add_parser(name, help=text, description=f"The full environment: {text}.")
        action.add_argument("--json", action="store_true", help="one JSON object a line")
    install = does.choices["install"]
    install.add_argument("--accelerator", choices=ACCELERATORS, default="auto", help="default: cuda where there is one")
    install.add_argument("--python", default="", metavar="PROGRAM", help="the Python to make it from (3.11 to 3.13)")
    install.add_argument("--index", action="append", default=[], metavar="URL", help="one more source for pip")
    install.add_argument("--wheels", type=Path, metavar="FOLDER", help="take all packages from here, without a network")
    install.add_argument("--lock", type=Path, metavar="FILE", help="another list of packages, each line name==version")
    install.add_argument("--smoke", type=Path, metavar="FILE", help="another program for the closing test")
    install.add_argument("--verify", action="store_true", help="check every file of an installation that is whole")
    install.add_argument("--offline", action="store_true", help="refuse unless --wheels is given")


def call(options: argparse.Namespace, blender: str = "") -> int:
    """Return 0; raises `UserError` where something failed."""
    place = Place(data_folder())
    if options.does == "install":
        _install(place, options)
    elif options.does == "remove":
        place.remove()
    _status(place, options.json, done=options.does == "install")
    return 0


def _install(place: Place, options: argparse.Namespace) -> None:
    offline = options.offline or os.environ.get("GALATEA_OFFLINE", "") not in ("", "0")
    if offline and not options.wheels:
        message = "Installing fetches packages, and Galatea is offline. Allow online access, or use --wheels FOLDER."
        raise UserError(message, kind="policy")
    if options.wheels and not options.wheels.is_dir():
        raise UserError(f"There is no folder {options.wheels}. Choose another.", kind="usage")
    pip = [text for url in options.index for text in ("--extra-index-url", url)]
    if options.wheels:
        pip = ["--no-index", "--find-links", str(options.wheels.resolve())]
    smoke = {"smoke": options.smoke.read_text(encoding="utf-8")} if options.smoke else {}
    emit = print_json if options.json else _Lines().print
    end_on_signals()
    try:
        Installer(place, emit, options=pip, **smoke).run(_locks(options), python=options.python, verify=options.verify)
    except KeyboardInterrupt:
        error = UserError("Cancelled. Install again: it goes on where it stopped.", kind="cancelled")
        emit(Log(JOB, str(error)))
        raise error from None
    except UserError as error:
        if options.json:  # whoever reads the events need not read stderr too
            emit(Log(JOB, str(error)))
        raise


def _locks(options: argparse.Namespace) -> list[Lock]:
    return [Lock.read(path) for path in ([options.lock] if options.lock else choices(options.accelerator))]


def _status(place: Place, as_json: bool, *, done: bool) -> None:
    info, state = place.info() or {}, place.state()
    if as_json and done:
        print_json(Done(JOB))
    elif as_json:
        python = place.python()
        sys.stdout.write(json.dumps({"state": state, "python": str(python) if python else None, **info}) + "\n")
    elif state == "installed":
        named = ", ".join(f"{key} {info[key]}" for key in ("lock", "torch", "device_name", "python") if key in info)
        sys.stdout.write(f"installed: {named}\n{place.program}\n")
    elif state == "incomplete":
        sys.stdout.write("incomplete: an installation broke off. `galatea env install` goes on where it stopped.\n")
    elif state == "installing":
        sys.stdout.write(f"installing: process {place.installer()} is at it\n")
    else:
        sys.stdout.write("absent: `galatea env install` makes it\n")


def print_json(event: Event) -> None:
    sys.stdout.write(encode(event) + "\n")
    sys.stdout.flush()


class _Lines:
    """For people, on stderr: a line whenever something else is being done."""

    def __init__(self) -> None:
        self._last = ""

    def print(self, event: Event) -> None:
        if isinstance(event, Progress) and event.phase != self._last:
            self._last = event.phase
            sys.stderr.write(f"{event.fraction:4.0%} {event.phase}\n")
        elif isinstance(event, Log):
            sys.stderr.write(f"     {event.text}\n")


def end_on_signals() -> None:
    """SIGTERM ends the process as Ctrl-C does, with all that it has to tidy up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)
