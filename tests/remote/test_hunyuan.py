# SPDX-License-Identifier: GPL-3.0-or-later
"""A Hunyuan3D server is asked as it wants to be asked, and whatever it answers the job ends with a mesh or advice."""

from __future__ import annotations

import base64
import os
import signal
import socket
from typing import Any

import numpy as np
import pytest

from galatea.backend.protocol.job import JobState

from .conftest import Hunyuan, Run, glb, picture_of

STEP = "hunyuan3d_server"
FAILED = (404, {"text": "**NETWORK ERROR DUE TO HIGH TRAFFIC.**", "error_code": 1})


@pytest.mark.parametrize("way", ["generate", "send"])
def test_a_mesh_comes_in_our_axes(hunyuan: Hunyuan, run: Run, way: str) -> None:
    hunyuan.mesh = glb(picture=True)
    done = run(STEP, url=hunyuan.url, way=way, texture=True, size_m=0.5)
    mesh = done.mesh()
    points, faces = mesh["vertices"], mesh["faces"]
    assert points.dtype == np.float32 and faces.dtype == np.int32
    assert np.ptp(points, axis=0).max() == pytest.approx(0.5) and points[:, 2].min() == 0
    low, high = points.min(axis=0), points.max(axis=0)
    assert np.ptp(points, axis=0).argmax() == 2, "upright"
    nose = points[np.abs(points[:, 1] - low[1]) < 1e-6]
    assert nose[:, 2].min() > 0.5 * high[2] and np.ptp(nose[:, 0]) < 0.2 * np.ptp(points[:, 0]), "it faces -Y"
    arm = points[np.abs(points[:, 0] - high[0]) < 1e-6]
    assert np.ptp(arm[:, 2]) < 0.3 * high[2], "its arm is at +X"
    a, b, c = (points[faces[:, k]].astype(float) for k in range(3))
    assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 > 0, "faces are seen from outside"
    assert len(points) == 24, "the vertices of seams are one again"
    colors = done.albedo()[4, (mesh["uv"][..., 0] * 16).astype(int)]
    assert (colors[points[faces][..., 0] == low[0]] == (200, 30, 40)).all()
    assert (colors[points[faces][..., 0] == high[0]] == (20, 60, 210)).all()


def test_it_is_told_all_settings_and_the_seed(hunyuan: Hunyuan, run: Run) -> None:
    run(
        STEP,
        url=hunyuan.url,
        seed=2**32 + 5,
        texture=True,
        octree_resolution=300,
        num_inference_steps=7,
        face_count=999,
    )
    (order,) = hunyuan.bodies("/generate")
    picture = picture_of(base64.b64decode(order.pop("image")))
    assert order == {
        "texture": True,
        "seed": 5,
        "octree_resolution": 300,
        "num_inference_steps": 7,
        "guidance_scale": 5.0,
        "num_chunks": 8000,
        "face_count": 999,
        "remove_background": False,
    }
    assert picture.shape[2] == 4 and picture.shape[0] == picture.shape[1] <= 1024
    assert not (np.abs(picture[..., :3].astype(int) - (1, 250, 3)).max(axis=2) < 40).any(), "the background stays here"


def test_a_mesh_without_colours_is_painted_with_the_photo(hunyuan: Hunyuan, run: Run) -> None:
    done = run(STEP, url=hunyuan.url)
    assert {asset.role for asset in done.result.assets} == {"mesh", "albedo"}
    assert np.abs(done.mesh()["colors"][:, :3].mean(axis=0) * 255 - (190, 40, 30)).max() < 20
    bare = run(STEP, url=hunyuan.url, paint=False)
    assert {asset.role for asset in bare.result.assets} == {"mesh"} and set(bare.mesh()) == {"vertices", "faces"}


def test_progress_says_only_what_is_known(hunyuan: Hunyuan, run: Run) -> None:
    done = run(STEP, url=hunyuan.url, way="send")
    waiting = [event.fraction for event in done.events if "makes the mesh" in getattr(event, "phase", "")]
    assert len(waiting) > 3 and set(waiting) == {0.05}
    assert any(phase.endswith(" s") for phase in done.phases), "how long it has worked already"


FAULTS: list[tuple[list[Any], str, str]] = [
    ([FAILED], "says only 'NETWORK ERROR DUE TO HIGH TRAFFIC.'. Its window tells", "backend"),
    ([(500, b"<html><style>x{}</style><h1>It</h1>\nfell</html>")], "500: It fell", "backend"),
    ([(404, {"detail": "Not Found"})], "another program? Start it with `python api_server.py", "backend"),
    ([(422, {"detail": [{"loc": ["body", "num_inference_steps"], "msg": "at most 20"}]})], "num_inference_steps: at m",
     "usage"),
    ([(503, b"")], "busy or not ready (503)", "backend"),
    ([(429, {"detail": "queue full"})], "busy or not ready (429: queue full)", "backend"),
    ([(413, b"")], "takes no cut-out picture of this size", "backend"),
    ([(401, b"who are you")], 'GALATEA_REMOTE_KEY="127.0.0.1=YOUR KEY"', "backend"),
    (["elsewhere"], "sends on to 'http://127.0.0.1:9/thief', which is not followed", "backend"),
    (["gone"], "broke the connection off", "backend"),
    (["cut"], "ended its answer in the middle", "backend"),
    (["stall"], "silent for 1 s in the middle of its answer", "timeout"),
    (["huge"], "too large (1099.5 GB or more, 537 MB is the most)", "backend"),
    (["babble"], "does not speak HTTP", "backend"),
    ([(200, b"<html>Please log in</html>")], "are no GLB", "backend"),
    ([(200, b"")], "0 bytes that are no GLB", "backend"),
    ([(200, glb()[:-40])], "it is cut off", "backend"),
    ([(200, glb().replace(b'"indices":0', b'"indices":9'))], "it has no accessors number 9", "backend"),
]  # fmt: skip


