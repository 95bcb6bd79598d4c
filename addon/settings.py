# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="valid-type,misc"
"""What the panel holds. Each step's settings are built from the catalogue, so a new step needs no code here."""

from functools import cache
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty

from ..backend.protocol import own
from ..backend.protocol import recipe as recipes
from ..backend.protocol.catalog import bundled, catalog, spec_of
from ..backend.protocol.errors import UserError
from . import cast, wanted
from .bridge import bridge
from .objects import RUN
from .props import TASK, USUAL, backends, number, parsers, step_group, title

MASK = "galatea_mask"
"""Marks an image that was made to be painted as a mask."""
_step_classes: list[type] = []
Items = list[tuple[str, str, str, str, int]]
"""Of an enum. Blender needs the texts kept alive, so each list is made once."""


@cache
def recipe_items() -> Items:
    """Recipes that begin with a photo or with words, the user's own after ours."""
    found: Items = []
    order = {"photo_to_mesh": "0", "photo_to_film": "1"}
    for name in (*sorted(recipes.names("recipes"), key=lambda n: order.get(n, n)), *_own()):
        try:
            recipe = recipes.load_recipe(name)
        except UserError:
            continue
        if _begins_here(recipe):
            found.append((name, recipe.name, "", "NONE", number(name)))
    return found


def _begins_here(recipe: recipes.Recipe) -> bool:
    """With a photo or with words, as the panel does."""
    return recipe.inputs == ("image",) or bool(recipe.reader and not recipe.inputs)


def _own() -> list[str]:
    """The recipes of the user's own."""
    return [str(path) for path in recipes.mine("recipes")]


def left_out() -> list[str]:
    """Why what lies in the data folder is in no list."""
    found = [f"{path}: {own.STRAY}." for path in own.strays()]
    found += [f"{script.path}: {own.HIDDEN}." for script in own.scripts() if script.id in bundled()]
    scripts = [script.id for script in own.scripts() if script.state != "trusted"]
    for ask, names in ((spec_of, scripts), (_listed, _own())):
        for name in names:
            try:
                ask(name)
            except UserError as error:
                found.append(str(error))
    return found


def _listed(name: str) -> None:
    """Raise `UserError` where this recipe is in no list."""
    if not _begins_here(recipes.load_recipe(name)):
        text = f"{name} begins neither with a photo nor with words. Run it in a shell: galatea run {name}"
        raise UserError(text, kind="usage")


@cache
def _qualities() -> Items:
    order = ["draft", "medium", "high", "ultra"]
    names = sorted(recipes.names("quality"), key=lambda n: (order.index(n) if n in order else 99, n))
    return [(name, title(name), f"The preset {name}", "NONE", number(name)) for name in names]


@cache
def _gates() -> Items:
    found = [(name, title(name), f"The preset {name}", "NONE", number(name)) for name in recipes.names("gates")]
    return [("none", "None", "Nothing is measured", "NONE", number("none")), *found]


def _quality_changed(self: Any, context: Any) -> None:
    _preset(self, _of_qualities())


def _recipe_changed(self: Any, context: Any) -> None:
    """A recipe of the artist's own, or for another model than the usual, brings its along; the list can choose then."""
    models = [step.do for step in wanted.preset(self.recipe).steps if catalog()[step.do].task == TASK]
    if models and (models[0] != USUAL or self.recipe not in recipes.names("recipes")):
        self.backend = models[0]
    every = [step for name, *_ in recipe_items() for step in wanted.preset(name).steps]
    _preset(self, _of_qualities() | {(step.do, param) for step in every for param in step.params})


def _of_qualities() -> set[tuple[str, str]]:
    """Step and parameter of all that a quality sets."""
    every = map(recipes.load_quality, recipes.names("quality"))
    return {(step, param) for quality in every for step, params in quality.items() for param in params}


def _preset(settings: Any, changed: set[tuple[str, str]]) -> None:
    """Show what recipe and quality mean for these parameters; others, such as an author's name, stay as they are."""
    try:
        quality = recipes.load_quality(settings.quality)
        recipe = wanted.recipe(settings).with_quality(quality)
    except UserError:
        return
    for step, param in changed:
        getattr(settings.steps, step).property_unset(param)
    for step, params in {**quality, **{s.do: s.params for s in recipe.steps}}.items():
        for param, value in params.items():
            if (step, param) in changed:
                setattr(getattr(settings.steps, step), param, value)


def _image_changed(self: Any, context: Any) -> None:
    bridge.notice = None
    if self.mask and self.masked is None:
        self.masked = self.image
    elif self.mask and self.masked != self.image:
        self.mask = None  # it was another picture's
    if self.image and not bpy.app.background:
        self.image.preview_ensure()  # the panel shows it, and may not make it while drawing


def _prompt_changed(self: Any, context: Any) -> None:
    bridge.notice = None


def _mask_changed(self: Any, context: Any) -> None:
    self.masked = self.image if self.mask else None


