# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preferences say: where data lies, which Python and which server do the work."""

from pathlib import Path
from typing import Any

import bpy

from ..backend.protocol import place
from ..backend.protocol.store import JobStore

ROOT = __package__.rpartition(".")[0]
"""The package of the extension: `galatea` in a checkout, `bl_ext.<repository>.galatea` when installed."""


def get(context: bpy.types.Context | None = None) -> Any:
    """None where the package was registered without being enabled as an add-on, as tests do."""
    addon = (context or bpy.context).preferences.addons.get(ROOT)
    return addon.preferences if addon else None


def data_folder() -> Path:
    return place.data_folder()


def store() -> JobStore:
    return JobStore(data_folder() / "jobs")


def runs_folder() -> Path:
    return data_folder() / "runs"


def own_python() -> Path | None:
    """The Python that the user chose, whether it is there or not."""
    prefs = get()
    return Path(bpy.path.abspath(prefs.worker_python)).expanduser() if prefs and prefs.worker_python else None


def full_python() -> str:
    """The Python of the full environment: the user's own choice, or the one that was installed; empty if neither."""
    own = own_python()
    if own:
        return str(own) if own.is_file() else ""
    from ..backend.env import python

    return str(python(data_folder()) or "")


def server() -> tuple[str, str]:
    """Address and token of the server that runs the models; empty where this machine does."""
    prefs = get()
    return (prefs.server.strip(), prefs.server_key.strip()) if prefs else ("", "")


def at_cursor() -> bool:
    prefs = get()
    return bool(prefs.at_cursor) if prefs else True
