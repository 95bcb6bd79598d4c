# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that become clips: sequences, hands, numbers, likeness, and what is not known."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from galatea.addon.scene.lib.motion import anatomy, library, planning, timeline, words
from galatea.backend.protocol.errors import UserError

from .people import person
from .performed import BODIES, ends, made


def test_a_sentence_becomes_a_sequence_that_ends_standing():
    one = made(person(), "walks to the left, then waves and jumps")
    assert [i.clip.name for i in one.items] == ["walk", "idle", "wave", "jump", "idle"]
    hand, head = ends(one.take, "hand.R")[:, 2], ends(one.take, "spine.006")[:, 2]
    wave = one.items[2]
    assert hand[round(24 * (wave.start + wave.end) / 2)] > 1.4
    assert one.slide < 1e-3
    assert hand[-1] < 1.0 and abs(head[-1] - head[0]) < 0.06
    speed = np.linalg.norm(np.diff(ends(one.take, "foot.L"), axis=0), axis=1)
    assert speed[-3:].max() < 1e-3, "it still moves at the end"


def test_a_gesture_is_done_by_the_hand_that_is_said():
    def hands(text):
        one = made(person(), text)
        return [ends(one.take, f"hand.{side}") for side in "LR"]

    right, left, both = hands("waves"), hands("waves with the left hand"), hands("waves with both hands")
    off = np.linalg.norm(left[0] - right[1] * [-1, 1, 1], axis=1)
    assert off.mean() < 0.08 and off.max() < 0.25, "but for how it stands the left hand does what the right one did"
    assert right[1][:, 2].max() > 1.4 > right[0][:, 2].max() and left[0][:, 2].max() > 1.4 > left[1][:, 2].max()
    assert both[0][:, 2].max() > 1.4 and both[1][:, 2].max() > 1.4
    assert words.understand("waves with its left arm", "biped").parts[0].face == 0, "it does not turn"
    assert words.understand("waves to the left", "biped").parts[0].face == pytest.approx(np.pi / 2)
    told = words.understand("walks to the left while waving with his left hand", "biped").parts
    assert [(p.motion, p.hand) for p in told] == [("walk", ""), ("wave", "L")]
    assert told[0].face == pytest.approx(np.pi / 2)


def test_a_gesture_lies_over_a_walk():
    one = made(person(), "waves while walking")
    plain = made(person(), "walks")
    feet = [ends(take.take, "foot.L")[:60] for take in (one, plain)]
    assert np.abs(feet[0] - feet[1]).max() < 0.05
    assert ends(one.take, "hand.R")[:, 2].max() > 1.4 > ends(plain.take, "hand.R")[:, 2].max()


def test_numbers_counts_and_durations():
    told = words.understand("idle for 2 seconds then nod twice", "biped")
    assert [(p.motion, p.seconds, p.count) for p in told.parts] == [("idle", 2.0, None), ("nod", None, 2)]
    assert words.understand("jumps three times", "biped").parts[0].count == 3
    assert words.understand("runs two and a half", "biped").parts[0].motion == "run"
    assert words.understand("trots in a circle", "quadruped").parts[0].arc == pytest.approx(2 * np.pi)
    assert words.understand("turns 45 degrees to the right", "biped").parts[0].face == pytest.approx(-np.pi / 4)
    told = words.understand("shakes its head", "biped")
    assert told.parts[0].motion == "shake head" and not told.notes


def test_what_is_not_known_is_told():
    told = words.understand("moonwalks", "biped")
    assert told.parts[0].motion == "walk" and "moonwalks" in told.notes[0] and "walk was taken" in told.notes[0]
    told = words.understand("gallops", "biped")
    assert told.parts[0].motion == "run" and "gallops" in told.notes[0]
    assert words.understand("walks", "fish").parts[0].motion == "swim"
    assert words.understand("gallops", "soft").parts[0].motion == "hop", "what goes is taken for what goes"
    told = words.understand("walks purple", "biped")
    assert "purple" in told.notes[0]
    told = words.understand("xyzzy", "snake")
    assert told.parts[0].motion == "slither" and told.notes
    told = words.understand("zzz", "biped", similar=lambda word, others: [float("dance" in o) for o in others])
    assert told.parts[0].motion == "dance", "another likeness can be plugged in"


def test_a_verb_that_no_clip_has_is_the_one_that_means_nearly_the_same():
    pytest.importorskip("onnxruntime")
    for text, clip in (("waltzes", "dance"), ("hikes for 3 m", "walk"), ("observes", "look around")):
        told = words.understand(text, "biped")
        assert told.parts[0].motion == clip and f"{clip} was taken, which means nearly the same" in told.notes[0]
    told = words.understand("cooks dinner", "biped")
    assert told.parts[0].motion == "idle" and "nearly" not in told.notes[0], "what means nothing here stays refused"
    assert words.understand("dannces", "biped").parts[0].motion == "dance", "letters tell what is misspelt"


VOCABULARY = [w for clip in library.everything() for w in clip.words]
VOCABULARY += re.split(
    " ",
    "then and while , . ; slowly fast very left right back around circle turn turns 3 m 2 s 90 degrees twice on the "
    "spot 0 1e9 999999 -5 m for half a minute 50 times ° é 💃 \x00 ' % $ ((( sideways in place without moving",
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(st.lists(st.sampled_from(VOCABULARY), max_size=14).map(" ".join), st.text(max_size=60)),
    st.sampled_from(sorted(BODIES)),
)
def test_no_words_break_it(text, kind):
    body = anatomy.body(BODIES[kind]())
    told = words.understand(text, kind)
    assert told.parts
    short = [replace(p, seconds=None if p.seconds is None else min(p.seconds, 2.0)) for p in told.parts[:4]]
    short = [replace(p, metres=None if p.metres is None else min(p.metres, 3.0)) for p in short]
    short = [replace(p, count=None if p.count is None else min(p.count, 2), arc=0.0) for p in short]
    try:
        one = timeline.make(body, short, planning.Wish(seconds=1.0))
    except UserError:
        return
    assert np.isfinite(one.take.joints()[1]).all()


def test_what_would_last_for_hours_is_refused():
    with pytest.raises(UserError, match="minutes"):
        made(person(), "sneaks 1000 m, then sneaks 1000 m, then sneaks 1000 m")
