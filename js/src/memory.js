/** The store in memory: the core's own networks by their keys.
 *
 * A network is here as a whole, so the core executes whatever is on one (nr_net_execute). What is
 * left is what the store itself must do: keep networks, name them, train them. */
import { NrError } from "./errors.js";
import { Job } from "./job.js";
import { pack } from "./msgpack.js";
import { Shelf } from "./shelf.js";

const [FAILED, DROPPED] = [3, 4]; // nr_outcome
const RESET = { kind: DROPPED, why: "its network was reset" };
const GONE = { kind: DROPPED, why: "its network was deleted or replaced" };
const CLOSED = { kind: DROPPED, why: "the store was closed" };
const STALE = -3;
const MOST = 2 ** 32; // bytes that WebAssembly may have
const latin = new TextDecoder("latin1");
const encoder = new TextEncoder();
/** What hears of changes, and keeps none: `changed(key, argv)` of one that the command argv makes again,
 * or argv null; `trained(key, outcome)` of a training's end, and says what became of it when that is
 * kept; `ready()` resolves when there may be changes. */
const FORGETFUL = { changed() {}, ready: async () => {}, trained: async (key, outcome) => outcome };
const texts = (...words) => words.map((word) => encoder.encode(word));

export class Memory {
  #nets = new Map(); // name -> { key, net }, and its shape
  #jobs = new Map(); // name -> Job

  /** What is beside the networks: who is followed, and what waits to be posted. */
  shelf = new Shelf();

  /** Resolves when this page may change something. */
  writer = Promise.resolve();

  /** `memory` is how many bytes there are: a training that would take more than half is refused.
   * `journal` hears of all changes. */
  constructor(core, trainer, memory = MOST, journal = FORGETFUL) {
    Object.assign(this, { core, trainer, memory, journal });
  }

  /** Runs one command; its reply in msgpack, of NR.WAIT a promise of it. Throws NrError, and has then
   * changed nothing. */
  execute(argv) {
    if (!this.core) throw new NrError("ERR the connection is closed");
    const command = this.core.parse(argv);
    try {
      const own = OWN[command.spec[0]];
      return own ? own(this, command) : this.#onNet(command);
    } finally {
      command.free();
    }
  }

  /** Whatever a network replies, and what it changes. */
  #onNet(command) {
    const { net, key } = this.#entry(command.keys[0]);
    const before = this.core.x.nr_net_ordered(net);
    const reply = this.core.execute(net, command, this.#jobs.has(nameOf(key)));
    if (command.spec[0] === "NR.RESET") this.#drop(key, RESET);
    const due = this.core.x.nr_net_ordered(net) - before;
    this.#place(key, net, due);
    if (command.changes) this.journal.changed(key, command.spec[0] === "NR.OBSERVE" && !due ? command.argv : null);
    return reply;
  }

