# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
import time

from galatea.backend.protocol.claims import process_alive

CHILD = """
import os, time
from galatea.backend.runners.ray_place import end_with
end_with(os.getppid())
print(os.getpid(), flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_raylet_that_started_it() -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"
    raylet = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert raylet.stdout
    place = int(raylet.stdout.readline())
    assert process_alive(place)
    raylet.kill()
    raylet.wait()
    end = time.monotonic() + 120
    while process_alive(place):
        assert time.monotonic() < end, "it works on for nobody"
        time.sleep(0.05)
