/** Whatever is wrong is told by one class of errors, and has changed nothing. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import * as nr from "../src/index.js";

const INDEX = new URL("../src/index.js", import.meta.url).href;
let db, club, sums, writer;

before(async () => {
  db = await nr.open({ workers: false });
  const fields = { age: "number", joined: "category" };
  club = await db.create("club", "classifier", fields, { target: "joined", seed: 1 });
  await club.observeMany(Array.from({ length: 30 }, (_, i) => ({ age: i, joined: i > 15 ? "yes" : "no" })));
  await club.train({ maxCycles: 20, timeout: 0 });
  sums = await db.create("sums", "regressor", [2, 3, 1], { seed: 7, dataset: 50, test: 20 });
  await sums.observeMany([[1, 2], [3, 4], [5, 6]], [3, 7, 11]);
  writer = await db.create("writer", "generator", { text: "sequence(word)" }, { target: "text", hidden: [4], seed: 1 });
});
after(() => db.close());

/** Throws, or rejects, with an NrError whose text this matches; dumps stay. */
async function refuses(work, text) {
  const dumps = () => db.names().sort().map((name) => db.network(name).dump());
  const before = dumps();
  await assert.rejects(async () => work(), (error) => {
    assert.ok(error instanceof nr.NrError, `${work}: ${error.stack}`);
    assert.equal(error.code, "ERR", `${work}: ${error.message}`);
    assert.match(error.message, text, `${work}`);
    return true;
  });
  assert.deepEqual(dumps(), before);
}

const NOTHING = [null, undefined, "text", true, Symbol.iterator, () => {}];

test("what is asked about has a wrong type", async () => {
  for (const wrong of NOTHING) {
    for (const call of ["run", "classify", "explain"]) {
      await refuses(() => sums[call](wrong), new RegExp(`net.${call} takes a number, an array of numbers, or an object`));
    }
  }
  for (const wrong of [null, undefined, {}, [], "5 5", true]) await refuses(() => sums.run([1, wrong]), /ERR /);
  await refuses(() => sums.run([]), /ERR /);
  await refuses(() => sums.run([[1, 2], [3]]), /rows are of different lengths/);
  await refuses(() => sums.run([[1, 2], 3]), /row 1 is an array of numbers in such a table, not a number/);
  await refuses(() => sums.run([[1, 2], [3, null]]), /row 1, column 1: a number is needed, not null/);
  await refuses(() => sums.run([[1, "2"]]), /row 0, column 1: a number is needed, not a string/);
  await refuses(() => sums.run(BigInt64Array.of(1n, 2n, 3n)), /ERR /);
  await refuses(() => sums.run(new DataView(new ArrayBuffer(8))), /ERR /);
  await refuses(() => club.run({ age: "old" }), /age/);
  await refuses(() => club.run({ age: Symbol("x") }), /a symbol is no value of a field/);
  await refuses(() => club.run({ age: 2n ** 70n }), /more than 64 bits/);
  await refuses(() => club.run([{ age: 3 }, 5]), /ERR /);
  await refuses(() => club.run({ aeg: 3 }), /did you mean age/);
});

test("samples have a wrong type", async () => {
  for (const wrong of NOTHING) {
    await refuses(() => sums.observe(wrong, 1), /net.observe takes a number/);
    await refuses(() => sums.observeMany(wrong, [1]), /net.observeMany takes an array of rows/);
  }
  for (const wrong of [null, "text", true, {}]) {
    await refuses(() => sums.observe([1, 2], wrong), /net.observe takes a number/);
    await refuses(() => sums.observeMany([[1, 2]], wrong), /net.observeMany takes an array of outputs/);
  }
  await refuses(() => sums.observeMany([[1, 2]]), /outputs are missing/);
  await refuses(() => sums.observeMany([[1, 2]], [1, 2]), /1 rows of inputs and 2 of outputs/);
  await refuses(() => sums.observeMany([1, 2], [1, 2]), /row 0 is an array of numbers/);
  await refuses(() => sums.observeMany([[1, 2], [1, null]], [1, 2]), /row 1, column 1/);
  await refuses(() => sums.observeMany([[1, 2]], ["much"]), /row 0, column 2: a number is needed, not a string/);
  await refuses(() => club.observe({ age: 3, joined: "no" }, undefined, { to: "nowhere" }), /ERR /);
  await refuses(() => club.observe({ age: 3, joined: "no" }, undefined, { weight: "much" }), /weight is a number, not a string/);
});

