import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import * as nr from "../src/index.js";

let db;
before(async () => (db = await nr.open()));
beforeEach(() => Promise.all(db.names().map((name) => db.delete(name))));
after(() => db.close());

const SUMS = Array.from({ length: 40 }, (_, i) => [(i * 7) % 11, (i * 5) % 13]);

async function sums(options = {}) {
  const net = await db.create("sums", "regressor", [2, 3, 1], { seed: 7, dataset: 50, test: 20, ...options });
  await net.observeMany(SUMS, SUMS.map(([a, b]) => a + b / 4));
  return net;
}

async function club() {
  const net = await db.create("club", "classifier", { age: "number", country: "category", joined: "category" },
    { target: "joined", seed: 1 });
  await net.observeMany(Array.from({ length: 60 }, (_, i) => ({
    age: 20 + (i % 40), country: ["IT", "FR", null][i % 3], joined: i % 40 > 20 ? "yes" : "no",
  })));
  return net;
}

test("a network learns sums, and tells how far it is", async () => {
  const net = await sums();
  const heard = [];
  const info = await net.train({ maxCycles: 300, timeout: 0, autostop: false, onProgress: (now) => heard.push(now.cycles) });
  assert.equal(info.cycles, 300);
  assert.equal(info.lastTraining, "merged");
  assert.ok(heard.length > 0 && heard.at(-1) === 300);
  assert.ok(Math.abs(net.run([4, 8])[0] - 6) < 0.5);
  assert.deepEqual(net.run([[4, 8], [1, 2]]), [net.run([4, 8]), net.run(Float32Array.of(1, 2))]);
  assert.deepEqual(net.run([4, 8]), await db.execute("NR.RUN sums 4 8"));
});

test("fields have their names", async () => {
  const net = await club();
  assert.deepEqual(await net.observe({ age: 33, country: "IT", joined: "no" }, undefined, { to: "train", weight: 2 }), [41, 20]);
  await net.train({ maxCycles: 100, timeout: 0 });
  assert.equal(net.classify({ age: 58, country: "IT" }), "yes");
  assert.deepEqual(net.classify([{ age: 58 }, { age: 21 }]), ["yes", "no"]);
  const { no, yes } = net.run({ age: 58 });
  assert.ok(yes > 0.5 && Math.abs(no + yes - 1) < 1e-6);
  assert.deepEqual(net.run([{ age: 58 }])[0], { no, yes });
  assert.deepEqual(net.fields().map(({ name, role }) => [name, role]),
    [["age", "input"], ["country", "input"], ["joined", "output"]]);
  assert.deepEqual(Object.keys(net.importance()), ["age", "country"]);
  assert.equal(await net.forget({ country: "FR" }), 20);
});

test("an answer is explained, field by field", async () => {
  const net = await club();
  await net.train({ maxCycles: 100, timeout: 0 });
  const found = net.explain({ age: 58, country: "IT" });
  assert.deepEqual([found.of, found.kind, [...found.attributions.keys()].sort()], ["yes", "class", ["age", "country"]]);
  const sum = [...found.attributions.values()].reduce((all, one) => all + one, found.baseline + found.others);
  assert.ok(Math.abs(sum - found.prediction) < 1e-5);
  assert.equal(net.explain({ age: 58 }, { top: 1, of: "no" }).attributions.size, 1);
  assert.throws(() => net.explain({ age: 58 }, { top: 0 }), /NrError: ERR Syntax error in NR.EXPLAIN: TOP/);
  const plain = await sums();
  await plain.train({ maxCycles: 20, timeout: 0 });
  assert.deepEqual([...plain.explain([4, 8]).attributions.keys()].sort(), [0, 1]);
});

test("a generator writes texts, and judges them", async () => {
  const net = await db.create("lm", "generator", { text: "sequence(word)" }, { target: "text", hidden: [8], seed: 1 });
  await net.observeMany(Array.from({ length: 20 }, (_, i) => ({ text: `the ${i % 2 ? "cat" : "dog"} sat` })));
  await net.train({ maxCycles: 3, timeout: 0 });
  const how = { length: 5, temperature: 0.5, top: 3, seed: 4 };
  assert.equal(net.generate("the", how), await db.execute("NR.GENERATE", "lm", "text=the", ..."LENGTH 5 TEMPERATURE 0.5 TOP 3 SEED 4".split(" ")));
  assert.equal(typeof net.generate(), "string");
  const { logProbability, symbols, perplexity } = net.score("the cat");
  assert.equal(symbols, 2);
  assert.ok(Math.abs(Math.exp(-logProbability / symbols) - perplexity) < 1e-3);
});

