# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scene steps share; no step of its own."""
