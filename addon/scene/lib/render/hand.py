# SPDX-License-Identifier: GPL-3.0-or-later
"""A Blender that helps with a film: opens the prepared scene, takes frames until all are there, says each on stdout.

`python backend hand addon.scene.lib.render.hand ORDER`. On stdin "stop" means: end after this frame. The end of stdin
means that whoever asked is gone: end at once. Its claims die with it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from .....backend.protocol.errors import UserError
from .frames import Frames

_stop = threading.Event()


def main(argv: list[str]) -> int:
    pipe = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # whatever Blender prints goes to the log

    def say(**what: Any) -> None:
        pipe.write(json.dumps(what) + "\n")

    threading.Thread(target=_listen, daemon=True).start()
    try:
        _work(json.loads(Path(argv[0]).read_text(encoding="utf-8")), say)
    except UserError as error:
        say(error=str(error), kind=error.kind)
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}", kind="")
        raise
    return 0


def _listen() -> None:
    for line in sys.stdin:
        if line.strip() == "stop":
            _stop.set()
    os._exit(3)


def _work(order: dict[str, Any], say: Any) -> None:
    import bpy

    from . import controls, engines, shoot

    bpy.ops.wm.open_mainfile(filepath=order["blend"], load_ui=False, use_scripts=False)
    scene = bpy.context.scene
    scene.render.threads_mode, scene.render.threads = "FIXED", order["threads"]
    size, numbers = (order["size"][0], order["size"][1]), tuple(order["numbers"])
    frames = Frames(Path(order["folder"]), numbers, size, shoot.BOTH if order["layers"] else shoot.PNG)
    camera = shoot.Camera(scene, frames, order["device"], lambda words: say(warning=words))
    _all(camera, order["todo"])
    say(device=camera.device or engines.drawn_by())
    if order["controls"]:
        frames = Frames(Path(order["controls"]), numbers, size, shoot.RAW)
        with controls.scene_of(scene) as plain:
            _all(shoot.Camera(plain, frames, "cpu", lambda words: say(warning=words)), order["todo_controls"])


def _all(camera: Any, numbers: list[int]) -> None:
    for number in camera.frames.take(numbers, _stop.is_set):
        camera.take(number)
