# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry in plain numpy: filters, a Poisson solver, marching cubes. No model, no Blender."""
