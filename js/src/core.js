/** The only file that knows WebAssembly: loads the core, and gives its functions (nr/engine/core/nr.h
 * says what they do) what they take. Bytes go in and out as copies, since its memory moves as it
 * grows. */
import { buildHere, rounds } from "./builds.js";
import { NrError } from "./errors.js";
import { unpack } from "./msgpack.js";

const OK = 0;
const NOMEM = -2;
const STALE = -3;
const ERROR_BYTES = 512;
const MOST_BYTES = 2 ** 25; // of a command's words, a dump's aside: the core's sizes have 32 bits here
const decoder = new TextDecoder();

/** Fields of structs, in the order in which nr/engine/wasm/layout.c says where they lie. */
const COMMAND = [
  "verb", "key", "nkeys", "blob", "bloblen", "number", "maxtime", "maxcycles", "pattern", "autostop",
  "backtrack", "replace",
];
const TRAINING = [
  "id", "key", "keylen", "maxtime", "maxcycles", "attempt", "progress", "worker", "running", "size",
];

/** Commands that change a network, and of two words tell how it is. */
export const TELLING = new Set(["NR.CONFIGURE", "NR.FIELDS"]);

/** What it imports is the C library's way to standard error, where the core writes nothing. */
const NO_FILES = { fd_close: () => 8, fd_seek: () => 8, fd_write: () => 8 };

/** Compiles what `source` is: a WebAssembly.Module, its bytes, or their URL; by default the
 * package's build for this engine. */
export async function compile(source) {
  if (typeof WebAssembly === "undefined") throw new NrError("ERR this engine has no WebAssembly");
  if (source instanceof WebAssembly.Module) return source;
  try {
    return await WebAssembly.compile(await bytesOf(source));
  } catch (error) {
    if (error instanceof NrError) throw error;
    const why = `ERR the core of nr cannot be compiled (it takes WebAssembly with SIMD): ${error.message}`;
    throw new NrError(why, { cause: error });
  }
}

async function bytesOf(source) {
  if (ArrayBuffer.isView(source) || source instanceof ArrayBuffer) return source;
  const url = new URL(source ?? buildHere());
  if (url.protocol === "file:") return (await import("node:fs/promises")).readFile(url);
  const response = await fetch(url);
  if (!response.ok) throw new NrError(`ERR the core of nr is not at ${url}: ${response.status}`);
  return response.arrayBuffer();
}

export class Core {
  /** From what `compile` gave. */
  constructor(module) {
    const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: NO_FILES });
    this.x = instance.exports;
    this.x._initialize();
    if (!rounds(this.x.nr_fused)) {
      throw new NrError("ERR this engine rounds a multiply-add twice: open with nr.wasm in the place of nr-relaxed.wasm");
    }
    this.err = this.alloc(ERROR_BYTES);
    this.buf = this.alloc(12); // an nr_buf: data, len, cap
    this.handle = this.alloc(4);
    this.shape = this.alloc(this.x.nr_layout_shape());
    this.command = this.#layout(this.x.nr_layout_command(), COMMAND);
    this.training = this.#layout(this.x.nr_layout_training(), TRAINING);
    this.specs = unpack(this.collect("nr_specs_pack"));
    const flags = 9;
    this.writing = new Set(this.specs.filter((spec) => spec[flags][0] === "write").map(([name]) => name));
    this.writing.delete("NR.STOP"); // of what this process does alone
  }

  #layout(at, names) {
    return Object.fromEntries(names.map((name, i) => [name, this.u32(at + 4 * i)]));
  }

  // ---- memory ----

  get bytes() {
    if (this.#bytes?.buffer !== this.x.memory.buffer) this.#renew();
    return this.#bytes;
  }

  get view() {
    if (this.#bytes?.buffer !== this.x.memory.buffer) this.#renew();
    return this.#view;
  }

  #bytes;
  #view;

  #renew() {
    this.#bytes = new Uint8Array(this.x.memory.buffer);
    this.#view = new DataView(this.x.memory.buffer);
  }

  /** Zeroed, at least one byte. */
  alloc(size) {
    const at = this.x.malloc(size || 1) >>> 0;
    if (!at) throw new NrError("ERR out of memory");
    this.bytes.fill(0, at, at + size);
    return at;
  }

  free(at) {
    this.x.free(at);
  }

  u32(at) {
    return this.view.getUint32(at, true);
  }

  copy(at, size) {
    return this.bytes.slice(at, at + size);
  }

  /** Calls with the bytes laid into memory, which they leave afterwards. */
  lending(data, call) {
    const at = this.alloc(data.length);
    try {
      this.bytes.set(data, at);
      return call(at, data.length);
    } finally {
      this.free(at);
    }
  }

  text(at) {
    return decoder.decode(this.bytes.subarray(at, this.bytes.indexOf(0, at)));
  }

  // ---- calls ----

  /** A function whose last argument is an error's place, and whose result a status. */
  call(name, ...args) {
    return this.check(this.x[name](...args, this.err));
  }

  check(status) {
    if (status === OK || status === STALE) return status;
    throw new NrError(status === NOMEM ? "ERR out of memory" : this.text(this.err));
  }

  /** What a function writes into the buffer that is its last argument but one. */
  collect(name, ...args) {
    this.bytes.fill(0, this.buf, this.buf + 12);
    try {
      this.call(name, ...args, this.buf);
      return this.copy(this.u32(this.buf), this.u32(this.buf + 4));
    } finally {
      this.x.nr_buf_free(this.buf);
    }
  }

  /** The object that a function makes; its last argument but one takes it. */
  make(name, ...args) {
    this.call(name, ...args, this.handle);
    return this.u32(this.handle);
  }

  /** An object, of a function that returns it, or 0. */
  made(name, ...args) {
    const object = this.x[name](...args) >>> 0;
    if (!object) throw new NrError("ERR out of memory");
    return object;
  }

  /** The words of a line, quoted as for redis-cli. */
  split(line) {
    const args = this.alloc(24);
    try {
      this.lending(line, (at, size) => this.call("nr_split", at, size, args));
      const [argc, argv, lens] = [0, 4, 8].map((offset) => this.u32(args + offset));
      const words = Array.from({ length: argc }, (_, i) => i * 4);
      return words.map((i) => this.copy(this.u32(argv + i), this.u32(lens + i)));
    } finally {
      this.x.nr_buf_free(args + 12);
      this.free(args);
    }
  }

  parse(argv) {
    return new Command(this, argv);
  }

  // ---- networks, by their handles ----

  load(blob, id) {
    return this.lending(blob, (at, size) => this.make("nr_net_load", at, size, id));
  }

  dump(net) {
    return this.collect("nr_net_dump", net);
  }

  /** A dump without samples: as much of a network as runs, or merges. */
  dumpBare(net) {
    const bare = this.made("nr_net_bare", net);
    try {
      return this.dump(bare);
    } finally {
      this.x.nr_net_free(bare);
    }
  }

  /** What there is to know of a network, as numbers. */
  shapeOf(net) {
    this.x.nr_net_shape(net, this.shape);
    const fields = new BigUint64Array(this.copy(this.shape, 48).buffer);
    const [id, , inputs, outputs, row, params] = Array.from(fields, Number); // below 2^53
    return { id, inputs, outputs, row, params };
  }

  /** What became of the last training: its number (nr_outcome), and why. */
  outcomeOf(net) {
    const kind = this.x.nr_net_outcome(net, this.handle);
    const [, why = ""] = this.text(this.u32(this.handle)).split(/: (.*)/s);
    return { kind, why };
  }

  /** Runs a command again that this network has run before. */
  replay(net, argv) {
    const command = this.parse(argv);
    try {
      this.execute(net, command, false);
    } finally {
      command.free();
    }
  }

  execute(net, command, training) {
    return this.collect("nr_net_execute", net, command.at, training ? 1 : 0);
  }
}

