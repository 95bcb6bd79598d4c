# SPDX-License-Identifier: GPL-3.0-or-later
"""A workflow of ComfyUI as its "Export (API)" writes it: nodes by number, with their titles and the values put in."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from .protocol.errors import UserError

MOST = 16 << 20
"""bytes, a larger file is no workflow."""
PICTURES = ("LoadImage", "LoadImageMask", "LoadImageOutput", "ETN_LoadImageBase64")
SEEDS = ("seed", "noise_seed")
EXPORT = "In ComfyUI choose Workflow > Export (API) and name that file with comfyui.workflow."


class Workflow:
    """`nodes`: number -> class_type, inputs and, where it has one, `_meta.title`. Set values change a copy alone."""

    def __init__(self, path: Path) -> None:
        self._file = path.name
        try:
            if path.stat().st_size > MOST:
                raise _wrong(f"{path.name} is too large to be a workflow. {EXPORT}")
            nodes = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise _wrong(f"Cannot read {path}: {error.strerror}. Check comfyui.workflow.") from None
        except (ValueError, RecursionError) as error:
            raise _wrong(f"{path.name} is no JSON ({str(error)[:80]}). {EXPORT}") from None
        if isinstance(nodes, dict) and isinstance(nodes.get("prompt"), dict):
            nodes = nodes["prompt"]
        if isinstance(nodes, dict) and isinstance(nodes.get("nodes"), list):
            raise _wrong(f"{path.name} is a workflow for the canvas, which a server does not take. {EXPORT}")
        if not isinstance(nodes, dict) or not nodes or not all(_is_node(node) for node in nodes.values()):
            raise _wrong(f"{path.name} is no workflow. {EXPORT}")
        self.nodes: dict[str, dict[str, Any]] = copy.deepcopy(nodes)

    def title(self, number: str) -> str:
        """For people."""
        node = self.nodes.get(number, {})
        meta = node.get("_meta")
        named = meta.get("title") if isinstance(meta, dict) else ""
        return str(named or node.get("class_type") or number)

    def put_picture(self, name: str, value: str) -> None:
        """The uploaded picture into the node of this name; into the only one that loads a picture where it is empty."""
        if name:
            node, key = self._input(name, "image")
        else:
            found = [number for number, node in self.nodes.items() if node["class_type"] in PICTURES]
            if len(found) != 1:
                which = f"has {len(found)} nodes that load a picture" if found else "has no node that loads a picture"
                raise _wrong(f"{self._file} {which}. Name the one for the cut-out with comfyui.image. {self._has()}")
            node, key = self._input(found[0], "image")
        node["inputs"][key] = value

    def put_seed(self, name: str, seed: int) -> int:
        """Into the input of this name; into every plain `seed` where it is empty. Returns how many were set."""
        if name:
            node, key = self._input(name, "seed")
            node["inputs"][key] = seed
            return 1
        count = 0
        for node in self.nodes.values():
            for key in SEEDS:
                if type(node["inputs"].get(key)) is int:
                    node["inputs"][key] = seed
                    count += 1
        return count

    def put(self, text: str) -> None:
        """`title.input=value; number.input=value`; a value is JSON, or else a text."""
        for part in filter(None, (part.strip() for part in text.split(";"))):
            name, equals, value = (word.strip() for word in part.partition("="))
            if not equals or not name:
                raise _wrong(f"comfyui.inputs takes title.input=value, with ; between them, not {part[:80]!r}.")
            node, key = self._input(name, "")
            try:
                node["inputs"][key] = json.loads(value)
            except ValueError:
                node["inputs"][key] = value

    def find(self, name: str) -> str:
        """The number of the node with this number or title."""
        if name in self.nodes:
            return name
        found = [number for number in self.nodes if self.title(number).lower() == name.lower()]
        if len(found) > 1:
            text = f"{self._file} has {len(found)} nodes titled {name[:80]!r}: {', '.join(found)}. Use the number."
            raise _wrong(text)
        if not found:
            raise _wrong(f"{self._file} has no node {name[:80]!r}. {self._has()}")
        return found[0]

    def _input(self, name: str, usual: str) -> tuple[dict[str, Any], str]:
        """The node and its input that `title`, `title.input`, `number` or `number.input` means."""
        titles = {self.title(number).lower() for number in self.nodes} | set(self.nodes)
        where, dot, key = name.rpartition(".")
        if name.lower() in titles or not dot:
            where, key = name, usual
        node = self.nodes[self.find(where)]
        if key not in node["inputs"]:
            has = ", ".join(str(each) for each in node["inputs"]) or "none"
            which = f"no input {key[:80]!r}" if key else "several inputs: write title.input"
            raise _wrong(f"The node {where[:80]!r} of {self._file} has {which}. It has: {has}.")
        if isinstance(node["inputs"][key], list):
            text = f"{where[:80]}.{key} of {self._file} comes from another node, so it cannot be set."
            raise _wrong(f"{text} Disconnect it in ComfyUI and export again, or name another.")
        return node, key

    def _has(self) -> str:
        names = [f"{number} {self.title(number)}" for number in self.nodes]
        return f"It has: {', '.join(names[:40])}{' …' if len(names) > 40 else ''}."


def _is_node(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def _wrong(text: str) -> UserError:
    return UserError(text, kind="usage")
