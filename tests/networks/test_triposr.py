# SPDX-License-Identifier: GPL-3.0-or-later
"""Every stage against the reference's numbers (fixtures/triposr/README.md), the axes, and the way to a mesh."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from galatea.backend.geometry.marching import isosurface
from galatea.backend.geometry.mesh import face_normals
from galatea.backend.networks import picture, triplane, triposr, vit
from galatea.backend.protocol.errors import JobCancelled, UserError

from .conftest import FIXTURES, Fitted

Known = dict[str, torch.Tensor]


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    return float((a - b).abs().max())


def test_the_full_size_has_the_checkpoints_tensors() -> None:
    wanted = json.loads((FIXTURES / "keys_full.json").read_text())
    state = triposr.empty(triposr.Config()).state_dict()
    assert {name: list(value.shape) for name, value in state.items()} == {
        name: entry["shape"] for name, entry in wanted["keys"].items()
    }
    assert len(state) == 549 and sum(value.numel() for value in state.values()) == 419_275_628


def test_positions_by_the_old_rule(known: Known) -> None:
    assert apart(vit.positions(known["position_rule.table_224"], 32, 32), known["position_rule.at_512"]) < 1e-6
    assert vit.positions(known["position_rule.table_224"], 14, 14) is known["position_rule.table_224"]


@torch.inference_mode()
def test_every_stage_up_to_the_codes(model: triposr.Model, known: Known) -> None:
    network, image = model.network, known["image"][None]
    pictures = picture.resized(picture.tensor(image), 64)
    assert apart(pictures.permute(0, 2, 3, 1), known["out.preprocessed"]) < 1e-6
    encoder = network.image_tokenizer.model
    table = encoder.embeddings.position_embeddings
    assert apart(vit.positions(table, 4, 4), known["out.position_embeddings"]) < 2e-5
    seen = triposr.normalised(pictures)
    assert apart(encoder.embeddings(seen), known["out.embeddings"]) < 2e-5
    hidden = encoder(seen)
    assert apart(hidden, known["out.encoder_hidden"]) < 2e-5
    tokens = network.tokenizer(1)
    assert apart(tokens, known["out.triplane_tokens_in"]) == 0
    tokens = network.backbone(tokens, hidden)
    assert apart(tokens, known["out.backbone_out"]) < 2e-5
    assert apart(network.planes(tokens), known["out.scene_codes"]) < 2e-5
    assert apart(model.codes(image), known["out.scene_codes"]) < 2e-5


@torch.inference_mode()
def test_the_field(model: triposr.Model, known: Known) -> None:
    field = triplane.Field(known["out.scene_codes"][0], model.network.decoder.layers)
    raw = field.raw(known["points"])
    assert apart(raw[:, :1], known["out.density_raw"]) < 1e-4
    assert apart(raw[:, 1:], known["out.features_raw"]) < 1e-4
    assert float((triplane.density(raw[:, :1]) / known["out.density"] - 1).abs().max()) < 1e-4
    assert apart(field.colour(known["points"]), known["out.color"]) < 2e-5


@torch.inference_mode()
def test_the_folded_field_on_the_lattice(model: triposr.Model, known: Known) -> None:
    field = triplane.Field(known["out.scene_codes"][0], model.network.decoder.layers)
    index = torch.cartesian_prod(*[torch.arange(16)] * 3)
    found = triplane.Lattice(field, 16).density(index).view(16, 16, 16)
    assert float((found / known["out.density_grid"] - 1).abs().max()) < 1e-4
    points = triplane.lattice(16)[index[[0, 1, 16, 256, 4095]]]
    assert apart(points, known["out.grid_points_first_last"]) < 1e-6


def sides(vertices: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Which vertices lie on the border of the cube, or beyond it, where ours is closed and the reference's is open."""
    return np.asarray((np.abs(vertices) >= 0.87 * (1 - 0.1 / count)).any(axis=1))


def test_the_mesh_and_its_colours(model: triposr.Model, known: Known) -> None:
    """Ours keeps 0.01 cells away from the lattice's points, the reference does not."""
    vertices, faces, colours = model.mesh(known["out.scene_codes"][0], 16)
    theirs = triposr.turned(known["out.mesh_vertices"].numpy())
    cell = 1.74 / 15
    inner, wanted = ~sides(vertices, 16), ~sides(theirs, 16)
    there, nearest = cKDTree(theirs).query(vertices[inner])
    back, _ = cKDTree(vertices).query(theirs[wanted])
    assert inner.sum() > 3000 and max(there.max(), back.max()) < 0.011 * cell
    still = there < 1e-5
    assert still.sum() > 2000
    assert np.abs(colours[inner][still] - known["out.mesh_colors"].numpy()[nearest[still]]).max() < 1e-3
    assert len(np.unique(faces)) == len(vertices) and colours.min() >= 0 and colours.max() <= 1


def test_the_surface_and_its_winding_are_the_references(known: Known) -> None:
    density = known["orientation.density"].numpy()
    points, faces = isosurface(density, 25.0)
    points = points / np.float32(23) * np.float32(1.74) - np.float32(0.87)
    theirs, their_faces = known["orientation.vertices"].numpy(), known["orientation.faces"].numpy()
    assert cKDTree(theirs).query(points)[0].max() < 0.011 * 1.74 / 23
    assert cKDTree(points).query(theirs)[0].max() < 0.011 * 1.74 / 23
    for some, triangles in ((points, faces), (theirs, their_faces)):
        normals, middles = face_normals(some, triangles), some[triangles].mean(axis=1)
        outwards = middles - np.array([0.25, -0.15, 0.05])
        whole = np.linalg.norm(normals, axis=1) > 1e-6
        assert ((normals * outwards).sum(axis=1)[whole] > 0).all()
    areas = [np.linalg.norm(face_normals(p, f), axis=1).sum() for p, f in ((points, faces), (theirs, their_faces))]
    assert abs(areas[0] / areas[1] - 1) < 1e-3


