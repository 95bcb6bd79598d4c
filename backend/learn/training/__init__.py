# SPDX-License-Identifier: GPL-3.0-or-later
"""Training Lift: tokens first, then the loop."""
