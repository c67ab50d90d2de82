/** The store in IndexedDB: networks rest in memory, where they answer at once, and a journal keeps what
 * changes. One page at a time may change something, which a Web Lock says. In all others what only reads
 * answers by what the first has written, and what changes something waits until that page is gone. */
import { TELLING } from "./core.js";
import { Disk } from "./disk.js";
import { NrError } from "./errors.js";
import { Journal } from "./journal.js";
import { Memory, nameOf } from "./memory.js";

const LATER = 100; // milliseconds in which what the other page writes is read once
const decoder = new TextDecoder();

export class Kept {
  #core;
  #disk;
  #journal;
  #lock;
  #memory;
  #pages; // where the page that writes tells the others what
  #unread = new Map(); // by their names, the keys of networks
  #writer; // resolves when this page may change something
  #isWriter = false;
  #closing = null;

  /** Opens the store of this name. `wait: false` throws where another page may change it. */
  static async open(name, core, trainer, memory, wait = true) {
    const store = new Kept();
    store.#lock = new Lock(name);
    store.#disk = await Disk.open(name);
    try {
      const held = await store.#lock.tried();
      if (!held && !wait) throw new NrError(`ERR indexeddb:${name} is open in another page, which may change it`);
      await store.#begin(name, core, trainer, memory, held);
      return store;
    } catch (error) {
      store.#lock.release();
      store.#disk.close();
      throw error;
    }
  }

  async #begin(name, core, trainer, memory, held) {
    this.#core = core;
    this.#journal = new Journal(this.#disk, (keys) => this.#pages.postMessage(keys));
    this.#memory = new Memory(core, trainer, memory, this.#journal);
    this.#journal.of(this.#memory);
    await this.#journal.load();
    this.#pages = new BroadcastChannel(`nr:${name}`);
    this.#pages.onmessage = ({ data }) => this.#hear(data);
    this.#isWriter = held;
    this.#writer = held ? Promise.resolve() : this.#turn();
    this.#writer.catch(() => {}); // who waits for it hears of it
  }

  /** Waits until the other page is gone, and takes its place. */
  async #turn() {
    await this.#lock.waited();
    await this.#journal.load();
    this.#isWriter = true;
  }

  #hear(keys) {
    if (this.#isWriter) return;
    if (!this.#unread.size) setTimeout(() => this.#read(), LATER);
    for (const key of keys) this.#unread.set(nameOf(key), key);
  }

  #read() {
    const keys = [...this.#unread.values()];
    this.#unread.clear();
    if (!this.#isWriter && !this.#closing) this.#journal.load(keys).catch(() => {}); // as it was, then
  }

  // ---- what a store has ----

  /** What only reads replies at once; of what changes something a promise, when that is on the disk. */
  execute(argv) {
    if (!this.#changes(argv)) return this.#memory.execute(argv);
    if (this.#closing) throw new NrError("ERR the connection is closed");
    if (this.#journal.broken) throw this.#journal.broken;
    if (!this.#isWriter) return this.#writer.then(() => this.execute(argv));
    if (this.#journal.waits) return this.#journal.ready().then(() => this.execute(argv));
    const reply = this.#memory.execute(argv);
    return this.#journal.written().then(() => reply);
  }

  #changes(argv) {
    const name = decoder.decode(argv[0]).toUpperCase();
    return this.#core.writing.has(name) && !(argv.length === 2 && TELLING.has(name));
  }

  run(name, row) {
    return this.#memory.run(name, row);
  }

  check(argv) {
    this.#memory.check(argv);
  }

  shape(key) {
    return this.#memory.shape(key);
  }

  has(key) {
    return this.#memory.has(key);
  }

  onProgress(key, listener) {
    return this.#memory.onProgress(key, listener);
  }

  /** What is beside the networks: who is followed, and what waits to be posted. */
  get shelf() {
    return this.#disk;
  }

  /** Resolves when this page may change something. */
  get writer() {
    return this.#writer;
  }

  /** Ends trainings, and lets another page change something when all is written. */
  close() {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end() {
    await this.#journal.written().catch(() => {}); // who waits for it hears of it
    this.#memory.close();
    this.#pages.close();
    this.#disk.close();
    this.#lock.release();
  }
}

/** What one page at a time has; the browser gives it to another when that page is gone. */
class Lock {
  #name;
  #release;
  #ended = new Promise((resolve) => (this.#release = resolve));
  #waiting = new AbortController();

  constructor(name) {
    this.#name = `nr:${name}`;
    if (!globalThis.navigator?.locks) {
      throw new NrError("ERR this engine has no Web Locks, without which two pages could write at once: they need https, or localhost");
    }
  }

  /** Whether it is held now. */
  tried() {
    return this.#asked({ ifAvailable: true });
  }

  waited() {
    return this.#asked({ signal: this.#waiting.signal });
  }

  #asked(options) {
    return new Promise((resolve, reject) => {
      const held = (lock) => (resolve(lock !== null), lock && this.#ended);
      navigator.locks.request(this.#name, options, held).catch(() => reject(new NrError("ERR the connection is closed")));
    });
  }

  release() {
    this.#release();
    this.#waiting.abort();
  }
}