def _is_picture(self: Any, image: bpy.types.Image) -> bool:
    return image.type not in {"RENDER_RESULT", "COMPOSITING"} and RUN not in image


def _is_photo(self: Any, image: bpy.types.Image) -> bool:
    return _is_picture(self, image) and MASK not in image


class GALATEA_PG_settings(bpy.types.PropertyGroup):
    """Saved with the .blend."""

    image: PointerProperty(
        type=bpy.types.Image,
        name="Image",
        description="The photo to start from",
        poll=_is_photo,
        update=_image_changed,
    )
    mask: PointerProperty(
        type=bpy.types.Image,
        name="Mask",
        description="White where the object is. Replaces the automatic cut-out",
        poll=_is_picture,
        update=_mask_changed,
    )
    masked: PointerProperty(type=bpy.types.Image, name="Image of the Mask", options={"HIDDEN"})
    prompt: StringProperty(
        name="Prompt",
        description="What to make, in a few English words, for recipes and models that can read",
        update=_prompt_changed,
    )
    recipe: EnumProperty(
        items=lambda self, context: recipe_items(),
        name="Recipe",
        description="What is done, step by step",
        default=number("photo_to_mesh"),
        update=_recipe_changed,
    )
    quality: EnumProperty(
        items=lambda self, context: _qualities(),
        name="Quality",
        description="Sets all that is a matter of quality at once, for a quick draft or a fine result",
        default=number("medium"),
        update=_quality_changed,
    )
    gate: EnumProperty(
        items=lambda self, context: _gates(),
        name="Preset",
        description="Limits that each new mesh is held against. None takes the file below, if there is one",
        default=number("none"),
    )
    seed: IntProperty(
        name="Seed",
        description="Another number, another result of all that is left to chance: painted pictures, how a body sways, "
        "falls or breaks. Grey where nothing is: for another mesh change the mask, or Shape",
        min=0,
    )


class GALATEA_PG_row(bpy.types.PropertyGroup):
    """A row of the job list; `name` is the id of its run, the rest is looked up."""


class GALATEA_PG_state(bpy.types.PropertyGroup):
    """Of this session only: lives on the window manager and is never saved."""

    jobs: CollectionProperty(type=GALATEA_PG_row, options={"SKIP_SAVE"})
    active: IntProperty(name="Job", options={"SKIP_SAVE"})


def _build() -> list[type]:
    """The classes in the order in which Blender must learn them."""
    groups = {step: step_group(spec) for step, spec in catalog().items()}
    pointers = {step: PointerProperty(type=group, name=catalog()[step].label) for step, group in groups.items()}
    steps = type("GALATEA_PG_steps", (bpy.types.PropertyGroup,), {"__annotations__": pointers})
    ticks = {s.id: BoolProperty(name=s.label, description=s.help.rstrip("."), options=set()) for s in backends()}
    compare = type("GALATEA_PG_compare", (bpy.types.PropertyGroup,), {"__annotations__": ticks})
    items = [(s.id, s.label, s.help, number(s.id)) for s in backends()]
    readers = [(s.id, s.label, s.help, number(s.id)) for s in parsers()]
    scene = cast.groups()
    GALATEA_PG_settings.__annotations__.update(
        steps=PointerProperty(type=steps, name="Settings"),
        compare=PointerProperty(type=compare, name="Compare"),
        backend=EnumProperty(
            items=items,
            name="Backend",
            description="The model that makes the mesh",
            default=USUAL,
            update=_quality_changed,
        ),
        parser=EnumProperty(
            items=readers, name="Parser", description="What reads the words of a scene", default=readers[0][0]
        ),
        cast=PointerProperty(type=scene[-1], name="Scene"),
    )
    return [*scene, *groups.values(), steps, compare, GALATEA_PG_settings, GALATEA_PG_row, GALATEA_PG_state]


def renew() -> None:
    """Learn the catalogue anew: what was trusted since then appears. What the artist had set stays."""
    unregister()
    catalog.cache_clear()
    wanted.preset.cache_clear()
    register()
    settle()


def settle() -> None:
    """Where a file chose what is not here, such as a model of somebody's own, the usual one is chosen."""
    for scene in bpy.data.scenes:
        for name in ("recipe", "quality", "gate", "backend", "parser"):
            if not getattr(scene.galatea, name):
                scene.galatea.property_unset(name)


def register() -> None:
    _step_classes.extend(_build())
    for cls in _step_classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.galatea = PointerProperty(type=GALATEA_PG_settings)
    bpy.types.WindowManager.galatea = PointerProperty(type=GALATEA_PG_state, options={"SKIP_SAVE"})


def unregister() -> None:
    del bpy.types.WindowManager.galatea
    del bpy.types.Scene.galatea
    for cls in reversed(_step_classes):
        bpy.utils.unregister_class(cls)
    _step_classes.clear()
    for each in (recipe_items, _qualities, _gates):
        each.cache_clear()
