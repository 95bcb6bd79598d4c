# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - rows of tables
"""Words that hold a sentence together, and phrases that mean one of them."""

from __future__ import annotations

from . import words

RELATIONS: dict[str, str] = {
    "on": "on", "upon": "on", "onto": "on", "atop": "on", "in": "in", "inside": "in", "within": "in", "into": "in",
    "under": "under", "below": "under", "beneath": "under", "underneath": "under", "above": "above", "over": "over",
    "left_of": "left_of", "right_of": "right_of", "in_front_of": "in_front_of", "behind": "behind", "beside": "beside",
    "alongside": "beside", "beyond": "behind", "near": "near", "around": "around", "against": "against",
    "between": "between", "through": "through", "from": "from", "off": "off", "out_of": "from", "down": "down", "up": "up",
    "across": "across", "along": "along", "at": "at", "to": "to", "toward": "to", "towards": "to", "past": "past",
    "by": "by", "with": "with", "of": "of", "among": "near", "amongst": "near", "amid": "near", "about": "about",
    "without": "without", "away": "away", "apart": "apart", "for": "for", "after": "after", "before": "before",
    "because_of": "because", "via": "through", "as": "as", "until": "until", "during": "during", "like": "like",
    "left_side_of": "left_of", "right_side_of": "right_of", "opposite": "in_front_of", "throughout": "in", "besides": "beside", "round": "around", "per": "per", "than": "than",
}  # fmt: skip
STANDS: dict[str, str] = {
    **dict.fromkeys(("onto", "off", "down", "up", "across", "along", "from"), "on"),
    **dict.fromkeys(("at", "to", "towards", "toward", "with"), "near"),
    **dict.fromkeys(("past", "by"), "beside"),
    "into": "in",
}
"""Where a thing is that goes there, for verbs that say nothing else."""
PHRASES: dict[str, str] = {
    "on top of": "on", "on the top of": "on", "at the top of": "on", "from the top of": "off", "down from": "from", "next to": "beside",
    "close to": "near", "in front of": "in_front_of", "to the left of": "left_of", "on the left of": "left_of",
    "left of": "left_of", "right of": "right_of", "to the right of": "right_of", "on the right of": "right_of",
    "on the left side of": "left_side_of", "on its left": "left_side_of it", "on its right": "right_side_of it",
    "on its left side": "left_side_of it", "on its right side": "right_side_of it", "to its left": "left_of it", "to its right": "right_of it",
    "to their left": "left_of them", "to their right": "right_of them", "at its side": "beside it", "at its foot": "in_front_of it", "on its top": "on it", "on the right side of": "right_side_of", "at the back of": "behind", "in back of": "behind",
    "in between": "between", "out of": "from", "inside of": "in", "in the middle of": "in", "in the centre of": "in", "in the center of": "in",
    "on to": "onto", "in to": "into", "off of": "off", "away from": "from", "because of": "because_of", "by the side of": "beside",
    "at the side of": "beside", "at the bottom of": "in_front_of", "at the foot of": "in_front_of", "at the end of": "in_front_of",
    "on either side of": "each_side beside", "on both sides of": "each_side beside", "on each side of": "each_side beside",
    "on either side": "each_side", "on both sides": "each_side", "on each side": "each_side",
    "at the base of": "in_front_of", "on the edge of": "on", "at the edge of": "on", "off the edge of": "off", "from the edge of": "off",
    "over the edge of": "off", "to the top of": "on", "to the bottom of": "in", "in the air above": "above", "high above": "above",
    "up against": "against", "into the side of": "into", "all around": "around", "all over": "over", "down onto": "onto",
    "down into": "into", "down on": "onto", "up onto": "onto", "in the direction of": "towards", "across from": "in_front_of",
    "as well as": "and", "together with": "and", "along with": "and", "followed by": "and", "plus": "and", "and also": "and",
    "after that": "then", "and then": "then", "afterwards": "then", "afterward": "then", "next": "then", "finally": "then",
    "later on": "later", "subsequently": "then", "at the same time": "together", "whilst": "while", "meanwhile": "while",
    "simultaneously": "together", "and finally": "then", "which then": "then", "so that": "so", "until it": "until it", "as soon as": "when", "once": "when",
    "each other": "each_other", "one another": "each_other", "one of them": "one_of_them", "one of the": "one_of_the",
    "all of the": "the", "all of": "the", "all the": "the", "both of": "both", "each of the": "each", "each of": "each", "some of the": "some", "most of the": "the",
    "the first of": "the", "the rest of": "the", "the other": "the_other",
    "black hole": "black_hole", "force field": "force_field", "lots of": "lots", "a lot of": "lots", "a bunch of": "bunch",
    "tons of": "tons", "plenty of": "plenty", "a number of": "several", "a great many": "many", "a couple of": "couple",
    "a pair of": "pair", "a handful of": "handful", "dozens of": "dozens", "hundreds of": "hundreds", "thousands of": "thousands",
    "millions of": "millions", "loads of": "loads", "a swarm of": "swarm", "a flock of": "flock", "a set of": "set", "a group of": "group", "a trio of": "trio",
    "a few": "few", "a dozen": "twelve", "one dozen": "twelve", "dozen of": "dozen", "scores of": "scores", "masses of": "masses", "heaps of": "heaps",
    "half a dozen": "six", "two dozen": "twenty four", "a bundle of": "bundle", "a multitude of": "many", "an array of": "array of", "a duo of": "duo",
    "a large number of": "many", "a collection of": "bunch", "a herd of": "herd", "an army of": "many", "couple of": "couple", "made out of": "made of",
    "made up of": "made of", "consisting of": "made of", "composed of": "made of", "built from": "made of", "made from": "made of",
    "built of": "made of", "built out of": "made of", "filled with": "full of", "filled up with": "full of", "containing": "full of", "loaded with": "full of",
    "weighing": "weighing", "there is": "there_is", "there are": "there_is", "there was": "there_is", "there were": "there_is",
    "see saw": "seesaw", "as large as": "like", "as big as": "like", "as tall as": "like", "as small as": "like", "half filled with": "full of", "partly filled with": "full of", "half full of": "full of", "half full with": "full of", "sets fire to": "burns", "set fire to": "burn", "setting fire to": "burning", "catches fire": "burns", "catch fire": "burn", "bursts into flames": "burns", "burst into flames": "burn", "half full": "full", "spinning top": "spinning top_toy", "downhill": "down a hill", "uphill": "up a hill", "downstairs": "down stairs", "upstairs": "up stairs", "teeter totter": "seesaw", "wind mill": "windmill", "hour glass": "hourglass", "book shelf": "bookshelf", "stair case": "staircase",
    "snow man": "snowman", "table cloth": "tablecloth", "tennis ball": "tennis_ball", "in a row": "in_a_row", "in a line": "in_a_row", "in line": "in_a_row",
    "in rows": "in_a_grid", "in a single row": "in_a_row", "in a straight line": "in_a_row", "side by side": "in_a_row", "in a column": "in_a_stack", "in a stack": "in_a_stack",
    "one on top of the other": "in_a_stack", "on top of each other": "in_a_stack", "on top of one another": "in_a_stack",
    "in a pile": "in_a_pile", "in a heap": "in_a_pile", "in a circle": "in_a_circle", "in a ring": "in_a_circle", "in circles": "in_circles",
    "in a grid": "in_a_grid", "in a pyramid": "in_a_pyramid", "in the shape of a pyramid": "in_a_pyramid", "in a triangle": "in_a_pyramid", "in a wall": "in_a_wall",
    "into a pyramid": "in_a_pyramid", "into a tower": "in_a_stack", "into a stack": "in_a_stack", "into a wall": "in_a_wall", "into a pile": "in_a_pile", "as a pyramid": "in_a_pyramid",
    "in a tower": "in_a_stack", "into pieces": "into_pieces", "to pieces": "into_pieces", "in pieces": "into_pieces", "into bits": "into_pieces",
    "into shards": "into_pieces", "into fragments": "into_pieces", "into many pieces": "into_pieces", "into a thousand pieces": "into_pieces",
    "into tiny pieces": "into_pieces", "into small pieces": "into_pieces", "in half": "into_pieces", "up in the air": "upwards", "into the air": "upwards",
    "into the sky": "upwards", "to the sky": "upwards", "in the air": "in_the_air", "in mid air": "in_the_air", "in midair": "in_the_air", "mid air": "in_the_air", "midair": "in_the_air",
    "to the left": "leftwards", "to the right": "rightwards", "from the left": "from_left", "from the right": "from_right",
    "from left to right": "rightwards", "from right to left": "leftwards", "from the front": "from_front", "from behind": "from_behind", "on the left": "at_left",
    "on the right": "at_right", "on the left side": "at_left", "on the right side": "at_right", "from the left side": "from_left", "from the right side": "from_right", "at the back": "at_back", "in the back": "at_back", "in the background": "at_back",
    "in the foreground": "at_front", "in front": "at_front", "in the middle": "at_middle", "in the centre": "at_middle", "in the center": "at_middle",
    "towards the camera": "towards_camera", "toward the camera": "towards_camera", "at the camera": "towards_camera", "away from the camera": "from_camera",
    "straight up": "upwards", "straight down": "downwards", "from above": "from_above", "from the sky": "from_above", "from the ceiling": "from_ceiling",
    "from a ceiling": "from_ceiling", "on the ceiling": "from_ceiling", "out of the sky": "from_above", "from high above": "from_above",
    "from below": "from_below", "at rest": "at_rest", "at high speed": "fast", "at full speed": "fast", "at great speed": "fast", "at low speed": "slowly",
    "at top speed": "fast", "upside down": "upside_down", "on its side": "on_its_side", "on their sides": "on_its_side", "on end": "on_end", "clock wise": "clockwise",
    "counter clockwise": "anticlockwise", "anti clockwise": "anticlockwise", "back and forth": "to_and_fro", "to and fro": "to_and_fro", "from side to side": "to_and_fro",
    "up and down": "up_and_down", "head on": "head_on", "under its own weight": "passively", "at random": "randomly", "on fire": "on_fire", "at once": "together",
    "in flames": "on_fire", "all at once": "together", "one by one": "one_by_one", "one after another": "one_by_one", "one after the other": "one_by_one",
    "in turn": "one_by_one", "all over the floor": "scattered_about", "across the floor": "scattered_about", "on the floor": "on floor", "all over the place": "scattered_about",
    "along the floor": "on floor", "across the ground": "on floor", "all around the room": "scattered_about", "a meter": "one meter", "a metre": "one metre",
}  # fmt: skip
DETERMINERS = words(
    """a an the this that these those some each every my your its their his her our any no another both all other
    the_other one_of_the"""
)  # fmt: skip
PRONOUNS = words(
    """it them they itself themselves this that these those one_of_them each_other he him she everything which ones
    all both"""
)  # fmt: skip
AUXILIARIES = words(
    """is are was were be been being gets get got do does did will would can could should must may might am not
    shall"""
)  # fmt: skip
CONJUNCTIONS = words(
    """and or but then while as when that which who where so if because until before after later than whose yet
    though although since while"""
)  # fmt: skip
FAST: dict[str, float] = {
    "fast": 2.0, "quickly": 2.0, "quick": 2.0, "rapidly": 2.2, "swiftly": 2.0, "hard": 2.0, "forcefully": 2.0, "violently": 2.5,
    "speedily": 2.0, "powerfully": 2.0, "strongly": 1.6, "wildly": 2.0, "furiously": 2.2, "vigorously": 1.8, "suddenly": 1.0,
    "slowly": 0.4, "slow": 0.4, "gently": 0.5, "softly": 0.5, "lightly": 0.5, "gradually": 0.4, "carefully": 0.5, "lazily": 0.4,
    "steadily": 1.0, "smoothly": 1.0, "calmly": 0.5, "rapid": 2.0, "gracefully": 0.8, "slightly": 0.5, "faster": 2.0, "slower": 0.4,
    "loosely": 0.8, "high": 1.5, "far": 1.6, "speeding": 2.0, "heavily": 1.5, "dramatically": 1.5, "brutally": 2.5,
}  # fmt: skip
WAYS: dict[str, tuple[float, float, float]] = {
    "leftwards": (-1, 0, 0), "left": (-1, 0, 0), "leftward": (-1, 0, 0), "rightwards": (1, 0, 0), "right": (1, 0, 0), "rightward": (1, 0, 0),
    "upwards": (0, 0, 1), "up": (0, 0, 1), "upward": (0, 0, 1), "skyward": (0, 0, 1), "skywards": (0, 0, 1), "downwards": (0, 0, -1), "down": (0, 0, -1),
    "downward": (0, 0, -1), "forward": (0, -1, 0), "forwards": (0, -1, 0), "backward": (0, 1, 0), "backwards": (0, 1, 0), "back": (0, 1, 0),
    "towards_camera": (0, -1, 0), "from_camera": (0, 1, 0), "from_left": (1, 0, 0), "from_right": (-1, 0, 0), "from_front": (0, 1, 0),
    "from_behind": (0, -1, 0), "from_below": (0, 0, 1), "sideways": (1, 0, 0), "horizontally": (1, 0, 0), "vertically": (0, 0, 1),
}  # fmt: skip
"""Words of direction as unit vectors: left is -X, the front -Y, up Z."""
ARRANGED = {"in_a_row": "row", "in_a_stack": "stack", "in_a_pile": "pile", "in_a_circle": "circle", "in_a_grid": "grid",
            "in_a_pyramid": "pyramid", "in_a_wall": "wall", "scattered_about": "scattered", "randomly": "scattered"}  # fmt: skip
