# SPDX-License-Identifier: GPL-3.0-or-later
"""A surface laid flat: charts, tiles, packing, and what a map is worth."""
