# SPDX-License-Identifier: GPL-3.0-or-later
"""Where orders are carried out by real processes, each with somebody who can be killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from galatea.backend.flow import Drive, StepFailed, walk
from galatea.backend.protocol.claims import process_alive
from galatea.backend.protocol.recipe import Recipe, Step
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners import Runner
from galatea.backend.runners.runtimes import Dispatch, Runtimes

ROOT = Path(__file__).resolve().parents[2]
CUBE = "".join(f"v {x} {y} {z}\n" for z in (0, 1) for y in (0, 1) for x in (0, 1)) + "".join(
    f"f {face}\n" for face in ("1 3 4 2", "5 6 8 7", "1 2 6 5", "3 7 8 4", "1 5 7 3", "2 4 8 6")
)
WIRING = 'version = 1\nname = "Wiring"\ninputs = []\n\n[[step]]\ndo = "fake"\n'


class Place:
    """One kind. `begin` gives the order of a number, `look` is True when it has ended, `failed` tells how."""

    surely = False
    """Whoever is killed, the order is done all the same."""

    def __init__(self, home: Path) -> None:
        self.home, self.store = home, JobStore(home / "jobs")
        self.failed = ""

    def begin(self, number: int) -> None:
        raise NotImplementedError

    def look(self) -> bool:
        raise NotImplementedError

    def victims(self) -> list[int]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def strike(self, draw: random.Random) -> bool:
        """Kill one; False where nobody is there to be killed."""
        alive = [pid for pid in self.victims() if process_alive(pid)]
        if alive:
            os.kill(draw.choice(alive), signal.SIGKILL)
        return bool(alive)


class Local(Place):
    """An order by a runner of this process."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.here = Runtimes.here()
        self.runner: Runner = Dispatch(self.store, self.here)

    def order(self, number: int) -> tuple[Recipe, dict[str, Path]]:
        raise NotImplementedError

    def begin(self, number: int) -> None:
        recipe, inputs = self.order(number)
        steps = walk(recipe, inputs, self.store, seed=number, blender=self.here.identity)
        self.failed, self._drive = "", Drive(steps, self.store, self.runner)

    def look(self) -> bool:
        try:
            return self._drive.tick()
        except StepFailed as error:
            failure = error.stage.result.failure
            self.failed = f"{failure.kind}: {failure.message}" if failure else "cancelled"
            return True

    def child(self, runtime: str) -> int | None:
        assert isinstance(self.runner, Dispatch)
        found = self.runner._runners.get(runtime)
        return found.pid if found else None

    def close(self) -> None:
        self.runner.close()


class Worker(Local):
    """A relief draft: cut out by a mask, made a mesh; then a step that only waits."""

    def order(self, number: int) -> tuple[Recipe, dict[str, Path]]:
        from PIL import Image, ImageDraw

        given = {"image": self.home / "photo.png", "mask": self.home / "mask.png"}
        if not given["mask"].exists():
            for path, ground, colour in zip(given.values(), ("grey", "black"), ("red", "white"), strict=True):
                picture = Image.new("RGB", (64, 64), ground)
                ImageDraw.Draw(picture).ellipse((12, 12, 52, 52), fill=colour)
                picture.save(path)
        steps = Step("cutout", {"resolution": 64}), Step("relief", {"grid": 64, "texture_size": 256})
        return Recipe("Draft", (*steps, Step("fake", {"seconds": 0.5})), ("image", "mask")), given

    def victims(self) -> list[int]:
        pid = self.child("bundled")
        return [pid] if pid else []


class Blender(Local):
    """A cube loaded, staged, filmed by Workbench; the Blender that does it is killed."""

    processes = 1

    def order(self, number: int) -> tuple[Recipe, dict[str, Path]]:
        cube = self.home / "cube.obj"
        if not cube.exists():
            cube.write_text(CUBE)
        film = {"engine": "workbench", "width": 64, "height": 48, "frames": 12, "processes": self.processes}
        steps = (Step("load"), Step("stage"), Step("camera"), Step("film", film))
        return Recipe("Film", steps, ("model",)), {"model": cube}

    def victims(self) -> list[int]:
        pid = self.child("blender")
        return [pid] if pid else []


