# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - rows of tables
"""Nouns that are no rows of presets/props/things.toml: what flows, burns and blows, places, people, arrangements."""

from __future__ import annotations

from . import words

FLUIDS = words(
    """water honey oil milk lava paint ink juice coffee tea mud slime syrup wine beer soup mercury petrol gasoline
    liquid lemonade ketchup yoghurt yogurt cream blood magma caramel shampoo glue custard gravy batter vinegar
    cola soda whisky champagne acid goo molasses sap seawater quicksilver"""
)
GRAINS = words("sand gravel rice sugar salt grain wheat flour soil dirt beans lentils sawdust")
GASES = words("smoke steam fire flame flames mist fog vapour vapor cloud campfire bonfire fumes ash")
BURNING = words("fire flame flames campfire bonfire")
WINDS = words("wind breeze gust draught draft gale")
FIELDS = {
    "vortex": "vortex", "tornado": "vortex", "whirlwind": "vortex", "whirlpool": "vortex", "cyclone": "vortex",
    "magnet": "attract", "attractor": "attract", "singularity": "attract", "black_hole": "attract",
    "repeller": "repel", "force_field": "repel", "turbulence": "turbulence",
}  # fmt: skip
FLOORS = words(
    """floor ground terrain earth surface lawn meadow pavement street road beach desert plain field carpet"""
)
CEILINGS = words("ceiling sky roof_beam rafters rafter air above heaven heavens")
PLACELESS = words(
    """air scene world middle centre center side sides edge edges corner corners top bottom front back end ends
    left right space background foreground place position way path direction distance spot area room rest pieces
    fragments shards bits impact time moment place height second seconds minute metre metres meter meters line-
    up speed force motion movement gravity physics simulation animation video film clip movie shot frame view
    scale material colour color size weight mass sound collision effect result weather day link links manner
    style kind type sort object objects reaction chain-reaction sequence turn turns action slope-end rim inside
    outside hole gap opening tip base half part parts total row_end length width depth diameter radius angle
    degrees circle_path loop loops lot look screen camera light lights lighting shadow shadows spread splash
    splashes ripples momentum energy hit throw push kick fall drop bounce roll spin swing slide_motion
    other_side halfway midair"""
)
PARTS = words(
    """top bottom side sides edge corner corners middle centre center front back end ends rim tip inside outside
    base foot head left right surface half peak summit mouth"""
)  # fmt: skip
"""Of what follows with "of": the top of a ramp is on the ramp."""
ORDINALS = {
    "first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1, "final": -1, "next": 1,
    "topmost": -1, "uppermost": -1, "lowest": 0,
}  # fmt: skip
"""Which of several, from 0; -1 is the last."""
CONNECTORS = words("spring springs wire wires hinge hinges thread threads rod rods rubber_band")
PEOPLE = words(
    """man woman person people boy girl child children kid kids someone somebody hand hands player athlete i you we
    he she worker wizard magician user viewer crowd men women guy lady giant soldier knight"""
)
ARRANGEMENTS = {
    "row": "row", "line": "row", "queue": "row", "file": "row", "series": "row", "chain": "row", "column": "stack",
    "stack": "stack", "tower": "stack", "pillar": "stack", "pile": "pile", "heap": "pile", "mound": "pile",
    "pyramid": "pyramid", "house": "pyramid", "wall": "wall", "grid": "grid", "array": "grid", "matrix": "grid",
    "circle": "circle", "ring": "circle", "cluster": "scattered", "spiral": "circle", "triangle": "pyramid", "castle": "pyramid",
    "rows": "grid", "lines": "grid", "stacks": "grid", "piles": "pile", "curve": "circle", "semicircle": "circle",
}  # fmt: skip
"""Before "of" and a plural."""
USUAL_COUNT = {"row": 10, "stack": 6, "pile": 12, "pyramid": 10, "wall": 24, "grid": 16, "circle": 8, "scattered": 12,
               "column": 6, "auto": 5}  # fmt: skip
