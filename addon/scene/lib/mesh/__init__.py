# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface: its arrays, what can be said of it, and how it is mended, thinned and split."""
