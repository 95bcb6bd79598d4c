# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium with WebGL in software, spoken to over a pipe: no driver, no port, no network.

The protocol is that of the DevTools: JSON texts that end with a zero byte.
"""

from __future__ import annotations

import base64
import io
import json
import os
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def program() -> str:
    """The browser: `GALATEA_BROWSER`, else the first that there is; empty where there is none."""
    return next(
        (found for name in (os.environ.get("GALATEA_BROWSER", ""), *NAMES) if (found := shutil.which(name))), ""
    )


class Browser:
    """One tab. `heard` are all events so far."""

    def __init__(self, folder: Path) -> None:
        there, ours = os.pipe(), os.pipe()
        flags = ["--headless", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={folder}", "--no-first-run"]
        flags += [
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ]
        flags += [
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--disable-background-networking",
            "--mute-audio",
        ]
        line = f'exec "$0" "$@" 3<&{there[0]} 4>&{ours[1]}'
        self._log = (folder.parent / "browser.log").open("wb")
        self._process = subprocess.Popen(
            ["bash", "-c", line, program(), *flags, "about:blank"],
            pass_fds=(there[0], ours[1]),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        os.close(there[0])
        os.close(ours[1])
        self._to, self._from, self._rest, self._number = there[1], ours[0], b"", 0
        self.heard: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", tab=False, url="about:blank")["targetId"]
        self._tab = self.ask("Target.attachToTarget", tab=False, targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_error: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        os.close(self._to)
        os.close(self._from)

    def ask(self, method: str, *, tab: bool = True, seconds: float = 120, **params: Any) -> dict[str, Any]:
        self._number += 1
        mine = self._number
        message = {"id": mine, "method": method, "params": params} | ({"sessionId": self._tab} if tab else {})
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]
        end = time.monotonic() + seconds
        while True:
            answer = self._next(end, method)
            if answer.get("id") != mine:
                self.heard.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                found: dict[str, Any] = answer["result"]
                return found

    def _next(self, end: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], max(end - time.monotonic(), 0))[0]:
                raise TimeoutError(f"the browser did not answer {what}")
            more = os.read(self._from, 1 << 20)
            if not more:
                raise RuntimeError(f"the browser ended at {what}; see {self._log.name}")
            self._rest += more
        text, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(text)
        return found

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, a promise waited for."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["exception"]["description"])
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while not (found := self.run(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"{script} did not come true; {self.troubles()}")
            time.sleep(0.05)
        return found

    def open(self, page: Path, *, wide: int = 720, high: int = 540, dark: bool = False, still: bool = True) -> str:
        """Open a page of this disk; returns what it says of itself when it is no longer loading."""
        size = {"width": wide, "height": high, "deviceScaleFactor": 1, "mobile": wide < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        media = {"prefers-color-scheme": "dark" if dark else "light"}
        media["prefers-reduced-motion"] = "reduce" if still else "no-preference"
        self.ask("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in media.items()])
        self.heard.clear()
        self.ask("Page.navigate", url=page.as_uri())
        self.until("document.readyState === 'complete' && document.documentElement.dataset.state !== 'loading'")
        return str(self.run("document.documentElement.dataset.state"))

    def picture(self) -> np.ndarray:
        """What is seen, (H, W, 3) uint8."""
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def press(self, key: str, *, shift: bool = False) -> None:
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, modifiers=8 if shift else 0, **text)
            text = {}

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        button = {"button": "left", "clickCount": 1}
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", end), ("mouseReleased", end)):
            self.ask(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, buttons=0 if kind == "mouseReleased" else 1, **button
            )

    def troubles(self) -> list[str]:
        """Errors and warnings of the console, and what the page threw."""
        found = []
        for event in self.heard:
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(" ".join(str(each.get("value", each.get("description"))) for each in params["args"]))
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
        return found

    def fetched(self) -> set[str]:
        """Addresses that the page asked for."""
        asked = [event["params"] for event in self.heard if event["method"] == "Network.requestWillBeSent"]
        return {params["request"]["url"] for params in asked}
