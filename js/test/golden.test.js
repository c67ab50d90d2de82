import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";

import { isFused } from "../src/builds.js";
import * as nr from "../src/index.js";
import { gone } from "./golden.js";

const COURSES = JSON.parse(await readFile(new URL("../../tests/data/golden/courses-1.json", import.meta.url)));
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
