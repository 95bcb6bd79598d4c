# SPDX-License-Identifier: GPL-3.0-or-later
"""What the full mesh looks like, found for each texel of the body."""
