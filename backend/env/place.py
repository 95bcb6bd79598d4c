# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the full environment lies, and whether it is whole.

<data folder>/env/incomplete       there from the first moment of an installation to its last
                  installed.json   what was installed: lock, versions, device
                  claim            the process that installs now
                  venv/            the Python
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..protocol.claims import process_alive
from ..protocol.errors import UserError
from ..protocol.store import publish

SCRIPTS = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")


@dataclass(frozen=True)
class Place:
    data_folder: Path

    @property
    def root(self) -> Path:
        return self.data_folder / "env"

    @property
    def venv(self) -> Path:
        return self.root / "venv"

    @property
    def incomplete(self) -> Path:
        return self.root / "incomplete"

    @property
    def program(self) -> Path:
        """The interpreter, whether or not it is there."""
        return self.venv.joinpath(*SCRIPTS)

    def python(self) -> Path | None:
        whole = self.info() is not None and not self.incomplete.exists() and self.program.is_file()
        return self.program if whole else None

    def info(self) -> dict[str, Any] | None:
        """What the last installation that came to its end wrote."""
        try:
            data = json.loads((self.root / "installed.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    def state(self) -> str:
        if self.python():
            return "installed"
        if self.installer():
            return "installing"
        return "incomplete" if self.root.exists() else "absent"

    def claim(self) -> None:
        """From here on this process alone works on it; raises `UserError` where another one does."""
        pid = self.installer()
        if pid:
            message = f"Another installation is running (process {pid}). Wait for it, or end it."
            raise UserError(message, kind="environment")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            (self.root / "claim").write_text(str(os.getpid()), encoding="utf-8")
        except OSError as error:
            message = f"Cannot write to {self.root}: {error.strerror}. Choose another data folder."
            raise UserError(message, kind="output") from None

    def begin(self) -> None:
        """Right before the first change: from here on the environment does not count."""
        self.incomplete.touch()

    def finish(self, info: dict[str, Any]) -> None:
        """The last step of all: only now the environment counts."""
        publish(self.root / "installed.json", info)
        self.incomplete.unlink(missing_ok=True)

    def release(self) -> None:
        (self.root / "claim").unlink(missing_ok=True)

    def installer(self) -> int | None:
        """The process that installs now."""
        try:
            pid = int((self.root / "claim").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return pid if pid != os.getpid() and process_alive(pid) else None

    def remove(self) -> None:
        """Delete it all. Moved away first, so that no half of it is ever taken for an environment."""
        if not self.root.exists():
            return
        self.claim()
        self.begin()
        grave = self.root.with_name(f"env.{os.getpid()}.part")
        try:
            self.root.rename(grave)
        except OSError as error:
            self.release()
            message = f"{self.root} is in use ({error.strerror}). Close what runs in it, then remove it again."
            raise UserError(message, kind="output") from None
        shutil.rmtree(grave, ignore_errors=True)
        if grave.exists():
            raise UserError(f"Some files could not be deleted. Close Blender and delete {grave}.", kind="output")
