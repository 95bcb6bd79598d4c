# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/troubleshooting.md, drawn from every `UserError` in the code by tools/documents.py."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from galatea.backend.protocol.errors import EXIT_CODES
from galatea.tools.commands import MEANT

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("backend", "addon")
GAP = "…"
HEAD = """# Troubleshooting

Made by `python tools/documents.py` from every error in the code; do not edit.

An error of Galatea says what is wrong and ends with what to do next. The panel shows it, a shell has it on stderr, and
`result.json` under `error` with its `kind`; the exit code is that kind's. Look for the words that you were shown:
… stands for what is yours, such as a file's name.

1. `galatea doctor` tries Blender, its films, the card, the folders and the weights, and says the fix of each that is
   not well. `galatea doctor --bundle report.zip` packs its findings and the last failures, without secrets. In Blender
   the same is *Check the Installation* and *Save a Report*: *F3* finds them.
2. `galatea jobs` lists what was run, `galatea jobs log ID` prints what a step said.
3. `galatea resume FOLDER` goes on after the cause is mended: steps that are done are not done again.
"""
FIRST = {
    "usage": "Nothing was begun. `galatea VERB --help` names the flags, `galatea backends --all` the parameters, and"
    " [commands](commands.md) has both.",
    "input": "Look at the file in another program, then give it once more, or one that was exported anew.",
    "weights": "`galatea models list` says what is there, `galatea models verify` what is whole; `galatea models pull"
    " ID` fetches, [without a network too](models.md).",
    "device": "Close what else fills the memory, or take `--device cpu`, a lower `--quality`, or a model that needs"
    " less ([backends](backends.md)).",
    "backend": "Run it again: what is done stays done. If it fails again, `galatea jobs log ID` says why; to report it,"
    " `galatea doctor --bundle report.zip`.",
    "output": "Free some space (`galatea jobs prune --older 30`), or choose another folder: `--out`, `GALATEA_HOME`.",
    "environment": "`galatea doctor` says what is missing; `galatea env install` makes the full environment anew.",
    "gate": "The mesh is there. `mesh_report.json` says which figures fall short and which flags mend them"
    " ([finishing](finishing.md)).",
    "policy": "Nothing was fetched. Take another backend, or change what may be used here"
    " ([export](export.md#what-may-be-used-here)).",
    "batch": "`report.html` and `batch.json` list each one with its own error. The same command again does only those"
    " that are missing.",
    "studio": "`galatea validate` names each finding with its fix; `--profile` chooses whose rules.",
    "timeout": "Give `--timeout` more seconds, or take a lower `--quality`.",
    "cancelled": "You asked for it. The same order again, or *Go On*, takes up what was done.",
}
"""What to do first, for each kind."""


