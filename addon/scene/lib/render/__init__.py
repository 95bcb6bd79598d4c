# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures: engines, light, framing, frames on disk."""
