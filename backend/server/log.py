# SPDX-License-Identifier: GPL-3.0-or-later
"""One JSON line an event on stderr. No header, no body and no query is ever logged, so that no secret can be."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        told |= getattr(record, "more", {})
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told)


def set_up() -> None:
    """For this server's lines and those of uvicorn."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    for name in ("galatea.server", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel("INFO" if name == "galatea.server" else "WARNING")


def say(event: str, **more: Any) -> None:
    logging.getLogger("galatea.server").info(event, extra={"more": more})
