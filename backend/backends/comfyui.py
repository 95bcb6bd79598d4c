# SPDX-License-Identifier: GPL-3.0-or-later
"""Photo to mesh by any workflow of a ComfyUI that runs elsewhere, through the HTTP interface of its own page.

POST /upload/image takes the picture, POST /prompt the workflow; GET /queue and /history/NUMBER say what became of it,
GET /view hands out the file that it saved. A cancel takes it out of the queue, or interrupts it if it is the one that
runs. How far a running one is, is told over a websocket alone, for which the bundled Python has no library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..hub.params import REMOTE
from ..protocol.errors import UserError
from ..protocol.spec import BackendSpec, Param

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..protocol.job import Request
    from ..remote import Beat, Clock, Receipt, Refused, Server
    from ..worker.report import Report
    from ..workflow import Workflow

START = "Start ComfyUI (`python main.py`)"
GIVEN, MADE = 0.05, 0.88
"""Shares of the whole when the order is given and the mesh is there. In between nobody knows how far it is."""
POLL = 0.5
"""s between two questions."""
HURRY = 0.35
"""s for each request of a cancel: the process is ended a second after it was asked to stop."""
GROUNDS = {"white": 255, "grey": 128, "black": 0}


class Backend:
    spec = BackendSpec(
        id="comfyui",
        label="ComfyUI",
        task="image-to-mesh",
        help="Makes a mesh by a workflow of your own on a ComfyUI that you run. The cut-out picture leaves this "
        "machine when the server is on another one; the workflow and the picture stay in its history.",
        license="unknown: as the models in the workflow say",
        territory="unknown: as the models in the workflow say",
        inputs=("cutout",),
        outputs=("mesh",),
        axes="metres, Z up, faces -Y, base centre at the origin",
        params=(
            Param("url", "str", "http://127.0.0.1:8188", "Where ComfyUI listens"),
            Param("workflow", "file", "", "The workflow: a file that ComfyUI's Export (API) wrote"),
            Param(
                "image", "str", "", "Node that gets the cut-out: title or number. Empty: the only one that loads one"
            ),
            Param("seed_input", "str", "", "Input that gets the seed: title.input. Empty: every plain seed"),
            Param("inputs", "str", "", "Other values: title.input=value; title.input=value"),
            Param("output", "str", "", "Node that saves the mesh: title or number. Empty: the last that saves one"),
            Param(
                "background",
                "choice",
                "white",
                "Behind the cut-out, for workflows that read it without its mask",
                choices=tuple(GROUNDS),
            ),
            Param("up", "choice", "y", "Upward axis of the mesh that it saves: y in glTF", choices=("y", "z")),
            Param("turn", "float", 0.0, "Turn about the upward axis, until it faces you", low=-360, high=360, unit="°"),
            *REMOTE,
        ),
    )

    def run(self, request: Request, params: dict[str, Any], report: Report) -> None:
        import time
        from pathlib import Path

        from .. import images, received
        from ..remote import MOST_MESH, Clock, Receipt, Server
        from ..workflow import EXPORT, Workflow

        report.progress("Reading the workflow", 0.0)
        if not params["workflow"]:
            raise UserError(f"comfyui needs a workflow. {EXPORT}", kind="usage")
        workflow = Workflow(Path(params["workflow"]))
        wanted = workflow.find(params["output"]) if params["output"] else ""
        photo = images.framed(request.inputs["cutout"], received.SENT)
        server = Server(self.spec.id, START, params, report)
        clock, order = Clock(report, f"Sending the picture to {server.name}", 0.02), Receipt(report.keep("order"))
        number, given = order.number(params["wait_s"])
        if not number or not _known(server, number, clock):
            _fill(server, workflow, photo, request.seed, params, clock, report)
            number, given = _queued(server, workflow, order, clock), time.time()
        try:
            clock.fraction = GIVEN
            entry = _awaited(server, number, given + params["wait_s"], clock)
            name, query = _saved(entry, workflow, wanted, server, report)
            clock.phase, clock.fraction = f"Fetching {name}", MADE
            clock()
            data = server.get(f"/view?{query}", clock, most=MOST_MESH)
        except BaseException:
            _stop(server, number)
            order.forget()
            raise
        order.forget()
        received.write(data, Path(name).suffix, photo, params, report)


def _fill(
    server: Server, workflow: Workflow, photo: Any, seed: int, params: dict[str, Any], clock: Clock, report: Report
) -> None:
    """Sends the picture and puts its name, the seed and the other values into the workflow."""
    from .. import received

    workflow.put(params["inputs"])
    if not workflow.put_seed(params["seed_input"], seed % 2**32):
        report.warn("The workflow has no plain seed, so the seed has no effect.")
    workflow.put_picture(params["image"], "")  # a wrong name is told before anything is sent
    picture = received.png(received.over(photo, GROUNDS[params["background"]]))
    workflow.put_picture(params["image"], _uploaded(server, picture, clock))


def _uploaded(server: Server, picture: bytes, clock: Clock) -> str:
    """The name that the server gives the picture; its own is made of its content and tells nothing."""
    import hashlib

    name = f"galatea-{hashlib.sha256(picture).hexdigest()[:24]}.png"
    line = f"galatea{hashlib.sha256(picture + b'boundary').hexdigest()}"
    body = b""
    for key, value in (("type", "input"), ("overwrite", "true")):
        body += f'--{line}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
    body += f'--{line}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'.encode()
    body += b"Content-Type: image/png\r\n\r\n" + picture + f"\r\n--{line}--\r\n".encode()
    told = server.post_form("/upload/image", body, line, clock)
    if not isinstance(told.get("name"), str) or not told["name"]:
        raise server.strange("no name for the picture")
    folder = told.get("subfolder") or ""
    return f"{folder}/{told['name']}" if folder else told["name"]


def _queued(server: Server, workflow: Workflow, order: Receipt, clock: Clock) -> str:
    """The server's number of the order."""
    import json

    from ..remote import Refused

    try:
        body = json.dumps({"prompt": workflow.nodes, "client_id": "galatea"}).encode()
        number = server.post_json("/prompt", body, clock).get("prompt_id")
        order.keep(number)
    except Refused as refused:
        raise _explained(server, workflow, refused) from None
    except ValueError as error:
        raise server.strange(str(error)) from None
    return str(number)


