import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";

import { isFused } from "../src/builds.js";
import * as nr from "../src/index.js";
import { gone } from "./golden.js";

/** All there are: of one that a later file has, too, only its dump and answers (tests/golden_js.py). */
async function written() {
  const folder = new URL("../../tests/data/golden/", import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.startsWith("courses-")).sort();
  const found = (await Promise.all(names.map(async (name) => JSON.parse(await readFile(new URL(name, folder)))))).flat();
  const newest = new Map(found.map((course) => [course.name, course]));
  return found.map((course) =>
    newest.get(course.name) === course ? course : { ...course, done: [], more: [], then: [] },
  );
}

const COURSES = await written();
if (!isFused()) setFlagsFromString("--experimental-wasm-relaxed-simd"); // of node 20; a later one has no such flag
const BUILDS = isFused() ? ["nr.wasm", "nr-relaxed.wasm"] : ["nr.wasm"]; // a processor may have no such sum

for (const build of BUILDS) {
  test(`${build} comes to the native core's bits`, async (t) => {
    const wasm = new URL(`../${build}`, import.meta.url);
    for (const workers of [true, false]) {
      const db = await nr.open({ wasm, workers });
      for (const course of COURSES) {
        await t.test(`${course.name}, ${workers ? "in workers" : "in slices"}`, async () => {
          assert.equal(await gone(db, course), null);
        });
      }
      await db.close();
    }
  });
}
