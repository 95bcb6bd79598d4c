# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift, our own model: a picture's DINOv2 features become an occupancy volume in the camera's frustum."""