@pytest.mark.parametrize(("faults", "says", "kind"), FAULTS, ids=[says for _, says, _ in FAULTS])
def test_a_fault_says_what_to_do_and_the_next_try_works(
    hunyuan: Hunyuan, run: Run, faults: list[Any], says: str, kind: str
) -> None:
    hunyuan.faults = list(faults)
    done = run(STEP, url=hunyuan.url, paint=False, **({"stall_s": 1.0} if faults == ["stall"] else {}))
    assert says in done.says and done.kind == kind
    assert not list(done.store.folder(done.result.job).glob("out-*"))
    assert run(STEP, url=hunyuan.url, paint=False).result.state is JobState.DONE


def test_one_that_never_answers_is_given_up(hunyuan: Hunyuan, run: Run) -> None:
    hunyuan.faults = ["silent"]
    done = run(STEP, url=hunyuan.url, wait_s=1.0)
    assert "was silent for 1 s" in done.says and done.kind == "timeout"


def test_nobody_there_says_what_to_start(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    done = run(STEP, url=f"http://127.0.0.1:{port}")
    assert f"Nothing listens at 127.0.0.1:{port}. Start it with `python api_server.py --port 8081`" in done.says
    assert "hunyuan3d_server.url" in done.says


def test_the_short_way_waits_for_a_file_that_is_being_written(hunyuan: Hunyuan, run: Run) -> None:
    hunyuan.partial = 1
    assert len(run(STEP, url=hunyuan.url, way="send").mesh()["vertices"]) == 24


def test_the_short_way_ends_where_the_server_never_would(hunyuan: Hunyuan, run: Run) -> None:
    hunyuan.version = "2.1"
    done = run(STEP, url=hunyuan.url, way="send")
    assert "set hunyuan3d_server.way to generate" in done.says.replace("Set", "set") and done.kind == "usage"
    hunyuan.looks = 10**6
    assert "had no mesh after 1 s" in run(STEP, url=hunyuan.url, way="send", wait_s=1.0).says


@pytest.mark.parametrize("answer", [{"uid": "../../etc"}, {"uid": 7}, {}, [1], b"no json"])
def test_a_strange_number_is_refused(hunyuan: Hunyuan, run: Run, answer: Any) -> None:
    hunyuan.faults = [(200, answer)]
    assert "Is it another program?" in run(STEP, url=hunyuan.url, way="send").says
    assert all(where == "/send" for _, where, _, _ in hunyuan.asked)


def test_a_cancel_ends_the_waiting_and_says_that_the_server_goes_on(hunyuan: Hunyuan, run: Run) -> None:
    hunyuan.slow = True
    done = run(STEP, url=hunyuan.url, until="makes the mesh", then=lambda runner, job: runner.cancel(job))
    assert done.result.state is JobState.CANCELLED
    assert any("cannot be told to stop" in getattr(event, "text", "") for event in done.events)


def test_a_killed_worker_asks_for_the_same_order_again(hunyuan: Hunyuan, run: Run) -> None:
    hunyuan.looks = 10**6
    died = run(
        STEP,
        url=hunyuan.url,
        way="send",
        until="makes the mesh, 1 s",
        then=lambda w, job: os.kill(w.pid or 0, signal.SIGKILL),
    )
    assert died.result.state is JobState.FAILED
    hunyuan.looks = 0
    assert run(STEP, url=hunyuan.url, way="send", again=True).result.state is JobState.DONE
    assert len(hunyuan.bodies("/send")) == 1


def test_the_key_is_sent_and_never_written(hunyuan: Hunyuan, warm: Any, run: Run) -> None:
    warm.close()
    warm.environment["GALATEA_REMOTE_KEY"] = "other.host=wrong 127.0.0.1=s3cret"
    try:
        done = run(STEP, url=hunyuan.url)
        assert hunyuan.asked[0][2]["authorization"] == "Bearer s3cret"
        hunyuan.faults = [(500, b"your key s3cret is wrong")]
        bad = run(STEP, url=hunyuan.url, size_m=2.0)
        assert "your key *** is wrong" in bad.says
        for each in (done, bad):
            for path in each.store.folder(each.result.job).rglob("*"):
                assert not path.is_file() or b"s3cret" not in path.read_bytes()
    finally:
        warm.close()
        warm.environment.clear()
    run(STEP, url=hunyuan.url, size_m=3.0)
    assert "authorization" not in hunyuan.asked[-1][2]
