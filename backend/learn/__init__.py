# SPDX-License-Identifier: GPL-3.0-or-later
"""How the image-to-3D model is made: data, views, targets, network, training. Never imported by the window."""
