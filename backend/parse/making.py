# SPDX-License-Identifier: GPL-3.0-or-later
"""What the words of a phrase say of a thing: colour, material, size, weight."""

from __future__ import annotations

from ..protocol import materials, props
from . import lexicon
from .draft import Board, Draft
from .phrase import Phrase
from .vocabulary import qualities as q
from .vocabulary import words

_FLAT = 1e-4


def usual(draft: Draft) -> props.Thing | None:
    """The thing as it is when it is called so; None of what no table knows."""
    return lexicon.kinds().get(draft.kind) or props.things().get(draft.name)


def usual_size(draft: Draft) -> tuple[float, float, float] | None:
    """Width, depth, height of its kind; None of what no table knows."""
    known = usual(draft)
    return known.size if known else None


def size_so_far(draft: Draft) -> tuple[float, ...] | None:
    """As said, else the usual size with what words of size do to it."""
    size = draft.fields.get("dimensions") or usual_size(draft)
    grown = (draft.grown.get(axis, 1.0) for axis in "xyz")
    return tuple(a * b for a, b in zip(size, grown, strict=True)) if size else None


def weight(draft: Draft) -> float:
    """Kg, as said, else about: a fifth of the box of one is its substance."""
    known, size = usual(draft), size_so_far(draft) or (0.3, 0.3, 0.3)
    name = draft.material.get("name") or (known.material if known else "pine")
    density = draft.material.get("density") or materials.substances()[name].density
    return round(float(draft.fields.get("mass") or max(0.001, 0.2 * density * size[0] * size[1] * size[2])), 4)


def describe(draft: Draft, words: list[str], board: Board) -> None:
    """Adjectives and materials, in their order."""
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        if (word not in q.SIZES and word not in q.COMPARED) or usual_size(draft) is None:
            draft.words.append(word)
        _colour(draft, before, word, words[at + 1 :])
        _substance(draft, word, words[at + 1 :], board)
        _size(draft, q.COMPARED.get(word, word))
        if word in q.HEAVY and not (at + 1 < len(words) and words[at + 1] in q.COLOURS):
            draft.grown["density"] = draft.grown.get("density", 1.0) * q.HEAVY[word]
        if word in q.SPRINGY:
            draft.material.setdefault("restitution", q.SPRINGY[word])
        if (
            word in q.SOFT
            and not (at + 1 < len(words) and words[at + 1] in q.COLOURS)
            and draft.type in ("rigid_body", "passive")
        ):
            draft.say("type", "soft_body")
        if word in q.SLIPPERY:
            draft.material["friction"] = q.SLIPPERY[word]
        if word in q.BRITTLE:
            draft.assume("pieces", 20)


def _colour(draft: Draft, before: str, word: str, after: list[str]) -> None:
    name = q.ISH.get(word, word)
    if name not in q.COLOURS or "color" in draft.material:
        return
    if (
        lexicon.is_material(word)
        and name
        in words(
            "gold golden silver bronze ivory chocolate charcoal slate ruby emerald sapphire cream "
            "rust jade amber rose coral"
        )
        and not any(lexicon.is_material(each) and each not in q.COLOURS for each in after)
    ):
        return
    colour = q.COLOURS[name]
    if before in q.SHADES:
        other, share = q.SHADES[before]
        target = q.COLOURS[other] if other else tuple(1.0 if each == max(colour) else each * 0.6 for each in colour)
        colour = tuple(round(a + (b - a) * share, 4) for a, b in zip(colour, target, strict=True))  # type: ignore[assignment]
    draft.material["color"] = colour


def _substance(draft: Draft, word: str, after: list[str], board: Board) -> None:
    if not lexicon.is_material(word) or word in words("bouncy elastic icy wobbly mirror dusty cloudy watery shell"):
        return
    if word in q.COLOURS and any(lexicon.is_material(each) and each not in q.COLOURS for each in after):
        return
    if word in ("charcoal", "slate", "ivory", "cream", "chocolate") and "color" in draft.material:
        return
    name = lexicon.material(word) or ""
    before = draft.material.get("name")
    if before and before != name and "material" in draft.said:
        board.note(f"The {draft.called} has two materials, {before} and {name}: {before} was taken.")
        return
    draft.material["name"] = name
    draft.said.add("material")
    size = usual_size(draft)
    if name == "jelly" and draft.name in ("crate", "ball") and size:  # as it is eaten
        draft.grown |= {axis: draft.grown.get(axis, 1.0) * 0.1 / max(size) for axis in "xyz"}
    soft = name in ("jelly", "foam", "slime") or (name in ("silicone",) and draft.type == "soft_body")
    if soft and draft.type == "rigid_body" and "type" not in draft.said:
        draft.fields["type"] = "soft_body"


