# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures to choose from and models to compare: real processes, with painters and judges of the user's own."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon import gallery, objects, plan, prefs, runs, wanted
from galatea.backend.cli import parser
from galatea.backend.cli.flags import order_of
from galatea.backend.protocol import own
from galatea.backend.protocol import recipe as recipes
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.spec import BackendSpec

HEAD = """
from PIL import Image, ImageDraw
from galatea.backend.protocol.spec import BackendSpec, Param
"""
PAINTER = """
class Backend:
    spec = BackendSpec(
        id="painter", label="Painter (tests)", task="text-to-image", help="Paints a disc for each seed",
        outputs=("gallery",),
        params=(Param("prompt", "str", "", "Words"), Param("candidates", "int", 3, "How many", low=1, high=16)),
    )

    def run(self, request, params, report):
        for number in range(params["candidates"]):
            report.progress("Painting", number / params["candidates"])
            picture = Image.new("RGB", (128, 128), (245, 245, 245))
            shade = (190, 40, 40 * number + request.seed)
            ImageDraw.Draw(picture).ellipse((30, 16, 98, 112), fill=shade)
            picture.save(report.file(f"candidate_{number:02d}", f"candidate_{number:02d}.png"))
        report.file("gallery", "gallery.json").write_text("{}")
"""
SHEET = """
class Backend:
    spec = BackendSpec(
        id="sheet", label="Sheet (tests)", task="check", help="A sheet and scores", inputs=("scene",),
        outputs=("views", "scores"), params=(Param("iou", "float", 0.5, "The score to give", low=0.0, high=1.0),),
    )

    def run(self, request, params, report):
        Image.new("RGB", (256, 128), (90, 90, 90)).save(report.file("views", "views.png"))
        report.file("scores", "scores.json").write_text("{}")
        found = {"iou": params["iou"], "psnr": 20.5, "lpips": 0.25, "score": 0.75 * params["iou"]}
        for name, value in {**found, "faces": 1234, "watertight": 1}.items():
            report.metric(name, value)
"""
WORDS = 'version = 1\nname = "Words to mesh"\ninputs = []\n'
PHOTO = 'version = 1\nname = "Photo to views"\ninputs = ["image"]\n'


def steps_of(*names: str) -> str:
    return "".join(f'\n[[step]]\ndo = "{name}"\n' for name in names)


def trust(name: str, text: str) -> None:
    path = own.folder() / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)
    script = own.find(name)
    assert script
    space: dict[str, Any] = {}
    exec(HEAD + text, space)
    own.trust(script, space["Backend"].spec)


