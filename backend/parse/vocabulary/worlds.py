# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - rows of tables
"""Where and when: patterns over the words of a text, and what each says of the environment, the camera or the film.

A pattern stands for whole words. Of two that overlap the earlier one wins.
"""

from __future__ import annotations

from typing import Any

from . import words

GRAVITY: dict[str, float] = {
    "moon": 1.62, "mars": 3.71, "jupiter": 24.79, "venus": 8.87, "saturn": 10.44, "uranus": 8.87, "neptune": 11.15,
    "pluto": 0.62, "ceres": 0.28, "titan": 1.35, "europa": 1.31, "io": 1.8, "an asteroid": 0.05, "phobos": 0.0057,
}  # fmt: skip
"""Of what one can stand on, m/s²; NASA's fact sheets."""
AIRLESS = frozenset(("moon", "ceres", "io", "europa", "an asteroid", "phobos", "pluto"))
ENVIRONMENT: tuple[tuple[str, dict[str, Any]], ...] = (
    *(
        (
            rf"(?:here )?(?:on|at|of|from) (?:the )?(?:surface of )?(?:the )?(?:planet )?{name}(?:'s)?(?: surface)?|(?:with |in |under )?(?:the )?{name}(?:'s)? gravity",
            {"gravity": -value, **({"medium": "vacuum"} if name in AIRLESS else {})},
        )
        for name, value in GRAVITY.items()
    ),
    (r"(?:in |with |under )?(?:the )?lunar gravity|on the lunar surface", {"gravity": -1.62, "medium": "vacuum"}),
    (r"(?:in |with |under )?martian gravity", {"gravity": -3.71}),
    (r"(?:on|at) (?:the )?earth|(?:with |in |under )?(?:earth(?:'s)?|normal) gravity", {"gravity": -9.81}),
    (r"(?:(?:floating|drifting) )?(?:in |through )(?:deep |outer |empty |open )?space|in outer space|outer space|aboard a space station|in (?:an )?orbit",
     {"gravity": 0.0, "medium": "vacuum", "floor": False}),
    (r"(?:in |with |under |at )?(?:zero|no|without|absent|0) (?:gravity|g)|(?:in )?(?:complete )?weightlessness|(?:in )?micro ?gravity|(?:everything |all |it )?(?:is )?weightless(?= ?[:,.;])|weightlessly|gravity (?:is )?(?:switched |turned )?off",
     {"gravity": 0.0}),
    (r"(?:in |with |under )?(?:a )?(?:very )?(?:low|lower|reduced|weak|little|light) gravity", {"gravity": -1.62}),
    (r"(?:in |with |under )?half (?:the )?(?:normal )?gravity", {"gravity": -4.905}),
    (r"(?:in |with |under )?(?:very )?(?:high|strong|double|heavy|increased|extreme) gravity", {"gravity": -19.62}),
    (r"(?:in |with |under )?(?:reversed?|inverted|negative|anti) ?gravity", {"gravity": 9.81}),
    (r"under ?water|under the (?:water|sea|ocean)|beneath the (?:water|sea|ocean|waves)|(?:at the bottom of|deep in|in) the (?:deep )?(?:sea|ocean)|on the (?:sea ?bed|ocean floor|sea ?floor)|(?:submerged|immersed) in water",
     {"medium": "water"}),
    (r"(?:in |inside )?(?:a |the )?vacuum(?: chamber)?|in an airless room|without (?:any )?air(?: resistance)?", {"medium": "vacuum"}),
    (r"(?:in |during |at )?(?:a |the )?(?:heavy |violent |raging |wild )?(?:thunderstorm|rainstorm)", {"weather": "rain", "blow": 12.0, "turbulence": 0.8}),
    (r"(?:in |during |at )?(?:a |the )?(?:heavy |violent |raging |wild )?(?:blizzard|snowstorm|snow storm)", {"weather": "snow", "blow": 12.0, "turbulence": 0.8}),
    (r"(?:while |and |as )?(?:it )?(?:is )?(?:starts |begins )?(?:to )?(?:raining|rains|rain heavily)(?: heavily| hard| gently| softly| lightly)?(?= ?(?:[,.;]|$| on | and | while | over ))|(?:in|during|through|under) (?:the |a )?(?:heavy |light |pouring |gentle |steady |cold )*rain(?: shower)?|(?:on |during )?(?:a )?rainy (?:day|weather|afternoon|morning|evening)|rainy(?= (?:night|street|scene))",
     {"weather": "rain"}),
    (r"(?:while |and |as )?(?:it )?(?:is )?(?:starts |begins )?(?:to )?(?:snowing|snows)(?: heavily| hard| gently| softly| lightly)?|(?:in|during|through) (?:the |a )?(?:heavy |light |gentle |falling |soft )*snow ?fall|in (?:the )?falling snow|(?:on |during )?(?:a )?snowy (?:day|weather|afternoon|morning|evening)|snowy(?= (?:night|scene))",
     {"weather": "snow"}),
    (r"(?:heavy |light |soft |gentle |fresh |the |lots of |a lot of )*rain (?:is )?(?:falls|falling|pours|pouring|comes|pelts|patters|beats|drums|drizzles)(?: heavily| gently| softly| hard| slowly)*(?: down)?(?: onto| on| over| around| upon)?",
     {"weather": "rain"}),
    (r"(?:heavy |light |soft |gentle |fresh |the |lots of |a lot of )*(?:snow|snowflakes|snow flakes) (?:is |are )?(?:falls|fall|falling|drifts|drift|drifting|comes|floats|float|whirl|whirls|swirl|swirls)(?: heavily| gently| softly| hard| slowly| quietly)*(?: down)?(?: onto| on| over| around| upon)?",
     {"weather": "snow"}),
    (r"(?:hot |glowing |bright |a shower of |a rain of |many )*sparks (?:are )?(?:rain|raining|fall|falling|fly|flying|shower|showering|rise|sprinkle|spray)(?: down)?(?: onto| on| over| around| upon)?|(?:in )?a (?:shower|rain) of sparks",
     {"weather": "sparks"}),
    (r"(?:in |with )?(?:autumn |falling |autumnal )+leaves(?: (?:fall|falling|drift|drifting|rain|blow))?(?: down)?(?: onto| on| over| around)?|^leaves (?:are )?(?:fall|falling|drift|rain)(?: gently| slowly)?(?: down)?(?: onto| on| over| around)?",
     {"weather": "leaves"}),
    (r"(?:at|in the middle of|during) (?:the |a )?(?:dark |cold |quiet |clear |starry |moonlit |winter )*(?:night|nighttime|night time)|(?:at )?midnight|(?:it is )?(?:a )?(?:dark |cold |quiet |clear |starry |moonlit )*night(?: ?time| scene| sky)?|(?:in |by )?(?:the )?moonlight|under the stars|in (?:the |complete )?dark(?:ness)?",
     {"time_of_day": 23.0, "light": "night"}),
    (r"(?:at|during|in) (?:the )?(?:sunset|dusk|golden hour|twilight|sundown)|(?:it is )?(?:a |an )?(?:quiet |calm )?evening(?: light| sun)?|(?:in|at|during) the (?:early |late )?evening|(?:at |during )?(?:a )?(?:sunset|dusk|sundown|golden hour)",
     {"time_of_day": 19.0, "light": "sky"}),
    (r"(?:at |during )?(?:the )?(?:sunrise|dawn|daybreak|first light)", {"time_of_day": 6.0, "light": "sky"}),
    (r"(?:it is )?(?:in the |on |during the |early in the |at )?(?:a |one )?(?:quiet |calm |sunny |bright |cold |early |late |foggy |fine )*morning(?: light| sun)?", {"time_of_day": 8.0, "light": "sky"}),
    (r"(?:at |around )?(?:high )?(?:noon|midday|mid day)", {"time_of_day": 12.0, "light": "sky"}),
    (r"(?:in the |on |during the )?(?:a |one )?(?:late |sunny |hot |lazy |quiet )*afternoon(?: light| sun)?", {"time_of_day": 15.0, "light": "sky"}),
    (r"(?:on |in |under |during )?(?:a |the |bright |broad |full )*(?:sunny (?:day|weather)|daylight|sunlight|sunshine|sunny|day ?time|blue sky|bright sun|hot sun)|outdoors|outside in the sun|in the sun|on a (?:bright|clear|beautiful|summer|summer's|fine) day|in the open air", {"time_of_day": 13.0, "light": "sky"}),
    (r"(?:in |inside |with |under )?(?:a |the )?(?:photo |white |bright )*studio(?: light| lighting| lights| setting| background)?", {"light": "studio"}),
    (r"(?:with )?(?:a )?rim ?(?:light|lighting|lit)", {"light": "rim"}),
    (r"(?:with |on |against |in front of )?(?:a |an )?(?:cyclorama|infinite (?:floor|background)|(?:plain )?white background|seamless background)", {"light": "cyclorama"}),
    (r"(?:with )?neutral (?:light|lighting)", {"light": "neutral"}),
    (r"(?:with |there is )?(?:no|without a|without any|without) (?:floor|ground)", {"floor": False}),
    (r"(?:the scene |the room |it )?(?:is )?(?:surrounded|enclosed|bounded|closed in) by (?:four |the )?walls|(?:with|within|between|inside) (?:four )walls(?: around(?: it| the scene)?)?|with walls(?: around(?: it| the scene)?| on all sides)?|off the walls|against the walls", {"walls": True}),
    (r"(?:in |with |under )?(?:a )?turbulent(?: (?:air|wind))?", {"turbulence": 1.0}),
    (r"(?:on |during |in )?(?:a |very )*windy(?: (?:day|weather|afternoon|morning|evening|conditions))?", {"blow": 6.0, "turbulence": 0.3}),
    (r"(?:in |during |on )?(?:a |very )*stormy(?: (?:day|weather|night|evening))?", {"blow": 15.0, "turbulence": 1.0}),
    (r"(?:on |during )?(?:a )?(?:foggy|misty)(?: (?:day|weather|morning))?", {"fog": True}),
)  # fmt: skip

