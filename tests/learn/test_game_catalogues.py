# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of games: what is an object, whose it is, under which licence, and that it stands upright and faces us."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from galatea.backend.learn.things.catalogues import flightgear, megaglest, supertuxkart, ufoai, warzone
from galatea.backend.learn.things.catalogues.licences import Licences, free
from galatea.backend.learn.things.shape import Y_UP, Shape

from . import made_games as games
from .made import about_z, boxes, chair, flag, made, png

CARD = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: 2001-2013, The Team (<http://example.org>)
           Copyright 2004, (c) Somebody
License: GPL-2+

Files: {free}
Copyright: 2010 Jane Doe, 2011 John Roe
License: CC-BY-SA-3.0
Comment: nothing

Files: {other}
Copyright: 1999 Firm
License: CC-BY-NC-3.0

License: CC-BY-NC-3.0
 Not for sale.
"""
IN_Y_UP = np.linalg.inv(Y_UP)
MIRRORED = np.linalg.inv(supertuxkart.Z_UP)
"""From our axes to those of the left-handed formats."""


def card(root: Path, package: str, free: str = "none", other: str = "none") -> None:
    path = root / "usr" / "share" / "doc" / package / "copyright"
    path.parent.mkdir(parents=True)
    path.write_text(CARD.format(free=free, other=other))


def put(root: Path, files: dict[str, bytes | str]) -> None:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())


def same(read: Shape, wanted: Shape, tolerance: float = 1e-5) -> bool:
    ours, theirs = (one.vertices[one.faces] for one in (made(read), made(wanted)))
    return np.allclose(ours, theirs, atol=tolerance)


class TestLicences:
    def test_the_last_paragraph_that_matches_counts(self) -> None:
        found = Licences(CARD.format(free="data/a?/*.md2\n data/x.png", other="data/ab/no.md2"))
        assert found.of("src/main.c") == ("GPL-2+", "The Team, Somebody")
        assert found.of("data/ab/deep/yes.md2") == ("CC-BY-SA-3.0", "Jane Doe, 2011 John Roe")
        assert found.of("data/x.png") == found.of("data/ab/b.md2")
        assert found.of("data/ab/no.md2") is None

    def test_a_paragraph_for_everything_may_be_about_the_program_alone(self) -> None:
        found = Licences(CARD.format(free="data/x.png", other="none"), named=True)
        assert found.of("data/y.png") is None
        assert found.of("data/x.png") is not None

    @pytest.mark.parametrize(
        ("licence", "is_free"),
        [
            ("GPL-2+", True),
            ("CC0", True),
            ("CC-BY-SA-4.0 and CC-BY-3.0", True),
            ("GPL-3 or CC-BY-NC-3.0", False),
            ("CC-BY-ND-4.0", False),
            ("public-domain", True),
            ("Expat", False),
            ("", False),
        ],
    )
    def test_free_is_what_is_named_so(self, licence: str, is_free: bool) -> None:
        assert free(licence) == is_free


class TestUfoai:
    def test_people_stand_and_have_heads_and_parts_are_left_out(self, tmp_path: Path) -> None:
        ahead = chair().turned(about_z(90))
        model = games.md2(games.arrays(ahead))
        body = games.md2(games.arrays(boxes(((0, 0, 0), (1, 1, 3)))), frames=2)
        cube = games.md2(games.arrays(boxes(((0, 0, 0), (1, 1, 1)))))
        lying, standing = [1.0, 0, 0, 0, 1, 0, 0, 0, 1, 5, 0, 0], [1.0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 3]
        base = tmp_path / "usr/share/games/ufoai/base"
        base.mkdir(parents=True)
        with zipfile.ZipFile(base / "0models.pk3", "w") as archive:
            for name, data in {
                "objects/furniture/chairs/chair1.md2": model,
                "objects/furniture/chairs/secret.md2": model,
                "objects/crash/part.md2": model,
                "civilians/male/body01.md2": body,
                "civilians/male/body01.tag": games.tags([lying, standing]),
                "civilians/male/body01.anm": b"// a\ndeath1 0 0 18\nstand0\t\t1\t1 1\n",
                "civilians/male/head01.md2": cube,
                "objects/odd/bare.md2": games.md2(games.CORNER, skin=".missing"),
            }.items():
                archive.writestr(f"models/{name}", data)
            for folder in ("objects/furniture/chairs", "civilians/male"):
                archive.writestr(f"models/{folder}/skin.png", png(flag()))
        card(tmp_path, "ufoai-data", "base/models/objects/*", "base/models/*/secret.md2")
        found = {entry.key: entry for entry in ufoai.entries("ufoai", tmp_path)}
        assert set(found) == {
            "ufoai--furniture_chairs_chair1",
            "ufoai--civilians_male_body01_head01",
            "ufoai--odd_bare",
        }
        seat = found["ufoai--furniture_chairs_chair1"]
        assert (seat.name, seat.category, seat.licence) == ("furniture chairs chair", "furniture", "CC-BY-SA-3.0")
        assert same(seat.read(), chair(), 0.005)
        man = found["ufoai--civilians_male_body01_head01"].read()
        assert np.ptp(man.vertices, axis=0) == pytest.approx([1, 1, 4], abs=0.02)
        with pytest.raises(ValueError, match="skin"):
            found["ufoai--odd_bare"].read()


class TestSuperTuxKart:
    def test_nodes_karts_and_materials(self, tmp_path: Path) -> None:
        model = games.spm(games.arrays(chair().turned(MIRRORED)))
        wheel = games.spm(games.arrays(boxes(((-1, -1, -1), (1, 1, 1)))))
        node = """<scene><lod><group name="g"><static-object lod_distance="99" model="far.spm"/>
            <static-object lod_distance="5" model="near.spm"/></group></lod>
            <object lod_instance="true" lod_group="g" xyz="0 0 0" hpr="0 90 0" scale="2 2 2"/>
            <object model="body.spm" interaction="physicsonly"/></scene>"""
        kart = '<kart model-file="tux.spm"><wheels><a position="10 0 0" model="w.spm"/></wheels></kart>'
        clear = np.zeros((2, 2, 4), np.uint8)
        data = {
            "library/stklib_seat_a/node.xml": node,
            "library/stklib_seat_a/near.spm": model,
            "library/stklib_seat_a/far.spm": wheel,
            "library/stklib_seat_a/body.spm": wheel,
            "library/stklib_broken_a/node.xml": "<scene",
            "library/gfx_smoke_a/node.xml": node,
            "karts/tux/kart.xml": kart,
            "karts/tux/tux.spm": wheel,
            "karts/tux/w.spm": wheel,
            "models/cake.spm": model,
            "models/cake-low.spm": model,
            "tracks/forest/chair_a.spm": model,
            "tracks/forest/water.spm": model,
            "tracks/unnamed/chair_a.spm": model,
            "models/materials.xml": '<materials><material name="Skin.png" shader="alphatest"/></materials>',
            "models/skin.png": png(clear),
            "tracks/forest/skin.png": png(clear),
            "karts/tux/skin.png": png(clear),
        }
        put(tmp_path / "usr/share/games/supertuxkart/data", dict(data))
        named = "data/library/* data/karts/* data/models/* data/tracks/forest/*"
        card(tmp_path, "supertuxkart-data", named, "data/tracks/forest/skin.png")
        found = {entry.key.partition("--")[2]: entry for entry in supertuxkart.entries("stk", tmp_path)}
        assert set(found) == {"karts_tux", "library_seat", "items_cake", "tracks_forest_chair_a"}
        assert same(found["items_cake"].read(), chair())
        with pytest.raises(ValueError, match="not clearly free"):
            found["tracks_forest_chair_a"].read()
        turned = found["library_seat"].read()
        assert np.ptp(turned.vertices, axis=0) == pytest.approx(2 * np.ptp(chair().vertices, axis=0)[[1, 0, 2]])
        assert np.ptp(found["karts_tux"].read().vertices, axis=0) == pytest.approx([12, 2, 2])
        alphas = [found[name].read().textures[0][0, 0, 3] for name in ("items_cake", "karts_tux")]  # type: ignore[index]
        assert alphas == [0, 255]


class TestMegaGlest:
    def test_units_stand_and_a_file_is_listed_once(self, tmp_path: Path) -> None:
        model = games.g3d(games.arrays(chair().turned(IN_Y_UP)), texture="")
        unit = """<unit><skills><skill><type value="move"/><animation path="models/walk.g3d"/></skill>
            <skill><type value="stop"/><animation path="models/stand.g3d"/></skill></skills></unit>"""
        root = tmp_path / "usr/share/games/megaglest"
        man = root / "techs/megapack/factions/magic/units/man"
        put(man, {"man.xml": unit, "models/stand.g3d": model, "models/walk.g3d": model + b"x"})
        put(root / "tilesets/autumn/models", {"tree.g3d": games.g3d(games.CORNER), "none.g3d": b"", "again.g3d": model})
        card(tmp_path, "megaglest-data")
        found = {entry.key: entry for entry in megaglest.entries("megaglest", tmp_path)}
        assert set(found) == {"megaglest--units_man", "megaglest--scenery_tree"}
        assert found["megaglest--units_man"].licence == "GPL-2+"
        assert same(found["megaglest--units_man"].read(), chair())


class TestFlightGear:
    def test_things_are_listed_and_weather_is_not(self, tmp_path: Path) -> None:
        tail_first = chair().turned(about_z(-90)).turned(IN_Y_UP)
        data = games.ac3d(games.arrays(tail_first), texture="")
        put(tmp_path / "usr/share/games/flightgear/Models", {"Transport/Bus110.ac": data, "Weather/cloud.ac": data})
        card(tmp_path, "flightgear-data-models")
        (entry,) = flightgear.entries("flightgear", tmp_path)
        assert (entry.key, entry.name, entry.category) == ("flightgear--transport_bus110", "bus", "transport")
        assert same(entry.read(), chair())


class TestWarzone:
    def test_both_archives_are_read_as_one(self, tmp_path: Path) -> None:
        data = games.pie(games.arrays(chair().turned(MIRRORED)))
        folder = tmp_path / "usr/share/games/warzone2100"
        folder.mkdir(parents=True)
        for name, files in {
            "base": {"structs/seat.pie": data, "structs/seat_nex.pie": data, "effects/fx.pie": data},
            "mp": {"features/old.pie": data, "texpages/skin.png": png(flag())},
        }.items():
            with zipfile.ZipFile(folder / f"{name}.wz", "w") as archive:
                for path, content in files.items():
                    archive.writestr(path, content)
        card(tmp_path, "warzone2100-data", other="data/mp/*")
        found = {entry.key: entry for entry in warzone.entries("warzone2100", tmp_path)}
        assert set(found) == {"warzone2100--structs_seat", "warzone2100--features_old"}
        read = found["warzone2100--structs_seat"].read()
        assert same(read, chair()) and read.textures[0] is not None
