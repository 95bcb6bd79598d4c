# SPDX-License-Identifier: GPL-3.0-or-later
"""One name and one way for one thing: what the table of terms in ARCHITECTURE.md says not to use is used nowhere, and a
file is written whole by `protocol/whole.py` alone.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT = {  # what is not written -> what is
    "plug-?ins?": "extension",
    "(rendered )?movies?": "film",
    "artifacts?": "asset, or a file of a role",
    "workspaces?": "data folder",
    "data ?sets?": "data, or a folder of data",
    "background remov(er|al)": "cut-out",
    "segmentation": "cut-out",
    "(auto-?)?rigging": "skeleton, bind, controls",
    "scene (description|spec)s?": "scene document",
    "(order|task|request) files?": "job file",
    "(job|task) (cache|director(y|ies))": "store, job folder",
    "the cache": "store",
    "(model|weights?) zoo": "published models",
    "sub-?tasks?": "part",
    "inference (server|engine)": "runner",
}
MOVES = {  # folders, links, downloads that go on where they stopped: what is no file written here
    *("protocol/whole", "protocol/claims", "protocol/parts", "protocol/store", "server/storage", "server/uploads"),
    *("hub/fetch", "env/place", "learn/evaluate/studio", "learn/evaluate/run", "learn/things/sources"),
}
LEFT = {"THIRD_PARTY.md", "CHANGELOG.md"}  # they quote others, and the past
VOCABULARY = ("backend/parse/",)  # what users may say


def texts() -> list[Path]:
    kinds = ("*.md", "docs/*.md", "backend/**/*.py", "addon/**/*.py", "tools/*.py", "presets/**/*.toml")
    found = sorted(path for kind in kinds for path in ROOT.glob(kind) if path.name not in LEFT)
    return [path for path in found if not path.relative_to(ROOT).as_posix().startswith(VOCABULARY)]


TEXTS = {path: path.read_text(encoding="utf-8") for path in texts()}


@pytest.mark.parametrize("word", NOT)
def test_a_thing_has_one_name(word: str) -> None:
    pattern = re.compile(rf"(?<![\w\"'`])({word})(?![\w\"'`])", re.IGNORECASE)
    strays = [
        f"{path.relative_to(ROOT).as_posix()}:{text.count(chr(10), 0, found.start()) + 1} {found[0]!r}"
        for path, text in TEXTS.items()
        for found in pattern.finditer(text)
    ]
    assert not strays, f"say {NOT[word]}: {', '.join(strays)}"


def test_a_file_is_written_whole_in_one_way() -> None:
    inside = {
        path.relative_to(ROOT / "backend").with_suffix("").as_posix(): path for path in ROOT.glob("backend/**/*.py")
    }
    assert {name for name, path in inside.items() if re.search(r"os\.(replace|rename)\(", TEXTS.get(path, ""))} <= MOVES
