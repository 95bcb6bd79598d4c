// SPDX-License-Identifier: GPL-3.0-or-later
// A job type for Flamenco 3: orders of Galatea, each through its phases, its film shared out in parts.
// Copy it to the manager's `scripts` folder; `galatea farm flamenco` writes the settings of a job (job.json).
"use strict";

const JOB_TYPE = {
  label: "Galatea",
  description: "Photos, words and meshes to textured meshes, rigs and films",
  settings: [
    { key: "bundle", type: "string", subtype: "dir_path", required: true,
      description: "Folder with the orders and what they name, as all workers see it" },
    { key: "home", type: "string", subtype: "dir_path", required: true,
      description: "Data folder that all workers share" },
    { key: "out", type: "string", subtype: "dir_path", required: true,
      description: "What is delivered, a folder for each order" },
    { key: "program", type: "string", default: "galatea", description: "The program on the workers" },
    { key: "orders", type: "int32", required: true, description: "So many orders, numbered from 1" },
    { key: "parts", type: "int32", default: 8, description: "Tasks that share a film" },
    { key: "phases", type: "string", required: true, visible: "submission",
      description: "The phases of the orders, as galatea farm flamenco writes them" },
  ],
};

function compileJob(job) {
  const settings = job.settings;
  const phases = JSON.parse(settings.phases);
  if (!(settings.orders >= 1) || !(settings.parts >= 1) || !Array.isArray(phases) || !phases.length) {
    throw new Error("orders and parts are 1 or more, and phases are a list. Write job.json with galatea farm flamenco.");
  }
  for (let order = 1; order <= settings.orders; order++) {
    let before = [];
    for (const phase of phases) {
      before = tasksOf(phase, order, settings, before);
      before.forEach((task) => job.addTask(task));
    }
  }
}

// The tasks of one phase of one order; they wait for those of the phase before, of this order alone.
function tasksOf(phase, order, settings, before) {
  const numbers = phase.shared ? Array.from({ length: settings.parts }, (_, k) => k + 1) : [0];
  return numbers.map((part) => {
    const name = `${order} ${phase.name}` + (part ? ` ${part}/${settings.parts}` : "");
    const task = author.Task(name, phase.name === "frames" ? "blender" : "misc");
    task.addCommand(author.Command("exec", { exe: settings.program, args: words(phase, order, part, settings) }));
    before.forEach((other) => task.addDependency(other));
    return task;
  });
}

function words(phase, order, part, settings) {
  const found = ["farm", "task", `${settings.bundle}/orders/${order}.json`, "--until", phase.until,
    "--home", settings.home];
  if (phase.shared) found.push("--part", `${part}/${settings.parts}`);
  else if (phase.name === "encode") found.push("--parts", `${settings.parts}`);
  if (phase.last) found.push("--out", `${settings.out}/${order}`, "--overwrite");
  return found;
}
