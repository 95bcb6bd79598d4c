# SPDX-License-Identifier: GPL-3.0-or-later
"""One GPU box for a team: orders over HTTP. What it needs beside the rest is imported here and nowhere else."""
