# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes say to each other. Standard library only."""
