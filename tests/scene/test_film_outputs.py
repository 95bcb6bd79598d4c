# SPDX-License-Identifier: GPL-3.0-or-later
"""What a film is packed as: every format is decoded again and held against the frames that it was made of."""

from __future__ import annotations

import io
import wave
import zipfile

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.render import controls, encode, exr, pictures
from galatea.backend.protocol.errors import UserError

from .filmed import COUNT, again, decoded

SIZE = (256, 144)
"""AV1 wants some."""


def filmed(run, **params):
    """A film of Cycles, or a skip where this Blender cannot write such a one."""
    try:
        return run("film", **{"samples": 2, "width": SIZE[0], "height": SIZE[1], **params})
    except UserError as error:
        if error.kind != "environment":
            raise
        assert "Set film.format to" in str(error)
        pytest.skip(str(error))


@pytest.mark.parametrize("format", ["mp4", "h265", "av1", "webm", "prores"])
def test_it_decodes_to_the_frames_in_order_and_colour(run, staged, tmp_path, format):
    done = filmed(run, format=format)
    frames = [pictures.read(path) for path in sorted(done.report.keep("frames").glob("*.png"))]
    shown, fps = decoded(done.path("film"), tmp_path)
    assert len(shown) == COUNT and fps == 24 and shown[0].shape == (SIZE[1], SIZE[0], 3)
    for number, picture in enumerate(shown):
        apart = [np.abs(picture - frame).mean() for frame in frames]
        assert np.argmin(apart) == number and apart[number] < 0.02, "colours went through one transform, not two"


@pytest.mark.parametrize("format", ["webm", "prores"])
def test_what_is_transparent_stays_so(run, staged, tmp_path, format):
    done = filmed(run, format=format, transparent=True)
    kept = pictures.read(min(done.report.keep("frames").glob("*.png")), 4)
    assert kept[-5:, :, 3].max() == 0 and kept[..., 3].max() == 1, "the sky is nothing"
    if format == "webm":
        assert b"\x53\xc0\x81\x01" in done.path("film").read_bytes(), "WebM's mark of a film with alpha"
    else:
        shown, _ = decoded(done.path("film"), tmp_path, 4)
        assert np.abs(shown[0][..., 3] - kept[..., 3]).mean() < 0.01
        solid = kept[..., 3] == 1
        assert np.abs(shown[0][solid] - kept[solid]).mean() < 0.02


def test_a_gif_plays_as_long_as_the_film(run, staged):
    Image = pytest.importorskip("PIL.Image")
    done = filmed(run, format="gif")
    frames = sorted(done.report.keep("frames").glob("*.png"))
    with Image.open(done.path("film")) as gif:
        assert gif.n_frames == COUNT and gif.size == SIZE and gif.info["loop"] == 0
        lasts = []
        for number, path in enumerate(frames):
            gif.seek(number)
            lasts.append(gif.info["duration"])
            shown = np.asarray(gif.convert("RGB"))[::-1] / 255
            assert np.abs(shown - pictures.read(path)).mean() < 0.03
    assert sum(lasts) == pytest.approx(1000 * COUNT / 24, abs=10)


def test_a_format_without_alpha_is_refused_before_anything_is_rendered(make_work, staged):
    work, _ = make_work(step="film")
    with pytest.raises(UserError, match="one of webm, prores, gif, png, exr"):
        again(work, transparent=True)
    assert not list(work.report.keep("frames").glob("*.png"))


def test_a_codec_that_this_blender_lacks_is_said_with_what_it_has(make_work, staged, monkeypatch):
    monkeypatch.setitem(encode.FORMATS, "av1", encode.Format(".mp4", "MPEG4", "NO_SUCH", "AAC"))
    work, _ = make_work(step="film")
    with pytest.raises(UserError, match=r"cannot write av1. Set film.format to one of mp4,.* webm,") as told:
        again(work, format="av1")
    assert "av1" not in str(told.value).partition("one of")[2]
    assert not list(work.report.keep("frames").iterdir())


def test_a_sequence_is_every_frame_as_a_file(run, staged):
    done = filmed(run, format="png", first=2, last=6, step=2)
    roles = [asset.role for asset in done.assets]
    assert roles == ["contact", "film", "frame_00002", "frame_00004", "frame_00006", "still"]
    assert pictures.png_is_whole(done.path("frame_00004"), *SIZE)
    assert done.path("frame_00004").stat().st_ino == (done.report.keep("frames") / "00004.png").stat().st_ino
    film = next(asset for asset in done.assets if asset.role == "film")
    assert film.meta["frames"] == 3 and film.meta["fps"] == 12, "it plays as long as all frames would"


def test_an_exr_has_the_passes_and_is_proved_to_be_whole(run, staged, make_work, tmp_path):
    done = filmed(run, format="exr", frames=2)
    path = done.path("frame_00001")
    data = path.read_bytes()
    for name in (b"Depth", b"Normal", b"Vector", b"CryptoObject00", b"Denoising Albedo", b"Combined"):
        assert name in data, name
    assert b"DiffCol" in data or b"Diffuse Color" in data, "its albedo, by the name of each Blender"
    assert exr.is_whole(path, *SIZE) and not exr.is_whole(path, SIZE[0], SIZE[1] + 1)
    bad = tmp_path / "bad.exr"
    middle = len(data) // 2
    for broken in (b"", data[:300], data[:-1], data[:middle] + bytes(500) + data[middle + 500 :], b"\x76\x2f\x31\x01"):
        bad.write_bytes(broken)
        assert not exr.is_whole(bad, *SIZE)


