# SPDX-License-Identifier: GPL-3.0-or-later
"""What to learn from: packages become Things."""
