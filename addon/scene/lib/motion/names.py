# SPDX-License-Identifier: GPL-3.0-or-later
"""What foreign names of bones mean: Mixamo, CMU, SMPL, Unreal, Unity, VRM, Rigify, MakeHuman, 3ds Max and their like.

A bone is for us a part and a side, such as `upper_arm.L`. Which words a program uses for it are facts of its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LIMBS = ("shoulder", "upper_arm", "forearm", "hand", "thigh", "shin", "foot", "toe")
FINGERS = ("thumb", "f_index", "f_middle", "f_ring", "f_pinky")
CENTRE = ("hips", "spine", "neck", "head")
_FRONT = tuple(f"front_{part}" for part in ("thigh", "shin", "foot", "toe"))

_WORDS = {
    "hips": "hips hip pelvis hipsctrl",
    "spine": "spine chest upperchest abdomen lowerback torso waist upperback",
    "neck": "neck",
    "head": "head",
    "shoulder": "shoulder clavicle collar collarbone clav scapula",
    "upper_arm": "upperarm arm uparm armupper",
    "forearm": "forearm lowerarm elbow lowarm armlower",
    "hand": "hand wrist",
    "thigh": "thigh upperleg upleg hip legupper femur",
    "shin": "shin calf lowerleg leg knee leglower lowleg tibia",
    "foot": "foot ankle",
    "toe": "toe toes toebase ball",
    "thumb": "thumb handthumb",
    "f_index": "findex index handindex pointer indexfinger",
    "f_middle": "fmiddle middle handmiddle mid middlefinger",
    "f_ring": "fring ring handring ringfinger",
    "f_pinky": "fpinky pinky handpinky little littlefinger pinkyfinger",
    **{part: part.replace("_", "") for part in _FRONT},
}
_MEANS = {word: part for part, words in _WORDS.items() for word in words.split() if (part, word) != ("hips", "hip")}
_PREFIXES = re.compile(
    r"^(?:.*[:|])?(?:mixamorig\d*_?|bip\d*[ _.]+|valvebiped[._]|bip01[ _]|def-|cc_base_|j_bip_[clr]_|avg_|b_|m_avg_)*",
    re.IGNORECASE,
)
_VRM = re.compile(r"(?:^|[:|])J_Bip_([LR])_")
_STEPS = {"proximal": "1", "intermediate": "2", "distal": "3", "metacarpal": "0"}
_HELPERS = re.compile(
    r"twist|roll|nub|_end$|\bend\b|ik\b|ik[._]|_ik|pole|ctrl|control|target|socket|helper|org-|mch-|tweak|joint\b|site$",
    re.IGNORECASE,
)


def meaning(name: str) -> tuple[str, str]:
    """The part and the side (`L`, `R` or nothing) that one name stands for; two empty texts where it is unknown."""
    vrm = _VRM.search(name)
    side = vrm.group(1) if vrm else ""
    text = _PREFIXES.sub("", name, count=1)
    if _HELPERS.search(text) and not re.search(r"metacarpal", text, re.IGNORECASE):
        return "", ""
    words = _split(text)
    # MakeHuman counts fingers from 1, the thumb first (`finger1-1`); 3ds Max from 0 (`Finger0`, `Finger01`).
    if not side:
        side, words = _side(words)
    if not words:
        return "", ""
    digits = "".join(word for word in words if word.isdigit())
    stem = "".join(word for word in words if not word.isdigit())
    for word in _STEPS:
        stem = stem.removesuffix(word)
    if stem == "finger" and digits:
        makehuman = re.search(r"\d-\d", text) is not None
        return FINGERS[min(max(int(digits[0]) - makehuman, 0), 4)], side
    if stem == "hip":
        return ("thigh" if side else "hips"), side
    part = _MEANS.get(stem, "")
    if part in CENTRE and side:
        return "", ""
    return part, side if part else ""


def meanings(names: Iterable[str]) -> list[tuple[str, str]]:
    """As `meaning`, of all names of a skeleton: whether it names its bones or its joints is seen from all of them.

    One that names joints says `shoulder` where the arm turns, `hip` where the thigh does and `foot` behind `ankle`.
    """
    names = list(names)
    found = [meaning(name) for name in names]
    bare = [re.sub(r"[^a-z]", "", _PREFIXES.sub("", name, count=1).lower()) for name in names]

    def says(*words: str) -> bool:
        return any(word in name for name in bare for word in words)

    has = {part for part, _ in found}
    if "upper_arm" not in has and says("elbow"):
        jointed = {"shoulder": "upper_arm"}
        collars = {i for i, name in enumerate(bare) if any(word in name for word in ("collar", "clav", "scapula"))}
        found = [(part if i in collars else jointed.get(part, part), side) for i, (part, side) in enumerate(found)]
    if says("ankle"):
        found = [
            ("toe" if part == "foot" and "ankle" not in bare[i] else part, side) for i, (part, side) in enumerate(found)
        ]
    if says("wrist") and any(part == "hand" and "hand" in bare[i] for i, (part, _) in enumerate(found)):
        found = [
            ("" if part == "hand" and "wrist" not in bare[i] else part, side) for i, (part, side) in enumerate(found)
        ]
    return found


def _split(text: str) -> list[str]:
    """`LeftUpLeg` and `left_up_leg` are left, up, leg; numbers are words of their own."""
    text = re.sub(r"([a-z\d])([A-Z])", r"\1 \2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    text = re.sub(r"(\d+)", r" \1 ", text)
    return [word.lower() for word in re.split(r"[^A-Za-z\d]+", text) if word]


def _side(words: list[str]) -> tuple[str, list[str]]:
    for word, side in (("left", "L"), ("right", "R"), ("l", "L"), ("r", "R")):
        if word in words:
            at = words.index(word)
            return side, words[:at] + words[at + 1 :]
    return "", words