  /** Trainings that samples have made due: one, where none stands. */
  #place(key, net, due) {
    if (!due) return;
    const placed = !this.#jobs.has(nameOf(key));
    this.core.x.nr_net_coalesce(net, due - BigInt(placed));
    if (placed) this.#start(key, null);
  }

  /** Throws what a command on a network would throw, and changes nothing. */
  check(argv) {
    const command = this.core.parse(argv);
    try {
      const copy = this.core.made("nr_net_clone", this.#entry(command.keys[0]).net);
      try {
        this.core.execute(copy, command, false);
      } finally {
        this.core.x.nr_net_free(copy);
      }
    } finally {
      command.free();
    }
  }

  #entry(key) {
    const entry = this.#nets.get(nameOf(key));
    if (!entry) throw new NrError("ERR no such key");
    if (entry.damaged) throw entry.damaged;
    return entry;
  }

  /** The outputs of one row of numbers, without a command, by the name that `nameOf` gives; null for
   * what NR.RUN has to look at. */
  run(name, row) {
    const entry = this.#nets.get(name);
    if (!entry?.row || row.length !== entry.inputs) return null;
    const { net, inputs, outputs } = entry;
    const at = this.#room(inputs + outputs);
    const view = new Float32Array(this.core.x.memory.buffer, at, inputs + outputs);
    view.set(row);
    if (this.core.x.nr_net_run(net, at, 1, at + 4 * inputs, this.core.err)) return null;
    const found = new Float32Array(this.core.x.memory.buffer, at + 4 * inputs, outputs);
    return Array.from(found);
  }

  /** Where so many floats lie; until the next call. */
  #room(floats) {
    if (floats > this.#floats) {
      if (this.#at) this.core.free(this.#at);
      this.#at = this.core.alloc(4 * floats);
      this.#floats = floats;
    }
    return this.#at;
  }

  #at = 0;
  #floats = 0;

  shape(key) {
    return this.core.shapeOf(this.#entry(key).net);
  }

  /** Tells `listener` how far the network's training is; what it returns ends that. */
  onProgress(key, listener) {
    const listeners = this.job(key)?.listeners;
    listeners?.add(listener);
    return () => listeners?.delete(listener);
  }

  has(key) {
    return this.#nets.has(nameOf(key));
  }

  /** The training of a network, if one runs. */
  job(key) {
    return this.#jobs.get(nameOf(key));
  }

  // ---- what the store itself does ----

  /** How many parameters it has. */
  create(command) {
    const net = this.core.make("nr_net_create", command.at, random(), random());
    this.#keep(command.keys[0], net, false);
    return this.core.shapeOf(net).params;
  }

  restore(command) {
    this.#keep(command.keys[0], this.core.load(command.blob, random()), command.replace);
  }

  #keep(key, net, replace) {
    if (this.has(key) && !replace) {
      this.core.x.nr_net_free(net);
      throw new NrError("ERR the key name is busy");
    }
    this.delete(key);
    this.#nets.set(nameOf(key), { key: key.slice(), net, ...this.core.shapeOf(net) });
    this.journal.changed(key, null);
  }

  delete(key) {
    if (!this.has(key)) return false;
    this.forget(nameOf(key));
    this.journal.changed(key, null);
    return true;
  }

  #free({ net }) {
    if (net) this.core.x.nr_net_free(net);
  }

  // ---- for what keeps them: the journal does not hear of this ----

  /** Puts a network in the place of what there is, whose training goes on; where it cannot be read,
   * `damaged` is what everybody hears who asks for it. */
  put(key, net, damaged = null) {
    const before = this.#nets.get(nameOf(key));
    if (before) this.#free(before);
    this.#nets.set(nameOf(key), net ? { key, net, ...this.core.shapeOf(net) } : { key, damaged });
  }

  forget(name) {
    const entry = this.#nets.get(name);
    if (!entry) return;
    this.#drop(entry.key, GONE);
    this.#free(entry);
    this.#nets.delete(name);
  }

  /** What NR.DUMP replies; null where there is no such network. */
  dumped(name) {
    const net = this.#nets.get(name)?.net;
    return net ? this.core.dump(net) : null;
  }

  // ---- which there are ----

  /** Keys in the order of their bytes, those alone that the pattern means. */
  list(pattern) {
    const keys = [...this.#nets.values()].map(({ key }) => key).sort(byBytes);
    return pattern ? keys.filter((key) => this.#isLike(pattern, key)) : keys;
  }

  #isLike(pattern, key) {
    const { core } = this;
    return core.lending(pattern, (p, psize) =>
      core.lending(key, (k, ksize) => core.x.nr_glob(p, psize, k, ksize) !== 0));
  }

  // ---- trainings ----

  train(command) {
    const key = command.keys[0];
    const { net } = this.#entry(key);
    if (this.#jobs.has(nameOf(key))) throw new NrError("ERR neural network training already in progress");
    this.#check(net, command, key);
    this.#start(key, command.limits);
  }

  /** Fills in what an NR.TRAIN without options means, and throws where it cannot begin. */
  #check(net, command, key) {
    this.core.x.nr_training_choose(net, command.at);
    this.core.lending(key, (at, size) =>
      this.core.call("nr_trainer_check", net, command.at, at, size, BigInt(this.memory)));
  }

  /** Limits null: those that an NR.TRAIN without options has by now. */
  #start(key, limits) {
    const job = new Job(limits);
    this.#jobs.set(nameOf(key), job);
    this.#carryOut(key, job).then((outcome) => this.#ended(key, job, outcome));
  }

  #ended(key, job, outcome) {
    if (this.#jobs.get(nameOf(key)) === job) this.#jobs.delete(nameOf(key));
    job.end(outcome);
  }

  async #carryOut(key, job) {
    let trained = 0;
    try {
      const { net } = this.#entry(key);
      job.limits ??= this.#chosen(net, key);
      trained = await this.trainer.train(net, wordsOf(key, job.limits), job.control);
      await this.journal.ready();
    } catch (error) {
      if (!(error instanceof NrError)) error.message = `ERR ${error.message}`;
      return job.dropped ?? this.#unlearned(key, error.message.replace(/^ERR /, ""));
    }
    return job.dropped ? (this.core?.x.nr_net_free(trained), job.dropped) : this.#merge(key, trained);
  }

  #chosen(net, key) {
    const command = this.core.parse([...texts("NR.TRAIN"), key]);
    try {
      this.#check(net, command, key);
      return command.limits;
    } finally {
      command.free();
    }
  }

  #unlearned(key, why) {
    const { net } = this.#entry(key);
    const reason = encoder.encode(`${why}\0`);
    return this.#merge(key, this.core.lending(reason, (at) =>
      this.core.made("nr_net_unlearned", net, FAILED, at)));
  }

  /** Resolves to what became of the training when that is kept. */
  #merge(key, trained) {
    try {
      const { net } = this.#entry(key);
      if (this.core.call("nr_net_merge", net, trained) === STALE) return GONE;
      return this.journal.trained(key, this.core.outcomeOf(net));
    } finally {
      this.core.x.nr_net_free(trained);
    }
  }

  #drop(key, outcome) {
    const job = this.job(key);
    if (!job) return;
    this.#jobs.delete(nameOf(key));
    job.drop(outcome);
  }

  stop(key) {
    this.#entry(key);
    const job = this.job(key);
    job?.stop();
    return Number(job !== undefined);
  }

  /** 1 when the training has ended, or 0 after so many milliseconds; 0 of these is no limit. */
  async wait(key, milliseconds) {
    const { net } = this.#entry(key);
    const job = this.job(key);
    const outcome = job ? await job.within(milliseconds) : this.core.outcomeOf(net);
    if (!outcome) return 0;
    const end = { [FAILED]: "failed", [DROPPED]: "was dropped" }[outcome.kind];
    if (end) throw new NrError(`ERR the training of ${this.#word(key)} ${end}: ${outcome.why}`);
    return 1;
  }

  #word(key) {
    const word = this.core.lending(key, (at, size) => this.core.collect("nr_key_word", at, size));
    return new TextDecoder().decode(word);
  }

  threads() {
    return [...this.#jobs].map(([name, job]) => this.#line(this.#nets.get(name), job));
  }

  /** NR.THREADS' line of a training: its struct is laid into memory. */
  #line({ key, id }, job) {
    const { core } = this;
    const { training: at } = core;
    const worker = encoder.encode(`js:${globalThis.process?.pid ?? 0}\0`);
    const { cycles, trainError, testError, classErrors } = job.progress;
    const { maxtime = 0n, maxcycles = 0n } = job.limits ?? {};
    const filled = new Uint8Array(at.size);
    const view = new DataView(filled.buffer);
    const longs = { id, maxtime, maxcycles, attempt: 1, progress: cycles };
    for (const [name, value] of Object.entries(longs)) view.setBigUint64(at[name], BigInt(value), true);
    [trainError, testError, classErrors].forEach((error, i) => view.setFloat64(at.progress + 8 * (i + 1), error, true));
    filled[at.running] = 1;
    const line = core.lending(key, (keyAt, size) => core.lending(worker, (workerAt) => {
      [[at.key, keyAt], [at.keylen, size], [at.worker, workerAt]].forEach(([to, value]) => view.setUint32(to, value, true));
      return core.lending(filled, (struct) => core.collect("nr_training_line", struct));
    }));
    return new TextDecoder().decode(line);
  }

  /** Ends trainings, and forgets all networks. */
  close() {
    if (!this.core) return;
    for (const { key } of [...this.#nets.values()]) this.#drop(key, CLOSED);
    this.trainer.close();
    this.#nets.clear();
    this.core = null;
  }
}

const OWN = {
  "NR.CREATE": (store, command) => pack(store.create(command)),
  "NR.RESTORE": (store, command) => (store.restore(command), pack("OK")),
  "NR.DEL": (store, { keys }) => pack(keys.filter((key) => store.delete(key)).length),
  "NR.LIST": (store, { pattern }) => pack(store.list(pattern)),
  "NR.TRAIN": (store, command) => (store.train(command), pack("Training has started")),
  "NR.STOP": (store, { keys }) => pack(store.stop(keys[0])),
  "NR.WAIT": (store, { keys, number }) => store.wait(keys[0], number).then(pack),
  "NR.THREADS": (store) => pack(store.threads()),
};

/** A key as what maps have as theirs: a character a byte. */
export function nameOf(key) {
  return latin.decode(key);
}

/** More than 0 and below 2^53, as the core takes ids, and what seeds a network without SEED. */
function random() {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return ((BigInt(high) << 21n) ^ BigInt(low)) & ((1n << 53n) - 1n) || 1n;
}

function byBytes(a, b) {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** The NR.TRAIN that asks for these limits. */
function wordsOf(key, { maxcycles, maxtime, autostop, backtrack }) {
  const flags = [...(autostop ? ["AUTOSTOP"] : []), ...(backtrack ? ["BACKTRACK"] : [])];
  const [name, ...rest] = texts("NR.TRAIN", "MAXCYCLES", `${maxcycles}`, "MAXTIME", `${maxtime}`, ...flags);
  return [name, key, ...rest];
}
