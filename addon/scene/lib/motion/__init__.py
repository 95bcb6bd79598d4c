# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves: actions, curves, falls."""
