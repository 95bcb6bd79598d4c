# SPDX-License-Identifier: GPL-3.0-or-later
"""A ComfyUI is handed a workflow with the user's picture and values in it; its mesh comes back, or advice does."""

from __future__ import annotations

import copy
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from galatea.backend.protocol.catalog import spec_of
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import JobState, Request

from .conftest import Comfy, Run, glb, picture_of

STEP = "comfyui"
NODES = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "old.png"}, "_meta": {"title": "Photo"}},
    "5": {
        "class_type": "KSampler",
        "inputs": {"seed": 1, "steps": 30, "cfg": 5.5, "model": ["2", 0]},
        "_meta": {"title": "Sampler v1.5"},
    },
    "9": {"class_type": "SaveGLB", "inputs": {"mesh": ["5", 0], "filename_prefix": "3d/x"}, "_meta": {"title": "Save"}},
}


def saved(folder: Path, nodes: Any = None, **more: Any) -> str:
    path = folder / "workflow.json"
    path.write_text(json.dumps({**(NODES if nodes is None else nodes), **more}))
    return str(path)


@pytest.fixture
def workflow(tmp_path: Path) -> str:
    return saved(tmp_path)


def test_picture_seed_and_values_go_where_they_belong(comfy: Comfy, run: Run, workflow: str) -> None:
    inputs = "Sampler v1.5.steps=12; 9.filename_prefix = galatea/out ;5.cfg=7"
    done = run(STEP, url=comfy.url, workflow=workflow, inputs=inputs, seed=77, paint=False)
    assert len(done.mesh()["vertices"]) == 24
    (order,) = comfy.orders.values()
    name = order["1"]["inputs"]["image"]
    wanted = copy.deepcopy(NODES)
    wanted["1"]["inputs"] = {"image": name}
    wanted["5"]["inputs"] = {"seed": 77, "steps": 12, "cfg": 7, "model": ["2", 0]}
    wanted["9"]["inputs"]["filename_prefix"] = "galatea/out"
    assert order == wanted
    upload = next(body for _, where, _, body in comfy.asked if where == "/upload/image")
    picture = picture_of(upload[upload.index(b"\x89PNG") :])
    assert (picture[picture[..., 3] == 0] == (255, 255, 255, 0)).all(), "the background stays here"
    assert (picture[..., 3] > 250).any() and name.encode() in upload and b"cutout" not in upload


def test_the_wait_is_told_as_it_is(comfy: Comfy, run: Run, workflow: str) -> None:
    comfy.waits, comfy.works, comfy.others = 2, 2, ["a", "b"]
    done = run(STEP, url=comfy.url, workflow=workflow, paint=False)
    host = comfy.url.removeprefix("http://")
    phases = [phase.partition(",")[0] for phase in done.phases]
    assert (
        phases.index(f"Waiting at {host}") < phases.index(f"{host} works") < phases.index("Fetching ComfyUI_00001_.glb")
    )
    assert any("2 before it" in phase for phase in done.phases)


def test_the_output_is_found_as_other_nodes_name_it(comfy: Comfy, run: Run, workflow: str) -> None:
    comfy.outputs = {
        "4": {"images": [{"filename": "view.png", "subfolder": "", "type": "temp"}]},
        "8": {"result": ["3d/rough.glb", {"position": 1}]},
        "9": {"result": ["3d\\fine.glb [output]", None]},
    }
    comfy.name = "3d/fine.glb"
    done = run(STEP, url=comfy.url, workflow=workflow, paint=False)
    assert "saved 2 meshes; fine.glb of Save was taken" in done.result.warnings[0]
    comfy.name = "3d/rough.glb"
    bad = run(STEP, url=comfy.url, workflow=workflow, output="save", paint=False)
    assert "404" in bad.says
    comfy.outputs = {"4": comfy.outputs["4"]}
    bad = run(STEP, url=comfy.url, workflow=workflow, output="Save", paint=False)
    assert "The node Save saved no mesh (.glb, .gltf, .obj, .ply, .stl)" in bad.says


