# SPDX-License-Identifier: GPL-3.0-or-later
"""The asset as files of other programs, and as a place in a library."""