test("options are none, are unknown, or have a wrong type", async () => {
  const row = { age: 3 };
  const calls = {
    "net.run": (options) => club.run(row, options),
    "net.classify": (options) => club.classify(row, options),
    "net.explain": (options) => club.explain(row, options),
    "net.forecast": (options) => club.forecast("all", options),
    "net.generate": (options) => writer.generate("the", options),
    "net.score": (options) => writer.score("the", options),
    "net.translate": (options) => writer.translate("the", options),
    "net.observe": (options) => club.observe({ age: 3, joined: "no" }, undefined, options),
    "net.observeMany": (options) => club.observeMany([{ age: 3, joined: "no" }], undefined, options),
    "net.train": (options) => club.train(options),
    "db.restore": (options) => db.restore("club", club.dump(), options),
    "db.follow": (options) => db.follow("https://127.0.0.1:9/networks/other", options),
    "nr.open": (options) => nr.open("memory://", options),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (const wrong of [null, 5, "text", [1]]) await refuses(() => call(wrong), new RegExp(`${name}: options are an object`));
    await refuses(() => call({ surely: 1 }), new RegExp(`${name} has no option 'surely': there are `));
  }
  const wrong = [
    [() => club.classify(row, { sure: "very" }), /net.classify: sure is a number, not a string/],
    [() => club.classify(row, { sure: 2 }), /SURE/],
    [() => club.run(row, { interval: 0.9 }), /INTERVAL is for regressors/],
    [() => sums.run([1, 2], { interval: 0 }), /INTERVAL/],
    [() => club.explain(row, { top: 1.5 }), /TOP/],
    [() => club.train({ onProgress: "loud" }), /onProgress is a function, not a string/],
    [() => club.train({ signal: {} }), /signal is an AbortSignal, not an object/],
    [() => club.train({ maxCycles: null }), /maxCycles is a number, not null/],
    [() => club.train({ timeout: -1 }), /milliseconds of time/],
    [() => club.train({ timeout: NaN }), /milliseconds of time/],
    [() => nr.open({ memory: 1.5 }), /memory is a whole number of bytes/],
    [() => nr.open({ wasm: 5 }), /wasm is a WebAssembly.Module, bytes or a URL, not a number/],
    [() => nr.open("postgresql://"), /no store here/],
    [() => db.follow("https://127.0.0.1:9/networks/other", { poll: 0 }), /poll is a number of seconds above 0/],
    [() => db.follow("https://127.0.0.1:9/networks/other", { onError: 5 }), /onError is a function/],
  ];
  for (const [work, text] of wrong) await refuses(work, text);
});

test("names, layouts and values have a wrong type", async () => {
  for (const wrong of [null, undefined, {}, []]) {
    await refuses(() => db.network(wrong), /text, bytes or a number/);
    await refuses(() => db.has(wrong), /text, bytes or a number/);
    await refuses(() => db.delete(wrong), /text, bytes or a number/);
    await refuses(() => db.create(wrong, "regressor", [1, 1]), /text, bytes or a number/);
    await refuses(() => db.create("new", wrong, [1, 1]), /text, bytes or a number/);
    await refuses(() => db.execute("NR.INFO", wrong), /text, bytes or a number/);
  }
  for (const wrong of [null, undefined, 5, "2 -> 1"]) {
    await refuses(() => db.create("new", "regressor", wrong), /db.create takes an object of fields and their kinds, or an array/);
    await refuses(() => club.addFields(wrong), /net.addFields takes an object/);
    await refuses(() => club.forget(wrong), /net.forget takes an object/);
    if (wrong !== undefined) await refuses(() => club.configure(wrong), /net.configure takes an object/);
    await refuses(() => db.restore("new", wrong), /db.restore takes a dump as a Uint8Array/);
    await refuses(() => club.restore(wrong), /ERR /);
  }
  for (const wrong of [[], [1], ["two", 1], [1.5, 1], [2, null]]) await refuses(() => db.create("new", "regressor", wrong), /ERR /);
  await refuses(() => db.create("new", "regressor", [1, 1], null), /db.create takes an object of options/);
  await refuses(() => db.create("new", "classifier", { a: "number" }), /target names the fields/);
  await refuses(() => db.create("new", "classifier", { a: 5, b: "category" }, { target: "b" }), /ERR /);
  await refuses(() => club.forget({ joined: {} }), /joined is a text, a number or null, not an object/);
  await refuses(() => club.addFields({ city: 5 }), /city is a text, not a number/);
  await refuses(() => writer.score(undefined), /net.score: its sequence is a text, not undefined/);
  await refuses(() => writer.generate({}), /net.generate: its sequence is a text, not an object/);
  await refuses(() => db.execute(), /ERR /);
  await refuses(() => db.execute(""), /ERR /);
  await refuses(() => db.execute('NR.INFO "club'), /ERR /);
  await refuses(() => db.follow(5), /no network of a server/);
});

test("a dump is damaged anywhere", async () => {
  const dump = club.dump();
  const step = Math.max(1, Math.floor(dump.length / 300));
  for (let at = 0; at < dump.length; at += step) {
    const flipped = dump.slice();
    flipped[at] ^= 1 << at % 8;
    for (const damaged of [flipped, dump.slice(0, at)]) {
      await assert.rejects(() => db.restore("copy", damaged), nr.NrError, `${at}`);
      await assert.rejects(() => club.restore(damaged), nr.NrError, `${at}`);
    }
  }
  assert.deepEqual(club.dump(), dump);
  assert.equal(db.has("copy"), false);
});

test("without WebAssembly, and with one that has no SIMD, it is told", async () => {
  const told = async (before) => {
    const script = `
      ${before};
      const nr = await import("${INDEX}");
      const told = await nr.open().catch((error) => [error instanceof nr.NrError, error.message]);
      console.log(JSON.stringify(told));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    return JSON.parse(stdout);
  };
  assert.deepEqual(await told("delete globalThis.WebAssembly"), [true, "ERR this engine has no WebAssembly"]);
  const [is, text] = await told(`
    const { CompileError } = WebAssembly;
    WebAssembly.validate = () => false;
    WebAssembly.compile = async () => { throw new CompileError("Wasm SIMD unsupported"); }`);
  assert.ok(is);
  assert.equal(text, "ERR the core of nr cannot be compiled (it takes WebAssembly with SIMD): Wasm SIMD unsupported");
});
