# SPDX-License-Identifier: GPL-3.0-or-later
"""From packages to a folder of Things: what is left out, and what never leaks from the hold-out."""

from __future__ import annotations

import dataclasses
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from galatea.backend.learn.things import build, card, filters, sources
from galatea.backend.learn.things.catalogues import sweethome

from .made import about_z, boxes, chair, library, made


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
        assert filters.copies(prints, ["holdout", "holdout"]) == {1: (0, "copy")}, "a shape has one vote"
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

    def test_the_card_of_weights_counts_what_trained(self, made_up: Path) -> None:
        build.build(made_up, ["madeup"], lambda line, share: None)
        text = card.trained([made_up, made_up])
        assert "1 objects trained, 0 were looked at" in text and "1 objects were left out" in text
        assert "| madeup 1.0 (npm) | 1 | 0 |" in text and "| Public domain | 1 | Somebody |" in text
        (made_up / "dropped.txt").write_text("sweethome3d-scopia--table\n")
        assert "0 objects trained" in card.trained([made_up])

    def test_a_card_of_nothing_can_be_read(self) -> None:
        assert "0 objects" in card.markdown(card.card([]))


def test_data_and_settings_that_are_not_there_are_told(tmp_path, capsys):
    from galatea.backend.cli import main

    for words, said in (
        (["data", "card", tmp_path / "none"], f"There is no data in {tmp_path / 'none'}. Run `galatea data build`"),
        (["finetune", tmp_path, "--out", tmp_path / "run", "--settings", "lroa"], "no settings 'lroa'. Did you mean"),
        (["train", tmp_path, "--out", tmp_path / "run", "--settings", "big"], "There are: full, lora, small."),
    ):
        assert main([str(word) for word in words]) == 2
        assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
