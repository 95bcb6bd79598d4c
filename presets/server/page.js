// SPDX-License-Identifier: GPL-3.0-or-later
// The page: an order, how far it is, what came of it. `data-state` of the root: loading, door, ready; `data-job` of the
// stage is the state of the job on show.
"use strict";

const api = new Api();
const by = (id) => document.getElementById(id);
const NAMES = { "text-to-3d": "3D model", "image-to-3d": "3D model", rig: "Rigged mesh", film: "Film", simulate: "Simulated film" };
const ROLES = { png: "image", jpg: "image", webp: "image", json: "spec", bvh: "motion", mp4: "film", webm: "film" };
let about = null;
let sent = null; // {id, kind, name} of the file that was chosen
let job = null;
let watch = null;

const say = (text) => { by("said").textContent = text; };
const state = (name) => { document.documentElement.dataset.state = name; };

// What the tasks take of a file of this kind, or of words.
function fitting() {
  const role = sent ? ROLES[sent.kind] || "model" : "";
  const rows = [];
  for (const task of about.tasks) {
    const way = task.recipes.filter((each) => (role ? each.inputs.join() === role : each.prompt));
    if (way.length) rows.push({ task, role, ready: way.some((each) => each.ready), why: way[0].why });
  }
  return rows;
}

function offer() {
  const before = by("task").value;
  by("task").replaceChildren(...fitting().map(({ task, ready, why }) => {
    const option = new Option(NAMES[task.name] || task.name, task.name);
    option.disabled = !ready;
    option.title = why || task.help;
    return option;
  }));
  const there = [...by("task").options];
  by("task").value = (there.find((each) => each.value === before && !each.disabled) || there.find((each) => !each.disabled)
    || { value: "" }).value;
  by("words").disabled = Boolean(sent);
}

async function take(file) {
  by("order-said").textContent = "";
  by("drop-said").textContent = `Sending ${file.name} …`;
  by("go").disabled = true;
  try {
    if (file.size > about.upload_bytes) throw Error(`${file.name} is larger than ${size(about.upload_bytes)}. Make it smaller.`);
    const told = await api.upload(file);
    sent = { ...told, name: file.name };
    by("drop-said").textContent = `${file.name}, ${size(file.size)}`;
    const seen = ROLES[told.kind] === "image";
    URL.revokeObjectURL(by("preview").src);
    if (seen) by("preview").src = URL.createObjectURL(file);
    by("preview").alt = seen ? `Your picture ${file.name}` : "";
    by("preview").hidden = !seen;
    by("drop").querySelector("svg").toggleAttribute("hidden", seen);
    by("clear").hidden = false;
    say(`${file.name} was sent.`);
  } catch (error) {
    clear();
    by("order-said").textContent = error.message;
  }
  by("go").disabled = false;
  offer();
}

function clear() {
  sent = null;
  by("file").value = "";
  by("preview").hidden = by("clear").hidden = true;
  by("drop").querySelector("svg").removeAttribute("hidden");
  const bold = document.createElement("b");
  bold.textContent = "Drop a picture, a mesh or a film";
  by("drop-said").replaceChildren(bold, " or choose a file");
  offer();
}

async function give(event) {
  event.preventDefault();
  const words = by("words").value.trim();
  const task = by("task").value;
  by("order-said").textContent = "";
  if (!sent && !words) {
    by("order-said").textContent = "Choose a file, or say in words what to make.";
    return;
  }
  if (!task) {
    by("order-said").textContent = "This server makes nothing of such a file alone. Choose another.";
    return;
  }
  const order = { quality: by("quality").value };
  const { role } = fitting().find((each) => each.task.name === task) || {};
  if (sent) order.inputs = { [role]: sent.id };
  else order.prompt = words;
  if (sent && task !== "rig" && role === "image") order.settings = { bring: { name: plainly(sent.name) } };
  by("go").disabled = true;
  try {
    show(await api.give(`/v1/${task}`, order));
    by("stage").scrollIntoView({ block: "nearest" });
  } catch (error) {
    by("order-said").textContent = error.message;
  }
  by("go").disabled = false;
  list();
}

