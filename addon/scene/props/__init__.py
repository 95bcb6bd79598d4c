# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that we can build: one function a thing, named as in presets/props/things.toml."""
