# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the evaluation: predictors that behave badly, processes that die, tables, own meshes, photos, Blender."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from galatea.backend.cli.learn import ENCODER
from galatea.backend.learn import pool
from galatea.backend.learn.evaluate import baselines, holdout, metrics, own, pairs, photos, report, run, table
from galatea.backend.learn.evaluate.baselines import Predictor
from galatea.backend.learn.evaluate.shape import Shape
from galatea.backend.learn.things import thing as things
from galatea.backend.protocol.claims import process_alive
from galatea.backend.protocol.errors import UserError

from .judged import KEYS, chair, little_holdout, make

MAKE: Callable[..., Callable[[str], Predictor]] = lambda data, out: partial(  # noqa: E731
    run.predictor, data=data, encoder=ENCODER, out=out
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return little_holdout(tmp_path)


def test_bootstrap_is_seeded_and_sane() -> None:
    values = list(np.random.default_rng(0).normal(5, 1, 400))
    mean, low, high = table.bootstrap(values)
    assert (mean, low, high) == table.bootstrap(values)
    assert low < mean < high
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert table.bootstrap([3.0]) == (3.0, 3.0, 3.0)


def test_the_camera_of_a_key_is_always_the_same_and_in_range() -> None:
    drawn = [holdout.draw(f"test--{i}") for i in range(200)]
    assert drawn[0] == holdout.draw("test--0")
    for name, (low, high) in (("azimuth", holdout.AZIMUTH), ("elevation", holdout.ELEVATION), ("fov", holdout.FOV)):
        values = [view[name] for view in drawn]
        assert low <= min(values) < low + (high - low) / 10
        assert high >= max(values) > high - (high - low) / 10


def test_the_oracle_beats_the_ball_and_has_the_colours(data: Path) -> None:
    read = baselines.stored(data, "holdout")
    for key in KEYS:
        goal = read(key)
        near = metrics.score(baselines.oracle(data)(Path(), key), goal).values
        ball = metrics.score(baselines.sphere()(Path(), key), goal).values
        assert near["cd"] < ball["cd"] / 3
        assert near["f0.05"] > 0.97
        assert near["watertight"] == 1
        assert near["psnr"] > ball["psnr"] + 5


def test_relief_is_run_as_the_backend_it_is(data: Path) -> None:
    body = baselines.backend("relief", {"grid": 64})(data / "holdout" / "test--box.png", "test--box")
    assert np.ptp(body.vertices, axis=0).max() == pytest.approx(1, abs=0.01)
    assert body.paint
    middle = body.paint(np.arange(len(body.faces)), np.full((len(body.faces), 3), 1 / 3)).mean(axis=0)
    assert np.allclose(middle, np.array([200, 120, 40]) / 255, atol=0.05)


def test_nearest_takes_the_most_alike(data: Path) -> None:
    features = np.array([[1.0, 0], [0, 3], [-1, 0]])
    keys = ["test--box", "test--chair", "test--box"]
    predict = baselines.nearest(lambda path: np.array([0.2, 0.9]), features, keys, baselines.stored(data, "holdout"))
    made = predict(Path(), "")
    assert isinstance(made, Shape)
    assert len(made.faces) == len(chair().faces)


def test_a_run_goes_on_where_it_stood_and_counts_failures(data: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def bad(picture: Path, key: str) -> Any:
        asked.append(key)
        if key == "test--box":
            raise RuntimeError("out of luck")
        box = trimesh.creation.box((1, 1, 1))
        return box.vertices, box.faces, None

    out = tmp_path / "out"
    rivals = {"bad": bad, "sphere": baselines.sphere()}
    told: list[tuple[str, str]] = []

    def go() -> pairs.Records:
        scorer = pairs.Holdout(data, rivals.__getitem__, out)
        return pairs.run(scorer, list(rivals), KEYS, progress=lambda name, key, done, of: told.append((name, key)))

    records = go()
    assert asked == list(KEYS)
    assert len(told) == 4
    assert records["bad"]["test--box"]["reason"] == "RuntimeError: out of luck"

    (out / "scores" / "sphere" / "test--box.json").unlink()
    again = go()
    assert asked == list(KEYS)
    assert told[4:] == [("sphere", "test--box")]
    same = again["bad"]["test--chair"]["values"]
    assert same == records["bad"]["test--chair"]["values"]

    entry = table.summary(again, reference="sphere")["predictors"]["bad"]
    assert entry["n"] == 2
    assert entry["failed"] == {"test--box": "RuntimeError: out of luck"}
    assert entry["scores"]["cd"]["mean"] == pytest.approx((0.5 + same["cd"]) / 2)
    assert entry["scores"]["cd"]["n"] == 2
    assert entry["worst"][0] == "test--box"
    assert entry["ratio"]["f0.05"]["ratio"] < 1
    assert set(entry["categories"]) == {"box", "chair"}

    def line(name: str, key: str, record: pairs.Record) -> Any:
        return key, data / "holdout" / f"{key}.png", [out / "strips" / name / f"{key}.png"]

    text = report.write(again, "Hold-out", metrics.PROTOCOL, out, line, {"test--lost": "no picture"})
    assert text == (out / "table.md").read_text(encoding="utf-8")
    assert "| bad | 2 | 1 |" in text
    assert "failed: test--box: RuntimeError: out of luck" in text
    assert "- test--lost: no picture" in text
    assert "LPIPS" not in text
    with Image.open(out / "worst-bad.png") as picture:
        assert picture.height == 2 * 144


def test_two_processes_score_what_one_does(data: Path, tmp_path: Path) -> None:
    found = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        scorer = pairs.Holdout(data, MAKE(data, out), out)
        records = pairs.run(scorer, ["sphere", "truth"], KEYS, workers=workers)
        found.append([(name, key, record["values"]) for name, mine in records.items() for key, record in mine.items()])
    assert found[0] == found[1]
    assert len(found[0]) == 4


def test_a_process_that_dies_costs_its_job_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = ["open('a', 'a').close()", "import os; os._exit(9)", "open('b', 'a').close()"]
    assert [isinstance(made, pool.Died) for _, made in pool.each(exec, jobs, 2)] == [False, True, False]
    assert Path("a").exists()
    assert Path("b").exists()


ASKER = """
import os, time
from galatea.backend.learn import pool
def work(_):
    print(os.getpid(), flush=True)
    time.sleep(600)
if __name__ == "__main__":
    list(pool.each(work, [1, 2], 2))
"""


def test_those_who_work_end_with_a_killed_asker(tmp_path: Path) -> None:
    path = tmp_path / "asker.py"
    path.write_text(ASKER)
    asker = subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True)
    assert asker.stdout
    workers = [int(asker.stdout.readline()) for _ in range(2)]
    assert all(map(process_alive, workers))
    asker.kill()
    asker.wait()
    asker.stdout.close()
    end = time.monotonic() + 120
    while any(map(process_alive, workers)):
        assert time.monotonic() < end, "they wait for calls of nobody"
        time.sleep(0.05)


def record(category: str, **values: float) -> pairs.Record:
    return {"state": "done", "category": category, "values": {"watertight": 1.0} | values}


def test_the_bars_say_what_holds_and_which_class_is_behind() -> None:
    good = {"cd": 0.02, "f0.02": 0.6, "nc": 0.8, "iou": 0.7}
    plain = {"cd": 0.04, "f0.02": 0.4, "nc": 0.7, "iou": 0.6}
    records = {
        "relief": {"a": record("chairs", **plain), "b": record("lamps", **plain)},
        "retrieval": {"a": record("chairs", **plain), "b": record("lamps", **good)},
        "lift": {"a": record("chairs", **good), "b": record("lamps", **(good | {"nc": 0.69}))},
    }
    told = table.summary(records)["predictors"]
    assert "bars" not in told["retrieval"]
    held = {bar["bar"] + bar["asked"]: bar for bar in told["lift"]["bars"]}
    assert held["cd against relief<= 0.75"]["has"] == pytest.approx(0.5)
    assert held["cd against relief<= 0.6"]["holds"]
    assert held["f0.02 against relief>= 1.5"]["holds"]
    assert held["nc against relief" + "better"]["holds"]
    assert not held["nc against retrievalbetter"]["holds"]
    assert held["cd against retrievalbetter"]["holds"]
    assert held["watertight1"]["holds"]
    assert not held["objects>= 200"]["holds"]
    behind = held["classes worse than reliefnone"]
    assert not behind["holds"]
    assert behind["has"] == {"lamps: nc": {"ratio": pytest.approx(0.69 / 0.7), "n": 1}}
    assert told["lift"]["category_ratios"]["chairs"]["cd"] == {"ratio": pytest.approx(0.5), "better": 1.0, "n": 1}
    del records["retrieval"]
    text = report.markdown({"title": "T", "protocol": "P", "left_out": {}} | table.summary(records))
    assert "| cd against retrieval | better |  | ? |" in text
    assert "lamps: nc 0.99 (n 1)" in text
    assert json.loads(json.dumps(table.summary(records)))
    lost = {"lift": {"a": {"state": "failed", "category": "chairs", "reason": "nothing came"}}}
    text = report.markdown({"title": "T", "protocol": "P", "left_out": {}} | table.summary(lost))
    assert "| lift | 1 | 1 |" in text


def test_a_folder_of_meshes_becomes_a_holdout(tmp_path: Path) -> None:
    """As GSO is laid out: a folder for each object, Z up; and a file that is none."""
    folder, told = tmp_path / "gso", list[str]()
    for name in ("Blue_Chair", "Red_Chair"):
        (folder / name / "meshes").mkdir(parents=True)
        chair().export(folder / name / "meshes" / "model.obj")
    (folder / "broken.obj").write_text("no mesh")
    own.build(folder, tmp_path / "out", "z", lambda text, part: told.append(text))
    made = sorted((tmp_path / "out" / "things" / "holdout").glob("*.npz"))
    assert len(made) == 2
    assert sum(text.startswith("Left out: ") for text in told) == 1
    body = things.load(made[0])
    assert body.meta["split"] == "holdout"
    assert body.meta["category"] == ""  # as many folders as objects
    assert np.allclose(
        np.sort(np.ptp(body.vertices, axis=0)), np.sort(chair().extents / chair().extents.max()), atol=1e-3
    )
    assert np.argmax(np.ptp(body.vertices, axis=0)) == np.argmax(chair().extents)  # not turned over

    before = made[0].stat().st_mtime_ns
    own.build(folder, tmp_path / "out", "z", lambda text, part: None)
    assert made[0].stat().st_mtime_ns == before
    with pytest.raises(UserError, match="neither a hold-out nor meshes"):
        own.build(tmp_path / "out" / "things", tmp_path / "none", "auto", lambda text, part: None)


def test_names_of_predictors_are_checked_before_anything_runs(data: Path, tmp_path: Path) -> None:
    def asked(name: str, where: str) -> None:
        evaluation = run.Evaluation(data, tmp_path / "out", [name], ENCODER)
        if where == "photos":
            evaluation.photos(str(tmp_path), lambda text, part: None)
        else:
            evaluation.holdout(lambda text, part: None)

    for name, where, why in (
        ("nobody", "holdout", "There is no predictor nobody"),
        (str(tmp_path / "no.safetensors"), "holdout", "Cannot read"),
        ("oracle", "photos", "no true shape"),
    ):
        with pytest.raises(UserError, match=why):
            asked(name, where)
    assert not (tmp_path / "out" / "scores").exists()


def test_any_weights_are_scored_as_the_backend_would(tmp_path: Path) -> None:
    """A file of weights goes through release, so the released ones give what the step itself gives."""
    photo = tmp_path / "photo.png"
    Image.fromarray(_disc()).save(photo)
    name = run.candidate(ENCODER.with_name("lift.safetensors"), ENCODER, tmp_path)
    assert name.startswith("lift-")
    assert sorted(path.name for path in (tmp_path / "weights" / name).iterdir()) == [
        "dinov2_vits14.safetensors",
        "lift.json",
        "lift.onnx",
        "lift.safetensors",
    ]
    mine, theirs = (run.predictor(who, tmp_path, ENCODER, tmp_path)(photo, "") for who in (name, "lift"))
    assert isinstance(mine, Shape)
    assert isinstance(theirs, Shape)
    assert mine.vertices.shape == theirs.vertices.shape
    assert np.allclose(mine.vertices, theirs.vertices, atol=1e-3)
    assert run.candidate(ENCODER.with_name("lift.safetensors"), ENCODER, tmp_path) == name


def _disc(side: int = 160) -> Any:
    """A red disc with a blue upper half and noise, cut out."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    noise = np.random.default_rng(0).integers(0, 40, (side, side, 1))
    color = np.where(y[..., None] < 0, (20, 40, 180), (180, 40, 20)) + noise
    return np.concatenate([color, 255 * (np.hypot(x, y) < 0.4)[..., None]], axis=2).astype(np.uint8)


def test_photographs_are_told_from_drawings() -> None:
    photo = _disc()
    assert photos.photographed(photo)
    flat = photo.copy()
    flat[..., :3] = flat[..., :3] // 64 * 64
    assert not photos.photographed(flat)
    whole = photo.copy()
    whole[..., 3] = 255
    assert not photos.photographed(whole)


def test_photos_of_a_folder_are_scored_from_where_they_were_taken(tmp_path: Path) -> None:
    folder, out = tmp_path / "mine", tmp_path / "out"
    (folder / "discs").mkdir(parents=True)
    Image.fromarray(_disc()).save(folder / "discs" / "one.png")
    pictures = photos.cutouts(folder)
    assert list(pictures) == ["discs-one.png"]
    scorer = photos.Photos(pictures, MAKE(tmp_path, out), out)
    records = pairs.run(scorer, ["relief", "sphere"], list(pictures))
    relief, ball = (records[name]["discs-one.png"] for name in ("relief", "sphere"))
    assert relief["category"] == "discs"
    assert relief["values"]["iou"] > 0.97
    assert ball["values"]["iou"] > 0.97  # a ball looks like a disc
    assert relief["values"]["psnr"] > ball["values"]["psnr"] + 5
    assert abs(relief["camera"]["azimuth"]) < 15
    with Image.open(scorer.strip("relief", "discs-one.png")) as strip:
        assert strip.size == (4 * 128, 128)
        top, bottom = (strip.getpixel((64, y)) for y in (40, 90))
    assert top[2] > top[0] + 60  # type: ignore[index]
    assert bottom[0] > bottom[2] + 60  # type: ignore[index]

    Image.fromarray(_disc()[..., :3]).save(folder / "whole.png")
    with pytest.raises(UserError, match=r"whole\.png is not cut out"):
        photos.cutouts(folder)
    with pytest.raises(UserError, match="no pictures"):
        photos.cutouts(tmp_path / "nowhere")


def test_the_stamps_are_the_same_handful_everywhere(tmp_path: Path) -> None:
    root = tmp_path / "unpacked" / photos.STAMPS.name
    stamps = root / "files/usr/share/tuxpaint/stamps"
    for name in (
        "animals/cat.png",
        "animals/cartoon/cat2.png",
        "animals/cat_mirror.png",
        "food/pie.png",
        "food/small.png",
    ):
        (stamps / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_disc(90 if "small" in name else 160)).save(stamps / name)
    (root / "fetched.json").write_text(json.dumps({"label": "stamps", "sha256": ""}))
    found = photos.stamps(tmp_path)
    assert {key: photo.category for key, photo in found.items()} == {"animals-cat": "animals", "food-pie": "food"}
    assert list(photos.stamps(tmp_path, 1)) == list(found)[:1]


def test_blender_takes_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("bpy")
    mesh = trimesh.creation.box((1, 0.5, 0.5))
    things.save(tmp_path / "things" / "holdout" / "test--box.npz", make("test--box", mesh))
    done = holdout.render(tmp_path, side=48, samples=4)
    assert done.ready == ["test--box"]
    assert not done.failed
    with Image.open(tmp_path / "holdout" / "test--box.png") as file:
        pixels = np.asarray(file.convert("RGBA")).astype(int)
    solid = pixels[..., 3] > 128
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(0.85 * 48, abs=2)
    for found in (rows, columns):
        assert found.mean() == pytest.approx(23.5, abs=1.5)
    red, green, _ = pixels[solid][:, :3].mean(axis=0)
    assert red > 2 * green
    card = json.loads((tmp_path / "holdout" / "test--box.json").read_text())
    assert card["category"] == "box"
    before = (tmp_path / "holdout" / "test--box.png").stat().st_mtime_ns
    assert holdout.render(tmp_path, side=48, samples=4).ready == ["test--box"]
    assert (tmp_path / "holdout" / "test--box.png").stat().st_mtime_ns == before
