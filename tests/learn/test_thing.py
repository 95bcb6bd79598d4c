# SPDX-License-Identifier: GPL-3.0-or-later
"""A Thing keeps what it is given, and refuses what is out of bounds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from galatea.backend.learn.things import thing

from .made import META, boxes, chair, made


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
