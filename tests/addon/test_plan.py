# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel shows, what is run, and what "Copy as command" gives are one and the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import bpy
import pytest

from galatea.addon import plan, props, wanted
from galatea.addon.settings import left_out, recipe_items
from galatea.addon.ui.steps import shaping
from galatea.backend.cli import parser
from galatea.backend.cli.flags import order_of
from galatea.backend.protocol import own
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.recipe import Recipe, Step, load_quality, names
from galatea.backend.protocol.spec import BackendSpec, Param


@pytest.fixture
def chosen(addon: Any, photo: Path) -> Any:
    addon.image = bpy.data.images.load(str(photo))
    return addon


def steps(run: Any) -> dict[str, dict[str, Any]]:
    return {step["do"]: catalog()[step["do"]].fill(step["params"]) for step in run.steps}


@pytest.mark.parametrize("quality", names("quality"))
def test_the_command_does_what_the_panel_does(chosen: Any, tmp_path: Path, quality: str) -> None:
    chosen.quality = quality
    chosen.seed = 3
    chosen.backend = "relief"
    chosen.steps.relief.grid = 65
    chosen.steps.relief.thickness = 0.3
    chosen.steps.clean.close = False
    chosen.steps.relief.back = "flat"
    run = plan.generate(bpy.context)
    words = shlex.split(run.command(tmp_path / "it's out"))
    assert words[0] == "galatea"
    options = parser().parse_args(words[1:])
    recipe, inputs = order_of(options).plan()
    theirs = {step.do: catalog()[step.do].fill(step.params) for step in recipe.steps if step.do not in plan.LATER}
    assert theirs == steps(run)
    assert theirs["relief"]["thickness"] == 0.3 and theirs["clean"]["close"] is False
    assert {role: str(path) for role, path in inputs.items()} == run.inputs
    assert (options.seed, options.quality, options.backend) == (3, quality, "relief")
    assert options.out == tmp_path / "it's out"


@pytest.mark.parametrize("quality", names("quality"))
def test_a_quality_preset_is_shown_in_the_settings(chosen: Any, quality: str) -> None:
    chosen.steps.lift.grid = 65
    chosen.quality = quality
    for step, params in load_quality(quality).items():
        for name, value in params.items():
            param = next(p for p in catalog()[step].params if p.name == name)
            assert props.value_of(getattr(chosen.steps, step), param) == value
    wanted = load_quality(quality).get("lift", {}).get("grid", 160)
    assert chosen.steps.lift.grid == wanted
    run = plan.generate(bpy.context)
    assert set(run.settings) == {"bring"}, "nothing was changed by hand"


def test_the_run_ends_before_the_film(chosen: Any) -> None:
    for name in names("recipes"):
        if name in [item[0] for item in recipe_items()]:
            chosen.recipe, chosen.prompt = name, "a cat"
            assert not {"stage", "camera", "film", "export"} & set(steps(plan.generate(bpy.context)))


def test_recipes_of_the_users_own_stand_in_the_list(chosen: Any, home: Path, tmp_path: Path, capfd: Any) -> None:
    own = home / "recipes" / "short.toml"
    own.parent.mkdir(parents=True)
    steps_of = "".join(f"[[step]]\ndo = {step}\n" for step in ('"cutout"', '"relief"\ngrid = 65', '"bring"'))
    own.write_text(f'version = 1\nname = "A short one"\ninputs = ["image"]\n{steps_of}')
    (own.parent / "broken.toml").write_text('name = "x"\n[[step]]\ndo = "cutout"\nno')
    (own.parent / "meshed.toml").write_text('version = 1\nname = "Meshed"\ninputs = ["model"]\n[[step]]\ndo = "load"')
    bpy.ops.galatea.backends_renew()
    settings = bpy.context.scene.galatea
    assert [item[1] for item in recipe_items() if item[0] not in names("recipes")] == ["A short one"]
    assert "Cannot read" in (said := capfd.readouterr().out) and "broken.toml" in said, "why it is not in the list"
    assert "meshed.toml begins neither with a photo nor with words" in said
    settings.recipe = str(own)
    run = plan.generate(bpy.context)
    assert list(steps(run)) == ["cutout", "relief", "bring"] and steps(run)["relief"]["grid"] == 65, "its own model"
    recipe, _ = order_of(parser().parse_args(shlex.split(run.command(tmp_path / "out"))[1:])).plan()
    assert [step.do for step in recipe.steps] == ["cutout", "relief", "bring"], "as a command too"
    settings.backend = "lift"
    assert list(steps(plan.generate(bpy.context))) == ["cutout", "lift", "bring"], "another is chosen"
    own.unlink()
    bpy.ops.galatea.backends_renew()
    assert plan.generate(bpy.context).preset == "photo_to_mesh", "it is gone"


