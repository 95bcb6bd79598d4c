# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - rows of tables
"""Verbs: by what they do to the scene, and how they are inflected."""

from __future__ import annotations

from . import words

ACTIONS: dict[str, str] = {
    "fall": "fall spiral tumble plunge plummet descend land cascade",
    "drop": "drop release lower dump",
    "roll": "roll",
    "slide": "slide glide skid slip slither",
    "bounce": "bounce rebound ricochet",
    "throw": "throw toss hurl fling pitch lob chuck sling",
    "push": "kick push shove nudge punch poke flick tap",
    "shoot": "shoot launch catapult propel fire eject blast",
    "pour": "pour spill flow stream drip dribble leak trickle gush squirt spray drain seep spurt run_out overflow",
    "fill": "fill flood",
    "drape": "drape cover wrap envelop spread cloak",
    "hit": "hit strike collide crash smash ram bump slam impact meet bang",
    "knock": "knock demolish destroy wreck topple_over bulldoze flatten scatter_by",
    "topple": "topple tip collapse crumble overturn",
    "explode": "explode detonate erupt",
    "shatter": "shatter break burst crack fracture split splinter disintegrate pop fragment",
    "spin": "spin rotate twirl whirl revolve turn twist gyrate",
    "swing": "swing sway oscillate rock",
    "float": "float drift hover bob levitate",
    "sink": "sink submerge drown",
    "fly": "fly soar zoom",
    "wave": "wave flutter flap ripple billow",
    "blow": "blow",
    "hang": "hang dangle suspend",
    "burn": "burn flame blaze ignite",
    "smoke": "smoke steam fume",
    "splash": "splash dive",
    "squash": "squash squish compress squeeze crush press deform",
    "wobble": "wobble jiggle quiver shake tremble",
    "inflate": "inflate swell",
    "open": "open",
    "close": "close shut",
    "orbit": "orbit circle",
    "rise": "rise ascend climb lift raise",
    "balance": "balance",
    "stand": "stand rest sit lie be stay remain exist have appear perch",
    "lean": "lean",
    "place": "place put set position lay arrange mount locate build assemble install add",
    "stack": "stack pile heap",
    "line": "line_up align line",
    "scatter": "scatter strew sprinkle",
    "contain": "contain hold carry",
    "support": "support",
    "connect": "connect attach tie link join chain hinge fix glue fasten tether bolt",
    "surround": "surround encircle",
    "move": "move cross overtake chase approach drive sail travel speed race rush march walk run jump leap hop swim zip go come pass accelerate fall_off",
    "pull": "pull drag tug attract suck swallow absorb",
    "repel": "repel",
    "stop": "stop halt freeze",
    "trigger": "trigger start_off cause make let happen set_off",
    "begin": "start begin keep continue try get become finish end",
    "show": "show watch film simulate create generate render want see look animate imagine give need like please visualise visualize display model depict",
    "last": "last take",
    "reach": "reach enter leave touch",
    "weigh": "weigh measure",
    "face": "face point",
    "melt": "melt",
    "rain": "rain snow pelt",
    "merge": "mix stir dissolve",
    "shine": "light shine illuminate glow gleam",
    "catch": "catch trap pick swirl",
    "pin": "clamp clip peg",
}  # fmt: skip
ACTION = {lemma: action for action, lemmas in ACTIONS.items() for lemma in lemmas.split()}
_IRREGULAR = """
fall fell fallen/throw threw thrown/break broke broken/shoot shot shot/hit hit hit/burst burst burst/spin spun spun
swing swung swung/hang hung hung/sink sank sunk/fly flew flown/blow blew blown/burn burnt burnt/spill spilt spilt
strike struck struck/slide slid slid/stand stood stood/sit sat sat/lie lay lain/put put put/set set set/rise rose risen
fling flung flung/sling slung slung/run ran run/drive drove driven/let let let/split split split/hold held held
lean leant leant/come came come/go went gone/begin began begun/make made made/give gave given/swim swam swum
leap leapt leapt/build built built/spread spread spread/leave left left/keep kept kept/get got got/see saw seen
shake shook shaken/catch caught caught/lay laid laid/take took taken/become became become/freeze froze frozen
meet met met/shut shut shut/speed sped sped/swell swelled swollen/be was been/have had had/melt melted molten
dive dove dived/light lit lit/show showed shown/wrap wrapped wrapped/tread trod trod/bind bound bound
"""
PARTICLES = {
    ("knock", "over"): "knock", ("knock", "down"): "knock", ("knock", "off"): "knock", ("fall", "over"): "topple",
    ("tip", "over"): "topple", ("topple", "over"): "topple", ("push", "over"): "knock", ("tumble", "over"): "topple",
    ("blow", "up"): "explode", ("blow", "over"): "knock", ("blow", "away"): "blow", ("fall", "apart"): "shatter",
    ("break", "apart"): "shatter", ("fly", "apart"): "explode", ("hang", "over"): "drape", ("lie", "over"): "drape",
    ("float", "up"): "rise", ("fly", "up"): "rise", ("drift", "up"): "rise", ("line", "up"): "line", ("run", "over"): "hit",
    ("kick", "over"): "knock", ("tear", "down"): "knock", ("fall", "down"): "fall", ("rain", "down"): "rain",
    ("burst", "open"): "shatter", ("swing", "open"): "open", ("slam", "shut"): "close", ("swing", "shut"): "close",
    ("fall", "onto"): "fall", ("let", "go"): "drop", ("set", "off"): "trigger", ("run", "into"): "hit", ("bump", "into"): "hit",
    ("throw", "over"): "throw", ("hang", "down"): "hang", ("crash", "down"): "fall", ("come", "down"): "fall",
    ("swing", "into"): "swing", ("slide", "open"): "open", ("slide", "shut"): "close", ("spin", "around"): "spin",
    ("suck", "in"): "pull", ("suck", "up"): "catch", ("pick", "up"): "catch", ("pull", "in"): "pull", ("lift", "up"): "rise",
    ("open", "up"): "open", ("fill", "up"): "fill", ("pile", "up"): "stack", ("go", "off"): "explode", ("go", "up"): "rise",
}  # fmt: skip
_BOTH = words("burn spill lean leap dive swell melt hang speed")
"""Verbs with a regular past beside the other one."""
_VOWELS = "aeiou"
_DOUBLED = words(
    """drop spin stop pop tip slip rip flap wrap nudge hop run swim skid bob set put let hit get zip tap lob ram
    slam pin split plummet squat chug dip spin tug drag shut sit cut trap"""
) - {"plummet", "nudge"}  # fmt: skip


