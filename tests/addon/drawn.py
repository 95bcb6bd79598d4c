# SPDX-License-Identifier: GPL-3.0-or-later
"""A layout that notes what a panel draws, for there is no window here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy


class Layout:
    """`props` are (owner's class, name), `operators` (id, its properties), `words` the texts of labels, `rows` those of
    the buttons that stand side by side."""

    def __init__(self) -> None:
        self.props: list[tuple[str, str]] = []
        self.operators: list[tuple[str, SimpleNamespace, bool]] = []
        self.words: list[tuple[str, bool]] = []
        self.rows: list[list[str]] = []
        self.beside: list[str] = []
        self.enabled = True

    def prop(self, owner: Any, name: str, **_: Any) -> None:
        assert name in owner.bl_rna.properties
        self.props.append((type(owner).__name__, name))

    def operator(self, name: str, *, text: str | None = None, **_: Any) -> SimpleNamespace:
        owner, _, verb = name.partition(".")
        kind = getattr(getattr(bpy.ops, owner), verb).get_rna_type()  # there is such an operator
        self.beside.append(kind.name if text is None else text)
        text = text or ""
        given = SimpleNamespace()
        self.operators.append((name, given, self.enabled))
        self.words.append((text, self.enabled))
        return given

    def label(self, *, text: str = "", **_: Any) -> None:
        self.words.append((text, self.enabled))

    def _part(self, **_: Any) -> Layout:
        part = Layout()
        part.props, part.operators, part.words, part.rows = self.props, self.operators, self.words, self.rows
        return part

    column = box = split = _part

    def row(self, **_: Any) -> Layout:
        part = self._part()
        self.rows.append(part.beside)
        return part

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None

    @property
    def text(self) -> str:
        return " ".join(words for words, _ in self.words)


def drawn(panel: type) -> Layout:
    """What this panel draws now."""
    layout = Layout()
    if hasattr(panel, "poll") and not panel.poll(bpy.context):
        return layout
    bases = tuple(base for base in panel.__bases__ if base not in (bpy.types.Panel, bpy.types.Menu))
    me = type("Self", bases, {name: value for name, value in vars(panel).items() if name[:2] not in ("__", "bl")})()
    me.layout = layout  # type: ignore[attr-defined]
    me.draw(bpy.context)  # type: ignore[attr-defined]
    return layout
