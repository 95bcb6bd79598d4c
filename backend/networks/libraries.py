# SPDX-License-Identifier: GPL-3.0-or-later
"""The two libraries whose networks and pipelines are used as they are; they say of themselves only what is an error."""

from __future__ import annotations

from typing import Any


def diffusers() -> Any:
    import diffusers

    library: Any = diffusers
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    return library


def transformers() -> Any:
    import transformers

    library: Any = transformers
    library.utils.logging.set_verbosity_error()
    library.utils.logging.disable_progress_bar()
    return library


def short(error: Exception) -> str:
    """The first line of what a library has to say."""
    said = str(error).strip().splitlines()
    return said[0][:200] if said else type(error).__name__
