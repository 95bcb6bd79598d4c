# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats of games: where things are, how they look, which way they face; and files that are cut off or lie."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from galatea.backend.learn.things.readers import ac3d, g3d, md2, pie, polygons, spm
from galatea.backend.learn.things.readers.files import Folder, Layers
from galatea.backend.learn.things.shape import Shape

from . import made_games as games
from .made import flag, made, png

AS_IT_IS = np.eye(3)
MIRRORED = np.diag([1.0, 1, -1])
FORMATS: dict[str, tuple[Callable[[games.Arrays], bytes], Callable[[Folder], Shape], np.ndarray]] = {
    "md2": (games.md2, lambda files: md2.read(files, "model"), AS_IT_IS),
    "spm": (games.spm, lambda files: spm.read(files, "model"), MIRRORED),
    "spm with bones": (lambda of: games.spm(of, bones=True), lambda files: spm.read(files, "model"), MIRRORED),
    "spm with colours": (
        lambda of: games.spm(of, colors=[None, 0, None, 64]),
        lambda files: spm.read(files, "model"),
        MIRRORED,
    ),
    "g3d": (games.g3d, lambda files: g3d.read(files, "model"), AS_IT_IS),
    "pie 2": (lambda of: games.pie(of, version=2), lambda files: pie.read(files, "model", ""), MIRRORED),
    "pie 3": (games.pie, lambda files: pie.read(files, "model", ""), MIRRORED),
    "ac3d": (games.ac3d, lambda files: ac3d.read(files, "model", "light"), AS_IT_IS),
}
"""How a file is written, how it is read, and the axes that make it right-handed."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "skin.png").write_bytes(png(flag()))
    return tmp_path


def read(folder: Path, kind: str, data: bytes) -> Shape:
    (folder / "model").write_bytes(data)
    return FORMATS[kind][1](Folder(folder))


@pytest.mark.parametrize("kind", FORMATS)
class TestEveryFormat:
    def test_has_its_places_its_texture_and_its_outside(self, folder: Path, kind: str) -> None:
        write, _, axes = FORMATS[kind]
        vertices, faces, uv = games.CORNER
        flip = np.linalg.det(axes) < 0
        shape = read(folder, kind, write((vertices @ axes, faces[:, ::-1] if flip else faces, uv))).turned(axes)
        corners = shape.vertices[shape.faces]
        assert np.allclose(np.ptp(corners.reshape(-1, 3), axis=0), [4, 2, 1], atol=0.02)
        volume = np.einsum("fc,fc->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
        assert volume == pytest.approx(4 * 2 * 1 / 6, rel=0.02)
        one = made(shape)
        colors = {(0, 0, 0): [0, 0, 255], (4, 0, 0): [255, 255, 255], (0, 2, 0): [255, 0, 0], (0, 0, 1): [0, 255, 0]}
        low = shape.vertices[shape.faces].reshape(-1, 3).min(0)
        for face, slot, maps in zip(corners - low, one.slot, one.uv, strict=True):
            picture = one.textures[slot]
            assert picture is not None and one.colors[slot][:3].tolist() == [1, 1, 1]
            for place, (u, v) in zip(face, maps, strict=True):
                wanted = colors[tuple(int(value) for value in np.round(place))]
                assert picture[int((1 - v) * 2), int(u * 2)][:3].tolist() == wanted

    def test_cut_off_is_refused(self, folder: Path, kind: str) -> None:
        whole = FORMATS[kind][0](games.CORNER)
        last = {"pie": b"\n\t200", "ac3": b"SURF"}.get(kind[:3])
        inside = whole.rindex(last) if last else len(whole)
        for end in range(0, inside, 1 + inside // 400):
            with pytest.raises(ValueError):
                read(folder, kind, whole[:end])

    def test_lies_give_a_shape_or_a_refusal(self, folder: Path, kind: str) -> None:
        whole = FORMATS[kind][0](games.CORNER)
        rng = np.random.default_rng(3)
        refused = 0
        for _ in range(200):
            bad = bytearray(whole)
            for at in rng.integers(0, len(whole), 3):
                bad[at] = rng.choice([0, 1, 127, 128, 255, ord("-"), ord("9"), int(rng.integers(256))])
            try:
                shape = read(folder, kind, bytes(bad))
            except ValueError:
                refused += 1
            else:
                assert shape.faces.size == 0 or 0 <= shape.faces.min() <= shape.faces.max() < len(shape.vertices)
        assert refused > 10

    def test_another_format_is_refused(self, folder: Path, kind: str) -> None:
        for other in (b"", b"\0" * 300, b"hello\n" * 50):
            with pytest.raises(ValueError):
                read(folder, kind, other)


class TestLies:
    @pytest.mark.parametrize("at", [24, 28, 32, 40, 44, 48, 52, 56])
    @pytest.mark.parametrize("value", [-1, 2**31 - 1, 2**20])
    def test_md2_counts_and_offsets(self, folder: Path, at: int, value: int) -> None:
        data = bytearray(games.md2(games.CORNER))
        data[at : at + 4] = struct.pack("<i", value)
        (folder / "model").write_bytes(data)
        if at == 40 and value > 0:
            with pytest.raises(ValueError):
                md2.read(Folder(folder), "model", value - 1)
            return
        if at not in (36, 40, 44) or value < 0:
            with pytest.raises(ValueError):
                md2.read(Folder(folder), "model")

    def test_counts_beyond_the_file_allocate_nothing(self, folder: Path) -> None:
        whole = games.spm(games.CORNER)
        at = whole.index(b"skin.png\0") + 9 + 4
        huge = struct.pack("<I", 2**32 - 1)
        whole_g3d = games.g3d(games.CORNER)
        for kind, bad in (
            ("spm", whole[:at] + huge + whole[at + 4 :]),
            ("spm", whole[: at + 4] + huge + whole[at + 8 :]),
            ("g3d", whole_g3d[:71] + huge + whole_g3d[75:]),
            ("g3d", whole_g3d[:75] + huge + whole_g3d[79:]),
            ("g3d", whole_g3d[:79] + huge + whole_g3d[83:]),
            ("pie 3", games.pie(games.CORNER).replace(b"POINTS 4", b"POINTS 4000000000")),
            ("pie 3", games.pie(games.CORNER).replace(b"POLYGONS 4", b"POLYGONS -4")),
            ("pie 3", games.pie(games.CORNER).replace(b"200 3 0", b"200 3 99999999999999999999")),
            ("ac3d", games.ac3d(games.CORNER).replace(b"numvert 4", b"numvert 4000000000")),
            ("ac3d", games.ac3d(games.CORNER).replace(b"kids 2", b"kids 4000000000")),
            ("ac3d", games.ac3d(games.CORNER).replace(b"loc 1 0 0", b"loc 1 nan 0")),
            ("ac3d", b"AC3Db\n" + b"OBJECT group\nkids 1\n" * 5000),
        ):
            with pytest.raises(ValueError):
                read(folder, kind, bad)

    def test_dented_polygons_without_end_come_to_one(self) -> None:
        turn = np.arange(600) * np.pi / 300
        star = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1) * (1 + np.arange(600) % 2)[:, None]
        triangles, owner = polygons.triangulate(np.tile(star, (40, 1)), np.full(40, 600))
        assert len(triangles) == 40 * 598 and owner[-1] == 39


class TestDetails:
    def test_md2_stands_as_in_the_frame_that_is_asked_for(self, folder: Path) -> None:
        (folder / "model").write_bytes(games.md2(games.CORNER, frames=3, move=10))
        assert md2.read(Folder(folder), "model", 2).vertices[:, 0].min() == pytest.approx(20)
        with pytest.raises(ValueError, match="frame"):
            md2.read(Folder(folder), "model", 3)

    def test_tags_say_where_a_head_is(self) -> None:
        first, second = [1.0, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8, 9], [0.0, 1, 0, -1, 0, 0, 0, 0, 1, 1, 2, 3]
        data = games.tags([first, second])
        assert md2.tags(data, 1)["tag_head"].reshape(-1).tolist() == second
        for bad in (data[:-1], data[:70], b"", games.tags([first])):
            with pytest.raises(ValueError):
                md2.tags(bad, 1)

    def test_spm_leaves_out_what_is_hidden_and_mixes_colours(self, folder: Path) -> None:
        (folder / "model").write_bytes(games.spm(games.CORNER, colors=[None, 0, None, 0], texture=""))
        assert spm.read(Folder(folder), "model").colors[0].tolist() == pytest.approx([0.5, 0.5, 0.5, 1])
        (folder / "model").write_bytes(games.spm(games.CORNER))
        with pytest.raises(ValueError, match="no face"):
            spm.read(Folder(folder), "model", hidden=lambda name: name == "skin.png")

    def test_g3d_shows_the_colour_of_its_owner_where_it_should(self, folder: Path) -> None:
        clear = np.zeros((2, 2, 4), np.uint8)
        (folder / "skin.png").write_bytes(png(clear))
        for owned, owner, wanted in (
            (True, (1.0, 0.0, 0.5), [255, 0, 128, 255]),
            (True, None, [0, 0, 0, 0]),
            (False, (1.0, 0.0, 0.5), [0, 0, 0, 0]),
        ):
            (folder / "model").write_bytes(games.g3d(games.CORNER, owned=owned, frames=2))
            skin = g3d.read(Folder(folder), "model", owner).textures[0]
            assert skin is not None and skin[0, 0].tolist() == wanted
        (folder / "model").write_bytes(games.g3d(games.CORNER, texture=""))
        assert g3d.read(Folder(folder), "model").colors[0].tolist() == [0.5, 0.25, 1, 1]

    def test_ac3d_places_objects_in_objects(self, folder: Path) -> None:
        data = games.ac3d(games.CORNER, texture="", rot="0 1 0 -1 0 0 0 0 1", loc="0 0 5")
        (folder / "model").write_bytes(data)
        shape = ac3d.read(Folder(folder), "model", "light")
        assert sorted(shape.vertices.round(6).tolist())[0] == [-2, 1, 5]
        assert shape.colors[0].tolist() == [1, 0.5, 0, 0.75]
        assert len(ac3d.read(Folder(folder), "model").faces) == 2 * len(shape.faces) == 8

    def test_of_two_layers_the_later_one_counts(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "both").write_text(name)
        (tmp_path / "a" / "one").write_text("one")
        files = Layers(Folder(tmp_path / "a"), Folder(tmp_path / "b"))
        assert (files.read("both"), files.read("one"), files.find("x/..", "ONE")) == (b"b", b"one", "one")
