# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line of the cast is placed when: what another stands on comes first."""

from __future__ import annotations

from collections.abc import Sequence

from .....backend.protocol.scene import Item


def targets(item: Item) -> tuple[str, ...]:
    """The ids that the item's place depends on, things alone or not."""
    if item.relation.kind == "none" or item.position is not None:
        return ()
    return tuple(each for each in (item.relation.target, item.relation.other) if each)


def ordered(items: Sequence[Item]) -> tuple[list[Item], list[tuple[str, ...]]]:
    """The items so that each comes after what it depends on, else as they are; and the circles that there are.

    A circle (a on b, b on a) is broken at its first item of the cast, whose relation then cannot be met.
    """
    known = {item.id: item for item in items}
    done: dict[str, Item] = {}
    circles: list[tuple[str, ...]] = []

    def place(item: Item, way: tuple[str, ...]) -> None:
        if item.id in way:
            circles.append(way[way.index(item.id) :])
            return
        if item.id in done:
            return
        for id in targets(item):
            if id in known:
                place(known[id], (*way, item.id))
        done.setdefault(item.id, item)

    for item in items:
        place(item, ())
    return list(done.values()), circles


def leaned_on(items: Sequence[Item]) -> set[str]:
    """Ids that another item is placed by."""
    return {id for item in items for id in targets(item)}
