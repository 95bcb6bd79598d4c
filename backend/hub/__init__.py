# SPDX-License-Identifier: GPL-3.0-or-later
"""Published weights: found on the disk, fetched from the hub, proved by their hashes, fitted to this machine's memory.

A job asks `source` (or `locate`) and never touches the network; `pull` is what `galatea models` and the panel run;
`bundle` carries weights to machines that no network reaches.
"""

from __future__ import annotations

import os

from .fetch import pull
from .kept import Kept, lacking, locate, source

__all__ = ["Kept", "lacking", "locate", "pull", "source"]

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # before its client is imported, which is told nothing