class Said(ast.NodeVisitor):
    """Every `UserError(…)`, `Failure(…)` and report of an operator in a file: its kind and the texts that it can have,
    as far as reading tells."""

    def __init__(self, tree: ast.Module, constants: dict[str, list[str]]) -> None:
        self.constants = constants
        self.scopes: list[ast.AST] = [tree]
        self.found: set[tuple[str, str]] = set()
        self.visit(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.scopes.append(node)
        self.generic_visit(node)
        self.scopes.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Call(self, node: ast.Call) -> None:
        named = {word.arg: word.value for word in node.keywords}
        match node:
            case ast.Call(func=ast.Name(id="UserError"), args=[said, *_]):
                self._say(named.get("kind", ast.Constant("input")), said)
            case ast.Call(func=ast.Name(id="Refused"), args=[said, _, _, *_]):
                self._say(named.get("kind", ast.Constant("backend")), said)
            case ast.Call(func=ast.Name(id="Failure"), args=[said, *more]):
                self._say(named.get("kind", more[0] if more else ast.Constant("backend")), said)
            case ast.Call(func=ast.Attribute(attr="report"), args=[ast.Set(elts=[ast.Constant("ERROR")]), said]):
                self._say(ast.Constant("usage"), said)
        self.generic_visit(node)

    def _say(self, kind: ast.AST, said: ast.AST) -> None:
        self.found |= {(name, text) for name in self.texts(kind) for text in self.texts(said)}

    def texts(self, node: ast.AST, line: int = 0) -> list[str]:
        """What an expression can be; its names mean what they were given before this line, or the node's own."""
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return ["".join(each) for each in itertools.product(*(self.texts(part, line) for part in parts))]
            case ast.FormattedValue(value=ast.Name() as value):
                return self.texts(value, line)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [one + other for one in self.texts(left, line) for other in self.texts(right, line)]
            case ast.IfExp(body=one, orelse=other):
                return self.texts(one, line) + self.texts(other, line)
            case ast.Name(id=name, lineno=own):
                return self._named(name, line or own)
            case ast.Attribute(attr=name):
                return self.constants.get(name, [GAP])
            case ast.Call(func=ast.Name(id=name)):
                return self._returned(name)
        return [GAP]

    def _named(self, name: str, line: int) -> list[str]:
        """What a name was given before this line, in this function: in one branch this, in another that."""
        before: list[str] = []
        last: list[str] = []
        inside = ast.walk(self.scopes[-1]) if len(self.scopes) > 1 else ()
        given = [node for node in inside if isinstance(node, (ast.Assign, ast.AugAssign)) and node.lineno < line]
        for each in sorted(given, key=lambda node: node.lineno):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                new = self.texts(each.value, each.lineno)
                before, last = ([*before, *last], new) if isinstance(each, ast.Assign) else (
                    before, [text + more for text in last for more in new])  # fmt: skip
        return [*before, *last] or self.constants.get(name, [GAP])

    def _returned(self, name: str) -> list[str]:
        """What a function of this file can answer, or one that all share."""
        for each in ast.walk(self.scopes[0]):
            if isinstance(each, ast.FunctionDef) and each.name == name and each not in self.scopes:
                self.scopes.append(each)
                values = [node.value for node in ast.walk(each) if isinstance(node, ast.Return) and node.value]
                found = [text for value in values for text in self.texts(value)]
                self.scopes.pop()
                return found or [GAP]
        return self.constants.get(name, [GAP])


def errors() -> dict[str, list[str]]:
    """Every text that an error can have, by kind; `…` stands for what is filled in."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in paths]
    constants = {name: [text] for tree in trees for name, text in _constants(tree)}
    shared = ast.parse((ROOT / "backend/protocol/errors.py").read_text(encoding="utf-8"))
    constants["nearest"] = Said(shared, {}).texts(ast.parse("nearest()", mode="eval").body)
    found: dict[str, set[str]] = {kind: set() for kind in EXIT_CODES}
    for tree in trees:
        for kind, text in Said(tree, constants).found:
            if re.search(r"\w", text) and kind in found:  # others hand on what somebody else said
                found[kind].add(" ".join(text.split()))
    return {kind: sorted(texts, key=lambda text: text.lstrip("… '`\"").lower()) for kind, texts in found.items()}


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            for text in Said(ast.Module([], []), {}).texts(node.value):
                yield node.targets[0].id, text


def page() -> str:
    parts = [HEAD]
    for kind, texts in errors().items():
        parts.append(f"\n## {EXIT_CODES[kind]}: {kind}\n\nMeans: {MEANT[kind]}. {FIRST[kind]}\n")
        rows = "\n".join(f"| {_cell(symptom)} | {_cell(fix)} |" for symptom, fix in map(parted, texts))
        parts.append(f"\n| It says | Do this |\n|---|---|\n{rows}\n" if rows else "")
    return "".join(parts)


def parted(text: str) -> tuple[str, str]:
    """What is wrong, and the next move: the last sentence, or all of it where it is but one."""
    head, stop, move = re.sub(r"[.\s]+$", ".", text).rpartition(". ")
    return (head + ".", move) if stop and re.search(r"\w", head) and re.search(r"\w", move) else (text, "as it says")


def _cell(text: str) -> str:
    special = r"([|<])" if text.count("`") % 2 == 0 and "`" in text else r"([|<*_\[\]`])"
    return re.sub(special, r"\\\1", text)
