# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights as seen from the window: the button that is next, the download, its progress and its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from galatea.backend.hub.params import LEARNED
from galatea.backend.protocol import own
from galatea.backend.protocol.catalog import catalog
from galatea.backend.protocol.spec import BackendSpec, Weights

bpy = pytest.importorskip("bpy")


@pytest.fixture
def panel(hub: Any, home: Path, weights: Callable[..., Weights], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The add-on with a backend of the user's own, one with terms; this Python is the full environment."""
    import galatea
    from galatea.addon import environment, prefs

    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    for name, license in (("mine", "MIT"), ("strict", "Community License")):
        path = own.folder() / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# its spec is known, and it is not run here\n")
        script = own.find(name)
        assert script
        spec = BackendSpec(
            name, name.title(), "image-to-mesh", "", runtime="full", inputs=("cutout",), outputs=("mesh",),
            params=LEARNED, weights=(weights(license=license),), memory=(("fp32", 2.0),), license=license,
        )  # fmt: skip
        own.trust(script, spec)
    catalog.cache_clear()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    monkeypatch.setattr(prefs, "full_python", lambda: sys.executable)
    environment.look_again()
    galatea.register()
    try:
        settings = bpy.context.scene.galatea
        settings.image = bpy.data.images.new("photo", 8, 8)
        settings.backend = "mine"
        yield settings
    finally:
        galatea.unregister()
        catalog.cache_clear()


def wait(true: Callable[[], Any]) -> None:
    from galatea.addon.bridge import bridge

    end = time.monotonic() + 300
    while not true():
        assert time.monotonic() < end, "it did not happen"
        bridge.tick()
        time.sleep(0.01)


@pytest.fixture
def online(panel: Any) -> Iterator[None]:
    """The switch in Preferences > System; the hub is on this machine all the same."""
    system = bpy.context.preferences.system
    before, system.use_online_access = system.use_online_access, True
    assert bpy.app.online_access
    yield
    system.use_online_access = before


def test_from_the_button_to_the_weights(panel: Any, online: None, hub: Any) -> None:
    from galatea.addon import models
    from galatea.addon.ui.panel import next_step

    assert next_step(panel)[:2] == ("galatea.models_pull", "Download Weights")
    hub.pace = 0.02
    assert bpy.ops.galatea.models_pull() == {"FINISHED"}
    assert next_step(panel)[0] == "galatea.models_stop"
    seen = set[float]()
    wait(lambda: seen.update([models.work.fraction]) or not models.work.running)  # type: ignore[func-returns-value]
    assert models.work.error == "" and len(seen) > 3 and models.whole("mine")
    assert next_step(panel)[0] == "galatea.generate"
    assert bpy.ops.galatea.models_verify() == {"FINISHED"}
    wait(lambda: not models.work.running)
    assert models.work.error == ""
    assert bpy.ops.galatea.models_remove() == {"FINISHED"}
    wait(lambda: not models.work.running)
    assert not models.whole("mine") and next_step(panel)[0] == "galatea.models_pull"
    for verb in (bpy.ops.galatea.models_verify, bpy.ops.galatea.models_remove):
        with pytest.raises(RuntimeError, match="There are no weights of"):
            verb()


def test_stopped_it_goes_on_later(panel: Any, online: None, hub: Any, home: Path) -> None:
    from galatea.addon import models

    hub.pace = 0.1
    bpy.ops.galatea.models_pull()
    part = home / "weights" / "maker--model" / hub.commit / "model.ckpt.part"
    wait(lambda: part.is_file() and part.stat().st_size > 1 << 18)
    assert bpy.ops.galatea.models_stop() == {"FINISHED"}
    assert not models.work.running and "goes on where it stopped" in models.work.error
    begun, hub.pace = part.stat().st_size, 0.0
    bpy.ops.galatea.models_pull()
    wait(lambda: not models.work.running)
    assert models.whole("mine") and hub.ranges()[-1] == f"bytes={begun}-"


def test_trouble_is_shown_in_words(panel: Any, online: None, hub: Any) -> None:
    from galatea.addon import models

    hub.refusals = [(401, {"X-Error-Code": "GatedRepo"})]
    bpy.ops.galatea.models_pull()
    wait(lambda: not models.work.running)
    assert "is gated" in models.work.error and "https://example.org/model" in models.work.error


def test_terms_want_a_yes(panel: Any, online: None, hub: Any) -> None:
    from galatea.addon import models

    panel.backend = "strict"
    with pytest.raises(RuntimeError, match=r"Community License.*read and accept"):
        bpy.ops.galatea.models_pull()
    assert not hub.asked and not models.work.running
    assert bpy.ops.galatea.models_pull(accept=True) == {"FINISHED"}
    wait(lambda: not models.work.running)
    assert models.whole("strict")


@pytest.mark.filterwarnings("ignore:.*blend relative")
def test_own_weights_need_no_download(panel: Any, tmp_path: Path) -> None:
    from galatea.addon.props import value_of
    from galatea.addon.ui.panel import next_step

    panel.steps.mine.weights = "random:3"
    assert next_step(panel)[0] == "galatea.generate"
    (param,) = [p for p in LEARNED if p.name == "weights"]
    assert value_of(panel.steps.mine, param) == "random:3"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.context.scene.galatea.steps.mine.weights = "//mine.ckpt"
    assert value_of(bpy.context.scene.galatea.steps.mine, param) == str(tmp_path / "mine.ckpt")


def test_without_the_full_environment_that_comes_first(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from galatea.addon import environment, prefs
    from galatea.addon.ui.panel import next_step

    monkeypatch.setattr(prefs, "full_python", lambda: "")
    environment.look_again()
    assert next_step(panel)[0] == "galatea.env_install"
    assert not bpy.ops.galatea.models_pull.poll()


class _Prefs:
    class bl_rna:
        properties = ("show_models", "shared_weights")

    def __init__(self, *, show_models: bool = True) -> None:
        self.show_models = show_models


def listed(*, open: bool = True) -> Any:
    """What the preferences draw of weights now."""
    from galatea.addon import models
    from galatea.addon.ui.weights import draw_weights

    from ..addon.drawn import Layout

    models.look_again()
    layout = Layout()
    draw_weights(layout, _Prefs(show_models=open), bpy.context)
    return layout


def verbs(layout: Any, backend: str) -> set[str]:
    return {name for name, given, _ in layout.operators if getattr(given, "backend", "") == backend}


def test_the_preferences_list_all_weights(panel: Any, online: None, hub: Any) -> None:
    from galatea.addon import models

    assert not listed(open=False).operators
    before = listed()
    assert "Mine: 2 MB to download" in before.text and "Licence: Community License" in before.text
    assert "territory: worldwide; memory: 2 GB" in before.text
    assert "TripoSR" in before.text and verbs(before, "mine") == {"galatea.models_pull"}
    assert bpy.ops.galatea.models_pull(backend="mine") == {"FINISHED"}
    wait(lambda: not models.work.running)
    after = listed()
    assert "Mine: installed, 2 MB" in after.text
    assert verbs(after, "mine") == {"galatea.models_verify", "galatea.models_remove"}


def test_a_shared_folder_is_chosen_in_the_preferences(
    panel: Any, hub: Any, home: Path, tmp_path: Path, here: Any, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from galatea.addon import models, preferences
    from galatea.backend.hub import fetch

    monkeypatch.setenv("GALATEA_HOME", str(tmp_path / "team"))
    fetch.fetch([weights()], lambda phase, fraction: None)
    monkeypatch.setenv("GALATEA_HOME", str(home))
    preferences._share(str(tmp_path / "nothing"))
    assert models.shared() == "" and not models.whole("mine")
    preferences._share(str(tmp_path / "team"))
    assert models.shared() == str(tmp_path / "team" / "weights") and models.whole("mine")
    layout = listed()
    assert "Mine: installed, 2 MB in the shared folder" in layout.text
    assert verbs(layout, "mine") == {"galatea.models_verify"}, "nobody deletes what others use"
    preferences._share("")
    assert models.shared() == "" and not models.whole("mine")