def _size(draft: Draft, word: str) -> None:
    factors = q.SIZES.get(word)
    if factors is None:
        return
    size = usual_size(draft)
    if size is None:
        return
    if word in q.FLAT_THIN and min(size) < 0.01:
        return
    if word in ("thin", "thick") and min(size) < 0.35 * max(size):
        thin = size.index(min(size))
        factors = tuple((0.5 if word == "thin" else 1.6) if axis == thin else 1.0 for axis in range(3))  # type: ignore[assignment]
    elif word == "long" and size[2] >= 1.8 * max(size[:2]):
        factors = (1.0, 1.0, 1.8)
    elif word in ("long", "short") and size[1] > size[0] * 1.3:
        factors = (1.0, 1.8 if word == "long" else 0.6, 1.0)
    elif word == "short" and max(size[:2]) > 1.5 * size[2]:
        factors = (0.6, 1.0, 1.0)
    for axis, factor in zip("xyz", factors, strict=True):
        draft.grown[axis] = draft.grown.get(axis, 1.0) * factor


def measure(draft: Draft, phrase: Phrase) -> None:
    for kind, values, what in phrase.measures:
        if kind == "mass":
            draft.say("mass", values[0], "weight")
        elif kind == "length":
            extent(draft, values, what)
        elif kind == "speed":
            draft.grown["speed"] = values[0]
        elif kind == "volume":
            side = round((values[0] / 1000) ** (1 / 3), 4)
            extent(draft, (side, side, side), "")


def extent(draft: Draft, values: tuple[float, ...], what: str) -> None:
    """An explicit size in metres. One number scales the whole unless another one was said before."""
    size = usual_size(draft) or (1.0, 1.0, 1.0)
    if "dimensions" in draft.said and len(values) == 1 and what in "xyz" and what:
        now = list(draft.fields["dimensions"])
        axis = "xyz".index(what)
        if f"axis {what}" in draft.said and now[axis] != round(values[0], 5):
            draft.said.discard("dimensions")
            draft.fields["dimensions"], draft.said = now[axis], draft.said | {"size"}
            draft.fields["size"] = now[axis]
            draft.say("size", values[0], "size")
        now[axis] = values[0]
    elif len(values) == 3:
        now = list(values)
    elif len(values) == 2:
        now = [values[0], values[1], size[2]] if size[1] > 0.01 else [values[0], size[1], values[1]]
    else:
        now = _scaled(size, values[0], what)
    if any(each > 1000 or each < 0 for each in now) or max(now) < _FLAT:
        from ..protocol.errors import UserError

        raise UserError(
            f"The {draft.kind} would be {max(now):g} m large; 0.0001 to 1000 m is possible. Say another size.",
            kind="usage",
        )
    draft.fields["dimensions"] = tuple(round(max(each, _FLAT), 5) for each in now)
    draft.said |= {"dimensions", f"axis {what}"}


def _scaled(size: tuple[float, float, float], value: float, what: str) -> list[float]:
    if what == "radius":
        value, what = value * 2, "all"
    if what == "thin":
        axis = size.index(min(size))
        return [value if k == axis else each for k, each in enumerate(size)]
    of = {"x": size[0], "y": size[1], "z": size[2]}.get(what, 0.0)
    of = of if of > 0.01 else max(size)
    return [each * value / of for each in size]


def finish(draft: Draft) -> None:
    """Size words on the usual size; weight words on the substance's density."""
    known = usual(draft)
    factors = tuple(draft.grown.get(axis, 1.0) for axis in "xyz")
    own = _own(draft)
    if "dimensions" not in draft.said and known and (own or any(each != 1.0 for each in factors)):
        grown = (each * factor for each, factor in zip(known.size, factors, strict=True))
        draft.fields["dimensions"] = tuple(round(min(1000.0, max(each, _FLAT)), 5) for each in grown)
    if own:
        if draft.name not in props.things() or own.material != props.things()[draft.name].material:
            draft.material.setdefault("name", own.material)
        if own.mass and "mass" not in draft.said and "material" not in draft.said and not draft.grown:
            draft.fields.setdefault("mass", own.mass)
    if "density" in draft.grown and "mass" not in draft.said:
        name = draft.material.get("name") or (known.material if known else "")
        if name in materials.substances():
            density = materials.substances()[name].density * draft.grown["density"]
            draft.material.setdefault("density", round(max(0.01, min(30_000.0, density)), 3))
            draft.fields.pop("mass", None)


def _own(draft: Draft) -> props.Thing | None:
    """What the document says of a noun with a size of its own; a vessel that the build knows it may make larger."""
    kind = lexicon.kinds().get(draft.kind)
    return None if kind and kind.hollow and draft.kind in props.called() else kind
