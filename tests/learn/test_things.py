# SPDX-License-Identifier: GPL-3.0-or-later
"""From a package to Things: what is read, turned, refused, left out, and never leaks from the hold-out."""

from __future__ import annotations

import dataclasses
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from galatea.backend.learn.things import build, card, filters, shape, sources, thing
from galatea.backend.learn.things.catalogues import kits, sweethome, zeroad
from galatea.backend.learn.things.catalogues.entry import Entry
from galatea.backend.learn.things.readers import gltf, obj, pmd
from galatea.backend.learn.things.readers.files import Folder, Zip
from galatea.backend.learn.things.readers.polygons import triangulate

META = {"name": "Part", "category": "test", "licence": "CC0-1.0", "author": "us", "source": "test 1", "split": "train"}


def boxes(*parts: tuple[tuple[float, float, float], tuple[float, float, float]]) -> shape.Shape:
    """Boxes of (low, high) corners as one Shape, grey."""
    found = []
    quads = np.array([[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]])
    faces = np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]).astype(np.int32)
    for low, high in parts:
        corners = np.array([[(low, high)[i >> (2 - k) & 1][k] for k in range(3)] for i in range(8)], np.float64)
        grey = np.array([[0.5, 0.5, 0.5, 1]], np.float32)
        uv = np.zeros((12, 3, 2), np.float32)
        found.append(shape.Shape(corners, faces, uv, np.zeros(12, np.int16), grey, (None,)))
    return shape.joined(found)


def chair() -> shape.Shape:
    """A chair that faces -Y, with one arm, on +X: nothing about it is symmetrical."""
    legs = [((x, y, 0.0), (x + 0.1, y + 0.1, 0.5)) for x in (0.0, 0.9) for y in (0.0, 0.9)]
    seat, back, arm = ((0, 0, 0.5), (1, 1, 0.6)), ((0, 0.9, 0.6), (1, 1, 1.5)), ((0.9, 0, 0.8), (1, 0.9, 0.9))
    return boxes(*legs, seat, back, arm)


def made(of: shape.Shape, key: str = "test--part", **meta: str) -> thing.Thing:
    return shape.thing(key, of, {**META, **meta})


def about_z(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def flag() -> np.ndarray:
    """2 x 2: red and green above, blue and white below."""
    return np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)


def color_at(one: thing.Thing, face: int, weights: tuple[float, float, float]) -> list[int]:
    """What the spec says that a point of a face looks like."""
    u, v = (one.uv[face] * np.array(weights)[:, None]).sum(0) % 1
    picture = one.textures[one.slot[face]]
    assert picture is not None
    height, width = picture.shape[:2]
    pixel = picture[int((1 - v) * height), int(u * width)]
    return [int(value) for value in np.round(pixel * one.colors[one.slot[face]])[:3]]


QUAD = """mtllib quad.mtl
v -1 0 0
v 1 0 0
v 1 2 0
v -1 2 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
usemtl  skin one
f 1/1 2/2 3/3 4/4
"""


