// SPDX-License-Identifier: GPL-3.0-or-later
// The buttons and keys of the page. `data-state` of the root says how far it is: loading, ready, failed.
"use strict";

function start() {
  const root = document.documentElement;
  const by = (id) => document.getElementById(id);
  const settings = JSON.parse(by("settings").textContent);
  const canvas = by("view");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let studio = null;
  let action = null;
  let asked = false;
  let moved = true;
  let before = 0;

  const say = (text) => { by("said").textContent = text; };
  const pressed = (id) => by(id).getAttribute("aria-pressed") === "true";
  const press = (id, on) => by(id).setAttribute("aria-pressed", String(on));
  const fail = (text) => {
    root.dataset.state = "failed";
    by("failed").textContent = text;
    by("failed").hidden = false;
    by("bars").hidden = true;
  };

  const ask = () => {
    if (asked || !studio) return;
    asked = true;
    requestAnimationFrame(frame);
  };
  const frame = (now) => {
    asked = false;
    const seconds = before ? Math.min((now - before) / 1000, 0.1) : 0;
    before = now;
    if (action && pressed("play")) {
      studio.mixer.update(seconds);
      by("time").value = action.time / Math.max(action.getClip().duration, 1e-6);
      moved = true;
    }
    const going = studio.draw(seconds, moved);
    moved = false;
    if (going || pressed("turn") || (action && pressed("play"))) ask();
    else before = 0;
  };

  const turning = (on) => {
    press("turn", on);
    studio.controls.autoRotate = on;
    ask();
  };
  const playing = (on) => {
    press("play", on);
    by("play").title = on ? "Pause the animation (Space)" : "Play the animation (Space)";
    by("play").querySelector("span").textContent = on ? "Pause" : "Play";
    ask();
  };
  const choose = (number) => {
    studio.mixer.stopAllAction();
    action = studio.mixer.clipAction(studio.clips[number]).reset().play();
    studio.mixer.update(0);
    moved = true;
    ask();
  };
  const dark = (on) => {
    press("ground", on);
    root.dataset.ground = on ? "dark" : "light";
  };
  const reset = () => {
    studio.reset();
    say("The view is reset.");
  };
  const wire = () => {
    press("wire", !pressed("wire"));
    studio.wireframe(pressed("wire"));
    say(pressed("wire") ? "Wireframe shown." : "Wireframe hidden.");
  };
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());

  const doing = {
    turn: () => turning(!pressed("turn")), reset, wire, full,
    ground: () => dark(!pressed("ground")),
    play: () => action && playing(!pressed("play")),
  };
  const keys = {
    ArrowLeft: () => studio.turn(-0.15, 0), ArrowRight: () => studio.turn(0.15, 0),
    ArrowUp: () => studio.turn(0, -0.12), ArrowDown: () => studio.turn(0, 0.12),
    "+": () => studio.zoom(0.88), "=": () => studio.zoom(0.88), "-": () => studio.zoom(1 / 0.88),
    r: doing.reset, 0: doing.reset, t: doing.turn, w: doing.wire, b: doing.ground, f: () => !by("full").hidden && full(),
    " ": doing.play,
  };
  const shifts = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const within = event.target;
    if (within !== canvas && within !== document.body) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const shift = event.shiftKey && shifts[key];
    if (shift) studio.shift(shift[0] * 0.04, shift[1] * 0.04);
    else if (keys[key]) keys[key]();
    else return;
    event.preventDefault();
  };

  const listen = () => {
    for (const id of Object.keys(doing)) by(id).addEventListener("click", doing[id]);
    document.addEventListener("keydown", onKey);
    by("light").addEventListener("input", () => {
      studio.renderer.toneMappingExposure = 2 ** by("light").valueAsNumber;
      ask();
    });
    by("clip").addEventListener("change", () => choose(by("clip").selectedIndex));
    by("speed").addEventListener("change", () => { studio.mixer.timeScale = Number(by("speed").value); });
    by("time").addEventListener("input", () => {
      action.time = by("time").valueAsNumber * action.getClip().duration;
      studio.mixer.update(0);
      moved = true;
      ask();
    });
    document.addEventListener("fullscreenchange", () => press("full", Boolean(document.fullscreenElement)));
    canvas.addEventListener("webglcontextlost", () => say("The graphics card was lost; waiting for it."));
    canvas.addEventListener("webglcontextrestored", () => { moved = true; ask(); });
    new ResizeObserver(fit).observe(canvas);
  };
  const fit = () => {
    studio.resize(canvas.clientWidth || 1, canvas.clientHeight || 1, Math.min(devicePixelRatio || 1, 2),
      by("bars").offsetHeight + 14);
    ask();
  };

  const open = async () => {
    try {
      studio = new Studio(canvas);
    } catch (error) {
      fail("This browser shows no 3D here: WebGL is off or missing. Open the page in another browser, or switch " +
        "hardware acceleration on.");
      return;
    }
    const text = by("model").textContent;
    by("model").remove();
    try {
      await studio.open(decoded(text).buffer, settings.hidden);
    } catch (error) {
      fail(`The model cannot be shown: ${error.message}. Make the page again.`);
      return;
    }
    studio.listen = ask;
    by("size").textContent = measures(studio.size);
    by("full").hidden = !document.fullscreenEnabled;
    dark(root.dataset.ground === "dark" ||
      (root.dataset.ground === "auto" && matchMedia("(prefers-color-scheme: dark)").matches));
    if (studio.clips.length) {
      by("motion").hidden = false;
      choose(0);
      playing(!still);
    }
    turning(settings.turn && !still);
    listen();
    fit();
    studio.reset();
    requestAnimationFrame(() => requestAnimationFrame(() => { root.dataset.state = "ready"; }));
  };
  open();
}

// Base64 to bytes; older browsers do it in portions.
function decoded(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const bytes = new Uint8Array((text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0));
  for (let at = 0, to = 0; at < text.length; at += 1 << 20) {
    const part = atob(text.slice(at, at + (1 << 20)));
    for (let i = 0; i < part.length; i++) bytes[to++] = part.charCodeAt(i);
  }
  return bytes;
}

// A length in metres for people, each side of the box.
function measures(size) {
  const longest = Math.max(size.x, size.y, size.z);
  const [factor, unit] = longest < 0.01 ? [1000, "mm"] : longest < 1 ? [100, "cm"] : [1, "m"];
  const told = (value) => (value * factor).toPrecision(3).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  return `${told(size.x)} × ${told(size.y)} × ${told(size.z)} ${unit}`;
}
