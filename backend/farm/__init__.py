# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders as jobs of the render farms that studios have. Every farm runs the same verb, `galatea farm task`."""
