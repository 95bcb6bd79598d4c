# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps made goes when nobody has used it for long. Delivered files are one with it, so this frees the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Container

from ..protocol.errors import UserError
from ..protocol.store import JobStore
from ..runners.ray_parcel import led


def sweep(store: JobStore, before: float, used: Container[str]) -> int:
    """Remove the jobs that nobody has asked for since this time, that are not `used`, and led to none that stays.

    So it takes nothing from another process that works in the same store. Returns how many went.
    """
    jobs = {job: (store.folder(job) / "request.json").stat().st_mtime for job in store.jobs()}
    stay = {job for job, asked in jobs.items() if asked >= before or job in used or store.claimant(job) is not None}
    requests = []
    for job in stay:
        with contextlib.suppress(UserError):  # it is damaged, and its inputs are not known
            requests.append(store.request(job))
    gone = jobs.keys() - stay - set(led(store, requests))
    for job in gone:
        store.remove(job)
    store.remove_logs(before)
    return len(gone)
