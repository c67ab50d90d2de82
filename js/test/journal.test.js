/** The journal over a disk that is a map, whose writes can fail; on IndexedDB itself it is tried in
 * Chromium. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { compile, Core } from "../src/core.js";
import { NrError } from "../src/errors.js";
import { Journal } from "../src/journal.js";
import { Memory, nameOf } from "../src/memory.js";
import { trainerFor } from "../src/workers.js";

const module = await compile();
const encoder = new TextEncoder();

class Shelf {
  networks = new Map();
  writes = 0;
  fails = false;

  async read() {
    return [...this.networks.values()];
  }

  async readOne(key) {
    return this.networks.get(nameOf(key)) ?? null;
  }

  async write(changes) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (this.fails) throw new NrError("ERR it is full");
    this.writes++;
    for (const { key, dump, at, log } of changes) {
      const before = this.networks.get(nameOf(key));
      if (log) {
        const numbers = log.map((_, i) => at + i);
        const [all, then] = [[...before.numbers, ...numbers], [...before.log, ...log]];
        this.networks.set(nameOf(key), { ...before, numbers: all, log: then });
      } else if (dump) this.networks.set(nameOf(key), { key, dump, at, numbers: [], log: [] });
      else this.networks.delete(nameOf(key));
    }
  }
}

async function opened(shelf) {
  const core = new Core(module);
  const journal = new Journal(shelf, () => {});
  const memory = new Memory(core, await trainerFor(core, module, false), undefined, journal);
  journal.of(memory);
  await journal.load();
  return {
    memory,
    run(line) {
      const reply = memory.execute(core.split(encoder.encode(line)));
      return journal.written().then(() => reply);
    },
    dump: (name) => memory.dumped(name),
  };
}

test("what comes after a dump is run again, to the same bytes", async () => {
  const shelf = new Shelf();
  const store = await opened(shelf);
  await store.run("NR.CREATE net REGRESSOR 2 -> 1 DATASET 20 TEST 10 SEED 3");
  await Promise.all(Array.from({ length: 90 }, (_, i) => store.run(`NR.OBSERVE net ${i} ${i % 7} -> ${i / 2}`)));
  await store.run("NR.OBSERVE net 1 2 -> 3 TRAIN");
  assert.equal(shelf.networks.get("net").log.length, 91);
  assert.ok(shelf.writes < 10, "many changes are one transaction");
  assert.deepEqual((await opened(shelf)).dump("net"), store.dump("net"));
  for (const line of ["NR.CONFIGURE net BATCH 7", "NR.CLEAR net TEST", "NR.OBSERVE net 5 5 -> 5", "NR.RESET net"]) {
    await store.run(line);
    assert.deepEqual((await opened(shelf)).dump("net"), store.dump("net"), line);
  }
  await store.run("NR.DEL net");
  assert.equal(shelf.networks.size, 0);
});

test("a long log becomes a dump", async () => {
  const shelf = new Shelf();
  const store = await opened(shelf);
  await store.run("NR.CREATE net REGRESSOR 1 -> 1 DATASET 10 TEST 0 SEED 3");
  const long = "0".repeat(2000);
  let longest = 0;
  for (let i = 0; i < 200; i++) {
    await store.run(`NR.OBSERVE net 1.${long}${i} -> 1`);
    longest = Math.max(longest, shelf.networks.get("net").log.length);
  }
  assert.ok(longest > 25 && longest < 40, `${longest}`);
  assert.deepEqual((await opened(shelf)).dump("net"), store.dump("net"));
});

test("a training is kept at its end, and those that samples have made due are counted", async () => {
  const shelf = new Shelf();
  const store = await opened(shelf);
  await store.run("NR.CREATE net REGRESSOR 1 -> 1 DATASET 40 TEST 20 SEED 3 TRAINEVERY 10");
  for (let i = 0; i < 45; i++) await store.run(`NR.OBSERVE net ${i} -> ${i}`);
  await store.run("NR.WAIT net 0");
  assert.deepEqual((await opened(shelf)).dump("net"), store.dump("net"));
});

test("what cannot be written has not happened", async () => {
  const shelf = new Shelf();
  const store = await opened(shelf);
  await store.run("NR.CREATE net REGRESSOR 1 -> 1 TEST 0 SEED 3");
  await store.run("NR.OBSERVE net 1 -> 1");
  const before = store.dump("net");
  shelf.fails = true;
  const refused = [
    store.run("NR.OBSERVE net 2 -> 2"), store.run("NR.CREATE other REGRESSOR 1 -> 1"), store.run("NR.CONFIGURE net BATCH 9"),
  ];
  for (const one of refused) await assert.rejects(one, /NrError: ERR it is full/);
  assert.deepEqual(store.dump("net"), before);
  assert.equal(store.dump("other"), null);
  await store.run("NR.TRAIN net MAXCYCLES 5 MAXTIME 0");
  await assert.rejects(store.run("NR.WAIT net 0"), /the training of net failed: it is full/);
  await assert.rejects(store.run("NR.DEL net"), /it is full/);
  assert.deepEqual(store.dump("net"), before);
  shelf.fails = false;
  await store.run("NR.OBSERVE net 3 -> 3");
  assert.deepEqual((await opened(shelf)).dump("net"), store.dump("net"));
});

test("what is damaged is told to who asks for it", async () => {
  const shelf = new Shelf();
  const store = await opened(shelf);
  await store.run("NR.CREATE net REGRESSOR 1 -> 1 TEST 0 SEED 3");
  for (let i = 0; i < 3; i++) await store.run(`NR.OBSERVE net ${i} -> ${i}`);
  const record = shelf.networks.get("net");
  const damaged = [
    { ...record, dump: record.dump.slice(0, 40) }, { ...record, dump: 5 }, { ...record, numbers: [1, 3, 4] },
    { ...record, log: [[encoder.encode("NR.OBSERVE")]], numbers: [1] }, { ...record, log: [17], numbers: [1] },
  ];
  for (const one of damaged) {
    shelf.networks.set("net", one);
    const again = await opened(shelf);
    assert.throws(() => again.memory.execute([encoder.encode("NR.INFO"), encoder.encode("net")]),
      (error) => error instanceof NrError && /^ERR what was kept of this network is damaged: /.test(error.message));
  }
  const again = await opened(shelf);
  await again.run("NR.DEL net");
  assert.equal(shelf.networks.size, 0);
});
