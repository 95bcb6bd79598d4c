# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of every working verb: an order in and out of a job file, a device, progress for programs, a plan."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from galatea.backend.cli import flags, main, parser
from galatea.backend.cli.completion import parsers
from galatea.backend.cli.errand import Errand
from galatea.backend.cli.examples import EXAMPLES
from galatea.backend.protocol import own
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.errors import UserError
from galatea.backend.protocol.order import Order
from galatea.backend.protocol.spec import BackendSpec, Param

from .processes import RECIPE, command, galatea, left_behind, read, wait_for

WORKING = (
    *("generate", "finish", "rig", "animate", "film", "export", "run", "resume", "batch", "simulate", "compare"),
    "validate",
)
COMMON = (
    *("--json", "--dry-run", "--seed", "--out", "--overwrite", "--timeout", "--device", "--require-gpu", "--offline"),
    *("--log-level", "--quiet", "--progress", "--runner", "--address", "--job-file"),
)
EARTH = Path(__file__).resolve().parents[2] / "presets" / "examples" / "earth.png"


pytestmark = pytest.mark.usefixtures("recipe")


@pytest.mark.parametrize("verb", WORKING)
def test_every_working_verb_has_the_same_flags(verb: str) -> None:
    has = parsers(parser())[verb]._option_string_actions
    assert set(COMMON) <= set(has)


