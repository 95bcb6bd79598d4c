# SPDX-License-Identifier: GPL-3.0-or-later
"""What went wrong with the hub, and what to do. Knows the hub's errors by their names and status alone."""

from __future__ import annotations

import os
from importlib.util import find_spec

from ..protocol.errors import UserError
from ..protocol.spec import Weights

LATER = "Try again later: what was fetched is kept."
TRANSIENT = (408, 429, 500, 502, 503, 504)


def offline() -> UserError:
    return UserError(
        "Weights are fetched from the hub, and this is offline. Allow online access (in Blender: Preferences > System; "
        "elsewhere leave out --offline, HF_HUB_OFFLINE, GALATEA_OFFLINE, and offline in policy.toml), or bring them "
        "from a machine that may: `galatea models import`.",
        kind="policy",
    )


def can_fetch() -> None:
    """Raise `UserError` where there is no use in trying."""
    if os.environ.get("GALATEA_OFFLINE", "") not in ("", "0"):
        raise offline()
    if find_spec("huggingface_hub") is None:
        text = (
            "Fetching weights needs the full environment. Install it in the preferences, or with `galatea env install`."
        )
        raise UserError(text, kind="environment")
    from huggingface_hub import constants

    if constants.is_offline_mode():
        raise offline()


def status(error: BaseException) -> int:
    """Of the server's answer, 0 where there was none."""
    return int(getattr(getattr(error, "response", None), "status_code", 0))


def seconds_to_wait(error: BaseException) -> float:
    """What the server asks for, 0 where it asks for nothing."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    text = str(headers.get("Retry-After", "")).strip()
    return float(text) if text.isdigit() else 0.0


def is_a(error: BaseException, name: str) -> bool:
    return any(cls.__name__ == name for cls in type(error).__mro__)


def passing(error: BaseException) -> bool:
    """Another attempt may help: the line broke, the server was busy."""
    return is_a(error, "TransportError") or isinstance(error, EOFError) or status(error) in TRANSIENT


def explain(error: BaseException, weights: Weights, file: str) -> UserError:
    """The error as a person can act upon it."""
    name, code = weights.repository, status(error)
    if is_a(error, "OfflineModeIsEnabled"):
        return offline()
    if is_a(error, "GatedRepoError") or (weights.gated and code in (401, 403)):
        return UserError(
            f"{name} is gated: its owner wants its licence accepted. Open {weights.page}, accept it with your account, "
            "then log in with `hf auth login` (or set HF_TOKEN) and fetch again.",
            kind="weights",
        )
    if is_a(error, "RevisionNotFoundError"):
        text = f"The hub no longer has {name} at {weights.revision}. Update Galatea, or name others with --weights."
    elif is_a(error, "EntryNotFoundError"):
        text = f"{name} at {weights.revision} has no file {file}. Update Galatea, or name others with --weights."
    elif is_a(error, "RepositoryNotFoundError"):
        text = f"The hub has no {name}, or it is private. Check its name; if private, log in with `hf auth login`."
    elif code == 401:
        text = "The hub does not accept your token. Log in again with `hf auth login`, or unset HF_TOKEN."
    elif code == 403:
        text = f"The hub refuses {name} to you (403). Look at {weights.page}."
    elif code == 429:
        wait = seconds_to_wait(error)
        text = f"The hub wants fewer requests{f' for {wait:.0f} s' if wait else ''}. {LATER} A login allows more."
    elif code >= 500:
        text = f"The hub has trouble of its own ({code}). {LATER}"
    elif code:
        text = f"The hub answered {code} to {file} of {name}. {LATER}"
    elif isinstance(error, EOFError):
        text = f"The hub ended its answer in the middle of {file}, again and again. {LATER}"
    elif is_a(error, "TimeoutException"):
        text = f"The hub went silent in the middle of {file}. {LATER}"
    else:
        text = f"The hub cannot be reached ({error}). Check the network, its proxy and HF_ENDPOINT. {LATER}"
    return UserError(text, kind="weights")
