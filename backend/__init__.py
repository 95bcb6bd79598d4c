# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that must not need Blender: the protocol, the runners, the worker, the models, the command line."""
