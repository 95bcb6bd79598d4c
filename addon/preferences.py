# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
"""The preferences of the add-on, and what follows when one is changed."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ..backend.protocol import place, policy
from ..backend.protocol.errors import UserError
from . import environment, models, prefs, terms
from .bridge import bridge
from .engine import explain
from .ui.preferences import draw_preferences


def _data_folder_changed(self: Any, context: Any) -> None:
    _choose()
    bridge.reload()


def _worker_python_changed(self: Any, context: Any) -> None:
    environment.look_again()
    bridge.renew()


def _server_changed(self: Any, context: Any) -> None:
    bridge.renew()


def _store(**changes: Any) -> None:
    terms.refused = ""
    try:
        if "territory" in changes:
            changes["territory"] = policy.country(changes["territory"])
        terms.save(**changes)
    except (UserError, OSError) as error:
        terms.refused = explain(error).message
    if "offline" in changes:
        bridge.renew()


def _share(folder: str) -> None:
    models.work.error = ""
    try:
        models.set_shared(bpy.path.abspath(folder.strip()) if folder.strip() else "")
    except (UserError, OSError) as error:
        models.work.error = explain(error).message


class GalateaPreferences(bpy.types.AddonPreferences):
    bl_idname = prefs.ROOT

    data_folder: StringProperty(
        name="Data Folder",
        description="Where jobs, their results and model weights are kept. Empty: the system's place for such data",
        subtype="DIR_PATH",
        update=_data_folder_changed,
    )
    worker_python: StringProperty(
        name="Worker Python",
        description="A Python that has PyTorch, for the backends that need it. Empty: the full environment "
        "that Galatea installs itself",
        subtype="FILE_PATH",
        update=_worker_python_changed,
    )
    server: StringProperty(
        name="Server",
        description="A server of the team (`galatea serve`) that runs the models, such as http://gpu.example.org:8420. "
        "Blender's own steps stay here. Empty: everything runs on this machine",
        update=_server_changed,
    )
    server_key: StringProperty(
        name="Token",
        description="What whoever runs the server gave you. Empty: that of GALATEA_REMOTE_KEY",
        subtype="PASSWORD",
        update=_server_changed,
    )
    at_cursor: BoolProperty(
        name="Place at the 3D Cursor",
        description="Where new objects go; otherwise the world's origin",
        default=True,
    )

    # these stand in the policy of the data folder, which the command line reads too
    commercial: BoolProperty(
        name="Commercial Use",
        description="Refuse what may not be used commercially, and ask before what has terms for it",
        get=lambda self: terms.get("commercial"),
        set=lambda self, value: _store(commercial=value),
    )
    territory: StringProperty(
        name="Territory",
        description="The country's code of two letters, such as DE: what may not be used there is refused",
        get=lambda self: terms.get("territory"),
        set=lambda self, value: _store(territory=value),
    )
    offline: BoolProperty(
        name="Offline",
        description="Refuse what asks servers on other machines, whatever Online Access says",
        get=lambda self: terms.get("offline"),
        set=lambda self, value: _store(offline=value),
    )

    show_models: BoolProperty(
        name="Models", description="List all models that have weights", default=False, options={"SKIP_SAVE"}
    )
    # noted in the data folder too
    shared_weights: StringProperty(
        name="Shared Weights",
        description="A folder of weights that many machines or users share. It is only read",
        subtype="DIR_PATH",
        get=lambda self: models.shared(),
        set=lambda self, value: _share(value),
    )

    def draw(self, context: bpy.types.Context) -> None:
        draw_preferences(self, context)


def _choose() -> None:
    """Let all that runs in this Blender mean the same folder."""
    own = prefs.get()
    chosen = bpy.path.abspath(own.data_folder) if own and own.data_folder else ""
    place.choose(Path(chosen).expanduser().resolve() if chosen else None)
    terms.look_again()


def register() -> None:
    bpy.utils.register_class(GalateaPreferences)
    _choose()


def unregister() -> None:
    bpy.utils.unregister_class(GalateaPreferences)
    place.choose(None)
