# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a format: bytes or files to a Shape, in the axes of the file."""