def test_a_recipe_of_ours_for_another_model_brings_it_along(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen.backend = "triposr"
    chosen.recipe = "photo_to_drop"
    assert chosen.backend == "triposr", "a recipe for the usual one leaves what the artist chose"
    soft = Recipe("Soft", tuple(map(Step, ("cutout", "relief", "bring", "export"))))
    monkeypatch.setattr(wanted, "preset", lambda name: soft)
    chosen.recipe = "photo_to_views"
    assert chosen.backend == "relief" and [step.do for step in wanted.recipe(chosen).steps][1] == "relief"


def trust(spec: BackendSpec) -> Path:
    path = own.folder() / f"{spec.id}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("SPEC = ...\n")
    script = own.find(spec.id)
    assert script
    own.trust(script, spec)
    bpy.ops.galatea.backends_renew()
    return path


def test_a_step_of_the_users_own_is_shown_wherever_it_stands(chosen: Any, home: Path) -> None:
    params = (Param("depth", "int", 4, "Blocks", low=2, high=8),)
    trust(BackendSpec("blocks", "Blocks", "scene-to-scene", "", "blender", params=params))
    settings = bpy.context.scene.galatea
    assert settings.steps.blocks.depth == 4
    after = Recipe("x", tuple(map(Step, ("cutout", "lift", "bring", "clean", "blocks", "unwrap", "displace"))))
    assert shaping(after) == ["cutout", "lift", "bring", "blocks", "displace"], "and one of ours that has no panel"


@pytest.mark.parametrize("opened", [False, True])
def test_a_model_that_is_gone_gives_way_to_the_usual_one(chosen: Any, home: Path, tmp_path: Path, opened: bool) -> None:
    from galatea.addon.bridge import bridge

    (other := own.folder() / "not_yet.py").parent.mkdir(parents=True)
    other.write_text("SPEC = ...\n")
    (other.parent / "my-model.py").write_text("SPEC = ...\n")
    (other.parent / "lift.py").write_text("SPEC = ...\n")
    stray, hidden, new = left_out()
    bpy.ops.galatea.backends_renew()
    assert bridge.notice and all(text in bridge.notice.message for text in (stray, hidden, new))
    assert "my-model.py: no step, for" in stray and "not_yet.py was not trusted yet" in new
    assert "lift.py: not used, for there is one of ours" in hidden
    path = trust(BackendSpec("of_mine", "Of Mine", "image-to-mesh", "", inputs=("cutout",), outputs=("mesh",)))
    bpy.context.scene.galatea.backend = "of_mine"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "with.blend"))
    path.unlink()
    if opened:
        bpy.context.scene.galatea.backend = "relief"
    bpy.ops.galatea.backends_renew()
    if opened:
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "with.blend"))
    settings = bpy.context.scene.galatea
    assert settings.backend == "lift"
    assert [step.do for step in wanted.recipe(settings).steps][:3] == ["cutout", "lift", "bring"]


def test_a_mask_goes_along(chosen: Any, photo: Path) -> None:
    chosen.mask = bpy.data.images.new("mask", 8, 8)
    run = plan.generate(bpy.context)
    assert Path(run.inputs["mask"]).suffix == ".png" and Path(run.inputs["mask"]).is_file()


