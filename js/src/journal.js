/** Writes down what changes in a store in memory, so that what was replied to is never lost.
 *
 * A change is made in memory first, where it may be refused, and is then written; its promise resolves
 * when the disk has it. All changes that come while a transaction runs are written by the next one.
 * Where a transaction fails, what is on the disk counts: the networks concerned are read again, and
 * all that changed them meanwhile is refused, too, since it was built on what is not there. */
import { NrError } from "./errors.js";
import { nameOf } from "./memory.js";

const FAILED = 3; // nr_outcome
const LEAST = 2 ** 16; // bytes of a log for which no dump is written

/** Changes that are written at once. */
class Batch {
  changes = new Map(); // name -> { key, log }, log null where all of the network is to be written

  constructor() {
    this.done = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.done.catch(() => {}); // who waits for it hears of it
  }

  add(key, argv) {
    const change = this.changes.get(nameOf(key)) ?? { key: key.slice(), log: [] };
    if (argv) change.log?.push(argv.map((word) => word.slice()));
    else change.log = null;
    this.changes.set(nameOf(key), change);
  }
}

export class Journal {
  #disk;
  #memory;
  #told;
  #lengths = new Map(); // name -> { at, logged, size }: the last number, bytes of the log and of the dump
  #next = null;
  #running = null;
  #reverting = null;

  /** Set when not even what is on the disk can be read: nothing is changed any more. */
  broken = null;

  /** `told` hears the keys of networks that were written as a whole. */
  constructor(disk, told) {
    this.#disk = disk;
    this.#told = told;
  }

  /** `memory` is the store of whose changes this hears. */
  of(memory) {
    this.#memory = memory;
  }

  // ---- reading ----

  /** Brings what is on the disk into memory: all of it, or the networks of these keys. */
  async load(keys = null) {
    const found = keys ? await Promise.all(keys.map((key) => this.#disk.readOne(key))) : await this.#disk.read();
    const records = new Map(found.filter((record) => record).map((record) => [nameOf(record.key), record]));
    for (const key of keys ?? this.#memory.list(null)) if (!records.has(nameOf(key))) this.#forget(nameOf(key));
    for (const [name, record] of records) this.#put(name, record);
  }

  #forget(name) {
    this.#lengths.delete(name);
    this.#memory.forget(name);
  }

  #put(name, { key, dump, at, numbers, log }) {
    try {
      this.#memory.put(key, this.#replayed(dump, at, numbers, log));
      this.#lengths.set(name, { at: at + log.length, logged: sizeOf(log), size: dump.length });
    } catch (error) {
      const why = `${error.message}`.replace(/^ERR /, "");
      this.#lengths.delete(name);
      this.#memory.put(key, null, new NrError(
        `ERR what was kept of this network is damaged: ${why} (NR.DEL drops it, NR.RESTORE with REPLACE replaces it)`));
    }
  }

  /** The network that it was: the dump, and what the commands did that came after it. */
  #replayed(dump, at, numbers, log) {
    if (!(dump instanceof Uint8Array)) throw new NrError("ERR it has no dump");
    if (numbers.some((number, i) => number !== at + 1 + i)) throw new NrError("ERR commands are missing");
    const net = this.#memory.core.load(dump, 0n);
    try {
      for (const argv of log) this.#memory.core.replay(net, argv);
    } catch (error) {
      this.#memory.core.x.nr_net_free(net);
      throw error;
    }
    return net;
  }

  // ---- what the store in memory tells ----

  changed(key, argv) {
    this.#next ??= new Batch();
    this.#next.add(key, argv);
  }

  /** Resolves when there may be changes. */
  async ready() {
    await this.#reverting;
  }

  /** Whether changes have to wait for `ready`. */
  get waits() {
    return this.#reverting !== null;
  }

  /** A training whose end cannot be kept has failed. */
  async trained(key, outcome) {
    this.changed(key, null);
    try {
      await this.written();
      return outcome;
    } catch (error) {
      return { kind: FAILED, why: error.message.replace(/^ERR /, "") };
    }
  }

  // ---- writing ----

  /** Resolves when all changes of which it has heard are on the disk. */
  async written() {
    if (this.#next) this.#running ??= this.#write();
    await (this.#next?.done ?? this.#running);
  }

  /** Writes until there is nothing left. */
  async #write() {
    await null; // what is changed in this turn is written together
    while (this.#next) {
      const batch = this.#next;
      this.#next = null;
      try {
        await this.#writeBatch(batch);
        batch.resolve();
      } catch (error) {
        await this.#revert(batch, error);
      }
    }
    this.#running = null;
  }

  async #writeBatch({ changes }) {
    const records = [...changes].map(([name, change]) => this.#record(name, change));
    await this.#disk.write(records);
    for (const { key, lengths } of records) {
      if (lengths) this.#lengths.set(nameOf(key), lengths);
      else this.#lengths.delete(nameOf(key));
    }
    const whole = records.filter(({ log }) => !log).map(({ key }) => key);
    if (whole.length) this.#told(whole);
  }

  /** What is to be written of a change, and the lengths that there are then. */
  #record(name, { key, log }) {
    const known = this.#lengths.get(name);
    const { at = 0, logged = 0, size = 0 } = known ?? {};
    const longer = log ? logged + sizeOf(log) : Infinity;
    if (known && longer <= Math.max(LEAST, size)) {
      return { key, log, at: at + 1, lengths: { at: at + log.length, logged: longer, size } };
    }
    const dump = this.#memory.dumped(name);
    return { key, dump, at, lengths: dump && { at, logged: 0, size: dump.length } };
  }

  /** Goes back to what is on the disk, and refuses all that is not. */
  async #revert(batch, error) {
    const refused = [batch, ...(this.#next ? [this.#next] : [])];
    const keys = new Map(refused.flatMap(({ changes }) => [...changes].map(([name, { key }]) => [name, key])));
    this.#next = null;
    this.#reverting = this.load([...keys.values()]).catch((worse) => (this.broken = worse));
    await this.#reverting;
    this.#reverting = null;
    for (const { reject } of refused) reject(error);
  }
}

function sizeOf(log) {
  return log.reduce((sum, argv) => argv.reduce((size, word) => size + word.length, sum), 0);
}
