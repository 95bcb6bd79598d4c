# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies, cloths, fluids and forces of a scene in words: set up by `build`, baked by `simulate`."""