@pytest.fixture
def panel(home: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The add-on with small recipes: words by way of a gallery to an object, and a photo to a judged object."""
    import galatea

    presets = tmp_path / "presets"
    shutil.copytree(recipes.PRESETS / "quality", presets / "quality")
    shutil.copytree(recipes.PRESETS / "recipes", presets / "recipes")
    tail = ("cutout", "relief", "bring")
    (presets / "recipes" / "words_to_mesh.toml").write_text(WORDS + steps_of("painter", "pick", *tail))
    (presets / "recipes" / "photo_to_views.toml").write_text(PHOTO + steps_of(*tail, "sheet"))
    monkeypatch.setattr(recipes, "PRESETS", presets)
    trust("painter", PAINTER)
    trust("sheet", SHEET)
    catalog.cache_clear()
    wanted.preset.cache_clear()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    galatea.register()
    try:
        settings = bpy.context.scene.galatea
        settings.backend = "relief"
        settings.steps.relief.grid = 33
        settings.image = bpy.data.images.load(str(photo))
        yield settings
    finally:
        galatea.unregister()
        catalog.cache_clear()
        wanted.preset.cache_clear()


@pytest.fixture
def words(panel: Any) -> Any:
    panel.recipe, panel.prompt, panel.image = "words_to_mesh", "a red disc: round", None
    return panel


def bridge() -> Any:
    from galatea.addon.bridge import bridge

    return bridge


def forget() -> None:
    """As when Blender is started again."""
    bridge().close()
    bridge().forget()
    bridge().history()


def bodies() -> list[bpy.types.Object]:
    return [obj for obj in bpy.data.objects if obj.get("galatea_role") == "body"]


def test_pictures_first_and_the_chosen_one_becomes_an_object(words: Any) -> None:
    from galatea.addon.ui.panel import next_step

    assert next_step(words)[:2] == ("galatea.imagine", "Imagine")
    assert bpy.ops.galatea.imagine() == {"FINISHED"}
    (painted,) = bridge().on_show(bpy.context)
    assert painted.title == "a red disc round: Pictures" and not bodies()
    items = bridge().shown[painted.id]
    assert [item.title for item in items] == ["Seed 0", "Seed 1", "Seed 2"]
    assert len({item.picture.read_bytes() for item in items}) == 3

    words.seed, words.steps.painter.candidates = 9, 5  # for the next time: this gallery stays what it is
    words.prompt = "something else"
    assert bpy.ops.galatea.use(item=items[2].key) == {"FINISHED"}
    made = bridge().runs[0]
    assert made.state == "done", made.failure
    assert [stage["step"] for stage in made.stages] == ["painter", "pick", "cutout", "relief", "bring"]
    assert made.stages[0]["cached"] and not made.stages[1]["cached"], "nothing is painted again"
    assert made.files(prefs.store())["candidate_02"] == items[2].picture
    chosen = prefs.store().result(made.stages[1]["job"])
    assert chosen and chosen.metrics["chosen"] == 2
    (body,) = bodies()
    assert objects.found(made.id) and body.name.startswith("a red disc round")
    assert bridge().on_show(bpy.context) == [painted], "the gallery stays to take another from"
    bridge().epoch += 1
    assert not bridge().on_show(bpy.context), "another file begins without the pictures of this one"
    bridge().sync(select=painted.id)
    assert bridge().on_show(bpy.context) == [painted], "they come with their job"


def test_one_picture_goes_on_to_another_model_and_another_recipe(words: Any) -> None:
    bpy.ops.galatea.imagine()
    painted = bridge().runs[0]
    words.backend = "lift"
    assert [step["do"] for step in plan.go_on(bpy.context, painted, 1).steps][3] == "lift"
    words.recipe = "photo_to_mesh"
    run = plan.go_on(bpy.context, painted, 1)
    assert run.preset == "words_to_mesh" and run.inputs == {} and run.settings["pick"] == {"choose": "1"}
    assert run.recipe.steps[0].params["prompt"] == "a red disc: round"


def test_a_gallery_outlives_blender(words: Any) -> None:
    bpy.ops.galatea.imagine()
    before = bridge().shown[bridge().runs[0].id]
    forget()
    (painted,) = bridge().on_show(bpy.context)
    after = bridge().shown[painted.id]
    assert [(item.key, item.picture) for item in after] == [(item.key, item.picture) for item in before]
    assert bpy.ops.galatea.use(item=after[1].key) == {"FINISHED"} and bodies()


def test_pictures_that_are_gone_are_not_offered(words: Any) -> None:
    bpy.ops.galatea.imagine()
    painted = bridge().runs[0]
    key = bridge().shown[painted.id][0].key
    shutil.rmtree(prefs.store().folder(painted.stages[0]["job"]))
    with pytest.raises(RuntimeError, match="Make it again"):
        bpy.ops.galatea.use(item=key)
    forget()
    assert bridge().on_show(bpy.context) and not bridge().shown[painted.id]
    with pytest.raises(RuntimeError, match="no longer in the gallery"):
        bpy.ops.galatea.use(item=key)


def test_the_command_of_a_gallerys_run_does_the_same(words: Any, tmp_path: Path) -> None:
    words.quality, words.seed = "draft", 4
    bpy.ops.galatea.imagine()
    painted = bridge().runs[0]
    words.quality = "high"
    for run in (painted, plan.go_on(bpy.context, painted, 1)):
        told = shlex.split(run.command(tmp_path / "out"))
        assert "--prompt" in told
        options = parser().parse_args(told[1:])
        recipe, inputs = order_of(options).plan()
        assert not inputs and options.seed == 4
        for mine, theirs in zip(run.recipe.steps, recipe.steps, strict=True):
            assert catalog()[mine.do].fill(mine.params) == catalog()[theirs.do].fill(theirs.params)


def test_without_words_the_next_move_is_told(words: Any) -> None:
    words.prompt = "  "
    assert not bpy.ops.galatea.imagine.poll() and not bpy.ops.galatea.generate.poll()
    assert wanted.lacking(words, wanted.recipe(words)) == "Say in the prompt what to make"
    words.recipe = "photo_to_mesh"
    assert not bpy.ops.galatea.imagine.poll()


def test_headless_the_best_picture_goes_on_by_itself(words: Any) -> None:
    assert bpy.ops.galatea.generate() == {"FINISHED"}
    run = bridge().runs[0]
    assert run.state == "done" and not run.gallery and len(bodies()) == 1
    assert run.recipe.steps[1].params.get("choose", "auto") == "auto"


def compare(panel: Any, **iou: float) -> list[Any]:
    for name in ("relief", "lift"):
        setattr(panel.compare, name, name in iou)
    made = plan.compare(bpy.context)
    for run in made:
        run.steps[-1]["params"]["iou"] = iou[run.backend]
        bridge().finish(run, bpy.context)
    return made


def test_compared_results_are_looked_at_and_one_is_kept(panel: Any) -> None:
    panel.recipe = "photo_to_mesh"
    panel.compare.relief = True
    assert bpy.ops.galatea.compare() == {"FINISHED"}
    (run,) = bridge().on_show(bpy.context)
    assert run.state == "done" and run.title == "Red Disc: Relief" and not bodies(), run.failure
    (item,) = bridge().shown[run.id]
    assert item.title == "Relief" and item.picture.name == "views.png" and item.number is None
    assert item.words == ("Score 0.38, outline 50%", "PSNR 20.5, LPIPS 0.25", "1 234 faces, watertight")
    forget()
    assert [(each.key, each.words) for each in bridge().shown[run.id]] == [(item.key, item.words)]
    assert bpy.ops.galatea.use(item=item.key) == {"FINISHED"}
    (body,) = bodies()
    assert objects.found(run.id) and bpy.context.view_layer.objects.active == body
    assert bpy.ops.galatea.use(item=item.key) == {"FINISHED"} and bodies() == [body], "it is in the file already"


def test_the_likest_is_marked_and_each_model_has_its_run(panel: Any) -> None:
    first, second = compare(panel, relief=0.6, lift=0.9)
    assert first.gallery == second.gallery == first.id and {first.backend, second.backend} == {"relief", "lift"}
    items = [item for run in bridge().on_show(bpy.context) for item in bridge().shown[run.id]]
    found = gallery.best(items)
    assert found and found.run.backend == "lift" and gallery.best(items[:1]) is None


def test_a_failure_of_one_model_is_told_and_the_others_go_on(panel: Any) -> None:
    panel.compare.relief = panel.compare.lift = True
    made = plan.compare(bpy.context)
    bad = next(run for run in made if run.backend == "lift")
    bad.inputs = {"image": "/nowhere/at all.png"}
    for run in made:
        bridge().start(run, bpy.context)
    while not bridge().idle:
        bridge().tick()
    assert {run.backend: run.state for run in made} == {"lift": "failed", "relief": "done"}
    assert not bridge().shown[bad.id] and bridge().shown[next(run for run in made if run is not bad).id]
    assert not bodies(), "nothing comes into the file by itself"


def test_models_that_cannot_run_here_are_not_compared(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    panel.compare.triposr = True
    assert wanted.blocked_step(panel, "triposr").startswith("needs the full environment")
    assert not bpy.ops.galatea.compare.poll()
    from galatea.addon import environment

    monkeypatch.setattr(environment, "state", lambda: "ready")
    assert "needs its weights" in wanted.blocked_step(panel, "triposr")
    assert ("Allow Online Access" in wanted.blocked_step(panel, "triposr")) == (not bpy.app.online_access)
    panel.steps.triposr.weights = "random:1"
    assert wanted.compared(panel) == ["triposr"] and bpy.ops.galatea.compare.poll()
    panel.image = None
    assert not bpy.ops.galatea.compare.poll()


def test_the_newest_of_a_title_stands_in_its_gallery() -> None:
    def run(title: str, of: str, created: float) -> runs.Run:
        return runs.Run(title=title, preset="", steps=[], inputs={}, gallery=of, created=created)

    all_of_them = [run("x: A", "one", 1), run("x: B", "one", 2), run("x: A", "one", 3), run("y: A", "two", 4)]
    found = gallery.galleries([*all_of_them, run("z", "", 5)])
    assert list(found) == ["two", "one"]
    assert [(each.title, each.created) for each in found["one"]] == [("x: B", 2), ("x: A", 3)]


def test_scores_in_words() -> None:
    assert list(gallery.told({})) == []
    assert list(gallery.told({"iou": 0.914, "lpips": 0.1})) == ["outline 91%", "LPIPS 0.10"]
    assert list(gallery.told({"faces": 12000.0, "watertight": False})) == ["12 000 faces, with holes"]


def test_a_backend_that_was_just_trusted_appears(panel: Any) -> None:
    spec = BackendSpec("mine", "Mine", "image-to-mesh", "Mine.", inputs=("cutout",), outputs=("mesh",))
    path = own.folder() / "mine.py"
    path.write_text("# only its spec is read here\n")
    script = own.find("mine")
    assert script
    own.trust(script, spec)
    panel.seed, panel.steps.relief.thickness = 7, 0.4
    assert "mine" not in catalog()
    assert bpy.ops.galatea.backends_renew() == {"FINISHED"}
    settings = bpy.context.scene.galatea
    assert "mine" in catalog() and "mine" in settings.bl_rna.properties["backend"].enum_items
    assert settings.seed == 7 and settings.steps.relief.thickness == pytest.approx(0.4)
    settings.backend = "mine"
    settings.compare.mine = True
    assert wanted.compared(settings) == ["mine"]