@pytest.mark.parametrize("verb", WORKING)
def test_the_example_in_the_help_of_a_verb_is_an_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(EARTH, tmp_path / "photo.jpg")
    (tmp_path / "mesh.glb").write_text('{"asset": {}}')
    for name in {"resume": ["folder"], "batch": ["photos"]}.get(verb, ()):
        (tmp_path / name).mkdir()
        Order("photo_to_mesh", {"image": str(tmp_path / "photo.jpg")}).save(tmp_path / name / "job.json")
    assert main([*shlex.split(EXAMPLES[verb])[1:], "--dry-run"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("verb", ["animate", "film"])
def test_words_move_a_mesh(tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    (tmp_path / "mesh.glb").write_text('{"asset": {}}')
    words = [verb, str(tmp_path / "mesh.glb"), "--prompt", "walks 2 m, then waves"]
    assert main([*words, "--job-file", str(tmp_path / "job.json")]) == 0, capsys.readouterr().err
    order = Order.read(tmp_path / "job.json")
    assert (order.settings, order.prompt) == ({"move": {"motion": "walks 2 m, then waves"}}, "")
    assert main([*words, "--motion", "walk.bvh", "--job-file", str(tmp_path / "job.json")]) == 2
    assert "not allowed with" in capsys.readouterr().err
    assert main([*words[:-1], "walks nowhere known", "--set", "move.motion=waves", "--dry-run", "--out", "x"]) == 0


def test_a_job_file_is_written_and_run(tmp_path: Path) -> None:
    job, out = tmp_path / "jobs" / "a.json", tmp_path / "out"
    words = ["run", "wiring.toml", "--seed", 5, "--set", "fake.text=hello", "--out", "out"]
    done = galatea(*words, "--job-file", "jobs/a.json", cwd=tmp_path)
    assert done.returncode == 0 and not out.exists() and not (tmp_path / "home").exists(), done.stderr
    order = Order.read(job)
    assert order == Order(str(tmp_path / "wiring.toml"), seed=5, settings={"fake": {"text": "hello"}}, out=str(out))
    assert galatea("run", job, cwd=tmp_path.parent).returncode == 0
    assert (out / "text.txt").read_text() == "hello 5\n"
    assert (out / "job.json").read_bytes() == job.read_bytes(), "the folder says what made it"
    assert Order.of(read(out / "result.json")["order"]) == order
    done = galatea("run", job, "--seed", 6, "--set", "fake.text=bye", "--out", tmp_path / "other")
    assert done.returncode == 0 and (tmp_path / "other" / "text.txt").read_text() == "bye 6\n"
    assert galatea("run", job, "--seed", 6).returncode == 2, "another order for that folder"


def test_a_hostile_job_file_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    for number, text in enumerate(
        ('{"recipe": "x", "evil": 1}', "[" * 9999, '{"recipe": "wiring.toml", "seed": 1e99}')
    ):
        (tmp_path / f"{number}.json").write_text(text)
        done = galatea("run", tmp_path / f"{number}.json", "--out", tmp_path / "out")
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(RECIPE.replace("fake", "cutout", 1).replace("inputs = []", 'inputs = ["image"]')
                                       + '\n[[step]]\ndo = "fake"\nseconds = 600.0\n')  # fmt: skip
    words = ["run", tmp_path / "two.toml", "--image", EARTH, "--out", tmp_path / "out"]
    run = subprocess.Popen(command(*words), stderr=(tmp_path / "log").open("w"), start_new_session=True)
    wait_for(tmp_path / "log", "fake: Waiting")
    run.kill()
    run.wait()
    for pid in left_behind_now(str(tmp_path / "home")):
        os.kill(pid, 9)
    assert not (tmp_path / "out" / "result.json").exists()
    (tmp_path / "two.toml").write_text((tmp_path / "two.toml").read_text().replace("600.0", "0.0"))
    done = galatea("resume", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert [stage["cached"] for stage in read(tmp_path / "out" / "result.json")["stages"]] == [True, False]
    done = galatea("resume", tmp_path / "nowhere")
    assert done.returncode == 2 and "Name the --out of the run" in done.stderr


def left_behind_now(word: str) -> list[int]:
    """The step's own process, which would work on for whoever asks next."""
    found = subprocess.run(["pgrep", "-f", word], capture_output=True, text=True).stdout
    return [int(pid) for pid in found.split()]


def test_a_device_reaches_the_steps_that_can_choose() -> None:
    read_ = parser().parse_args
    order = flags.order_of(
        read_(["run", "photo_to_film", "--image", "a.png", "--backend", "triposr", "--device", "cpu"])
    )
    assert order.settings == {"triposr": {"device": "cpu"}, "film": {"device": "cpu"}}
    steps = {step.do: step.params for step in order.plan()[0].steps}
    assert steps["triposr"]["device"] == steps["film"]["device"] == "cpu"
    own = ["--device", "cpu", "--set", "film.device=gpu"]
    order = flags.order_of(read_(["run", "photo_to_film", "--image", "a.png", *own]))
    assert order.settings == {"film": {"device": "gpu"}}, "what was said of a step counts"
    far = ["--require-gpu", "--runner", "ray", "--backend", "triposr"]
    order = flags.order_of(read_(["run", "photo_to_film", "--image", "a.png", *far]))
    assert order.settings == {"triposr": {"device": "gpu"}, "film": {"device": "gpu"}}
    cuda = ["--device", "cuda", "--runner", "ray", "--backend", "triposr"]
    order = flags.order_of(read_(["run", "photo_to_film", "--image", "a.png", *cuda]))
    assert order.settings == {"triposr": {"device": "cuda"}, "film": {"device": "gpu"}}, "Cycles has its own names"


def test_a_step_of_ones_own_that_wants_a_card_is_told_a_device_by_its_own_names(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(catalog.cache_clear)
    own.folder().mkdir(parents=True)
    for name, kind, choices in (("card", "choice", ("cuda", "mps")), ("third", "int", ())):
        (own.folder() / f"{name}.py").write_text("class Backend: ...\n")
        param = Param("device", kind, choices[0] if choices else 0, "", choices=choices)
        script = own.find(name)
        assert script
        own.trust(script, BackendSpec(name, "", "check", "", outputs=("text",), params=(param,)))
        step = f'version = 1\nname = "{name}"\ninputs = []\n[[step]]\ndo = "{name}"\n'
        (tmp_path / f"{name}.toml").write_text(step)

    catalog.cache_clear()

    def told(name: str, *words: str) -> dict[str, object]:
        given = ["run", str(tmp_path / f"{name}.toml"), "--runner", "ray", *words]
        return flags.order_of(parser().parse_args(given)).settings

    assert told("card", "--device", "mps") == {"card": {"device": "mps"}}
    assert told("card", "--require-gpu") == told("card", "--device", "xpu") == {}, "its default is a card"
    assert told("third", "--device", "cpu") == {}, "the number of something is no device of ours"
    with pytest.raises(UserError, match=r"card\.device takes one of cuda, mps, not 'cpu'"):
        told("card", "--device", "cpu")


def test_without_a_card_it_ends_with_5_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"not opened")
    for words in (["--require-gpu"], ["--device", "gpu"], ["--device", "cuda"]):
        done = galatea("generate", tmp_path / "a.png", "--out", tmp_path / "out", *words)
        assert done.returncode == 5 and "graphics card" in done.stderr, "lift is for processors"
        assert f"or leave {words[0]} out." in done.stderr
    assert not (tmp_path / "out").exists()
    assert flags.no_card([tmp_path / "none"]) and not flags.no_card([tmp_path / "a.png"])
    if flags.no_card():
        learned = ["--backend", "triposr", "--require-gpu", "--out", tmp_path / "out"]
        done = galatea("generate", tmp_path / "a.png", *learned)
        assert done.returncode == 5 and "This machine has no graphics card for triposr" in done.stderr
    done = galatea("run", tmp_path / "wiring.toml", "--device", "cpu", "--require-gpu", "--out", tmp_path / "out")
    assert done.returncode == 2


def test_progress_for_programs(tmp_path: Path) -> None:
    words = ["run", tmp_path / "wiring.toml", "--set", "fake.seconds=0.6", "--progress"]
    done = galatea(*words, "jsonl", "--out", tmp_path / "a")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [events[0]["event"], events[-2]["event"], events[-1]["event"]] == ["progress", "stage", "end"]
    shares = [event["all"] for event in events if "all" in event]
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 3
    assert events[-1]["state"] == "done" and events[-1]["outputs"] == ["text.txt"] and events[-1]["exit_code"] == 0
    done = galatea(*words, "openjd", "--out", tmp_path / "b", "--fresh")
    lines = done.stdout.splitlines()
    shares = [float(line.split()[1]) for line in lines if line.startswith("openjd_progress: ")]
    assert shares == sorted(shares) and shares[-1] == 100.0 and len(shares) > 3
    assert "openjd_status: [1/1] fake: Waiting" in lines and not [x for x in lines if x.startswith("openjd_fail")]
    done = galatea(*words, "openjd", "--out", tmp_path / "c", "--set", "fake.trouble=user", "--fresh")
    assert done.returncode == 3
    assert "openjd_fail: This is what a wrong input looks like. Choose another." in done.stdout.splitlines()
    assert "openjd_progress: 100.0" not in done.stdout, "it has not come to its end"
    done = galatea("run", "nothing", "--out", tmp_path / "d", "--progress", "openjd")
    assert done.returncode == 2 and "openjd_fail: There is no recipe" in done.stdout


def test_log_levels(tmp_path: Path) -> None:
    def told(level: str) -> str:
        words = ["run", tmp_path / "wiring.toml", "--out", tmp_path / level, "--set", "fake.trouble=bug"]
        return galatea(*words, "--log-level", level).stderr

    assert told("error").splitlines()[0].startswith("galatea: ZeroDivisionError")
    assert "Waiting" in told("info") and "Traceback" not in told("info")
    assert "Traceback" in told("debug") and "job fake-" in told("debug")


def test_a_log_hears_of_each_tenth_of_a_long_step(tmp_path: Path) -> None:
    """Of a film it would else hear of the first frame and of the end."""
    done = galatea("run", tmp_path / "wiring.toml", "--out", tmp_path / "out", "--set", "fake.seconds=2")
    told = [line for line in done.stderr.splitlines() if "Waiting" in line]
    assert 4 <= len(told) <= 11 and len(set(told)) == len(told), done.stderr


def test_a_plan_knows_the_past(tmp_path: Path) -> None:
    words = ["run", tmp_path / "wiring.toml", "--out", tmp_path / "x", "--dry-run", "--json"]
    plan = json.loads(galatea(*words).stdout)
    assert plan["never_done"] == ["fake"] and plan["seconds"] == 0 and plan["disk_free"] > 0
    assert Order.of(plan["order"]).recipe == str(tmp_path / "wiring.toml") and plan["licenses"]
    assert (
        galatea("run", tmp_path / "wiring.toml", "--out", tmp_path / "y", "--set", "fake.seconds=0.4").returncode == 0
    )
    plan = json.loads(galatea(*words).stdout)
    assert plan["never_done"] == [] and 0.3 < plan["seconds"] < 5 and plan["disk"] > 0 and plan["cached"] == 0
    plan = json.loads(galatea(*words, "--set", "fake.seconds=0.4").stdout)
    assert plan["cached"] == 1 and plan["seconds"] == 0
    done = galatea(*words[:-1], "--set", "fake.text=anew")
    assert " for what is to do; " in done.stdout and "not known" not in done.stdout, done.stdout
    done = galatea("generate", EARTH, "--backend", "triposr", "--out", tmp_path / "z", "--dry-run")
    assert done.returncode == 4 and "Run `galatea models pull triposr`" in done.stderr
    assert "time      not known" in done.stdout and "disk      not known; " in done.stdout
    assert "memory    triposr 2.2 to 2.4 GB" in done.stdout and "licences" in done.stdout
    assert not (tmp_path / "z").exists() and not (tmp_path / "x").exists()


def test_where_it_runs_is_asked_with_care(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "wiring.toml"), "--out", str(tmp_path / "x"), "--address", "a"]) == 2
    assert "--runner ray" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "wiring.toml")]) == 2
    assert "--out DIR" in capsys.readouterr().err
    assert not left_behind(str(tmp_path / "home"))


