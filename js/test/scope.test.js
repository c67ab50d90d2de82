import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { test } from "node:test";

test("a scope that has no more than an edge worker's will do", async () => {
  const script = fileURLToPath(new URL("scope.mjs", import.meta.url));
  const argv = ["--no-warnings", "--experimental-vm-modules", script];
  const { stdout } = await promisify(execFile)(process.execPath, argv);
  assert.match(stdout, /^undefined undefined merged 0,1 true ERR https:\/\/127.0.0.1:9 cannot be reached: /);
});
