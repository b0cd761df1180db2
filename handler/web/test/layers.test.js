import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import test from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../static", import.meta.url));

// Which folders a folder's modules may import; "" is the top of the page. Imports of types alone are free.
const MAY = {
  core: ["core"],
  envelope: ["core", "envelope"],
  transfer: ["core", "transfer"],
  collection: ["core", "collection"],
  wallet: ["core", "wallet"],
  cover: ["core", "cover"],
  message: ["core", "message"],
  chat: ["core", "envelope", "transfer", "collection", "wallet", "cover", "message", "vendor", "chat"],
  claim: ["core", "cover", "claim"],
  console: ["core", "console"],
  merchant: ["core", "console", "vendor", "wallet", "merchant"],
  operator: ["core", "console", "operator"],
  vendor: [],
  "": ["core", "cover", "chat"],
};

// What the browser is told to load first: by the HTML of each page, and the worker that keeps the chat page.
const ENTRIES = ["main.js", "claim/main.js", "merchant/main.js", "operator/main.js", "worker.js"];

/** Every module of the page, by its path, with the paths that it imports. */
function modules() {
  const files = Object.keys(MAY).flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".js"))
      .map((name) => join(folder, name)),
  );
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(root, file), "utf8");
      const imports = Array.from(text.matchAll(/^import .* from "(\..*)";$|^import "(\..*)";$/gm), (m) => m[1] ?? m[2]);
      return [file, imports.map((path) => normalize(join(dirname(file), path)))];
    }),
  );
}

const folderOf = (file) => (dirname(file) === "." ? "" : dirname(file));

test("each folder imports only what it may", () => {
  const all = modules();
  assert.ok(all.size > 40);
  assert.deepEqual(
    readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort(),
    Object.keys(MAY).filter(Boolean).sort(),
  );
  for (const [file, imports] of all) {
    for (const imported of imports) {
      assert.ok(all.has(imported), `${file} imports ${imported}, which does not exist`);
      assert.ok(MAY[folderOf(file)].includes(folderOf(imported)), `${file} may not import ${imported}`);
    }
  }
});

test("no modules import each other in a circle", () => {
  const all = modules();
  const done = new Set();
  const visit = (file, path) => {
    assert.ok(!path.includes(file), `a circle: ${[...path, file].join(" → ")}`);
    if (done.has(file)) return;
    for (const imported of all.get(file) ?? []) visit(imported, [...path, file]);
    done.add(file);
  };
  for (const file of all.keys()) visit(file, []);
});

test("every module is part of a page", () => {
  const all = modules();
  const reached = new Set(ENTRIES);
  for (const file of reached) for (const imported of all.get(file) ?? []) reached.add(imported);
  const typesOnly = ["core/page.js", "console/page.js"];
  assert.deepEqual(
    [...all.keys()].filter((file) => !reached.has(file) && !typesOnly.includes(file)),
    [],
  );
});