def test_a_cut_exr_is_rendered_again_and_its_neighbour_is_not(make_work, staged):
    work, _ = make_work(step="film")
    again(work, format="exr", frames=2)
    one, two = sorted(work.report.keep("frames").glob("*.exr"))
    before = two.stat().st_mtime_ns
    one.write_bytes(one.read_bytes()[:-100])
    again(work, format="exr", frames=2)
    assert exr.is_whole(one, 64, 48) and two.stat().st_mtime_ns == before
    assert work.report.metrics["frames_kept"] == 1


def zipped(path):
    Image = pytest.importorskip("PIL.Image")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pictures = []
        for name in names:
            with Image.open(io.BytesIO(archive.read(name))) as picture:
                pictures.append(np.asarray(picture))
    return names, pictures


def test_passes_for_a_model_say_how_far_which_way_and_what(run, staged):
    done = filmed(run, passes=True, frames=2)
    body, camera = done.work.object("body"), bpy.context.scene.camera
    names, depth = zipped(done.path("depth"))
    assert names == ["00001.png", "00002.png"] and depth[0].shape == SIZE[::-1] and depth[0].max() == 65535
    meta = next(asset for asset in done.assets if asset.role == "depth").meta
    near, far = meta["near_m"], meta["far_m"]
    metres = 1 / (depth[0] / 65535 * (1 / near - 1 / far) + 1 / far)
    (_, mask), (_, edge) = zipped(done.path("mask")), zipped(done.path("edge"))
    on = mask[0] > 32768
    assert 0.02 < on.mean() < 0.5 and set(np.unique(mask[0])) == {0, 65535}
    bpy.context.scene.frame_set(1)
    away = [-(camera.matrix_world.inverted() @ body.matrix_world @ vertex.co).z for vertex in body.data.vertices]
    assert min(away) - 0.02 < metres[on].min() < min(away) + 0.1 and metres[on].max() < max(away)
    assert edge[0].max() > 60000 and (edge[0] > 32768).mean() < 0.1, "lines, not areas"
    beside = on ^ np.roll(on, 1, axis=1)
    assert edge[0][beside | np.roll(beside, -1, axis=1)].mean() > 5 * edge[0].mean(), "they run around the body"
    with zipfile.ZipFile(done.path("normal")) as archive:
        normal = png_rgb16(archive.read("00001.png"))
    rows, columns = np.nonzero(on)
    left, right = normal[on][columns < np.percentile(columns, 15)], normal[on][columns > np.percentile(columns, 85)]
    low, high = normal[on][rows > np.percentile(rows, 90)], normal[on][rows < np.percentile(rows, 10)]
    assert left[:, 0].mean() < 0.4 < 0.6 < right[:, 0].mean(), "red is right"
    assert low[:, 1].mean() < 0.4 < 0.6 < high[:, 1].mean(), "green is up"
    assert normal[on][:, 2].mean() > 0.6, "blue is towards the camera"


def png_rgb16(data):
    """Pillow reads 16 bits of grey only; ours is stored without filters."""
    import struct
    import zlib

    width, height = struct.unpack(">II", data[16:24])
    at = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[at - 4 : at])
    rows = np.frombuffer(zlib.decompress(data[at + 4 : at + 4 + size]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].copy().view(">u2").reshape(height, width, 3) / 65535


def test_a_restyled_film_leaves_the_scene_as_it_was(run, staged):
    scenes, materials = len(bpy.data.scenes), len(bpy.data.materials)
    filmed(run, passes=True, frames=1)
    assert (len(bpy.data.scenes), len(bpy.data.materials)) == (scenes, materials)
    assert not any(obj.pass_index for obj in bpy.context.scene.objects)
    assert set(controls.KINDS) == {"depth", "normal", "mask", "edge"}


@pytest.fixture
def tone(tmp_path):
    """A factory: a wav of so many seconds, loud in its second half only."""

    def make(seconds):
        path, rate = tmp_path / f"tone {seconds}.wav", 22050
        time = np.arange(int(seconds * rate)) / rate
        wave_ = np.sin(2 * np.pi * 440 * time) * (time > seconds / 2)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((wave_ * 20000).astype("<i2").tobytes())
        return path

    return make


def heard(path):
    """(N,) loudness of the film's sound, 100 parts a second."""
    aud = pytest.importorskip("aud")
    sound = aud.Sound(str(path))
    rate, data = sound.specs[0], sound.data()
    part = int(rate // 100)
    data = np.abs(data).mean(axis=1)
    return data[: len(data) // part * part].reshape(-1, part).mean(axis=1)


@pytest.mark.parametrize(("format", "seconds"), [("mp4", 0.1), ("mp4", 2.0), ("webm", 0.1), ("prores", 2.0)])
def test_the_sound_is_as_long_as_the_film(run, staged, tone, format, seconds):
    done = filmed(run, format=format, audio=str(tone(seconds)), last=24, width=64, height=48, denoise=False)
    loud = heard(done.path("film"))
    assert len(loud) == pytest.approx(100, abs=8)
    if seconds == 2.0:
        assert loud[:90].max() < 0.02, "cut: the loud half is not reached"
    else:
        assert (loud > 0.1).mean() == pytest.approx(0.5, abs=0.2), "it was repeated"
        assert (np.abs(np.diff(loud > 0.1)) > 0).sum() >= 10


def test_a_bad_sound_is_refused_before_anything_is_rendered(make_work, staged, tmp_path):
    bad = tmp_path / "no sound.mp3"
    bad.write_bytes(b"this is no sound" * 50)
    work, _ = make_work(step="film")
    with pytest.raises(UserError, match=r"no sound.mp3 is no sound"):
        again(work, audio=str(bad))
    with pytest.raises(UserError, match="gif holds no sound"):
        again(work, audio=str(bad), format="gif")
    assert not list(work.report.keep("frames").glob("*.png"))