def _explained(server: Server, workflow: Workflow, refused: Refused) -> UserError:
    """What is wrong with the workflow, node by node, in the server's words."""
    told = refused.told if isinstance(refused.told, dict) else {}
    if refused.status != 400 or not told:
        return UserError(str(refused), kind="backend")
    parts = []
    error = told.get("error")
    if error:
        parts.append(_words(error))
    errors = told.get("node_errors")
    for number, node in errors.items() if isinstance(errors, dict) else ():
        found = node.get("errors") if isinstance(node, dict) else None
        reasons = "; ".join(_words(each) for each in found) if isinstance(found, list) else _words(node)
        parts.append(f"{workflow.title(str(number))} ({number}): {reasons}")
    text = ". ".join(part.strip(". ") for part in parts)[:600]
    text = (
        f"{server.name} does not take the workflow: {text}. Mend it in ComfyUI, or set its values with comfyui.inputs."
    )
    return UserError(text, kind="usage")


def _words(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)[:200]
    both = (str(error.get("message") or ""), str(error.get("details") or ""))
    return ": ".join(part.strip() for part in both if part.strip())[:200]


def _known(server: Server, number: str, clock: Clock) -> bool:
    """An order of an interrupted attempt is still there."""
    return bool(server.get_json(f"/history/{number}", clock).get(number)) or _place(server, number, clock) is not None


def _place(server: Server, number: str, clock: Beat) -> int | None:
    """Orders before it in the queue: -1 it runs, None it is not there."""
    told = server.get_json("/queue", clock)
    running, pending = told.get("queue_running"), told.get("queue_pending")
    if not isinstance(running, list) or not isinstance(pending, list):
        raise server.strange("no queue")
    if any(_numbered(each, number) for each in running):
        return -1
    mine = [each[0] for each in pending if _numbered(each, number)]
    return len(running) + sum(_before(each, mine[0]) for each in pending) if mine else None


def _numbered(row: Any, number: str) -> bool:
    return isinstance(row, list) and row[1:2] == [number]


def _before(row: Any, place: Any) -> bool:
    """Rows of the queue begin with the place that they were given."""
    both = isinstance(row, list) and isinstance(place, int | float) and row and isinstance(row[0], int | float)
    return bool(both and row[0] < place)