class TestThing:
    def test_is_the_same_after_saving_and_loading(self, tmp_path: Path) -> None:
        alpha = np.arange(5 * 7 * 4, dtype=np.uint8).reshape(5, 7, 4)
        one = dataclasses.replace(made(chair()), colors=np.array([[0.5, 0.25, 1, 0.5]], np.float32), textures=(alpha,))
        thing.save(tmp_path / "a" / "b.npz", one)
        again = thing.load(tmp_path / "a" / "b.npz")
        for name in ("vertices", "faces", "uv", "slot", "colors"):
            assert np.array_equal(getattr(one, name), getattr(again, name))
            assert getattr(one, name).dtype == getattr(again, name).dtype
        assert again.textures[0] is not None and np.array_equal(again.textures[0], alpha)
        assert (again.key, again.meta) == (one.key, META)
        assert not list(tmp_path.rglob("*.part"))

    def test_the_same_thing_gives_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            thing.save(tmp_path / name, made(chair()))
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_is_centred_with_a_longest_side_of_one(self) -> None:
        one = made(chair())
        assert np.allclose(one.vertices.min(0) + one.vertices.max(0), 0, atol=1e-6)
        assert np.ptp(one.vertices, axis=0).max() == pytest.approx(1)
        with pytest.raises(ValueError, match="no size"):
            thing.normalise(np.ones((3, 3)))

    @pytest.mark.parametrize(
        ("change", "word"),
        [
            ({"faces": np.full((1, 3), 99, np.int32)}, "uv is"),
            ({"vertices": np.full((8, 3), np.nan, np.float32)}, "no number"),
            ({"slot": np.full(84, 5, np.int16)}, "slot"),
            ({"colors": np.full((1, 4), 2, np.float32)}, "0..1"),
            ({"key": "../evil--x"}, "file-safe"),
            ({"meta": {}}, "lacks name"),
            ({"meta": {**META, "split": "all"}}, "split"),
            ({"textures": (np.zeros((300, 4, 4), np.uint8),)}, "texture is 4 x 300"),
            ({"textures": ()}, "slot"),
        ],
    )
    def test_refuses_what_is_out_of_bounds(self, change: dict[str, object], word: str) -> None:
        with pytest.raises(ValueError, match=word):
            thing.check(dataclasses.replace(made(chair()), **change))

    def test_loading_refuses_what_is_not_a_thing(self, tmp_path: Path) -> None:
        path = tmp_path / "a.npz"
        thing.save(path, made(chair()))
        whole = path.read_bytes()
        for bad in (b"", whole[: len(whole) // 2], b"PK\x03\x04 no"):
            path.write_bytes(bad)
            with pytest.raises(ValueError):
                thing.load(path)
        np.savez(path, faces=np.zeros(3))
        with pytest.raises(ValueError, match="not a Thing"):
            thing.load(path)
        with path.open("wb") as file:
            np.savez(file, meta=np.array([{"a": 1}], object))
        with pytest.raises(ValueError):
            thing.load(path)

    def test_loose_vertices_and_faces_without_area_leave(self) -> None:
        of = boxes(((0, 0, 0), (1, 1, 1)))
        of = dataclasses.replace(
            of,
            vertices=np.concatenate([of.vertices, [[50, 50, 50]]]),
            faces=np.concatenate([of.faces, [[0, 0, 1]]]).astype(np.int32),
            uv=np.zeros((13, 3, 2), np.float32),
            slot=np.zeros(13, np.int16),
        )
        one = made(of)
        assert (len(one.vertices), len(one.faces)) == (8, 12)


class TestReaders:
    def test_obj_with_a_texture_shows_it_the_right_way_up(self, tmp_path: Path) -> None:
        (tmp_path / "quad.obj").write_text(QUAD)
        (tmp_path / "quad.mtl").write_text("newmtl skin one\nKd 0 0 0\nd 0.5\nmap_Kd C:\\art\\Flag.PNG\n")
        (tmp_path / "flag.png").write_bytes(png(flag()))
        one = made(obj.read(Folder(tmp_path), "quad.obj").turned(shape.Y_UP))
        front = one.faces[0]
        assert one.vertices[front[0]].tolist() == [-0.5, 0, -0.5]
        assert color_at(one, 0, (0.8, 0.1, 0.1)) == [0, 0, 255]
        assert color_at(one, 0, (0.1, 0.1, 0.8)) == [0, 255, 0]
        assert one.colors[0].tolist() == [1, 1, 1, 0.5]

    def test_obj_without_its_files_is_grey_or_has_its_colour(self, tmp_path: Path) -> None:
        (tmp_path / "quad.obj").write_text(QUAD)
        assert obj.read(Folder(tmp_path), "quad.obj").colors[-1].tolist() == pytest.approx(obj.GREY)
        (tmp_path / "quad.mtl").write_text("newmtl skin one\nKd 1 0.5 0\nmap_Kd missing.png\nd nonsense\n")
        read = obj.read(Folder(tmp_path), "quad.obj")
        assert read.textures[-1] is None
        assert read.colors[-1].tolist() == [1, 0.5, 0, 1]

    @pytest.mark.parametrize("text", ["", "v 1 2 3\n", "v 0 0 0\nf 1 2 3\n", "v 0 0 0\nf 1 -9 1\n", "f a b c\n"])
    def test_broken_obj_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "bad.obj").write_text(text)
        with pytest.raises(ValueError):
            obj.read(Folder(tmp_path), "bad.obj")

    def test_obj_cannot_reach_outside(self, tmp_path: Path) -> None:
        inner = tmp_path / "inner"
        inner.mkdir()
        (tmp_path / "quad.mtl").write_text("newmtl skin one\nKd 1 0 0\n")
        (inner / "quad.obj").write_text(QUAD.replace("quad.mtl", "../quad.mtl"))
        (inner / "link.mtl").symlink_to(tmp_path / "quad.mtl")
        files = Folder(inner)
        assert files.names == ("quad.obj",)
        assert obj.read(files, "quad.obj").colors[-1].tolist() == pytest.approx(obj.GREY)
        with pytest.raises(ValueError, match="outside"):
            files.read("../quad.mtl")

    def test_polygons_become_triangles_that_cover_them(self) -> None:
        dart = np.array([[0, 0, 0], [2, 1, 0], [0, 2, 0], [1, 1, 0]], float)
        letter = np.array([[0, 0], [3, 0], [3, 1], [1, 1], [1, 2], [3, 2], [3, 3], [0, 3]], float)
        upright = np.stack([letter[:, 0], np.zeros(8), letter[:, 1]], 1)
        corners = np.concatenate([dart, upright])
        triangles, owner = triangulate(corners, np.array([4, 8]))
        a, b, c = (corners[triangles[:, i]] for i in range(3))
        area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        assert owner.tolist() == [0] * 2 + [1] * 6
        assert area[:2].sum() == pytest.approx(1)
        assert area[2:].sum() == pytest.approx(7)

    def test_glb_bakes_transforms_and_keeps_colour_and_texture(self, tmp_path: Path) -> None:
        import trimesh

        base = trimesh.creation.box((1, 1, 1))
        red = trimesh.visual.material.PBRMaterial(baseColorFactor=[255, 55, 0, 100], alphaMode="OPAQUE")
        base.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=red)
        top = trimesh.Trimesh([[-1, 0, 0], [1, 0, 0], [1, 2, 0]], [[0, 1, 2]], process=False)
        image = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(flag()).resize((600, 300), 0))
        top.visual = trimesh.visual.TextureVisuals(uv=[[0, 0], [1, 0], [1, 1]], material=image)
        scene = trimesh.Scene()
        scene.add_geometry(base, transform=trimesh.transformations.translation_matrix([0, 0, 3]))
        scene.add_geometry(top)
        (tmp_path / "a.glb").write_bytes(scene.export(file_type="glb"))
        read = gltf.read(Folder(tmp_path), "a.glb").turned(shape.Y_UP)
        assert read.vertices[:, 1].min() == pytest.approx(-3.5)
        one = made(read)
        textured = next(i for i, picture in enumerate(one.textures) if picture is not None)
        assert one.textures[textured].shape == (128, 256, 4)
        assert one.colors[1 - textured].tolist() == pytest.approx([1, 0.5, 0, 1], abs=0.01)
        face = int(np.flatnonzero(one.slot == textured)[0])
        assert color_at(one, face, (0.8, 0.1, 0.1)) == [0, 0, 255]

    def test_gltf_reads_the_files_beside_it_and_no_others(self, tmp_path: Path) -> None:
        import trimesh

        box = trimesh.creation.box((1, 2, 3))
        image = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(flag()))
        box.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=image)
        for name, data in trimesh.Scene(box).export(file_type="gltf").items():
            (tmp_path / name).write_bytes(data)
        assert gltf.read(Folder(tmp_path), "model.gltf").textures[0].shape == (2, 2, 4)
        for path in [path for path in tmp_path.iterdir() if path.suffix == ".png"]:
            path.unlink()
        assert np.ptp(gltf.read(Folder(tmp_path), "model.gltf").vertices, axis=0) == pytest.approx([1, 2, 3])
        (tmp_path / "inner").mkdir()
        text = (tmp_path / "model.gltf").read_text()
        (tmp_path / "inner" / "model.gltf").write_text(text.replace('"gltf_buffer', '"../gltf_buffer'))
        with pytest.raises(ValueError, match="not there"):
            gltf.read(Folder(tmp_path / "inner"), "model.gltf")

    def test_broken_glb_is_refused(self, tmp_path: Path) -> None:
        for bad in (b"", b"glTF\x02\x00\x00\x00", b"nothing of it"):
            (tmp_path / "a.glb").write_bytes(bad)
            with pytest.raises(ValueError):
                gltf.read(Folder(tmp_path), "a.glb")

    def test_pmd_and_its_prop_points(self) -> None:
        whole = pmd_bytes()
        mesh = pmd.read(whole)
        assert mesh.vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
        assert mesh.faces.tolist() == [[2, 1, 0]]
        assert mesh.uv.tolist() == [[[0, 1], [1, 0], [0, 0]]]
        assert mesh.points["hand"][:3, 3] == pytest.approx([5, 1, 0])
        assert mesh.points["root"][:3, 3] == pytest.approx([0, 2, 0])
        for bad in (b"", b"nope" + whole[4:], whole[:40], whole[:-5]):
            with pytest.raises(ValueError):
                pmd.read(bad)

    def test_pictures_become_small_and_bad_ones_nothing(self) -> None:
        big = np.zeros((100, 1000, 3), np.uint8)
        read = shape.texture(png(big))
        assert read is not None and read.shape == (26, 256, 4)
        sixteen = shape.texture(png(np.full((4, 4), 65535, np.uint16)))
        assert sixteen is not None and sixteen.min() == 255
        assert shape.texture(b"") is None
        assert shape.texture(png(big)[:60]) is None


