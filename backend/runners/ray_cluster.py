# SPDX-License-Identifier: GPL-3.0-or-later
"""A Ray cluster as we use it: connected to, asked what it has, and what a job needs of it."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from ..protocol.errors import UserError
from ..protocol.job import Request
from ..protocol.spec import BackendSpec

STORE_BYTES = 256 << 20
"""What a Ray of our own keeps in memory for what travels."""
_CPUS = 4
"""Processors for one place of work, where nobody says how many there shall be."""
_KNOCK_SECONDS = 10.0
_lock = threading.Lock()
_users = 0


class Needs(NamedTuple):
    """Of a job, or what a place of work has: a graphics card, and main memory in GB beyond the usual."""

    gpu: bool = False
    memory: float = 0.0

    def covered_by(self, other: Needs) -> bool:
        return self.gpu <= other.gpu and self.memory <= other.memory


class Machines(NamedTuple):
    """What the machines that are up have: processors of each, graphics cards of all, GB of the largest."""

    cpus: tuple[int, ...]
    gpus: int
    memory: float

    def places(self, wanted: int) -> int:
        """How many places of work there shall be."""
        return wanted or max(1, sum(max(1, cpus // _CPUS) for cpus in self.cpus), self.gpus)

    def share(self, places: int) -> int:
        """Processors for each of them: the most with which all fit."""
        for share in range(max(self.cpus, default=1), 1, -1):
            if sum(cpus // share for cpus in self.cpus) >= places:
                return share
        return 1


def needs(spec: BackendSpec, request: Request, machines: Machines) -> Needs:
    """A card where the step can use one and there is one; else the memory that its model wants at the least."""
    device = request.params.get("device", "cpu")
    draws = request.params.get("engine", "cycles") == "cycles"
    if machines.gpus and device != "cpu" and draws:
        return Needs(gpu=True)
    least = min((gigabytes for _, gigabytes in spec.memory), default=0.0)
    return Needs(memory=min(least, machines.memory))


def check() -> None:
    """Raise `UserError` where Ray is not installed; nothing is imported."""
    if not find_spec("ray"):
        raise UserError(
            "--runner ray needs Ray, which this Python lacks. Install it (pip install 'ray>=2.40'), or leave the "
            "flag out.",
            kind="environment",
        )


def connect(address: str, workers: int) -> Any:
    """Ray, connected: to the cluster at `host:port` or `ray://host:port`, or to one of this process where there is no
    address. To be followed by `disconnect`. Raises `UserError` where nobody answers."""
    global _users
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    os.environ.setdefault("RAY_gcs_rpc_server_connect_timeout_s", "15")
    ray: Any = import_module("ray")  # its types change from release to release
    logging.getLogger("ray").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    with _lock:
        if not ray.is_initialized():
            _hush(ray)
            try:
                if address:
                    _knock(address)
                    ray.init(address=address, **quiet)
                else:
                    own = {
                        "include_dashboard": False,
                        "object_store_memory": STORE_BYTES,
                        "_node_ip_address": "127.0.0.1",
                    }
                    count = workers or Machines((os.cpu_count() or 1,), 0, 0.0).places(0)
                    ray.init(address="local", num_cpus=count, **own, **quiet)
            except Exception as error:  # of many kinds
                raise UserError(_said(address, error), kind="environment") from None
        _users += 1
    return ray


def _knock(address: str) -> None:
    """Raise `OSError` where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rstrip("/").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


def _hush(ray: Any) -> None:
    """Ray tells of lost machines on the stdout of whoever is connected, where our own words go. We say it ourselves."""
    with contextlib.suppress(AttributeError):
        if callable(ray._private.worker.print_worker_logs):
            ray._private.worker.print_worker_logs = lambda *said, **more: None


def disconnect(ray: Any) -> None:
    global _users
    with _lock:
        _users -= 1
        if not _users:
            with contextlib.suppress(Exception):
                ray.shutdown()


def _said(address: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if not address:
        return f"Ray does not start here: {lines[0].rstrip('.')}. Run without --runner ray."
    first = f"No Ray that we can use answers at {address}: {lines[0][:200].rstrip('.')}"
    return f"{first}. Start one there (ray start --head), look at the address and at both versions, or leave it out."


def machines(ray: Any) -> Machines:
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    cpus = tuple(int(node["CPU"]) for node in alive if node.get("CPU", 0) >= 1)
    gpus = int(sum(node.get("GPU", 0) for node in alive))
    return Machines(cpus, gpus, max((node.get("memory", 0) for node in alive), default=0) / 2**30)


def actor(ray: Any, offer: Mapping[str, Any], start: Path, has: Needs, cpus: int) -> Any:
    """Ask Ray for a place of work, wherever there is room; returns at once.

    The class goes over by value, for the other machine may have the package elsewhere, or not at all, which `hello`
    then tells.
    """

    class GalateaPlace:
        def __init__(self, start: str, offer: dict[str, Any]) -> None:
            import importlib
            import importlib.util
            import os
            import sys

            self._place, self._trouble = None, ""
            try:
                root = os.path.dirname(os.path.dirname(start))
                if "galatea" not in sys.modules and os.path.isfile(start):
                    spec = importlib.util.spec_from_file_location(
                        "galatea", os.path.join(root, "__init__.py"), submodule_search_locations=[root]
                    )
                    assert spec and spec.loader
                    sys.modules["galatea"] = importlib.util.module_from_spec(spec)
                    spec.loader.exec_module(sys.modules["galatea"])
                importlib.import_module("galatea.backend.protocol.child").end_with(os.getppid())
                self._place = importlib.import_module("galatea.backend.runners.ray_place").Place(offer)
            except Exception as error:
                self._trouble = f"{type(error).__name__}: {error}. Install Galatea {offer['version']} there."

        def call(self, method: str, *given: Any) -> Any:
            if self._place is None:
                return {"host": "a machine", "pid": 0, "shared": False, "trouble": self._trouble}
            return getattr(self._place, method)(*given)

        @ray.method(concurrency_group="look")  # type: ignore[untyped-decorator]
        def look(self, method: str, *given: Any) -> Any:
            return self.call(method, *given)

    wants = {"num_cpus": cpus, "num_gpus": int(has.gpu), "memory": int(has.memory * 2**30)}
    made = ray.remote(concurrency_groups={"look": 1})(GalateaPlace)
    return made.options(**wants, max_restarts=0, scheduling_strategy="SPREAD").remote(str(start), dict(offer))