"""Of an arrangement whose number is not said."""
PIECES = words(
    """piece scoop sheet block slab lump chunk bit length drop droplet sliver strip bar roll cube ball disc disk
    rod bale blob puddle stream jet splash trickle column layer bed cloud puff plume"""
)  # fmt: skip
"""Before "of" and a substance: a piece of it."""
STREAMS = words("stream jet trickle spray shower flow splash")
IRREGULAR = {
    "dominoes": "domino", "dominos": "domino", "dice": "die", "leaves": "leaf", "shelves": "shelf", "boxes": "box",
    "benches": "bench", "glasses": "glass", "dishes": "dish", "vases": "vase", "houses": "house", "people": "person",
    "knives": "knife", "loaves": "loaf", "torches": "torch", "branches": "branch", "mice": "mouse", "children": "child",
    "men": "man", "women": "woman", "geese": "goose", "feet": "foot", "teeth": "tooth", "brushes": "brush", "axes": "axe",
    "bushes": "bush", "watches": "watch", "buses": "bus", "horses": "horse", "wolves": "wolf", "tomatoes": "tomato",
    "potatoes": "potato", "cacti": "cactus", "stairs": "stairs", "scissors": "scissors", "matches": "match",
    "canvases": "canvas", "pyjamas": "pyjamas", "roses": "rose", "bases": "base", "cases": "case", "volcanoes": "volcano",
    "torus": "torus", "glass": "glass", "cactus": "cactus", "compass": "compass", "canvas": "canvas", "bus": "bus",
    "christmas": "christmas", "grass": "grass", "moss": "moss", "brass": "brass", "gas": "gas", "lens": "lens",
    "steps": "steps", "mattress": "mattress", "dress": "dress", "tennis": "tennis", "gears": "gear", "wheel": "wheel",
    "pieces": "piece", "spheres": "sphere", "cubes": "cube", "planes": "plane", "plates": "plate", "arches": "arch",
    "tyres": "tyre", "tires": "tire", "slides": "slide", "axles": "axle", "sheep": "sheep", "fish": "fish",
}  # fmt: skip

KINDS: dict[str, tuple[str, tuple[float, float, float], str, float | None]] = {
    "ping_pong_ball": ("ball", (0.04, 0.04, 0.04), "plastic", 0.0027),
    "ice_cream": ("ball", (0.06, 0.06, 0.06), "snow", None),
    "pearl": ("ball", (0.01, 0.01, 0.01), "ceramic", None),
    "bubble": ("balloon", (0.1, 0.1, 0.1), "", None),
    "soap_bubble": ("balloon", (0.1, 0.1, 0.1), "", None),
    "ice_cube": ("crate", (0.03, 0.03, 0.03), "ice", None),
    "sugar_cube": ("crate", (0.016, 0.016, 0.016), "", None),
    "building_block": ("crate", (0.05, 0.05, 0.05), "", None),
    "toy_block": ("crate", (0.05, 0.05, 0.05), "", None),
    "paper_boat": ("boat", (0.2, 0.08, 0.12), "paper", None),
    "table_tennis_table": ("table", (2.74, 1.52, 0.76), "", None),
    "playing_card": ("card", (0.063, 0.001, 0.088), "cardboard", 0.002),
    "newspaper": ("cloth", (0.6, 0.4, 0.0), "paper", None),
    "letter": ("cloth", (0.21, 0.297, 0.0), "paper", None),
    "poster": ("cloth", (0.6, 0.84, 0.0), "paper", None),
    "card": ("card", (0.063, 0.001, 0.088), "cardboard", 0.002),
    "top_toy": ("cone", (0.06, 0.06, 0.07), "oak", None),
    "lake": ("tank", (5.0, 4.0, 0.8), "", None),
    "sea": ("tank", (6.0, 4.0, 1.0), "", None),
    "ocean": ("tank", (6.0, 4.0, 1.0), "", None),
    "river": ("tank", (6.0, 2.0, 0.6), "", None),
    "pond": ("tank", (3.0, 2.0, 0.6), "", None),
    "puddle": ("tank", (0.8, 0.8, 0.1), "", None),
    "swimming_pool": ("tank", (4.0, 2.5, 1.0), "", None),
}
"""What presets/props/things.toml has not: the thing, width depth height in metres, material where it is another than
usual, kg of one."""
WATERS = words("lake sea ocean river pond puddle swimming_pool")
"""They are full of water."""
