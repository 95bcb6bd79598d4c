# SPDX-License-Identifier: GPL-3.0-or-later
"""The verb serve: the server for a team, and the tokens of those who may ask it."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from ..protocol.errors import UserError
from ..protocol.place import data_folder
from . import flags

PACKAGES = "fastapi uvicorn prometheus-client"


def add_verbs(verbs: Any) -> None:
    verb = verbs.add_parser(
        "serve",
        help="a server for a team with one machine",
        description="Take a team's orders over HTTP, with a page at / (docs/server.md).",
    )
    where = verb.add_argument_group("where it is")
    where.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; others than this machine's want tokens"
    )
    where.add_argument("--port", type=int, default=8420, metavar="N", help="8420 (default); 0 takes a free one")
    where.add_argument("--tls-certificate", type=Path, metavar="FILE", help="speak https itself, with --tls-key")
    where.add_argument("--tls-key", type=Path, metavar="FILE", help="the key of that certificate")
    what = verb.add_argument_group("what it does")
    what.add_argument(
        "--storage", metavar="URL", default="", help="where files go: s3://bucket/prefix; else its folder"
    )
    what.add_argument("--recipes", type=Path, metavar="DIR", help="recipes that it offers beside ours")
    what.add_argument("--at-once", type=flags.above(int), default=4, metavar="N", help="jobs under way at once (4)")
    what.add_argument("--timeout", type=flags.above(float), metavar="SECONDS", help="stop a step that takes longer")
    what.add_argument(
        "--drain", type=float, default=60.0, metavar="SECONDS", help="what runs may end, after SIGTERM (60)"
    )
    what.add_argument(
        "--keep-days", type=float, default=0.0, metavar="N", help="remove what nobody has used for so long (0: nothing)"
    )
    much = verb.add_argument_group("how much it takes")
    much.add_argument(
        "--most-jobs", type=flags.above(int), default=100, metavar="N", help="of one user that have not ended (100)"
    )
    much.add_argument(
        "--rate", type=flags.above(float), default=50.0, metavar="N", help="requests a second of one user (50)"
    )
    much.add_argument("--upload-mb", type=flags.above(int), default=256, metavar="N", help="of one file (256)")
    much.add_argument("--megapixels", type=flags.above(float), default=50.0, metavar="N", help="of one picture (50)")
    verb.set_defaults(call=_serve)
    parts = verb.add_subparsers(dest="part", metavar="[token]")
    tokens = parts.add_parser(
        "token", help="who may ask", description="Tokens: each is said once, and only its hash is kept."
    )
    does = tokens.add_subparsers(dest="does", required=True, metavar="VERB")
    new = does.add_parser("add", help="print a new token for a user", description="Print a new token for a user, once.")
    new.add_argument("user", metavar="USER", help="a name for whom it is")
    new.add_argument("--high", action="store_true", help="may put jobs before those of others")
    new.set_defaults(call=_add)
    gone = does.add_parser(
        "remove", help="from now on it counts no more", description="From now on the user's token counts no more."
    )
    gone.add_argument("user", metavar="USER", help="as list tells it")
    gone.set_defaults(call=_remove)
    does.add_parser("list", help="who has one", description="Who has a token, since when.").set_defaults(call=_list)


def _folder() -> Path:
    return data_folder() / "server"


def _serve(options: argparse.Namespace, blender: str) -> int:
    if bool(options.tls_certificate) != bool(options.tls_key):
        raise UserError("--tls-certificate and --tls-key go together. Give both.", kind="usage")
    if not 0 <= options.port < 1 << 16:
        raise UserError("--port takes 0 to 65535.", kind="usage")
    try:
        from ..server.limits import Limits
        from ..server.main import Settings, serve
    except ModuleNotFoundError as error:
        text = f"The server needs {error.name}, which this Python lacks. Run: pip install {PACKAGES}"
        raise UserError(text, kind="environment") from None
    limits = Limits(
        upload=options.upload_mb << 20,
        pixels=round(options.megapixels * 1e6),
        rate=options.rate,
        jobs=options.most_jobs,
        at_once=options.at_once,
        drain=max(options.drain, 0.0),
        step=options.timeout,
        keep_days=max(options.keep_days, 0.0),
    )
    settings = Settings(
        folder=_folder(),
        host=options.host,
        port=options.port,
        limits=limits,
        storage=options.storage,
        recipes=options.recipes,
        certificate=options.tls_certificate,
        key=options.tls_key,
    )
    return serve(settings, flags.runtimes(blender))


def _tokens() -> Any:
    from ..server.tokens import Tokens

    return Tokens(_folder() / "tokens.json")


def _add(options: argparse.Namespace, blender: str) -> int:
    token = _tokens().add(options.user, high=options.high)
    sys.stderr.write(f"The token of {options.user}; it is said this once. From now on nobody comes in without one.\n")
    sys.stdout.write(f"{token}\n")
    return 0


def _remove(options: argparse.Namespace, blender: str) -> int:
    tokens = _tokens()
    tokens.remove(options.user)
    if not tokens.users():
        sys.stderr.write(f"Nobody has a token now, so nobody comes in. Delete {tokens.path} to work without tokens.\n")
    return 0


def _list(options: argparse.Namespace, blender: str) -> int:
    for user in _tokens().users():
        day = time.strftime("%Y-%m-%d", time.gmtime(user.created))
        sys.stdout.write(f"{user.name:30} since {day}{'  high' if user.high else ''}\n")
    return 0
