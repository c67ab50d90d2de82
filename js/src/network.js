/** One network of a database, by its key. It holds nothing: the key may come and go.
 *
 * What only reads answers at once, since a network rests in this process; what changes one returns a
 * promise, since a store may have to write it down. All throw NrError where the key has gone. */
import { NrError } from "./errors.js";
import { nameOf } from "./memory.js";
import { pack } from "./msgpack.js";
import { entriesOf, needed, optionsOf, said } from "./options.js";

const OUT_OF_ORDER = "ERR outputs are missing: net.observe(inputs, outputs)";
const MOST_ROWS = 10000; // in one command
const MOST_FLOATS = 2 ** 22;

export class Network {
  #db;
  #store;
  #id;

  constructor(db, store, name, key) {
    this.#db = db;
    this.#store = store;
    this.#id = nameOf(key);
    this.name = name;
    this.key = key;
  }

  #ask(command, ...words) {
    return this.#db.ask(command, this.key, ...words);
  }

  #change(command, ...words) {
    return this.#db.execute(command, this.key, ...words);
  }

  // ---- samples ----

  /** Adds one sample; how many there are now, [training, testing]. */
  observe(inputs, outputs, options) {
    return this.#change("NR.OBSERVE", ...sampleWords(inputs, outputs, options));
  }

  /** Adds samples: arrays of inputs and of outputs (or class ids), or objects with fields' names. */
  async observeMany(rows, outputs, options) {
    let counts = null;
    for (const words of samplesWords(rows, outputs, options)) counts = await this.#change("NR.OBSERVE", ...words);
    return counts ?? this.#counts();
  }

  #counts() {
    const { trainLen, testLen } = this.info();
    return [trainLen, testLen];
  }

  // ---- running ----

  /** The outputs of one row, or of an array of rows; with fields, by their names. With `interval`, 0.9 say,
   * an output of a regressor is [lower, value, upper], between which the truth is with that probability. */
  run(x, options) {
    if (options === undefined && isFlat(x)) {
      const found = this.#store.run(this.#id, x);
      if (found) return found;
    }
    const { interval } = optionsOf("net.run", options, { interval: "number" });
    const words = interval === undefined ? [] : ["INTERVAL", interval];
    if (isRow(x)) return outputsOf(this.#ask("NR.RUN", "MSGPACK", pack(x), ...words));
    if (isRows(x)) return this.#named("NR.RUN", x, words).map(outputsOf);
    if (!isNested(x)) return this.#ask("NR.RUN", ...numbers("net.run", x), ...words);
    const width = this.#store.shape(this.key).outputs;
    const found = this.#many("NR.RUN", x, words);
    if (interval === undefined) return found.flatMap((blob) => rowsOf(blob, width));
    return found.flatMap((blob) => rowsOf(blob, 3 * width)).map(inThrees);
  }

  /** The class id of one row, or those of an array of rows; with fields, the classes' names. With `sure`,
   * 0.8 say, a class whose probability is less is null. */
  classify(x, options) {
    const { sure } = optionsOf("net.classify", options, { sure: "number" });
    const words = sure === undefined ? [] : ["SURE", sure];
    if (isRow(x)) return this.#ask("NR.CLASS", "MSGPACK", pack(x), ...words);
    if (isRows(x)) return this.#named("NR.CLASS", x, words);
    if (!isNested(x)) return this.#ask("NR.CLASS", ...numbers("net.classify", x), ...words);
    return this.#many("NR.CLASS", x, words).flat();
  }

  #named(command, rows, options) {
    return [...packed(rows)].flatMap((words) => this.#ask(command, ...words, ...options));
  }

  #many(command, rows, options) {
    return [...floats(rows)].map((words) => this.#ask(command, ...words, ...options));
  }

  /** What comes next of a forecaster's series: an object a step; `interval` is how sure it is to be. */
  forecast(series, options) {
    const { interval } = optionsOf("net.forecast", options, { interval: "number" });
    const words = [...(series === undefined ? [] : ["FOR", series]), ...(interval === undefined ? [] : ["INTERVAL", interval])];
    return this.#ask("NR.RUN", ...words);
  }

  /** What the answer to one row rests on: { of, kind, prediction, baseline, attributions, others, error }, in log-odds of a
   * class or an output's unit. `top` is how many fields are told, `of` a class or an output. */
  explain(x, options) {
    const { top, of } = optionsOf("net.explain", options, { top: "number", of: "choice" });
    const row = isRow(x) ? ["MSGPACK", pack(x)] : numbers("net.explain", x);
    const named = of === undefined ? [] : [this.info().type === "classifier" ? "CLASS" : "OUTPUT", of];
    const reply = this.#ask("NR.EXPLAIN", ...row, ...(top === undefined ? [] : ["TOP", top]), ...named);
    const [kind, which, , prediction, , baseline, , attributions, , others, , error] = reply;
    return { of: which, kind, prediction, baseline, attributions: new Map(pairs(attributions)), others, error };
  }

  /** What a generator writes behind a text, which is not repeated. Without `seed` each time another one. */
  generate(prompt, options) {
    const kinds = { length: "number", temperature: "number", top: "number", seed: "number" };
    const { length = 100, temperature = 1, top, seed = drawn() } = optionsOf("net.generate", options, kinds);
    const behind = prompt === undefined || prompt === null ? [] : [this.#text("net.generate", prompt)];
    const likely = top === undefined ? [] : ["TOP", top];
    return this.#ask("NR.GENERATE", ...behind, "LENGTH", length, "TEMPERATURE", temperature, ...likely, "SEED", seed);
  }

  /** How likely a text is to a generator, of a translator that it goes with the input `of`:
   * { logProbability, symbols, perplexity }. */
  score(text, options) {
    const { of } = optionsOf("net.score", options, { of: "text" });
    const before = of === undefined ? [] : [this.#text("net.score", of, 0)];
    return named(this.#ask("NR.SCORE", ...before, this.#text("net.score", text)));
  }

  /** The `beam` likeliest sequences that go with an input, and their log-probabilities, the likeliest first: a
   * Map. None has more than `length` symbols. */
  translate(text, options) {
    const { beam = 4, length } = optionsOf("net.translate", options, { beam: "number", length: "number" });
    const longest = length === undefined ? [] : ["LENGTH", length];
    return new Map(pairs(this.#ask("NR.RUN", this.#text("net.translate", text, 0), "BEAM", beam, ...longest)));
  }

  /** A text behind the name of its field: the last one, or one from the front. */
  #text(call, text, which = -1) {
    return `${this.fields().at(which)?.name ?? "text"}=${needed(call, "its sequence", text, "text")}`;
  }

  // ---- training ----

  /** Trains, in the background, and resolves to what `info` tells then. `onProgress` hears how far it
   * is, an AbortSignal ends it early: what it reached then stays, unless what was there is better.
   * AUTOSTOP and BACKTRACK are on where there are testing samples, unless it is said otherwise. */
  async train(options) {
    const { onProgress, signal, ...wanted } = optionsOf("net.train", options, TRAINING);
    const limits = this.#limits(wanted);
    await this.#change("NR.TRAIN", ...limits);
    const stop = () => this.#ask("NR.STOP");
    const forget = onProgress ? this.#store.onProgress(this.key, onProgress) : () => {};
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    try {
      await this.#db.execute("NR.WAIT", this.key, 0);
    } finally {
      signal?.removeEventListener("abort", stop);
      forget();
    }
    return this.info();
  }

  #limits({ maxCycles, timeout, autostop, backtrack }) {
    const limits = [
      ...(maxCycles === undefined ? [] : ["MAXCYCLES", maxCycles]),
      ...(timeout === undefined ? [] : ["MAXTIME", Math.ceil(timeout * 1000)]),
    ];
    const stops = autostop ?? (this.#isTested() && !(limits.length && this.#isClassic()));
    return [...limits, ...(stops ? ["AUTOSTOP"] : []), ...((backtrack ?? stops) ? ["BACKTRACK"] : [])];
  }

  #isTested() {
    const { testLen, type } = this.info();
    return testLen > 0 || type === "forecaster";
  }

  #isClassic() {
    const options = this.#ask("NR.CONFIGURE");
    return options[options.indexOf("CLASSIC") + 1] === "yes";
  }

  /** Ends a training that runs; whether there was one. */
  async stop() {
    return (await this.#change("NR.STOP")) === 1;
  }

  // ---- the rest ----

  /** NR.INFO, by names as `trainLen` and `lastTraining`. */
  info() {
    return named(this.#ask("NR.INFO"));
  }

  /** How good it was on the testing dataset when its last training ended; null: there is nothing to tell. */
  metrics() {
    const reply = this.#ask("NR.METRICS");
    return reply && named(reply);
  }

  /** The course of the last training: [cycle, training error, testing error, wrong classes] each. */
  history() {
    return this.#ask("NR.HISTORY");
  }

  /** How much the loss grows where an input is shuffled: an array, or with fields an object. */
  importance() {
    const reply = this.#ask("NR.IMPORTANCE");
    return typeof reply?.[0] === "string" ? Object.fromEntries(pairs(reply)) : reply;
  }

  /** How new samples compare with those of the last training, and whether that is an alarm. */
  drift() {
    const { moved, ...told } = named(this.#ask("NR.DRIFT"));
    return { ...told, moved: Object.fromEntries(pairs(moved)) };
  }

  /** The fields: { name, kind, role, values }; none where inputs have no names. */
  fields() {
    return this.#ask("NR.FIELDS").map(([name, kind, role, values]) => ({ name, kind, role, values }));
  }

  addFields(kinds) {
    const added = entriesOf("net.addFields", kinds, "fields and their kinds");
    return this.#change("NR.FIELDS", "ADD", ...added.map(([name, kind]) => `${name}:${needed("net.addFields", name, kind, "text")}`));
  }

  dropFields(...names) {
    return this.#change("NR.FIELDS", "DROP", ...names);
  }

  /** Changes options, and resolves to all of them. */
  async configure(options = {}) {
    const words = entriesOf("net.configure", options, "options").flatMap(([word, value]) => [word, value ?? "AUTO"]);
    if (words.length) await this.#change("NR.CONFIGURE", ...words);
    return Object.fromEntries(pairs(this.#ask("NR.CONFIGURE")).map(([word, value]) => [word.toLowerCase(), value]));
  }

  reset() {
    return this.#change("NR.RESET");
  }

  clear(to) {
    return this.#change("NR.CLEAR", ...dataset(to));
  }

  /** Drops the samples that have these values: { customer: "c17" }. */
  forget(values) {
    const given = entriesOf("net.forget", values, "values by field");
    return this.#change("NR.FORGET", ...given.map(([name, value]) => `${name}=${needed("net.forget", name, value ?? "", "value")}`));
  }

  /** All of it as bytes, for any store of nr. */
  dump() {
    return this.#ask("NR.DUMP");
  }

  /** Puts what was dumped in its place. */
  restore(blob) {
    return this.#change("NR.RESTORE", blob, "REPLACE");
  }
}

// ---- words of commands, and what replies are read as ----

const TRAINING = {
  maxCycles: "number", timeout: "number", autostop: "truth", backtrack: "truth", onProgress: "function", signal: "signal",
};
const TO = { to: "text" };

const isList = (x) => Array.isArray(x) || (ArrayBuffer.isView(x) && x.length !== undefined);
export const isRow = (x) => typeof x === "object" && x !== null && !isList(x);
const isRows = (x) => Array.isArray(x) && isRow(x[0]);
const isNested = (x) => Array.isArray(x) && x.length > 0 && isList(x[0]);
/** Numbers and nothing else: what needs no look at each of them. */
const isFlat = (x) => (Array.isArray(x) ? x.every((one) => typeof one === "number") : isList(x) && typeof x[0] === "number");
const listed = (x) => (isList(x) ? [...x] : [x]);
const dataset = (to) => (to === undefined ? [] : [to]);
const weighed = (weight) => (weight === undefined ? [] : ["WEIGHT", weight]);
const drawn = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** One row of numbers as words of a command. Throws NrError for what is none. */
function numbers(call, x) {
  if (isList(x) || typeof x === "number") return listed(x);
  throw new NrError(`ERR ${call} takes a number, an array of numbers, or an object of values by field, not ${said(x)}`);
}

/** One sample as NR.OBSERVE takes it. */
export function sampleWords(inputs, outputs, options) {
  const { to, weight } = optionsOf("net.observe", options, { ...TO, weight: "number" });
  if (isRow(inputs)) return ["MSGPACK", pack(inputs), ...weighed(weight), ...dataset(to)];
  if (outputs === undefined) throw new NrError(OUT_OF_ORDER);
  return [...numbers("net.observe", inputs), "->", ...numbers("net.observe", outputs), ...dataset(to)];
}

/** Samples as some NR.OBSERVEs take them. */
export function* samplesWords(rows, outputs, options) {
  const { to } = optionsOf("net.observeMany", options, TO);
  if (!Array.isArray(rows)) {
    throw new NrError(`ERR net.observeMany takes an array of rows, or of objects of values by field, not ${said(rows)}`);
  }
  for (const words of isRow(rows[0]) ? packed(rows) : floats(joined(rows, outputs))) yield [...words, ...dataset(to)];
}

function* packed(rows) {
  for (let at = 0; at < rows.length; at += MOST_ROWS) {
    yield ["MSGPACK", pack(rows.slice(at, at + MOST_ROWS))];
  }
}

/** Rows, of one length, as blobs of float32. */
function* floats(rows) {
  const width = rows[0]?.length ?? 0;
  const step = Math.max(1, Math.floor(MOST_FLOATS / Math.max(1, width)));
  for (let at = 0; at < rows.length; at += step) {
    const some = rows.slice(at, at + step);
    const values = some.flatMap((row, i) => rowOfNumbers(row, at + i));
    if (some.some((row) => row.length !== width)) throw new NrError("ERR rows are of different lengths");
    yield ["FP32", new Uint8Array(Float32Array.from(values).buffer)];
  }
}

function rowOfNumbers(row, i) {
  if (!isList(row)) throw new NrError(`ERR row ${i} is an array of numbers in such a table, not ${said(row)}`);
  const wrong = row.findIndex((value) => typeof value !== "number");
  if (wrong >= 0) throw new NrError(`ERR row ${i}, column ${wrong}: a number is needed, not ${said(row[wrong])}`);
  return Array.from(row);
}

function joined(inputs, outputs) {
  if (outputs === undefined) throw new NrError("ERR outputs are missing: net.observeMany(inputs, outputs)");
  if (!isList(outputs)) throw new NrError(`ERR net.observeMany takes an array of outputs, not ${said(outputs)}`);
  if (inputs.length !== outputs.length) {
    throw new NrError(`ERR ${inputs.length} rows of inputs and ${outputs.length} of outputs`);
  }
  return Array.from(inputs, (row, i) => [...rowOfNumbers(row, i), ...listed(outputs[i])]);
}

/** A row's outputs, each as [lower, value, upper]. */
function inThrees(row) {
  return Array.from({ length: row.length / 3 }, (_, i) => row.slice(3 * i, 3 * i + 3));
}

function rowsOf(blob, width) {
  const values = new Float32Array(blob.buffer, blob.byteOffset, blob.byteLength / 4);
  return Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
}

function pairs(reply) {
  return Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]);
}

/** Classes and their probabilities, or outputs by name. */
function outputsOf(reply) {
  return Object.fromEntries(pairs(reply));
}

const SHORT = {
  "training-dataset-maxlen": "trainMaxlen", "training-dataset-len": "trainLen", "test-dataset-maxlen": "testMaxlen",
  "test-dataset-len": "testLen", "datasets-full": "full", "training-total-steps": "steps",
  "training-total-cycles": "cycles", "training-total-seconds": "seconds", "dataset-error": "trainError",
  "classification-errors-perc": "classErrors", "overfitting-detected": "overfitting",
  "training-ended-by": "endedBy", "auto-normalization": "normalize",
};

function named(reply) {
  const camel = (name) => SHORT[name] ?? name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(pairs(reply).map(([name, value]) => [camel(name), value]));
}
