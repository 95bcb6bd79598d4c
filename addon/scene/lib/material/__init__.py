# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures and node trees, and what a material does to them."""
