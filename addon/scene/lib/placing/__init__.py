# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the things of a scene in words stand, without running into each other."""
