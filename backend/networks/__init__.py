# SPDX-License-Identifier: GPL-3.0-or-later
"""Published networks in plain torch, named as their checkpoints name them. Steps import these inside functions only."""