def _forms(lemma: str) -> dict[str, str]:
    """Each inflected form of a regular verb, and what it is: base, s, ing, ed."""
    if lemma.endswith("e") and lemma not in ("be",):
        ing, ed = lemma[:-1] + "ing", lemma + "d"
        if lemma in ("lie", "tie"):
            ing = lemma[:-2] + "ying"
    elif lemma.endswith("y") and lemma[-2] not in _VOWELS:
        ing, ed = lemma + "ing", lemma[:-1] + "ied"
    elif lemma in _DOUBLED:
        ing, ed = lemma + lemma[-1] + "ing", lemma + lemma[-1] + "ed"
    else:
        ing, ed = lemma + "ing", lemma + "ed"
    if lemma.endswith(("s", "sh", "ch", "x", "z")) or lemma in ("go",):
        s = lemma + "es"
    elif lemma.endswith("y") and lemma[-2] not in _VOWELS:
        s = lemma[:-1] + "ies"
    else:
        s = lemma + "s"
    return {lemma: "base", s: "s", ing: "ing", ed: "ed"}


def _all() -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    irregular = {row.split()[0]: row.split()[1:] for row in _IRREGULAR.replace("\n", "/").split("/") if row.strip()}
    for lemma in ACTION:
        if "_" in lemma:
            continue
        forms = _forms(lemma)
        if lemma in irregular:
            past, participle = irregular[lemma]
            forms = {word: form for word, form in forms.items() if form != "ed"}
            forms.setdefault(past, "past")
            forms[participle] = "en" if participle not in (past, lemma) else forms.get(participle, "past")
            if lemma in _BOTH:
                forms[f"{lemma}d" if lemma.endswith("e") else f"{lemma}ed"] = "ed"
            if participle == past and past != lemma:
                forms[past] = "ed"
        for word, form in forms.items():
            found.setdefault(word, []).append((lemma, form))
    for word, form in {"is": "s", "are": "base", "was": "past", "were": "past", "has": "s", "had": "past"}.items():
        found[word] = [("be" if word not in ("has", "had") else "have", form)]
    return {word: tuple(readings) for word, readings in found.items()}


FORMS = _all()
"""Every inflected word: its lemma and form (base, s, ing, ed, past, en)."""
PARTICIPLES = {
    word: lemma
    for word, readings in FORMS.items()
    for lemma, form in readings
    if form in ("ing", "ed", "en") and word not in ("being", "been", "having", "had", "was", "hit", "set", "put", "cut")
}
"""Forms that can stand before a noun: falling, stacked, broken."""
