# SPDX-License-Identifier: GPL-3.0-or-later
"""The only code that changes a Blender file: one file a step, each with a `SPEC` and a `run(work, …)`.

The file's name is the id of the step. `host.py` runs them as jobs, like any backend.
"""
