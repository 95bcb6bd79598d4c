# SPDX-License-Identifier: GPL-3.0-or-later
"""How alike words are in meaning, by all-MiniLM-L6-v2 (Reimers and Gurevych, "Sentence-BERT", 2019; Apache-2.0).

A sedan is a car and a tumbler is a cup: for words that no table lists. The network is bundled; a text's vector is the
mean over its word pieces. Texts become pieces as BERT's uncased WordPiece makes them, here in plain Python.

Measured on 83 everyday nouns that things.toml lacks and 53 that mean nothing in it: at `ALIKE` 72 % of what is named
is right and 47 % of the 83 are found; at 0.6 67 % and 58 %, at 0.7 76 % and 31 %. So it is a guess, to be told as one.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .protocol import bundled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .sessions import Session

WEIGHTS = Path(__file__).resolve().parent / "weights"
WORDS = "minilm_words.npz"
SHA256 = {
    "minilm.onnx": "2a9995f251c441daae17c8ea4e00d01acba12d712eebca2bfded6b3db2b1e5be",
    "minilm.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "minilm_words.npz": "9231f06a0182f7ae1620e5d0370ec0fe6fb832a61ab705f14981479b46c1c7db",
}
LONGEST = 128
"""Word pieces that are looked at, those at begin and end among them; the rest of a long text is left out."""
MOST_WORD = 100
"""Characters above which a word is unknown, as in BERT."""
MOST_TEXT = 10_000
"""Characters of a text that are read."""
BATCH = 64
MOST_KEPT = 20_000
"""Vectors that a process remembers, 1.5 kB each."""
ALIKE = 0.65
"""Cosine from which a word may stand for another."""
OTHERS = (
    "animal", "pet", "wild animal", "bird", "insect", "reptile", "sea animal", "person", "profession", "warrior",
    "royalty", "musical instrument", "music", "tool", "hand tool", "weapon", "blade", "cutlery", "tableware", "meal",
    "food", "dairy product", "vegetable", "meat", "bakery", "footwear", "clothing", "headwear", "garment", "jewellery",
    "electronic device", "computer", "telephone", "machine", "engine", "aircraft", "flying machine", "space",
    "two-wheeled vehicle", "train", "weather", "storm", "sky", "star", "light", "idea", "feeling", "science", "law",
    "religion", "mythical creature", "monster", "sport", "sports equipment", "gym equipment", "game", "stationery",
    "writing instrument", "medicine", "hygiene", "body part", "money", "time", "place", "country", "language",
    "event", "sound", "colour", "number",
)  # fmt: skip
"""What a word may be instead of any of those that it is compared with; without them a guitar would be a rock."""


def seen(word: str) -> str:
    """What is compared of a word: it turns single words to things that can be seen. _ counts as a space."""
    return f"a photo of a {word.strip().replace('_', ' ')}"


def nearest(
    word: str,
    among: Sequence[str],
    *,
    least: float = ALIKE,
    form: Callable[[str], str] = seen,
    others: Sequence[str] = OTHERS,
    margin: float = 0.0,
) -> tuple[str, float] | None:
    """The one that is most alike and its cosine; None where none reaches `least`, or where one of `others` comes nearer
    than `margin` below it. `form` makes of a word what is compared."""
    if not word.strip() or not among:
        return None
    vectors = _remembered([form(each) for each in (word, *among, *others)])
    likeness = vectors[1:] @ vectors[0]
    best = int(likeness[: len(among)].argmax())
    score, other = float(likeness[best]), float(likeness[len(among) :].max(initial=-1.0))
    return (among[best], score) if score >= max(least, other + margin) else None


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """(N, 384) unit vectors, so that a product of two is their cosine."""
    import numpy as np

    rows = [pieces(text) for text in texts]
    made = np.zeros((len(rows), 384), np.float32)
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        width = max(len(rows[number]) for number in some)
        ids = np.zeros((len(some), width), np.int64)
        mask = np.zeros((len(some), width), np.float32)
        for row, number in enumerate(some):
            ids[row, : len(rows[number])] = rows[number]
            mask[row, : len(rows[number])] = 1
        made[some] = _session().run(["vectors"], {"ids": ids, "mask": mask})[0]
    return made


_KEPT: dict[str, NDArray[np.float32]] = {}


def _remembered(texts: Sequence[str]) -> NDArray[np.float32]:
    """As `embed`; a vector that was made before is not made again."""
    import numpy as np

    if len(_KEPT) > MOST_KEPT:
        _KEPT.clear()
    made = shipped()
    fresh = [text for text in dict.fromkeys(texts) if text not in _KEPT and text not in made]
    _KEPT.update(zip(fresh, embed(fresh), strict=True))
    return np.stack([made[text] if text in made else _KEPT[text] for text in texts])


@cache
def shipped() -> Mapping[str, NDArray[np.float32]]:
    """Vectors (384,) of texts that are always compared, made beforehand by `tools/minilm.py --words`; int8 in their
    file, with a scale each, so that the first unknown word does not wait for hundreds of others."""
    import numpy as np

    with np.load(io.BytesIO(_proved(WORDS)), allow_pickle=False) as file:
        vectors = file["vectors"].astype(np.float32) * file["scales"].astype(np.float32)[:, None]
        texts = bytes(file["texts"]).decode("utf-8").split("\n")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return dict(zip(texts, vectors, strict=True))


def is_word(text: str) -> bool:
    """The vocabulary has it whole, in small letters: a real word, or a very frequent name."""
    known = _vocabulary()
    return text in known or text.removesuffix("s") in known


def pieces(text: str) -> list[int]:
    """The numbers of a text's word pieces, between those of [CLS] and [SEP]."""
    known = _vocabulary()
    found = [number for word in _split(text[:MOST_TEXT]) for number in _pieces_of(word, known)]
    return [known["[CLS]"], *found[: LONGEST - 2], known["[SEP]"]]


