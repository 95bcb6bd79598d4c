# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of the doctor: `state` ok, warn or fail; what was looked at; what was found; what mends it."""

from __future__ import annotations

Finding = dict[str, str]


def finding(state: str, what: str, found: str, fix: str = "") -> Finding:
    """What is well needs no fix."""
    return {"state": state, "what": what, "found": found, "fix": fix if state != "ok" else ""}