test("answers tell how sure they are", async () => {
  const net = await db.create("sums", "regressor", [2, 3, 1], { seed: 7, dataset: 90, test: 40 });
  const rows = Array.from({ length: 120 }, (_, i) => [(i * 7) % 11, (i * 5) % 13]);
  await net.observeMany(rows, rows.map(([a, b]) => a + b / 4));
  await net.train({ timeout: 0 });
  const [[lower, value, upper]] = net.run([4, 8], { interval: 0.9 });
  assert.ok(lower < value && value < upper);
  assert.deepEqual([value], net.run([4, 8]));
  assert.deepEqual(net.run([[4, 8], [1, 2]], { interval: 0.9 }), [[[lower, value, upper]], net.run([1, 2], { interval: 0.9 })]);
  assert.throws(() => net.run([4, 8], { interval: 0.999 }), /NrError: ERR INTERVAL 0.999 takes at least 999 testing samples/);
  const flats = await db.create("flats", "regressor", { size: "number", rent: "number" }, { target: "rent", seed: 1 });
  await flats.observeMany(rows.map(([a, b], i) => ({ size: i, rent: 9 * i + a + b })));
  await flats.train({ timeout: 0 });
  const found = flats.run({ size: 50 }, { interval: 0.8 }).rent;
  assert.ok(found.length === 3 && found[0] < found[1] && found[1] < found[2]);
  assert.deepEqual(flats.run([{ size: 50 }], { interval: 0.8 }), [{ rent: found }]);
  const named = await club();
  await named.train({ maxCycles: 20, timeout: 0 });
  assert.deepEqual(named.classify([{ age: 58 }, { age: 21 }], { sure: 0.01 }), named.classify([{ age: 58 }, { age: 21 }]));
  assert.equal(named.classify({ age: 58 }, { sure: 1 }), null);
  assert.deepEqual(named.classify([{ age: 58 }], { sure: 1 }), [null]);
  const plain = await db.create("plain", "classifier", [2, 3, 2], { seed: 7, dataset: 50, test: 20 });
  await plain.observeMany(rows.slice(0, 60), rows.slice(0, 60).map(([a]) => +(a > 5)));
  assert.deepEqual([plain.classify([4, 8], { sure: 1 }), plain.classify([[4, 8]], { sure: 1 })], [null, [null]]);
});

test("a translator goes from one sequence to another", async () => {
  const fields = { word: "sequence(char)", sounds: "sequence(category)" };
  const net = await db.create("say", "generator", fields, { target: "sounds", hidden: [16], seed: 1, learnrate: 0.02 });
  const words = Array.from({ length: 200 }, (_, i) => ["abc"[i % 3], "abc"[(i * 7) % 5 % 3], "abc"[(i * 11) % 4 % 3]].join(""));
  await net.observeMany(words.map((word) => ({ word, sounds: [...word].reverse().join(" ").toUpperCase() })));
  await net.train({ maxCycles: 20, timeout: 0 });
  const found = net.translate("abc", { beam: 3, length: 5 });
  assert.equal(found.size, 3);
  const [[first, logProbability], [, second]] = found;
  assert.ok(logProbability > second && second < 0);
  assert.deepEqual([...net.translate("abc")].slice(0, 1).map(([text]) => text), [first]);
  assert.ok(Math.abs(net.score(first, { of: "abc" }).logProbability - logProbability) < 1e-3);
  assert.deepEqual(Object.keys(net.run([{ word: "abc" }])[0])[0], first);
  assert.throws(() => net.translate("abc", { beam: 65 }), /NrError: ERR .*BEAM/);
  await assert.rejects(async () => (await sums()).translate("abc"), nr.NrError);
});

test("dumps move from one database to another, and slices learn what workers do", async () => {
  const net = await sums();
  const other = await nr.open({ workers: false });
  const copy = await other.restore("copy", net.dump());
  const all = await Promise.all([net, copy].map((one) => one.train({ timeout: 0 })));
  assert.equal(all[0].endedBy, "autostop");
  assert.equal(all[0].trainError, all[1].trainError);
  assert.deepEqual(net.history(), copy.history());
  assert.deepEqual(net.run(SUMS), copy.run(SUMS));
  await net.restore(copy.dump());
  other.close();
});

test("a training is stopped by its signal, and what it reached stays", async () => {
  const net = await sums();
  const controller = new AbortController();
  const info = await net.train({
    maxCycles: 0, timeout: 0, autostop: false, onProgress: () => controller.abort(), signal: controller.signal,
  });
  assert.equal(info.endedBy, "stop");
  assert.equal(await net.stop(), false);
});

test("errors are of one class, and have the texts that they have elsewhere", async () => {
  const net = await sums();
  const refused = (text) => (error) => error instanceof nr.NrError && error.message === text && error.code === "ERR";
  await assert.rejects(db.execute("NR.INFO nobody"), refused("ERR no such key"));
  await assert.rejects(db.create("sums", "regressor", [1, 1]), refused("ERR the key name is busy"));
  assert.throws(() => db.network("nobody"), refused("ERR no such key: 'nobody'"));
  assert.throws(() => net.run([1]), /ERR /);
  assert.throws(() => net.run([1, NaN]), refused(
    "ERR invalid neural network input: must be a valid float precision floating point number, not 'NaN'"));
  assert.throws(() => net.observe([1, 2]), refused("ERR outputs are missing: net.observe(inputs, outputs)"));
  const blob = net.dump();
  blob[blob.length >> 1] ^= 64;
  await assert.rejects(net.restore(blob), /^NrError: ERR invalid network/);
  await assert.rejects(db.execute("NR.DEL", {}), nr.NrError);
  await assert.rejects(nr.open({ wasm: new Uint8Array(8) }), /NrError: ERR the core of nr cannot be compiled/);
  await net.reset();
  const waiting = assert.rejects(net.train({ timeout: 0, autostop: false }), refused(
    "ERR the training of sums was dropped: its network was deleted or replaced"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await db.delete("sums");
  await waiting;
});

test("options, and what there is", async () => {
  const net = await sums({ normalize: false, optimizer: "adam", l2: null });
  assert.equal((await net.configure({ batch: 7 })).batch, "7");
  assert.deepEqual(db.names(), ["sums"]);
  assert.ok(db.has("sums") && !db.has("nobody"));
  assert.equal(net.info().normalize, 0);
  assert.equal(net.metrics(), null);
  assert.deepEqual([net.info().trainLen, net.info().testLen], [28, 12]);
  assert.equal(await net.clear("test"), 12);
});
