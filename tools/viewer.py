# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of three.js that the viewer page holds: `build` writes it anew, `check` says whether it is still the same.

npm does the fetching, from wherever this machine's npm looks; the sha512 below decides whether it is the file. The
bundle is one text and is committed, so that neither users nor tests need npm or a network: only whoever wants another
version runs this, with npm and Node. The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "presets" / "viewer" / "three.bundle.js"
PACKAGES = {
    "three": (
        "0.187.0",
        "Qiu7R+Cmh8CstZsY1uJOSWnVlfo7ZtNLV7mF8Jltk3LB3AtDu9cRZlcnRKkAk8Y4z6KKw35z7Y7Urd7jWY8etA==",
    ),
    "esbuild-wasm": (
        "0.28.2",
        "GccVwhv3mmOUVQHCQm2Ox/rby8n/EqUwvZxE6Pjfikrq/lWw9g9WX/u9EykWnpot3Ko6j426DgQdea2xWKIAQA==",
    ),
}
"""Exact version, and sha512 of the package in base64. esbuild's build for WebAssembly is one for every machine."""

ENTRY = """
export {
  AnimationMixer, Box3, DirectionalLight, Group, HalfFloatType, Mesh, MeshBasicMaterial, MeshDepthMaterial,
  NeutralToneMapping, OrthographicCamera, PerspectiveCamera, PlaneGeometry, PMREMGenerator, Scene, ShaderMaterial,
  SkinnedMesh, Spherical, Vector3, WebGLRenderer, WebGLRenderTarget,
} from "three";
export { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";
export { RoomEnvironment } from "three/examples/jsm/environments/RoomEnvironment.js";
export { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";
"""
BANNER = "/*! three.js {version}, MIT, Copyright 2010-2026 three.js authors; bundled by tools/viewer.py */"


class ViewerError(Exception):
    """A package that cannot be had or is another than the locked one, or a bundle that cannot be made."""


def bundle() -> bytes:
    """The script: everything of ENTRY in one object `THREE`, no import, nothing that ends a script element."""
    with tempfile.TemporaryDirectory(prefix="galatea-viewer-") as temporary:
        folder = Path(temporary)
        for name in PACKAGES:
            _unpack(name, folder / "node_modules" / name)
        (folder / "entry.js").write_text(ENTRY, encoding="utf-8")
        command = ["node", "node_modules/esbuild-wasm/bin/esbuild", "entry.js", "--bundle", "--minify"]
        command += ["--format=iife", "--global-name=THREE", "--target=es2020", "--charset=ascii"]
        command += ["--legal-comments=none", "--log-level=error", "--outfile=out.js"]
        _run([*command, f"--banner:js={BANNER.format(version=PACKAGES['three'][0])}"], folder)
        return (folder / "out.js").read_bytes()


def _unpack(name: str, target: Path) -> None:
    version, sha512 = PACKAGES[name]
    target.mkdir(parents=True)
    said = _run(["npm", "pack", "--json", "--ignore-scripts", f"{name}@{version}"], target)
    archive = target / Path(str(json.loads(said)[0]["filename"])).name
    if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != sha512:
        raise ViewerError(f"{archive.name} is not the locked file: its sha512 differs. Find out why.")
    with tarfile.open(archive) as opened:
        opened.extractall(target, filter="data")
    for each in (target / "package").iterdir():
        each.rename(target / each.name)


def _run(command: list[str], folder: Path) -> str:
    program = shutil.which(command[0])
    if not program:
        raise ViewerError(f"{command[0]} is not installed. Install Node.js with npm.")
    done = subprocess.run(
        [program, *command[1:]], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
    )
    if done.returncode:
        raise ViewerError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
    return done.stdout


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("build", "check"))
    verb = parser.parse_args(argv).verb
    try:
        data = bundle()
    except ViewerError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{BUNDLE.name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
    if verb == "build":
        part = BUNDLE.with_name(f"{BUNDLE.name}.part")
        part.write_bytes(data)
        os.replace(part, BUNDLE)
        print("now put this sha256 into backend/backends/viewer.py and THIRD_PARTY.md")
    elif data != BUNDLE.read_bytes():
        print(f"{BUNDLE} is not what the packages give. Run `tools/viewer.py build` and look at the change.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
