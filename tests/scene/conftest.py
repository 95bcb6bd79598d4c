# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Blender in this process, a real report on a real job store, and a small asymmetric figure to work on.

def test_something(run, figure):
    run("bring", {"mesh": figure.mesh, "albedo": figure.albedo})
    done = run("clean", faces=1500)
    assert done.work.object("body") ...
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from galatea.addon.scene.work import Work  # noqa: E402
from galatea.backend.protocol.event import Event  # noqa: E402
from galatea.backend.protocol.job import Asset  # noqa: E402
from galatea.backend.protocol.store import JobStore  # noqa: E402
from galatea.backend.worker.report import Report  # noqa: E402

from .filmed import staged  # noqa: E402, F401
from .judges import gltf_judge, usd_judge  # noqa: E402, F401


@pytest.fixture(autouse=True, scope="module")
def own_preferences() -> None:
    """Preferences and extensions are global too: each file begins with Blender's own."""
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture(autouse=True)
def empty_file(own_preferences: None) -> None:
    """Blender's data is global: each test begins with none. A fifth of the time that factory settings take."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


@dataclass
class Run:
    """What one step was given and what it left."""

    work: Work
    report: Report
    outputs: tuple[str, ...]
    events: list[Event] = field(default_factory=list)

    @property
    def metrics(self) -> dict[str, Any]:
        return self.report.metrics

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Of the step's own outputs; the scene file is the host's business."""
        return self.report.assets(tuple(role for role in self.outputs if role != "scene"))

    def path(self, role: str) -> Path:
        """The file of a role, proved to be there and not empty."""
        asset = next(asset for asset in self.assets if asset.role == role)
        return self.report._store.folder(self.report._job) / asset.path


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs")


@pytest.fixture
def make_work(store: JobStore) -> Callable[..., tuple[Work, list[Event]]]:
    """A factory: a work on the open file, and the list that its events are added to."""
    numbers = itertools.count()

    def make(files: Mapping[str, Path] | None = None, *, step: str = "test", seed: int = 0) -> tuple[Work, list[Event]]:
        events: list[Event] = []
        report = Report(store, f"{step}-{next(numbers):020x}", events.append)
        return Work(report, dict(files or {}), seed=seed), events

    return make


@pytest.fixture
def run(make_work: Callable[..., tuple[Work, list[Event]]]) -> Callable[..., Run]:
    """Run one scene step on the open file, as the host does, its parameters checked and filled."""

    def go(step: str, /, files: Mapping[str, Path] | None = None, *, seed: int = 0, **params: Any) -> Run:
        module = importlib.import_module(f"galatea.addon.scene.{step}")
        assert step == module.SPEC.id
        work, events = make_work(files, step=step, seed=seed)
        module.run(work, **module.SPEC.fill(params))
        return Run(work, work.report, module.SPEC.outputs, events)

    return go


_prepared: dict[str, tuple[Path, Any]] = {}


@pytest.fixture
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[], Any]], Any]:
    """`prepared(make)`: the open file as `make` leaves it, and what it returns. It is called once; the tests after the
    first open the file that it left, as the next step of a chain does."""

    def go(make: Callable[[], Any]) -> Any:
        name = f"{make.__module__}.{make.__qualname__}"
        if name in _prepared:
            path, result = _prepared[name]
            bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
            return result
        result, path = make(), tmp_path_factory.mktemp("prepared") / "scene.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
        _prepared[name] = path, result
        return result

    return go


@dataclass(frozen=True)
class Figure:
    """A mesh file as the backends write it, and what is in it.

    `vertices` (V, 3) float32 in metres, Z up, facing -Y, base at z = 0; `faces` (F, 3) int32; `uv` (F, 3, 2) float32.
    """

    mesh: Path
    albedo: Path
    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    colors: np.ndarray

    @property
    def size(self) -> np.ndarray:
        return self.vertices.max(axis=0) - self.vertices.min(axis=0)


