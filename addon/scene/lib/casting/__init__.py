# SPDX-License-Identifier: GPL-3.0-or-later
"""From a line of the cast to the meshes of it: found in files and libraries, built, or stood in for."""