MANNERS = words(
    """to_and_fro up_and_down head_on passively together at_middle one_by_one at_rest from_above upside_down
    on_its_side on_end in_circles clockwise anticlockwise in_the_air from_ceiling at_left at_right at_back
    at_front each_side into_pieces on_fire away apart around over off out everywhere"""
)
FILLERS = words(
    """please very really quite rather so too just also only even still now here there somewhere again about
    approximately roughly around almost nearly exactly well okay ok hi hello thanks thank scene video film
    animation clip movie simulation simulated physics realistic realistically render rendering image picture
    footage demo test example such etc with-out as the a an own much more most less least little bit kind sort
    type of both already yet always never ever once twice often sometimes together alone apart away eventually
    soon immediately instantly first second last finally it its they them their this that these those which who
    whom whose what how why where when if or but nor not no yes all any each every some few many several other
    others another same i me my we us our you your he she him her his himself to from in on at by for off up out
    than then thus hence therefore because since while during until unless till through though although however
    be is are was were been being am do does did done will would shall should can could may might must let lets
    got get gets has have had having there_is and shows showing naturally normally simply clearly freely
    completely fully entirely partly loudly quietly beautifully nicely free initially default standard suitable
    proper basic various one ones onto into upon over under above below it's there's s t e g ie eg ah finally
    next afterwards perfectly properly correctly directly straight exactly accurately long-running everything
    whole containing weighing made maximum total colour color colored coloured size sized shape shaped named
    called"""
)
COMMON = words(
    """the a an of and on in to into onto with is are from at it its three two one ball balls falls fall table down
    over that through under by then while drop roll rolls"""
) | frozenset(word for word in RELATIONS if "_" not in word) | DETERMINERS  # fmt: skip
FOREIGN = words(
    """der die das ein eine einen einem und auf fällt fallen mit ist sind von zu dem den drei zwei bälle kugel
    kugeln tisch über le la les un une des et sur tombe tombent dans avec est sont trois deux du balle balles el
    los las una unos unas y sobre cae caen en con es son tres dos de pelota pelotas mesa il lo gli uno e su cade
    cadono per con tre due di palla palle tavolo o os um uma cai caem na no em com três dois bola bolas het een
    en op valt vallen met zijn drie twee van bal ballen jest na spada trzy dwa piłka piłki och på faller med tre
    två boll bollar är ett"""
) - {"die", "a", "no", "o", "e", "en", "on", "in", "with"}  # fmt: skip
