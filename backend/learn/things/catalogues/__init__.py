# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unpacked package holds: one file a kind of package, each gives entries that can be read."""