def pmd_bytes(scale: float = 1.0) -> bytes:
    """One triangle; a bone that stands at (5, 0, 0) and is turned by 90 degrees about Z; two prop points."""
    points = [(0, 0, 0, 0, 0), (scale, 0, 0, 1, 0), (0, scale, 0, 0, 1)]
    data = struct.pack("<II", 3, 1)
    for x, y, z, u, v in points:
        data += struct.pack("<8f4B4f", x, y, z, 0, 0, 1, u, v, 255, 255, 255, 255, 0, 0, 0, 0)
    data += struct.pack("<I3H", 1, 0, 1, 2)
    half = 0.5**0.5
    data += struct.pack("<I7f", 1, 5, 0, 0, 0, 0, half, half) + struct.pack("<I", 2)
    data += struct.pack("<I4s7fB", 4, b"hand", 1, 0, 0, 0, 0, 0, 1, 0)
    data += struct.pack("<I4s7fB", 4, b"root", 0, 2, 0, 0, 0, 0, 1, 255)
    return b"PSMD" + struct.pack("<II", 4, len(data)) + data


def obj_text(of: shape.Shape) -> str:
    """In the axes of Sweet Home 3D: Y up, the front towards +Z."""
    back = of.vertices @ shape.Y_UP
    return "".join(f"v {x} {y} {z}\n" for x, y, z in back) + "".join(f"f {a} {b} {c}\n" for a, b, c in of.faces + 1)


