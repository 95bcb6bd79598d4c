# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Blenders at one film: none of them is needed, no frame is lost, none is rendered twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import bpy
import pytest

from galatea.addon.scene.lib.render import engines, frames, hands, pictures
from galatea.backend.protocol.errors import JobCancelled, UserError

from .filmed import again

KILLS = 10


class Watch(threading.Thread):
    """Looks at a folder of frames: when each file got its name, and whether it was ever another file."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.seen, self.replaced, self.done = folder, {}, [], threading.Event()

    def look(self):
        for path in self.folder.glob("[0-9][0-9][0-9][0-9][0-9].png"):
            stat = path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns)
            if self.seen.setdefault(path.name, mark) != mark:
                self.replaced.append(path.name)
        return len(self.seen)

    def run(self):
        while not self.done.is_set():
            self.look()
            time.sleep(0.01)


def test_renderers_killed_ten_times_lose_nothing_and_repeat_nothing(make_work, staged, monkeypatch):
    count, draw, killed = 34, random.Random(6), []
    bpy.context.scene.frame_end = count
    work, events = make_work(step="film")
    watch = Watch(work.report.keep("frames"))
    start = hands.Hands._look

    def look(self, done, whole):
        start(self, done, whole)
        if len(killed) < KILLS and done >= 3 * len(killed) and self.pids and draw.random() < 0.5:
            killed.append(draw.choice(self.pids))
            os.kill(killed[-1], signal.SIGKILL)

    monkeypatch.setattr(hands.Hands, "_look", look)
    watch.start()
    paths = again(work, processes=2, samples=24, noise=0, denoise=False, width=160, height=120)
    watch.done.set()
    watch.join()
    watch.look()
    assert len(killed) == len(set(killed)) == KILLS
    assert [path.name for path in paths] == [f"{k:05d}.png" for k in range(1, count + 1)]
    assert all(pictures.png_is_whole(path, 160, 120) for path in paths)
    assert not watch.replaced and len(watch.seen) == count, "a frame that is there is left alone"
    assert sorted(p.name for p in watch.folder.iterdir() if ".part" not in p.name and ".claim" not in p.name) == sorted(
        watch.seen
    )
    told = [event.fraction for event in events if "frame" in getattr(event, "phase", "")]
    assert told == sorted(told) and work.report.metrics["processes"] == 2


def test_the_frames_are_those_of_one_process(make_work, staged):
    made = []
    for processes in (1, 2):
        work, _ = make_work(step="film")
        made.append([pictures.read(path) for path in again(work, processes=processes, format="png")])
    for one, other in zip(*made, strict=True):
        assert abs(one - other).max() < 0.01


def test_a_cancel_ends_all_and_keeps_what_is_done(make_work, staged):
    bpy.context.scene.frame_end = 14
    work, _ = make_work(step="film")
    store, job, tell = work.report._store, work.report._job, work.report._emit
    folder = work.report.keep("frames")

    def emit(event):
        tell(event)
        if len(list(folder.glob("[0-9]*[0-9].png"))) > 1:
            store.cancel(job)

    work.report._emit = emit
    with pytest.raises(JobCancelled):
        again(work, processes=2, samples=24, noise=0, denoise=False, width=160, height=120)
    kept = [path for path in folder.glob("?????.png") if pictures.png_is_whole(path, 160, 120)]
    assert 2 <= len(kept) < 14
    assert not list(folder.glob("*.claim")), "each finished its frame and gave back its claim"
    before = {path.name: path.stat().st_mtime_ns for path in kept}
    (store.folder(job) / "cancel").unlink()
    work.report._emit = tell
    again(work, processes=2, samples=24, noise=0, denoise=False, width=160, height=120)
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert work.report.metrics["frames_kept"] == len(kept)


def test_a_hand_whose_parent_dies_ends_too(tmp_path):
    order = tmp_path / "order.json"
    order.write_text('{"blend": "/no such file"}')
    command = [sys.executable, "-c", f"""
import subprocess, sys, time
hand = subprocess.Popen([sys.executable, "-c", '''
import os, sys, threading, time
sys.path.insert(0, {str(tmp_path)!r})
from galatea.addon.scene.lib.render import hand
threading.Thread(target=hand._listen, daemon=True).start()
print(os.getpid(), flush=True)
time.sleep(3600)
'''], stdin=subprocess.PIPE)
time.sleep(3600)
"""]  # fmt: skip
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    from galatea.backend.protocol.claims import process_alive

    end = time.monotonic() + 300
    while process_alive(pid):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            pytest.fail("it lives on without anybody who asked")
        time.sleep(0.05)


def test_trouble_of_a_hand_is_told_as_its_own(make_work, staged, monkeypatch):
    work, _ = make_work(step="film")
    with pytest.raises(UserError, match="no graphics card"):
        if engines.find_gpu()[0]:
            pytest.skip("there is one here")
        again(work, processes=2, device="gpu")


def test_hands_that_die_at_once_end_the_film_with_a_reason(make_work, staged, monkeypatch):
    monkeypatch.setattr(hands, "command", lambda order: [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    work, _ = make_work(step="film")
    with pytest.raises(RuntimeError, match="ended with exit code -9"):
        again(work, processes=2)


def test_a_graphics_card_that_fails_is_left_for_the_processor(make_work, staged, monkeypatch):
    """The card is a pretended one; that Cycles falls over it is done by hand, for there is none here."""
    from galatea.addon.scene.lib.render import shoot

    monkeypatch.setattr(engines, "find_gpu", lambda: ("OPTIX", ["Pretended"]))
    plain, tried = shoot.Camera._render, []

    def render(self, number):
        tried.append(self.scene.cycles.device)
        if self.scene.cycles.device == "GPU":
            raise RuntimeError("Error: out of memory in cuMemAlloc")
        plain(self, number)

    monkeypatch.setattr(shoot.Camera, "_render", render)
    work, _ = make_work(step="film")
    paths = again(work, processes=1, frames=2)
    assert len(paths) == 2 and tried == ["GPU", "CPU", "CPU"]
    assert "OPTIX: Pretended failed (Error: out of memory in cuMemAlloc)" in work.report.warnings[0]
    assert work.report.metrics["device"] == "CPU"


def test_a_frame_is_for_one_process_only_and_a_dead_ones_for_the_next(tmp_path):
    two = [frames.Frames(tmp_path, (1, 2, 3), (8, 8), {".png": pictures.png_is_whole}) for _ in range(2)]
    other = subprocess.Popen(
        [sys.executable, "-c", f"""
import sys, time, pathlib
from galatea.backend.protocol.claims import claim
print(claim(pathlib.Path({str(tmp_path)!r}) / "00002.claim"), flush=True)
time.sleep(60)
"""], stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert other.stdout.readline() == "True\n"
    looks = iter([False] * 4 + [True])
    assert list(two[0].take([1, 2, 3], lambda: next(looks))) == [1, 3, 1], "the second is another's, who lives"
    other.kill()
    other.wait()
    looks = iter([False] * 3 + [True])
    assert list(two[1].take([1, 2, 3], lambda: next(looks))) == [1, 2, 3], "whose claim died with it"
    assert not list(tmp_path.iterdir())
