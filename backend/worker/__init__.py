# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that does the work. It may crash; nobody else does then."""
