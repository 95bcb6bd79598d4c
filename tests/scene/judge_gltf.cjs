// SPDX-License-Identifier: GPL-3.0-or-later
// Khronos' gltf-validator on files: node judge_gltf.cjs MODULE FILE … prints its issues a file, as JSON.
const fs = require("fs"), path = require("path");
const validator = require(process.argv[2]);
Promise.all(process.argv.slice(3).map((file) =>
  validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {
    uri: path.basename(file),
    externalResourceFunction: (uri) => Promise.resolve(
      new Uint8Array(fs.readFileSync(path.join(path.dirname(file), decodeURIComponent(uri))))),
  }).then((report) => report.issues)
)).then((all) => process.stdout.write(JSON.stringify(all)));
