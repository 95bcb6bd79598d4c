# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh by a Hunyuan3D-2 or 2.1 that runs elsewhere, asked as its `api_server.py` wants to be asked.

POST /generate answers with the mesh when it is made, or with the error. POST /send answers with a number at once, and
GET /status/NUMBER says what became of it; there an error is never told, and 2.1 never ends without a texture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..hub.params import REMOTE
from ..protocol.errors import JobCancelled, UserError
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from ..protocol.job import Request
    from ..remote import Clock, Refused, Server
    from ..worker.report import Report

START = "Start it with `python api_server.py --port 8081` in the folder of Hunyuan3D-2 or 2.1"
SENT, MADE = 0.05, 0.9
"""Shares of the whole when the order is given and the mesh is there. In between nobody knows how far it is."""
POLL = 1.0
"""s between two questions."""


class Backend:
    spec = BackendSpec(
        id="hunyuan3d_server",
        label="Hunyuan3D server",
        task="image-to-mesh",
        help="Makes a mesh on a Hunyuan3D-2 or 2.1 server that you run. The cut-out picture leaves this machine when "
        "the server is on another one. A cancel stops the waiting; the server finishes what it has begun.",
        license="Tencent Hunyuan 3D Community",
        territory="not in the European Union, the United Kingdom and South Korea",
        inputs=("cutout",),
        outputs=("mesh",),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("url", "str", "http://127.0.0.1:8081", "Where the server listens"),
            Param("texture", "bool", False, "Let the server paint it too; 2.0 must be started with --enable_tex"),
            Param("octree_resolution", "int", 256, "Cells along a side: more are finer and slower", low=16, high=1024),
            Param("num_inference_steps", "int", 20, "Steps: a turbo model needs 5, others 20 or more", low=1, high=200),
            Param("guidance_scale", "float", 5.0, "How closely it keeps to the photo", low=0.0, high=30.0),
            Param("num_chunks", "int", 8000, "Points looked at together: fewer need less memory", low=100, high=500000),
            Param("face_count", "int", 40000, "Most faces of a textured mesh", low=100, high=1000000),
            Param(
                "way",
                "choice",
                "generate",
                "generate: one long answer that tells errors. send: short questions, for lines that break; errors are "
                "not told, and 2.1 hands out textured meshes only",
                choices=("generate", "send"),
            ),
            *REMOTE,
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        import base64
        import json

        from .. import images, received
        from ..remote import Server

        report.progress("Reading the cut-out", 0.0)
        server = Server(self.spec.id, START, params, report)
        photo = images.framed(request.inputs["cutout"], received.SENT)
        order = {
            "image": base64.b64encode(received.png(photo)).decode(),
            "remove_background": False,
            "seed": request.seed % 2**32,
            **{name: params[name] for name in ("texture", "octree_resolution", "num_inference_steps")},
            **{name: params[name] for name in ("guidance_scale", "num_chunks", "face_count")},
        }
        body = json.dumps(order).encode()
        try:
            way = _generated if params["way"] == "generate" else _sent
            data = way(server, body, params, report)
        except JobCancelled:
            report.log(f"{server.name} cannot be told to stop: it goes on with this mesh until it is done.")
            raise
        if data[:4] != b"glTF":
            raise server.strange(f"{len(data)} bytes that are no GLB")
        received.write(data, ".glb", photo, params, report)


def _generated(server: Server, body: bytes, params: dict[str, Any], report: Report) -> bytes:
    from ..remote import MOST_MESH, Clock, Refused

    clock = Clock(report, f"{server.name} makes the mesh", SENT)
    try:
        return server.post("/generate", body, "application/json", clock, wait=params["wait_s"], most=MOST_MESH)
    except Refused as refused:
        raise _explained(server, refused) from None


def _sent(server: Server, body: bytes, params: dict[str, Any], report: Report) -> bytes:
    """Order, ask until it is there; an order that an interrupted attempt has given is asked for again."""
    from ..remote import Clock, Receipt, Refused

    order = Receipt(report.keep("order"))
    clock = Clock(report, f"{server.name} makes the mesh", SENT)
    try:
        number, given = order.number(params["wait_s"])
        if not number:
            number = server.post_json("/send", body, clock).get("uid", "")
            given = order.keep(number)
        data = _awaited(server, number, given, params, clock)
    except Refused as refused:
        order.forget()
        raise _explained(server, refused) from None
    except ValueError as error:
        raise server.strange(str(error)) from None
    except UserError:
        order.forget()
        raise
    order.forget()
    return data


def _awaited(server: Server, number: str, given: float, params: dict[str, Any], clock: Clock) -> bytes:
    import time

    from ..remote import MOST_MESH, rest

    while time.time() - given < params["wait_s"]:
        told = server.get_json(f"/status/{number}", clock, most=2 * MOST_MESH)
        data = _model(server, told)
        if data:
            return data
        if told["status"] == "texturing":
            clock.phase = f"{server.name} paints the mesh"
            if not params["texture"]:
                text = f"{server.name} is a version that hands out textured meshes only when it is asked this way."
                raise UserError(f"{text} Set hunyuan3d_server.way to generate, or texture to true.", kind="usage")
        rest(POLL, clock)
    text = f"{server.name} had no mesh after {params['wait_s']:g} s. Asked this way it never tells errors: look at its"
    raise UserError(f"{text} window, raise hunyuan3d_server.wait_s, or set way to generate.", kind="timeout")


def _model(server: Server, told: dict[str, Any]) -> bytes:
    """The mesh in an answer; empty where there is none yet, or only the beginning of a file being written."""
    import base64
    import binascii

    if told.get("status") == "error":
        words = str(told.get("message") or "it does not say why")[:300]
        raise UserError(f"{server.name} failed to make the mesh: {words}. Look at its window.", kind="backend")
    if told.get("status") != "completed":
        if not isinstance(told.get("status"), str):
            raise server.strange("no status")
        return b""
    try:
        data = base64.b64decode(told["model_base64"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise server.strange("a mesh that is no base64") from None
    return data if data[:4] != b"glTF" or int.from_bytes(data[8:12], "little") <= len(data) else b""


def _explained(server: Server, refused: Refused) -> UserError:
    """The server's error as a person can act upon it: it answers 404 to whatever went wrong inside it."""
    told = refused.told if isinstance(refused.told, dict) else {}
    if refused.status == 404 and "error_code" in told:
        words = str(told.get("text", "")).strip("* ")[:200]
        text = f"{server.name} failed to make the mesh and says only {words!r}. Its window tells the cause: often too"
        text += " little memory, or a texture asked of a server that was started without --enable_tex."
        return UserError(text, kind="backend")
    if refused.status in (404, 405):
        return server.strange(f"{refused.status} to this order")
    if refused.status == 422 and isinstance(told.get("detail"), list):
        wrong = [each for each in told["detail"] if isinstance(each, dict)]
        words = "; ".join(f"{(each.get('loc') or ['?'])[-1]}: {each.get('msg', '')}" for each in wrong)[:300]
        return UserError(f"{server.name} refuses the settings ({words}). Change them and run again.", kind="usage")
    return UserError(str(refused), kind="backend")
