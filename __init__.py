# SPDX-License-Identifier: GPL-3.0-or-later
"""Galatea: from a picture to a textured mesh, a rig, a simulation and a film, inside Blender."""


def register() -> None:
    from . import addon

    addon.register()


def unregister() -> None:
    from . import addon

    addon.unregister()