@pytest.mark.parametrize("ending", ["ply", "stl", "obj"])
def test_plain_formats_and_other_axes(comfy: Comfy, run: Run, workflow: str, ending: str) -> None:
    tower = trimesh.creation.box((1, 2, 4), trimesh.transformations.translation_matrix((9, 9, 9)))
    data = tower.export(file_type=ending)
    comfy.mesh, comfy.name = data if isinstance(data, bytes) else data.encode(), f"tower.{ending}"
    done = run(STEP, url=comfy.url, workflow=workflow, up="z", turn=90.0, paint=False)
    mesh = done.mesh()
    assert np.ptp(mesh["vertices"], axis=0) == pytest.approx([0.5, 0.25, 1]) and len(mesh["vertices"]) == 8
    assert mesh["vertices"][:, 2].min() == 0


@pytest.mark.parametrize(
    ("nodes", "params", "says"),
    [
        (None, {"image": "Foto"}, "has no node 'Foto'. It has: 1 Photo, 5 Sampler v1.5, 9 Save."),
        (None, {"image": "5"}, "'5' of workflow.json has no input 'image'. It has: seed, steps, cfg, model."),
        (None, {"inputs": "Sampler v1.5.model=x"}, "comes from another node"),
        (None, {"inputs": "steps"}, "takes title.input=value"),
        (None, {"inputs": "5=3"}, "several inputs: write title.input"),
        (None, {"output": "Export"}, "has no node 'Export'"),
        (None, {"seed_input": "7.seed"}, "has no node '7'"),
        ({"1": NODES["9"]}, {}, "has no node that loads a picture"),
        ({**NODES, "2": NODES["1"]}, {}, "has 2 nodes that load a picture"),
        ({**NODES, "2": NODES["1"]}, {"image": "Photo"}, "has 2 nodes titled 'Photo': 1, 2. Use the number."),
        ({"nodes": [], "links": []}, {}, "is a workflow for the canvas"),
        ({"a": 1}, {}, "is no workflow"),
        ({}, {}, "is no workflow"),
    ],
)
def test_a_wrong_workflow_is_told_before_anything_is_sent(
    comfy: Comfy, run: Run, tmp_path: Path, nodes: Any, params: dict[str, str], says: str
) -> None:
    done = run(STEP, url=comfy.url, workflow=saved(tmp_path, nodes), **params)
    assert says in done.says and done.kind == "usage"
    assert not comfy.asked


def test_no_workflow_or_no_json_says_how_to_make_one(comfy: Comfy, run: Run, tmp_path: Path) -> None:
    assert "choose Workflow > Export (API)" in run(STEP, url=comfy.url).says
    (tmp_path / "photo.json").write_bytes(b"\x89PNG")
    assert "photo.json is no JSON" in run(STEP, url=comfy.url, workflow=str(tmp_path / "photo.json")).says
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert "is no JSON" in run(STEP, url=comfy.url, workflow=str(tmp_path / "deep.json")).says


def test_the_content_of_the_workflow_makes_the_job(cutout: Path, tmp_path: Path) -> None:
    spec, first = spec_of(STEP), saved(tmp_path)

    def job(path: str) -> str:
        return Request.of(spec, {"cutout": cutout}, {"workflow": path}).id

    before = job(first)
    other = tmp_path / "other name.json"
    other.write_bytes(Path(first).read_bytes())
    assert job(str(other)) == before
    other.write_text(other.read_text().replace("30", "31"))
    assert job(str(other)) != before
    other.unlink()
    with pytest.raises(UserError, match=r"comfyui.workflow: there is no file .*other name.json. Choose another"):
        job(str(other))


REFUSAL = {
    "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation", "details": ""},
    "node_errors": {
        "5": {"errors": [{"message": "Value not in list", "details": "model: 'a' not in []"}], "class_type": "KSampler"}
    },
}
FAILED = {"node_id": "5", "node_type": "KSampler", "exception_message": "CUDA\nout"}
MISSING = {
    "error": {"type": "invalid_prompt", "message": "Cannot execute because node Hy3D does not exist.", "details": ""}
}