_CAMERA = r"(?:(?:and |while |with |as |by |seen |filmed |viewed |shot )*(?:from |through |by |with )?(?:the |a |an )?)"
CAMERA: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"(?:super |extreme |very |ultra )?(?:slow ?motion|slow ?mo)", {"slow_motion": 4.0}),
    (r"(?:time ?lapse|fast motion|fast forward|sped up|speeded up)", {"slow_motion": 0.25}),
    (r"orbit(?:s|ing|al)?|circl(?:es|ing)|(?:moves|moving|goes|going|flies|flying|rotates|rotating|travels|walks|revolves|turns|turning|spins) (?:slowly )?(?:all )?(?:around|round)|pans around|rotates|360(?: degrees?)?", {"path": "orbit"}),
    (r"follow(?:s|ing)?|track(?:s|ing)|chas(?:es|ing)|tracking shot|goes along|moves along|travels along", {"path": "follow"}),
    (r"still|static|fixed|stationary|steady|does not move|not moving|stays (?:still|fixed|put|where it is)|stands still|locked(?: off)?|motionless|unmoving|tripod", {"path": "still"}),
    (r"hand ?held|shaky|shaking|shakes", {"path": "handheld"}),
    (r"turn ?table", {"path": "turntable"}),
    (r"spiral(?:s|ling|ing)?", {"path": "spiral"}),
    (r"dolly zoom|vertigo", {"path": "vertigo"}),
    (r"doll(?:y|ies)(?: in)?|zoom(?:s|ing)? in|moves? (?:in )?(?:closer|nearer|in)|moving in|approach(?:es|ing)|comes closer|gets closer", {"path": "dolly"}),
    (r"push(?:es|ing)?(?: in)?|fl(?:ies|ying) in", {"path": "push"}),
    (r"truck(?:s|ing)?|pan(?:s|ning)?(?: (?:left|right|across|sideways))?|slides? past|moves sideways|past", {"path": "truck"}),
    (r"crane(?:s)?(?: up)?|rises|rising|moves up|lifts", {"path": "crane"}),
    (r"swing(?:s|ing)?|sways|swaying", {"path": "swing"}),
    (r"close ?ups?|extreme close ?up|macro(?: shot)?|close shot", {"shot": "close"}),
    (r"wide(?: shot| angle| view)?|total view|long shot|establishing shot", {"shot": "wide"}),
    (r"(?:from )?(?:high )?(?:above|overhead)|top view|top down|bird(?:'s|s)? eye(?: view)?|high angle", {"elevation": 65.0}),
    (r"(?:from )?(?:below|ground level|the ground|the floor)|low angle|low|worm(?:'s|s)? eye(?: view)?", {"elevation": 2.0}),
    (r"eye level|level", {"elevation": 6.0}),
    (r"(?:from )?the side|(?:from )?the front|slowly|slow|quickly|gently|around|smoothly|it|them|him|the scene|everything|whole|action|the|a|an|is|and|from|shot|view|in|of|with|angle|closely|at|moves|moving|for|to|on|movement|camera|all|us", {}),
)  # fmt: skip
"""What is said of a camera in its clause; the last row are words that say nothing more."""
ALONE: tuple[tuple[str, dict[str, Any]], ...] = (
    (rf"{_CAMERA}(?:in |at )?(?:super |extreme |very |ultra )?(?:slow ?motion|slow ?mo)", {"slow_motion": 4.0}),
    (rf"{_CAMERA}(?:as |in )?(?:a |an )?(?:time ?lapse|fast motion)", {"slow_motion": 0.25}),
    (rf"{_CAMERA}(?:in )?(?:an? )?(?:extreme )?(?:close ?up(?: shot| view)?|macro shot)(?: of)?", {"shot": "close"}),
    (rf"{_CAMERA}(?:in )?(?:a )?(?:wide shot|establishing shot|long shot|wide view|wide angle(?: shot)?)(?: of)?", {"shot": "wide"}),
    (r"(?:seen|filmed|viewed|shot|looking|watched) (?:down )?(?:from )?(?:high |straight )?(?:above|overhead)|(?:from )?(?:a |the )?(?:bird(?:'s|s)? eye view|top view|top down view|high angle)", {"elevation": 65.0}),
    (r"(?:seen|filmed|viewed|shot|watched) from (?:below|the ground|ground level|a low angle)|(?:from |with )?(?:a )?(?:low angle(?: shot)?|worm(?:'s|s)? eye view)", {"elevation": 2.0}),
    (r"(?:seen|filmed|viewed|shot|watched) (?:from )?(?:the side|the front|all sides)", {}),
    (rf"{_CAMERA}(?:orbit shot|orbiting shot|360 (?:degree )?(?:shot|view))", {"path": "orbit"}),
    (rf"{_CAMERA}tracking shot(?: of)?", {"path": "follow"}),
    (rf"{_CAMERA}crane shot(?: of)?", {"path": "crane"}),
    (rf"{_CAMERA}(?:dolly zoom|vertigo (?:shot|effect))(?: of)?", {"path": "vertigo"}),
    (rf"{_CAMERA}dolly(?: shot| in)(?: of)?", {"path": "dolly"}),
    (rf"{_CAMERA}(?:handheld|hand held)(?: shot| footage| look)?", {"path": "handheld"}),
    (rf"{_CAMERA}turntable(?: shot| view| animation)?", {"path": "turntable"}),
    (rf"{_CAMERA}(?:static|still|fixed|locked off) shot(?: of)?", {"path": "still"}),
)  # fmt: skip
"""The same without the word camera."""
ROOMS = words(
    """room kitchen bedroom hall warehouse garage gym chamber office classroom bathroom basement attic gallery
    museum living_room laboratory lab workshop arena cell closet"""
)
SCENERY = {
    "park": "grass", "jungle": "soil", "orchard": "grass", "grove": "grass", "forest": "soil", "garden": "grass", "woods": "soil", "beach": "sand", "desert": "sand", "meadow": "grass",
    "lawn": "grass", "road": "asphalt", "street": "asphalt", "highway": "asphalt", "pavement": "concrete", "sidewalk": "concrete",
    "field": "grass", "carpet": "wool", "rug": "wool", "parking_lot": "asphalt", "playground": "sand", "racetrack": "asphalt", "courtyard": "concrete",
    "backyard": "grass", "yard": "grass", "rink": "ice", "glacier": "ice", "quarry": "gravel", "plaza": "concrete", "dunes": "sand",
    "grassland": "grass", "seabed": "sand", "runway": "asphalt",
}  # fmt: skip
"""Places that are a floor, and of what."""
WOODED = words("forest woods jungle orchard grove")
BLOW = {"breeze": 3.0, "wind": 6.0, "gust": 10.0, "draught": 2.0, "draft": 2.0, "gale": 18.0, "storm": 15.0, "hurricane": 30.0,
        "typhoon": 30.0, "squall": 14.0, "airflow": 4.0}  # fmt: skip
"""m/s, after Beaufort."""
BLOW_HARDER = {"strong": 2.0, "gentle": 0.6, "light": 0.6, "soft": 0.6, "slight": 0.5, "heavy": 2.0, "violent": 2.5, "mild": 0.7, "powerful": 2.0,
               "stiff": 1.5, "fierce": 2.2, "sudden": 1.0, "howling": 2.2, "weak": 0.5, "raging": 1.5, "fresh": 1.2, "big": 1.5, "hard": 1.6}  # fmt: skip
