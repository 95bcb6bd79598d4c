# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may import whom, read from the source: a breach names the file and the import at fault."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "diffusers", "transformers", "ray", "onnxruntime")
ALLOWED = {  # a folder below the root -> the folders of ours that it may import at the top of a file
    "backend/protocol": ("backend/protocol",),
    "backend/runners": ("backend/protocol", "backend/runners"),
    "backend/worker": ("backend/protocol", "backend/worker"),
    "backend/geometry": ("backend/protocol", "backend/geometry"),
    "backend/hub": ("backend/protocol", "backend/hub"),
    "backend/backends": (
        *("backend/protocol", "backend/hub", "backend/images", "backend/matting", "backend/framing", "backend/roles"),
    ),
    "backend/learn": ("backend/learn", "backend/protocol", "backend/geometry", "backend/runners", "backend/worker"),
    "backend/networks": ("backend/networks", "backend/protocol", "backend/geometry"),
    "backend/env": ("backend/protocol", "backend/env", "backend/runners"),
    "backend": ("backend",),
    "addon/scene": ("addon/scene", "backend/protocol", "backend/geometry", "backend/posing"),
    "addon/ui": (
        *(
            f"addon/{name}"
            for name in (
                "ui",
                "bridge",
                "cast",
                "environment",
                "gallery",
                "models",
                "objects",
                "previews",
                "props",
                "runs",
                "terms",
                "wanted",
            )
        ),
        "backend/protocol",
    ),
    "addon": ("addon", "backend"),
}


def imports(path: Path, *, top: bool) -> Iterator[tuple[str, int]]:
    """(dotted path from the root for ours, name for others; line) of each import, those of type checking left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes: list[ast.AST] = []
    stack: list[ast.AST] = list(tree.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if top and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        nodes.append(node)
        stack.extend(ast.iter_child_nodes(node))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if not node.level:
                yield node.module or "", node.lineno
                continue
            base = path.parent
            for _ in range(node.level - 1):
                base = base.parent
            folder = base.relative_to(ROOT).as_posix()
            dotted = "/".join(
                part for part in (folder if folder != "." else "", *(node.module or "").split(".")) if part
            )
            for alias in node.names:
                inner = f"{dotted}/{alias.name}".lstrip("/")
                yield f"./{inner if file_of(inner) or not node.module else dotted}", node.lineno


def file_of(name: str) -> Path | None:
    """The file of a module of ours."""
    return next((path for path in (ROOT / f"{name}.py", ROOT / name / "__init__.py") if path.is_file()), None)


SOURCES = sorted([*ROOT.glob("backend/**/*.py"), *ROOT.glob("addon/**/*.py")])
PYTHON = [*SOURCES, *(path for name in ("benchmarks", "tests", "tools") for path in ROOT.glob(f"{name}/**/*.py"))]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_layers(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    layer = next(folder for folder in ALLOWED if where.startswith(folder + "/"))
    for name, line in imports(path, top=True):
        if name.startswith("./"):
            target = name[2:]
            ok = any(target == folder or target.startswith(folder + "/") for folder in ALLOWED[layer])
            assert ok, f"{where}:{line} imports {target}; {layer} may import {ALLOWED[layer]}"
        if layer not in ("backend/learn", "backend/networks"):
            assert name.split(".")[0] not in HEAVY, f"{where}:{line} imports {name} at the top of the file"
        if layer != "backend/networks":
            assert not name.startswith("./backend/networks"), f"{where}:{line} imports a network at the top of the file"
        if layer != "backend/learn":
            assert not name.startswith("./backend/learn"), f"{where}:{line} imports the laboratory"


def test_no_file_imports_itself_by_way_of_others() -> None:
    """Nor in a function: each file can be read, and changed, after those that it stands on."""
    graph = {
        path: {file_of(name[2:]) for name, _ in imports(path, top=False) if name.startswith("./")} - {path, None}
        for path in SOURCES
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(path.relative_to(ROOT).as_posix() for path in error.args[1]))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_only_the_addon_knows_blender_and_never_torch(path: Path) -> None:
    where = path.relative_to(ROOT).as_posix()
    for name, line in imports(path, top=False):
        root = name.split(".")[0]
        if where.startswith("backend/learn/evaluate/"):  # renders its truth with Blender
            continue
        if where.startswith("backend/"):
            assert root not in ("bpy", "mathutils", "bmesh"), f"{where}:{line} imports {name}"
            assert not name.startswith("./addon"), f"{where}:{line} imports {name}"
        else:
            assert root not in HEAVY, f"{where}:{line} imports {name}"


def test_files_have_at_most_400_lines_and_functions_60() -> None:
    long = []
    for path in PYTHON:
        source, where = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        long += [where] * (len(source.splitlines()) > 400)
        functions = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
        long += [f"{where}:{n.lineno} {n.name}" for n in functions if (n.end_lineno or 0) - n.lineno >= 60]
    assert not long


def test_protocol_is_standard_library_only() -> None:
    for path in ROOT.glob("backend/protocol/*.py"):
        for name, line in imports(path, top=False):
            if not name.startswith("./"):
                assert name.split(".")[0] in sys.stdlib_module_names, f"{path.name}:{line} imports {name}"


def test_the_runners_load_nothing_heavy() -> None:
    code = (
        "import sys, galatea.backend.runners.runtimes, galatea.backend.flow, galatea.backend.cli;"
        f"sys.exit(','.join(m for m in {(*HEAVY, 'numpy', 'PIL', 'bpy')!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
