# SPDX-License-Identifier: GPL-3.0-or-later
"""Soft bodies fall, squash, wobble and keep their volume."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from galatea.addon.scene.lib.physics import soft

from . import moved


def drop(make_work, seconds=1.2, **item):
    spec = moved.document(
        [{"name": "jelly", "type": "soft_body", **item}, {"name": "table", "type": "passive"}], seconds
    )
    obj = moved.put("jelly", moved.box((0.2, 0.2, 0.16), cuts=5), (0, 0, 0.5))
    moved.put("table", moved.box((0.6, 0.6, 0.2)))
    work, _ = make_work()
    return obj, soft.bake(work, spec, moved.things(), moved.nothing), work


def test_a_jelly_falls_squashes_and_stands_with_its_volume(make_work, tmp_path):
    obj, figures, work = drop(make_work)
    assert moved.seen(obj, 5)[:, 2].mean() == pytest.approx(0.58 - 0.5 * 9.81 * (4 / 24) ** 2, abs=0.004)
    tall = [np.ptp(moved.seen(obj, frame)[:, 2]) for frame in range(1, 30)]
    assert min(tall) < 0.13 and tall[-1] == pytest.approx(0.16, rel=0.08)
    assert min(moved.seen(obj, frame)[:, 2].min() for frame in range(1, 30)) > 0.2 - 0.002
    assert figures["soft_volume_end"] > 0.95 and not work.report.warnings
    end = moved.seen(obj, 29)
    late, early = moved.replayed(obj, tmp_path / "s.blend", [29, 1])
    assert np.abs(late - end).max() < 1e-5 and early[:, 2].min() == pytest.approx(0.5, abs=1e-4)


def test_what_is_stiffer_squashes_less(make_work):
    soft_one = drop(make_work, 0.5, material={"young_modulus": 4e3})[1]["soft_squash"]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    firm = drop(make_work, 0.5, material={"young_modulus": 1.6e4})[1]["soft_squash"]
    assert firm < 0.88 * soft_one


def test_what_is_pinned_hangs(make_work):
    obj, _, _ = drop(make_work, 0.6, pinned="top")
    assert moved.seen(obj, 15)[:, 2].max() == pytest.approx(0.66, abs=0.01)