/** A parsed command: to be freed, since it lies in the core's memory. */
export class Command {
  constructor(core, argv) {
    this.core = core;
    this.argv = argv;
    const size = argv.reduce((sum, word) => sum + word.length, 8 * argv.length);
    const most = /^nr\.restore$/i.test(decoder.decode(argv[0])) ? 2 ** 31 : MOST_BYTES;
    if (size > most) throw new NrError(`ERR a command of ${size} bytes: the most are ${most}`);
    this.at = core.alloc(core.x.nr_command_size());
    this.words = core.alloc(size);
    try {
      this.#lay(argv);
      core.call("nr_command_parse", this.at, argv.length, this.words, this.words + 4 * argv.length);
    } catch (error) {
      core.free(this.at), core.free(this.words);
      throw error;
    }
  }

  #lay(argv) {
    const { view, bytes } = this.core;
    let at = this.words + 8 * argv.length;
    argv.forEach((word, i) => {
      view.setUint32(this.words + 4 * i, at, true);
      view.setUint32(this.words + 4 * (argv.length + i), word.length, true);
      bytes.set(word, at);
      at += word.length;
    });
  }

  free() {
    this.core.x.nr_command_release(this.at);
    this.core.free(this.at), this.core.free(this.words);
  }

  #number(field) {
    return this.core.u32(this.at + this.core.command[field]);
  }

  #long(field) {
    return this.core.view.getBigUint64(this.at + this.core.command[field], true);
  }

  #flag(field) {
    return this.core.bytes[this.at + this.core.command[field]] !== 0;
  }

  /** Its row in the table of commands: [name, syntax, summary, ...]. */
  get spec() {
    return this.core.specs[this.#number("verb")];
  }

  /** Whether it changes a network that is there. */
  get changes() {
    const [name, , , , , , , changes] = this.spec;
    return changes && !(this.argv.length === 2 && TELLING.has(name));
  }

  /** The keys; none where the command has none. */
  get keys() {
    const first = this.#number("key");
    return first ? this.argv.slice(first, first + Math.max(1, this.#number("nkeys"))) : [];
  }

  get blob() {
    return this.core.copy(this.#number("blob"), this.#number("bloblen"));
  }

  get replace() {
    return this.#flag("replace");
  }

  /** NR.LIST's pattern, or null. */
  get pattern() {
    const index = this.#number("pattern");
    return index ? this.argv[index] : null;
  }

  /** NR.WAIT's milliseconds. */
  get number() {
    return Number(this.#long("number"));
  }

  /** What NR.TRAIN asks. Limits of 0 are none. */
  get limits() {
    const [maxcycles, maxtime] = [this.#long("maxcycles"), this.#long("maxtime")];
    return { maxcycles, maxtime, autostop: this.#flag("autostop"), backtrack: this.#flag("backtrack") };
  }
}
