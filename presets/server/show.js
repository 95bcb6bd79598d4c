// SPDX-License-Identifier: GPL-3.0-or-later
// A GLB on show in the page: the viewer's studio, on a canvas of its own each time.
"use strict";

const BESIDE = /_LOD[1-9]\d*(-noimp)?(\.\d{3})?$|^UCX_|_COL_\d\d(\.\d{3})?$|-(conv)?colonly(\.\d{3})?$/;
let studio = null;

async function model3d(data) {
  const old = by("view");
  const canvas = old.cloneNode();
  canvas.hidden = false;
  old.replaceWith(canvas);
  if (studio) studio.renderer.dispose();
  try {
    studio = new Studio(canvas);
  } catch {
    by("trouble").textContent = "This browser shows no 3D here. Download the file instead.";
    canvas.hidden = true;
    return;
  }
  const length = new DataView(data).getUint32(12, true);
  const tree = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 20, length)));
  const hidden = (tree.nodes || []).flatMap((node, number) => (BESIDE.test(node.name || "") ? [number] : []));
  await studio.open(data, hidden);
  const mine = studio;
  let before = 0;
  let asked = false;
  const ask = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame((now) => {
      asked = false;
      if (mine !== studio) return;
      const more = mine.draw(before ? Math.min((now - before) / 1000, 0.1) : 0, true);
      before = more ? now : 0;
      if (more || mine.controls.autoRotate) ask();
    });
  };
  const fit = () => {
    mine.resize(canvas.clientWidth || 1, canvas.clientHeight || 1, Math.min(devicePixelRatio || 1, 2), 0);
    ask();
  };
  mine.listen = ask;
  mine.controls.autoRotate = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  canvas.addEventListener("pointerdown", () => { mine.controls.autoRotate = false; });
  canvas.addEventListener("keydown", keys);
  new ResizeObserver(fit).observe(canvas);
  fit();
  mine.reset();
}

function keys(event) {
  const doing = {
    ArrowLeft: () => studio.turn(-0.15, 0), ArrowRight: () => studio.turn(0.15, 0), ArrowUp: () => studio.turn(0, -0.12),
    ArrowDown: () => studio.turn(0, 0.12), "+": () => studio.zoom(0.88), "-": () => studio.zoom(1 / 0.88), r: () => studio.reset(),
  }[event.key];
  if (!doing || event.ctrlKey || event.metaKey || event.altKey) return;
  studio.controls.autoRotate = false;
  doing();
  event.preventDefault();
}
