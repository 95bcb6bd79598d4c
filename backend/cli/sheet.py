# SPDX-License-Identifier: GPL-3.0-or-later
"""A batch as one page that needs nothing beside it: a thumbnail, a state and a reason for each job."""

from __future__ import annotations

import base64
import io
import sys
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..protocol import whole
from . import page
from .table import REPORT

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 192
"""Longest side of a thumbnail, pixels."""
MOST = 1000
"""So many jobs have a thumbnail; a page of more would not open."""
DRAWN = 200
"""So many meshes are drawn for theirs, a tenth of a second each; of the others stands what the mesh was made of."""
STATES = ("done", "failed", "cancelled", "skipped", "running", "queued")
SHOWN = ("preview", "seen", "still", "contact", "views", "mesh", "cutout", "base_color", "image")
"""Roles of what can be looked at, the one that shows most first."""
PICTURES, MESHES = (".png", ".jpg", ".jpeg", ".webp"), (".glb",)
STYLE = """
.jobs { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); padding: 0; }
.jobs li { list-style: none; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.jobs li { overflow-wrap: anywhere; }
.jobs img, .none { aspect-ratio: 1; background: var(--plate); border-radius: 0; object-fit: contain; width: 100%; }
.none { align-items: center; color: var(--soft); display: flex; justify-content: center; }
.text { padding: 8px 12px 12px; } .text b { display: block; } .small { font-size: 13px; }
.state { font-weight: 600; } .state.done { color: var(--best); } .state.failed, .state.cancelled { color: var(--bad); }
"""


def write(out: Path, data: dict[str, Any]) -> None:
    """report.html beside batch.json; a disk that is full was told of already."""
    try:
        whole.write(out / REPORT, of(data, out).encode("utf-8", "replace"))
    except OSError as error:
        sys.stderr.write(f"galatea: Cannot write {out / REPORT}: {error.strerror}. Free some space.\n")


def of(data: dict[str, Any], folder: Path) -> str:
    rows = data["jobs"]
    counts = {state: sum(row["state"] == state for row in rows) for state in STATES}
    told = ", ".join(f"{number} {state}" for state, number in counts.items() if number)
    kept = sum(bool(row.get("kept")) for row in rows)
    told += f", {kept} of them kept from before" if kept else ""
    head = f"{told}. {data['seconds']:.0f} seconds, {data['producer']}."
    order = sorted(range(len(rows)), key=lambda place: (rows[place]["state"] == "done", place))
    kinds = (
        (*PICTURES, *MESHES) if number < DRAWN else PICTURES if number < MOST else () for number in range(len(rows))
    )
    cards = "\n".join(_card(rows[place], folder, kind) for place, kind in zip(order, kinds, strict=True))
    body = f'<p class="soft">{escape(head)} Jobs that are not done come first.</p>\n<ul class="jobs">\n{cards}\n</ul>'
    return page.document(f"Batch {folder.absolute().name}", body, STYLE)


def _card(row: dict[str, Any], folder: Path, kinds: tuple[str, ...]) -> str:
    """`kinds` of files may be shown."""
    name, state = escape(str(row["folder"])), escape(str(row["state"]))
    picture = _thumbnail(row, folder, kinds)
    alt = f"What {name} made" if row["state"] == "done" else f"What {name} began with or made"
    shown = f'<img alt="{alt}" loading="lazy" src="{picture}">' if picture else '<div class="none">no picture</div>'
    code = row.get("exit_code")
    ended = f", exit code {code}" if code else f", {row['seconds']:.1f} s" if row["seconds"] else ""
    lines = [f'<span class="state {state}">{state}</span><span class="soft small">{escape(ended)}</span>']
    if row["error"]:
        lines.append(f'<div class="bad small">{escape(str(row["error"])[:500])}</div>')
    source = str(row["source"])
    lines.append(f'<div class="soft small" title="{escape(source[:500])}">{escape(_last(source)[:200])}</div>')
    links = [f'<a href="{_url(row["folder"])}/{_url(each)}">{escape(each)}</a>' for each in row["outputs"]]
    if links:
        lines.append(f'<div class="small">{" ".join(links)}</div>')
    return f'<li>{shown}<div class="text"><b>{name}</b>{"".join(lines)}</div></li>'


def _last(source: str) -> str:
    """The name of a file, or words as they are."""
    return Path(source).name if Path(source).suffix else source


def _url(text: str) -> str:
    from urllib.parse import quote

    return quote(str(text), safe="")


def _thumbnail(row: dict[str, Any], folder: Path, kinds: tuple[str, ...]) -> str:
    """As data: of the best that was made, else of what it began with; empty where none can be read."""
    made = [folder / str(row["folder"]) / each for each in row["outputs"]]
    made.sort(key=lambda path: next((n for n, role in enumerate(SHOWN) if role in path.stem), len(SHOWN)))
    for path in [each for each in (*made, Path(row["source"])) if each.suffix.lower() in kinds]:
        try:
            return _drawn(path) if path.suffix.lower() in MESHES else _small(path)
        except Exception:  # whatever a broken or hostile picture makes of its reader
            continue
    return ""


def _drawn(path: Path) -> str:
    from .portrait import draw

    return _data(draw(path, SIDE), "PNG")


def _small(path: Path) -> str:
    from PIL import Image

    from ..images import load

    picture = load(path, longest=SIDE)
    pixels = picture.pixels if picture.has_alpha else picture.pixels[..., :3]
    return _data(Image.fromarray(pixels), "PNG" if picture.has_alpha else "JPEG")


def _data(picture: Image, kind: str) -> str:
    data = io.BytesIO()
    picture.save(data, kind, quality=78)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data.getvalue()).decode()}"
