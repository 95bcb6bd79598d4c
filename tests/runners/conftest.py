# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import pytest

from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.local import LocalRunner
from galatea.backend.runners.runtimes import Runtimes


@pytest.fixture
def runner(store: JobStore) -> Iterator[LocalRunner]:
    made = LocalRunner(store, Runtimes.here().bundled, name="bundled")
    yield made
    made.close()
