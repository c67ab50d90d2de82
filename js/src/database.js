/** Networks by name, and whatever NR.* command there is. */
import { NrError } from "./errors.js";
import { Followed } from "./followed.js";
import { unpack } from "./msgpack.js";
import { Network } from "./network.js";
import { entriesOf, optionsOf, said } from "./options.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const BLOBS = new Set(["NR.DUMP", "NR.RUN"]); // of whose replies a blob as a whole is none of text

export class Database {
  #core;
  #store;
  #followed = new Set();

  constructor(core, store) {
    this.#core = core;
    this.#store = store;
  }

  /** Runs a command, one line or its words; resolves to its reply. Names and classes are texts. */
  async execute(...words) {
    const argv = this.#argv(words);
    return replied(argv, await this.#store.execute(argv));
  }

  /** The same at once, of a command that waits for nothing. */
  ask(...words) {
    const argv = this.#argv(words);
    return replied(argv, this.#store.execute(argv));
  }

  #argv(words) {
    if (words.length === 1 && typeof words[0] === "string") return this.#core.split(encoder.encode(words[0]));
    return words.map(bytesOf);
  }

  /** Creates a network: `layout` is [inputs, hidden ..., outputs], or fields and their kinds, of which
   * `target` names those that are learned; `hidden` is then "auto", "linear" or an array of units. */
  async create(name, type, layout, given = {}) {
    const { target, hidden = "auto", ...options } = Object.fromEntries(entriesOf("db.create", given, "options"));
    const shape = Array.isArray(layout) ? [...layout.slice(0, -1), "->", layout.at(-1)] : described(type, layout, target, hidden);
    await this.execute("NR.CREATE", name, type, ...shape, ...optionWords(options));
    return this.network(name);
  }

  /** The network of a name. Throws NrError where there is none. */
  network(name) {
    if (!this.has(name)) throw new NrError(`ERR no such key: '${name}'`);
    return new Network(this, this.#store, name, bytesOf(name));
  }

  has(name) {
    return this.#store.has(bytesOf(name));
  }

  /** The names of all networks. */
  names() {
    return this.ask("NR.LIST");
  }

  /** Whether there was one. */
  async delete(name) {
    return (await this.execute("NR.DEL", name)) === 1;
  }

  async restore(name, blob, options) {
    const { replace } = optionsOf("db.restore", options, { replace: "truth" });
    if (!isBytes(blob)) throw new NrError(`ERR db.restore takes a dump as a Uint8Array, not ${said(blob)}`);
    await this.execute("NR.RESTORE", name, blob, ...(replace ? ["REPLACE"] : []));
    return this.network(name);
  }

  /** Throws what a command on a network would throw, and changes nothing. */
  check(...words) {
    this.#store.check(this.#argv(words));
  }

  /** Follows a network of `nr serve`, as https://host/networks/club: it answers here, offline too, and
   * what is observed is posted there. */
  async follow(url, options) {
    const net = await Followed.open(this, this.#store, url, options);
    this.#followed.add(net);
    return net;
  }

  /** Ends trainings; resolves when all that was changed is kept, or forgotten where it rests in memory. */
  async close() {
    for (const net of this.#followed) net.close();
    await this.#store.close();
  }
}

/** Of whatever realm: TextEncoder may be of another one than this module. */
const isBytes = (x) => ArrayBuffer.isView(x) && x[Symbol.toStringTag] === "Uint8Array";

/** An argument of a command as bytes; numbers with all their digits. */
function bytesOf(word) {
  if (isBytes(word)) return word;
  if (["string", "number", "bigint", "boolean"].includes(typeof word)) return encoder.encode(`${word}`);
  throw new NrError(`ERR an argument of a command is text, bytes or a number, not ${said(word)}`);
}

function replied(argv, reply) {
  const value = unpack(reply);
  const blob = value instanceof Uint8Array && BLOBS.has(decoder.decode(argv[0]).toUpperCase());
  return blob ? value : texts(value);
}

/** Names, classes and values, which are bytes in the core, as texts. */
function texts(value) {
  if (value instanceof Uint8Array) return decoder.decode(value);
  return Array.isArray(value) ? value.map(texts) : value;
}

function described(type, fields, target, hidden) {
  const pairs = entriesOf("db.create", fields, "fields and their kinds, or an array of numbers of units,");
  const targets = [target ?? []].flat();
  if (!targets.length) throw new NrError("ERR target names the fields that are to be learned, as { target: 'joined' }");
  const usual = `${type}`.toLowerCase() === "classifier" ? "category" : "number";
  const inputs = pairs.filter(([name]) => !targets.includes(name)).map(([name, kind]) => `${name}:${kind}`);
  return [...inputs, ...[hidden].flat(), "->", ...targets.map((name) => `${name}:${fields[name] ?? usual}`)];
}

/** Options: true is its word alone, false is NO of one that is on by default; null is AUTO. */
function optionWords(options) {
  return Object.entries(options).flatMap(([word, value]) => {
    if (value === true) return [word];
    if (value === false) return word.toLowerCase() === "normalize" ? [word, "NO"] : [];
    return value === undefined ? [] : [word, value ?? "AUTO"];
  });
}