def test_the_thing_faces_minus_y_and_stands_up(fitted: Fitted) -> None:
    """The head is up and towards the reference's camera on +X, the one arm towards +Y."""
    vertices, faces, colours = fitted.model.mesh(fitted.codes, 64)
    head, arm = vertices[vertices[:, 2].argmax()], vertices[vertices[:, 0].argmax()]
    assert head[1] < -0.3 and head[2] > 0.45 and arm[0] > 0.55
    assert vertices[:, 0].min() > -0.4
    normals = face_normals(vertices, faces)
    volume = (vertices[faces[:, 0]] * normals).sum() / 6
    assert 0.05 < volume < 0.3
    upstream = np.stack([-vertices[:, 1], vertices[:, 0], vertices[:, 2]], axis=1)
    assert np.abs(colours - (upstream + 0.87) / 1.74).mean() < 0.08


def test_preprocessing(known: Known) -> None:
    cut = picture.framed(known["preprocess.rgba"].numpy())
    assert (cut == known["preprocess.foreground_rgba"].numpy()).all()
    grey = picture.on_grey(cut)
    assert (grey == known["preprocess.composited_rgb"].numpy()).all()
    for side in (64, 32):
        small = picture.resized(picture.tensor(grey[None]), side)[0].permute(1, 2, 0)
        assert apart(small, known[f"preprocess.resized_{side}"]) < 1e-6


@pytest.mark.parametrize("spots", [[], [(5, 5)], [(5, 5), (5, 9)], [(0, 9), (9, 0)]])
def test_a_cutout_with_nothing_in_it_is_refused(spots: list[tuple[int, int]]) -> None:
    """In the last two all that is there lies in the row and the column that are cut off."""
    rgba = np.zeros((10, 10, 4), np.uint8)
    for spot in spots:
        rgba[spot] = 255
    with pytest.raises(UserError, match="Nothing stands out"):
        picture.framed(rgba)


def test_a_batch_is_its_pictures(model: triposr.Model, known: Known) -> None:
    other = known["image"].flip(0)
    both = model.codes(torch.stack([known["image"], other]))
    assert apart(both[:1], model.codes(known["image"][None])) < 2e-5
    assert apart(both[1:], model.codes(other[None])) < 2e-5
    assert apart(both[:1], both[1:]) > 0.01


def test_bytes_and_other_sizes_are_taken(model: triposr.Model, known: Known) -> None:
    pixels = (known["image"] * 255).round().to(torch.uint8).numpy()
    wanted = known["out.scene_codes"]
    assert float((model.codes(pixels[None]) - wanted).norm() / wanted.norm()) < 0.02
    large = pixels.repeat(3, axis=0).repeat(3, axis=1)
    assert float((model.codes(large[None]) - wanted).norm() / wanted.norm()) < 0.1


def test_half_precision_is_near(known: Known, tiny_model_path: Path) -> None:
    half = triposr.load(tiny_model_path, dtype=torch.bfloat16).codes(known["image"][None])
    wanted = known["out.scene_codes"]
    assert half.dtype == torch.float32
    assert 0 < float((half - wanted).norm() / wanted.norm()) < 0.05


def test_progress_rises_and_a_cancel_comes_through(model: triposr.Model, known: Known) -> None:
    told: list[float] = []
    codes = model.codes(known["image"][None], lambda _, part: told.append(part))
    assert told == sorted(told) and told[-1] == 1 and len(set(told)) >= 4
    told.clear()
    model.mesh(codes[0], 48, report=lambda _, part: told.append(part))
    assert told == sorted(told) and told[-1] == 1 and len(told) > 20

    def stop(_phase: str, part: float) -> None:
        if part > 0.3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        model.codes(known["image"][None], stop)
    with pytest.raises(JobCancelled):
        model.mesh(codes[0], 48, report=stop)


def test_no_surface_gives_an_empty_mesh(model: triposr.Model, known: Known) -> None:
    vertices, faces, colours = model.mesh(known["out.scene_codes"][0], 24, 1e12)
    assert vertices.shape == colours.shape == (0, 3) and faces.shape == (0, 3)


def test_numbers_beyond_the_range_are_told(tiny_model_path: Path, known: Known) -> None:
    broken = triposr.load(tiny_model_path, dtype=torch.bfloat16)
    broken.network.backbone.proj_out.bias.data[0] = float("inf")
    with pytest.raises(UserError, match="beyond what bfloat16 holds") as caught:
        broken.codes(known["image"][None])
    assert caught.value.kind == "weights"


def test_a_density_without_bounds_still_makes_a_mesh(tiny_model_path: Path, known: Known) -> None:
    steep = triposr.load(tiny_model_path, dtype=torch.float32)
    last = steep.network.decoder.layers[-1]
    assert isinstance(last, torch.nn.Linear)
    last.weight.data *= 300
    vertices, faces, colours = steep.mesh(known["out.scene_codes"][0], 24)
    assert len(faces) > 1000 and np.isfinite(vertices).all() and np.isfinite(colours).all()
