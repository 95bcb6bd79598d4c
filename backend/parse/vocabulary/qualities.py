# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - rows of tables
"""Adjectives: colours, sizes, looks."""

from __future__ import annotations

from . import words

_HEX = """
red d62828 crimson b3122b scarlet e3241b ruby 9b111e maroon 6b0f1a burgundy 6d0f25 vermilion e34234 cherry c21e3a
pink f48fb1 rose e8799b magenta d6249f fuchsia e0218a salmon fa8072 coral ff7f50 peach ffcba4
orange f28c28 tangerine f28500 amber ffbf00 apricot fbceb1 rust b7410e
yellow f6d32d lemon fff44f gold d4af37 golden d4af37 mustard d1a61a ochre cc7722 cream fff3d6 ivory fffff0
green 2e9e4f lime a4d916 emerald 1f9d63 olive 808000 mint 98e0b8 jade 00a86b turquoise 30c9c0 teal 0f8080 khaki b8ab7a
cyan 18c5d9 aqua 4fd7d7 blue 2457d6 navy 14213d azure 2f8fff cobalt 0047ab sapphire 0f52ba indigo 3f2a96 ultramarine 3f00ff
purple 7b2cbf violet 7f3fbf lavender b99ce0 lilac c8a2c8 plum 8e4585 mauve b784a7
brown 7b4a24 tan d2b48c beige e8dcc0 chocolate 5b3218 chestnut 7d3b22 bronze a97142 sienna a0522d sepia 704214
white f5f5f5 black 101010 grey 808080 gray 808080 silver c0c0c0 charcoal 36393d slate 5f6b7a
"""
COLOURS: dict[str, tuple[float, float, float]] = {
    name: tuple(round(int(code[k : k + 2], 16) / 255, 4) for k in (0, 2, 4))  # type: ignore[misc]
    for name, code in zip(_HEX.split()[::2], _HEX.split()[1::2], strict=True)
}
ISH = {f"{name}ish": name for name in ("yellow", "green", "blue", "brown", "pink", "purple", "black", "white", "grey")} | {
    "reddish": "red", "bluish": "blue", "whitish": "white", "orangey": "orange",
}  # fmt: skip
SHADES = {
    **dict.fromkeys(("light", "pale", "pastel", "soft"), ("white", 0.45)),
    **dict.fromkeys(("dark", "deep"), ("black", 0.5)),
    **dict.fromkeys(("bright", "vivid", "neon"), ("", 0.35)),
}
"""Before a colour: what it is mixed with and how much; "" makes it more intense."""

SIZES: dict[str, tuple[float, float, float]] = {
    word: factors
    for factors, words in {
        (0.3, 0.3, 0.3): "tiny minuscule miniature mini teeny micro minute",
        (0.6, 0.6, 0.6): "small little smallish",
        (1.0, 1.0, 1.0): "medium normal average regular ordinary",
        (1.5, 1.5, 1.5): "big large largish oversized sizeable bulky",
        (2.5, 2.5, 2.5): "huge massive vast great jumbo",
        (4.0, 4.0, 4.0): "giant gigantic enormous colossal monstrous immense mammoth titanic monumental",
        (1.0, 1.0, 1.6): "tall high lofty towering",
        (1.0, 1.0, 0.6): "short low squat shallow",
        (1.8, 1.0, 1.0): "long wide broad lengthy",
        (0.5, 1.0, 1.0): "narrow slim slender",
        (1.0, 1.0, 0.5): "flat",
        (0.6, 0.6, 1.0): "thin skinny",
        (1.5, 1.5, 1.0): "thick fat chunky",
        (1.0, 1.0, 1.4): "steep deep",
    }.items()
    for word in words.split()
}
COMPARED = {"bigger": "big", "larger": "large", "smaller": "small", "taller": "tall", "longer": "long", "wider": "wide",
            "tallest": "tall", "biggest": "big", "largest": "large", "smallest": "small", "higher": "high"}  # fmt: skip
FLAT_THIN = frozenset(("thin", "thick", "flat", "deep"))
"""Sizes that mean the thickness of a cloth or plate, not its extent."""

HEAVY: dict[str, float] = {"heavy": 3.0, "weighty": 3.0, "light": 0.4, "lightweight": 0.3, "weightless": 0.05,
                           "hollow": 0.3, "solid": 1.0}  # fmt: skip
"""Share of the usual density."""
SPRINGY: dict[str, float] = {"bouncy": 0.85, "springy": 0.8, "elastic": 0.8, "superball": 0.9}
SOFT = words("""soft squishy squashy wobbly jiggly gelatinous squidgy deformable flexible gooey spongy jellylike""")
SLIPPERY: dict[str, float] = {"slippery": 0.05, "frictionless": 0.0, "icy": 0.03, "greasy": 0.08, "sticky": 1.5,
                              "rough": 0.9, "smooth": 0.3, "polished": 0.25, "grippy": 1.2}  # fmt: skip
BRITTLE = words("fragile brittle breakable delicate shatterable cracked")
LOOKS = words(
    """shiny glossy matt matte striped stripy spotted dotted checkered chequered checked tiled old new ancient
    rusty rusted dusty dirty clean wet dry worn weathered antique vintage modern futuristic rustic medieval
    victorian ornate decorated patterned plain colourful colorful multicoloured multicolored rainbow transparent
    translucent see-through opaque glowing luminous shining sparkling glittering glittery metallic chrome
    mirrored reflective frosted stained painted varnished lacquered carved engraved woven knitted quilted
    embroidered crumpled wrinkled folded ruffled torn ragged round square rectangular circular oval cubic
    spherical cylindrical conical triangular curved straight twisted bent pointed pointy sharp blunt sloped
    inclined tilted vertical horizontal upright standing beautiful pretty ugly cute funny elegant simple fancy
    nice lovely cool magic magical precious expensive cheap toy cartoon realistic classic traditional empty full
    fresh ripe rotten juicy frozen hot cold warm molten iced fluffy fuzzy furry hairy silky velvety crystal
    clear cloudy bright dark pale dull mossy mouldy snowy sandy muddy leafy bare lone single loose tight open
    closed broken unbroken perfect irregular jagged rugged massive-looking stacked scattered floating identical
    different various similar random equal assorted matching coloured colored foldable wheeled baby double
    triple stonelike polka plaid tartan plump stiff rigid hard sturdy strong weak limp floppy autumn winter summer pretty uniform
    other same christmas halloween party kitchen garden wedding school office mountain ocean birthday toylike
    spiral helical winding marblelike two-storey gothic roman greek japanese chinese egyptian royal festive
    holiday wobbling"""
)
MIXED = words("different various assorted mixed several")
_METALS, _COLOURS = ("steel", "copper", "gold", "brass", "bronze", "aluminium", "iron", "lead"), (
    "red", "blue", "yellow", "green", "orange", "purple", "white", "black",
)  # fmt: skip
CLASSES = {"metal": _METALS, "wood": ("oak", "pine", "walnut"), "colour": _COLOURS, "color": _COLOURS}
"""What is meant by several of a class."""
ALONE = words("lone single solitary sole")
"""Adjectives that also say: one."""
ADJECTIVES = (
    LOOKS | COLOURS.keys() | ISH.keys() | SHADES.keys() | SIZES.keys() | COMPARED.keys() | HEAVY.keys() | SPRINGY.keys()
    | SOFT | SLIPPERY.keys() | BRITTLE | ALONE
)  # fmt: skip