def library(path: Path, pieces: dict[str, shape.Shape], extra: str = "") -> Path:
    lines = ["license=Public domain  Copyright nobody", "# model#9=comment"]
    with zipfile.ZipFile(path, "w") as archive:
        for i, (name, of) in enumerate(pieces.items(), 1):
            archive.writestr(f"m/{name}/{name}.obj", obj_text(of))
            size = np.ptp(of.vertices, axis=0) * 100
            lines += [f"name#{i}={name.title()} \\u00e9", f"category#{i}=Seats", f"creator#{i}=Somebody"]
            lines += [f"model#{i}=/m/{name}/{name}.obj", f"width#{i}={size[0]}", f"depth#{i}={size[1]}"]
            lines += [f"height#{i}={size[2]}"]
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(lines) + "\n" + extra)
    return path


class TestCatalogues:
    def test_sweethome_is_upright_faces_us_and_is_named(self, tmp_path: Path) -> None:
        library(tmp_path / "Scopia.sh3f", {"chair": chair()})
        (entry,) = sweethome.entries("sweethome3d", tmp_path)
        assert (entry.key, entry.name) == ("sweethome3d-scopia--chair", "Chair é")
        assert (entry.category, entry.licence, entry.author) == ("Seats", "Public domain", "Somebody")
        assert np.allclose(made(entry.read()).vertices, made(chair()).vertices, atol=1e-6)

    def test_sweethome_turns_and_scales_as_its_list_says(self, tmp_path: Path) -> None:
        extra = "modelRotation#1=0 0 1 0 1 0 -1 0 0\nwidth#1=120\ndepth#1=100\nheight#1=150\n"
        library(tmp_path / "Scopia.sh3f", {"chair": chair()}, extra)
        (entry,) = sweethome.entries("sweethome3d", tmp_path)
        read = entry.read()
        assert np.ptp(read.vertices, axis=0) == pytest.approx([120, 100, 150])
        back = read.vertices[read.vertices[:, 2] > np.ptp(read.vertices[:, 2]) * 0.7 + read.vertices[:, 2].min()]
        assert back[:, 0].max() < read.vertices[:, 0].min() + 15

    def test_holdout_collections_are_never_trained_on(self, tmp_path: Path) -> None:
        for name in (*sweethome.HOLDOUT, "Scopia"):
            library(tmp_path / f"{name}.sh3f", {"chair": chair()})
        splits = {entry.key: entry.split for entry in sweethome.entries("sweethome3d", tmp_path)}
        assert splits["sweethome3d-blendswap-cc-0--chair"] == splits["sweethome3d-reallusion--chair"] == "holdout"
        assert splits["sweethome3d-scopia--chair"] == "train"

    def test_about_two_percent_are_for_validation(self) -> None:
        keys = [f"a--{i}" for i in range(3000)]
        splits = [Entry(key, "", "", "", "", False, chair).split for key in keys]
        assert 0.01 < splits.count("val") / 3000 < 0.03
        assert set(splits) == {"val", "train"}

    def test_zeroad_hides_what_shows_an_animal(self, tmp_path: Path) -> None:
        actor = '<actor version="1"><group><variant frequency="1" name="a"><mesh>{mesh}</mesh><textures>'
        actor += '<texture file="skin.png" name="baseTex"/></textures>{props}</variant></group>'
        actor += "<material>{material}</material></actor>"
        rider = '<props><prop actor="fauna/horse.xml" attachpoint="hand"/></props>'
        hat = '<props><prop actor="props/units/hat.xml" attachpoint="hand"/></props>'
        with zipfile.ZipFile(tmp_path / "public.zip", "w") as game:
            for path, mesh, props, material in (
                ("fauna/horse", "horse.dae", "", "no_trans.xml"),
                ("units/cavalry", "man.dae", rider, "player_trans.xml"),
                ("units/man", "man.dae", hat, "player_trans.xml"),
                ("props/units/hat", "hat.dae", "", "basic_trans.xml"),
                ("particle/smoke", "hat.dae", "", ""),
            ):
                game.writestr(f"art/actors/{path}.xml", actor.format(mesh=mesh, props=props, material=material))
            for i, mesh in enumerate(("horse", "man", "hat"), 1):
                game.writestr(f"art/meshes/{mesh}.dae.cached.pmd", pmd_bytes(i))
            grey = np.full((2, 2, 4), 128, np.uint8)
            game.writestr("art/textures/skins/skin.png", png(grey))
        found = {entry.key: entry for entry in zeroad.entries("0ad", tmp_path)}
        assert {key: entry.split for key, entry in found.items()} == {
            "0ad--fauna_horse": "holdout",
            "0ad--units_man": found["0ad--units_man"].split,
            "0ad--props_units_hat": found["0ad--props_units_hat"].split,
        }
        assert "holdout" not in {found[key].split for key in ("0ad--units_man", "0ad--props_units_hat")}
        man = found["0ad--units_man"].read()
        assert len(man.faces) == 2
        assert sorted(picture[0, 0, 3] for picture in man.textures if picture is not None) == [128, 255]

    def test_kits_read_what_they_list(self, tmp_path: Path) -> None:
        folder = tmp_path / "data" / "nieb" / "chair"
        folder.mkdir(parents=True)
        (folder / "model.obj").write_text(obj_text(chair().turned(about_z(90))))
        (folder / "obj.cfg").write_text("objload model.obj\nobjskin * diffuse.png masks.png\n")
        (folder / "diffuse.png").write_bytes(png(flag()))
        (tmp_path / "data" / "other.obj").write_text("")
        (entry,) = kits.entries(kits.ECLIPSE)("redeclipse", tmp_path)
        one = made(entry.read())
        assert entry.key == "redeclipse--chair"
        assert np.allclose(one.vertices, made(chair()).vertices, atol=1e-6)
        assert one.textures[0] is not None


