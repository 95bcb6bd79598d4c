# SPDX-License-Identifier: GPL-3.0-or-later
"""Lift, our own model: a picture's DINOv2 features become first hits along rays, and what lies behind them."""
