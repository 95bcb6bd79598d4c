# SPDX-License-Identifier: GPL-3.0-or-later
"""Build docs/ as a site into out/site, strictly: a link or an anchor that leads nowhere ends it with 1.

mkdocs has a virtual environment of its own, .cache/docs, made of requirements-docs.txt, and anew when that changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV, WANTED = ROOT / ".cache" / "docs", ROOT / "requirements-docs.txt"


def mkdocs() -> str:
    """Its program, installed where it is not there yet."""
    stamp, wanted = VENV / "stamp", hashlib.sha256(WANTED.read_bytes()).hexdigest()
    program = VENV / ("Scripts" if os.name == "nt" else "bin") / "mkdocs"
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
        pip = [sys.executable, "-m", "pip", "--python", str(VENV), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-input", "-r", str(WANTED)], check=True, stdin=subprocess.DEVNULL)
        stamp.write_text(wanted)
    return str(program)


def fetched(site: Path) -> list[str]:
    """What pages would load from the network, each with its page."""
    found = []
    for page in sorted(site.rglob("*.html")):
        for tag in re.findall(r"<(?:script|img|iframe|link)\b[^>]*", page.read_text(encoding="utf-8")):
            if re.search(r"(?:src|href)=[\"']?(?:https?:)?//", tag) and "canonical" not in tag:
                found.append(f"{page.relative_to(site)} loads from the network: {tag}>")
    return found


def main(argv: list[str]) -> int:
    """`serve` shows it while you write."""
    words = argv or ["build", "--strict", "--clean"]
    code = subprocess.run([mkdocs(), *words], cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}).returncode
    if code or argv:
        return code
    outside = fetched(ROOT / "out" / "site")
    print("\n".join(outside) or ROOT / "out" / "site" / "index.html")
    return int(bool(outside))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