class TestFilters:
    def test_scraps_planes_and_effects_are_left_out(self) -> None:
        thin = boxes(((0, 0, 0), (1, 1, 0.01)))
        scrap = dataclasses.replace(thin, faces=thin.faces[:8], uv=thin.uv[:8], slot=thin.slot[:8])
        glass = dataclasses.replace(chair(), colors=np.zeros((1, 4), np.float32))
        assert (filters.flaw(made(thin)) or "").startswith("flat")
        assert (filters.flaw(made(scrap)) or "").startswith("tiny")
        assert (filters.flaw(made(glass)) or "").startswith("empty")
        assert filters.flaw(made(chair(), name="Skybox_01"))
        far = boxes(((0, 0, 0), (1, 1, 1)), ((4, 0, 0), (5, 1, 1)))
        pair = boxes(((0, 0, 0), (1, 1, 1)), ((1.1, 0, 0), (2.1, 1, 1)))
        assert (filters.flaw(made(far)) or "").startswith("scattered")
        assert filters.flaw(made(pair)) is None
        assert filters.flaw(made(chair())) is None

    def test_monsters_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(filters, "MAX_FACES", 20)
        assert (filters.flaw(made(chair())) or "").startswith("gigantic")

    def test_a_turned_and_scaled_copy_is_found_and_another_shape_is_not(self) -> None:
        order = np.random.default_rng(0).permutation(len(chair().faces))
        copy = chair().turned(about_z(77) * 3.5)
        copy = dataclasses.replace(copy, faces=copy.faces[order], vertices=copy.vertices + 40)
        table = boxes(
            *[((x, y, 0.0), (x + 0.1, y + 0.1, 0.9)) for x in (0, 1.9) for y in (0, 0.9)], ((0, 0, 0.9), (2, 1, 1))
        )
        prints = np.stack([filters.fingerprint(made(of)) for of in (chair(), copy, table)])
        assert filters.copies(prints, ["train"] * 3) == {1: (0, "copy")}

    def test_another_colour_is_another_thing_but_not_for_the_holdout(self) -> None:
        red = dataclasses.replace(chair(), colors=np.array([[1, 0, 0, 1]], np.float32))
        prints = np.stack([filters.fingerprint(made(of)) for of in (red, chair())])
        assert filters.copies(prints, ["train", "train"]) == {}
        assert filters.copies(prints, ["train", "holdout"]) == {0: (1, "near the hold-out")}
        assert filters.copies(prints, ["val", "train"]) == {0: (1, "near training")}


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A source that lies in the cache already: a hold-out chair, its renamed copy, a table, a broken model."""
    table = boxes(((0, 0, 0.9), (2, 1, 1)), ((0.9, 0.4, 0), (1.1, 0.6, 0.9)), ((0.5, 0.2, 0), (1.5, 0.8, 0.1)))
    source = sources.Source("madeup", "npm", "madeup", "1.0", sweethome.entries)
    monkeypatch.setattr(build, "SOURCES", {"madeup": source})
    package = tmp_path / "package"
    package.mkdir()
    library(package / "BlendSwap-CC-0.sh3f", {"chair": chair()})
    library(
        package / "Scopia.sh3f",
        {"throne": chair().turned(about_z(90) * 2), "table": table, "broken": boxes(((0, 0, 0), (0, 0, 0)))},
    )
    cache = tmp_path / "data" / "cache" / "packages"
    cache.mkdir(parents=True)
    with tarfile.open(cache / "madeup-1.0.tgz", "w:gz") as archive:
        archive.add(package, "package")
    yield tmp_path / "data"


def content(data: Path) -> dict[str, bytes]:
    """All that a build makes."""
    return {path.name: path.read_bytes() for path in data.rglob("*") if path.suffix in (".npz", ".jsonl", ".json")}


class TestBuild:
    def test_a_renamed_copy_of_the_holdout_never_reaches_training(self, made_up: Path) -> None:
        build.build(made_up, ["madeup"], lambda line, share: None)
        found = sorted(path.relative_to(made_up).as_posix() for path in made_up.rglob("*.npz"))
        assert found == [
            "things/holdout/sweethome3d-blendswap-cc-0--chair.npz",
            "things/train/sweethome3d-scopia--table.npz",
        ]
        facts = json.loads((made_up / "card.json").read_text())
        assert facts["near_holdout"] == [["sweethome3d-scopia--throne", "sweethome3d-blendswap-cc-0--chair"]]
        assert [key for key, _ in facts["rejected"]] == ["sweethome3d-scopia--broken"]
        assert facts["sources"]["madeup"]["package"] == "madeup 1.0 (npm)"
        text = (made_up / "card.md").read_text()
        assert text == build.card(made_up)
        assert "throne" in text and "Somebody" in text and "Public domain" in text

    def test_goes_on_after_a_stop_and_gives_the_same(self, made_up: Path) -> None:
        calls = []

        def stop(line: str, share: float) -> None:
            calls.append(share)
            if len(calls) == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build.build(made_up, ["madeup"], stop)
        log = made_up / "records" / "madeup.jsonl"
        log.write_text(log.read_text() + '{"key": "cut o')
        build.build(made_up, ["madeup"], lambda line, share: None)
        first = {
            path.name: path.read_bytes() for path in made_up.rglob("*") if path.suffix in (".npz", ".jsonl", ".json")
        }
        times = {path: path.stat().st_mtime_ns for path in made_up.rglob("*.npz")}
        build.build(made_up, ["madeup"], lambda line, share: None)
        again = {
            path.name: path.read_bytes() for path in made_up.rglob("*") if path.suffix in (".npz", ".jsonl", ".json")
        }
        assert first == again
        assert times == {path: path.stat().st_mtime_ns for path in made_up.rglob("*.npz")}
        assert calls == sorted(calls)

    def test_a_limit_takes_the_first(self, made_up: Path) -> None:
        build.build(made_up, ["madeup"], lambda line, share: None, limit=1)
        assert json.loads((made_up / "card.json").read_text())["kept"] == 1

    def test_a_card_of_nothing_can_be_read(self) -> None:
        assert "0 objects" in card.markdown(card.card([]))


class TestHostileArchives:
    @pytest.mark.parametrize("name", ["../evil.obj", "/etc/evil", "a/../../evil", "C:\\evil", "..\\evil"])
    def test_a_name_that_leaves_its_zip_is_refused(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(ValueError, match="outside"):
            Zip(path)
        with pytest.raises(ValueError, match="outside"):
            sources.unpack(path, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_cut_off_archives_are_refused(self, tmp_path: Path) -> None:
        path = library(tmp_path / "a.sh3f", {"chair": chair()})
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(ValueError, match="whole zip"):
            Zip(path)
        bad = tmp_path / "a.tgz"
        bad.write_bytes(b"\x1f\x8b no")
        with pytest.raises(ValueError, match="unpacked"):
            sources.unpack(bad, tmp_path / "out")

    def test_a_tar_that_leaves_its_folder_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tgz"
        with tarfile.open(path, "w:gz") as archive:
            entry = tarfile.TarInfo("../evil")
            archive.addfile(entry, io.BytesIO(b""))
        with pytest.raises(ValueError, match="unpacked"):
            sources.unpack(path, tmp_path / "out")
        assert not (tmp_path / "evil").exists()

    def test_a_file_with_damaged_content_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "hello hello hello")
        path.write_bytes(path.read_bytes().replace(b"hello hello", b"jello hello"))
        with pytest.raises(ValueError, match="cannot be read"):
            Zip(path).read("a")

    def test_a_bomb_is_refused_by_its_header(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from galatea.backend.learn.things.readers import files

        monkeypatch.setattr(files, "MAX_FILE", 1000)
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a", b"\0" * 100_000)
        with pytest.raises(ValueError, match="MiB"):
            Zip(path).read("a")
