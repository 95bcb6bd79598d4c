# SPDX-License-Identifier: GPL-3.0-or-later
"""A page that shows a GLB in 3D and holds all that it needs: opened from a disk, without a network.

The GLB stands in the page as it is, in base64; a policy in the page forbids it to fetch anything and to run any script
but the three that are hashed there. What a file says of itself is text in the page, never markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.recipe import PRESETS
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from ..geometry.facts import Facts
    from ..worker.report import Report

PARTS = PRESETS / "viewer"
BUNDLE_SHA256 = "2ec866c566ca5d18866633c5476321c54c3ec523581584b7f8a4a24c16ae38bf"
"""Of `three.bundle.js`, which `tools/viewer.py` makes."""
LARGEST = 100_000_000
"""Bytes of a GLB; phones open no page that is much larger."""
PORTION = 3 << 20
"""Bytes that become base64 at once: divisible by three, so that the portions join."""
SCRIPTS = ("three.bundle.js", "studio.js", "page.js")
START = "start();"
_MARK = "\0"
"""Stands for the model while the page is put together; no text in a page holds it."""


class Backend:
    spec = BackendSpec(
        id="viewer",
        label="Viewer page",
        task="model-to-page",
        seeded="never",
        help="Makes an HTML page that shows the exported GLB in 3D, with its animations, in any browser, from a disk, "
        "without a network.",
        license="GPL-3.0-or-later; three.js, MIT",
        inputs=("model",),
        params=(
            Param("title", "str", "", "Heading of the page; empty for the object's name"),
            Param("credit", "str", "", "A line about author and licence, shown with the model's facts"),
            Param("background", "choice", "auto", "Of the page", choices=("auto", "light", "dark")),
            Param("turn", "bool", True, "Turn by itself, but for people who want less motion"),
            Param("needed", "bool", True, "Fail where no page can be made, else warn and go on without"),
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        path = Path(request.inputs["model"])
        report.progress("Reading the model", 0.0)
        try:
            data = _read(path)
            found = _facts(data, path)
        except UserError as error:
            if params["needed"]:
                raise
            report.warn(f"There is no viewer page. {error}")
            return
        page = _page(found, len(data), params, path)
        before, after = page.split(_MARK)
        with report.file("page", "viewer.html").open("w", encoding="utf-8", newline="\n") as file:
            file.write(before)
            for at in range(0, len(data), PORTION):
                report.progress("Writing the page", 0.1 + 0.9 * at / len(data))
                file.write(base64.b64encode(data[at : at + PORTION]).decode("ascii"))
            file.write(after)
        report.metric("faces", found.faces)
        report.metric("vertices", found.vertices)
        report.metric("clips", len(found.clips))
        report.progress("Done", 1.0)


def _read(path: Path) -> bytes:
    if path.suffix.lower() != ".glb":
        raise UserError(f"A page shows GLB files, not {path.name}. Set export.format=glb and run again.", kind="usage")
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise UserError(
                f"{path.name} has {size / 1e6:.0f} MB, and a page holds {LARGEST / 1e6:.0f} MB at most. Make its "
                "textures smaller (bake.size) or its faces fewer (clean.faces), and run again."
            )
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}. Choose another file.") from None


def _facts(data: bytes, path: Path) -> Facts:
    from ..geometry.facts import facts

    try:
        return facts(data)
    except UserError:
        raise
    except Exception as error:  # a damaged file raises a dozen kinds
        raise UserError(
            f"{path.name} cannot be shown in a page: {str(error)[:200]}. Export it again as an uncompressed GLB."
        ) from None


def _page(found: Facts, size: int, params: dict[str, Any], path: Path) -> str:
    """The page with `_MARK` where the model goes."""
    from ..version import VERSION

    scripts = [_part(name) for name in SCRIPTS]
    style = _part("page.css")
    rows = [*found.rows(size), *([("Credit", params["credit"])] if params["credit"].strip() else [])]
    clips = [f"<option>{_text(name) or f'Clip {number}'}</option>" for number, name in enumerate(found.clips, 1)]
    settings = json.dumps({"turn": params["turn"], "hidden": list(found.hidden)})
    return Template(_part("page.html")).substitute(
        title=_text(params["title"].strip() or found.name or path.stem),
        brief=_text(found.brief),
        ground=params["background"],
        version=_text(VERSION),
        policy=_policy([*scripts, START], style),
        style=style,
        facts="".join(f"<dt>{_text(name)}</dt><dd{_id(name)}>{_text(value)}</dd>" for name, value in rows),
        clips="".join(clips),
        settings=settings.replace("<", "\\u003c"),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
        model=_MARK,
        start=START,
    )


def _id(name: str) -> str:
    """The size is measured by the page itself, on the posed model."""
    return ' id="size"' if name == "Size" else ""


def _text(text: str) -> str:
    """Anything at all as text of a page: one line without controls, at most 300 characters."""
    line = "".join(letter if letter.isprintable() or letter == "\u00a0" else " " for letter in text)
    return escape(" ".join(part for part in line.split(" ") if part)[:300])


def _part(name: str) -> str:
    """One of the page's own files, lines ending in LF as browsers hash them."""
    try:
        text = (PARTS / name).read_text(encoding="utf-8")
    except (OSError, ValueError):
        text = ""
    if not text or (name == SCRIPTS[0] and hashlib.sha256(text.encode()).hexdigest() != BUNDLE_SHA256):
        raise UserError(f"The viewer's part {name} is missing or damaged. Install the extension again.", kind="weights")
    return text


def _policy(scripts: list[str], style: str) -> str:
    """Nothing from anywhere: the model's own textures are blobs, and only what is hashed here runs."""
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src blob: data:; "
        "connect-src blob: data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
