/** Runs JavaScript for tests in another language: a line of JSON each, { script, given }, and what the
 * script returns or throws as a line, { found } or { error }. Beside it a script has what a page has. */
import { createInterface } from "node:readline";

import * as nr from "../../js/src/index.js";

const Script = Object.getPrototypeOf(async () => {}).constructor;

async function refused(work) {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    return { is: error instanceof nr.NrError, text: error.message, code: error.code };
  }
}

async function ran({ script, given }) {
  try {
    return { found: (await new Script("nr", "refused", "given", script)(nr, refused, given)) ?? null };
  } catch (error) {
    return { error: `${error.stack}` };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await ran(JSON.parse(line)))}\n`);
}
process.exit(); // whatever still follows