def test_without_an_image_the_next_move_is_told(addon: Any) -> None:
    with pytest.raises(UserError, match="Choose one"):
        plan.generate(bpy.context)
    assert not bpy.ops.galatea.generate.poll()


@pytest.mark.parametrize("name", ["rig", "skeleton", "move", "drop", "texture", "film"])
def test_steps_want_a_mesh(addon: Any, name: str) -> None:
    operator = getattr(bpy.ops.galatea, name)
    assert not operator.poll()
    bpy.ops.object.light_add()
    assert not operator.poll()
    bpy.ops.mesh.primitive_cube_add()
    assert operator.poll()


def test_a_mesh_without_faces_is_refused_in_words(addon: Any) -> None:
    obj = bpy.data.objects.new("Nothing", bpy.data.meshes.new("Nothing"))
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    with pytest.raises(RuntimeError, match=r"no faces\. Choose another"):
        bpy.ops.galatea.rig()
    from galatea.addon.bridge import bridge

    assert bridge.notice and "no faces" in bridge.notice.message


def test_the_prompt_goes_to_the_first_step_that_reads(chosen: Any) -> None:
    chosen.prompt = " a cat "
    assert not any("prompt" in params for params in steps(plan.generate(bpy.context)).values()), "nobody reads here"
    for spec in catalog().values():
        if spec.task != "image-to-mesh":
            continue
        chosen.backend = spec.id
        run = plan.generate(bpy.context)
        assert (run.recipe.reader == spec.id) == spec.takes_words
        if spec.takes_words:
            assert steps(run)[spec.id]["prompt"] == "a cat"
            assert steps(run)["bring"]["name"] == "Red Disc", "named after the photo"


def test_a_fresh_scene_shows_what_is_used(chosen: Any) -> None:
    bpy.ops.mesh.primitive_cube_add()
    orders = [plan.generate(bpy.context)]
    film = ["stage", "camera", "film"]
    for name in (["skeleton", "bind", "move"], ["controls"], ["drop"], ["unwrap", "bake", "material"], film):
        orders.append(plan.on_object(bpy.context, bpy.context.object, name, verb="Check", scene=True))
    for run in orders:
        for step, used in steps(run).items():
            if step == "bring":
                continue  # the name is the picture's
            shown = {p.name: props.value_of(getattr(chosen.steps, step), p) for p in catalog()[step].params}
            assert shown == used, step


def test_a_recipe_with_a_film_brings_its_film_along(chosen: Any) -> None:
    assert not plan.generate(bpy.context).film
    chosen.recipe = "photo_to_film"
    chosen.steps.camera.seconds = 1.5
    film = plan.generate(bpy.context).film
    assert [step["do"] for step in film["steps"]] == ["stage", "camera", "film"]
    assert film["settings"] == {"camera": {"seconds": 1.5}} and film["steps"][1]["params"]["seconds"] == 1.5


def test_a_mask_goes_when_the_photo_changes(chosen: Any, photo: Path) -> None:
    chosen.mask = mask = bpy.data.images.new("mask", 8, 8)
    chosen.image = chosen.image
    assert chosen.mask == mask
    chosen.image = bpy.data.images.new("other", 8, 8)
    assert chosen.mask is None and chosen.masked is None
    chosen.image = None
    chosen.mask = mask
    chosen.image = bpy.data.images["other"]
    assert chosen.mask == mask, "chosen before its photo"
    chosen.image = bpy.data.images[photo.name]
    assert chosen.mask is None


def test_only_the_mask_of_the_present_photo_is_edited(chosen: Any, photo: Path) -> None:
    from galatea.addon.bridge import bridge
    from galatea.addon.ops.image import last_mask_run

    run = plan.generate(bpy.context)
    run.stages = [{"step": "cutout", "state": "done"}]
    bridge.runs = [run]
    assert last_mask_run(bpy.context) is run
    chosen.image = bpy.data.images.new("other", 8, 8)
    assert last_mask_run(bpy.context) is None and not bpy.ops.galatea.edit_mask.poll()
    chosen.image = bpy.data.images[photo.name]
    chosen.image.pack()
    packed = plan.generate(bpy.context)
    packed.stages = run.stages
    bridge.runs = [packed, run]
    assert last_mask_run(bpy.context) is packed


