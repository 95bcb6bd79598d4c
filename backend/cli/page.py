# SPDX-License-Identifier: GPL-3.0-or-later
"""A comparison as one page that needs nothing beside it: pictures are inside, and it is readable by day and night."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = """
:root { color-scheme: light dark; --ground: #fafaf8; --ink: #1d1d1f; --soft: #6a6a70; --line: #dcdcd8; --plate: #e6e7ea;
  --best: #0a7d4f; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #17181b; --ink: #ececf0; --soft: #a0a0a8; --line: #34363c;
  --plate: #2a2c31; --best: #4fd09a; --bad: #ff8a80; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 1080px; padding: 24px 16px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 8px; }
p { margin: 4px 0 16px; } .soft { color: var(--soft); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; white-space: nowrap; }
th, td { border-bottom: 1px solid var(--line); padding: 6px 10px; text-align: right; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } th { color: var(--soft); font-weight: 500; }
td { font-variant-numeric: tabular-nums; } .words { text-align: left; white-space: normal; }
.best td { font-weight: 600; } .mark { color: var(--best); font-weight: 600; }
figure { margin: 12px 0; } figcaption { color: var(--soft); font-size: 13px; }
img { background: var(--plate); border-radius: 8px; display: block; height: auto; max-width: 100%; }
"""
COLUMNS = (
    ("score", "Score", ".3f"),
    ("iou", "IoU ↑", ".3f"),
    ("lpips", "LPIPS ↓", ".3f"),
    ("psnr", "PSNR ↑", ".1f"),
    ("faces", "Faces", ",d"),
    ("shells", "Pieces", "d"),
    ("boundary_edges", "Open edges", ",d"),
    ("seconds", "Seconds", ".1f"),
)
TERMS = (
    "IoU: the part that both outlines share. LPIPS: how different the pictures look to people (version 0.1, AlexNet). "
    "PSNR: colours inside the photo's outline, in dB. Faces, pieces and open edges are those of the mesh as the model "
    "made it; the pictures from all around show it cleaned and baked. Seconds are the model's own, when it ran."
)


def document(title: str, body: str, style: str = "") -> str:
    """A page around this; `style` comes on top."""
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}{style}</style></head>
<body>
<h1>{escape(title)}</h1>
{body}
</body></html>
"""


def of(title: str, rows: Sequence[dict[str, Any]], rule: str, folder: Path) -> str:
    """The page; the files that `rows` name lie in `folder`."""
    head = "".join(f"<th>{name}</th>" for _, name, _ in COLUMNS)
    lines = "\n".join(_line(row, best=index == 0 and "score" in row) for index, row in enumerate(rows))
    sections = "\n".join(_section(row, folder) for row in rows)
    body = f"""<p class="soft">{escape(rule)}</p>
<div class="scroll"><table>
<thead><tr><th>Model</th>{head}</tr></thead>
<tbody>
{lines}
</tbody></table></div>
<p class="soft">{escape(TERMS)}</p>
{sections}"""
    return document(f"{title}: comparison", body)


def _line(row: dict[str, Any], *, best: bool) -> str:
    name = escape(row["label"]) + (' <span class="mark">★ best</span>' if best else "")
    if "score" not in row:
        why = row["error"]["message"] if row["error"] else "It has no score."
        return f'<tr><td>{name}</td><td colspan="{len(COLUMNS)}" class="words bad">{escape(why)}</td></tr>'
    cells = "".join(f"<td>{format(row[key], form) if key in row else ''}</td>" for key, _, form in COLUMNS)
    return f"<tr{' class=best' if best else ''}><td>{name}</td>{cells}</tr>"


def _section(row: dict[str, Any], folder: Path) -> str:
    title = f'<h2 id="{escape(row["backend"])}">{escape(row["label"])}</h2>'
    if "score" not in row:
        hint = row["error"]["hint"] if row["error"] else ""
        return title + (f'<p class="soft">{escape(hint)}</p>' if hint else "")
    closed = "closed" if row.get("watertight") else "not closed"
    about = f"{row['backend']}, {row['license']}. {row.get('faces', 0):,} faces, {closed}."
    parts = [title, f'<p class="soft">{escape(about)}</p>']
    captions = {"seen": "The photo, and the mesh from there", "views": "From all around, beginning at the front"}
    for role, caption in captions.items():
        path = folder / row["folder"] / row["files"].get(role, "")
        if path.is_file():
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            alt = escape(f"{row['label']}: {caption}")
            image = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
            parts.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    return "\n".join(parts)
