# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped model on real photos: what comes is a closed, upright, painted body, the same each time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image, ImageDraw

from galatea.backend.backends import lift
from galatea.backend.backends.cutout import Backend as Cutout
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.job import Request

from .test_relief import Notes

EXAMPLES = Path(__file__).resolve().parents[2] / "presets" / "examples"


def filled(spec: Any, **params: Any) -> dict[str, Any]:
    return {param.name: params.get(param.name, param.default) for param in spec.params}


@pytest.fixture(scope="module")
def backend() -> lift.Backend:
    return lift.Backend()


@pytest.fixture(scope="module")
def cutout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cut")
    request = Request.of(Cutout.spec, inputs={"image": EXAMPLES / "otter.jpg"})
    Cutout().run(request, filled(Cutout.spec), Notes(folder))  # type: ignore[arg-type]
    return folder / "cutout.png"


def run(backend: lift.Backend, picture: Path, out: Path, **params: Any) -> Notes:
    notes = Notes(out)
    request = Request.of(lift.Backend.spec, inputs={"cutout": picture})
    backend.run(request, filled(lift.Backend.spec, **params), notes)  # type: ignore[arg-type]
    return notes


def load(out: Path) -> dict[str, np.ndarray]:
    with np.load(out / "mesh.npz") as file:
        return dict(file)


def test_a_photo_becomes_a_closed_body_on_the_floor(backend: lift.Backend, cutout: Path, tmp_path: Path) -> None:
    notes = run(backend, cutout, tmp_path, grid=96, size_m=2.0)
    mesh = load(tmp_path)
    body = trimesh.Trimesh(mesh["vertices"], mesh["faces"], process=False)
    assert body.is_watertight and body.volume > 0
    assert body.extents.max() == pytest.approx(2.0, rel=1e-4)
    assert body.bounds[0, 2] == pytest.approx(0, abs=1e-5)
    assert np.abs(body.bounds[:, :2].sum(axis=0)).max() < 1e-4
    assert mesh["uv"].shape == (len(mesh["faces"]), 3, 2) and mesh["colors"].shape == (len(mesh["vertices"]), 4)
    assert mesh["colors"].min() >= 0 and mesh["colors"].max() <= 1
    assert len(notes.phases) > 8 and notes.phases[-1][1] == 1.0
    fractions = [fraction for _, fraction in notes.phases]
    assert fractions == sorted(fractions)


