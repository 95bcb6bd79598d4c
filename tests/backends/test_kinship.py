# SPDX-License-Identifier: GPL-3.0-or-later
"""Likeness of words: pieces as the published tokenizer makes them, vectors as the network's, whom they find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from galatea.backend import doings, kinship
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.props import named

pytest.importorskip("onnxruntime")
VOCABULARY = kinship.WEIGHTS / "minilm.txt"
PUBLISHED = {
    "a rubber duck": [0.0211, -0.0031, -0.0435, 0.0225, 0.0633, -0.041, 0.1257, 0.0474],
    "Three balls fall onto a wooden staircase.": [0.0469, -0.0005, 0.0002, -0.0505, -0.036, 0.0213, -0.0417, 0.0741],
}
"""The first eight numbers from the published weights in full precision."""
AMONG = (
    "ball", "crate", "barrel", "wheel", "bottle", "cup", "bowl", "plate", "book", "apple", "balloon", "cloth", "rope",
    "door", "table", "chair", "bed", "lamp", "house", "tower", "bridge", "tree", "rock", "flower", "car", "boat",
    "duck", "gift_box",
)  # fmt: skip
STRANGE = (
    "", " ", "Three rubber balls fall onto a wooden staircase", "naïve café Ångström", "don't-stop; it's 3.5€!",
    "汉字 mixed 漢字", "hello\u200bworld\x00 ok", "x" * 300, "unbelievably antidisestablishmentarianism", "ﬁne ½ Å",
    "🙂 smile", "İstanbul", "\ufffdx", "a\u0301b", "under_score ^caret` ~", "tab\tand\nline",
    "[CLS] [MASK]", "word " * 200, "\u00a0wide\u3000space", "Ein Würfel fällt", "Привет мир", "नमस्ते",
    "1,000.5%", "«quoted» “too”…",
)  # fmt: skip


def test_pieces_are_those_of_the_published_tokenizer(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.BertWordPieceTokenizer(str(VOCABULARY), lowercase=True)
    theirs.enable_truncation(kinship.LONGEST)
    made = np.random.default_rng(0)
    letters = [chr(code) for code in (*range(32, 127), 0xE9, 0xDF, 0x130, 0x4E2D, 0x2019, 0x301, 0xA0, 9)]
    random = ["".join(made.choice(letters, 30)) for _ in range(300)]
    for text in (*STRANGE, *named(), *random):
        if "[" not in text:
            assert kinship.pieces(text) == theirs.encode(text).ids, repr(text)


def test_marks_of_the_network_in_a_text_are_plain_text() -> None:
    """Theirs reads [MASK] in a sentence as the network's own mark; what somebody typed is no mark."""
    known = kinship._vocabulary()
    assert known["[MASK]"] not in kinship.pieces("a [MASK] ball") and kinship.pieces("[SEP]").count(known["[SEP]"]) == 1


def test_vectors_are_units_and_nearness_is_meaning() -> None:
    vectors = kinship.embed(["a car", "an automobile", "a boiled egg", "", "word " * 500])
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.8 > 0.5 > vectors[0] @ vectors[2]
    assert kinship.embed([]).shape == (0, 384)


def test_company_and_order_do_not_matter() -> None:
    texts = ["rock", "a very long sentence about a boat on a lake", "tower"]
    together, back = kinship.embed(texts), kinship.embed(texts[::-1])[::-1]
    assert np.abs(together - back).max() < 1e-5
    assert np.abs(together[0] - kinship.embed(["rock"])[0]).max() < 1e-5


def test_vectors_are_those_of_the_published_network() -> None:
    for text, wanted in PUBLISHED.items():
        assert np.abs(kinship.embed([text])[0][:8] - wanted).max() < 0.006, text


@pytest.mark.parametrize(
    ("word", "thing"),
    [("sedan", "car"), ("mansion", "house"), ("beach ball", "ball"), ("orchid", "flower"), ("gravel", "rock"),
     ("yacht", "boat"), ("canoe", "boat")],
)  # fmt: skip
def test_a_word_finds_its_kin(word: str, thing: str) -> None:
    found = kinship.nearest(word, AMONG)
    assert found and found[0] == thing and kinship.ALIKE <= found[1] <= 1


@pytest.mark.parametrize("word", ["guitar", "philosophy", "elephant", "trousers", "laptop", "xqzzk", "", "  "])
def test_a_word_without_kin_finds_none(word: str) -> None:
    assert kinship.nearest(word, AMONG) is None


def test_nearest_among_names_of_a_library() -> None:
    names = ["Old Oak Table 02", "SM_Streetlamp_A", "RustyBarrel", "Leather Sofa"]
    assert (kinship.nearest("couch", names, least=0.5) or ("",))[0] == "Leather Sofa"
    assert kinship.nearest("couch", []) is None
    exact = kinship.nearest("leather_sofa", names)
    assert exact and exact[1] > 0.999


def test_damaged_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinship, "WEIGHTS", tmp_path)
    with pytest.raises(UserError, match=r"minilm.onnx\) are missing. Install the extension again"):
        kinship._proved("minilm.onnx")
    (tmp_path / "minilm.onnx").write_bytes(b"another")
    with pytest.raises(UserError, match="are damaged"):
        kinship._proved("minilm.onnx")


def test_vectors_made_beforehand_are_those_of_the_network() -> None:
    """After a thing, a word for one or a motion was added: tools/minilm.py --words."""
    made, wanted = kinship.shipped(), doings.compared()
    assert sorted(made) == wanted
    some = wanted[:: max(1, len(wanted) // 60)]
    likeness = (np.stack([made[text] for text in some]) * kinship.embed(some)).sum(1)
    assert likeness.min() > 0.9999


def test_the_first_unknown_word_embeds_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    embed = kinship.embed
    monkeypatch.setattr(kinship, "embed", lambda texts: asked.extend(texts) or embed(texts))
    monkeypatch.setattr(kinship, "_KEPT", {})
    assert kinship.nearest("sedan", sorted(named())) is not None
    assert asked == ["a photo of a sedan"]


@pytest.mark.parametrize(
    ("verb", "means"),
    [("hikes", "walk"), ("waltzes", "dance"), ("observes", "watch"), ("flees", None), ("cooks", None), ("sews", None),
     ("genuflects", None), ("xyzzy", None)],
)  # fmt: skip
def test_a_verb_finds_its_kin_or_none(verb: str, means: str | None) -> None:
    found = doings.nearest(verb, ["walk", "run", "jump", "dance", "wave", "bow", "nod", "watch", "march", "sneak"])
    assert (found[0] if found else None) == means


def test_forms_of_verbs() -> None:
    pairs = {"runs": "running", "dances": "dancing", "tries": "trying", "lie": "lying", "watches": "watching",
             "sees": "seeing", "nods": "nodding", "walking": "walking", "goes": "going", "pass": "passing"}  # fmt: skip
    assert {verb: doings.doing(verb) for verb in pairs} == pairs
