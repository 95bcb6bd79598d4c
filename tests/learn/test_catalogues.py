# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of furniture and kits, and 0 A.D.: names, axes, and what is kept for the hold-out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from galatea.backend.learn.things.catalogues import kits, sweethome, zeroad
from galatea.backend.learn.things.catalogues.entry import Entry

from .made import about_z, chair, flag, library, made, obj_text, pmd_bytes, png


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
