# SPDX-License-Identifier: GPL-3.0-or-later
"""Bones and which skin they move."""
