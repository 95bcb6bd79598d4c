# SPDX-License-Identifier: GPL-3.0-or-later
"""A few of the kills of tools/torture.py, so that what it asks for holds every day."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from .kills import torture


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_killed_worker_costs_one_order_and_nothing_that_is_finished(tmp_path: Path) -> None:
    told: list[str] = []
    count = torture("worker", 2, 4, tmp_path, told.append)
    assert count.kills == 2 and told[-1] == "worker: 2 of 2 killed"
    assert count.kept >= 3, "the first order at least was finished, and is still"