def _grid_sphere(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A closed sphere: directions (V, 3), triangles (F, 3) facing outwards, one uv a corner (F, 3, 2)."""
    polar = np.pi * np.arange(1, rows) / rows
    around = 2 * np.pi * np.arange(columns) / columns
    ring = np.stack(
        [
            np.outer(np.sin(polar), np.cos(around)),
            np.outer(np.sin(polar), np.sin(around)),
            np.outer(np.cos(polar), np.ones(columns)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    directions = np.concatenate([ring, [[0, 0, 1], [0, 0, -1]]])
    north, south = len(ring), len(ring) + 1
    faces, uv = [], []

    def corner(row: int, column: float) -> list[float]:
        return [column / columns, 1 - row / rows]

    for c in range(columns):
        n = (c + 1) % columns
        faces.append([north, c, n])
        uv.append([corner(0, c + 0.5), corner(1, c), corner(1, c + 1)])
        last = (rows - 2) * columns
        faces.append([south, last + n, last + c])
        uv.append([corner(rows, c + 0.5), corner(rows - 1, c + 1), corner(rows - 1, c)])
        for r in range(rows - 2):
            a, b, d, e = r * columns + c, (r + 1) * columns + c, (r + 1) * columns + n, r * columns + n
            faces += [[a, b, d], [a, d, e]]
            uv.append([corner(r + 1, c), corner(r + 2, c), corner(r + 2, c + 1)])
            uv.append([corner(r + 1, c), corner(r + 2, c + 1), corner(r + 1, c + 1)])
    return directions, np.array(faces, np.int32), np.array(uv, np.float32)


def _bump(directions: np.ndarray, towards: tuple[float, float, float], height: float, width: float) -> np.ndarray:
    target = np.array(towards) / np.linalg.norm(towards)
    return height * np.exp((directions @ target - 1) / width)


def _shape(directions: np.ndarray) -> np.ndarray:
    """A tall body with a nose (-Y), one arm (+X) and fine bumps; no two axes or sides alike."""
    radius = 1 + _bump(directions, (0, -1, 0.4), 0.5, 0.02) + _bump(directions, (1, 0, 0.1), 0.9, 0.01)
    radius += 0.02 * np.sin(14 * directions[:, 0] + 3) * np.sin(17 * directions[:, 2]) * np.cos(11 * directions[:, 1])
    points = directions * radius[:, None] * [0.25, 0.2, 0.5]
    points[:, 2] -= points[:, 2].min()
    return points.astype(np.float32)


def figure_colors(directions: np.ndarray) -> np.ndarray:
    """sRGB 0 to 1 by direction (…, 3): red to the front, green to the right, blue above, nowhere darker than 0.1."""
    x, y, z = directions[..., 0], directions[..., 1], directions[..., 2]
    rings = 0.08 * np.sin(40 * np.arccos(np.clip(z, -1, 1)))
    return np.stack([0.5 - 0.25 * y + rings, 0.5 + 0.25 * x + rings, 0.5 + 0.25 * z + rings], axis=-1).clip(0.1, 0.95)


@pytest.fixture(scope="session")
def make_figure(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Figure]:
    """A factory of figures: `rows` by `columns` faces, about 2 rows columns triangles."""
    from PIL import Image

    def make(rows: int = 48, columns: int = 64, *, texture: int = 256) -> Figure:
        folder = tmp_path_factory.mktemp("figure")
        directions, faces, uv = _grid_sphere(rows, columns)
        vertices, colors = _shape(directions), figure_colors(directions).astype(np.float32)
        v, u = np.meshgrid((np.arange(texture) + 0.5) / texture, (np.arange(texture) + 0.5) / texture, indexing="ij")
        polar, around = np.pi * v, 2 * np.pi * u  # image rows run down from the north pole
        pixels = figure_colors(
            np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
        )
        Image.fromarray((pixels * 255).round().astype(np.uint8)).save(folder / "albedo.png")
        np.savez(folder / "mesh.npz", vertices=vertices, faces=faces, uv=uv, colors=colors)
        return Figure(folder / "mesh.npz", folder / "albedo.png", vertices, faces, uv, colors)

    return make


@pytest.fixture(scope="session")
def figure(make_figure: Callable[..., Figure]) -> Figure:
    """About 6,000 triangles, closed, 1 m tall or so."""
    return make_figure()


@pytest.fixture
def body(run: Any, make_figure: Any) -> Callable[[], bpy.types.Object]:
    """The body of a small figure in the open scene, found anew at each call."""
    small = make_figure(24, 32)
    run("bring", {"mesh": small.mesh, "albedo": small.albedo})
    return lambda: next(obj for obj in bpy.context.scene.objects if obj.get("galatea_role") == "body")
