# SPDX-License-Identifier: GPL-3.0-or-later
"""The page at /: a handful of files, known by name, read once. Its script asks the same API as everybody."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import FastAPI, Header, Response

from ..protocol.errors import UserError
from ..protocol.recipe import PRESETS
from .house import House

FILES = {
    "page.css": ("server/page.css", "text/css"),
    "page.js": ("server/page.js", "text/javascript"),
    "api.js": ("server/api.js", "text/javascript"),
    "show.js": ("server/show.js", "text/javascript"),
    "studio.js": ("viewer/studio.js", "text/javascript"),
    "three.js": ("viewer/three.bundle.js", "text/javascript"),
}


def add(app: FastAPI, house: House) -> None:
    page = _read("server/page.html")
    parts = {name: (_read(path), media) for name, (path, media) in FILES.items()}

    @app.get("/", include_in_schema=False)
    def index() -> Response:
        return Response(page, media_type="text/html; charset=utf-8")

    @app.get("/static/{name}", include_in_schema=False)
    def part(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        if name not in parts:
            return Response(status_code=404)
        data, media = parts[name]
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=f"{media}; charset=utf-8", headers=headers)


def _read(name: str) -> bytes:
    try:
        return (PRESETS / name).read_bytes()
    except OSError as error:
        raise UserError(f"{error.filename} is missing. Install Galatea again.", kind="environment") from None