def _awaited(server: Server, number: str, end: float, clock: Clock) -> dict[str, Any]:
    """What the server's history says of the order when it has ended well."""
    import time

    from ..remote import rest

    missing = 0
    while time.time() < end:
        entry = server.get_json(f"/history/{number}", clock).get(number)
        if isinstance(entry, dict):
            return _ended_well(entry, server)
        place = _place(server, number, clock)
        missing = missing + 1 if place is None else 0
        if missing > 2:  # between the queue and the history it is nowhere for a moment
            text = f"{server.name} no longer knows the order: it was started anew, or its queue was cleared."
            raise UserError(f"{text} Run it again.", kind="backend")
        if place is not None:
            clock.phase = f"{server.name} works" if place < 0 else f"Waiting at {server.name}, {place} before it"
        rest(POLL, clock)
    text = f"{server.name} had no mesh in time. Look at its window, or raise comfyui.wait_s. It was told to stop."
    raise UserError(text, kind="timeout")


def _ended_well(entry: dict[str, Any], server: Server) -> dict[str, Any]:
    status = entry.get("status")
    if not isinstance(status, dict) or status.get("status_str") != "error":
        return entry
    for message in status.get("messages") or []:
        kind, told = message if isinstance(message, list) and len(message) == 2 else ("", {})
        if kind == "execution_interrupted":
            raise UserError(f"The workflow was stopped at {server.name}. Run it again.", kind="backend")
        if kind == "execution_error" and isinstance(told, dict):
            words = " ".join(str(told.get("exception_message") or told.get("exception_type") or "?").split())[:300]
            text = f"The node {told.get('node_type')} ({told.get('node_id')}) failed at {server.name}: {words}."
            raise UserError(f"{text} Mend the workflow in ComfyUI, or look at its window.", kind="backend")
    raise UserError(
        f"The workflow failed at {server.name}, which does not say why. Look at its window.", kind="backend"
    )


def _saved(entry: dict[str, Any], workflow: Workflow, wanted: str, server: Server, report: Report) -> tuple[str, str]:
    """The mesh file that the workflow saved: its name, and how to ask for it."""
    from urllib.parse import urlencode

    from ..geometry.formats import ENDINGS

    outputs = entry.get("outputs")
    found = []
    for number, told in outputs.items() if isinstance(outputs, dict) else ():
        if wanted in ("", number):
            found += [(number, file) for file in _files(told) if file["filename"].lower().endswith(ENDINGS)]
    if not found:
        where = f"The node {workflow.title(wanted)}" if wanted else "The workflow"
        text = (
            f"{where} saved no mesh ({', '.join(ENDINGS)}). Let it end in a node that saves one, such as Save 3D Model"
        )
        raise UserError(f"{text}; if {server.name} has done the same before, another seed makes it work anew.")
    number, file = found[-1]
    if len({each["filename"] for _, each in found}) > 1:
        text = f"The workflow saved {len(found)} meshes; {file['filename']} of {workflow.title(number)} was taken."
        report.warn(f"{text} Choose with comfyui.output.")
    return file["filename"], urlencode(file)


def _files(told: Any, depth: int = 0) -> Iterator[dict[str, str]]:
    """Files named anywhere in what a node says of itself: as ComfyUI's own nodes do, or as a path of its output."""
    if depth > 6:
        return
    if isinstance(told, dict) and isinstance(told.get("filename"), str):
        yield {
            key: str(told.get(key) or usual) for key, usual in (("filename", ""), ("subfolder", ""), ("type", "output"))
        }
    elif isinstance(told, str):
        folder, _, name = told.replace("\\", "/").removesuffix(" [output]").rpartition("/")
        if name and not folder.startswith("/") and ":" not in folder:
            yield {"filename": name, "subfolder": folder, "type": "output"}
    elif isinstance(told, dict | list):
        for each in told.values() if isinstance(told, dict) else told:
            yield from _files(each, depth + 1)


def _stop(server: Server, number: str) -> None:
    """Out of the queue, or interrupted if it is the one that runs: other people's orders are left alone."""
    import contextlib
    import json

    from ..remote import go_on

    hurried = server.hurried(HURRY)
    with contextlib.suppress(UserError):
        hurried.post_json("/queue", json.dumps({"delete": [number]}).encode(), go_on)
        if _place(hurried, number, go_on) == -1:
            hurried.post_json("/interrupt", json.dumps({"prompt_id": number}).encode(), go_on)