class Renderer(Blender):
    """The same film by two Blenders more, of which one is killed: the others make all frames."""

    processes, surely = 2, True

    def victims(self) -> list[int]:
        parent = self.child("blender")
        return [pid for pid, (above, _) in processes().items() if parent and above == parent]


class Asker(Place):
    """`galatea run`, killed with its work under way, and given again."""

    def begin(self, number: int) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "wiring.toml").write_text(WIRING)
        self._out = self.home / f"out-{number}"
        words = ["run", "wiring.toml", "--out", str(self._out), "--set", "fake.seconds=1", "--seed", str(number)]
        command = [sys.executable, "-P", str(ROOT / "backend/__main__.py"), *words, "--overwrite", "--quiet"]
        self._run = subprocess.Popen(
            command, cwd=self.home, env={**os.environ, "GALATEA_HOME": str(self.home)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def look(self) -> bool:
        if self._run.poll() is None:
            return False
        assert self._run.stderr
        said = self._run.stderr.read()
        self.failed = f"exit code {self._run.returncode} {said}" if self._run.returncode else ""
        assert self.failed or (self._out / "result.json").is_file(), "it ended well without a result"
        return True

    def victims(self) -> list[int]:
        return [self._run.pid]

    def close(self) -> None:
        self._run.wait()


class Server(Place):
    """`galatea serve` with three orders, killed and started again on the same folder: it goes on with them."""

    surely = True

    def __init__(self, home: Path) -> None:
        from galatea.tests.server.conftest import Serving

        super().__init__(home)
        self._serving = Serving(home, "--rate", "500").start()
        self._asked: list[str] = []

    def begin(self, number: int) -> None:
        orders = [self._serving.fake(f"{number} {each}", seconds=0.4 * each) for each in range(3)]
        self._asked = [self._serving.json("POST", "/v1/jobs", order, 201)["id"] for order in orders]
        self._number, self.failed = number, ""

    def look(self) -> bool:
        jobs = [self._serving.json("GET", f"/v1/jobs/{id}") for id in self._asked]
        if any(job["state"] in ("queued", "running") for job in jobs):
            return False
        self.failed = ", ".join(str(job.get("error")) for job in jobs if job["state"] != "done")
        for each, job in enumerate(jobs):
            told = self._serving.ask("GET", job["assets"][0]["url"])[2] if job["state"] == "done" else b""
            assert self.failed or told == f"{self._number} {each} 0\n".encode(), told
        return True

    def victims(self) -> list[int]:
        return [self._serving.process.pid] if self._serving.process else []

    def strike(self, draw: random.Random) -> bool:
        self._serving.kill()
        self._serving.start()
        return True

    def close(self) -> None:
        self._serving.close()


class Ray(Local):
    """Two machines of a cluster on this one: the raylet of one is killed, and another machine comes."""

    surely = True

    def __init__(self, home: Path) -> None:
        from galatea.backend.runners import ray
        from galatea.tests.runners.test_ray import Nodes

        super().__init__(home)
        self._nodes = Nodes()
        self._nodes.fill(2)
        self.runner = ray.make(self.store, self.here, address=self._nodes.address, workers=2)

    def order(self, number: int) -> tuple[Recipe, dict[str, Path]]:
        steps = tuple(Step("fake", {"text": f"{number} {each}", "seconds": 0.7}) for each in range(4))
        return Recipe("Wiring", steps, ()), {}

    def begin(self, number: int) -> None:
        self._nodes.fill(2)
        super().begin(number)

    def victims(self) -> list[int]:
        return [1]

    def strike(self, draw: random.Random) -> bool:
        self._nodes.kill()
        return True

    def close(self) -> None:
        super().close()
        self._nodes.end()


KINDS: dict[str, Callable[[Path], Place]] = {
    "worker": Worker, "asker": Asker, "server": Server, "blender": Blender, "renderer": Renderer, "ray": Ray,
}  # fmt: skip


def processes() -> dict[int, tuple[int, str]]:
    """Of each living process its parent and its command."""
    found = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            name, _, rest = (folder / "stat").read_text().rpartition(")")
            if rest.split()[0] not in "ZX":
                found[int(folder.name)] = int(rest.split()[1]), name.partition("(")[2]
    return found
