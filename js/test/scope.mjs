/** Loads the package as an edge worker would: into a global scope that has neither a document nor a window
 * nor a process, no URL of modules, and nothing to import. Run by scope.test.js, since it takes a flag. */
import { readFile } from "node:fs/promises";
import vm from "node:vm";

const THERE = [
  "TextEncoder", "TextDecoder", "crypto", "performance", "MessageChannel", "AbortController", "AbortSignal", "URL",
  "setTimeout", "clearTimeout", "fetch", "console",
];
const bytes = await readFile(new URL("../nr.wasm", import.meta.url));
const context = vm.createContext({ ...Object.fromEntries(THERE.map((name) => [name, globalThis[name]])), bytes });
const modules = new Map();

/** Each module once, though several ask for it at the same time. */
function load(url) {
  if (!modules.has(url.href)) modules.set(url.href, read(url));
  return modules.get(url.href);
}

async function read(url) {
  return new vm.SourceTextModule(await readFile(url, "utf8"), { context, identifier: url.href });
}

const program = new vm.SourceTextModule(
  `
  import * as nr from "./index.js";
  const db = await nr.open({ wasm: await WebAssembly.compile(bytes) });
  const net = await db.create("net", "classifier", [1, 2, 2], { seed: 1, dataset: 40, test: 0 });
  await net.observeMany(Array.from({ length: 40 }, (_, i) => [i]), Array.from({ length: 40 }, (_, i) => +(i > 20)));
  const { lastTraining } = await net.train({ maxCycles: 200, timeout: 0 });
  const followed = await db.follow("https://127.0.0.1:9/networks/other").catch((error) => error);
  console.log(typeof process, typeof window, lastTraining, net.classify([[2], [38]]).join(), followed instanceof nr.NrError, followed.message);
  await db.close();
  `,
  { context, identifier: new URL("../src/program.js", import.meta.url).href },
);
await program.link((specifier, from) => load(new URL(specifier, from.identifier)));
await program.evaluate();