@pytest.mark.parametrize(
    ("faults", "says", "kind"),
    [
        ([None, (400, REFUSAL)], "Sampler v1.5 (5): Value not in list: model: 'a' not in []. Mend", "usage"),
        ([None, (400, MISSING)], "workflow: Cannot execute because node Hy3D does not exist. M", "usage"),
        ([None, (400, {"error": "no prompt", "node_errors": []})], "take the workflow: no prompt. Mend", "usage"),
        ([None, (429, b"queue full")], "busy or not ready (429: queue full). Try again later.", "backend"),
        ([None, (200, {"prompt_id": "../x"})], "no number for the order", "backend"),
        ([(400, b"")], "answers 400", "backend"),
        ([(200, {"name": 3})], "no name for the picture", "backend"),
        ([None, None, (200, b"<html>")], "JSON was expected", "backend"),
        ([None, None, (200, {}), (200, {"queue_running": 5})], "answers with no queue", "backend"),
        ([None, None, None, "gone"], "broke the connection off", "backend"),
        ([None, None, "silent"], "was silent for 1 s", "timeout"),
    ],
    ids=str,
)  # fmt: skip
def test_a_fault_says_what_to_do(
    comfy: Comfy, run: Run, workflow: str, faults: list[Any], says: str, kind: str
) -> None:
    comfy.faults = list(faults)
    done = run(STEP, url=comfy.url, workflow=workflow, paint=False, **({"stall_s": 1.0} if "silent" in faults else {}))
    assert says in done.says and done.kind == kind
    comfy.faults, comfy.works = [], 1
    assert run(STEP, url=comfy.url, workflow=workflow, paint=False).result.state is JobState.DONE


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([["execution_start", {}], ["execution_error", FAILED]],
         "The node KSampler (5) failed at"),
        ([["execution_interrupted", {"node_id": "5"}]], "was stopped at"),
        ([["new_kind", 3], "x"], "does not say why"),
    ],
)  # fmt: skip
def test_a_workflow_that_fails_says_where(
    comfy: Comfy, run: Run, workflow: str, messages: list[Any], says: str
) -> None:
    comfy.error = messages
    done = run(STEP, url=comfy.url, workflow=workflow)
    assert says in done.says and ("CUDA out" in done.says) == ("KSampler" in says)


def test_an_order_that_is_lost_or_takes_too_long_is_given_up(comfy: Comfy, run: Run, workflow: str) -> None:
    comfy.works = -1
    done = run(STEP, url=comfy.url, workflow=workflow, wait_s=2.0)
    assert "had no mesh in time" in done.says and comfy.interrupted == ["0000-0"]
    done = run(STEP, url=comfy.url, workflow=workflow, wait_s=60.0, until="works",
               then=lambda runner, job: setattr(comfy, "lost", True))  # fmt: skip
    assert "no longer knows the order" in done.says


def test_a_cancel_interrupts_the_order_that_runs(comfy: Comfy, run: Run, workflow: str) -> None:
    comfy.works = -1
    done = run(STEP, url=comfy.url, workflow=workflow, until=" works", then=lambda runner, job: runner.cancel(job))
    assert done.result.state is JobState.CANCELLED
    assert comfy.interrupted == ["0000-0"]


def test_a_cancel_takes_a_waiting_order_out_and_leaves_those_of_others(comfy: Comfy, run: Run, workflow: str) -> None:
    comfy.waits = 10**6
    done = run(STEP, url=comfy.url, workflow=workflow, until="before it", then=lambda runner, job: runner.cancel(job))
    assert done.result.state is JobState.CANCELLED
    assert comfy.deleted == ["0000-0"] and not comfy.interrupted


def test_a_killed_worker_fetches_the_order_that_it_gave(comfy: Comfy, run: Run, workflow: str) -> None:
    comfy.works = -1
    died = run(STEP, url=comfy.url, workflow=workflow, until=" works", paint=False,
               then=lambda runner, job: os.kill(runner.pid or 0, signal.SIGKILL))  # fmt: skip
    assert died.result.state is JobState.FAILED
    comfy.works = 1
    assert run(STEP, url=comfy.url, workflow=workflow, again=True, paint=False).result.state is JobState.DONE
    assert len(comfy.orders) == 1 and not comfy.interrupted


def test_a_mesh_of_the_wrong_kind_is_refused(comfy: Comfy, run: Run, workflow: str) -> None:
    for data, says in (
        (b"<html>", "it is no mesh but a page of text"),
        (b"", "it is empty"),
        (glb()[:300], "it is cut off"),
    ):
        comfy.mesh, comfy.orders, comfy.works = data, {}, 1
        assert f"cannot be used: {says}" in run(STEP, url=comfy.url, workflow=workflow).says