def _pieces_of(word: str, known: dict[str, int]) -> list[int]:
    """The longest piece that is known first; the whole word is unknown where one part is."""
    found: list[int] = []
    start = 0
    while start < len(word) <= MOST_WORD:
        head = "##" if start else ""
        end = next((end for end in range(len(word), start, -1) if head + word[start:end] in known), 0)
        if not end:
            break
        found.append(known[head + word[start:end]])
        start = end
    return found if start == len(word) else [known["[UNK]"]]


def _split(text: str) -> Iterator[str]:
    """Words in small letters without accents, each sign of punctuation and each Chinese character alone."""
    word = ""
    for char in unicodedata.normalize("NFD", "".join(map(_cleaned, text)).lower()):
        kind = unicodedata.category(char)
        if kind == "Mn":
            continue
        if char.isspace() or _alone(char, kind):
            if word:
                yield word
            word = ""
            if not char.isspace():
                yield char
        else:
            word += char
    if word:
        yield word


def _cleaned(char: str) -> str:
    """Nothing for what is not seen, spaces for what parts words."""
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    return "" if char in "\0\ufffd" or unicodedata.category(char).startswith("C") else char


def _alone(char: str, kind: str) -> bool:
    code = ord(char)
    sign = kind.startswith("P") or (code < 128 and char.isprintable() and not char.isalnum() and char != " ")
    return sign or any(low <= code <= high for low, high in _CHINESE)


_CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def _proved(name: str) -> bytes:
    """A bundled file, proved by its hash before anything reads it."""
    return bundled.read(WEIGHTS / name, SHA256[name], "The weights for words")


@cache
def _session() -> Session:
    from .sessions import Session

    return Session(_proved("minilm.onnx"), lambda _: None)


@cache
def _vocabulary() -> dict[str, int]:
    return {piece: number for number, piece in enumerate(_proved("minilm.txt").decode("utf-8").splitlines())}