def test_the_outline_is_that_of_the_photo(backend: lift.Backend, cutout: Path, tmp_path: Path) -> None:
    """Each face that the photo shows finds its place inside of the cut-out."""
    run(backend, cutout, tmp_path, grid=128)
    mesh = load(tmp_path)
    cover = mesh["colors"][mesh["faces"]][..., 3].mean(axis=1)
    seen = mesh["uv"][cover < 0.05].mean(axis=1)
    assert len(seen) > 500
    alpha = lift.framed(str(cutout), 512)[..., 3] > 127
    side = len(alpha)
    inside = alpha[((1 - seen[:, 1]) * side).astype(int), (seen[:, 0] * side).astype(int)]
    assert inside.mean() > 0.97
    place = (seen * side).astype(int)
    shown = np.zeros_like(alpha)
    shown[side - 1 - place[:, 1], place[:, 0]] = True
    coarse = [picture.reshape(side // 16, 16, side // 16, 16).any(axis=(1, 3)) for picture in (shown, alpha)]
    assert (coarse[0] & coarse[1]).sum() / coarse[1].sum() > 0.8, "most of the photo is on the body"


def test_the_same_request_gives_the_same_bytes(backend: lift.Backend, cutout: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(backend if name == "a" else lift.Backend(), cutout, tmp_path / name, grid=64)
    for file in ("mesh.npz", "albedo.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_settings_do_what_they_say(backend: lift.Backend, cutout: Path, tmp_path: Path) -> None:
    volumes = []
    for solid in (0.2, 0.5, 0.8):
        run(backend, cutout, tmp_path / str(solid), grid=64, solid=solid)
        mesh = load(tmp_path / str(solid))
        body = trimesh.Trimesh(mesh["vertices"], mesh["faces"], process=False)
        volumes.append(body.volume / np.prod(np.sort(body.extents)[1:]))
    assert volumes[0] > volumes[1] > volumes[2]
    run(backend, cutout, tmp_path / "mirror", grid=64, back_texture="mirror")
    assert (load(tmp_path / "mirror")["colors"][:, 3] == 0).all()


PROCESS = """
import sys
from galatea.backend.protocol.job import Request
from galatea.backend.protocol.store import JobStore
from galatea.backend.runners.inline import InlineRunner
from galatea.backend.worker import find
from pathlib import Path
store, backend = JobStore(Path(sys.argv[2])), find.load("lift")
request = Request.of(backend.spec, {"cutout": Path(sys.argv[1])}, {"grid": 64}, seed=3)
runner = InlineRunner(store, lambda name: backend)
runner.submit(request)
runner.poll()
result = store.result(request.id)
assert result.state == "done", result.failure
print(store.files(result)["mesh"])
"""


def test_two_processes_give_the_same_bits(cutout: Path, tmp_path: Path) -> None:
    made = []
    for name in "ab":
        command = [sys.executable, "-c", PROCESS, str(cutout), str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        made.append(Path(done.stdout.strip()))
    a, b = (load(path.parent) for path in made)
    assert made[0] != made[1] and set(a) == {"vertices", "faces", "uv", "colors", "confidence"}
    for name, array in a.items():
        assert array.dtype == b[name].dtype and array.tobytes() == b[name].tobytes(), name


def test_confidence_is_1_where_the_photo_sees_and_less_behind(
    backend: lift.Backend, cutout: Path, tmp_path: Path
) -> None:
    notes = run(backend, cutout, tmp_path, grid=64)
    mesh = load(tmp_path)
    sure, cover = mesh["confidence"], mesh["colors"][:, 3]
    assert sure.shape == (len(mesh["vertices"]),) and sure.dtype == np.float32
    assert sure.min() >= 0 and sure.max() <= 1
    seen, behind = sure[cover < 0.01], sure[cover > 0.99]
    assert seen.min() > 0.98
    assert len(behind) > 500 and behind.max() < seen.min() and behind.std() > 0.02
    assert behind.min() <= notes.metrics["back_confidence"] <= behind.max()


@pytest.mark.parametrize("back", ["mirror", "flat"])
def test_another_back_leaves_the_front(backend: lift.Backend, cutout: Path, tmp_path: Path, back: str) -> None:
    backs = {}
    for name in ("predicted", back):
        notes = run(backend, cutout, tmp_path / name, grid=64, back=name)
        assert ("back_confidence" in notes.metrics) == (name == "predicted"), "what the user chose is no guess"
        mesh = load(tmp_path / name)
        body = trimesh.Trimesh(mesh["vertices"], mesh["faces"], process=False)
        assert body.is_watertight and body.volume > 0
        seen = np.abs(mesh["colors"][:, 3]) < 0.01
        uv = np.zeros((len(body.vertices), 2))
        uv[mesh["faces"].reshape(-1)] = mesh["uv"].reshape(-1, 2)
        backs[name] = np.unique((uv[seen] * 32).astype(int), axis=0), body.volume
    (shown, volume), (other, changed) = backs["predicted"], backs[back]
    both = set(map(tuple, shown)) & set(map(tuple, other))
    assert len(both) > 0.8 * len(shown)
    assert changed != pytest.approx(volume, rel=0.02)


@pytest.mark.parametrize("margin", [0, 300])
def test_the_empty_border_does_not_matter(backend: lift.Backend, cutout: Path, tmp_path: Path, margin: int) -> None:
    picture = Image.open(cutout)
    box = picture.getchannel("A").getbbox()
    assert box
    other = Image.new("RGBA", (box[2] - box[0] + 2 * margin, box[3] - box[1] + 2 * margin))
    other.paste(picture.crop(box), (margin, margin))
    other.save(tmp_path / "other.png")
    run(backend, cutout, tmp_path / "a", grid=64)
    run(backend, tmp_path / "other.png", tmp_path / "b", grid=64)
    a, b = (trimesh.Trimesh(*(load(tmp_path / n)[k] for k in ("vertices", "faces")), process=False) for n in "ab")
    assert np.allclose(a.extents, b.extents, rtol=0.05) and a.volume == pytest.approx(b.volume, rel=0.1)


def test_what_cannot_be_lifted_is_said(backend: lift.Backend, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    Image.new("RGBA", (64, 64)).save(empty)
    with pytest.raises(UserError, match="Nothing stands out"):
        run(backend, empty, tmp_path / "out")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n")
    with pytest.raises(UserError, match="Cannot read"):
        run(backend, broken, tmp_path / "out")


def test_a_hairline_and_a_dot_still_become_bodies(backend: lift.Backend, tmp_path: Path) -> None:
    for name, box in (("line", (5, 125, 250, 128)), ("dot", (100, 100, 106, 106))):
        picture = Image.new("RGBA", (256, 256))
        ImageDraw.Draw(picture).rectangle(box, fill=(200, 50, 50, 255))
        picture.save(tmp_path / f"{name}.png")
        run(backend, tmp_path / f"{name}.png", tmp_path / name, grid=64)
        mesh = load(tmp_path / name)
        assert trimesh.Trimesh(mesh["vertices"], mesh["faces"], process=False).is_watertight


def test_cancel_is_heard_everywhere(backend: lift.Backend, cutout: Path, tmp_path: Path) -> None:
    whole = run(backend, cutout, tmp_path, grid=48)
    for stop in range(0, len(whole.phases) - 1, 3):
        notes = Notes(tmp_path / "stopped")
        notes.stop_after = stop
        request = Request.of(lift.Backend.spec, inputs={"cutout": cutout})
        with pytest.raises(InterruptedError):
            backend.run(request, filled(lift.Backend.spec, grid=48), notes)  # type: ignore[arg-type]


def test_weights_that_are_released_meanwhile_are_loaded(cutout: Path, tmp_path: Path) -> None:
    """By a program that runs on, too: else what the old ones make would be kept as of the new."""
    folder = tmp_path / "weights"
    folder.mkdir()
    known = lift.hashes()
    for name in (*known, "lift.json"):
        shutil.copyfile(lift.WEIGHTS / name, folder / name)
    backend = lift.Backend(folder)
    run(backend, cutout, tmp_path / "a", grid=48)
    session = backend._session
    run(backend, cutout, tmp_path / "b", grid=48)
    assert backend._session is session, "the same are not loaded again"
    (folder / "lift.json").write_text(json.dumps({"sha256": {**known, "lift.safetensors": "0" * 64}}))
    with pytest.raises(UserError, match="damaged"):
        run(backend, cutout, tmp_path / "c", grid=48)