def test_the_mask_that_was_painted_is_not_offered_as_a_photo(
    chosen: Any, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from galatea.addon import settings
    from galatea.addon.bridge import bridge

    run = plan.generate(bpy.context)
    run.stages = [{"step": "cutout", "state": "done"}]
    bridge.runs = [run]
    monkeypatch.setattr(type(run), "files", lambda self, store: {"mask": photo})
    assert bpy.ops.galatea.edit_mask() == {"FINISHED"}
    assert settings._is_picture(None, chosen.mask) and not settings._is_photo(None, chosen.mask)
    assert settings._is_photo(None, chosen.image)


def test_a_picture_that_was_there_stays_when_it_cannot_be_read(addon: Any, tmp_path: Path) -> None:
    bad = tmp_path / "broken.png"
    bad.write_bytes(b"this is no picture")
    with pytest.raises(RuntimeError, match="Cannot read"):
        bpy.ops.galatea.choose_image(filepath=str(bad))
    assert not bpy.data.images
    bpy.data.images.load(str(bad))
    with pytest.raises(RuntimeError, match="Cannot read"):
        bpy.ops.galatea.choose_image(filepath=str(bad))
    assert [image.name for image in bpy.data.images] == ["broken.png"]
    with pytest.raises(RuntimeError, match=r"There is no file gone\.png here"):
        bpy.ops.galatea.choose_image(filepath=str(tmp_path / "gone.png"))


def test_without_the_program_the_command_starts_this_blender(
    chosen: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil
    from types import SimpleNamespace

    from galatea.addon.ops import jobs

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/galatea")
    assert jobs.program() == ("galatea",)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(jobs, "bpy", SimpleNamespace(app=SimpleNamespace(binary_path="/opt/my blender/blender")))
    words = shlex.split(plan.generate(bpy.context).command(tmp_path, jobs.program()))
    assert words[:5] == ["/opt/my blender/blender", "--background", "--command", "galatea", "run"]


@pytest.mark.parametrize("name", ["generate", "again", "rig", "bind", "move", "drop", "texture", "film"])
def test_what_runs_long_is_not_for_repeat_last(addon: Any, name: str) -> None:
    assert "REGISTER" not in getattr(bpy.types, f"GALATEA_OT_{name}").bl_options
    assert "REGISTER" not in getattr(bpy.ops.galatea, name).bl_options


def test_a_python_of_the_users_own_is_looked_for(addon: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.addon import environment, prefs

    path = tmp_path / "python"
    monkeypatch.setattr(prefs, "own_python", lambda: path)
    assert environment.state() == "lost" and prefs.full_python() == ""
    path.write_text("")
    environment.look_again()
    assert environment.state() == "own" and prefs.full_python() == str(path)


def test_the_check_looks_at_the_python_of_the_users_own(addon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.addon import environment, prefs
    from galatea.backend.cli.doctor.machine import WORKER

    given: list[dict[str, str]] = []
    monkeypatch.setattr(environment, "Helper", lambda *_, **env: given.append(env))
    for python in (Path("/nowhere/python"), None):
        monkeypatch.setattr(prefs, "own_python", lambda python=python: python)
        environment.start_doctor()
    assert [env.get(WORKER) for env in given] == [str(Path("/nowhere/python")), None]


def test_a_whole_environment_is_checked_file_by_file(addon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.addon import environment
    from galatea.addon.ops.environment import GALATEA_OT_env_install

    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(environment, "start_install", lambda *words: asked.append(words))
    for state in ("missing", "ready"):
        monkeypatch.setattr(environment, "state", lambda state=state: state)
        GALATEA_OT_env_install.execute(None, bpy.context)
    assert asked == [(), ("--verify",)]