const plainly = (name) => name.replace(/\.[^.]*$/, "").replace(/[:\s]+/g, " ").trim().slice(0, 60) || "Galatea";
const size = (bytes) => (bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`);

// Put a job on show and follow it to its end.
async function show(told) {
  if (watch) watch.abort();
  const mine = (watch = new AbortController());
  job = told;
  for (const id of ["view", "film", "picture"]) by(id).hidden = true;
  by("empty").hidden = false;
  by("trouble").textContent = "";
  by("files").replaceChildren();
  progress();
  list();
  try {
    if (!["done", "failed", "cancelled"].includes(job.state)) {
      for await (const event of api.events(job.id, mine.signal)) {
        hear(event);
        progress();
      }
    }
    const ended = await api.json(`/v1/jobs/${told.id}`, { signal: mine.signal });
    if (watch !== mine) return;
    job = ended;
    progress();
    await result(mine);
  } catch (error) {
    if (error.name !== "AbortError") by("trouble").textContent = error.message;
  }
  if (watch === mine) list();
}

function hear(event) {
  if (event.event === "running") Object.assign(job, { state: "running", place: null });
  if (event.event === "progress") {
    Object.assign(job, { state: "running", step: event.step, phase: event.phase, progress: event.progress });
  }
  if (event.event === "stage") Object.assign(job, { step: "", phase: "Waiting for its turn" });
  if (event.event === "away") job.phase = "The server is away; it will go on with the job when it is back";
  if (event.event === "end") Object.assign(job, { state: event.state });
}

function progress() {
  const going = ["queued", "running"].includes(job.state);
  by("stage").dataset.job = job.state;
  by("going").hidden = !going;
  by("empty").textContent = going ? "It appears here when it is done." : "What is made appears here.";
  const place = job.place > 1 ? `, at place ${job.place} of the queue` : "";
  by("phase").textContent = job.state === "queued" ? `Waiting${place}` : job.phase || "Starting";
  by("bar").value = job.progress || 0;
  by("share").textContent = `${Math.round((job.progress || 0) * 100)} %`;
  by("step").textContent = job.step ? `Step: ${job.step}` : "";
}

async function result(mine) {
  if (job.error) by("trouble").textContent = [job.error.message, job.error.hint].filter(Boolean).join(" ");
  say(job.state === "done" ? "It is done." : `It is ${job.state}.`);
  const find = (test) => job.assets.find((each) => test.test(each.name));
  const [film, model, picture] = [find(/\.(mp4|webm)$/), find(/\.glb$/), find(/\.(png|jpg)$/)];
  const chosen = film || model || picture;
  by("files").replaceChildren(...[...new Set([chosen, ...job.assets])].filter(Boolean).map(download));
  if (!chosen || job.state === "cancelled") return;
  by("empty").textContent = "Opening …";
  const data = await api.file(chosen.url);
  if (watch !== mine) return;
  by("empty").hidden = true;
  if (chosen === model) await model3d(data);
  else {
    const target = by(chosen === film ? "film" : "picture");
    URL.revokeObjectURL(target.src);
    target.src = URL.createObjectURL(new Blob([data], { type: chosen === film ? `video/${film.name.slice(-4).replace(".", "")}` : "image/png" }));
    target.hidden = false;
  }
  by("stage").dataset.shown = chosen.name;
}

function download(asset) {
  const button = document.createElement("button");
  const small = document.createElement("small");
  button.type = "button";
  button.className = "plain";
  small.textContent = size(asset.size);
  button.append(`Download ${asset.name}`, small);
  button.addEventListener("click", async () => {
    try {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([await api.file(asset.url)]));
      link.download = asset.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) {
      by("trouble").textContent = error.message;
    }
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

async function list() {
  const { jobs } = await api.json("/v1/jobs?limit=20");
  const shown = jobs.filter((each) => each.kind === "job");
  by("none").hidden = shown.length > 0;
  by("jobs").replaceChildren(...shown.map((each) => {
    const [button, small, mark] = ["button", "small", "i"].map((tag) => document.createElement(tag));
    button.type = "button";
    button.className = "plain";
    const when = new Date(each.created * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    small.textContent = `${NAMES[each.task] || each.order.recipe}, ${when}`;
    mark.textContent = mark.dataset.state = each.state;
    const named = each.order.prompt || each.order.settings?.bring?.name || (each.order.recipe || "").replaceAll("_", " ");
    button.append(named.slice(0, 80), mark, small);
    button.setAttribute("aria-current", String(Boolean(job && each.id === job.id)));
    button.addEventListener("click", () => show(each));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

async function enter() {
  try {
    about = await api.json("/v1");
  } catch (error) {
    by("room").hidden = true;
    by("door").hidden = false;
    by("door-said").textContent = api.token || error.status !== 401 ? error.message : "";
    if (error.status === 401) api.token = "";
    state("door");
    by("token").focus();
    return;
  }
  by("door").hidden = true;
  by("room").hidden = false;
  by("leave").hidden = !api.token;
  by("about").textContent = `${about.user === "local" ? "On this machine" : `You are ${about.user}`}, version ${about.version}`;
  by("quality").replaceChildren(...about.qualities.map((name) => new Option(name, name, name === "medium", name === "medium")));
  offer();
  await list();
  state("ready");
}

by("door").addEventListener("submit", (event) => {
  event.preventDefault();
  api.token = by("token").value.trim();
  by("token").value = "";
  enter();
});
by("leave").addEventListener("click", () => { api.token = ""; location.reload(); });
by("order").addEventListener("submit", give);
by("clear").addEventListener("click", clear);
by("file").addEventListener("change", () => by("file").files[0] && take(by("file").files[0]));
by("stop").addEventListener("click", () => job && api.ask(`/v1/jobs/${job.id}`, { method: "DELETE" }).catch((error) => {
  by("trouble").textContent = error.message;
}));
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); by("drop").classList.add("over"); });
}
document.addEventListener("dragleave", (event) => event.relatedTarget || by("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  by("drop").classList.remove("over");
  if (about && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});
enter();