def test_weights_reach_the_model_that_is_meant() -> None:
    def order(recipe: str, *words: str) -> Order:
        given = {"words": ("--prompt", "a chair"), "photo": ("--image", "a.png"), "film": ("--film", "a.mp4")}
        options = given[recipe.split("_")[0]]
        return flags.order_of(parser().parse_args(["run", recipe, *options, *words]))

    found = order("photo_to_film", "--backend", "triposr", "--weights", "random:7")
    assert found.settings == {"triposr": {"weights": "random:7"}}
    words = order("words_to_mesh", "--backend", "triposr", "--weights", "someone/model")
    assert words.settings == {"triposr": {"weights": "someone/model"}}, "of the model that is named, not of imagine"
    only = order("words_to_mesh", "--weights", "someone/model")
    assert only.settings == {"imagine": {"weights": "someone/model"}}, "the only one that takes any"
    for backend in ("lift", "relief"):
        with pytest.raises(UserError, match=f"^{backend} takes no weights of yours"):
            order("photo_to_film", "--backend", backend, "--weights", "random:7")
    with pytest.raises(UserError, match=r"has interpolate, upscale\. .* --set STEP\.weights=W"):
        order("film_to_film", "--weights", "random:7")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("jobs", "show", "--json", "film-0c3a"), "There is no job 'film-0c3a'"),
        (("jobs", "remove", "--dry-run", "film-0c3a"), "There is no job 'film-0c3a'"),
        (("models", "remove", "--yes", "triposr"), "Nothing of stabilityai/TripoSR lies here"),
        (("backends", "trust", "--yes", "mine.py"), "Copy mine.py to"),
        (("generate", "a.jpg", "--out", "d", "b.jpg"), "b.jpg. Choose another"),
        (("farm", "openjd", "a.json", "--out", "d", "b.json"), "There is no file a.json"),
        (("jobs", "show", "--yaml", "film-0c3a"), "Unknown to galatea jobs: --yaml"),
        (("generate", "--out", "d", "--", "-a.jpg"), "/-a.jpg. Choose another"),
        (("jobs", "show", "--json", "--", "film-0c3a"), "There is no job 'film-0c3a'"),
        (("jobs", "show", "--json", "--", "-film"), "There is no job '-film'"),
        (("--", "jobs", "show", "film-0c3a"), "There is no job 'film-0c3a'"),
        (("jobs", "--lmit", "5"), "Unknown to galatea jobs: --lmit. Did you mean --limit?"),
        (("generate", "--progress", "openjd", "--sed", "a"), "openjd_fail: Unknown to galatea generate: --sed. Did"),
    ],
)
def test_flags_may_stand_between_the_names(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    main(list(words))
    said = capfd.readouterr()
    assert told in said.err + said.out


def test_a_name_behind_two_dashes_is_one_by_every_door(home: Path) -> None:
    done = galatea("jobs", "show", "--json", "--", "-film")
    assert "There is no job '-film'" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("generate", "gone.png", "gone too.png"), 3),
        (("batch", "wrong.jsonl"), 3),
        (("batch", "some.jsonl"), 11),
        (("animate", "box.obj", "--motion", "gone.bvh"), 3),
        (("generate", "wrong.jsonl"), 3),
        (("finish", "cut.glb"), 3),
        (("generate", "earth.png", "--backend", "triposr"), 4),
        (("finish", "box.obj"), 8),
        (("run", "wiring.toml", "--out", "box.obj/out"), 7),
        (("batch", "some.jsonl", "--out", "theirs"), 2),
    ],
)
def test_a_dry_run_is_refused_as_the_run_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    if code == 8:
        monkeypatch.setenv("GALATEA_BLENDER", str(tmp_path / "no blender"))
    shutil.copyfile(EARTH, "earth.png")
    Path("cut.glb").write_bytes(b"glTF" + struct.pack("<II", 2, 999))
    Path("box.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    Path("wrong.jsonl").write_text('{"recipe": "photo_to_mesh", "inputs": {"image": "gone.png"}}\n' * 2)
    Path("some.jsonl").write_text('{"recipe": "wiring.toml"}\n{"recipe": "unheard of"}\n')
    Path("theirs").mkdir()
    Path("theirs/batch.json").write_text("{}")
    words = words if "--out" in words else (*words, "--out", "out")
    there = set(tmp_path.rglob("*"))
    assert main([*words, "--dry-run"]) == code, capsys.readouterr().err
    assert set(tmp_path.rglob("*")) == there
    assert main(list(words)) == code, capsys.readouterr().err


@pytest.mark.parametrize("given", ["film.audio", "stage.hdri"])
@pytest.mark.parametrize("verb", ["film", "batch"])
def test_a_file_of_a_step_that_is_not_there_is_missed_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str, given: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("box.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    do, _, name = given.partition(".")
    order = {"recipe": "mesh_to_film", "inputs": {"model": "box.obj"}, "settings": {do: {name: "nope"}}}
    Path("films.jsonl").write_text(json.dumps(order))
    words = ["film", "box.obj", "--set", f"{given}=nope"] if verb == "film" else ["batch", "films.jsonl"]
    for more in (["--dry-run"], []):
        assert main([*words, "--out", "out", *more]) == 2
        assert f"{given}: there is no file {tmp_path / 'nope'}. Choose another." in capsys.readouterr().err
    assert not any((tmp_path / "home" / "jobs").glob("load-*"))


def test_of_two_orders_that_are_begun_in_one_folder_only_the_later_delivers(tmp_path: Path) -> None:
    """The first is told so, and its files are not beside the other's."""
    orders = [Order(str(tmp_path / "wiring.toml"), seed=seed) for seed in (1, 2)]
    first, second = (
        Errand(*order.plan(), tmp_path / "out", order.seed, overwrite=bool(number), order=order)
        for number, order in enumerate(orders)
    )
    first.prepare()
    second.prepare()
    first.settle(flags.store(), None)
    assert first.code == 2 and "was given to another order meanwhile" in first.data["error"]["message"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["job.json"]
    second.settle(flags.store(), None)
    assert read(tmp_path / "out" / "result.json")["run"] == second.run
