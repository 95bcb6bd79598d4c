# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside Blender's window: plays a scenario step by step from a timer, with simulated mouse events.

A scenario is a file with `def play(stage): …`, a generator. Each `yield` gives Blender time to draw and to handle
events; `yield from stage.until(…)` waits for something with a time limit instead of sleeping.
"""

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

OUT = Path(os.environ["GALATEA_OUT"])


class Stage:
    def __init__(self):
        self.given = json.loads(os.environ.get("GALATEA_PLAY", "{}"))
        self.noted = {}
        self.begun = time.monotonic()
        self.folds = 0

    def mark(self, name):
        """When this was reached, for comparing with the slow frames."""
        self.noted.setdefault("marks", []).append([round(time.monotonic() - self.begun, 2), name])

    def note(self, **facts):
        self.noted.update(facts)

    @staticmethod
    def addon(name):
        return importlib.import_module(f"bl_ext.user_default.galatea.addon.{name}")

    @property
    def bridge(self):
        return self.addon("bridge").bridge

    def until(self, true, seconds=60.0, what="it"):
        end = time.monotonic() + seconds
        while True:
            found = true()
            if found:
                return found
            if time.monotonic() > end:
                self.shot("waited")
                raise TimeoutError(f"{what} did not happen within {seconds:g} s")
            yield

    def frames(self, count):
        for _ in range(count):
            yield

    @property
    def window(self):
        return bpy.context.window_manager.windows[0]

    @property
    def area(self):
        return next(area for area in self.window.screen.areas if area.type == "VIEW_3D")

    @property
    def view(self):
        return next(region for region in self.area.regions if region.type == "WINDOW")

    @property
    def sidebar(self):
        return next(region for region in self.area.regions if region.type == "UI")

    def open_sidebar(self, category="Galatea", width=0):
        self.area.spaces.active.show_region_ui = True

        def there():
            try:
                self.sidebar.active_panel_category = category
            except (TypeError, AttributeError):  # read-only until the tabs were drawn
                return False
            return self.sidebar.width > 1 and self.sidebar.active_panel_category == category

        yield from self.until(there, what="the tab")
        yield from self.frames(5)

    def move(self, x, y):
        self.window.event_simulate(type="MOUSEMOVE", value="NOTHING", x=int(x), y=int(y))

    def find(self, operator):
        """Where the button of this operator is."""
        found = yield from self._hover(bpy.ops.ui.copy_python_command_button, f"bpy.ops.{operator}(")
        return found

    def find_field(self, path):
        """Where the field of this setting of the panel is."""
        found = yield from self._hover(bpy.ops.ui.copy_data_path_button, f"galatea.{path}")
        return found

    def _hover(self, copy, wanted):
        """Down the sidebar, asking Blender what is under the mouse."""
        region, window = self.sidebar, self.window
        seen = []
        for share in (0.3, 0.75, 0.83, 0.92):
            x = region.x + region.width * share
            y = region.y + region.height - 8
            while y > region.y + 4:
                self.move(x, y)
                yield
                yield
                window.screen  # noqa: B018 - keep the window alive in this frame
                with bpy.context.temp_override(window=window, area=self.area, region=region):
                    bpy.context.window_manager.clipboard = ""
                    if copy.poll():
                        copy()
                    text = bpy.context.window_manager.clipboard
                if text.startswith(wanted):
                    return int(x), int(y)
                if text and text not in seen:
                    seen.append(text)
                y -= 14  # a button is 20 px tall
        self.shot("not-found")
        raise LookupError(f"no button {wanted} in the sidebar; there are {seen}")

    def click(self, operator):
        x, y = yield from self.find(operator)
        yield from self.press(x, y)

    def run(self, operator, seconds=600):
        """Click, and wait until the job has ended and what it made is in the file."""
        before = len(self.bridge.runs)
        yield from self.click(operator)
        yield from self.until(lambda: len(self.bridge.runs) > before, 30, f"the job of {operator}")
        run = self.bridge.runs[0]
        yield from self.until(lambda: run.ended and self.bridge.idle, seconds, f"the end of {operator}")
        yield from self.frames(20)
        return run

    def override(self):
        return bpy.context.temp_override(window=self.window, area=self.area, region=self.view)

    def undo(self):
        with self.override():
            bpy.ops.ed.undo()

    def mode(self, name):
        with self.override():
            bpy.ops.object.mode_set(mode=name)
            bpy.ops.ed.undo_push(message=name)

    def unfold(self, *panels, first=False):
        """Panels drawn anew, these open and the others closed: a click on each header would do the same. `first`: the
        open ones are dragged to the top.
        """
        ui, self.folds = self.addon("ui"), self.folds + 1
        for cls in reversed(ui.CLASSES):
            bpy.utils.unregister_class(cls)
        for cls in ui.CLASSES:
            if issubclass(cls, bpy.types.Panel) and hasattr(cls, "bl_parent_id"):
                cls.bl_options = set() if cls.__name__ in panels else {"DEFAULT_CLOSED"}
                cls.bl_order = int(first and cls.__name__ not in panels)
                cls.bl_idname = f"{cls.__name__}_{self.folds}"  # Blender remembers by this name what was open
                parent = cls.bl_parent_id.rstrip("_0123456789")
                cls.bl_parent_id = parent if parent == "GALATEA_PT_main" else f"{parent}_{self.folds}"
            bpy.utils.register_class(cls)
        yield from self.frames(5)
        yield from self.open_sidebar()
        yield from self.frames(10)

    def scroll(self, steps):
        """The sidebar down by so many turns of the wheel, up where negative."""
        region = self.sidebar
        self.move(region.x + region.width * 0.5, region.y + region.height * 0.5)
        yield
        for _ in range(abs(steps)):
            kind = "WHEELDOWNMOUSE" if steps > 0 else "WHEELUPMOUSE"
            self.window.event_simulate(
                type=kind, value="PRESS", x=int(region.x + region.width * 0.5), y=int(region.y + region.height * 0.5)
            )
            yield
        yield from self.frames(10)

    def press(self, x, y):
        self.move(x, y)
        yield
        for value in ("PRESS", "RELEASE"):
            self.window.event_simulate(type="LEFTMOUSE", value=value, x=int(x), y=int(y))
            yield
        yield

    def shot(self, name):
        """The X picture: Blender's own screenshot is black under Xvfb."""
        path = OUT / f"{name}.png"
        env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
        size = self.given.get("size", "1600x900")  # of a screen of 1600 x 900, at its lower left corner
        part = f"{size}+0+{900 - int(size.partition('x')[2])}"
        command = ["import", "-window", "root", "-crop", part, "+repage", str(path)]
        subprocess.run(command, env=env, timeout=60, check=False)


def load(path):
    spec = importlib.util.spec_from_file_location("scenario", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    stage = Stage()
    play = load(sys.argv[sys.argv.index("--") + 1]).play(stage)
    bpy.context.preferences.view.show_splash = False

    last, begun = [0.0], time.monotonic()

    def tick():
        try:
            now = time.monotonic()
            if last[0] and now - last[0] > 0.5:  # between two steps of ours: Blender's and the add-on's work alone
                stage.noted.setdefault("slow", []).append([round(now - begun, 2), round(now - last[0], 2)])
            next(play)
            last[0] = time.monotonic()
            return 0.03
        except StopIteration:
            pass
        except Exception:
            stage.note(error=traceback.format_exc())
        (OUT / "report.json.part").write_text(json.dumps(stage.noted))
        os.replace(OUT / "report.json.part", OUT / "report.json")
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


main()
